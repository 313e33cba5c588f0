package family

import (
	"maps"
	"math"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Alone is the family of who is one by itself.
const Alone = -1

// Table is who belongs to which family, and what was found of each. Once made it is not changed, and may be used by several goroutines.
type Table struct {
	functions, tierings []string
	places              map[string]int32
	roots               []string
	sizes               []int64
	// values and readable are, by function and then by family, what was added up.
	values   [][]float64
	readable [][]bool
	// tiers are, by tiering and then by family, what the root decides: 0 nothing, 1 no tier, 2 the first.
	tiers [][]uint32
}

// NewTable returns a table without families, for functions and tierings of those names.
func NewTable(functions, tierings []string) *Table {
	return &Table{
		functions: functions, tierings: tierings, places: make(map[string]int32),
		values: make([][]float64, len(functions)), readable: make([][]bool, len(functions)), tiers: make([][]uint32, len(tierings)),
	}
}

// add adds a family of which nothing is known yet, and returns its number.
func (t *Table) add(root string, size int64) int32 {
	t.roots, t.sizes = append(t.roots, root), append(t.sizes, size)
	for i := range t.functions {
		t.values[i], t.readable[i] = append(t.values[i], 0), append(t.readable[i], false)
	}
	for i := range t.tierings {
		t.tiers[i] = append(t.tiers[i], 0)
	}
	return int32(len(t.roots) - 1)
}

// Families is how many there are.
func (t *Table) Families() int { return len(t.roots) }

// Of returns the family of a customer, or Alone. One that the table does not know joins the family of the parent that it names, if that is known.
func (t *Table) Of(id, parent string) int {
	if place, known := t.places[id]; known {
		return int(place)
	}
	if place, known := t.places[parent]; known && parent != id {
		return int(place)
	}
	return Alone
}

// Knows reports whether the table says where a customer belongs.
func (t *Table) Knows(id string) bool {
	_, known := t.places[id]
	return known
}

// Root returns the id of a family's root, Size how many customers it has.
func (t *Table) Root(family int) string { return t.roots[family] }

// Size returns how many customers a family has.
func (t *Table) Size(family int) int64 { return t.sizes[family] }

// Value returns what a function found of a family, and whether it found anything.
func (t *Table) Value(function, family int) (float64, bool) {
	return t.values[function][family], t.readable[function][family]
}

// Set says what a function found of a family. What is not finite is nothing.
func (t *Table) Set(function, family int, x float64) {
	if !math.IsInf(x, 0) && !math.IsNaN(x) {
		t.values[function][family], t.readable[function][family] = x, true
	}
}

// Decides reports whether the root of a family decides for it; it does once it has decided in some tiering.
func (t *Table) Decides(family int) bool { return len(t.tiers) > 0 && t.tiers[0][family] > 0 }

// Tier returns the place of the tier that the root has in a tiering, and whether it has one.
func (t *Table) Tier(tiering, family int) (uint32, bool) {
	code := t.tiers[tiering][family]
	if code < 2 {
		return 0, false
	}
	return code - 2, true
}

// Decide says that the root of a family decides for it, in every tiering: no tier, until SetTier says which.
func (t *Table) Decide(family int) {
	for _, tiers := range t.tiers {
		tiers[family] = max(1, tiers[family])
	}
}

// SetTier says which tier the root has in a tiering.
func (t *Table) SetTier(tiering, family int, place uint32) { t.tiers[tiering][family] = place + 2 }

// Take adds what another table of the same functions and tierings knows of a customer.
func (t *Table) Take(other *Table, id string) {
	from, known := other.places[id]
	if !known {
		return
	}
	if from == Alone {
		t.places[id] = Alone
		return
	}
	to := t.add(other.roots[from], other.sizes[from])
	for i := range t.functions {
		t.values[i][to], t.readable[i][to] = other.values[i][from], other.readable[i][from]
	}
	for i := range t.tierings {
		t.tiers[i][to] = other.tiers[i][from]
	}
	t.places[id] = to
}

// Proto returns the part of the table that is about these customers; about all where they are nil.
func (t *Table) Proto(ids []string) *echelonv1.FamilyTable {
	if ids == nil {
		ids = slices.Collect(maps.Keys(t.places))
	} else {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !t.Knows(id) })
	}
	slices.Sort(ids)
	kept := &echelonv1.FamilyTable{Customers: ids, Families: make([]uint32, len(ids))}
	number := make(map[int32]uint32)
	var families []int32
	for _, id := range ids {
		if place := t.places[id]; place != Alone && number[place] == 0 {
			families = append(families, place)
			number[place] = uint32(len(families))
		}
	}
	slices.SortFunc(families, func(a, b int32) int { return int(a) - int(b) }) // their roots ascend
	for i, place := range families {
		number[place] = uint32(i + 1)
		kept.Roots, kept.Sizes = append(kept.Roots, t.roots[place]), append(kept.Sizes, t.sizes[place])
	}
	for i, id := range ids {
		kept.Families[i] = number[t.places[id]]
	}
	for i, name := range t.functions {
		one := &echelonv1.FamilyValues{Function: name}
		for _, place := range families {
			one.Values, one.Readable = append(one.Values, t.values[i][place]), append(one.Readable, t.readable[i][place])
		}
		kept.Values = append(kept.Values, one)
	}
	for i, name := range t.tierings {
		one := &echelonv1.FamilyTiers{Tiering: name}
		for _, place := range families {
			one.Codes = append(one.Codes, t.tiers[i][place])
		}
		kept.Tiers = append(kept.Tiers, one)
	}
	return kept
}

// Read returns the table of a message, and whether it is whole and one of these functions and tierings, which have so many places each.
func Read(kept *echelonv1.FamilyTable, functions, tierings []string, places []int) (*Table, bool) {
	t := NewTable(functions, tierings)
	n := len(kept.GetRoots())
	if len(kept.GetFamilies()) != len(kept.GetCustomers()) || len(kept.GetSizes()) != n ||
		len(kept.GetValues()) != len(functions) || len(kept.GetTiers()) != len(tierings) {
		return nil, false
	}
	t.roots, t.sizes = kept.GetRoots(), kept.GetSizes()
	for i, id := range kept.GetCustomers() {
		if int64(kept.GetFamilies()[i]) > int64(n) {
			return nil, false
		}
		t.places[id] = int32(kept.GetFamilies()[i]) - 1
	}
	for i, one := range kept.GetValues() {
		if one.GetFunction() != functions[i] || len(one.GetValues()) != n || len(one.GetReadable()) != n || !finite(one.GetValues()) {
			return nil, false
		}
		t.values[i], t.readable[i] = one.GetValues(), one.GetReadable()
	}
	for i, one := range kept.GetTiers() {
		if one.GetTiering() != tierings[i] || len(one.GetCodes()) != n ||
			slices.ContainsFunc(one.GetCodes(), func(code uint32) bool { return int64(code) > int64(places[i])+1 }) {
			return nil, false
		}
		t.tiers[i] = one.GetCodes()
	}
	return t, true
}

// Parts returns what gives the part of a kept table that is about some customers, in the time that these take: the whole is read once, and not changed.
// One that is damaged stays as it is.
func Parts(kept *echelonv1.FamilyTable) (of func(ids []string) *echelonv1.FamilyTable) {
	var functions, tierings []string
	var places []int
	for _, one := range kept.GetValues() {
		functions = append(functions, one.GetFunction())
	}
	for _, one := range kept.GetTiers() {
		tierings, places = append(tierings, one.GetTiering()), append(places, math.MaxInt32)
	}
	if table, ok := Read(kept, functions, tierings, places); ok && kept != nil {
		return table.Proto
	}
	return func([]string) *echelonv1.FamilyTable { return kept }
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(x float64) bool { return math.IsInf(x, 0) || math.IsNaN(x) })
}
