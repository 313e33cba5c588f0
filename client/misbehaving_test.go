package client_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// altered answers as a service does, but for its nth answer to a batch, which it sends as change makes it.
type altered struct {
	assignServer
	answers *int
	nth     int
	change  func(*echelonv1.AssignmentBatch) []*echelonv1.BulkAssignResponse
}

func (a altered) Send(res *echelonv1.BulkAssignResponse) error {
	all := []*echelonv1.BulkAssignResponse{res}
	if b := res.GetBatch(); b != nil {
		if *a.answers++; *a.answers == a.nth {
			all = a.change(proto.CloneOf(b))
		}
	}
	for _, res := range all {
		if err := a.assignServer.Send(res); err != nil {
			return err
		}
	}
	return nil
}

// edit is an answer that is sent after a change.
func edit(change func(*echelonv1.AssignmentBatch)) func(*echelonv1.AssignmentBatch) []*echelonv1.BulkAssignResponse {
	return func(b *echelonv1.AssignmentBatch) []*echelonv1.BulkAssignResponse {
		change(b)
		return []*echelonv1.BulkAssignResponse{assigned(b)}
	}
}

func rowError(index int64) *echelonv1.RowError { return &echelonv1.RowError{Index: index} }

func TestAnAnswerThatBreaksTheProtocolIsAnError(t *testing.T) {
	type responses = []*echelonv1.BulkAssignResponse
	// The second answer, to the customers c3, c4 and c5, of four.
	for _, test := range []struct {
		name   string
		change func(*echelonv1.AssignmentBatch) []*echelonv1.BulkAssignResponse
		want   string
	}{
		{"missing", func(*echelonv1.AssignmentBatch) responses { return nil }, "batch 3 was answered where batch 2 was to be"},
		{"twice", func(b *echelonv1.AssignmentBatch) responses { return responses{assigned(b), assigned(b)} }, "batch 2 was answered where batch 3 was to be"},
		{"early", edit(func(b *echelonv1.AssignmentBatch) { b.Sequence = 3 }), "batch 3 was answered where batch 2 was to be"},
		{"no sequence", edit(func(b *echelonv1.AssignmentBatch) { b.Sequence = 0 }), "batch 0 was answered where batch 2 was to be"},
		{"opened again", func(*echelonv1.AssignmentBatch) responses { return responses{opened()} }, "a message that answers no batch came where batch 2"},
		{"empty", func(*echelonv1.AssignmentBatch) responses { return responses{{}} }, "a message that answers no batch came where batch 2"},
		{"a row short", edit(func(b *echelonv1.AssignmentBatch) { b.Assignments = b.Assignments[1:] }), "batch 2 of 3 rows has 2 assignments and 0 errors"},
		{"a row too many", edit(func(b *echelonv1.AssignmentBatch) { b.Assignments = append(b.Assignments, b.Assignments[0]) }), "4 assignments and 0 errors"},
		{"an assignment and an error for a row", edit(func(b *echelonv1.AssignmentBatch) {
			b.Errors = append(b.Errors, rowError(1))
		}), "3 assignments and 1 errors"},
		{"rows swapped", edit(func(b *echelonv1.AssignmentBatch) {
			b.Assignments[0], b.Assignments[1] = b.Assignments[1], b.Assignments[0]
		}), `row 0 of batch 2 is customer "c3" and was answered for customer "c4"`},
		{"an error beyond the rows", edit(func(b *echelonv1.AssignmentBatch) {
			b.Assignments, b.Errors = b.Assignments[1:], append(b.Errors, rowError(3))
		}), "batch 2 of 3 rows has an error for row 3"},
		{"an error before the rows", edit(func(b *echelonv1.AssignmentBatch) {
			b.Assignments, b.Errors = b.Assignments[1:], append(b.Errors, rowError(-1))
		}), "an error for row -1"},
		{"an error twice", edit(func(b *echelonv1.AssignmentBatch) {
			b.Assignments, b.Errors = b.Assignments[2:], append(b.Errors, rowError(1), rowError(1))
		}), "an error for row 1 after one for row 1"},
		{"errors out of order", edit(func(b *echelonv1.AssignmentBatch) {
			b.Assignments, b.Errors = b.Assignments[2:], append(b.Errors, rowError(2), rowError(0))
		}), "an error for row 0 after one for row 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{bulkAssign: func(s assignServer) error {
				answers := 0
				return honest(altered{s, &answers, 2, test.change})
			}}, client.WithBatchRows(3))
			outcomes, err := collect(t, c.BulkAssign(t.Context(), header, numbered(12)))
			checkBroken(t, err, test.want)
			if len(outcomes) < 3 || outcomes[2].Assignment.GetCustomerId() != "c2" {
				t.Errorf("the first batch's outcomes are %v", outcomes)
			}
		})
	}
}

func TestAStreamThatBreaksTheProtocolIsAnError(t *testing.T) {
	for _, test := range []struct {
		name  string
		serve func(assignServer) error
		want  string
	}{
		{"it ends before the header is answered", func(assignServer) error { return nil }, "the stream ended before its header was answered"},
		{"it answers the header with a batch", func(s assignServer) error {
			return s.Send(assigned(&echelonv1.AssignmentBatch{Sequence: 1}))
		}, "the first message of the stream does not answer its header"},
		{"it ends before a batch is answered", func(s assignServer) error { return s.Send(opened()) }, "the stream ended before batch 1 was answered"},
		{"it goes on after the last batch", func(s assignServer) error {
			if err := honest(s); err != nil {
				return err
			}
			return s.Send(assigned(&echelonv1.AssignmentBatch{Sequence: 5}))
		}, "there is an answer after that to the last batch"},
		{"it never ceases to answer", func(s assignServer) error {
			if err := s.Send(opened()); err != nil {
				return err
			}
			for {
				if err := s.Send(assigned(&echelonv1.AssignmentBatch{Sequence: 7})); err != nil {
					return err
				}
			}
		}, "batch 7 was answered where batch 1 was to be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{bulkAssign: test.serve}, client.WithBatchRows(3))
			_, err := collect(t, c.BulkAssign(t.Context(), header, numbered(12)))
			checkBroken(t, err, test.want)
		})
	}
}

func checkBroken(t *testing.T, err error, want string) {
	t.Helper()
	if client.ReasonOf(err) != echelonv1.ErrorReason_INTERNAL_FAULT || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want a broken protocol with %q", err, want)
	}
}

func TestAHeaderThatCannotBeEncodedIsAnError(t *testing.T) {
	c := start(t, &fake{bulkAssign: honest})
	bad := &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("\xff", 0)}
	_, err := collect(t, c.BulkAssign(t.Context(), bad, numbered(1)))
	if err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("error %v", err)
	}
}
