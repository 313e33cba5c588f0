package server_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// Rows are read into memory of the batch before; that of an Arrow batch is the message's, which others use by then.
func TestRowsAndArrowTakeTurnsInTheMemoryOfOneStream(t *testing.T) {
	program, found := engine.Compile(model(t, plain))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	h := start(t, func(c *server.Config) { c.MaxEvaluations = 1 })
	h.create(plain)
	rows, mixed := []any{bulkAssign.header()}, []any{bulkAssign.header()}
	for i := range int64(24) {
		batch := manyCustomers(fmt.Sprint(i), 40, attrs{"arr": float64(i)})
		rows = append(rows, bulkAssign.rows(i+1, batch...))
		if i%3 == 1 {
			mixed = append(mixed, bulkAssign.rows(i+1, batch...))
		} else {
			mixed = append(mixed, bulkAssign.arrow(i+1, asArrow(t, program.Schema(), batch...)))
		}
	}
	outcomes := func(messages []any) (all []*echelonv1.Assignment) {
		answers, err := h.exchange(bulkAssign, messages...)
		h.must(err)
		for _, answer := range answers {
			all = append(all, answer.(*echelonv1.BulkAssignResponse).GetBatch().GetAssignments()...)
		}
		return all
	}
	if diff := cmp.Diff(outcomes(rows), outcomes(mixed), protocmp.Transform()); diff != "" {
		t.Errorf("(-rows +rows and Arrow)\n%s", diff)
	}
}
