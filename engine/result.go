package engine

import (
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Result is the outcomes of a batch of customers, in columns. It is not changed once made.
type Result struct {
	// Program is what made it.
	Program *Program
	// IDs are the customers' ids.
	IDs []string
	// Excluded is the set of customers that the model is not about, which have no outcomes; nil where it is about all of them.
	Excluded frame.Bitmap
	// Segments has a column of texts for each segmentation, ComputedSegments that of the segments which the rules give; nil where they are the same.
	Segments, ComputedSegments []*frame.Column
	// Scores has a column of numbers for each score, 0 to 100; not valid where it is null.
	Scores []*frame.Column
	// Completeness has, for each score, the share of weight, 0 to 1, that was read of each customer.
	Completeness [][]float64
	// Tiers has a column of texts, tiers in force or personas, for each tiering.
	Tiers []*frame.Column
	// Computed has, for each tiering, the column of the tiers that the cuts alone give; nil where they are those in force.
	Computed []*frame.Column
	// Settled has, for each tiering, the column of the tiers that would be in force without overrides; nil where they are those in force.
	Settled []*frame.Column
	// Standings has, for each tiering, how customers came to be in those tiers, and what holds them there; nil where nothing does.
	Standings []*stability.Standings
	// Day is the calendar day as of which it was made, in days since 1970-01-01; 0 where that is not known.
	Day int64
	// Own has, for each tiering that decides per family, what customers compute by themselves who inherit the tier of another: 0 for those who do
	// not, 1 for nothing, or 2 and the place among the tiering's names. Nil for a tiering in which each decides for itself.
	Own [][]uint32
	// Roots is how many of the customers are the root of their family, those who are alone among them; 0 where the model has no families.
	Roots int64
	// Reps has, for each role, who is pinned as the rep of each customer, empty where nobody is; empty for a role in which nobody of the batch has one,
	// and for all of them where there are none.
	Reps [][]string
	// Reasons are the reasons of each customer; empty where they were not asked for.
	Reasons *reason.List
	// Criteria has, for each criterion of each score, the normalised value of each customer, rounded to fit two bytes; nil where it was not asked for.
	Criteria [][]byte
	// Amounts is the model's amount of each customer; nil where it was not asked for or the model has none.
	Amounts *frame.Column

	evaluation *evaluation
	// paths finds the ways to better tiers of a customer; nil where they were not asked for.
	paths func(row int) []*echelonv1.TierPath
	// candidates are, for each tiering, the moves that caps have to judge.
	candidates [][]stability.Candidate
	families   *family.Table
}

// Families returns what the evaluation knew of the families of its customers; nil where the model has none.
func (r *Result) Families() *echelonv1.FamilyTable {
	if r.families == nil {
		return nil
	}
	return r.families.Proto(r.IDs)
}

// Len returns the number of customers.
func (r *Result) Len() int { return len(r.IDs) }

// Assignment returns row i as it goes over the wire, with its explanation where that was asked for. Its provenance is the caller's to add.
func (r *Result) Assignment(i int) *echelonv1.Assignment {
	a := &echelonv1.Assignment{
		CustomerId: r.IDs[i],
		Segments:   make([]*echelonv1.SegmentOutcome, len(r.Segments)),
		Scores:     make([]*echelonv1.ScoreOutcome, len(r.Scores)),
		Tiers:      make([]*echelonv1.TierOutcome, len(r.Tiers)),
		Reasons:    r.Reasons.Of(i),
		Excluded:   r.Excluded != nil && r.Excluded.Get(i),
	}
	for k := range r.Segments {
		a.Segments[k] = r.segment(k, i)
	}
	for k := range r.Scores {
		a.Scores[k] = r.score(k, i)
	}
	for k := range r.Tiers {
		a.Tiers[k] = r.tier(k, i)
	}
	a.Reps = r.reps(i)
	if r.evaluation != nil {
		a.Explanation = r.evaluation.explain(i)
	}
	if r.paths != nil {
		a.Explanation.Paths = r.paths(i)
	}
	return a
}

// reps returns the reps of a row.
func (r *Result) reps(i int) (list []*echelonv1.RepOutcome) {
	for role, column := range r.Reps {
		if len(column) > 0 && column[i] != "" {
			list = append(list, &echelonv1.RepOutcome{Role: r.Program.roles[role], Rep: column[i]})
		}
	}
	return list
}

// setReps sets the reps of a row.
func (r *Result) setReps(row, rows int, a *echelonv1.Assignment) error {
	for _, rep := range a.GetReps() {
		role := slices.Index(r.Program.roles, rep.GetRole())
		if role < 0 {
			return fmt.Errorf("the assignment of customer %q has a rep in the role %q, which is none of this model", a.GetCustomerId(), rep.GetRole())
		}
		if r.Reps == nil {
			r.Reps = make([][]string, len(r.Program.roles))
		}
		if r.Reps[role] == nil {
			r.Reps[role] = make([]string, rows)
		}
		r.Reps[role][row] = rep.GetRep()
	}
	return nil
}

func (r *Result) segment(k, i int) *echelonv1.SegmentOutcome {
	s := &echelonv1.SegmentOutcome{Segmentation: r.Program.model.GetSegmentations()[k].GetName(), Segment: text(r.Segments[k], i)}
	if computed := r.computedSegments(k); computed != nil && differ(computed, r.Segments[k], i) {
		s.ComputedSegment = orEmpty(text(computed, i))
	}
	return s
}

func (r *Result) score(k, i int) *echelonv1.ScoreOutcome {
	s := &echelonv1.ScoreOutcome{Score: r.Program.model.GetScores()[k].GetName(), Completeness: r.Completeness[k][i]}
	if r.Scores[k].Valid.Get(i) {
		value := r.Scores[k].Numbers[i]
		s.Value = &value
	}
	return s
}

func (r *Result) tier(k, i int) *echelonv1.TierOutcome {
	of, column := r.Program.tierings[k], r.Tiers[k]
	t := &echelonv1.TierOutcome{Tiering: of.name, Tier: text(column, i)}
	if column.Valid.Get(i) {
		t.Engagement = of.engagements[column.Codes[i]]
		if of.levels != nil {
			t.Level = of.levels[column.Codes[i]]
		}
		if r.held(k, i) {
			t.ComputedTier = orEmpty(text(r.Computed[k], i))
		}
	}
	r.standing(k, i, t)
	if own := r.ownOf(k, i); own > 0 {
		t.Inherited = true
		if own > 1 {
			t.OwnTier = &r.Program.TierNames(k)[own-2]
		}
	}
	return t
}

// ownOf returns what Own has of a row: 0 where nobody inherits in the tiering.
func (r *Result) ownOf(tiering, i int) uint32 {
	if tiering >= len(r.Own) || r.Own[tiering] == nil {
		return 0
	}
	return r.Own[tiering][i]
}

// held reports whether a customer's tier in force is not the computed one.
func (r *Result) held(tiering, i int) bool {
	return r.Computed[tiering] != nil && differ(r.Computed[tiering], r.Tiers[tiering], i)
}

// differ reports whether two columns of one dictionary have different texts in a row, or only one of them has any.
func differ(a, b *frame.Column, i int) bool {
	return a.Valid.Get(i) != b.Valid.Get(i) || a.Valid.Get(i) && a.Codes[i] != b.Codes[i]
}

// orEmpty returns an empty text in place of none.
func orEmpty(text *string) *string {
	if text == nil {
		return new(string)
	}
	return text
}

// climbs reports whether a ladder's cuts are about a customer: whether it has a score and, where they are drawn within segments, a segment.
func (r *Result) climbs(t *tiering, i int) bool {
	return r.Scores[t.scores[0]].Valid.Get(i) && (t.by < 0 || r.Segments[t.by].Valid.Get(i))
}

func text(column *frame.Column, i int) *string {
	if !column.Valid.Get(i) {
		return nil
	}
	// The dictionary's own entry: assignments of a batch share their texts.
	return &column.Dict[column.Codes[i]]
}

// ResultOf puts assignments that a program made, here or elsewhere, back into columns; without reasons. It fails where an assignment is not of
// this program.
func (p *Program) ResultOf(assignments []*echelonv1.Assignment) (*Result, error) {
	n := len(assignments)
	var reasons *reason.Table
	r := &Result{Program: p, Reasons: reasons.List(n)}
	for i := range p.segmentations {
		r.Segments = append(r.Segments, nameColumn(n, p.SegmentNames(i)))
	}
	for range p.scores {
		r.Scores = append(r.Scores, &frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: frame.NewBitmap(n), Numbers: make([]float64, n)})
		r.Completeness = append(r.Completeness, make([]float64, n))
	}
	r.Computed, r.Settled = make([]*frame.Column, len(p.tierings)), make([]*frame.Column, len(p.tierings))
	r.Standings = make([]*stability.Standings, len(p.tierings))
	for i := range p.tierings {
		r.Tiers = append(r.Tiers, nameColumn(n, p.TierNames(i)))
		if p.LooksBack(i) {
			r.Computed[i] = nameColumn(n, p.TierNames(i))
		}
		if p.HasStandings(i) {
			r.Standings[i] = stability.NewStandings(n)
		}
		r.Own = append(r.Own, nil)
		if p.perFamily(i) >= 0 {
			r.Own[i] = make([]uint32, n)
		}
	}
	for row, a := range assignments {
		r.IDs = append(r.IDs, a.GetCustomerId())
		if a.GetExcluded() {
			if r.Excluded == nil {
				r.Excluded = frame.NewBitmap(n)
			}
			r.Excluded.Set(row, true)
		}
		if len(a.GetSegments()) != len(r.Segments) || len(a.GetScores()) != len(r.Scores) || len(a.GetTiers()) != len(r.Tiers) {
			return nil, notOf(a)
		}
		if err := r.setReps(row, n, a); err != nil {
			return nil, err
		}
		for k, s := range a.GetSegments() {
			if err := r.setName(r.Segments[k], row, s.Segment, s.GetSegmentation(), p.model.GetSegmentations()[k].GetName()); err != nil {
				return nil, err
			}
		}
		for k, s := range a.GetScores() {
			if s.GetScore() != p.model.GetScores()[k].GetName() {
				return nil, notOf(a)
			}
			r.Completeness[k][row] = s.GetCompleteness()
			if s.Value != nil {
				r.Scores[k].Valid.Set(row, true)
				r.Scores[k].Numbers[row] = s.GetValue()
			}
		}
		for k, t := range a.GetTiers() {
			if err := r.setName(r.Tiers[k], row, t.Tier, t.GetTiering(), p.tierings[k].name); err != nil {
				return nil, err
			}
			if err := r.setComputed(k, row, t); err != nil {
				return nil, err
			}
			if err := r.setOwn(k, row, t); err != nil {
				return nil, err
			}
			if err := r.setStanding(k, row, t); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// setOwn sets what a customer computes by itself who inherits a tier.
func (r *Result) setOwn(k, row int, t *echelonv1.TierOutcome) error {
	if !t.GetInherited() {
		return nil
	}
	if r.Own[k] == nil {
		return fmt.Errorf("the assignment of customer %q inherits a tier, and each decides for itself in %s", r.IDs[row], t.GetTiering())
	}
	r.Own[k][row] = 1
	if t.OwnTier != nil {
		place := slices.Index(r.Program.TierNames(k), t.GetOwnTier())
		if place < 0 {
			return fmt.Errorf("%q is no segment, tier or persona of this model", t.GetOwnTier())
		}
		r.Own[k][row] = uint32(place) + 2
	}
	return nil
}

func nameColumn(n int, names []string) *frame.Column {
	return &frame.Column{Type: echelonv1.Attribute_STRING, Dict: names, Valid: frame.NewBitmap(n), Codes: make([]uint32, n)}
}

func notOf(a *echelonv1.Assignment) error {
	return fmt.Errorf("the assignment of customer %q is not of this model", a.GetCustomerId())
}

// setName sets what an item, which must have the wanted name, gave a row.
func (r *Result) setName(column *frame.Column, row int, name *string, item, wanted string) error {
	if item != wanted {
		return fmt.Errorf("the assignment of customer %q has %q in place of %q", r.IDs[row], item, wanted)
	}
	if name == nil {
		return nil
	}
	code := slices.Index(column.Dict, *name)
	if code < 0 {
		return fmt.Errorf("%q is no segment, tier or persona of this model", *name)
	}
	column.Valid.Set(row, true)
	column.Codes[row] = uint32(code)
	return nil
}

// setComputed sets the tier that the cuts gave a row, where the tiering looks back.
func (r *Result) setComputed(tiering, row int, t *echelonv1.TierOutcome) error {
	if r.Computed[tiering] == nil {
		if t.ComputedTier != nil {
			return fmt.Errorf("the assignment of customer %q has a computed tier, and nothing holds customers in the tiers of %q", r.IDs[row], t.GetTiering())
		}
		return nil
	}
	name := t.ComputedTier
	if name == nil {
		name = t.Tier
	}
	return r.setName(r.Computed[tiering], row, name, t.GetTiering(), r.Program.tierings[tiering].name)
}
