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
	Row int
	// From and To are the places between which it leads.
	From, To  int
	Promotion bool
	// Distance is by how many points the score is past the line.
	Distance float64
}

// Admission is the moves that caps admit. It is immutable.
type Admission struct {
	// admitted are the customers who move; full those who do not since the tier has no room.
	admitted, full map[string]bool
}

// Census counts what caps and the guard are about: customers with a tier, moves of the review period, and candidates for more. The order in which
// customers come does not matter.
type Census struct {
	policy      *Policy
	first, next int64
	customers   int64
	moved       [3]int64
	// in is how many customers each place has before any of the candidates moves.
	in         map[int]int64
	candidates []candidate
}

type candidate struct {
	Candidate
	id string
}

// compare orders candidates: the furthest past the line first, then by id.
func compare(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.Distance, a.Distance), cmp.Compare(a.id, b.id))
}

// NewCensus returns an empty one of a calendar day.
func (p *Policy) NewCensus(day int64) *Census {
	c := &Census{policy: p, in: make(map[int]int64)}
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
		c.in[int(tiers.Codes[row])]++
		if int64(since) < c.first || int64(since) >= c.next || since == 0 {
			continue
		}
		promotions, demotions, others := counts(after.Moves[row])
		c.moved[up] += int64(promotions)
		c.moved[down] += int64(demotions)
		c.moved[sideways] += int64(others)
	}
}

// Merge adds what another census of the same policy and day counted.
func (c *Census) Merge(other *Census) {
	c.customers += other.customers
	for place, n := range other.in {
		c.in[place] += n
	}
	for way, n := range other.moved {
		c.moved[way] += n
	}
	c.candidates = append(c.candidates, other.candidates...)
}

// Propose adds the candidates of a batch.
func (c *Census) Propose(ids []string, candidates []Candidate) {
	for _, one := range candidates {
		c.candidates = append(c.candidates, candidate{one, ids[one.Row]})
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

// Admit returns the moves that may happen: those that are furthest past their line, as many as are left in the period; among them no more promotions
// than a guard that stops them leaves, and none into a tier without room, unless another customer leaves it now. Nobody who stays behind could move
// if all were judged again after it.
func (c *Census) Admit() *Admission {
	slices.SortFunc(c.candidates, compare)
	w := &walk{
		census: c, admission: &Admission{admitted: make(map[string]bool), full: make(map[string]bool)}, moves: -1, promotions: -1, room: c.rooms(),
		waiting: make(map[int][]candidate),
	}
	if allowed := c.maxMoves(); allowed != nil {
		w.moves = max(0, *allowed-c.moved[up]-c.moved[down]-c.moved[sideways])
	}
	if allowed := c.maxPromotions(); allowed != nil && c.policy.rules.GetGuard().GetStop() {
		w.promotions = max(0, *allowed-c.moved[up])
	}
	for _, one := range c.candidates {
		w.judge(one)
	}
	return w.admission
}

// rooms returns how many customers more each tier has room for, of those whose room a guard keeps.
func (c *Census) rooms() map[int]int64 {
	left := make(map[int]int64)
	guard := c.policy.rules.GetGuard()
	if !guard.GetStop() {
		return left
	}
	for place, tier := range c.policy.tiers {
		for _, room := range guard.GetCapacity() {
			if room.GetTier() == tier.GetName() {
				left[place] = room.GetCustomers() - c.in[place]
			}
		}
	}
	return left
}

// walk goes through the candidates in their order. What is left of moves and promotions is -1 where there is no end.
type walk struct {
	census            *Census
	admission         *Admission
	moves, promotions int64
	// room is what is left of that of tiers, waiting are the promotions into each for which there was none, in their order.
	room    map[int]int64
	waiting map[int][]candidate
}

// judge admits a candidate, or lets it wait for room, or passes it over.
func (w *walk) judge(one candidate) {
	room, kept := w.room[one.To]
	switch {
	case w.moves == 0 || one.Promotion && w.promotions == 0:
		return
	case one.Promotion && kept && room <= 0:
		w.admission.full[one.id] = true
		w.waiting[one.To] = append(w.waiting[one.To], one)
		return
	}
	w.admission.admitted[one.id] = true
	delete(w.admission.full, one.id)
	if w.moves > 0 {
		w.moves--
	}
	if one.Promotion && w.promotions > 0 {
		w.promotions--
	}
	if kept {
		w.room[one.To]--
	}
	if _, kept := w.room[one.From]; kept {
		if w.room[one.From]++; w.room[one.From] > 0 {
			w.next(one.From)
		}
	}
}

// next judges the first again who waits for room in a tier.
func (w *walk) next(place int) {
	if queue := w.waiting[place]; len(queue) > 0 {
		w.waiting[place] = queue[1:]
		w.judge(queue[0])
	}
}

// Count returns the moves of the period.
func (c *Census) Count() *echelonv1.ReviewCount {
	return &echelonv1.ReviewCount{
		From: frame.FormatDate(c.first), To: frame.FormatDate(c.next - 1), Customers: c.customers,
		Promotions: c.moved[up], Demotions: c.moved[down], OtherMoves: c.moved[sideways],
		MaxMoves: c.maxMoves(), MaxPromotions: c.maxPromotions(),
	}
}
