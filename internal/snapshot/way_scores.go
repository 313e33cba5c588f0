package snapshot

import (
	"fmt"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Scores tells what became of the scores of the later model, and what each criterion and each cause did to them, as far as that is known. Nothing where
// one of both does not have the customer.
func (w *Way) Scores() ([]*echelonv1.ScoreDifference, error) {
	if w.from == nil || w.to == nil {
		return nil, nil
	}
	before, err := w.explained(w.causes.from, w.from, w.kept)
	if err != nil {
		return nil, err
	}
	now, err := w.explained(w.causes.to, w.to, w.known)
	if err != nil {
		return nil, err
	}
	if before == nil || now == nil {
		return w.bareScores(), nil
	}
	all := w.causes.to.program.ScoreDifferences(before, now)
	for _, one := range all {
		balance(one)
		one.Causes = w.points(one)
	}
	return all, nil
}

// balance lets the criterion that did the most make up for what kept values were rounded by, so that all of them add up to the difference.
func balance(score *echelonv1.ScoreDifference) {
	rest := score.GetTo() - score.GetFrom()
	for _, one := range score.GetCriteria() {
		rest -= one.GetPoints()
	}
	if len(score.GetCriteria()) > 0 && math.Abs(rest) > 1e-9 {
		score.GetCriteria()[0].Points += rest
	}
}

// bareScores tells of the scores what both have of them.
func (w *Way) bareScores() (all []*echelonv1.ScoreDifference) {
	for i, declared := range w.causes.to.program.Model().GetScores() {
		one := &echelonv1.ScoreDifference{Score: declared.GetName(), To: scoreIn(w.to.Result, i, w.to.Index)}
		if at := w.causes.from.score(declared.GetName()); at >= 0 {
			one.From = scoreIn(w.from.Result, at, w.from.Index)
		}
		one.Causes = w.points(one)
		all = append(all, one)
	}
	return all
}

// explained tells of the scores that a side has of the customer what each criterion brought: exactly where the customer is what it was, else by what the
// side kept; nil where neither is known.
func (w *Way) explained(s *side, row *Row, same bool) (*echelonv1.Explanation, error) {
	if w.trip == nil || !same {
		return row.Result.ExplainKept(row.Index), nil
	}
	customers, asOf := w.trip.before, w.trip.fromAt
	if s == w.causes.to {
		customers, asOf = w.trip.now, w.trip.toAt
	}
	one := frame.NewBitmap(customers.Len())
	one.Set(w.at, true)
	alone := customers.Select(one)
	options, err := s.options(alone, asOf)
	if err != nil {
		return nil, err
	}
	options.Explain = true
	return s.scorer.Evaluate(alone, options).Assignment(0).GetExplanation(), nil
}

// score returns the place of a score in the side's model; none where it has none of that name.
func (s *side) score(name string) int {
	return slices.IndexFunc(s.program.Model().GetScores(), func(t *echelonv1.Score) bool { return t.GetName() == name })
}

func scoreIn(r *engine.Result, score, row int) *float64 {
	if !r.Scores[score].Valid.Get(row) {
		return nil
	}
	value := r.Scores[score].Numbers[row]
	return &value
}

// points tells what each cause did to a score; nothing where the way is not known.
func (w *Way) points(score *echelonv1.ScoreDifference) []*echelonv1.CausePoints {
	c := w.causes
	at := c.from.score(score.GetScore())
	if w.trip == nil || !w.known {
		return nil
	}
	var causes []*echelonv1.CausePoints
	add := func(one *echelonv1.CausePoints) {
		if one.GetPoints() != 0 {
			causes = append(causes, one)
		}
	}
	from := 0.0
	if at >= 0 {
		if data := scoreIn(w.trip.data, at, w.at); data != nil {
			from = *data
		}
		first := &echelonv1.CausePoints{Cause: echelonv1.Move_TIME, Points: from - score.GetFrom()}
		if !w.kept {
			first.Cause = echelonv1.Move_DATA
			then := scoreIn(w.trip.then, at, w.at)
			first.WithTime = (then == nil) != (scoreIn(w.trip.data, at, w.at) == nil) || then != nil && *then != from
		}
		add(first)
	}
	if c.last != echelonv1.Move_UNSPECIFIED {
		add(&echelonv1.CausePoints{Cause: c.last, Points: score.GetTo() - from})
	}
	return causes
}

// scoreWords says what became of a score as a whole.
func scoreWords(d *echelonv1.ScoreDifference) string {
	said := func(x *float64) string {
		if x == nil {
			return "nothing"
		}
		return engine.Tenth(*x)
	}
	if said(d.From) == said(d.To) {
		return ""
	}
	return fmt.Sprintf("score %s %s → %s", d.GetScore(), said(d.From), said(d.To))
}

// Previous returns the assignment that the customer comes from; nil where there is none.
func (w *Way) Previous() *echelonv1.Assignment {
	if w.from == nil {
		return nil
	}
	a := w.causes.from.Assignment(*w.from)
	a.Stale = false // it is long past
	if a.Provenance == nil {
		a.Provenance = w.causes.from.Provenance()
	}
	return a
}

// Difference tells what differs: the scores of the later model, and the moves in tierings that both models have.
func (w *Way) Difference() (*echelonv1.Difference, error) {
	scores, err := w.Scores()
	if err != nil {
		return nil, err
	}
	d := &echelonv1.Difference{Scores: scores}
	for _, t := range w.causes.to.program.Model().GetTierings() {
		if w.causes.from.tiering(t.GetName()) < 0 {
			continue
		}
		if move := w.Journey(t.GetName()).Move(t.GetName(), w.Converts()); move != nil {
			d.Moves = append(d.Moves, move)
		}
	}
	return d, nil
}

// Notes says what could not be told, and why.
func (w *Way) Notes() (notes []string) {
	switch {
	case w.causes.retired:
		notes = append(notes, "an attribute that a model reads was retired since, so that causes cannot be told")
	case !w.known:
		notes = append(notes, "the customer was written again after it was evaluated, and what it was is not kept: causes cannot be told until the next run, or until it is written with assignment")
	}
	if !w.kept && w.from.Result.Criteria == nil || !w.known && w.to.Result.Criteria == nil {
		notes = append(notes, "what criteria were is not kept in snapshots of older versions: of a customer that was written since only the scores are known")
	}
	return notes
}
