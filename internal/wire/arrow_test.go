package wire_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestTheFirstBytesOfARequestTellWhereItsArrowBegins(t *testing.T) {
	for _, sequence := range []int64{0, 1, 127, 128, 1 << 40} {
		for _, size := range []int{1, 127, 128, 20_000, 3_000_000} {
			request, err := proto.Marshal(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{
				Batch: &echelonv1.CustomerBatch{Sequence: sequence, Arrow: bytes.Repeat([]byte{7}, size)},
			}})
			if err != nil {
				t.Fatal(err)
			}
			batch, ok := wire.Split(request)
			if !ok || len(batch.Arrow) != size {
				t.Fatalf("batch %d of %d bytes is not found", sequence, size)
			}
			if got, want := wire.ArrowAt(request[:min(len(request), 40)]), len(request)-size; got != want {
				t.Errorf("the Arrow of batch %d of %d bytes begins at %d, not at %d", sequence, size, want, got)
			}
		}
	}
}

func TestARequestWithoutArrowHasNoPlaceWhereItBegins(t *testing.T) {
	rows, err := proto.Marshal(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{
		Batch: &echelonv1.CustomerBatch{Sequence: 3, Rows: &echelonv1.CustomerRows{Customers: []*echelonv1.Customer{{Id: "a"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range [][]byte{nil, {0x12}, {0x12, 0xFF}, {0x12, 0x05, 0x08}, {0x12, 0x05, 0x08, 0xFF}, {0x12, 0x05, 0xC2}, {0x12, 0x05, 0xC2, 0x0C}, {0x0A, 0x05}, rows} {
		if at := wire.ArrowAt(request); at != 0 {
			t.Errorf("the Arrow of %x begins at %d, and it has none", request, at)
		}
	}
}
