package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// families is what a model with `parent` makes of the families of customers.
type families struct {
	// parent is the place of its attribute in the schema.
	parent int
	// functions are the calls that expressions read, by name; names are their names.
	functions []familyFunction
	names     []string
	// tierings are the places of the tierings that decide per family, in declared order; tieringNames are their names.
	tierings     []int
	tieringNames []string
}

// familyFunction is a call that reads families, such as family_sum(arr).
type familyFunction struct {
	expr.FamilyCall
	// slot is the place of its variable, item that of the derived attribute that it adds up, or -1.
	slot, item int
	// of reads what is added up; nil of family_count.
	of *expr.Expr
}

// families finds the mistakes of a model's families that can be seen without compiling expressions.
func (c *checker) families() {
	for i, t := range c.model.GetTierings() {
		if t.GetDecidePer() == echelonv1.Tiering_FAMILY && hasExit(t) {
			c.found.Mistakef(diag.Field(diag.Index("tierings", i), "decide_per"), "remove the exit rules, or `decide_per`",
				"exit rules hold single customers, and in this tiering the root decides for its family")
		}
		if t.GetDecidePer() == echelonv1.Tiering_FAMILY && c.model.GetParent() == "" {
			c.found.Mistakef(diag.Field(diag.Index("tierings", i), "decide_per"), "declare `parent`: the attribute that holds the id of a customer's parent",
				"it decides per FAMILY, and the model has no families")
		}
	}
	parent := c.model.GetParent()
	if parent == "" {
		return
	}
	var names []string
	for _, a := range c.model.GetAttributes() {
		if a.GetName() != parent {
			names = append(names, a.GetName())
			continue
		}
		if a.GetType() != echelonv1.Attribute_STRING && typed(a) {
			c.found.Mistakef("parent", "name a STRING attribute", "%q is %s, and an id is a text", parent, a.GetType())
		}
		return
	}
	remedy := diag.DidYouMean(parent, names)
	if remedy == "" {
		remedy = "declare it, a STRING"
	}
	c.found.Mistakef("parent", remedy, "there is no attribute %s", frame.Quote(parent))
}

// familyCalls returns the calls that a model's expressions make, by name; none of a model without families.
func familyCalls(model *echelonv1.Model, all []written) []expr.FamilyCall {
	if model.GetParent() == "" {
		return nil
	}
	var calls []expr.FamilyCall
	for _, one := range all {
		for _, text := range one.texts {
			for _, call := range expr.FamilyCalls(text) {
				if !slices.Contains(calls, call) && (call.Of == "" || usable(call.Of)) {
					calls = append(calls, call)
				}
			}
		}
	}
	slices.SortFunc(calls, func(a, b expr.FamilyCall) int { return strings.Compare(a.String(), b.String()) })
	return calls
}

// families compiles what is added up over families.
func (c *compiler) families() {
	model := c.program.model
	if model.GetParent() == "" || c.found.HasMistakes() {
		return
	}
	parent, _ := c.program.schema.Index(model.GetParent())
	made := &families{parent: parent}
	for _, call := range c.calls {
		one := familyFunction{FamilyCall: call, item: -1}
		one.slot = slices.IndexFunc(c.program.variables, func(v expr.Variable) bool { return v.Name == call.String() })
		if call.Of != "" {
			one.of, _ = c.env.Compile(call.Of)
			one.item = slices.IndexFunc(c.program.items, func(i *item) bool { return i.kind == derivedKind && i.variable == call.Of })
		}
		if one.item >= 0 && !c.addable(call, one.item) {
			continue
		}
		made.functions, made.names = append(made.functions, one), append(made.names, call.String())
	}
	for i, t := range model.GetTierings() {
		if t.GetDecidePer() == echelonv1.Tiering_FAMILY {
			made.tierings, made.tieringNames = append(made.tierings, i), append(made.tieringNames, t.GetName())
		}
	}
	c.program.families = made
}

// addable reports whether a derived attribute can be added up over families, before anything else is known: it needs no outcome and no family.
func (c *compiler) addable(call expr.FamilyCall, at int) bool {
	needs := c.program.ancestors(at)
	needs[at] = true
	for _, i := range c.program.order {
		one := c.program.items[i]
		if !needs[i] {
			continue
		}
		switch {
		case one.kind != derivedKind:
			c.found.Mistakef(c.program.items[at].path+".expr", "add up attributes, given or derived, that need no outcome",
				"%s is computed before any outcome, and %s needs %s", call, call.Of, one.variable)
			return false
		case expr.ReadsFamilies(c.all.Refs(one.texts[0])):
			c.found.Mistakef(one.path+".expr", "add up an attribute that does not read families",
				"%s adds up %s, which reads families itself", call, call.Of)
			return false
		}
	}
	return true
}

// needed reports whether customers cannot be evaluated without the families of a calibration.
func (f *families) needed() bool { return f != nil && len(f.functions)+len(f.tierings) > 0 }

// table returns the families of a message, and whether they are this program's.
func (p *Program) table(kept *echelonv1.FamilyTable) (*family.Table, bool) {
	var places []int
	for _, i := range p.families.tierings {
		places = append(places, len(p.TierNames(i)))
	}
	return family.Read(kept, p.families.names, p.families.tieringNames, places)
}

// perFamily returns the place, among the tierings that decide per family, of a tiering, and -1 where each customer decides for itself.
func (p *Program) perFamily(tiering int) int {
	if p.families == nil {
		return -1
	}
	return slices.Index(p.families.tierings, tiering)
}

// HasFamilies reports whether the model joins customers to families.
func (p *Program) HasFamilies() bool { return p.families != nil }

// NeedsFamilies reports whether customers cannot be evaluated without the families of a calibration: those that it holds, or of a run's
// calibration, Options.Families.
func (p *Program) NeedsFamilies() bool { return p.families.needed() }

// FamilyFunctions are the calls that the model's expressions make of families, by name, as a table of families numbers them: family_count(), which
// is a family's size, among them.
func (p *Program) FamilyFunctions() []expr.FamilyCall {
	var calls []expr.FamilyCall
	for _, one := range p.families.functions {
		calls = append(calls, one.FamilyCall)
	}
	return calls
}

// Families returns the families that a message holds, and whether they are of this program, which must have some. Nil makes an empty table.
func (p *Program) Families(kept *echelonv1.FamilyTable) (*family.Table, bool) {
	if kept == nil {
		return family.NewTable(p.families.names, p.families.tieringNames), true
	}
	return p.table(kept)
}

// ParentOf returns the parent that a row of a frame of the program names; "" where it names none.
func (p *Program) ParentOf(f *frame.Frame, row int) string {
	column := &f.Columns[p.families.parent]
	if !column.Valid.Get(row) {
		return ""
	}
	return column.String(row)
}

// ParentField is the attribute that holds the id of a customer's parent, without rules. The model must have families.
func (p *Program) ParentField() frame.Field {
	of := p.schema.Field(p.families.parent)
	return frame.Field{Name: of.Name, Type: of.Type}
}

// join finds the families of a batch's rows, and what expressions read of them as far as it needs no derived attribute.
func (e *evaluation) join(f *frame.Frame) {
	p := e.program
	if p.families == nil || e.lines.families == nil {
		return
	}
	e.family = make([]int, f.Len())
	e.inherits = frame.NewBitmap(f.Len())
	for row, id := range f.IDs {
		e.family[row] = e.lines.families.Of(id, p.ParentOf(f, row))
		at := e.family[row]
		e.inherits.Set(row, at != family.Alone && e.lines.families.Decides(at) && e.lines.families.Root(at) != id)
	}
	for i := range p.families.functions {
		if p.families.functions[i].item < 0 {
			e.addUp(i)
		}
	}
}

// addUpOf gives the calls that add up a derived attribute their values, once that is computed.
func (e *evaluation) addUpOf(item int) {
	if e.family == nil {
		return
	}
	for i := range e.program.families.functions {
		if e.program.families.functions[i].item == item {
			e.addUp(i)
		}
	}
}

// addUp gives a call its values: those of the rows' families, and of who is one alone its own.
func (e *evaluation) addUp(i int) {
	function := &e.program.families.functions[i]
	column := &frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: frame.NewBitmap(e.scope.Rows), Numbers: make([]float64, e.scope.Rows)}
	set := func(row int, x float64, ok bool) {
		column.Valid.Set(row, ok)
		if ok {
			column.Numbers[row] = x
		}
	}
	var own *frame.Column
	if function.of != nil {
		own = &function.of.Eval(&e.scope).Column
	}
	for row, at := range e.family {
		switch {
		case own == nil && at == family.Alone:
			set(row, 1, true)
		case own == nil:
			set(row, float64(e.lines.families.Size(at)), true)
		case at == family.Alone:
			ok := own.Valid.Get(row)
			if ok {
				set(row, own.Numbers[row]+0, ok)
			}
		default:
			x, ok := e.lines.families.Value(i, at)
			set(row, x, ok)
		}
	}
	e.scope.Columns[function.slot] = column
}

// deciders takes out of a column the rows for which the root of their family decides.
func (e *evaluation) deciders(tiering int, column *frame.Column) *frame.Column {
	if e.program.perFamily(tiering) < 0 || e.inherits == nil {
		return column
	}
	kept := *column
	kept.Valid = slices.Clone(column.Valid)
	for i := range kept.Valid {
		kept.Valid[i] &^= e.inherits[i]
	}
	return &kept
}

// inherit gives rows the tier of the root of their family, where that decides, and keeps what they compute by themselves.
func (e *evaluation) inherit(tiering int, own *frame.Column) *frame.Column {
	k := e.program.perFamily(tiering)
	if k < 0 || e.inherits == nil {
		return own
	}
	t := e.program.tierings[tiering]
	column := *own
	column.Valid, column.Codes = slices.Clone(own.Valid), slices.Clone(own.Codes)
	e.own[tiering] = make([]uint32, e.scope.Rows)
	for row := range e.scope.Rows {
		if !e.inherits.Get(row) || e.excluded != nil && e.excluded.Get(row) {
			continue
		}
		e.own[tiering][row] = 1
		if own.Valid.Get(row) {
			e.own[tiering][row] = 2 + own.Codes[row]
		}
		place, ok := e.lines.families.Tier(k, e.family[row])
		column.Valid.Set(row, ok)
		if ok {
			column.Codes[row] = place
		}
		e.reasons.Add(row, t.inherited(e.lines.families.Root(e.family[row]), &column, own, row))
	}
	return &column
}

// inherited is the reason of a tier that is another customer's.
func (t *tiering) inherited(root string, column, own *frame.Column, row int) reason.Reason {
	named := func(c *frame.Column) string {
		if c.Valid.Get(row) {
			return c.Dict[c.Codes[row]]
		}
		return "none"
	}
	r := reason.Reason{Code: echelonv1.Reason_INHERITED, Item: "tiers." + t.name}
	if column.Valid.Get(row) {
		r.Part = named(column)
	}
	r.Message = fmt.Sprintf("%s: INHERITED %s from %s, the root of its family; its own is %s", r.Item, named(column), frame.Quote(root), named(own))
	return r
}

// ownReasons computes a tiering. Rows for which another customer decides get no reasons of what they compute by themselves.
func (e *evaluation) ownReasons(tiering int, do func()) {
	if e.program.perFamily(tiering) < 0 || e.inherits == nil {
		do()
		return
	}
	e.reasons.Without(e.inherits, do)
}

// linesWith returns the lines with these families, where some are given. Evaluating without families what needs them would give another outcome
// than the run gave, and so is a mistake of the program that does it.
func (s *Scorer) linesWith(given *family.Table) *lines {
	with := s.lines
	if given != nil {
		copied := *s.lines
		copied.families = given
		with = &copied
	}
	if s.program.NeedsFamilies() && with.families == nil {
		panic("engine: the model reads families, and the evaluation has none: give those of the run as Options.Families")
	}
	return with
}

// roots counts the rows that are the root of their family, those who are alone among them.
func (e *evaluation) roots() int64 {
	n := int64(0)
	for row, at := range e.family {
		if at == family.Alone || e.lines.families.Root(at) == e.ids[row] {
			n++
		}
	}
	return n
}

// Roots returns how many of the customers of a batch are the root of their family, those who are alone among them; 0 where the model has no families.
func (s *Scorer) Roots(f *frame.Frame, asOf time.Time) int64 {
	if !s.program.HasFamilies() {
		return 0
	}
	return s.program.newEvaluation(f, s.linesWith(nil), asOf, nil).roots()
}

// hasExit reports whether a tier of a tiering has an exit rule.
func hasExit(t *echelonv1.Tiering) bool {
	return slices.ContainsFunc(t.GetLinear().GetTiers(), func(t *echelonv1.Tier) bool { return t.GetExit() != nil })
}
