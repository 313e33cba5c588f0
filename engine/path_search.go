package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxNumber is how far from 0 a NUMBER is searched for.
const maxNumber = 1e15

// wayfinder finds the values of one attribute with which a customer is in a better tier.
type wayfinder struct {
	*pathfinder
	tiering, attribute int
	declared           *echelonv1.Attribute
	step               *echelonv1.PathStep
}

// value is one of the attribute.
type value struct {
	number float64
	whole  int64
	bit    bool
	text   string
}

// outcome is what became of the customer with a value: its tier's place, -1 for none, and its score.
type outcome struct {
	place int
	score float64
}

// try evaluates the customer with up to maxTried values.
func (w *wayfinder) try(values ...value) []outcome {
	f := &frame.Frame{Schema: w.room.Schema, IDs: w.room.IDs, Columns: slices.Clone(w.room.Columns)}
	f.Columns[w.attribute] = w.column(values)
	r := w.scorer.Evaluate(f, w.options)
	column := r.Tiers[w.tiering]
	if computed := r.Computed[w.tiering]; computed != nil {
		column = computed
	}
	scores := r.Scores[w.scorer.program.tierings[w.tiering].scores[0]]
	made := make([]outcome, len(values))
	for i := range values {
		made[i] = outcome{place: -1, score: scores.Numbers[i]}
		if column.Valid.Get(i) {
			made[i].place = int(column.Codes[i])
		}
	}
	return made
}

// column returns the attribute's column with these values, and the first again where there are no more.
func (w *wayfinder) column(values []value) frame.Column {
	c := frame.Column{Type: w.declared.GetType(), Valid: frame.NewBitmap(maxTried), Bits: frame.NewBitmap(maxTried)}
	for i := range maxTried {
		v := values[0]
		if i < len(values) {
			v = values[i]
		}
		c.Valid.Set(i, true)
		c.Bits.Set(i, v.bit)
		c.Numbers, c.Ints = append(c.Numbers, v.number), append(c.Ints, v.whole)
		c.Dict, c.Codes = append(c.Dict, v.text), append(c.Codes, uint32(i))
	}
	return c
}

func (w *wayfinder) reaches(o outcome) bool { return w.better(w.tiering, o.place) }

// found notes the step to a value.
func (w *wayfinder) found(to value, o outcome) {
	w.step.Outcome = echelonv1.PathStep_REACHES
	w.step.Tier = w.scorer.program.TierNames(w.tiering)[o.place]
	c := w.column([]value{to})
	w.step.To = c.Value(0)
}

func (w *wayfinder) none() {
	w.step.Outcome = echelonv1.PathStep_NONE
	w.step.Message = fmt.Sprintf("no value of %s alone reaches a better tier", w.declared.GetName())
}

func (w *wayfinder) unknown() {
	w.step.Outcome = echelonv1.PathStep_NOT_ANALYSED
	w.step.Message = fmt.Sprintf("%s is not analysed: the model reads it in a way that may go up and down", w.declared.GetName())
}

// choose tries the other values of a boolean or of a text whose values are listed, and takes the one that brings the most: the best tier, and in
// it the highest score, the first of equals.
func (w *wayfinder) choose() {
	var values []value
	if w.declared.GetType() == echelonv1.Attribute_BOOLEAN {
		values = []value{{bit: false}, {bit: true}}
	} else {
		for _, text := range w.listed() {
			values = append(values, value{text: text})
		}
	}
	now := w.e.scope.Columns[w.slot(w.declared.GetName())]
	if now.Valid.Get(w.row) {
		values = slices.DeleteFunc(values, func(v value) bool {
			if now.Type == echelonv1.Attribute_BOOLEAN {
				return v.bit == now.Bits.Get(w.row)
			}
			return v.text == now.String(w.row)
		})
	} else if w.stale() {
		w.unknown()
		return
	}
	if len(values) == 0 {
		w.unknown()
		w.step.Message = fmt.Sprintf("%s is not analysed: the model lists no values of it", w.declared.GetName())
		return
	}
	best := outcome{place: math.MaxInt}
	var to value
	for batch := range slices.Chunk(values, maxTried) {
		for i, o := range w.try(batch...) {
			if w.reaches(o) && (o.place < best.place || o.place == best.place && o.score > best.score) {
				best, to = o, batch[i]
			}
		}
	}
	if best.place == math.MaxInt {
		w.none()
		return
	}
	w.found(to, best)
	w.step.Message = fmt.Sprintf("to reach %s, change %s from %s to %s", w.step.GetTier(), w.declared.GetName(), said(w.step.GetFrom()), said(w.step.GetTo()))
}

// stale reports whether the value is missing since it is out of date: another one would be so too.
func (w *wayfinder) stale() bool { return w.declared.GetObservedAt() != "" }

// listed returns the texts that the attribute may be, or else those that a criterion looks up.
func (w *wayfinder) listed() []string {
	if len(w.declared.GetValues()) > 0 {
		return w.declared.GetValues()
	}
	var list []string
	for _, score := range w.scorer.program.scores {
		list = append(list, score.Listed(w.declared.GetName())...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// search finds the nearest value with which the customer is in a better tier, upwards or downwards. The tier is never worse for more in that
// direction, so that it can be closed in on; what is found was evaluated, and so was the value before it, which does not reach.
func (w *wayfinder) search(up bool) {
	at, steps := w.lattice(up)
	if steps == 0 || !w.reaches(w.try(at(steps))[0]) {
		w.none()
		return
	}
	low, high := uint64(0), steps
	for high-low > 1 {
		width := max(1, (high-low)/(maxTried+1))
		var places []uint64
		for place := low + width; place < high && len(places) < maxTried; place += width {
			places = append(places, place)
		}
		values := make([]value, len(places))
		for i, place := range places {
			values[i] = at(place)
		}
		made := w.try(values...)
		for i, place := range places {
			if w.reaches(made[i]) {
				high = place
				break
			}
			low = place
		}
	}
	w.found(at(high), w.try(at(high))[0])
	w.step.Message = w.words(up, at(high))
}

// lattice returns the values that the attribute can have from where it is on, by their distance, and how many there are.
func (w *wayfinder) lattice(up bool) (at func(uint64) value, steps uint64) {
	now := w.e.scope.Columns[w.slot(w.declared.GetName())]
	sign := int64(1)
	if !up {
		sign = -1
	}
	switch w.declared.GetType() {
	case echelonv1.Attribute_DATE:
		first, _ := frame.ParseDate("0001-01-01")
		last, _ := frame.ParseDate("9999-12-31")
		from := now.Ints[w.row]
		return func(i uint64) value { return value{whole: from + sign*int64(i)} }, distance(up, from, first, last)
	case echelonv1.Attribute_INTEGER:
		from := int64(now.Numbers[w.row])
		return func(i uint64) value { return value{number: float64(from + sign*int64(i))} }, distance(up, from, -frame.MaxInteger, frame.MaxInteger)
	}
	from := rank(now.Numbers[w.row] + 0)
	return func(i uint64) value { return value{number: unrank(from+sign*int64(i)) + 0} }, distance(up, from, rank(-maxNumber), rank(maxNumber))
}

// distance is how many steps there are upwards, or downwards; none from beyond.
func distance(up bool, from, first, last int64) uint64 {
	switch {
	case up && from < last:
		return uint64(last - from)
	case !up && from > first:
		return uint64(from - first)
	}
	return 0
}

// rank numbers all doubles in their order, 0 and -0 as one.
func rank(x float64) int64 {
	bits := int64(math.Float64bits(math.Abs(x)))
	if x < 0 {
		return -bits
	}
	return bits
}

func unrank(i int64) float64 {
	if i < 0 {
		return -math.Float64frombits(uint64(-i))
	}
	return math.Float64frombits(uint64(i))
}

// words says a step along numbers or days.
func (w *wayfinder) words(up bool, to value) string {
	name, verb, unit := w.declared.GetName(), "raise", ""
	if !up {
		verb = "lower"
	}
	if w.declared.GetUnit() != "" {
		unit = " " + w.declared.GetUnit()
	}
	if w.declared.GetType() == echelonv1.Attribute_DATE {
		beyond := "later"
		if !up {
			beyond = "earlier"
		}
		return fmt.Sprintf("to reach %s, move %s from %s to %s or %s", w.step.GetTier(), name, said(w.step.GetFrom()), said(w.step.GetTo()), beyond)
	}
	return fmt.Sprintf("to reach %s, %s %s from %s to %s%s", w.step.GetTier(), verb, name, said(w.step.GetFrom()), w.round(up, to.number), unit)
}

// round writes a number as people would: with as few digits as lie beyond it, by at most a hundredth of the way there.
func (w *wayfinder) round(up bool, to float64) string {
	way := math.Abs(to - w.step.GetFrom().GetNumberValue())
	for power := int(math.Ceil(math.Log10(way))); power > -16; power-- {
		unit := math.Pow(10, float64(power))
		near := math.Ceil(to/unit) * unit
		if !up {
			near = math.Floor(to/unit) * unit
		}
		near, _ = strconv.ParseFloat(strconv.FormatFloat(near, 'f', max(0, -power), 64), 64)
		beyond := up && near >= to || !up && near <= to
		if beyond && math.Abs(near-to) <= way/100 && w.reaches(w.try(value{number: near})[0]) {
			return frame.FormatNumber(near + 0)
		}
	}
	return frame.FormatNumber(to)
}

// said writes a value for people.
func said(v *structpb.Value) string {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return frame.FormatNumber(kind.NumberValue)
	case *structpb.Value_BoolValue:
		return strconv.FormatBool(kind.BoolValue)
	case *structpb.Value_StringValue:
		return kind.StringValue
	}
	return "nothing"
}
