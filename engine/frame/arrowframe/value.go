package arrowframe

import (
	"math"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// fault is why a value cannot be taken; the message follows the field's name.
type fault struct {
	code    echelonv1.RowError_Code
	message string
}

// value is a cell as a field takes it. What else is wrong with it, such as a number that is not finite, is the builder's to say.
type value struct {
	set    bool
	number float64
	truth  bool
	int    int64
	text   string
	list   []string
}

// resolve returns what a field makes of a cell of a column that it takes.
func resolve(field frame.Field, c Cell) (value, *fault) {
	switch c.Kind {
	case Missing:
		return value{}, nil
	case Number, Whole:
		return value{set: true, number: c.Number}, nil
	case Inexact:
		if field.Type == echelonv1.Attribute_INTEGER && math.Abs(c.Number) > frame.MaxInteger {
			return value{set: true, number: c.Number}, nil // the builder refuses it
		}
		return value{}, &fault{echelonv1.RowError_OUT_OF_RANGE,
			c.Text + " has more digits than a number keeps: round it, or cast the column to float64 where the nearest number will do"}
	case Truth:
		return value{set: true, truth: c.Truth}, nil
	case List:
		return value{set: true, list: c.Items}, nil
	case Holed:
		return value{}, &fault{echelonv1.RowError_WRONG_TYPE, "the list has a null in it: leave it out"}
	case Finer:
		return value{}, &fault{echelonv1.RowError_WRONG_TYPE, frame.Quote(c.Text) + " is finer than a microsecond: cast the column to timestamp[us]"}
	case Day:
		return value{set: true, int: c.Int}, nil
	case Instant:
		return resolveInstant(field, c.Int)
	}
	return resolveText(field, c.Text)
}

func resolveInstant(field frame.Field, micros int64) (value, *fault) {
	if field.Type != echelonv1.Attribute_DATE {
		return value{set: true, int: micros}, nil
	}
	day := frame.FloorDay(micros)
	if micros%microsPerDay != 0 {
		return value{}, &fault{echelonv1.RowError_WRONG_TYPE,
			frame.Quote(frame.FormatTimestamp(micros)) + " has a time of day, and the attribute is a DATE: cast the column to date32"}
	}
	return value{set: true, int: day}, nil
}

func resolveText(field frame.Field, text string) (value, *fault) {
	var n int64
	var err error
	switch field.Type {
	case echelonv1.Attribute_DATE:
		n, err = frame.ParseDate(text)
	case echelonv1.Attribute_TIMESTAMP:
		n, err = frame.ParseTimestamp(text)
	}
	if err != nil {
		return value{}, &fault{echelonv1.RowError_WRONG_TYPE, err.Error()}
	}
	return value{set: true, int: n, text: text}, nil
}

// Give gives the row that is being built a cell of a column that its field takes, or refuses it.
func Give(b *frame.Builder, i int, c Cell) {
	field := b.Schema().Field(i)
	v, wrong := resolve(field, c)
	switch {
	case wrong != nil:
		b.Fail(field.Name, wrong.code, "%s: %s", field.Name, wrong.message)
		return
	case !v.set:
		return
	}
	switch field.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		b.SetNumber(i, v.number)
	case echelonv1.Attribute_BOOLEAN:
		b.SetBool(i, v.truth)
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		b.SetInt(i, v.int)
	case echelonv1.Attribute_STRING:
		b.SetString(i, v.text)
	case echelonv1.Attribute_STRING_LIST:
		b.SetList(i, v.list)
	}
}
