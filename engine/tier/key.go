package tier

import (
	"cmp"
	"math"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// key is a customer's whole place in the order of a ladder.
type key struct {
	// amount comes first where the order is by amount, and is 0 otherwise.
	amount float64
	score  float64
	ties   []tie
	id     string
}

// tie is a tie breaker's value.
type tie struct {
	missing bool
	number  float64
	// whole is a date's days or a timestamp's microseconds: as a double, those after the year 2255 would lose digits.
	whole int64
	text  string
}

// tieBreaker is a compiled echelonv1.TieBreaker.
type tieBreaker struct {
	expr      *expr.Expr
	ascending bool
}

// tieOf returns a row's value of a tie breaker.
func tieOf(column *frame.Column, row int) tie {
	if !column.Valid.Get(row) {
		return tie{missing: true}
	}
	switch column.Type {
	case echelonv1.Attribute_STRING:
		return tie{text: column.String(row)}
	case echelonv1.Attribute_BOOLEAN:
		if column.Bits.Get(row) {
			return tie{number: 1}
		}
		return tie{}
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		return tie{whole: column.Ints[row]}
	}
	return tie{number: column.Numbers[row]}
}

// compareTies orders two customers of one score: negative where a comes first. Missing values come last in both directions.
func compareTies(breakers []tieBreaker, a, b []tie) int {
	for i, breaker := range breakers {
		switch {
		case a[i].missing && b[i].missing:
			continue
		case a[i].missing:
			return 1
		case b[i].missing:
			return -1
		}
		order := cmp.Or(cmp.Compare(a[i].number, b[i].number), cmp.Compare(a[i].whole, b[i].whole), cmp.Compare(a[i].text, b[i].text))
		if !breaker.ascending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// compare orders two customers: negative where a comes first, that is, nearer to the top of the ladder.
func compare(breakers []tieBreaker, a, b *key) int {
	if order := compareNumbers(a.amount, a.score, b); order != 0 {
		return order
	}
	if order := compareTies(breakers, a.ties, b.ties); order != 0 {
		return order
	}
	return cmp.Compare(a.id, b.id)
}

// compareNumbers orders by amounts and scores alone, which nearly all customers differ by.
func compareNumbers(amount, score float64, b *key) int {
	if order := cmp.Compare(b.amount, amount); order != 0 {
		return order
	}
	return cmp.Compare(b.score, score)
}

// line is where a cut ended.
type line struct {
	kind echelonv1.DecisionLine_Kind
	key  key
}

func keyLine(k key) *line { return &line{kind: echelonv1.DecisionLine_KEY, key: k} }

// closed reports whether nobody is in; nil is no line.
func (l *line) closed() bool { return l != nil && l.kind == echelonv1.DecisionLine_CLOSED }

// takes reports whether a customer comes no later than the line.
func (l *line) takes(breakers []tieBreaker, k *key) bool {
	switch l.kind {
	case echelonv1.DecisionLine_OPEN:
		return true
	case echelonv1.DecisionLine_CLOSED:
		return false
	}
	return compare(breakers, k, &l.key) <= 0
}

// takesNumbers reports whether a line takes a customer of an amount and a score, where these alone tell; no line takes everyone.
func (l *line) takesNumbers(amount, score float64) (takes, known bool) {
	switch {
	case l == nil || l.kind == echelonv1.DecisionLine_OPEN:
		return true, true
	case l.kind == echelonv1.DecisionLine_CLOSED:
		return false, true
	}
	order := compareNumbers(amount, score, &l.key)
	return order < 0, order != 0
}

// proto returns the line as a calibration keeps it.
func (l *line) proto(breakers []tieBreaker, byAmount bool) *echelonv1.DecisionLine {
	if l == nil {
		return nil
	}
	kept := &echelonv1.DecisionLine{Kind: l.kind}
	if l.kind != echelonv1.DecisionLine_KEY {
		return kept
	}
	kept.Key = &echelonv1.OrderKey{Score: l.key.score, Id: l.key.id}
	if byAmount {
		kept.Key.Amount = &l.key.amount
	}
	for i, t := range l.key.ties {
		value := &echelonv1.TieValue{}
		switch kind := breakers[i].expr.Kind(); {
		case t.missing:
		case kind == expr.String:
			value.Value = &echelonv1.TieValue_Text{Text: t.text}
		case kind == expr.Date, kind == expr.Timestamp:
			value.Value = &echelonv1.TieValue_Integer{Integer: t.whole}
		default:
			value.Value = &echelonv1.TieValue_Number{Number: t.number}
		}
		kept.Key.Ties = append(kept.Key.Ties, value)
	}
	return kept
}

// lineOf returns the line that a calibration kept, or false where it is none of an order by these tie breakers.
func lineOf(kept *echelonv1.DecisionLine, breakers []tieBreaker, byAmount bool) (*line, bool) {
	if kept == nil {
		return nil, true
	}
	l := &line{kind: kept.GetKind()}
	switch l.kind {
	case echelonv1.DecisionLine_OPEN, echelonv1.DecisionLine_CLOSED:
		return l, kept.GetKey() == nil
	case echelonv1.DecisionLine_KEY:
	default:
		return nil, false
	}
	from := kept.GetKey()
	if from == nil || len(from.GetTies()) != len(breakers) || (from.Amount != nil) != byAmount || !finite(from.GetScore()) || !finite(from.GetAmount()) {
		return nil, false
	}
	l.key = key{amount: from.GetAmount(), score: from.GetScore(), id: from.GetId()}
	for i, value := range from.GetTies() {
		t, ok := tieKept(value, breakers[i].expr.Kind())
		if !ok {
			return nil, false
		}
		l.key.ties = append(l.key.ties, t)
	}
	return l, true
}

// tieKept returns the value of a tie breaker that a calibration kept, or false where it is of another kind.
func tieKept(kept *echelonv1.TieValue, kind expr.Kind) (tie, bool) {
	isWhole := kind == expr.Date || kind == expr.Timestamp
	switch v := kept.GetValue().(type) {
	case *echelonv1.TieValue_Number:
		if isWhole { // of a calibration that was made before there was another way
			return tie{whole: int64(v.Number)}, math.Abs(v.Number) < 1<<62
		}
		return tie{number: v.Number}, kind != expr.String && finite(v.Number)
	case *echelonv1.TieValue_Integer:
		return tie{whole: v.Integer}, isWhole
	case *echelonv1.TieValue_Text:
		return tie{text: v.Text}, kind == expr.String
	}
	return tie{missing: true}, true
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
