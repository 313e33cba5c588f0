package review

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ground is why an outcome ought to be looked at, before it is words.
type ground struct {
	kind echelonv1.ReviewReason_Kind
	// brink is of BORDERLINE; score and completeness of LOW_COMPLETENESS.
	brink        engine.Brink
	score        int
	completeness float64
	// from and to are the tiers of a move, and apart how far it goes.
	from, to string
	apart    int
	demoted  bool
}

// customer is what is known of one.
type customer struct {
	row snapshot.Row
	// before is the row that moves are from; nil where there is none.
	before    *snapshot.Row
	overrides []*echelonv1.Override
	// top tells whether the customer is one of the largest.
	top bool
}

// excluded reports whether the model is not about a row.
func excluded(row *snapshot.Row) bool {
	return row.Result.Excluded != nil && row.Result.Excluded.Get(row.Index)
}

// grounds appends why an item of a customer ought to be looked at. What is pinned ought to be for the sake of its override alone.
func (q *Queue) grounds(found []ground, c *customer, it *item) []ground {
	if pinned := c.pinned(it, q.now); pinned != nil {
		return q.ofOverride(found, c, it, pinned)
	}
	if it.tiering == none || excluded(&c.row) {
		return found
	}
	if !c.row.Result.Inherits(it.tiering, c.row.Index) {
		found = q.ofScores(found, c, it)
	}
	return q.ofMove(found, c, it)
}

// pinned returns the override of an item that is in force; nil where there is none.
func (c *customer) pinned(it *item, now time.Time) *echelonv1.Override {
	for _, o := range c.overrides {
		if o.GetItem() == it.name && !snapshot.Expired(o, now) {
			return o
		}
	}
	return nil
}

func (q *Queue) ofScores(found []ground, c *customer, it *item) []ground {
	r, row := c.row.Result, c.row.Index
	computed := r.ComputedTiers(it.tiering)
	if computed.Valid.Get(row) && q.reader.Program().Onboards(it.tiering, int(computed.Codes[row])) {
		return found
	}
	scored := computed.Valid.Get(row)
	for _, score := range it.scores {
		if !r.Scores[score].Valid.Get(row) {
			scored = false
		} else if completeness := r.Completeness[score][row]; completeness < q.limits.Completeness {
			found = append(found, ground{kind: echelonv1.ReviewReason_LOW_COMPLETENESS, score: score, completeness: completeness})
		}
	}
	if !scored {
		return append(found, ground{kind: echelonv1.ReviewReason_UNSCORED})
	}
	if q.limits.Borderline == 0 {
		return found
	}
	if brink, ok := q.scorer.Brink(r, it.tiering, row); ok && math.Abs(brink.Value-brink.Line) <= q.limits.Borderline {
		found = append(found, ground{kind: echelonv1.ReviewReason_BORDERLINE, brink: brink})
	}
	return found
}

func (q *Queue) ofMove(found []ground, c *customer, it *item) []ground {
	g, ok := c.moved(it)
	if !ok {
		return found
	}
	if g.apart >= q.limits.LargeMove {
		large := g
		large.kind = echelonv1.ReviewReason_LARGE_MOVE
		found = append(found, large)
	}
	if g.demoted && c.top {
		g.kind = echelonv1.ReviewReason_TOP_DEMOTED
		found = append(found, g)
	}
	return found
}

// moved returns the move of a customer between tiers in force, and whether there is one.
func (c *customer) moved(it *item) (ground, bool) {
	if it.tiering == none || it.from == none || c.before == nil || excluded(c.before) || excluded(&c.row) {
		return ground{}, false
	}
	was, is := c.before.Result.Tiers[it.from], c.row.Result.Tiers[it.tiering]
	if !was.Valid.Get(c.before.Index) || !is.Valid.Get(c.row.Index) {
		return ground{}, false
	}
	m := it.moves[was.Codes[c.before.Index]][is.Codes[c.row.Index]]
	if m.apart == 0 {
		return ground{}, false
	}
	return ground{from: was.String(c.before.Index), to: is.String(c.row.Index), apart: m.apart, demoted: m.demoted}, true
}

func (q *Queue) ofOverride(found []ground, c *customer, it *item, o *echelonv1.Override) []ground {
	pinned := o.GetPinned()
	computed, deliberate := it.computed(c), same(o.ComputedWhenSet, &pinned) || same(o.ComputedInReview, &pinned)
	switch {
	case same(computed, &pinned):
		if !deliberate { // else it was pinned where it was, so that it stays
			found = append(found, ground{kind: echelonv1.ReviewReason_OVERRIDE_NEEDLESS})
		}
	case Stale(o, computed):
		found = append(found, ground{kind: echelonv1.ReviewReason_OVERRIDE_STALE})
	}
	if until := o.GetExpireTime(); until != nil && q.limits.Expiring > 0 && until.AsTime().Before(q.now.Add(q.limits.Expiring)) {
		found = append(found, ground{kind: echelonv1.ReviewReason_OVERRIDE_EXPIRING})
	}
	return found
}

// computed returns what is computed of an item for a customer; nil where that is nothing.
func (it *item) computed(c *customer) *string {
	if excluded(&c.row) {
		return nil
	}
	return snapshot.Computed(c.row.Result, it.place, c.row.Index)
}

// inForce returns what is in force of an item for a customer; nil where that is nothing.
func (it *item) inForce(c *customer) *string {
	if excluded(&c.row) {
		return nil
	}
	return snapshot.InForce(c.row.Result, it.place, c.row.Index)
}

// matter tells what a ground is about from whatever else the same reason could be about, beside what is computed.
func (q *Queue) matter(g *ground, o *echelonv1.Override) string {
	switch g.kind {
	case echelonv1.ReviewReason_BORDERLINE:
		return g.brink.Of
	case echelonv1.ReviewReason_LOW_COMPLETENESS:
		return fmt.Sprintf("%s %.3f", q.scoreName(g.score), g.completeness)
	case echelonv1.ReviewReason_LARGE_MOVE, echelonv1.ReviewReason_TOP_DEMOTED:
		return fmt.Sprintf("%s > %s in %s", g.from, g.to, q.reader.Run().GetId())
	case echelonv1.ReviewReason_UNSCORED:
		return ""
	}
	return o.GetEtag()
}

// words says a ground.
func (q *Queue) words(g *ground, it *item, c *customer) string {
	o := c.pinned(it, q.now)
	switch g.kind {
	case echelonv1.ReviewReason_BORDERLINE:
		return q.brinkWords(&g.brink, it)
	case echelonv1.ReviewReason_LOW_COMPLETENESS:
		return fmt.Sprintf("scores.%s was computed from %s %% of its weight", q.scoreName(g.score), figure(100*g.completeness))
	case echelonv1.ReviewReason_UNSCORED:
		if tier := it.computed(c); tier != nil {
			return "it has no score, and is in " + *tier + " for want of one"
		}
		return "it has no tier"
	case echelonv1.ReviewReason_LARGE_MOVE:
		return fmt.Sprintf("it moved over %d tiers, from %s to %s", g.apart, g.from, g.to)
	case echelonv1.ReviewReason_TOP_DEMOTED:
		return fmt.Sprintf("it is one of the %d customers with the largest %s, and fell from %s to %s", q.limits.Top, q.Amount(), g.from, g.to)
	case echelonv1.ReviewReason_OVERRIDE_STALE:
		return fmt.Sprintf("%s was computed when %s pinned %s, and now %s is", o.GetComputedWhenSet(), o.GetActor(), o.GetPinned(), orNothing(it.computed(c)))
	case echelonv1.ReviewReason_OVERRIDE_EXPIRING:
		return fmt.Sprintf("%s, pinned by %s, ends at %s", o.GetPinned(), o.GetActor(), o.GetExpireTime().AsTime().UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("%s, pinned by %s, is computed now too, so that the override changes nothing", o.GetPinned(), o.GetActor())
}

func (q *Queue) brinkWords(b *engine.Brink, it *item) string {
	line := "the line of " + b.Of
	if q.reader.Program().Model().GetTierings()[it.tiering].GetMatrix() != nil {
		line = "line " + b.Of
	}
	if b.Value == b.Line {
		return fmt.Sprintf("scores.%s %s stands on %s", q.scoreName(b.Score), figure(b.Value), line)
	}
	side := "above"
	if b.Value < b.Line {
		side = "below"
	}
	away := figure(math.Abs(b.Value-b.Line)) + " points"
	if away == "1 points" {
		away = "1 point"
	}
	return fmt.Sprintf("scores.%s %s is %s %s %s at %s", q.scoreName(b.Score), figure(b.Value), away, side, line, figure(b.Line))
}

func (q *Queue) scoreName(place int) string {
	return q.reader.Program().Model().GetScores()[place].GetName()
}

// figure writes a number with two digits after the point at most.
func figure(value float64) string {
	return strconv.FormatFloat(math.Round(value*100)/100, 'f', -1, 64)
}

func orNothing(name *string) string {
	if name == nil {
		return "nothing"
	}
	return *name
}
