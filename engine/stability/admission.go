package stability

import (
	"cmp"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Candidate is a move that a cap has to judge.
type Candidate struct {
	Row       int
	Promotion bool
	// Distance is by how many points the score is past the line.
	Distance float64
}

// key is a candidate's place in the order of a cap: the furthest past the line first, then by id.
type key struct {
	distance float64
	id       string
}

func compare(a, b key) int {
	return cmp.Or(cmp.Compare(b.distance, a.distance), cmp.Compare(a.id, b.id))
}

// Admission is the moves that caps admit: all up to the last of each. It is immutable.
type Admission struct{ moves, promotions limit }

// limit is where a cap ends: open admits all, and else those up to the last; nobody where there is none.
type limit struct {
	open bool
	last *key
}

func (l limit) admits(k key) bool {
	return l.open || l.last != nil && compare(k, *l.last) <= 0
}

func (a *Admission) admits(id string, c Candidate) bool {
	k := key{c.Distance, id}
	return a.moves.admits(k) && (!c.Promotion || a.promotions.admits(k))
}

// Census counts what caps and the guard are about: customers with a tier, moves of the review period, and candidates for more. The order in which
// customers come does not matter.
type Census struct {
	policy      *Policy
	first, next int64
	customers   int64
	moved       [3]int64
	candidates  []candidate
}

type candidate struct {
	key
	promotion bool
}

// NewCensus returns an empty one of a calendar day.
func (p *Policy) NewCensus(day int64) *Census {
	c := &Census{policy: p}
	c.first, c.next = p.calendar.starts(day)
	return c
}

// Add counts the customers of a batch by the tiers in force, as far as overrides do not matter, and how they came to be there.
func (c *Census) Add(tiers *frame.Column, after *Standings) {
	for row, since := range after.Since {
		if !tiers.Valid.Get(row) {
			continue
		}
		c.customers++
		if int64(since) < c.first || int64(since) >= c.next || since == 0 {
			continue
		}
		promotions, demotions, others := counts(after.Moves[row])
		c.moved[up] += int64(promotions)
		c.moved[down] += int64(demotions)
		c.moved[sideways] += int64(others)
	}
}

// Propose adds the candidates of a batch.
func (c *Census) Propose(ids []string, candidates []Candidate) {
	for _, one := range candidates {
		c.candidates = append(c.candidates, candidate{key{one.Distance, ids[one.Row]}, one.Promotion})
	}
}

// maxMoves returns how many moves the cap allows in the period; nil where there is none.
func (c *Census) maxMoves() *int64 {
	declared := c.policy.rules.GetMaxMoves()
	if declared == nil {
		return nil
	}
	allowed := int64(-1)
	if declared.Count != nil {
		allowed = declared.GetCount()
	}
	if declared.Share != nil {
		if share := exact.FloorShare(declared.GetShare(), c.customers); allowed < 0 || share < allowed {
			allowed = share
		}
	}
	return &allowed
}

// maxPromotions returns how many promotions the guard allows in the period; nil where it has no such limit.
func (c *Census) maxPromotions() *int64 {
	guard := c.policy.rules.GetGuard()
	if guard == nil || guard.MaxPromotedShare == nil {
		return nil
	}
	allowed := exact.FloorShare(guard.GetMaxPromotedShare(), c.customers)
	return &allowed
}

// Admit returns the moves that may happen: of those that are furthest past their line as many as are left in the period, and among them no more
// promotions than a guard that stops them leaves.
func (c *Census) Admit() *Admission {
	slices.SortFunc(c.candidates, func(a, b candidate) int { return compare(a.key, b.key) })
	a := &Admission{moves: limit{open: true}, promotions: limit{open: true}}
	left := c.candidates
	if allowed := c.maxPromotions(); allowed != nil && c.policy.rules.GetGuard().GetStop() {
		a.promotions = limit{}
		room := *allowed - c.moved[up]
		left = slices.DeleteFunc(slices.Clone(left), func(one candidate) bool {
			if !one.promotion {
				return false
			}
			if room <= 0 {
				return true
			}
			room--
			a.promotions.last = &one.key
			return false
		})
	}
	if allowed := c.maxMoves(); allowed != nil {
		a.moves = limit{}
		if room := min(int64(len(left)), *allowed-c.moved[up]-c.moved[down]-c.moved[sideways]); room > 0 {
			a.moves.last = &left[room-1].key
		}
	}
	return a
}

// Count returns the moves of the period.
func (c *Census) Count() *echelonv1.ReviewCount {
	return &echelonv1.ReviewCount{
		From: frame.FormatDate(c.first), To: frame.FormatDate(c.next - 1), Customers: c.customers,
		Promotions: c.moved[up], Demotions: c.moved[down], OtherMoves: c.moved[sideways],
		MaxMoves: c.maxMoves(), MaxPromotions: c.maxPromotions(),
	}
}
