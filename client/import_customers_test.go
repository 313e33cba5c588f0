package client_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// importing answers an import by the rules, but for what change does to the answers. It notes the ids that it stored.
func importing(stored *[]string, change func(*echelonv1.ImportedBatch) (*echelonv1.ImportCustomersResponse, error)) func(importServer) error {
	return func(s importServer) error {
		first, err := s.Recv()
		if err != nil || first.GetHeader() == nil {
			return fmt.Errorf("the header is %v: %w", first, err)
		}
		opened := &echelonv1.ImportCustomersResponse_Opened{Opened: &echelonv1.ImportOpened{SchemaVersion: 1}}
		if err := s.Send(&echelonv1.ImportCustomersResponse{Message: opened}); err != nil {
			return err
		}
		for {
			request, err := s.Recv()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			res, err := change(storeBatch(request.GetBatch(), stored))
			if err != nil {
				return err
			}
			if err := s.Send(res); err != nil {
				return err
			}
		}
	}
}

func storeBatch(b *echelonv1.CustomerBatch, stored *[]string) *echelonv1.ImportedBatch {
	answer := &echelonv1.ImportedBatch{Sequence: b.GetSequence()}
	for i, customer := range b.GetRows().GetCustomers() {
		if refusal := refuse(i, customer); refusal != nil {
			answer.Errors = append(answer.Errors, refusal)
			continue
		}
		*stored = append(*stored, customer.GetId())
		answer.Stored++
	}
	return answer
}

func imported(b *echelonv1.ImportedBatch) (*echelonv1.ImportCustomersResponse, error) {
	return &echelonv1.ImportCustomersResponse{Message: &echelonv1.ImportCustomersResponse_Batch{Batch: b}}, nil
}

func TestImportTellsItsProgressAfterEachBatch(t *testing.T) {
	var stored []string
	c := start(t, &fake{importCustomers: importing(&stored, imported)}, client.WithBatchRows(3))
	got, err := collect(t, c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{}, all(
		customer("c0"), customer("\xff"), customer("c2", "refuse", true), // one of each
		customer("\xff"), customer("\xff"), customer("\xff"), // nothing to send
		customer("c6", "refuse", true), customer("c7", "x", "\xff"), customer("c8"),
		customer("c9"))))
	if err != nil {
		t.Fatal(err)
	}
	byService := func(i int64, id string) *echelonv1.RowError {
		return &echelonv1.RowError{Index: i, CustomerId: id, Field: "refuse", Code: echelonv1.RowError_WRONG_TYPE}
	}
	badID := func(i int64) *echelonv1.RowError {
		return &echelonv1.RowError{Index: i, CustomerId: `"\xff"`, Code: echelonv1.RowError_INVALID_UTF8}
	}
	badText := &echelonv1.RowError{Index: 7, CustomerId: "c7", Field: "x", Code: echelonv1.RowError_INVALID_UTF8}
	want := []client.ImportProgress{
		{Acknowledged: 3, Stored: 1, Errors: []*echelonv1.RowError{badID(1), byService(2, "c2")}},
		{Acknowledged: 6, Stored: 1, Errors: []*echelonv1.RowError{badID(3), badID(4), badID(5)}},
		{Acknowledged: 9, Stored: 2, Errors: []*echelonv1.RowError{byService(6, "c6"), badText}},
		{Acknowledged: 10, Stored: 3},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(&echelonv1.RowError{}, "message")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c0", "c8", "c9"}, stored); diff != "" {
		t.Error(diff)
	}
}

func TestAnImportThatBreaksOffHasToldHowFarItCame(t *testing.T) {
	var stored []string
	c := start(t, &fake{importCustomers: importing(&stored, func(b *echelonv1.ImportedBatch) (*echelonv1.ImportCustomersResponse, error) {
		if b.GetSequence() == 3 {
			return nil, status.Error(codes.Unavailable, "the server is stopping")
		}
		return imported(b)
	})}, client.WithBatchRows(2), client.WithResume(0))
	progress, err := collect(t, c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{}, numbered(100)))
	if !client.IsUnavailable(err) || len(progress) != 2 || progress[1].Acknowledged != 4 || progress[1].Stored != 4 {
		t.Errorf("progress %v and error %v", progress, err)
	}
}

func TestAnErrorOfTheImportedSequenceComesAfterTheRowsBeforeItWereStored(t *testing.T) {
	var stored []string
	c := start(t, &fake{importCustomers: importing(&stored, imported)}, client.WithBatchRows(3))
	progress, err := collect(t, c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{}, damaged(t, 7)))
	if !errors.Is(err, errFile) || len(stored) != 7 || progress[len(progress)-1].Acknowledged != 7 {
		t.Errorf("%d customers stored, progress %v and error %v", len(stored), progress, err)
	}
}

func TestAnImportWhoseBooksDoNotBalanceIsAnError(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*echelonv1.ImportedBatch)
		want   string
	}{
		{"fewer stored than sent", func(b *echelonv1.ImportedBatch) { b.Stored-- }, "batch 1 of 2 rows has 1 stored and 0 errors"},
		{"more stored than sent", func(b *echelonv1.ImportedBatch) { b.Stored++ }, "batch 1 of 2 rows has 3 stored and 0 errors"},
		{"another batch", func(b *echelonv1.ImportedBatch) { b.Sequence = 2 }, "batch 2 was answered where batch 1 was to be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stored []string
			c := start(t, &fake{importCustomers: importing(&stored, func(b *echelonv1.ImportedBatch) (*echelonv1.ImportCustomersResponse, error) {
				test.change(b)
				return imported(b)
			})})
			_, err := collect(t, c.ImportCustomers(t.Context(), &echelonv1.ImportHeader{}, numbered(2)))
			checkBroken(t, err, test.want)
		})
	}
}
