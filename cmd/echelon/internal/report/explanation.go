package report

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Explanation writes every step to an assignment: the published one's customer, evaluated again as explained.
func Explanation(w io.Writer, published, explained *echelonv1.Assignment) error {
	if err := heading(w, published); err != nil {
		return err
	}
	e := explained.GetExplanation()
	if p := e.GetPopulation(); p != nil {
		t := newTable("ll", "condition", "outcome")
		t.add(p.GetWhen(), outcome(p))
		if err := section(w, p.GetName(), t); err != nil {
			return err
		}
	}
	if err := derived(w, e.GetDerived()); err != nil {
		return err
	}
	for _, s := range e.GetSegments() {
		if err := segment(w, s); err != nil {
			return err
		}
	}
	for _, s := range e.GetScores() {
		if err := score(w, s); err != nil {
			return err
		}
	}
	for _, t := range e.GetTiers() {
		if err := tier(w, t, inForce(explained, t.GetTiering())); err != nil {
			return err
		}
	}
	for _, p := range e.GetPaths() {
		if err := path(w, p); err != nil {
			return err
		}
	}
	return reasons(w, explained.GetReasons())
}

func derived(w io.Writer, values *structpb.Struct) error {
	if len(values.GetFields()) == 0 {
		return nil
	}
	t := newTable("lr", "attribute", "value")
	for _, name := range slices.Sorted(maps.Keys(values.GetFields())) {
		t.add(name, value(values.GetFields()[name]))
	}
	return section(w, "derived", t)
}

func segment(w io.Writer, s *echelonv1.SegmentExplanation) error {
	t := newTable("lll", "segment", "rule", "outcome")
	for _, rule := range s.GetRules() {
		t.add(rule.GetName(), rule.GetWhen(), outcome(rule))
	}
	return section(w, "segment "+s.GetSegmentation()+": "+orNone(s.GetSegment()), t)
}

func outcome(rule *echelonv1.RuleExplanation) string {
	switch rule.GetOutcome() {
	case echelonv1.RuleExplanation_MATCHED:
		return "matched"
	case echelonv1.RuleExplanation_NOT_READABLE:
		return "not readable: " + rule.GetUnreadable().GetMessage()
	}
	return "no"
}

func score(w io.Writer, s *echelonv1.ScoreExplanation) error {
	title := fmt.Sprintf("score %s: %s, completeness %s", s.GetScore(), points(s.Value), Percent(100*s.GetCompleteness()))
	t := newTable("lrrrrl", "criterion", "input", "normalised", "weight", "contribution", "")
	for _, c := range s.GetCriteria() {
		t.add(c.GetCriterion(), value(c.GetInput()), points(c.Normalized), Percent(c.GetWeightPercent()), Score(c.GetContribution()),
			c.GetUnreadable().GetMessage())
	}
	return section(w, title, t)
}

// inForce says where a customer is in another tier than its cuts give: held there, or by the root of its family; empty where it is not.
func inForce(a *echelonv1.Assignment, tiering string) string {
	for _, t := range a.GetTiers() {
		switch {
		case t.GetTiering() != tiering:
		case t.GetHold() == echelonv1.Reason_OVERRIDE:
			return ", pinned to " + t.GetTier()
		case t.ComputedTier != nil:
			return ", held in " + t.GetTier()
		case t.GetInherited():
			return ", inherits " + orNone(t.GetTier())
		}
	}
	return ""
}

func tier(w io.Writer, e *echelonv1.TierExplanation, inForce string) error {
	title := "tier " + e.GetTiering() + ": " + orNone(e.GetTier())
	if e.XLevel != nil && e.YLevel != nil {
		title += fmt.Sprintf(" (x level %d, y level %d)", e.GetXLevel(), e.GetYLevel())
	}
	title += inForce
	if len(e.GetRows()) > 0 {
		t := newTable("lll", "row", "condition", "outcome")
		for _, row := range e.GetRows() {
			t.add(row.GetName(), row.GetWhen(), outcome(row))
		}
		return section(w, title, t)
	}
	if e.Segment != nil {
		title += ", within " + e.GetSegment()
	}
	t := newTable("llrrl", "cut", "condition", "line", "own", "met")
	for _, cut := range e.GetCuts() {
		addCut(t, cut.GetName(), cut)
	}
	if exit := e.GetExit(); exit != nil {
		addCut(t, "exit from "+exit.GetName(), exit)
	}
	return section(w, title, t)
}

// path writes what would bring a customer into a better tier.
func path(w io.Writer, p *echelonv1.TierPath) error {
	title := "path " + p.GetTiering() + ": from " + orNone(p.GetTier())
	if p.GetNote() != "" {
		_, err := fmt.Fprintf(w, "%s\n  %s\n\n", plain(title), plain(p.GetNote()))
		return err
	}
	t := newTable("lll", "attribute", "reaches", "how")
	for _, step := range p.GetSteps() {
		reached := none
		if step.GetTier() != "" {
			reached = step.GetTier()
		}
		t.add(step.GetAttribute(), reached, step.GetMessage())
	}
	return section(w, title, t)
}

// addCut writes a cut's conditions, those of its `any` below it.
func addCut(t *table, name string, cut *echelonv1.CutExplanation) {
	outer := name
	for _, c := range cut.GetConditions() {
		t.add(name, c.GetCondition(), line(c.Line), line(c.Value), met(c))
		name = ""
	}
	for i, one := range cut.GetAny() {
		addCut(t, fmt.Sprintf("%s any %d", outer, i+1), one)
	}
}

func met(c *echelonv1.CutCondition) string {
	switch {
	case c.GetMet():
		return "yes"
	case c.GetUnreadable() != nil:
		return "no: " + c.GetUnreadable().GetMessage()
	}
	return "no"
}

// line writes where a line is, or what a customer has of what it cuts: scores and amounts alike.
func line(x *float64) string {
	if x == nil {
		return none
	}
	return Value(*x)
}

// section writes a title, a table and a blank line.
func section(w io.Writer, title string, t *table) error {
	if _, err := fmt.Fprintln(w, plain(title)); err != nil {
		return err
	}
	if err := t.write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

// value writes what an expression gave.
func value(v *structpb.Value) string {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return Value(kind.NumberValue)
	case *structpb.Value_BoolValue:
		return fmt.Sprint(kind.BoolValue)
	case *structpb.Value_StringValue:
		return kind.StringValue
	}
	return "missing"
}
