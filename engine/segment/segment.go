package segment

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Segmentation is a compiled echelonv1.Segmentation. It is immutable.
type Segmentation struct {
	item   string
	names  []string
	unique bool
	rules  []rule
	// otherwise and unknown are places in names, or none.
	otherwise, unknown int
}

type rule struct {
	name string
	when *expr.Expr
}

const none = -1

// New returns the segmentation of a checked declaration whose conditions are compiled, one a segment.
func New(declared *echelonv1.Segmentation, conditions []*expr.Expr) *Segmentation {
	s := &Segmentation{
		item:   "segments." + declared.GetName(),
		unique: declared.GetHitPolicy() == echelonv1.Segmentation_UNIQUE,
	}
	for i, segment := range declared.GetSegments() {
		s.names = append(s.names, segment.GetName())
		s.rules = append(s.rules, rule{name: segment.GetName(), when: conditions[i]})
	}
	s.otherwise, s.unknown = s.place(declared.GetOtherwise()), s.place(declared.GetUnknown())
	return s
}

// place returns where a name stands among the segments' names, after adding it where it is new.
func (s *Segmentation) place(name string) int {
	if name == "" {
		return none
	}
	for i, known := range s.names {
		if known == name {
			return i
		}
	}
	s.names = append(s.names, name)
	return len(s.names) - 1
}

// Names returns the segments: those declared, in order, then those of otherwise and unknown, where they are others.
func (s *Segmentation) Names() []string { return s.names }

// Outcome is a segmentation's outcome for a batch.
type Outcome struct {
	segmentation *Segmentation
	// Column has each row's segment, as a text whose dictionary is Names; not valid where there is none.
	Column frame.Column
	rules  []*expr.Result
}

// Eval puts the rows of a batch into segments.
func (s *Segmentation) Eval(scope *expr.Scope, reasons *reason.Table) *Outcome {
	out := &Outcome{
		segmentation: s,
		Column: frame.Column{
			Type: echelonv1.Attribute_STRING, Dict: s.names,
			Valid: frame.NewBitmap(scope.Rows), Codes: make([]uint32, scope.Rows),
		},
	}
	for _, rule := range s.rules {
		out.rules = append(out.rules, rule.when.Eval(scope))
	}
	for row := range scope.Rows {
		if code := out.decide(row, reasons); code != none {
			out.Column.Valid.Set(row, true)
			out.Column.Codes[row] = uint32(code)
		}
	}
	return out
}

// decide returns the segment of a row, or none. Every rule that was tried and could not be read is a reason.
func (o *Outcome) decide(row int, reasons *reason.Table) int {
	s := o.segmentation
	matched, unreadable := none, false
	for i, rule := range s.rules {
		switch outcome(o.rules[i], row) {
		case echelonv1.RuleExplanation_NOT_READABLE:
			unreadable = true
			if reasons != nil {
				reasons.Add(row, reason.Unreadable(s.item, rule.name, o.rules[i].Cause(row)))
			}
		case echelonv1.RuleExplanation_MATCHED:
			if !s.unique {
				return i
			}
			if matched != none {
				reasons.Add(row, s.conflict(matched, i))
				return none
			}
			matched = i
		}
	}
	switch {
	case matched != none:
		return matched
	case unreadable && s.unknown != none:
		return s.unknown
	}
	return s.otherwise
}

func (s *Segmentation) conflict(first, second int) reason.Reason {
	return reason.Reason{
		Code: echelonv1.Reason_CONFLICT, Item: s.item, Part: s.rules[second].name,
		Message: fmt.Sprintf("%s: both %s and %s match, and the hit policy is UNIQUE", s.item, s.rules[first].name, s.rules[second].name),
	}
}

func outcome(condition *expr.Result, row int) echelonv1.RuleExplanation_Outcome {
	switch {
	case !condition.Column.Valid.Get(row):
		return echelonv1.RuleExplanation_NOT_READABLE
	case condition.Column.Bits.Get(row):
		return echelonv1.RuleExplanation_MATCHED
	}
	return echelonv1.RuleExplanation_NOT_MATCHED
}

// Explain returns the rules that were tried for a row, with what came out of each.
func (o *Outcome) Explain(row int) *echelonv1.SegmentExplanation {
	s := o.segmentation
	explained := &echelonv1.SegmentExplanation{Segmentation: s.item[len("segments."):]}
	if o.Column.Valid.Get(row) {
		name := o.Column.String(row)
		explained.Segment = &name
	}
	for i, rule := range s.rules {
		tried := &echelonv1.RuleExplanation{Name: rule.name, When: rule.when.Text(), Outcome: outcome(o.rules[i], row)}
		if tried.Outcome == echelonv1.RuleExplanation_NOT_READABLE {
			tried.Unreadable = reason.Unreadable(s.item, rule.name, o.rules[i].Cause(row)).Proto()
		}
		explained.Rules = append(explained.Rules, tried)
		if tried.Outcome == echelonv1.RuleExplanation_MATCHED && !s.unique {
			break
		}
	}
	return explained
}
