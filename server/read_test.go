package server

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// A batch that cannot be decoded leaves nothing in the memory in which an earlier one may be read after it.
func TestNothingOfABatchThatCannotBeDecodedIsInTheNext(t *testing.T) {
	program, found := engine.Compile(&echelonv1.Model{Name: "one", Attributes: []*echelonv1.Attribute{{Name: "arr", Type: echelonv1.Attribute_NUMBER}},
		Segmentations: []*echelonv1.Segmentation{{Name: "size", Segments: []*echelonv1.Segment{{Name: "large", When: "arr > 5"}}, Otherwise: "small", Unknown: "unknown"}}})
	if found.HasMistakes() {
		t.Fatal(found)
	}
	scorer, err := program.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &evaluator{scorer: scorer}
	rows := wire.NewRows(frame.NewBuilder(program.Schema(), frame.UniqueIDs()), false)
	good, err := proto.Marshal(&echelonv1.CustomerRows{Customers: []*echelonv1.Customer{
		{Id: "a", Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{"arr": structpb.NewNumberValue(1)}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	bad := append(append([]byte{}, good...), 0x0a, 0x01, 0xff)
	if _, err := e.read(rows, &rowBatch{raw: bad, count: 2}); err == nil {
		t.Fatal("it is decoded")
	}
	read, err := e.read(rows, &rowBatch{raw: good, count: 1})
	if err != nil || read.Len() != 1 || len(read.refused) > 0 {
		t.Errorf("the next batch of one row is %v, %v", read, err)
	}
}
