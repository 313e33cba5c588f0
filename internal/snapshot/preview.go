package snapshot

import (
	"cmp"
	"context"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// previewChunk is how many movers are told at a time.
	previewChunk = 4096
	// maxGroups is how many groups a preview has, countedGroups how many are counted: more are others.
	maxGroups     = 1000
	countedGroups = 100_000
)

// Preview adds up movers, ascending by id, and keeps those with the largest amounts.
type Preview struct {
	causes  *Causes
	tiering string
	most    int

	chunk []*echelonv1.Mover
	after string
	// largest and demotions are kept in order, and cut now and then.
	largest, demotions []*echelonv1.Mover
	// all is all movers, and amounts are exact sums of their amounts by cause.
	all     *tally
	amounts map[echelonv1.Move_Cause]*exact.Sum
	groups  map[string]*tally
	others  *tally
}

// tally is some movers. Its amounts are added in the order of ids.
type tally struct {
	customers, promoted, demoted, uncertain int64
	amount, up, down                        float64
	causes                                  map[echelonv1.Move_Cause]*tally
}

// NewPreview begins a preview with so many movers in each list.
func NewPreview(c *Causes, tiering string, most int) *Preview {
	return &Preview{
		causes: c, tiering: tiering, most: most, all: newTally(), amounts: make(map[echelonv1.Move_Cause]*exact.Sum), groups: make(map[string]*tally), others: newTally(),
	}
}

func newTally() *tally { return &tally{causes: make(map[echelonv1.Move_Cause]*tally)} }

// Take takes the next mover.
func (p *Preview) Take(ctx context.Context, mover *echelonv1.Mover) error {
	if p.chunk = append(p.chunk, mover); len(p.chunk) < previewChunk {
		return nil
	}
	return p.flush(ctx)
}

func (p *Preview) flush(ctx context.Context) error {
	if len(p.chunk) == 0 {
		return nil
	}
	if err := p.causes.Tell(ctx, p.after, p.tiering, p.chunk); err != nil {
		return err
	}
	for _, mover := range p.chunk {
		p.add(mover)
		if p.causes.group != none {
			p.group(mover.GetGroup()).add(mover)
		}
		p.largest = append(p.largest, mover)
		if mover.GetDirection() == echelonv1.Mover_DEMOTED {
			p.demotions = append(p.demotions, mover)
		}
	}
	p.largest, p.demotions = p.cut(p.largest), p.cut(p.demotions)
	p.after, p.chunk = p.chunk[len(p.chunk)-1].GetCustomerId(), p.chunk[:0]
	return nil
}

// add counts a mover.
func (p *Preview) add(mover *echelonv1.Mover) {
	p.all.add(mover)
	if p.amounts[mover.GetCause()] == nil {
		p.amounts[mover.GetCause()] = new(exact.Sum)
	}
	p.amounts[mover.GetCause()].Add(mover.GetAmount())
}

// amount returns the amount of all movers, and writes that of each cause.
func (p *Preview) amount(causes []*echelonv1.CauseCount) float64 {
	var all exact.Sum
	for _, one := range causes {
		one.Amount = p.amounts[one.GetCause()].Float64()
		all.Merge(p.amounts[one.GetCause()])
	}
	return all.Float64()
}

// cut returns those of a list with the largest amounts, the largest first; of equal ones by id.
func (p *Preview) cut(list []*echelonv1.Mover) []*echelonv1.Mover {
	slices.SortFunc(list, func(a, b *echelonv1.Mover) int {
		return cmp.Or(cmp.Compare(b.GetAmount(), a.GetAmount()), cmp.Compare(a.GetCustomerId(), b.GetCustomerId()))
	})
	if len(list) > p.most {
		clear(list[p.most:]) // let go of the others
		list = list[:p.most]
	}
	return list
}

func (p *Preview) group(name string) *tally {
	group := p.groups[name]
	if group == nil {
		if len(p.groups) == countedGroups {
			return p.others
		}
		group = newTally()
		p.groups[name] = group
	}
	return group
}

func (t *tally) add(mover *echelonv1.Mover) {
	t.count(mover)
	one := t.causes[mover.GetCause()]
	if one == nil {
		one = &tally{}
		t.causes[mover.GetCause()] = one
	}
	one.count(mover)
}

func (t *tally) count(mover *echelonv1.Mover) {
	t.customers++
	t.amount += mover.GetAmount()
	switch mover.GetDirection() {
	case echelonv1.Mover_PROMOTED:
		t.promoted++
		t.up += mover.GetAmount()
	case echelonv1.Mover_DEMOTED:
		t.demoted++
		t.down += mover.GetAmount()
	}
	if mover.GetCauseUncertain() {
		t.uncertain++
	}
}

// counts returns the causes, the most first.
func (t *tally) counts() (all []*echelonv1.CauseCount) {
	for cause, one := range t.causes {
		all = append(all, &echelonv1.CauseCount{
			Cause: cause, Customers: one.customers, Promoted: one.promoted, Demoted: one.demoted, Amount: one.amount, Uncertain: one.uncertain,
		})
	}
	slices.SortFunc(all, func(a, b *echelonv1.CauseCount) int {
		return cmp.Or(cmp.Compare(b.GetCustomers(), a.GetCustomers()), cmp.Compare(a.GetCause(), b.GetCause()))
	})
	return all
}

// Write writes what was taken into a response.
func (p *Preview) Write(ctx context.Context, to *echelonv1.PreviewRunResponse) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	told := make(map[*echelonv1.Mover]bool)
	for _, list := range [][]*echelonv1.Mover{p.largest, p.demotions} {
		for _, mover := range list {
			told[mover] = true
		}
	}
	var leading []*echelonv1.Mover
	for mover := range told {
		leading = append(leading, mover)
	}
	slices.SortFunc(leading, func(a, b *echelonv1.Mover) int { return cmp.Compare(a.GetCustomerId(), b.GetCustomerId()) })
	if err := p.causes.Lead(ctx, p.tiering, leading); err != nil {
		return err
	}
	to.Movers, to.Causes = p.all.customers, p.all.counts()
	to.Amount = p.amount(to.Causes)
	to.Largest, to.Demotions, to.Groups = p.largest, p.demotions, p.grouped()
	return nil
}

// grouped returns the groups, the largest amount first, and last all that are too many together.
func (p *Preview) grouped() (all []*echelonv1.MoverGroup) {
	type named struct {
		name string
		*tally
	}
	var list []named
	for name, t := range p.groups {
		list = append(list, named{name, t})
	}
	slices.SortFunc(list, func(a, b named) int { return cmp.Or(cmp.Compare(b.amount, a.amount), cmp.Compare(a.name, b.name)) })
	for i, one := range list {
		if i >= maxGroups {
			p.others.merge(one.tally)
			continue
		}
		all = append(all, one.proto(one.name))
	}
	if p.others.customers > 0 {
		rest := p.others.proto("")
		rest.Others = true
		all = append(all, rest)
	}
	return all
}

func (t *tally) proto(name string) *echelonv1.MoverGroup {
	return &echelonv1.MoverGroup{
		Group: name, Customers: t.customers, Promoted: t.promoted, Demoted: t.demoted, Amount: t.amount,
		PromotedAmount: t.up, DemotedAmount: t.down, Causes: t.counts(),
	}
}

// merge adds others.
func (t *tally) merge(other *tally) {
	t.customers, t.promoted, t.demoted, t.uncertain = t.customers+other.customers, t.promoted+other.promoted, t.demoted+other.demoted, t.uncertain+other.uncertain
	t.amount, t.up, t.down = t.amount+other.amount, t.up+other.up, t.down+other.down
	for cause, one := range other.causes {
		if t.causes[cause] == nil {
			t.causes[cause] = &tally{}
		}
		t.causes[cause].merge(one)
	}
}
