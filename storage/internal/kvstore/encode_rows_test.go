package kvstore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// people are customers of several groups, whose rows are of different lengths.
func people(n int) *frame.Frame {
	schema := frame.ModelSchema([]*echelonv1.Attribute{{Name: "x", Type: echelonv1.Attribute_NUMBER}, {Name: "note", Type: echelonv1.Attribute_STRING}})
	b := frame.NewBuilder(schema)
	for i := range n {
		b.Start(fmt.Sprintf("c%05d", i))
		b.SetNumber(0, float64(i)/3)
		b.SetString(1, strings.Repeat("ä", i%700))
		if refused := b.Commit(); refused != nil {
			panic(refused.GetMessage())
		}
	}
	return b.Take()
}

func TestRowsThatAreEncodedAheadAreThoseOfOneGroup(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, n := range []int{0, 1, groupRows - 1, groupRows, groupRows + 1, 3*groupRows + 7} {
		customers, encoder := people(n), rowcodec.NewEncoder([]uint32{7, 3})
		want, _, err := encodeGroup(encoder, customers, 0, n, 99, 0)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for rows, err := range encodeRows(encoder, customers, 99) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows.keys {
				if !bytes.Equal(rows.keys[i], want.keys[at]) || !bytes.Equal(rows.values[i], want.values[at]) {
					t.Fatalf("row %d of %d is %x: %x, want %x: %x", at, n, rows.keys[i], rows.values[i], want.keys[at], want.values[at])
				}
				at++
			}
		}
		if at != n {
			t.Errorf("%d rows are encoded, want %d", at, n)
		}
	}
}

func TestEncodingAheadEndsWithWhoeverLooks(t *testing.T) {
	defer goleak.VerifyNone(t)
	customers, encoder := people(5*groupRows), rowcodec.NewEncoder([]uint32{1, 2})
	for range encodeRows(encoder, customers, 0) {
		break
	}
	customers.IDs[0] = "nobody reads it any more" // the race detector would tell
}

func TestARowThatCannotBeStoredEndsItsFrame(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, wrong := range []int{0, groupRows - 1, groupRows, 2*groupRows + 5} {
		customers, groups := people(3*groupRows), 0
		customers.IDs[wrong] = ""
		var err error
		for rows, e := range encodeRows(rowcodec.NewEncoder([]uint32{1, 2}), customers, 0) {
			if err = e; rows != nil {
				groups++
			}
		}
		if !errors.Is(err, storage.ErrInvalid) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("row %d ", wrong)) || groups != wrong/groupRows {
			t.Errorf("row %d: %d groups and then %v", wrong, groups, err)
		}
	}
}

func TestAPanicWhileEncodingAheadIsTheCallers(t *testing.T) {
	defer goleak.VerifyNone(t)
	customers := people(3 * groupRows)
	customers.Columns[0].Type = 0
	defer func() {
		if recover() == nil {
			t.Error("nobody heard of it")
		}
	}()
	for range encodeRows(rowcodec.NewEncoder([]uint32{1, 2}), customers, 0) {
		t.Fatal("rows without a type are encoded")
	}
}
