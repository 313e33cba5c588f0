package server_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// kin is a model of families; its population is those with an arr.
const kin = `
name: kin
parent: parent
population: present(arr)
attributes:
  - {name: arr, type: NUMBER}
  - {name: parent, type: STRING}
segmentations: [{name: size, segments: [{name: large, when: family_count() >= 3}], otherwise: small}]
scores:
  - {name: value, criteria: [{name: sum, expr: family_sum(arr), weight: 1, normalize: {percentile: {by: segments.size}}}, {name: own, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
tierings:
  - {name: coverage, decide_per: FAMILY, linear: {score: value, tiers: [{name: high, cut: {top_share: 0.2}}, {name: low}]}}
  - {name: own, linear: {score: value, tiers: [{name: high, cut: {top_share: 0.2}}, {name: low}]}}
`

// clan stores so many customers of families, some of them odd, and returns them.
func (h *harness) clan(n int) []*echelonv1.Customer {
	h.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	var all []*echelonv1.Customer
	for i := range n {
		a := attrs{}
		if random.IntN(10) > 0 {
			a["arr"] = float64(random.IntN(1000)) / 7
		}
		switch random.IntN(4) {
		case 0:
			a["parent"] = fmt.Sprintf("c%04d", random.IntN(n+5)) // may be itself, later, nobody, or close a cycle
		case 1:
			a["parent"] = fmt.Sprintf("c%04d", random.IntN(i+1))
		}
		switch i {
		case n / 2:
			a["parent"] = fmt.Sprintf("c%04d", i+1)
		case n/2 + 1:
			a["parent"] = fmt.Sprintf("c%04d", i-1)
		}
		all = append(all, customer(fmt.Sprintf("c%04d", i), a))
	}
	stream, err := h.customers.ImportCustomers(h.context())
	h.must(err)
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{}}}))
	batch := &echelonv1.CustomerBatch{Sequence: 1, Rows: &echelonv1.CustomerRows{Customers: all}}
	h.must(stream.Send(&echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Batch{Batch: batch}}))
	h.must(stream.CloseSend())
	answers, err := collect(stream.Recv)
	h.must(err)
	if stored := answers[1].GetBatch().GetStored(); stored != int64(n) {
		h.Fatalf("%d of %d are stored", stored, n)
	}
	return all
}

// bulk evaluates customers by a stream of batches of so many rows.
func (h *harness) bulk(e *echelonv1.Evaluator, rows int, customers []*echelonv1.Customer) (map[string]*echelonv1.Assignment, error) {
	h.Helper()
	stream, err := h.scoring.BulkAssign(h.context())
	h.must(err)
	h.must(stream.Send(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: &echelonv1.BulkAssignHeader{Evaluator: e}}}))
	go func() {
		for sequence := int64(1); len(customers) > 0; sequence++ {
			n := min(rows, len(customers))
			batch := &echelonv1.CustomerBatch{Sequence: sequence, Rows: &echelonv1.CustomerRows{Customers: customers[:n]}}
			if stream.Send(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{Batch: batch}}) != nil {
				return // the receiver has the error
			}
			customers = customers[n:]
		}
		_ = stream.CloseSend()
	}()
	answers, err := collect(stream.Recv)
	got := make(map[string]*echelonv1.Assignment)
	for _, answer := range answers {
		for _, a := range answer.GetBatch().GetAssignments() {
			got[a.GetCustomerId()] = a
		}
	}
	return got, err
}

func (h *harness) snapshotOf(model string) map[string]*echelonv1.Assignment {
	h.Helper()
	stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: model})
	h.must(err)
	pages, err := collect(stream.Recv)
	h.must(err)
	all := make(map[string]*echelonv1.Assignment)
	for _, page := range pages {
		for _, a := range page.GetAssignments() {
			all[a.GetCustomerId()] = a
		}
	}
	return all
}

// sameOutcomes fails the test where an assignment is another but for where it comes from.
func (h *harness) sameOutcomes(way string, want, got *echelonv1.Assignment) {
	h.Helper()
	got = proto.CloneOf(got)
	want = proto.CloneOf(want)
	got.Provenance, want.Provenance = nil, nil
	if !proto.Equal(want, got) {
		h.Fatalf("%s, customer %s (-run +got)\n%s", way, want.GetCustomerId(), cmp.Diff(want, got, protocmp.Transform()))
	}
}

// TestFamiliesAreTheSameInEveryWay compares what a run found with what every other way gives, to the bit.
func TestFamiliesAreTheSameInEveryWay(t *testing.T) {
	// FAM-7
	h := start(t)
	h.create(kin)
	all := h.clan(3000)
	run := h.published("kin")
	want := h.snapshotOf("kin")
	inherited := 0
	for _, a := range want {
		if a.GetTiers()[0].GetInherited() {
			inherited++
		}
	}
	if len(want) != len(all) || inherited < 500 || len(run.GetFindings()) < 3 {
		t.Fatalf("the run has %d assignments, %d of them inherited, and %v", len(want), inherited, run.GetFindings())
	}
	at := storedModel("kin")
	at.AsOf = run.GetAsOf()
	check := func(way string, got map[string]*echelonv1.Assignment, err error) {
		t.Helper()
		h.must(err)
		for id, a := range want {
			h.sameOutcomes(way, a, got[id])
		}
	}
	backwards := append([]*echelonv1.Customer(nil), all...)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(backwards), func(i, j int) { backwards[i], backwards[j] = backwards[j], backwards[i] })
	for _, rows := range []int{7, 1000} {
		got, err := h.bulk(at, rows, backwards)
		check(fmt.Sprintf("a stream of batches of %d", rows), got, err)
	}
	for _, one := range backwards[:200] {
		given, err := h.scoring.ScoreCustomer(h.context(), given(at, one))
		h.must(err)
		h.sameOutcomes("a customer that is given", want[one.GetId()], given.GetAssignment())
		stored, err := h.scoring.ScoreCustomer(h.context(), byID(at, one.GetId()))
		h.must(err)
		h.sameOutcomes("a stored customer", want[one.GetId()], stored.GetAssignment())
		read, err := h.assignments.GetAssignment(h.context(), &echelonv1.GetAssignmentRequest{Model: "kin", CustomerId: one.GetId()})
		h.must(err)
		h.sameOutcomes("an assignment that is read", want[one.GetId()], read.GetAssignment())
	}
	batch, err := h.scoring.BatchScoreCustomers(h.context(), &echelonv1.BatchScoreCustomersRequest{Evaluator: at, Customers: backwards[:1000]})
	h.must(err)
	for i, result := range batch.GetResults() {
		h.sameOutcomes("a batch of calls", want[backwards[i].GetId()], result.GetAssignment())
	}
	// What Calibrate learns holds the families itself.
	calibration := h.calibrate(model(t, kin), backwards)
	inlined := inline(model(t, kin))
	inlined.AsOf, inlined.Calibration = run.GetAsOf(), &echelonv1.Evaluator_InlineCalibration{InlineCalibration: calibration}
	got, err := h.bulk(inlined, 500, all)
	check("a calibration that is given", got, err)
}

// calibrate learns from customers by a stream.
func (h *harness) calibrate(m *echelonv1.Model, customers []*echelonv1.Customer) *echelonv1.Calibration {
	h.Helper()
	stream, err := h.scoring.Calibrate(h.context())
	h.must(err)
	h.must(stream.Send(&echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: &echelonv1.CalibrateHeader{Evaluator: inline(m)}}}))
	batch := &echelonv1.CustomerBatch{Sequence: 1, Rows: &echelonv1.CustomerRows{Customers: customers}}
	h.must(stream.Send(&echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Batch{Batch: batch}}))
	response, err := stream.CloseAndRecv()
	h.must(err)
	return response.GetCalibration()
}

func TestFamiliesAreThoseOfThePublicationUntilTheNextRun(t *testing.T) {
	// FAM-8
	h := start(t)
	h.create(kin)
	h.upsert("root", attrs{"arr": 10})
	h.upsert("child", attrs{"arr": 20, "parent": "root"})
	h.upsert("alone", attrs{"arr": 5})
	first := h.published("kin")
	tierOf := func(request *echelonv1.ScoreCustomerRequest) *echelonv1.TierOutcome {
		t.Helper()
		response, err := h.scoring.ScoreCustomer(h.context(), request)
		h.must(err)
		return response.GetAssignment().GetTiers()[0]
	}
	before := tierOf(byID(storedModel("kin"), "child"))
	h.upsert("child", attrs{"arr": 99, "parent": "alone"})
	if after := tierOf(byID(storedModel("kin"), "child")); !after.GetInherited() || after.GetTier() != before.GetTier() {
		t.Errorf("a child that moved: %v, before %v", after, before)
	}
	if got := tierOf(given(storedModel("kin"), customer("later", attrs{"arr": 1, "parent": "child"}))); !got.GetInherited() || got.GetTier() != before.GetTier() {
		t.Errorf("one that comes later: %v", got)
	}
	if got := tierOf(given(storedModel("kin"), customer("", attrs{"arr": 1, "parent": "alone"}))); got.GetInherited() {
		t.Errorf("one without an id, whose parent is alone: %v", got)
	}
	h.published("kin")
	response, err := h.scoring.ScoreCustomer(h.context(), byID(storedModel("kin"), "child"))
	h.must(err)
	if said := fmt.Sprint(response.GetAssignment().GetReasons()); !strings.Contains(said, `INHERITED high from \"alone\", the root of its family; its own is high`) {
		t.Errorf("after the next run: %s", said)
	}
	// The families of the first run are still there for who asks by its calibration.
	pinned := storedModel("kin")
	pinned.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: first.GetId()}
	if got := tierOf(byID(pinned, "child")); got.GetTier() != before.GetTier() {
		t.Errorf("by the first run's calibration: %v", got)
	}
}

func TestACalibrationWithoutItsFamiliesIsRefused(t *testing.T) {
	h := start(t)
	h.create(kin)
	h.upsert("root", attrs{"arr": 10})
	h.upsert("child", attrs{"arr": 20, "parent": "root"})
	run := h.published("kin")
	got, err := h.models.GetCalibration(h.context(), &echelonv1.GetCalibrationRequest{Id: run.GetId()})
	h.must(err)
	if got.GetCalibration().GetFamilies() != nil {
		t.Error("a run's calibration holds its families")
	}
	e := inline(model(t, kin))
	e.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: got.GetCalibration()}
	_, err = h.scoring.ScoreCustomer(h.context(), given(e, customer("child", attrs{"arr": 20})))
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_MISMATCH, nil, []string{"has no families", "calibration_id"}}.check(t, err)
	h.serving()
}

func TestAFamilyIsShownWithItsMembersAndWhatIsOdd(t *testing.T) {
	h := start(t)
	h.create(kin)
	h.upsert("root", attrs{"arr": 10})
	h.upsert("child", attrs{"arr": 20, "parent": "root"})
	h.upsert("grandchild", attrs{"parent": "child"})
	h.upsert("alone", attrs{"arr": 5})
	get := func(request *echelonv1.GetFamilyRequest) (*echelonv1.GetFamilyResponse, error) {
		request.Model = "kin"
		return h.assignments.GetFamily(h.context(), request)
	}
	_, err := get(&echelonv1.GetFamilyRequest{CustomerId: "child"})
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_NOTHING_PUBLISHED, nil, nil}.check(t, err)
	run := h.published("kin")
	sum := 30.0
	three := 3.0
	want := &echelonv1.Family{
		CustomerId: "grandchild", Root: "root", Customers: 3, RunId: run.GetId(), Path: []string{"grandchild", "child", "root"},
		Values:  []*echelonv1.FamilyValue{{Function: "family_count()", Value: &three}, {Function: "family_sum(arr)", Value: &sum}},
		Members: []string{"child", "grandchild", "root"},
	}
	got, err := get(&echelonv1.GetFamilyRequest{CustomerId: "grandchild"})
	h.must(err)
	if diff := cmp.Diff(want, got.GetFamily(), protocmp.Transform()); diff != "" || got.GetNextPageToken() != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var members []string
	request := &echelonv1.GetFamilyRequest{CustomerId: "grandchild", PageSize: 2}
	for {
		page, err := get(request)
		h.must(err)
		members = append(members, page.GetFamily().GetMembers()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	if !cmp.Equal(members, want.GetMembers()) {
		t.Errorf("in pages: %v", members)
	}
	request.CustomerId, request.PageToken = "child", "bad"
	_, err = get(request)
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_PAGE_TOKEN_INVALID, nil, nil}.check(t, err)
	_, err = get(&echelonv1.GetFamilyRequest{CustomerId: "nobody"})
	wanted{codes.NotFound, echelonv1.ErrorReason_CUSTOMER_NOT_FOUND, nil, nil}.check(t, err)
	h.create(plain)
	h.published("plain")
	_, err = h.assignments.GetFamily(h.context(), &echelonv1.GetFamilyRequest{Model: "plain", CustomerId: "root"})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"names no `parent`"}}.check(t, err)

	// What is stored later shows in the way up, with what is odd.
	for _, test := range []struct{ id, parent, says string }{
		{"alone", "gone", `"alone" names the parent "gone", which is not there`},
		{"root", "root", `"root" names itself`},
		{"root", "grandchild", `"root" names "grandchild", which closes a cycle`},
		{"child", "alone", `names the parent "gone"`},
	} {
		h.upsert(test.id, attrs{"arr": 1, "parent": test.parent})
		id := "grandchild"
		if test.id == "alone" {
			id = "alone"
		}
		got, err := get(&echelonv1.GetFamilyRequest{CustomerId: id})
		h.must(err)
		if found := got.GetFamily().GetFindings(); len(found) != 1 || !strings.Contains(found[0].GetMessage(), test.says) {
			t.Errorf("%s under %s: %v", test.id, test.parent, found)
		}
	}
	h.upsert("alone", attrs{"arr": 1})
	got, err = get(&echelonv1.GetFamilyRequest{CustomerId: "grandchild"})
	h.must(err)
	if found := got.GetFamily().GetFindings(); len(found) != 1 || found[0].GetMessage() != `the root was "root" in the published run, and is "alone" now` || got.GetFamily().GetRoot() != "root" {
		t.Errorf("another root: %v", got)
	}
}
