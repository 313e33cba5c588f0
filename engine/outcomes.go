package engine

import (
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// OutcomeSchema returns the fields of the frames that Outcomes returns, by the names that columns of outcomes have everywhere:
// segment.<segmentation>, score.<score> and completeness.<score>, tier.<tiering>, in declared order. Behind the tier of a tiering with exit rules or
// stability stands computed_tier.<tiering>, with stability then how the customer came there and what holds it, and behind that of a tiering that
// decides per family own.<tiering>, what a customer who inherits it computes by itself.
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
		if p.LooksBack(i) {
			add("computed_tier."+t.GetName(), echelonv1.Attribute_STRING, p.TierNames(i))
		}
		if p.HasStandings(i) {
			for _, field := range standingFields {
				add(field.Name+"."+t.GetName(), field.Type, nil)
			}
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
		add(frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: frame.AllRows(r.Len()), Numbers: r.Completeness[i]})
	}
	for i, c := range r.Tiers {
		add(*c)
		if r.Program.LooksBack(i) {
			if r.Computed[i] != nil {
				c = r.Computed[i]
			}
			add(*c)
		}
		if r.Program.HasStandings(i) {
			f.Columns = append(f.Columns, r.standingColumns(i)...)
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
		add(frame.Column{Type: echelonv1.Attribute_BOOLEAN, Valid: frame.AllRows(r.Len()), Bits: excluded})
	}
	if len(f.Columns) < schema.Len() {
		add(r.reasonColumn())
	}
	return f
}

// standingFields are those of a standing, and of what holds a customer, as its columns are called before the tiering's name.
var standingFields = []frame.Field{
	{Name: "since", Type: echelonv1.Attribute_DATE}, {Name: "promotions", Type: echelonv1.Attribute_INTEGER},
	{Name: "demotions", Type: echelonv1.Attribute_INTEGER}, {Name: "other_moves", Type: echelonv1.Attribute_INTEGER},
	{Name: "pending_since", Type: echelonv1.Attribute_DATE}, {Name: "hold", Type: echelonv1.Attribute_STRING}, {Name: "held_until", Type: echelonv1.Attribute_DATE},
}

// standingColumns returns how customers came to be in the tiers of a tiering, and what holds them there. As in a file, what is none is missing.
func (r *Result) standingColumns(tiering int) []frame.Column {
	b := frame.NewBuilder(frame.NewSchema(standingFields...))
	for i, id := range r.IDs {
		var t echelonv1.TierOutcome
		r.standing(tiering, i, &t)
		s := t.GetStanding()
		b.Start(id)
		for field, day := range map[int]string{0: s.GetSince(), 4: s.GetPendingSince(), 6: t.GetHeldUntil()} {
			if n, err := frame.ParseDate(day); err == nil { // the engine wrote it; an empty one is none
				b.SetInt(field, n)
			}
		}
		for field, count := range map[int]int32{1: s.GetPromotions(), 2: s.GetDemotions(), 3: s.GetOtherMoves()} {
			if count != 0 {
				b.SetNumber(field, float64(count))
			}
		}
		if t.GetHold() != echelonv1.Reason_UNSPECIFIED {
			b.SetString(5, t.GetHold().String())
		}
		b.Commit() // ids are sound here, and the values of their types
	}
	return b.Take().Columns
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
	c := frame.Column{Type: echelonv1.Attribute_STRING_LIST, Valid: frame.AllRows(r.Len()), Offsets: r.Reasons.Offsets, Codes: r.Reasons.Refs}
	if c.Offsets == nil {
		c.Offsets = make([]uint32, r.Len()+1)
	}
	for _, one := range r.Reasons.Reasons {
		c.Dict = append(c.Dict, one.GetMessage())
	}
	return c
}
