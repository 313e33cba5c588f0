package engine

import (
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// OutcomeSchema returns the fields of the frames that Outcomes returns, by the names that columns of outcomes have everywhere:
// segment.<segmentation>, score.<score> and completeness.<score>, tier.<tiering>, in declared order. Behind the tier of a tiering with exit rules
// stands computed_tier.<tiering>, and behind that of one that decides per family own.<tiering>, what a customer who inherits it computes by itself.
// Where the model names a population, excluded follows, and reasons where they are wanted.
func (p *Program) OutcomeSchema(reasons bool) *frame.Schema {
	var fields []frame.Field
	add := func(name string, of echelonv1.Attribute_Type, values []string) {
		fields = append(fields, frame.Field{Name: name, Type: of, Values: values})
	}
	for i, s := range p.model.GetSegmentations() {
		add("segment."+s.GetName(), echelonv1.Attribute_STRING, p.SegmentNames(i))
	}
	for _, s := range p.model.GetScores() {
		add("score."+s.GetName(), echelonv1.Attribute_NUMBER, nil)
		add("completeness."+s.GetName(), echelonv1.Attribute_NUMBER, nil)
	}
	for i, t := range p.model.GetTierings() {
		add("tier."+t.GetName(), echelonv1.Attribute_STRING, p.TierNames(i))
		if p.HasExitRules(i) {
			add("computed_tier."+t.GetName(), echelonv1.Attribute_STRING, p.TierNames(i))
		}
		if p.perFamily(i) >= 0 {
			add("own."+t.GetName(), echelonv1.Attribute_STRING, p.TierNames(i))
		}
	}
	if p.population != nil {
		add("excluded", echelonv1.Attribute_BOOLEAN, nil)
	}
	if reasons {
		add("reasons", echelonv1.Attribute_STRING_LIST, nil)
	}
	return frame.NewSchema(fields...)
}

// Outcomes returns the outcomes as a frame of a schema that OutcomeSchema returned, with the reasons in words where it has them. Its columns are
// shared.
func (r *Result) Outcomes(schema *frame.Schema) *frame.Frame {
	f := &frame.Frame{Schema: schema, IDs: r.IDs, Columns: make([]frame.Column, 0, schema.Len())}
	add := func(c frame.Column) { f.Columns = append(f.Columns, c) }
	for _, c := range r.Segments {
		add(*c)
	}
	for i, c := range r.Scores {
		add(*c)
		add(frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: everyRow(r.Len()), Numbers: r.Completeness[i]})
	}
	for i, c := range r.Tiers {
		add(*c)
		if r.Program.HasExitRules(i) {
			if r.Computed[i] != nil {
				c = r.Computed[i]
			}
			add(*c)
		}
		if r.Program.perFamily(i) >= 0 {
			add(r.ownColumn(i))
		}
	}
	if r.Program.population != nil {
		excluded := r.Excluded
		if excluded == nil {
			excluded = frame.NewBitmap(r.Len())
		}
		add(frame.Column{Type: echelonv1.Attribute_BOOLEAN, Valid: everyRow(r.Len()), Bits: excluded})
	}
	if len(f.Columns) < schema.Len() {
		add(r.reasonColumn())
	}
	return f
}

// ownColumn returns what customers who inherit a tier compute by themselves.
func (r *Result) ownColumn(tiering int) frame.Column {
	c := nameColumn(r.Len(), r.Program.TierNames(tiering))
	for i, own := range r.Own[tiering] {
		if own > 1 {
			c.Valid.Set(i, true)
			c.Codes[i] = own - 2
		}
	}
	return *c
}

// reasonColumn returns the reasons in words; a customer without any has an empty list.
func (r *Result) reasonColumn() frame.Column {
	c := frame.Column{Type: echelonv1.Attribute_STRING_LIST, Valid: everyRow(r.Len()), Offsets: r.Reasons.Offsets, Codes: r.Reasons.Refs}
	if c.Offsets == nil {
		c.Offsets = make([]uint32, r.Len()+1)
	}
	for _, one := range r.Reasons.Reasons {
		c.Dict = append(c.Dict, one.GetMessage())
	}
	return c
}

// everyRow is the set of all rows.
func everyRow(n int) frame.Bitmap {
	all := frame.NewBitmap(n)
	for i := range n {
		all.Set(i, true)
	}
	return all
}
