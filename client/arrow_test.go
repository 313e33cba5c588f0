package client_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// The service of these tests reads of a batch how many rows it has, and which of them it refuses: no client looks into one.
func written(rows, refused int) []byte { return fmt.Appendf(nil, "%d rows, refused %d", rows, refused) }

func read(stream []byte) (rows, refused int, err error) {
	_, err = fmt.Sscanf(string(stream), "%d rows, refused %d", &rows, &refused)
	return rows, refused, err
}

func refusal(row int) []*echelonv1.RowError {
	if row < 0 {
		return nil
	}
	return []*echelonv1.RowError{{Index: int64(row), Code: echelonv1.RowError_WRONG_TYPE}}
}

// byArrow answers a stream of Arrow batches as a service does.
func byArrow(change func(*echelonv1.AssignmentBatch)) func(assignServer) error {
	return func(s assignServer) error {
		first, err := s.Recv()
		if err != nil {
			return err
		}
		if !first.GetHeader().GetArrowAnswers() {
			return errors.New("answers by rows are asked for")
		}
		if err := s.Send(opened()); err != nil {
			return err
		}
		for {
			request, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			rows, refused, err := read(request.GetBatch().GetArrow())
			if err != nil {
				return err
			}
			answer := &echelonv1.AssignmentBatch{
				Sequence: request.GetBatch().GetSequence(), Rows: int64(rows), Errors: refusal(refused),
				Arrow: append([]byte("outcomes of "), request.GetBatch().GetArrow()...),
			}
			if change != nil {
				change(answer)
			}
			if err := s.Send(assigned(answer)); err != nil {
				return err
			}
		}
	}
}

// streams are batches of 1, 2, 3 and so on rows, of which each second one has its last row refused.
func streams(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range n {
			if !yield(written(i+1, (i+1)%2*(i+1)-1), nil) {
				return
			}
		}
	}
}

// answersTo are the answers to these.
func answersTo(n int) []client.ArrowAnswer {
	var answers []client.ArrowAnswer
	first := int64(0)
	for i := range n {
		refused := (i+1)%2*(i+1) - 1
		a := client.ArrowAnswer{
			First: first, Rows: int64(i + 1), Provenance: provenance, Arrow: append([]byte("outcomes of "), written(i+1, refused)...), Errors: refusal(refused),
		}
		for _, row := range a.Errors {
			row.Index += first
		}
		first += a.Rows
		answers = append(answers, a)
	}
	return answers
}

func TestArrowBatchesAreAnsweredInOrderAndCountTheRowsOfAll(t *testing.T) {
	for _, window := range []int{1, 3, 50} {
		t.Run(fmt.Sprintf("a window of %d", window), func(t *testing.T) {
			c := start(t, &fake{bulkAssign: byArrow(nil)}, client.WithWindow(window))
			got, err := collect(t, c.BulkAssignArrow(t.Context(), header, streams(20)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(answersTo(20), got, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABrokenStreamOfArrowGoesOn(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			opened := 0
			c := start(t, &fake{bulkAssign: func(s assignServer) error {
				opened++
				return byArrow(nil)(&cut{assignServer: s, nth: 1 + opened%4, err: end})
			}}, client.WithWindow(3), client.WithResume(2), quickly)
			got, err := collect(t, c.BulkAssignArrow(t.Context(), header, streams(20)))
			if err != nil || opened < 5 {
				t.Fatalf("%d streams, error %v", opened, err)
			}
			if diff := cmp.Diff(answersTo(20), got, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnswersThatCannotBeToAnArrowBatchAreAnError(t *testing.T) {
	for name, change := range map[string]func(*echelonv1.AssignmentBatch){
		"by rows":                   func(a *echelonv1.AssignmentBatch) { a.Arrow = nil },
		"an error beyond the rows":  func(a *echelonv1.AssignmentBatch) { a.Errors = refusal(int(a.GetRows())) },
		"more errors than rows":     func(a *echelonv1.AssignmentBatch) { a.Errors, a.Rows = refusal(0), 0 },
		"another batch":             func(a *echelonv1.AssignmentBatch) { a.Sequence++ },
		"errors that are unordered": func(a *echelonv1.AssignmentBatch) { a.Errors = append(refusal(0), refusal(0)...) },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, &fake{bulkAssign: byArrow(change)}, client.WithResume(0))
			_, err := collect(t, c.BulkAssignArrow(t.Context(), header, streams(1)))
			var e *client.Error
			if !errors.As(err, &e) || e.Code != codes.DataLoss && e.Code != codes.Internal {
				t.Error(err)
			}
		})
	}
}

func TestAnArrowBatchThatFitsNoMessageIsSaidAfterTheOnesBeforeIt(t *testing.T) {
	for name, last := range map[string][]byte{"too large": make([]byte, 16<<20), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			c := start(t, &fake{bulkAssign: byArrow(nil)})
			got, err := collect(t, c.BulkAssignArrow(t.Context(), header, func(yield func([]byte, error) bool) {
				_ = yield(written(3, 1), nil) && yield(last, nil)
			}))
			if len(got) != 1 || err == nil {
				t.Errorf("%d answers and the error %v, want one and an error", len(got), err)
			}
		})
	}
}

func TestArrowBatchesAreImportedAndTheirRowsCounted(t *testing.T) {
	c := start(t, &fake{importCustomers: func(s importServer) error {
		for {
			request, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			response := &echelonv1.ImportCustomersResponse{Message: &echelonv1.ImportCustomersResponse_Opened{Opened: &echelonv1.ImportOpened{}}}
			if sent := request.GetBatch(); sent != nil {
				rows, refused, err := read(sent.GetArrow())
				if err != nil {
					return err
				}
				answer := &echelonv1.ImportedBatch{Sequence: sent.GetSequence(), Errors: refusal(refused), Notices: []string{"seen"}, Repeated: rows == 2}
				answer.Stored = int64(rows - len(answer.Errors))
				response.Message = &echelonv1.ImportCustomersResponse_Batch{Batch: answer}
			}
			if err := s.Send(response); err != nil {
				return err
			}
		}
	}})
	got, err := collect(t, c.ImportArrow(t.Context(), &echelonv1.ImportHeader{}, streams(3)))
	if err != nil {
		t.Fatal(err)
	}
	want := []client.ImportProgress{
		{Acknowledged: 1, Stored: 0, Notices: []string{"seen"}, Errors: refusal(0)},
		{Acknowledged: 3, Stored: 2, Repeated: 2, Notices: []string{"seen"}},
		{Acknowledged: 6, Stored: 4, Repeated: 2, Notices: []string{"seen"}, Errors: refusal(5)},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
