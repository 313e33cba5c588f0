package arrowframe

import (
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/echelonhq/echelon/engine/frame"
)

// Kind is what a cell of a record batch holds.
type Kind int

// The kinds of cells.
const (
	// Missing is null.
	Missing Kind = iota
	// Number is a double.
	Number
	// Whole is a whole number that a double holds exactly.
	Whole
	// Inexact is a number that no double holds exactly; its text is the number.
	Inexact
	// Truth is true or false.
	Truth
	// Text is a text.
	Text
	// Day is days since 1970-01-01.
	Day
	// Instant is microseconds since 1970. One without a time zone is of UTC.
	Instant
	// Finer is an instant with digits below the microsecond; its text is the instant.
	Finer
	// List is a list of texts.
	List
	// Holed is a list with a null in it.
	Holed
)

// Cell is one value of a record batch.
type Cell struct {
	// Kind says which of the others holds it.
	Kind Kind
	// Number is a Number or a Whole; of an Inexact it is the nearest double.
	Number float64
	// Int is a Day or an Instant.
	Int int64
	// Truth is a Truth.
	Truth bool
	// Text is a Text, and the digits of an Inexact or a Finer.
	Text string
	// Items are those of a List.
	Items []string
}

// String returns the cell as people write it; nothing for a missing one.
func (c Cell) String() string {
	switch c.Kind {
	case Number, Whole:
		return frame.FormatNumber(c.Number)
	case Truth:
		return strconv.FormatBool(c.Truth)
	case Day:
		return frame.FormatDate(c.Int)
	case Instant:
		return frame.FormatTimestamp(c.Int)
	case List:
		return strings.Join(c.Items, "|")
	}
	return c.Text
}

// CellOf returns row i of a column whose type Readable accepts. Texts are copies.
func CellOf(of arrow.Array, i int) Cell {
	if of.IsNull(i) {
		return Cell{}
	}
	switch a := of.(type) {
	case *array.Null:
		return Cell{}
	case *array.Dictionary:
		return CellOf(a.Dictionary(), a.GetValueIndex(i))
	case array.ExtensionArray:
		return CellOf(a.Storage(), i)
	case *array.Boolean:
		return Cell{Kind: Truth, Truth: a.Value(i)}
	case *array.Date32:
		return Cell{Kind: Day, Int: int64(a.Value(i))}
	case *array.Date64:
		return dayOf(int64(a.Value(i)))
	case *array.Timestamp:
		return instantOf(int64(a.Value(i)), a.DataType().(*arrow.TimestampType).Unit)
	case array.ListLike:
		return listOf(a, i)
	}
	if text, is := textOf(of, i); is {
		return Cell{Kind: Text, Text: text}
	}
	return numberOf(of, i)
}

// textOf returns a text, copied, of a column that has texts.
func textOf(of arrow.Array, i int) (string, bool) {
	switch a := of.(type) {
	case *array.String:
		return string([]byte(a.Value(i))), true
	case *array.LargeString:
		return string([]byte(a.Value(i))), true
	case *array.StringView:
		return string([]byte(a.Value(i))), true
	}
	return "", false
}

func numberOf(of arrow.Array, i int) Cell {
	switch a := of.(type) {
	case *array.Float64:
		return Cell{Kind: Number, Number: a.Value(i)}
	case *array.Float32:
		return Cell{Kind: Number, Number: float64(a.Value(i))}
	case *array.Float16:
		return Cell{Kind: Number, Number: float64(a.Value(i).Float32())}
	case *array.Int8:
		return wholeOf(int64(a.Value(i)))
	case *array.Int16:
		return wholeOf(int64(a.Value(i)))
	case *array.Int32:
		return wholeOf(int64(a.Value(i)))
	case *array.Int64:
		return wholeOf(a.Value(i))
	case *array.Uint8:
		return wholeOf(int64(a.Value(i)))
	case *array.Uint16:
		return wholeOf(int64(a.Value(i)))
	case *array.Uint32:
		return wholeOf(int64(a.Value(i)))
	case *array.Uint64:
		if x := a.Value(i); x > math.MaxInt64 {
			return Cell{Kind: Inexact, Number: float64(x), Text: strconv.FormatUint(x, 10)}
		}
		return wholeOf(int64(a.Value(i)))
	case *array.Decimal32:
		return decimalOf(a.Value(i).ToString(a.DataType().(*arrow.Decimal32Type).Scale))
	case *array.Decimal64:
		return decimalOf(a.Value(i).ToString(a.DataType().(*arrow.Decimal64Type).Scale))
	case *array.Decimal128:
		return decimalOf(a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Decimal256:
		return decimalOf(a.Value(i).ToString(a.DataType().(*arrow.Decimal256Type).Scale))
	}
	panic("arrowframe: a column of the type " + of.DataType().String() + " was let in")
}

func wholeOf(x int64) Cell {
	if x > frame.MaxInteger || x < -frame.MaxInteger {
		return Cell{Kind: Inexact, Number: float64(x), Text: strconv.FormatInt(x, 10)}
	}
	return Cell{Kind: Whole, Number: float64(x)}
}

// exactDigits is how many digits of a decimal any double keeps.
const exactDigits = 15

// decimalOf returns a decimal as the double that writes the same digits, as a file's cell is read.
func decimalOf(text string) Cell {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || digits(text) > exactDigits && strconv.FormatFloat(x, 'f', fraction(text), 64) != text {
		return Cell{Kind: Inexact, Number: x, Text: text}
	}
	if x == 0 {
		x = 0 // not the zero below it
	}
	return Cell{Kind: Number, Number: x}
}

// digits counts the digits of a decimal that are not leading zeros.
func digits(text string) int {
	n := 0
	for _, c := range []byte(text) {
		if c >= '1' && c <= '9' || c == '0' && n > 0 {
			n++
		}
	}
	return n
}

// fraction counts the digits behind the point.
func fraction(text string) int {
	for i := range len(text) {
		if text[i] == '.' {
			return len(text) - i - 1
		}
	}
	return 0
}

const (
	millisPerDay   = 24 * 60 * 60 * 1000
	microsPerDay   = millisPerDay * 1000
	microsPerMilli = 1000
)

// dayOf returns what a date64 says: the day that its milliseconds begin, or the instant where they do not.
func dayOf(millis int64) Cell {
	if millis%millisPerDay == 0 {
		return Cell{Kind: Day, Int: millis / millisPerDay}
	}
	return instantOf(millis, arrow.Millisecond)
}

// instantOf returns an instant in microseconds. Of one too far away for them the nearest is kept, which no attribute takes either.
func instantOf(x int64, unit arrow.TimeUnit) Cell {
	scale := int64(1)
	switch unit {
	case arrow.Second:
		scale = 1_000_000
	case arrow.Millisecond:
		scale = microsPerMilli
	case arrow.Nanosecond:
		if x%1000 != 0 {
			return Cell{Kind: Finer, Text: arrow.Timestamp(x).ToTime(unit).UTC().Format("2006-01-02T15:04:05.999999999Z")}
		}
		return Cell{Kind: Instant, Int: x / 1000}
	}
	switch most := math.MaxInt64 / scale; {
	case x > most:
		return Cell{Kind: Instant, Int: math.MaxInt64}
	case x < -most:
		return Cell{Kind: Instant, Int: math.MinInt64}
	}
	return Cell{Kind: Instant, Int: x * scale}
}

func listOf(a array.ListLike, i int) Cell {
	from, to := a.ValueOffsets(i)
	c := Cell{Kind: List, Items: make([]string, 0, min(to-from, 16))}
	for k := from; k < to; k++ {
		item := CellOf(a.ListValues(), int(k))
		if item.Kind != Text {
			return Cell{Kind: Holed}
		}
		c.Items = append(c.Items, item.Text)
	}
	return c
}
