package client_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// breaking exports all customers and assignments in pages of that size, and ends every stream with an error after so many pages, but for one that comes
// to the end before.
func breaking(size, pages int, end error, cursors *[]string) *fake {
	each := func(cursor string, send func(ids []string, cursor string) error) error {
		*cursors = append(*cursors, cursor)
		for sent := 0; ; sent++ {
			from, to, next := page(cursor, size)
			if from == listed {
				return nil
			}
			if sent == pages {
				return end
			}
			var ids []string
			for i := from; i < to; i++ {
				ids = append(ids, fmt.Sprint("c", i))
			}
			if next == "" {
				next = fmt.Sprint(listed)
			}
			if err := send(ids, next); err != nil {
				return err
			}
			cursor = next
		}
	}
	return &fake{
		exportCustomers: func(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
			return each(r.GetCursor(), func(ids []string, cursor string) error {
				res := &echelonv1.ExportCustomersResponse{Cursor: cursor}
				if r.GetArrow() {
					res.Arrow = columns(r.GetIdColumn(), ids)
					return s.Send(res)
				}
				for _, id := range ids {
					res.Customers = append(res.Customers, &echelonv1.Customer{Id: id})
				}
				return s.Send(res)
			})
		},
		exportAssignments: func(r *echelonv1.ExportAssignmentsRequest, s grpc.ServerStreamingServer[echelonv1.ExportAssignmentsResponse]) error {
			once := provenance
			return each(r.GetCursor(), func(ids []string, cursor string) error {
				res := &echelonv1.ExportAssignmentsResponse{Cursor: cursor, Provenance: once}
				once = nil
				if r.GetArrow() {
					res.Arrow = columns(r.GetModel()+r.GetRunId()+r.GetIdColumn(), ids)
					return s.Send(res)
				}
				for _, id := range ids {
					res.Assignments = append(res.Assignments, &echelonv1.Assignment{CustomerId: r.GetModel() + r.GetRunId() + id})
				}
				return s.Send(res)
			})
		},
	}
}

// columns stands for a page in columns: no client looks into one.
func columns(of string, ids []string) []byte { return []byte(of + ": " + strings.Join(ids, " ")) }

func TestABrokenExportInColumnsGoesOnAfterTheLastPageThatCame(t *testing.T) {
	for name, end := range endings {
		for _, size := range []int{1, 3, listed} {
			t.Run(fmt.Sprintf("%s, pages of %d", name, size), func(t *testing.T) {
				var cursors, wantCustomers, wantAssignments []string
				for from := 0; from < listed; from += size {
					var ids []string
					for i := from; i < min(from+size, listed); i++ {
						ids = append(ids, fmt.Sprint("c", i))
					}
					wantCustomers = append(wantCustomers, string(columns("who", ids)))
					wantAssignments = append(wantAssignments, string(columns("mr1who", ids)))
				}
				c := start(t, breaking(size, 1, end, &cursors), client.WithResume(1), quickly)
				for what, one := range map[string]struct {
					pages iter.Seq2[[]byte, error]
					want  []string
				}{
					"customers":   {c.ExportCustomersArrow(t.Context(), "who"), wantCustomers},
					"assignments": {c.ExportAssignmentsArrow(t.Context(), "m", "r1", "who"), wantAssignments},
				} {
					cursors = nil
					var got []string
					for page, err := range one.pages {
						if err != nil {
							t.Fatalf("%s: %v", what, err)
						}
						got = append(got, string(page))
					}
					if diff := cmp.Diff(one.want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", what, diff)
					}
					if want := (listed-1)/size + 1; len(cursors) != want {
						t.Errorf("%s: %d streams were opened, want %d: %v", what, len(cursors), want, cursors)
					}
				}
			})
		}
	}
}

func TestABrokenExportGoesOnAfterTheLastPageThatCame(t *testing.T) {
	var wantCustomers []*echelonv1.Customer
	var wantAssignments []*echelonv1.Assignment
	for i := range listed {
		wantCustomers = append(wantCustomers, &echelonv1.Customer{Id: fmt.Sprint("c", i)})
		wantAssignments = append(wantAssignments, &echelonv1.Assignment{CustomerId: fmt.Sprint("mr1c", i), Provenance: provenance})
	}
	for name, end := range endings {
		for _, size := range []int{1, 3, listed} {
			t.Run(fmt.Sprintf("%s, pages of %d", name, size), func(t *testing.T) {
				var cursors []string
				c := start(t, breaking(size, 1, end, &cursors), client.WithResume(1), quickly)
				customers, err := collect(t, c.ExportCustomers(t.Context()))
				if diff := cmp.Diff(wantCustomers, customers, protocmp.Transform()); err != nil || diff != "" {
					t.Errorf("customers: error %v\n%s", err, diff)
				}
				assignments, err := collect(t, c.ExportAssignments(t.Context(), "m", "r1"))
				if diff := cmp.Diff(wantAssignments, assignments, protocmp.Transform()); err != nil || diff != "" {
					t.Errorf("assignments: error %v\n%s", err, diff)
				}
				if want := 2 * ((listed-1)/size + 1); len(cursors) != want {
					t.Errorf("%d streams were opened, want %d: %v", len(cursors), want, cursors)
				}
			})
		}
	}
}

func TestAnExportThatBringsNothingMoreIsGivenUp(t *testing.T) {
	var cursors []string
	service := breaking(3, 1, status.Error(codes.Unavailable, "gone"), &cursors)
	first := service.exportCustomers
	service.exportCustomers = func(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
		if r.GetCursor() == "6" {
			cursors = append(cursors, "6")
			return status.Error(codes.Unavailable, "gone for long")
		}
		return first(r, s)
	}
	c := start(t, service, client.WithResume(2), quickly)
	customers, err := collect(t, c.ExportCustomers(t.Context()))
	if len(customers) != 6 || err == nil || !strings.Contains(err.Error(), "gone for long (gave up after 2 attempts to resume; 6 items came)") {
		t.Errorf("%d customers and error %v", len(customers), err)
	}
	if want := []string{"", "3", "6", "6"}; !slices.Equal(cursors, want) {
		t.Errorf("the streams began after %q, want %q", cursors, want)
	}
}

func TestWhatDoesNotMendOrHasNoCursorIsNotResumed(t *testing.T) {
	for name, c := range map[string]struct {
		pages int
		end   error
		strip bool
		want  int
	}{
		"nothing came":         {0, status.Error(codes.Unavailable, "gone"), false, 0},
		"a fault of the call":  {1, status.Error(codes.InvalidArgument, "no such model"), false, 3},
		"pages without cursor": {1, status.Error(codes.Unavailable, "gone"), true, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var cursors []string
			service := breaking(3, c.pages, c.end, &cursors)
			if c.strip {
				service = &fake{exportCustomers: func(r *echelonv1.ExportCustomersRequest, s grpc.ServerStreamingServer[echelonv1.ExportCustomersResponse]) error {
					cursors = append(cursors, r.GetCursor())
					if err := s.Send(&echelonv1.ExportCustomersResponse{Customers: make([]*echelonv1.Customer, 3)}); err != nil {
						return err
					}
					return c.end
				}}
			}
			customers, err := collect(t, start(t, service, quickly).ExportCustomers(t.Context()))
			if len(customers) != c.want || status.Code(err) != status.Code(c.end) || len(cursors) != 1 {
				t.Errorf("%d customers, error %v, and %d streams", len(customers), err, len(cursors))
			}
		})
	}
}
