package arrowframe

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// firstDay and lastDay are those of the years 0001 and 9999.
var firstDay, lastDay = dayNamed("0001-01-01"), dayNamed("9999-12-31")

func dayNamed(text string) int64 {
	day, err := frame.ParseDate(text)
	if err != nil {
		panic(err) // it is one of two constants
	}
	return day
}

// inRange reports whether a day or an instant is within the years that attributes have.
func inRange(of echelonv1.Attribute_Type, x int64) bool {
	if of == echelonv1.Attribute_DATE {
		return x >= firstDay && x <= lastDay
	}
	return x >= firstDay*microsPerDay && x < (lastDay+1)*microsPerDay
}

// times takes a column of days, or of instants in microseconds.
func (d *decoding) times(c *frame.Column, field frame.Field, of arrow.Array) bool {
	switch a := of.(type) {
	case *array.Date32:
		c.Ints = integers(d, a.Date32Values()[:d.rows], c.Valid)
	case *array.Timestamp:
		if field.Type != echelonv1.Attribute_TIMESTAMP || a.DataType().(*arrow.TimestampType).Unit != arrow.Microsecond {
			return false
		}
		c.Ints = integers(d, a.TimestampValues()[:d.rows], c.Valid)
	default:
		return false
	}
	for i, x := range c.Ints {
		if !inRange(field.Type, x) {
			d.suspect(i)
		}
	}
	return true
}

// integers returns days or instants, zero where there is none.
func integers[T ~int32 | ~int64](d *decoding, values []T, valid frame.Bitmap) []int64 {
	to := d.memory.newInts(len(values))
	for i, x := range values {
		if valid.Get(i) {
			to[i] = int64(x)
		}
	}
	return to
}
