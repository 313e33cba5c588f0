package family_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/family"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// reference finds roots as one would say it: up to the parent, and so on; who meets itself again is on a cycle.
type reference struct {
	parents map[string]string
}

func (r reference) parent(id string) string {
	parent := r.parents[id]
	if _, there := r.parents[parent]; !there || parent == id || r.cyclic(id) {
		return ""
	}
	return parent
}

func (r reference) cyclic(id string) bool {
	at := r.parents[id]
	for range r.parents {
		if _, there := r.parents[at]; !there {
			return false
		}
		if at == id {
			return r.parents[id] != id
		}
		at = r.parents[at]
	}
	return false
}

func (r reference) root(id string) string {
	if parent := r.parent(id); parent != "" {
		return r.root(parent)
	}
	return id
}

func drawLinks(t *rapid.T) map[string]string {
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-h]{1,2}`), 0, 12, rapid.ID[string]).Draw(t, "ids")
	parents := make(map[string]string, len(ids))
	for _, id := range ids {
		parents[id] = ""
		if rapid.IntRange(0, 4).Draw(t, "has a parent") > 0 {
			parents[id] = rapid.SampledFrom(append(ids, "not there")).Draw(t, "parent")
		}
	}
	return parents
}

func link(parents map[string]string, order []string, functions ...string) (*family.Table, family.Findings) {
	var links family.Links
	for _, id := range order {
		links.Add(id, parents[id])
	}
	return links.Table(functions, nil)
}

func keysOf(parents map[string]string) []string {
	var ids []string
	for id := range parents {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func TestFamiliesAreThoseOfTheUltimateParents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parents := drawLinks(t)
		order := rapid.Permutation(keysOf(parents)).Draw(t, "order")
		values := make(map[string]float64)
		for _, id := range order {
			if rapid.Bool().Draw(t, "has a value") {
				values[id] = rapid.SampledFrom([]float64{0.1, 0.2, 1e16, -1e16, 1, math.Copysign(0, -1), 0}).Draw(t, "value")
			}
		}
		table, found := link(parents, order, "max", "sum")
		var sums family.Sums
		for _, id := range order {
			if x, ok := values[id]; ok {
				at := table.Of(id, "")
				sums.Add(at, x)
				family.Max(table, 0, at, x)
			}
		}
		sums.Into(table, 1)

		r := reference{parents}
		members := make(map[string][]string)
		for _, id := range order {
			members[r.root(id)] = append(members[r.root(id)], id)
		}
		var missing, self, cyclic int64
		for id, parent := range parents {
			_, there := parents[parent]
			switch {
			case parent != "" && !there:
				missing++
			case parent == id && id != "":
				self++
			case r.cyclic(id):
				cyclic++
			}
			of := members[r.root(id)]
			at := table.Of(id, parent)
			if len(of) == 1 {
				if at != family.Alone {
					t.Fatalf("%s is in the family of %s, and should be alone", id, table.Root(at))
				}
				continue
			}
			if at == family.Alone || table.Root(at) != r.root(id) || table.Size(at) != int64(len(of)) {
				t.Fatalf("%s: family %d, want that of %s with %v", id, at, r.root(id), of)
			}
			checkValues(t, table, at, of, values)
		}
		if found.Missing.Count != missing || found.Self.Count != self || found.Cyclic.Count != cyclic {
			t.Fatalf("found %+v, want %d missing, %d self, %d cyclic", found, missing, self, cyclic)
		}
		again, foundAgain := link(parents, keysOf(parents))
		once, _ := link(parents, order)
		if diff := cmp.Diff(once.Proto(nil), again.Proto(nil), protocmp.Transform()); diff != "" || !cmp.Equal(found, foundAgain) {
			t.Fatalf("the order shows: %s\n%+v %+v", diff, found, foundAgain)
		}
	})
}

func checkValues(t *rapid.T, table *family.Table, at int, of []string, values map[string]float64) {
	t.Helper()
	exact, largest, any := new(big.Rat), math.Inf(-1), false
	for _, id := range of {
		if x, ok := values[id]; ok {
			exact.Add(exact, new(big.Rat).SetFloat64(x))
			largest, any = max(largest, x), true
		}
	}
	wantSum, _ := exact.Float64()
	gotMax, okMax := table.Value(0, at)
	gotSum, okSum := table.Value(1, at)
	if okMax != any || okSum != any || any && (gotSum != wantSum || gotMax != largest || math.Signbit(gotMax) && gotMax == 0) {
		t.Fatalf("sum %v %v, maximum %v %v of %v; want %v and %v", gotSum, okSum, gotMax, okMax, of, wantSum, largest)
	}
}

// TestHugeFamilies joins families of 100,000, however they hang together; a walk that recursed, or began anew from each customer, would not end.
func TestHugeFamilies(t *testing.T) {
	const n = 100_000
	random := rand.New(rand.NewPCG(1, 2))
	name := func(i int) string { return fmt.Sprintf("c%06d", i) }
	shapes := map[string]func(i int) int{
		"star":        func(int) int { return 0 },
		"chain":       func(i int) int { return i - 1 },
		"random tree": func(i int) int { return random.IntN(i) },
	}
	for shape, parent := range shapes {
		t.Run(shape, func(t *testing.T) {
			parents := map[string]string{name(0): ""}
			order := []string{name(0)}
			for i := 1; i < n; i++ {
				parents[name(i)] = name(parent(i))
				order = append(order, name(i))
			}
			random.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
			table, found := link(parents, order)
			if table.Families() != 1 || table.Root(0) != name(0) || table.Size(0) != n || found.Cyclic.Count+found.Missing.Count+found.Self.Count != 0 {
				t.Fatalf("%d families, the first of %s with %d, %+v", table.Families(), table.Root(0), table.Size(0), found)
			}
		})
	}
	t.Run("cycle", func(t *testing.T) {
		parents := make(map[string]string)
		var order []string
		for i := range n {
			parents[name(i)] = name((i + 1) % n)
			order = append(order, name(i))
		}
		table, found := link(parents, order)
		want := []family.Example{{ID: name(0), Parent: name(1)}, {ID: name(1), Parent: name(2)}, {ID: name(2), Parent: name(3)}}
		if table.Families() != 0 || found.Cyclic.Count != n || !slices.Equal(found.Cyclic.Examples, want) {
			t.Fatalf("%d families, %+v", table.Families(), found)
		}
	})
}

func TestWhoHangsOnACycleBelongsToTheOneThatItNames(t *testing.T) {
	table, _ := link(map[string]string{"x": "y", "y": "x", "z": "y", "new": ""}, []string{"x", "y", "z", "new"})
	if at := table.Of("z", "y"); at == family.Alone || table.Root(at) != "y" || table.Size(at) != 2 || table.Of("y", "x") != at {
		t.Errorf("the family of z: %d", at)
	}
	if at := table.Of("x", "y"); at != family.Alone {
		t.Errorf("x names y, and is one by itself; got %d", at)
	}
	if at := table.Of("later", "z"); at == family.Alone || table.Root(at) != "y" {
		t.Errorf("who comes later joins the family of its parent; got %d", at)
	}
	if at := table.Of("later", "x"); at != family.Alone {
		t.Errorf("who names one that is alone is alone; got %d", at)
	}
	if at := table.Of("new", "z"); at == family.Alone {
		t.Errorf("who was alone, and names a parent now, joins; got %d", at)
	}
}

// example is a table with something of everything.
func example() *family.Table {
	var links family.Links
	for id, parent := range map[string]string{"a": "", "b": "a", "c": "b", "x": "y", "y": "x", "r": "", "s": "r"} {
		links.Add(id, parent)
	}
	table, _ := links.Table([]string{"family_max(arr)", "family_sum(arr)"}, []string{"coverage"})
	table.Set(0, 0, 2.5)
	table.Set(1, 1, -1)
	table.Set(1, 0, math.Inf(1)) // is nothing
	table.Decide(0)
	table.SetTier(0, 0, 2)
	return table
}

func TestATableIsWrittenAndReadWholeAndInParts(t *testing.T) {
	functions, tierings, places := []string{"family_max(arr)", "family_sum(arr)"}, []string{"coverage"}, []int{3}
	table := example()
	whole := table.Proto(nil)
	again, ok := family.Read(whole, functions, tierings, places)
	if !ok {
		t.Fatal("it is not read")
	}
	if diff := cmp.Diff(whole, again.Proto(nil), protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	part, ok := family.Read(table.Proto([]string{"s", "nobody", "x"}), functions, tierings, places)
	if !ok {
		t.Fatal("a part of it is not read")
	}
	taken := family.NewTable(functions, tierings)
	for _, id := range []string{"s", "nobody", "x"} {
		taken.Take(part, id)
	}
	if at := taken.Of("s", "r"); at == family.Alone || taken.Root(at) != "r" || taken.Size(at) != 2 || taken.Decides(at) {
		t.Errorf("s: %d", at)
	} else if x, ok := taken.Value(1, at); x != -1 || !ok {
		t.Errorf("the sum of s is %v, %v", x, ok)
	}
	if taken.Knows("nobody") || !taken.Knows("x") || taken.Of("x", "s") != family.Alone {
		t.Error("the part holds another than it was made of")
	}
}

func TestDamagedTablesAreRefused(t *testing.T) {
	damage := map[string]func(*echelonv1.FamilyTable){
		"a customer without a family":  func(k *echelonv1.FamilyTable) { k.Families = k.Families[1:] },
		"a family that is not there":   func(k *echelonv1.FamilyTable) { k.Families[0] = 99 },
		"a size too few":               func(k *echelonv1.FamilyTable) { k.Sizes = k.Sizes[1:] },
		"a function too few":           func(k *echelonv1.FamilyTable) { k.Values = k.Values[1:] },
		"another function":             func(k *echelonv1.FamilyTable) { k.Values[0].Function = "family_sum(other)" },
		"a value too few":              func(k *echelonv1.FamilyTable) { k.Values[0].Values = nil },
		"a readability too few":        func(k *echelonv1.FamilyTable) { k.Values[0].Readable = nil },
		"a value that is infinite":     func(k *echelonv1.FamilyTable) { k.Values[0].Values[0] = math.Inf(-1) },
		"a value that is no number":    func(k *echelonv1.FamilyTable) { k.Values[0].Values[0] = math.NaN() },
		"another tiering":              func(k *echelonv1.FamilyTable) { k.Tiers[0].Tiering = "other" },
		"a tier that is not there":     func(k *echelonv1.FamilyTable) { k.Tiers[0].Codes[0] = 5 },
		"a tier of no place, wrapping": func(k *echelonv1.FamilyTable) { k.Tiers[0].Codes[0] = math.MaxUint32 },
		"no tiers":                     func(k *echelonv1.FamilyTable) { k.Tiers = nil },
	}
	for name, spoil := range damage {
		kept := proto.CloneOf(example().Proto(nil))
		spoil(kept)
		if _, ok := family.Read(kept, []string{"family_max(arr)", "family_sum(arr)"}, []string{"coverage"}, []int{3}); ok {
			t.Errorf("%s: it is read", name)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	const n = 100_000
	var links family.Links
	for i := range n {
		links.Add(strconv.Itoa(i), strconv.Itoa(i+1))
	}
	for b.Loop() {
		links.Table(nil, nil)
	}
}
