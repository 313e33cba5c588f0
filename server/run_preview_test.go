package server_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// counted are causes in words.
func counted(causes []*echelonv1.CauseCount) string {
	var all []string
	for _, c := range causes {
		all = append(all, fmt.Sprintf("%v %d", c.GetCause(), c.GetCustomers()))
	}
	return strings.Join(all, ", ")
}

func ids(movers []*echelonv1.Mover) string {
	var all []string
	for _, m := range movers {
		all = append(all, m.GetCustomerId())
	}
	return strings.Join(all, " ")
}

func TestAPreviewTellsWhoMovesAndWhyBeforeARunIsPublished(t *testing.T) {
	h := start(t)
	h.create(causes("{guard: {capacity: [{tier: high, customers: 1}]}}"))
	h.base(0)
	h.x(nil)
	first := h.run("plain")
	alone := h.preview(&echelonv1.PreviewRunRequest{To: byRun(first)})
	if alone.GetMigration() != nil || alone.GetFrom() != nil || alone.GetMovers() != 0 || alone.GetUnpublishable() != "" || alone.GetRun().GetSummary() == nil || len(alone.GetFindings()) != 0 {
		t.Errorf("the first run is previewed as %v", alone)
	}
	h.must(h.publish(first.GetId()))
	h.upsert("c01", attrs{"arr": 100, "usage": 100, "joined": "2025-01-31", "owner": "bob"})
	h.upsert("c02", attrs{"arr": 90, "usage": 100, "joined": "2025-01-31", "owner": "ann"})
	h.upsert("x", attrs{"arr": 20, "usage": 0, "joined": "2025-01-31"})
	h.override(pin("plain", "c03", "high"))
	run := h.run("plain")
	if now := h.preview(&echelonv1.PreviewRunRequest{To: byRun(run)}); counted(now.GetCauses()) != "DATA 3" || ids(now.GetLargest()) != "c01 c02 x" {
		t.Errorf("from what is published, the pin included, it is %v", now)
	}
	p := h.preview(&echelonv1.PreviewRunRequest{From: byRun(first), To: byRun(run), GroupBy: "owner"})
	if got := counted(p.GetCauses()); got != "DATA 3, OVERRIDE 1" || p.GetMovers() != 4 || p.GetAmount() != 220 {
		t.Errorf("the causes are %s of %d with %g", got, p.GetMovers(), p.GetAmount())
	}
	if got := ids(p.GetLargest()); got != "c01 c02 x c03" || ids(p.GetDemotions()) != "x" {
		t.Errorf("the largest are %s, the demotions %s", got, ids(p.GetDemotions()))
	}
	var groups []string
	for _, g := range p.GetGroups() {
		groups = append(groups, fmt.Sprintf("%s: %d, %d up with %g, %d down with %g, %s", g.GetGroup(), g.GetCustomers(), g.GetPromoted(), g.GetPromotedAmount(), g.GetDemoted(), g.GetDemotedAmount(), counted(g.GetCauses())))
	}
	if diff := cmp.Diff([]string{"bob: 2, 2 up with 110, 0 down with 0, DATA 1, OVERRIDE 1", "ann: 1, 1 up with 90, 0 down with 0, DATA 1", ": 1, 0 up with 0, 1 down with 20, DATA 1"}, groups); diff != "" {
		t.Errorf("the groups (-want +got):\n%s", diff)
	}
	if len(p.GetFindings()) != 2 || !strings.Contains(p.GetFindings()[0].GetMessage(), "has 3 customers, and room for 1") || !strings.Contains(p.GetFindings()[1].GetMessage(), "drifts upwards: 3 customers are promoted and 1 demoted, of 12") {
		t.Errorf("the findings are %v", p.GetFindings())
	}
	if p.GetUnpublishable() != "" || p.GetMigration().GetPromoted() != 3 || p.GetLargest()[0].GetLeadingReason() != "tenure 0 → 100: +33.3 points" || !strings.Contains(p.GetLargest()[3].GetLeadingReason(), "pinned by anonymous: launch partner") {
		t.Errorf("the preview is %v", p)
	}
	if one := h.preview(&echelonv1.PreviewRunRequest{From: byRun(first), To: byRun(run), Movers: 1}); ids(one.GetLargest()) != "c01" || one.GetMovers() != 4 || counted(one.GetCauses()) != counted(p.GetCauses()) || len(one.GetGroups()) != 0 {
		t.Errorf("with one mover it is %v", one)
	}
	h.must(h.publish(run.GetId()))
	after := h.preview(&echelonv1.PreviewRunRequest{To: byRun(run), GroupBy: "owner"}) // from what was published before
	after.Run, p.Run = nil, nil
	if diff := cmp.Diff(p, after, protocmp.Transform()); diff != "" {
		t.Errorf("once it is published (-before +after):\n%s", diff)
	}
	if old := h.preview(&echelonv1.PreviewRunRequest{To: byRun(first)}); !strings.Contains(old.GetUnpublishable(), "was published before") {
		t.Errorf("the first run can be published again: %v", old.GetUnpublishable())
	}
}

// Texts as long as a page, by which somebody groups by mistake, make no answer that is larger than a message.
func TestGroupsOfLongTextsAreNamedByTheirBeginning(t *testing.T) {
	h := start(t)
	h.create(causes(""))
	page := strings.Repeat("é", 30_000)
	everybody := func(usage, arr int) {
		for i := range 150 {
			h.upsert(fmt.Sprintf("n%03d", i), attrs{"arr": arr, "usage": usage, "joined": "2025-01-31", "owner": fmt.Sprintf("%03d %s", i, page)})
		}
	}
	everybody(0, 0)
	h.published("plain")
	everybody(100, 100)
	run := h.run("plain")
	p := h.preview(&echelonv1.PreviewRunRequest{To: byRun(run), GroupBy: "owner", Movers: 1000})
	if p.GetMovers() != 150 || len(p.GetGroups()) != 150 {
		t.Fatalf("%d movers in %d groups", p.GetMovers(), len(p.GetGroups()))
	}
	for i, g := range p.GetGroups() {
		if want := fmt.Sprintf("%03d %s…", i, page[:252]); g.GetGroup() != want {
			t.Fatalf("group %d is %q, want %q", i, g.GetGroup(), want)
		}
	}
}

func TestAWhatIfIsComparedAndNeverPublished(t *testing.T) {
	h := start(t)
	h.create(causes(""))
	h.base(0)
	h.x(nil)
	h.published("plain")
	draft := model(t, strings.Replace(causes(""), "min_score: 50", "min_score: 80", 1))
	created, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: draft})
	h.must(err)
	started, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "plain", Version: created.GetVersion().GetVersion(), WhatIf: true})
	h.must(err)
	run := h.wait(started.GetRun().GetId())
	p := h.preview(&echelonv1.PreviewRunRequest{To: byRun(run)})
	if counted(p.GetCauses()) != "MODEL 1" || ids(p.GetDemotions()) != "x" || !strings.Contains(p.GetUnpublishable(), "only asks what would be") || !p.GetRun().GetWhatIf() {
		t.Errorf("the what-if shows %v", p)
	}
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_STATE, nil, []string{"never published", "without what_if"}}.check(t, h.publish(run.GetId()))
	if got := h.inForce("plain", "x"); got != "high" {
		t.Errorf("x is %s", got)
	}
}

func TestWhatCannotBePreviewedIsSaid(t *testing.T) {
	h := start(t)
	h.create(causes(""))
	h.create(strings.NewReplacer("name: plain", "name: other", "name: coverage", "name: reach").Replace(causes("")))
	h.base(0)
	first, other := h.published("plain"), h.run("other")
	for name, test := range map[string]struct {
		request *echelonv1.PreviewRunRequest
		want    wanted
	}{
		"no run":             {&echelonv1.PreviewRunRequest{}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"to"}, nil}},
		"an unknown run":     {&echelonv1.PreviewRunRequest{To: &echelonv1.RunRef{Run: &echelonv1.RunRef_RunId{RunId: "none"}}}, wanted{codes.NotFound, echelonv1.ErrorReason_RUN_NOT_FOUND, nil, []string{"list the runs"}}},
		"another model":      {&echelonv1.PreviewRunRequest{To: byRun(other), From: byRun(first)}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"no tiering in common"}}},
		"an unknown tiering": {&echelonv1.PreviewRunRequest{To: byRun(other), Tiering: "reech"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`did you mean "reach"`}}},
		"too many movers":    {&echelonv1.PreviewRunRequest{To: byRun(first), Movers: 1001}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"movers"}, nil}},
		"a group of numbers": {&echelonv1.PreviewRunRequest{To: byRun(first), From: byRun(first), GroupBy: "arr"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`"arr", it is a NUMBER`, "those are owner"}}},
		"a group of nothing": {&echelonv1.PreviewRunRequest{To: byRun(first), From: byRun(first), GroupBy: "ovner"}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{`did you mean "owner"`}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.runs.PreviewRun(h.context(), test.request)
			test.want.check(t, err)
		})
	}
}

func TestCausesAddUpToTheMovers(t *testing.T) {
	// WHY-292
	h := start(t)
	h.create(causes("{demote_margin: 3, min_dwell_days: 5}"))
	h.base(0)
	before := h.published("plain")
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 8).Draw(r, "writes") {
			id := fmt.Sprintf("c%02d", rapid.IntRange(0, 15).Draw(r, "who"))
			is := attrs{"arr": rapid.IntRange(0, 100).Draw(r, "arr"), "usage": rapid.IntRange(0, 100).Draw(r, "usage"), "joined": "2025-10-01", "owner": rapid.SampledFrom([]string{"ann", "bob"}).Draw(r, "owner")}
			_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer(id, is), Assign: rapid.Bool().Draw(r, "assign")})
			h.must(err)
		}
		after := h.run("plain")
		if rapid.Bool().Draw(r, "late") {
			h.upsert("c00", attrs{"arr": 77})
		}
		from := rapid.SampledFrom([]*echelonv1.RunRef{byRun(before), current("plain")}).Draw(r, "from")
		p := h.preview(&echelonv1.PreviewRunRequest{From: from, To: byRun(after), Movers: 1000, GroupBy: "owner"})
		var customers, grouped, promoted, demoted int64
		var amount float64
		for _, c := range p.GetCauses() {
			if c.GetCause() == echelonv1.Move_UNSPECIFIED {
				r.Errorf("%d moved without a cause", c.GetCustomers())
			}
			customers, amount, promoted, demoted = customers+c.GetCustomers(), amount+c.GetAmount(), promoted+c.GetPromoted(), demoted+c.GetDemoted()
		}
		for _, g := range p.GetGroups() {
			grouped += g.GetCustomers()
		}
		m := p.GetMigration()
		if customers != p.GetMovers() || grouped != p.GetMovers() || customers != m.GetBoth()-m.GetStayed() || promoted != m.GetPromoted() || demoted != m.GetDemoted() ||
			math.Abs(amount-p.GetAmount()) > 1e-9 || len(p.GetLargest()) != int(p.GetMovers()) {
			r.Errorf("%d of %d movers with %g of %g have causes, %d are grouped: %v", customers, p.GetMovers(), amount, p.GetAmount(), grouped, m)
		}
		if !slices.IsSortedFunc(p.GetLargest(), func(a, b *echelonv1.Mover) int { return int(b.GetAmount() - a.GetAmount()) }) {
			r.Errorf("they are not in order: %v", ids(p.GetLargest()))
		}
		table, movers, err := h.compared(from, byRun(after), "", 3)
		h.must(err)
		if len(movers) != int(p.GetMovers()) || !cmp.Equal(table, m, protocmp.Transform()) {
			r.Errorf("CompareRuns has %d movers, and the preview %d", len(movers), p.GetMovers())
		}
		if rapid.Bool().Draw(r, "publish") {
			h.must(h.publish(after.GetId()))
		}
	})
}

func TestAGuardStopsPublishing(t *testing.T) {
	// CAP-290
	h := start(t)
	h.create(causes("{guard: {capacity: [{tier: high, customers: 1}], stop_publishing: true}}"))
	h.base(0)
	h.x(nil)
	h.published("plain") // one customer fits
	h.upsert("new", attrs{"arr": 100, "usage": 500, "joined": "2025-01-31"})
	run := h.run("plain")
	if p := h.preview(&echelonv1.PreviewRunRequest{To: byRun(run)}); !strings.Contains(p.GetUnpublishable(), `the tier "high" has 2 customers, and room for 1`) {
		t.Errorf("the preview says %q", p.GetUnpublishable())
	}
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_GUARD_EXCEEDED, nil, []string{"room for 1", "start a new run"}}.check(t, h.publish(run.GetId()))
	if got := h.inForce("plain", "x"); got != "high" {
		t.Errorf("x is %s", got)
	}
	_, err := h.customers.DeleteCustomer(h.context(), &echelonv1.DeleteCustomerRequest{CustomerId: "new"})
	h.must(err)
	h.published("plain")
}

func TestManyMoversHaveTheSameCausesAsFew(t *testing.T) {
	// WHY-292
	h := start(t)
	h.create(causes(""))
	write := func(round int) {
		for i := range 400 {
			if round == 0 || i%3 > 0 {
				h.upsert(fmt.Sprintf("m%03d", i), attrs{"arr": (i*37 + round*i*11) % 100, "usage": i * 53 % 100 * (1 + 3*round), "joined": "2025-10-01"})
			}
		}
	}
	write(0)
	before := h.publishedAsOf(noon.AddDate(0, 0, -40))
	write(1)
	after := h.publishedAsOf(noon)
	p := h.preview(&echelonv1.PreviewRunRequest{From: byRun(before), To: byRun(after), Movers: 1000}) // goes through the customers
	told := make(map[string]*echelonv1.Mover)
	for _, m := range p.GetLargest() {
		told[m.GetCustomerId()] = m
	}
	if len(told) < 65 || len(p.GetCauses()) < 2 {
		t.Fatalf("%d moved by %s", len(told), counted(p.GetCauses()))
	}
	request := &echelonv1.CompareRunsRequest{From: byRun(before), To: byRun(after), Causes: true, PageSize: 7} // looks them up
	for seen := 0; ; {
		page, err := h.runs.CompareRuns(h.context(), request)
		h.must(err)
		for _, m := range page.GetMovers() {
			want := told[m.GetCustomerId()]
			if seen++; m.GetCause() != want.GetCause() || m.GetCauseMessage() != want.GetCauseMessage() || m.GetCauseUncertain() != want.GetCauseUncertain() {
				t.Errorf("%s moved %s, and %s", m.GetCustomerId(), m.GetCauseMessage(), want.GetCauseMessage())
			}
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			if seen != len(told) {
				t.Errorf("%d movers are paged through, of %d", seen, len(told))
			}
			break
		}
	}
	request.PageToken, request.Causes, request.GroupBy = "", false, ""
	page, err := h.runs.CompareRuns(h.context(), request)
	h.must(err)
	request.PageToken, request.Causes = page.GetNextPageToken(), true
	_, err = h.runs.CompareRuns(h.context(), request)
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, []string{"another request"}}.check(t, err)
}

func TestFamiliesAndOtherModelsHaveCausesToo(t *testing.T) {
	// WHY-292
	h := start(t)
	h.create(kin)
	h.clan(80)
	before := h.published("kin")
	written := map[string]bool{"c0003": true, "c0010": true, "c0040": true}
	for id := range written {
		h.upsert(id, attrs{"arr": 900})
	}
	for _, tiering := range []string{"coverage", "own"} {
		p := h.preview(&echelonv1.PreviewRunRequest{From: byRun(before), To: byRun(h.run("kin")), Tiering: tiering, Movers: 1000})
		if p.GetMovers() == 0 || p.GetMovers() != p.GetMigration().GetBoth()-p.GetMigration().GetStayed() {
			t.Fatalf("in %s %d move: %v", tiering, p.GetMovers(), p.GetMigration())
		}
		for _, m := range p.GetLargest() {
			if !written[m.GetCustomerId()] && m.GetCause() != echelonv1.Move_POPULATION {
				t.Errorf("in %s %s was not written, and moved by %v, %s", tiering, m.GetCustomerId(), m.GetCause(), m.GetCauseMessage())
			}
		}
	}
	h.create(plain)
	h.create(ranked)
	p := h.preview(&echelonv1.PreviewRunRequest{From: byRun(h.run("plain")), To: byRun(h.run("ranked"))})
	if len(p.GetCauses()) != 1 || p.GetCauses()[0].GetCause() != echelonv1.Move_MODEL {
		t.Errorf("from one model to another %s", counted(p.GetCauses()))
	}
}
