package segment

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
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
	// codes are those of Column, until all rows have theirs.
	codes kernel.Planes
}

var (
	outcomes = kernel.NewKind[Outcome]()
	rules    = kernel.NewKind[*expr.Result]()
)

// Eval puts the rows of a batch into segments.
func (s *Segmentation) Eval(scope *expr.Scope, reasons *reason.Table) *Outcome {
	out := outcomes.New(scope.Memory)
	*out = Outcome{
		segmentation: s,
		Column: frame.Column{
			Type: echelonv1.Attribute_STRING, Dict: s.names,
			Valid: scope.Memory.Bitmap(scope.Rows), Codes: scope.Memory.Codes(scope.Rows),
		},
		rules: rules.Make(scope.Memory, len(s.rules)),
	}
	for i := range s.rules {
		out.rules[i] = s.rules[i].when.Eval(scope)
	}
	out.codes = scope.Memory.NewPlanes(scope.Rows, len(s.names)-1)
	if s.unique {
		out.unique(scope.Memory, reasons)
	} else {
		out.first(scope.Memory, reasons)
	}
	out.codes.Codes(out.Column.Codes)
	return out
}

// first gives each row the first segment whose rule holds. Every rule that was tried and could not be read is a reason.
func (o *Outcome) first(memory *kernel.Arena, reasons *reason.Table) {
	s, rows := o.segmentation, len(o.Column.Codes)
	open, unread, took := memory.All(rows), memory.Bitmap(rows), memory.Bitmap(rows)
	for i := range s.rules {
		rule := &o.rules[i].Column
		for w := range open {
			failed := open[w] &^ rule.Valid[w]
			took[w] = open[w] & rule.Valid[w] & rule.Bits[w]
			unread[w] |= failed
			open[w] &^= took[w]
			if failed != 0 && reasons != nil {
				o.unreadable(i, w<<6, failed, reasons)
			}
		}
		o.assign(took, i)
	}
	o.rest(open, unread)
}

// unreadable gives up to 64 rows, from the first on, the reason why a rule could not be read.
func (o *Outcome) unreadable(rule, first int, rows uint64, reasons *reason.Table) {
	kernel.Each(frame.Bitmap{rows}, func(row int) {
		reasons.AddUnreadable(first+row, o.segmentation.item, o.segmentation.rules[rule].name, o.rules[rule].Cause(first+row))
	})
}

// assign puts the rows of a set into a segment.
func (o *Outcome) assign(rows frame.Bitmap, segment int) {
	o.codes.Put(rows, segment)
	for w, word := range rows {
		o.Column.Valid[w] |= word
	}
}

// rest puts the rows that no rule took where the segmentation says: into unknown where a rule could not be read, or else into otherwise.
func (o *Outcome) rest(open, unread frame.Bitmap) {
	s := o.segmentation
	if s.unknown != none {
		for w := range unread {
			unread[w] &= open[w]
			open[w] &^= unread[w]
		}
		o.assign(unread, s.unknown)
	}
	if s.otherwise != none {
		o.assign(open, s.otherwise)
	}
}

// unique gives each row the one segment whose rule holds. Two are a conflict, and so are no segment.
func (o *Outcome) unique(memory *kernel.Arena, reasons *reason.Table) {
	rows := len(o.Column.Codes)
	open, unread := memory.All(rows), memory.Bitmap(rows)
	for row := range rows {
		matched, conflict := none, false
		for i := range o.rules {
			switch outcome(o.rules[i], row) {
			case echelonv1.RuleExplanation_NOT_READABLE:
				unread.Set(row, true)
				if reasons != nil {
					reasons.AddUnreadable(row, o.segmentation.item, o.segmentation.rules[i].name, o.rules[i].Cause(row))
				}
				continue
			case echelonv1.RuleExplanation_NOT_MATCHED:
				continue
			}
			if matched != none {
				reasons.Add(row, o.segmentation.conflict(matched, i))
				conflict = true
				break
			}
			matched = i
		}
		if matched == none {
			continue
		}
		open.Set(row, false)
		if !conflict {
			o.Column.Valid.Set(row, true)
			o.codes.PutOne(row, matched)
		}
	}
	o.rest(open, unread)
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
