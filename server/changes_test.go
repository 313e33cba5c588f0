package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// watched returns all that a watch gives until now, and its last cursor.
func (h *harness) watched(request *echelonv1.WatchAssignmentsRequest) (all []*echelonv1.AssignmentChange, cursor string, err error) {
	h.Helper()
	stream, err := h.assignments.WatchAssignments(h.context(), request)
	h.must(err)
	for {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, cursor, nil
		}
		if err != nil {
			return all, cursor, err
		}
		all, cursor = append(all, page.GetChanges()...), page.GetCursor()
	}
}

func after(sequence int64) *echelonv1.WatchAssignmentsRequest {
	return &echelonv1.WatchAssignmentsRequest{From: &echelonv1.WatchAssignmentsRequest_AfterSequence{AfterSequence: sequence}}
}

func numbers(changes []*echelonv1.AssignmentChange) string {
	var all []string
	for _, c := range changes {
		all = append(all, fmt.Sprint(c.GetSequence()))
	}
	return strings.Join(all, " ")
}

func (h *harness) move(id string, arr float64) {
	h.Helper()
	_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer(id, attrs{"arr": arr}), Assign: true})
	h.must(err)
}

func TestAWatchGivesTheChangesItAsksForAndGoesOnAnywhere(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	for i := range 6 {
		h.upsert(fmt.Sprintf("c%d", i), attrs{"arr": 10 * i})
	}
	h.published("plain")  // 1–6
	h.published("ranked") // 7–12
	h.move("c0", 90)      // two models: 13, 14
	h.override(pin("plain", "c1", "high"))
	all, _, err := h.watched(after(0))
	h.must(err)
	if got := numbers(all); got != "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15" {
		t.Fatalf("the changes are %s", got)
	}
	last := all[14]
	if last.GetOrigin() != echelonv1.AssignmentChange_OVERRIDDEN || last.GetActor() != "anonymous" || last.GetRunId() == "" || last.GetModelVersion() != 1 ||
		last.GetTiers()[0].GetFrom() != "low" || last.GetTiers()[0].GetTo() != "high" || last.GetTiers()[0].GetComputedTo() != "low" {
		t.Errorf("the last is %v", last)
	}
	filters := map[string]func(*echelonv1.AssignmentChange) bool{
		"plain": func(c *echelonv1.AssignmentChange) bool { return c.GetModel() == "plain" },
		"plain/coverage/high": func(c *echelonv1.AssignmentChange) bool {
			return c.GetModel() == "plain" && len(c.GetTiers()) > 0 && (c.GetTiers()[0].GetFrom() == "high" || c.GetTiers()[0].GetTo() == "high")
		},
		"plain/persona": func(*echelonv1.AssignmentChange) bool { return false },
	}
	for name, wants := range filters {
		parts := append(strings.Split(name, "/"), "", "")
		for _, size := range []int32{1, 2, 7, 100} {
			var want []*echelonv1.AssignmentChange
			for _, c := range all {
				if wants(c) {
					want = append(want, c)
				}
			}
			request := after(0)
			request.Model, request.Tiering, request.Tier, request.PageSize = parts[0], parts[1], parts[2], size
			got, cursor, err := h.watched(request)
			h.must(err)
			if numbers(got) != numbers(want) {
				t.Errorf("%s in pages of %d: %s, want %s", name, size, numbers(got), numbers(want))
			}
			request.From = &echelonv1.WatchAssignmentsRequest_Cursor{Cursor: cursor}
			if got, _, err := h.watched(request); err != nil || len(got) != 0 {
				t.Errorf("%s goes on with %s, %v", name, numbers(got), err)
			}
		}
	}
	for from := range int64(16) {
		got, _, err := h.watched(after(from))
		h.must(err)
		if numbers(got) != numbers(all[from:]) {
			t.Errorf("after %d: %s", from, numbers(got))
		}
	}
	if got, _, err := h.watched(&echelonv1.WatchAssignmentsRequest{}); err != nil || len(got) != 0 {
		t.Errorf("from now on: %s, %v", numbers(got), err)
	}
}

func TestAWatchWaitsForWhatComesAndResumesByItsCursor(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.published("plain")
	ctx, cancel := context.WithCancel(h.context())
	stream, err := h.assignments.WatchAssignments(ctx, &echelonv1.WatchAssignmentsRequest{Model: "plain", Follow: true})
	h.must(err)
	first, err := stream.Recv()
	h.must(err)
	if len(first.GetChanges()) != 0 || first.GetSequence() != 1 {
		t.Errorf("it begins with %v", first)
	}
	cursor := first.GetCursor()
	for i := range 4 {
		h.move("a", float64(90-80*(i%2)))
		next, err := stream.Recv()
		h.must(err)
		if numbers(next.GetChanges()) != fmt.Sprint(i+2) {
			t.Errorf("change %d is %v", i+2, next)
		}
		if i == 1 {
			cursor = next.GetCursor()
		}
	}
	cancel()
	got, _, err := h.watched(&echelonv1.WatchAssignmentsRequest{Model: "plain", From: &echelonv1.WatchAssignmentsRequest_Cursor{Cursor: cursor}})
	h.must(err)
	if numbers(got) != "4 5" {
		t.Errorf("resumed: %s", numbers(got))
	}
	for name, other := range map[string]*echelonv1.WatchAssignmentsRequest{"of another filter": {Tiering: "coverage"}, "of all models": {}} {
		other.From = &echelonv1.WatchAssignmentsRequest_Cursor{Cursor: cursor}
		_, _, err := h.watched(other)
		t.Run("a cursor "+name, func(t *testing.T) {
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, []string{"begin again"}}.check(t, err)
		})
	}
	_, _, err = h.watched(after(99))
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"there is no change 99 yet"}}.check(t, err)
	_, _, err = h.watched(&echelonv1.WatchAssignmentsRequest{Tier: "high"})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"name the tiering too"}}.check(t, err)
}

// A store that was restored may have given numbers to other changes since: whoever watched the later ones has to hear of it.
func TestACursorOfAnotherHistoryIsRefused(t *testing.T) {
	var cursors [2][]string
	var stores [2]*harness
	for i := range stores {
		h := start(t)
		h.create(plain)
		h.upsert("a", attrs{"arr": 10})
		h.published("plain")
		_, atOnce, err := h.watched(&echelonv1.WatchAssignmentsRequest{})
		h.must(err)
		h.move("a", 90)
		_, later, err := h.watched(after(0))
		h.must(err)
		stores[i], cursors[i] = h, []string{atOnce, later}
	}
	for i, h := range stores {
		for k, want := range []int{1, 0} { // changes behind each of its own cursors
			from := func(cursor string) *echelonv1.WatchAssignmentsRequest {
				return &echelonv1.WatchAssignmentsRequest{From: &echelonv1.WatchAssignmentsRequest_Cursor{Cursor: cursor}}
			}
			own, _, err := h.watched(from(cursors[i][k]))
			if err != nil || len(own) != want {
				t.Errorf("its own cursor %d gives %d changes, %v", k, len(own), err)
			}
			_, _, err = h.watched(from(cursors[1-i][k]))
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CHANGES_EXPIRED, nil, []string{"restored", "export"}}.check(t, err)
		}
	}
}

// Who exports and then watches from the export's number has what readers see, whatever is written in between.
func TestAnExportSaysFromWhereToWatch(t *testing.T) {
	h := start(t)
	h.create(plain)
	for i := range 8 {
		h.upsert(fmt.Sprintf("c%d", i), attrs{"arr": 10})
	}
	h.published("plain")
	h.move("c1", 90)
	pages := exportPages(h, &echelonv1.ExportAssignmentsRequest{Model: "plain", PageSize: 3})
	mirror := map[string]string{}
	for _, page := range pages {
		for _, a := range page.GetAssignments() {
			mirror[a.GetCustomerId()] = a.GetTiers()[0].GetTier()
		}
	}
	if pages[0].GetSequence() != 9 || pages[1].GetSequence() != 0 {
		t.Errorf("the export is as of %d, %d", pages[0].GetSequence(), pages[1].GetSequence())
	}
	h.move("c2", 90)
	_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "c3"})
	h.must(err)
	h.published("plain")
	changes, _, err := h.watched(after(pages[0].GetSequence()))
	h.must(err)
	for _, c := range changes {
		if c.GetKind() == echelonv1.AssignmentChange_DELETED {
			delete(mirror, c.GetCustomerId())
			continue
		}
		mirror[c.GetCustomerId()] = c.GetTiers()[0].GetTo()
	}
	now := exportAssignments(h, &echelonv1.ExportAssignmentsRequest{Model: "plain"})
	for _, a := range now {
		if mirror[a.GetCustomerId()] != a.GetTiers()[0].GetTier() {
			t.Errorf("the mirror has %q for %v", mirror[a.GetCustomerId()], a)
		}
	}
	if len(mirror) != len(now) {
		t.Errorf("the mirror has %d of %d", len(mirror), len(now))
	}
}

func TestHistoryTellsEveryChangeOfACustomerAndWhatItWas(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("a", attrs{"arr": 10})
	h.upsert("b", attrs{"arr": 10})
	first := h.published("plain")
	h.move("a", 90)
	h.move("a", 95) // within the tier: no change
	h.move("b", 90)
	second := h.published("plain")
	_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "a"})
	h.must(err)
	request := &echelonv1.GetHistoryRequest{Model: "plain", CustomerId: "a", PageSize: 2}
	var all []*echelonv1.AssignmentChange
	for more := true; more; more = request.PageToken != "" {
		page, err := h.assignments.GetHistory(h.context(), request)
		h.must(err)
		all, request.PageToken = append(all, page.GetChanges()...), page.GetNextPageToken()
	}
	if len(all) != 3 || all[0].GetKind() != echelonv1.AssignmentChange_DELETED || all[1].GetOrigin() != echelonv1.AssignmentChange_WRITTEN ||
		all[2].GetKind() != echelonv1.AssignmentChange_CREATED || all[2].GetRunId() != first.GetId() || all[0].GetRunId() != second.GetId() {
		t.Errorf("the history is %v", all)
	}
	if len(all[1].GetReasons()) == 0 {
		t.Error("the change has no reason")
	}
	_, err = h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: "a", At: timestamppb.New(noon.Add(-1))})
	wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, nil, []string{"list its history"}}.check(t, err)
	_, err = h.assignments.GetHistory(h.context(), &echelonv1.GetHistoryRequest{Model: "plane", CustomerId: "a"})
	wanted{code: codes.NotFound, reason: echelonv1.ErrorReason_MODEL_NOT_FOUND}.check(t, err)
	// Of whom the store has never seen there is none; of whom it has, such as one without an assignment or one that was erased, it may be empty.
	_, err = h.assignments.GetHistory(h.context(), &echelonv1.GetHistoryRequest{Model: "plain", CustomerId: "never"})
	wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, []string{`"never"`, "check the id"}}.check(t, err)
	h.upsert("new", attrs{"arr": 10})
	_, err = h.customers.EraseCustomer(h.context(), &echelonv1.EraseCustomerRequest{CustomerId: "a"})
	h.must(err)
	for _, id := range []string{"new", "a"} {
		page, err := h.assignments.GetHistory(h.context(), &echelonv1.GetHistoryRequest{Model: "plain", CustomerId: id})
		h.must(err)
		if len(page.GetChanges()) > 0 {
			t.Errorf("the history of %q is %v", id, page)
		}
	}
	got, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "plain", CustomerId: "b", At: timestamppb.New(noon)})
	h.must(err)
	if a := got.GetAssignment(); a.GetTiers()[0].GetTier() != "high" || a.GetProvenance().GetRunId() != first.GetId() || a.GetProvenance().GetAsOf() == nil {
		t.Errorf("it was %v", a)
	}
}

// Reasons are long: a page ends before it has more to say than a message holds, and the next one goes on.
func TestPagesOfChangesAndOverridesFitAMessage(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes = 64 << 10 })
	h.create(plain)
	const customers, times = 40, 3
	for i := range customers {
		h.upsert(fmt.Sprintf("c%02d", i), attrs{"arr": 10 * i})
	}
	h.published("plain")
	for turn := range times {
		for i := range customers {
			o := pin("plain", fmt.Sprintf("c%02d", i), []string{"high", "low"}[turn%2])
			o.Reason = strings.Repeat("ä", 1000)
			h.override(o)
		}
	}
	if got := h.overrides(&echelonv1.ListOverridesRequest{Model: "plain", PageSize: 10_000}); len(got) != customers || got[customers-1].GetCustomerId() != "c39" {
		t.Errorf("%d overrides", len(got))
	}
	request := after(0)
	request.PageSize = 10_000
	all, _, err := h.watched(request)
	h.must(err)
	for i, change := range all {
		if change.GetSequence() != int64(i+1) {
			t.Fatalf("behind the change %d comes %d", i, change.GetSequence())
		}
	}
	if len(all) < customers*times {
		t.Errorf("%d changes", len(all))
	}
	moves := 0
	for i := range 60 {
		o := pin("plain", "c00", []string{"high", "low"}[i%2])
		o.Reason = strings.Repeat("ä", 1000)
		h.override(o)
	}
	for token := ""; ; {
		page, err := h.assignments.GetHistory(h.context(), &echelonv1.GetHistoryRequest{Model: "plain", CustomerId: "c00", PageSize: 10_000, PageToken: token})
		h.must(err)
		moves += len(page.GetChanges())
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if moves < 60 {
		t.Errorf("%d changes of one customer", moves)
	}
}
