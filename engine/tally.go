package engine

import (
	"cmp"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Tally adds up results into the tables of a summary. Sums are exact: the order of the results does not matter.
type Tally struct {
	program  *Program
	tables   []table
	balance  echelonv1.Balance
	amountIn exact.Sum
	// excluded is the amount of the customers that the model is not about.
	excluded exact.Sum
	// roots is how many families there are.
	roots int64
	// census counts the moves of the review period; nil before the first result.
	census *Census
}

// table is a tiering's counts: one a tier, and the last for those without.
type table struct {
	customers []int64
	unscored  []int64
	// held are those who are in it while the cuts put them elsewhere, computed those whom the cuts alone put into it.
	held, computed []int64
	amounts        []exact.Sum
	// holds are how many something holds, by what does.
	holds map[echelonv1.Reason_Code]int64
}

// NewTally returns an empty one.
func NewTally(p *Program) *Tally {
	t := &Tally{program: p}
	for i := range p.tierings {
		n := len(p.TierNames(i)) + 1
		t.tables = append(t.tables, table{
			make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]exact.Sum, n), make(map[echelonv1.Reason_Code]int64),
		})
	}
	return t
}

// Refuse counts customers that could not be read.
func (t *Tally) Refuse(n int64) {
	t.balance.Customers += n
	t.balance.Refused += n
}

// Merge adds what another tally of the same program counted.
func (t *Tally) Merge(other *Tally) {
	t.balance.Customers += other.balance.GetCustomers()
	t.balance.Excluded += other.balance.GetExcluded()
	t.balance.Refused += other.balance.GetRefused()
	t.amountIn.Merge(&other.amountIn)
	t.excluded.Merge(&other.excluded)
	t.roots += other.roots
	for i := range t.tables {
		to, from := &t.tables[i], &other.tables[i]
		for place := range to.customers {
			to.customers[place] += from.customers[place]
			to.unscored[place] += from.unscored[place]
			to.held[place] += from.held[place]
			to.computed[place] += from.computed[place]
			to.amounts[place].Merge(&from.amounts[place])
		}
	}
}

// Add counts a result; its amounts too, where it has them.
func (t *Tally) Add(r *Result) {
	t.balance.Customers += int64(r.Len())
	if t.census == nil {
		t.census = t.program.NewCensus(r.Day)
	}
	t.census.count(r)
	t.roots += r.Roots
	for row := range r.IDs {
		amount := 0.0
		if r.Amounts != nil && r.Amounts.Valid.Get(row) {
			amount = r.Amounts.Numbers[row]
		}
		t.amountIn.Add(amount)
		if r.Excluded != nil && r.Excluded.Get(row) {
			t.balance.Excluded++
			t.excluded.Add(amount)
			continue
		}
		for i := range t.tables {
			t.count(i, r, row, amount)
		}
	}
}

func (t *Tally) count(i int, r *Result, row int, amount float64) {
	to, column := &t.tables[i], r.Tiers[i]
	place := len(to.customers) - 1
	if column.Valid.Get(row) {
		place = int(column.Codes[row])
	}
	to.customers[place]++
	if r.held(i, row) {
		to.held[place]++
		computed := len(to.customers) - 1
		if r.Computed[i].Valid.Get(row) {
			computed = int(r.Computed[i].Codes[row])
		}
		to.computed[computed]++
		to.holds[r.hold(i, row)]++
	} else {
		to.computed[place]++
	}
	to.amounts[place].Add(amount)
	if r.Own != nil && r.Own[i] != nil && r.Own[i][row] > 0 {
		return // who inherits did not come here for want of a score
	}
	if from := t.program.tierings[i]; from.ladder != nil && !from.ladder.Onboards(place) && !r.climbs(from, row) {
		to.unscored[place]++
	}
}

// Summary returns the tables. Rows of the balance are those of the tiering that drives coverage, or else of the first; where there is no
// tiering nobody is tiered.
func (t *Tally) Summary() *echelonv1.Summary {
	balance := &echelonv1.Balance{
		Customers: t.balance.GetCustomers(), Excluded: t.balance.GetExcluded(), Refused: t.balance.GetRefused(),
		AmountIn: t.amountIn.Float64(), ExcludedAmount: t.excluded.Float64(),
	}
	summary := &echelonv1.Summary{Balance: balance, Families: t.roots}
	driving := t.program.Driving()
	if driving < 0 {
		balance.Unscored = balance.GetCustomers() - balance.GetExcluded() - balance.GetRefused()
		balance.AmountOut = balance.GetAmountIn()
	}
	for i := range t.tables {
		made := t.table(i)
		summary.Tierings = append(summary.Tierings, made)
		if i == driving {
			out := t.excluded
			for place := range t.tables[i].amounts {
				out.Merge(&t.tables[i].amounts[place])
			}
			balance.AmountOut, balance.Unscored = out.Float64(), made.GetUnscored()
			for _, tier := range made.GetTiers() {
				balance.Tiered += tier.GetCustomers()
			}
		}
	}
	return summary
}

func (t *Tally) table(i int) *echelonv1.TierTable {
	from := &t.tables[i]
	last := len(from.customers) - 1
	made := &echelonv1.TierTable{
		Tiering: t.program.tierings[i].name, Unscored: from.customers[last], UnscoredAmount: from.amounts[last].Float64(),
	}
	for place, name := range t.program.TierNames(i) {
		row := &echelonv1.TierCount{
			Tier: name, Customers: from.customers[place], Amount: from.amounts[place].Float64(), Unscored: from.unscored[place], Held: from.held[place],
		}
		if t.program.LooksBack(i) || len(from.holds) > 0 {
			row.Computed = &from.computed[place]
		}
		made.Tiers = append(made.Tiers, row)
	}
	for hold, customers := range from.holds {
		made.Holds = append(made.Holds, &echelonv1.HoldCount{Hold: hold, Customers: customers})
	}
	slices.SortFunc(made.Holds, func(a, b *echelonv1.HoldCount) int {
		return cmp.Or(cmp.Compare(b.GetCustomers(), a.GetCustomers()), cmp.Compare(a.GetHold(), b.GetHold()))
	})
	if t.census != nil && t.census.tierings[i] != nil {
		made.Review = t.census.tierings[i].Count()
		for _, room := range t.program.model.GetTierings()[i].GetStability().GetGuard().GetCapacity() {
			used := &echelonv1.RoomCount{Tier: room.GetTier(), Room: room.GetCustomers()}
			if place := slices.Index(t.program.TierNames(i), room.GetTier()); place >= 0 {
				used.Customers = from.customers[place]
			}
			made.Review.Capacity = append(made.Review.Capacity, used)
		}
	}
	return made
}
