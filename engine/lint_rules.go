package engine

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/rules"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ruleLint finds rules that match nobody, or the same customers as others, as far as that follows from the model alone.
type ruleLint struct {
	program *Program
	found   diag.List
	// unclear are the rules that were not analysed in full, with the cause.
	unclear diag.List
	// known are the paths about which something was found already, which explains the rest.
	known map[string]bool
	// expressions has them by path, domains what the variables can be, by name, as far as it was asked for.
	expressions map[string]*expr.Expr
	domains     map[string]rules.Domain
}

func (p *Program) newRuleLint(before diag.List) *ruleLint {
	l := &ruleLint{program: p, known: make(map[string]bool), expressions: make(map[string]*expr.Expr), domains: make(map[string]rules.Domain)}
	for _, f := range before {
		l.known[f.Path] = true
	}
	for _, one := range p.expressions {
		l.expressions[one.path] = one.Expr
		l.values(one)
	}
	for i, s := range p.model.GetSegmentations() {
		l.segmentation(diag.Index("segmentations", i), s)
	}
	for i, t := range p.model.GetTierings() {
		path := diag.Index("tierings", i)
		l.ladders(diag.Field(path, "linear"), t.GetLinear())
		l.axis(diag.Field(path, "matrix.x"), t.GetMatrix().GetX())
		l.axis(diag.Field(path, "matrix.y"), t.GetMatrix().GetY())
	}
	return l
}

// lintRules returns what is wrong with the rules beside what was found before.
func (p *Program) lintRules(before diag.List) diag.List { return p.newRuleLint(before).found }

// NotAnalysed returns the conditions of which lint does not know in full whom they can match, each with the part that it cannot look into. They
// are no warnings: what lint says holds whatever these parts are, and there may be more to find.
func (p *Program) NotAnalysed() diag.List { return p.newRuleLint(nil).unclear }

// RowByRow returns the expressions that are not evaluated in columns, as a whole or in part, each with what is left to cel-go, row by row, and why. They
// give the same outcomes, and take longer. All says how many expressions there are.
func (p *Program) RowByRow() (list diag.List, all int) {
	for _, one := range p.expressions {
		for _, f := range one.Fallbacks() {
			what := "evaluated row by row"
			if !f.Whole {
				what = "in part, from here on, evaluated row by row"
			}
			list.WarnAtf(one.path, f.Offset, "", "%s: %s", what, f.Why)
		}
	}
	return list, len(p.expressions)
}

// values finds constants that a variable is compared with and never is.
func (l *ruleLint) values(one placed) {
	for _, c := range one.Comparisons() {
		allowed := l.allowed(c.Term)
		if allowed == nil {
			continue
		}
		for i, value := range c.Constants {
			if value.Kind != expr.String || slices.Contains(allowed, value.Text) {
				continue
			}
			remedy := diag.DidYouMean(value.Text, allowed)
			if remedy == "" {
				remedy = "it can be " + quoted(allowed, "or")
			}
			verb := "is never"
			if c.Op == expr.Contains {
				verb = "never has"
			}
			l.found.WarnAtf(one.path, c.Offsets[i], remedy, "%s %s %s", c.Term.Key, verb, frame.Quote(value.Text))
			l.known[one.path] = true
		}
	}
}

// allowed returns the texts that a variable, or each of its items, can be; nil where it can be any.
func (l *ruleLint) allowed(term expr.Term) []string {
	if place, ok := l.program.schema.Index(term.Key); ok && term.Kind == expr.List {
		return l.program.schema.Field(place).Values
	}
	return l.domain(term.Key).Values
}

// condition returns what the expression at a path says; nil where there is none.
func (l *ruleLint) condition(path string) expr.Condition {
	if one, ok := l.expressions[path]; ok {
		return one.Condition()
	}
	return nil
}

// domain returns what values a variable can have.
func (l *ruleLint) domain(name string) rules.Domain {
	if d, known := l.domains[name]; known {
		return d
	}
	d := l.program.domain(name)
	for i, derived := range l.program.model.GetDerived() {
		if derived.GetName() == name && l.program.derived[i].Kind() == expr.Boolean {
			d.Means = l.program.derived[i].Condition()
		}
	}
	l.domains[name] = d
	return d
}

// among returns the condition of those of the population who meet a condition.
func (l *ruleLint) among(c expr.Condition) expr.Condition {
	if within := l.condition(populationItem); within != nil {
		return expr.And{Left: within, Right: c}
	}
	return c
}

// nobody is who meets what nobody meets.
func (l *ruleLint) nobody() string {
	if l.expressions[populationItem] != nil {
		return "nobody of the population"
	}
	return "nobody"
}

// domain returns what the model says of the values of a variable.
func (p *Program) domain(name string) rules.Domain {
	if i, ok := p.schema.Index(name); ok {
		field := p.schema.Field(i)
		d := rules.Domain{Whole: field.Type == echelonv1.Attribute_INTEGER, Required: field.Required}
		// Whether a value is out of date depends on other attributes and on when it is asked.
		d.Free = p.model.GetAttributes()[i].GetObservedAt() == ""
		if field.Type == echelonv1.Attribute_STRING && len(field.Values) > 0 {
			d.Values = field.Values
		}
		return d
	}
	for _, one := range p.items {
		switch {
		case one.variable != name:
		case one.kind == segmentationKind:
			return rules.Domain{Values: p.segmentations[one.index].Names()}
		case one.kind == tieringKind:
			return rules.Domain{Values: p.tierings[one.index].names()}
		case one.kind == scoreKind:
			return rules.Domain{Min: 0, Max: 100}
		}
	}
	return rules.Domain{}
}

func (l *ruleLint) segmentation(path string, s *echelonv1.Segmentation) {
	var paths, names []string
	var conditions []expr.Condition
	for i, one := range s.GetSegments() {
		paths = append(paths, diag.Field(diag.Index(diag.Field(path, "segments"), i), "when"))
		names = append(names, one.GetName())
		conditions = append(conditions, l.condition(paths[i]))
	}
	var members []expr.Condition
	for _, c := range conditions {
		members = append(members, l.among(c))
	}
	space := rules.NewSpace(l.domain, members...)
	unique := s.GetHitPolicy() == echelonv1.Segmentation_UNIQUE
	judge := space.First
	if unique {
		judge = space.Unique
	}
	for i, verdict := range judge(members) {
		switch {
		case l.known[paths[i]]:
		case verdict.Never:
			l.found.Warnf(paths[i], "mend the condition, or remove the rule", "%s can meet the condition", l.nobody())
		case verdict.TakenBy != nil:
			takers := pick(names, verdict.TakenBy)
			l.found.Warnf(paths[i], "move it up, narrow what is before it, or remove it", "the rule is never reached: %s everyone whom it would match", take("the earlier rule", takers))
		case verdict.Overlaps != nil:
			l.overlap(paths[i], names, i, verdict.Overlaps)
		default:
			l.notSure(paths[i], space, conditions[i], verdict.Undecided)
		}
	}
	l.leftOver(path, s, space, conditions)
}

// leftOver finds that nobody is left for otherwise.
func (l *ruleLint) leftOver(path string, s *echelonv1.Segmentation, space *rules.Space, conditions []expr.Condition) {
	at := diag.Field(path, "otherwise")
	switch {
	case s.GetOtherwise() == "":
	case !space.Leaves(conditions, false):
		l.found.Warnf(at, "remove it, or narrow a rule", "it is never given: the rules match everyone")
	case s.GetUnknown() != "" && !space.Leaves(conditions, true):
		l.found.Warnf(at, "remove it, or narrow a rule", "it is never given: the rules match everyone of whom they can be read, and the others are %q", s.GetUnknown())
	}
}

// overlap finds that a rule and earlier ones match one customer.
func (l *ruleLint) overlap(path string, names []string, rule int, overlaps []rules.Overlap) {
	var others []int
	for _, one := range overlaps[1:] {
		others = append(others, one.With)
	}
	also := ""
	if len(others) > 0 {
		also = fmt.Sprintf("; it overlaps with %s too", quoted(pick(names, others), "and"))
	}
	l.found.Warnf(path, "narrow one of them, or write hit_policy: FIRST", "%q and %q can both match, which is a CONFLICT and no segment: %s%s",
		names[overlaps[0].With], names[rule], customerWith(overlaps[0].Witness), also)
}

// rung is a tier of a ladder with its cut, for lint.
type rung struct {
	name, path string
	cut        *echelonv1.Cut
}

// ladders finds cuts of a tiering that take nobody, whatever the population: in the ladder of all, and in those of segments.
func (l *ruleLint) ladders(path string, linear *echelonv1.Tiering_Linear) {
	var common []rung
	for i, t := range linear.GetTiers() {
		if t.Cut != nil {
			common = append(common, rung{t.GetName(), fmt.Sprintf("%s.tiers[%d].cut", path, i), t.GetCut()})
		}
	}
	l.ladder(linear, common, expr.Truth(true))
	for i, segment := range linear.GetPerSegment() {
		var own []rung
		for k, t := range segment.GetTiers() {
			if t.Cut != nil {
				own = append(own, rung{t.GetName(), fmt.Sprintf("%s.per_segment[%d].tiers[%d].cut", path, i, k), t.GetCut()})
			}
		}
		l.ladder(linear, own, isOne(linear.GetBy(), segment.GetSegment()))
	}
}

// ladder finds cuts that take nobody of those who climb a ladder.
func (l *ruleLint) ladder(linear *echelonv1.Tiering_Linear, rungs []rung, climb expr.Condition) {
	var conditions []expr.Condition
	var names []string
	for _, one := range rungs {
		names = append(names, one.name)
		conditions = append(conditions, expr.And{Left: climb, Right: l.cut(one, linear.GetScore())})
	}
	space := rules.NewSpace(l.domain, conditions...)
	// A cut that takes by number or share leaves others of whom it could take: what it asks for beside that covers no worse tier.
	covering := slices.Clone(conditions)
	for i, one := range rungs {
		if !takesAll(one.cut) {
			covering[i] = expr.Truth(false)
		}
	}
	for i, one := range rungs {
		at := one.path
		if l.known[at] || l.known[diag.Field(at, "when")] {
			continue
		}
		verdict := space.First(append(slices.Clone(covering[:i]), conditions[i]))[i]
		switch {
		case verdict.Never:
			l.found.Warnf(at, "mend the condition, or remove the tier", "%s can meet the cut", l.nobody())
		case verdict.TakenBy != nil:
			l.found.Warnf(at, "move the tier up, narrow what is above it, or remove it",
				"the cut takes nobody: %s everyone who would meet it", take("the better tier", pick(names, verdict.TakenBy)))
		case one.cut.GetWhen() != "":
			l.notSure(diag.Field(at, "when"), space, l.condition(diag.Field(at, "when")), verdict.Undecided)
		}
	}
}

// cut returns what every customer whom a cut takes meets.
func (l *ruleLint) cut(of rung, score string) expr.Condition {
	scored := atLeast(score, of.cut.GetMinScore())
	if when := l.condition(of.path + ".when"); when != nil {
		return l.among(expr.And{Left: when, Right: scored})
	}
	return l.among(scored)
}

// isOne says that an outcome that is a text is this one.
func isOne(variable, text string) expr.Condition {
	return expr.Comparison{
		Term: expr.Term{Key: variable, Variable: true, Kind: expr.String, Offset: diag.WholeValue}, Op: expr.Equal,
		Constants: []expr.Constant{{Kind: expr.String, Text: text}}, Offsets: []int{diag.WholeValue},
	}
}

// atLeast says that a score is at least so much, and with it that there is one.
func atLeast(score string, line float64) expr.Condition {
	return expr.Comparison{
		Term: expr.Term{Key: "scores." + score, Variable: true, Kind: expr.Number, Offset: diag.WholeValue}, Op: expr.AtLeast,
		Constants: []expr.Constant{{Kind: expr.Number, Number: line}}, Offsets: []int{diag.WholeValue},
	}
}

// takesAll reports whether a cut takes everyone who meets its condition and its score: whether it has no other field.
func takesAll(cut *echelonv1.Cut) bool {
	all := cut != nil
	cut.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		all = field.Name() == "when" || field.Name() == "min_score"
		return all
	})
	return all
}

// axis finds conditions of a matrix' cuts that nobody meets.
func (l *ruleLint) axis(path string, axis *echelonv1.Axis) {
	for i, cut := range axis.GetCuts() {
		at := fmt.Sprintf("%s.cuts[%d].when", path, i)
		condition := l.condition(at)
		if condition == nil || l.known[at] {
			continue
		}
		condition = l.among(expr.And{Left: condition, Right: atLeast(axis.GetScore(), cut.GetMinScore())})
		space := rules.NewSpace(l.domain, condition)
		if space.Never(condition) {
			l.found.Warnf(at, "mend the condition, or remove the cut", "%s can meet the cut", l.nobody())
			continue
		}
		l.notSure(at, space, l.condition(at), false)
	}
}

// notSure notes a rule that was not analysed in full.
func (l *ruleLint) notSure(path string, space *rules.Space, condition expr.Condition, undecided bool) {
	if undecided {
		l.unclear.Warnf(path, "", "not analysed: there are too many cases")
		return
	}
	said := make(map[string]bool)
	for _, part := range space.Unclear(condition) {
		if said[part.Text] {
			continue
		}
		said[part.Text] = true
		// The compiler appends as_of and the rates where people leave them out.
		text := strings.NewReplacer(", as_of)", ")", ", @rates)", ")").Replace(part.Text)
		l.unclear.WarnAtf(path, part.Offset, "", "analysed in part: it depends on %s, which is more than an attribute compared with constants", text)
	}
}

// pick returns the names at some places.
func pick(names []string, places []int) []string {
	var list []string
	for _, i := range places {
		list = append(list, names[i])
	}
	return list
}

// take says that one or several take.
func take(what string, names []string) string {
	if len(names) == 1 {
		return fmt.Sprintf("%s %q takes", what, names[0])
	}
	return fmt.Sprintf("%ss %s together take", what, quoted(names, "and"))
}

// quoted lists names, at most a few.
func quoted(names []string, word string) string {
	const most = 8
	list := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		list = append(list, frame.Quote(name))
	}
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s %s %d more", strings.Join(list, ", "), word, more)
	}
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " " + word + " " + list[n-1]
	}
	return strings.Join(list, "")
}

// customerWith says who a customer is.
func customerWith(facts []rules.Fact) string {
	if len(facts) == 0 {
		return "every customer"
	}
	var parts []string
	for _, fact := range facts {
		switch {
		case fact.Missing:
			parts = append(parts, "no "+fact.Name)
		case fact.Value.Kind == expr.List:
			parts = append(parts, "any "+fact.Name)
		default:
			parts = append(parts, fmt.Sprintf("%s %s", fact.Name, fact.Value))
		}
	}
	return "a customer with " + strings.Join(parts, ", ")
}
