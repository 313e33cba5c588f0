package arrowframe_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// dictionaries are batches of a column of texts and one of lists of texts, whose dictionaries have one text.
func withDictionaries(t *testing.T, text string, options ...ipc.Option) []byte {
	t.Helper()
	codes := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "customer_id", Type: arrow.BinaryTypes.String}, {Name: "plan", Type: codes}, {Name: "tags", Type: arrow.ListOf(codes)},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).Append("a")
	list := b.Field(2).(*array.ListBuilder)
	list.Append(true)
	for _, to := range []array.Builder{b.Field(1), list.ValueBuilder()} {
		if err := to.(*array.BinaryDictionaryBuilder).AppendString(text); err != nil {
			t.Fatal(err)
		}
	}
	return written(t, b.NewRecordBatch(), options...)
}

var planAndTags = frame.NewSchema(frame.Field{Name: "plan", Type: echelonv1.Attribute_STRING}, frame.Field{Name: "tags", Type: echelonv1.Attribute_STRING_LIST})

// What a stream says does not depend on the streams before it: also where it begins as they do, and other dictionaries follow.
func TestDictionariesBehindABeginningThatIsKnownAreRead(t *testing.T) {
	free, paid := withDictionaries(t, "free"), withDictionaries(t, "paid")
	parts, others := arrowframe.Parts(free), arrowframe.Parts(paid)
	if len(parts) != 4 || len(others) != 4 { // a schema, two dictionaries and the record batch
		t.Fatalf("the streams have %d and %d parts", len(parts), len(others))
	}
	both := bytes.Join(slices.Concat(parts[:3], others[1:3], parts[3:]), nil)
	both = append(both, free[len(free)-8:]...)
	var lent arrowframe.Memory
	reader := arrowframe.NewReader(planAndTags, arrowframe.Options{})
	for i, sent := range []struct {
		stream []byte
		text   string
	}{{free, "free"}, {both, "paid"}, {free, "free"}, {free, "free"}, {both, "paid"}, {both, "paid"}, {paid, "paid"}} {
		read, err := reader.ReadInto(&lent, sent.stream)
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		plan, tags := &read.Frame.Columns[0], &read.Frame.Columns[1]
		if got := plan.Dict[plan.Codes[0]]; got != sent.text || !slices.Equal(tags.List(0), []string{sent.text}) {
			t.Errorf("stream %d has the plan %s and the tags %s, want %s", i, got, tags.List(0), sent.text)
		}
		lent.Reset()
	}
}

// A few bytes can be megabytes of a dictionary: those are not kept for as long as the connection lasts.
func TestDictionariesThatUnpackToMegabytesAreNotKept(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		options []ipc.Option
		kept    bool
	}{
		"small":             {"free", nil, true},
		"small, compressed": {"free", []ipc.Option{ipc.WithZstd()}, true},
		"large, compressed": {strings.Repeat("x", 8<<20), []ipc.Option{ipc.WithZstd()}, false},
		"large":             {strings.Repeat("x", 8<<20), nil, false},
	} {
		var lent arrowframe.Memory
		read, err := arrowframe.NewReader(planAndTags, arrowframe.Options{}).ReadInto(&lent, withDictionaries(t, test.text, test.options...))
		if err != nil || read.Rows != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		if got := arrowframe.Keeps(&lent); got != test.kept {
			t.Errorf("%s: kept is %t", name, got)
		}
	}
}
