package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const listed = 10 // models, runs, customers and assignments that the fakes have

// page returns which of them are on the page of a token, and the next token.
func page(token string, size int) (from, to int, next string) {
	if token != "" {
		from, _ = strconv.Atoi(token)
	}
	to = min(from+size, listed)
	if to < listed {
		next = strconv.Itoa(to)
	}
	return from, to, next
}

// listing answers every list in pages of that size.
func listing(size int) func(string, any) (any, error) {
	return func(_ string, request any) (any, error) {
		switch request := request.(type) {
		case *echelonv1.ListModelsRequest:
			from, to, next := page(request.GetPageToken(), size)
			return &echelonv1.ListModelsResponse{Models: make([]*echelonv1.ModelSummary, to-from), NextPageToken: next}, nil
		case *echelonv1.ListRunsRequest:
			from, to, next := page(request.GetPageToken(), size)
			res := &echelonv1.ListRunsResponse{NextPageToken: next}
			for i := range to - from {
				res.Runs = append(res.Runs, &echelonv1.Run{Id: fmt.Sprint("r", from+i), Model: request.GetModel()})
			}
			return res, nil
		case *echelonv1.ListAssignmentsRequest:
			from, to, next := page(request.GetPageToken(), size)
			res := &echelonv1.ListAssignmentsResponse{NextPageToken: next, Provenance: provenance}
			for i := range to - from {
				id := fmt.Sprintf("%s/%s/%s/%d", request.GetModel(), request.GetTiering(), request.GetTier(), from+i)
				res.Assignments = append(res.Assignments, &echelonv1.Assignment{CustomerId: id})
			}
			return res, nil
		}
		return nil, fmt.Errorf("no list: %T", request)
	}
}

// exporting streams all customers and assignments in pages of that size.
func exporting(size int) *fake {
	return &fake{
		exportCustomers: func(_ *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
			for from := 0; from < listed; from += size {
				res := &echelonv1.ExportCustomersResponse{}
				for i := from; i < min(from+size, listed); i++ {
					res.Customers = append(res.Customers, &echelonv1.Customer{Id: fmt.Sprint("c", i)})
				}
				if err := s.Send(res); err != nil {
					return err
				}
			}
			return nil
		},
		exportAssignments: func(r *echelonv1.ExportAssignmentsRequest, s grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse]) error {
			once := provenance
			for from := 0; from < listed; from += size {
				res := &echelonv1.ExportAssignmentsResponse{Provenance: once}
				for i := from; i < min(from+size, listed); i++ {
					res.Assignments = append(res.Assignments, &echelonv1.Assignment{CustomerId: fmt.Sprintf("%s/%s/%d", r.GetModel(), r.GetRunId(), i)})
				}
				if err := s.Send(res); err != nil {
					return err
				}
				once = nil
			}
			return nil
		},
	}
}

func TestListsAndExportsAreTheSameWhateverThePagesAre(t *testing.T) {
	for _, size := range []int{1, 2, 7, listed, listed + 1} {
		t.Run(fmt.Sprintf("pages of %d", size), func(t *testing.T) {
			service := exporting(size)
			service.unary = listing(size)
			c := start(t, service)
			models, err := collect(t, c.Models(t.Context()))
			if err != nil || len(models) != listed {
				t.Errorf("%d models and error %v", len(models), err)
			}
			var runs []string
			for run, err := range c.Runs(t.Context(), "accounts") {
				runs = append(runs, fmt.Sprint(run.GetModel(), " ", run.GetId(), err))
			}
			compare(t, "accounts r%d<nil>", runs)
			compareAssignments(t, "accounts/coverage/Gold/%d", c.Assignments(t.Context(), "accounts", "coverage", "Gold"))
			compareAssignments(t, "accounts/r1/%d", c.ExportAssignments(t.Context(), "accounts", "r1"))
			var customers []string
			for customer, err := range c.ExportCustomers(t.Context()) {
				customers = append(customers, fmt.Sprint(customer.GetId(), err))
			}
			compare(t, "c%d<nil>", customers)
		})
	}
}

func compareAssignments(t *testing.T, format string, assignments iter.Seq2[*echelonv1.Assignment, error]) {
	t.Helper()
	var ids []string
	for assignment, err := range assignments {
		if diff := cmp.Diff(provenance, assignment.GetProvenance(), protocmp.Transform()); diff != "" || err != nil {
			t.Errorf("error %v, provenance: %s", err, diff)
		}
		ids = append(ids, assignment.GetCustomerId())
	}
	compare(t, format, ids)
}

// compare compares with the format, numbered.
func compare(t *testing.T, format string, got []string) {
	t.Helper()
	var want []string
	for i := range listed {
		want = append(want, fmt.Sprintf(format, i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLeavingAListAsksForNoFurtherPage(t *testing.T) {
	asked := 0
	c := start(t, &fake{unary: func(method string, request any) (any, error) {
		asked++
		return listing(2)(method, request)
	}})
	for run := range c.Runs(t.Context(), "") {
		if run.GetId() == "r2" {
			break
		}
	}
	if asked != 2 {
		t.Errorf("%d pages were asked for, want 2", asked)
	}
}

func TestAnErrorOfALaterPageComesLast(t *testing.T) {
	c := start(t, &fake{unary: func(method string, request any) (any, error) {
		if request.(*echelonv1.ListRunsRequest).GetPageToken() == "4" {
			return nil, status.Error(codes.NotFound, "gone")
		}
		return listing(2)(method, request)
	}})
	runs, err := collect(t, c.Runs(t.Context(), ""))
	if len(runs) != 4 || !client.IsNotFound(err) {
		t.Errorf("%d runs and error %v", len(runs), err)
	}
}

func TestATokenThatDoesNotMoveOnIsAnError(t *testing.T) {
	c := start(t, &fake{unary: func(string, any) (any, error) {
		return &echelonv1.ListRunsResponse{NextPageToken: "again"}, nil
	}})
	_, err := collect(t, c.Runs(t.Context(), ""))
	checkBroken(t, err, "the token of the next page is that of this page")
}

func TestAnErrorOfAnExportComesLast(t *testing.T) {
	c := start(t, &fake{exportCustomers: func(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
		if err := exporting(3).exportCustomers(r, s); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "the server is stopping")
	}})
	customers, err := collect(t, c.ExportCustomers(t.Context()))
	if len(customers) != listed || !client.IsUnavailable(err) {
		t.Errorf("%d customers and error %v", len(customers), err)
	}
}

func TestLeavingAnExportEndsIt(t *testing.T) {
	ends := make(chan error, 1)
	c := start(t, &fake{exportCustomers: func(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
		err := exporting(1).exportCustomers(r, s)
		<-s.Context().Done()
		ends <- s.Context().Err()
		return err
	}})
	for range c.ExportCustomers(t.Context()) {
		break
	}
	if err := <-ends; !errors.Is(err, context.Canceled) {
		t.Errorf("the service saw the end %v", err)
	}
}

func TestAnExportThatStallsIsCutUnlessTheCallerIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{exportCustomers: func(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
			if err := exporting(3).exportCustomers(r, s); err != nil {
				return err
			}
			<-s.Context().Done()
			return s.Context().Err()
		}})
		defer stop()
		exported := 0
		for _, err := range c.ExportCustomers(t.Context()) {
			if err == nil {
				exported++
				time.Sleep(time.Hour)
			} else if client.ReasonOf(err) != echelonv1.ErrorReason_STREAM_STALLED {
				t.Errorf("error %v", err)
			}
		}
		if exported != listed {
			t.Errorf("%d customers", exported)
		}
	})
}

func TestAnExportThatIsRangedOverAgainHasItsOwnProvenance(t *testing.T) {
	exports := 0
	c := start(t, &fake{exportAssignments: func(
		_ *echelonv1.ExportAssignmentsRequest, s grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse],
	) error {
		exports++
		return s.Send(&echelonv1.ExportAssignmentsResponse{
			Assignments: []*echelonv1.Assignment{{CustomerId: "acme"}}, Provenance: &echelonv1.Provenance{RunId: fmt.Sprint("r", exports)},
		})
	}})
	assignments := c.ExportAssignments(t.Context(), "accounts", "")
	for _, want := range []string{"r1", "r2"} {
		for assignment, err := range assignments {
			if got := assignment.GetProvenance().GetRunId(); err != nil || got != want {
				t.Errorf("error %v, of run %q, want %q", err, got, want)
			}
		}
	}
}

// Who was evaluated after the run was so by something else, as of another instant.
func TestWhoWasAssignedOnlineKeepsWhatAssignedThem(t *testing.T) {
	online := &echelonv1.Provenance{Model: "m", Online: true}
	some := func() []*echelonv1.Assignment {
		return []*echelonv1.Assignment{{CustomerId: "a"}, {CustomerId: "b", Provenance: online}}
	}
	c := start(t, &fake{
		unary: func(string, any) (any, error) {
			return &echelonv1.ListAssignmentsResponse{Assignments: some(), Provenance: provenance}, nil
		},
		exportAssignments: func(_ *echelonv1.ExportAssignmentsRequest, s grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse]) error {
			return s.Send(&echelonv1.ExportAssignmentsResponse{Assignments: some(), Provenance: provenance})
		},
	})
	want := []*echelonv1.Assignment{{CustomerId: "a", Provenance: provenance}, {CustomerId: "b", Provenance: online}}
	for name, assignments := range map[string]iter.Seq2[*echelonv1.Assignment, error]{
		"list": c.Assignments(t.Context(), "m", "", ""), "export": c.ExportAssignments(t.Context(), "m", ""),
	} {
		got, err := collect(t, assignments)
		if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got)\n%s", name, err, diff)
		}
	}
}
