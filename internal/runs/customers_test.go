package runs

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Who is refused takes memory too, though a frame does not have it: a population of which most is refused is kept no further than any other.
func TestWhatIsKeptOfThoseWhoAreRefusedCounts(t *testing.T) {
	batch, least := &storage.CustomerBatch{Frame: frame.NewBuilder(frame.NewSchema()).Take()}, 0
	for i := range 1000 {
		refused := &echelonv1.RowError{CustomerId: fmt.Sprintf("c%03d", i), Message: "kind: the value is none of a, b"}
		batch.Errors = append(batch.Errors, refused)
		least += proto.Size(refused)
	}
	if got := sizeOf(batch); got < int64(least) {
		t.Errorf("%d refused customers take %d bytes, and %d are counted", len(batch.Errors), least, got)
	}
}
