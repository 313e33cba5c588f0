package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// scored returns a given customer's assignment.
func (h *harness) scored(e *echelonv1.Evaluator, id string, arr float64) *echelonv1.Assignment {
	h.Helper()
	got, err := h.scoring.ScoreCustomer(h.context(), given(e, customer(id, attrs{"arr": arr})))
	h.must(err)
	return got.GetAssignment()
}

// calibrated returns what a model learns from customers with these amounts.
func (h *harness) calibrated(e *echelonv1.Evaluator, amounts ...float64) *echelonv1.Calibration {
	h.Helper()
	var rows []*echelonv1.Customer
	for i, arr := range amounts {
		rows = append(rows, customer(string(rune('a'+i)), attrs{"arr": arr}))
	}
	answers, err := h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{
		Header: &echelonv1.CalibrateHeader{Evaluator: e}}}, calibrate.rows(1, rows...))
	h.must(err)
	return answers[0].(*echelonv1.CalibrateResponse).GetCalibration()
}

func withCalibration(e *echelonv1.Evaluator, c *echelonv1.Calibration) *echelonv1.Evaluator {
	e = proto.CloneOf(e)
	e.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: c}
	return e
}

func tier(a *echelonv1.Assignment) string { return a.GetTiers()[0].GetTier() }

func TestAnInlineModelWithAnInlineCalibrationNeedsNoStore(t *testing.T) {
	h := start(t)
	e := inline(model(t, ranked))
	c := h.calibrated(e, 10, 20, 30, 40)
	if c.GetId() != "" || c.GetCustomers() != 4 {
		t.Errorf("the calibration is %v", c)
	}
	e = withCalibration(e, c)
	if high, low := tier(h.scored(e, "x", 35)), tier(h.scored(e, "x", 25)); high != "high" || low != "low" {
		t.Errorf("above the line %q, below it %q", high, low)
	}
	p := h.scored(e, "x", 1).GetProvenance()
	want := &echelonv1.Provenance{Model: "ranked", ModelFingerprint: c.GetModelFingerprint(), AsOf: timestamppb.New(noon)}
	if diff := cmp.Diff(want, p, protocmp.Transform()); diff != "" {
		t.Errorf("the provenance (-want +got):\n%s", diff)
	}
	models, err := h.models.ListModels(h.context(), &echelonv1.ListModelsRequest{})
	h.must(err)
	if len(models.GetModels()) != 0 {
		t.Errorf("an inline model was stored: %v", models)
	}
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_REQUIRED, nil, nil}.check(t, score(h, given(inline(model(t, ranked)), customer("a", nil))))
}

// A stored model means its publication until another run is published, whatever is activated meanwhile.
func TestAnUnpinnedModelIsItsPublication(t *testing.T) {
	h := start(t)
	h.create(ranked)
	for id, arr := range map[string]float64{"a": 10, "b": 20, "c": 30} {
		h.upsert(id, attrs{"arr": arr})
	}
	first := h.published("ranked")
	check := func(when string, a *echelonv1.Assignment, version int64, run, want string) {
		t.Helper()
		if p := a.GetProvenance(); p.GetModelVersion() != version || p.GetCalibrationId() != run || p.GetRunId() != "" || tier(a) != want {
			t.Errorf("%s: %q by %v", when, tier(a), p)
		}
	}
	check("published", h.scored(storedModel("ranked"), "x", 25), 1, first.GetId(), "high")
	check("below the line", h.scored(storedModel("ranked"), "x", 15), 1, first.GetId(), "low")

	h.create(strings.Replace(ranked, "top_count: 2", "top_count: 1", 1))
	h.upsert("d", attrs{"arr": 90})
	check("another version is active", h.scored(storedModel("ranked"), "x", 25), 1, first.GetId(), "high")

	pinned := storedModel("ranked")
	pinned.GetStored().Version = 2
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_REQUIRED, nil, nil}.check(t, score(h, given(pinned, customer("x", nil))))
	ready := h.run("ranked")
	check("a run is ready", h.scored(storedModel("ranked"), "x", 25), 1, first.GetId(), "high")
	pinned.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: ready.GetId()}
	check("a version and a calibration are named", h.scored(pinned, "x", 25), 2, ready.GetId(), "low")

	mixed := storedModel("ranked")
	mixed.Calibration = &echelonv1.Evaluator_CalibrationId{CalibrationId: ready.GetId()}
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_MISMATCH, nil, nil}.check(t, score(h, given(mixed, customer("x", nil))))

	h.must(h.publish(ready.GetId()))
	check("published again", h.scored(storedModel("ranked"), "x", 25), 2, ready.GetId(), "low")
	old := storedModel("ranked")
	old.GetStored().Version = 1
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_REQUIRED, nil, nil}.check(t, score(h, given(old, customer("x", nil))))
}

func TestAnUnpublishedModelIsItsActiveVersion(t *testing.T) {
	h := start(t)
	h.create(plain)
	_, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(t, strings.Replace(plain, "min_score: 50", "min_score: 90", 1))})
	h.must(err)
	if a := h.scored(storedModel("plain"), "x", 60); a.GetProvenance().GetModelVersion() != 1 || tier(a) != "high" {
		t.Errorf("%q by %v", tier(a), a.GetProvenance())
	}
	e := storedModel("plain")
	e.GetStored().Version = 2
	if a := h.scored(e, "x", 60); a.GetProvenance().GetModelVersion() != 2 || tier(a) != "low" {
		t.Errorf("%q by %v", tier(a), a.GetProvenance())
	}
}

// An inline calibration may bear the id of a stored one and hold other lines: it must stand for itself, before and after the stored one.
func TestAnInlineCalibrationNeverStandsForAStoredOne(t *testing.T) {
	for _, storedFirst := range []bool{false, true} {
		h := start(t)
		h.create(ranked)
		for id, arr := range map[string]float64{"a": 10, "b": 20, "c": 30} {
			h.upsert(id, attrs{"arr": arr})
		}
		run := h.published("ranked")
		forged := h.calibrated(storedModel("ranked"), 70, 80, 90)
		forged.Id = run.GetId()
		stored := func() {
			t.Helper()
			if got := tier(h.scored(storedModel("ranked"), "x", 25)); got != "high" {
				t.Errorf("the stored calibration was replaced: %q", got)
			}
		}
		if storedFirst {
			stored()
		}
		a := h.scored(withCalibration(storedModel("ranked"), forged), "x", 25)
		if tier(a) != "low" || a.GetProvenance().GetCalibrationId() != "" {
			t.Errorf("the inline calibration was replaced: %q by %v", tier(a), a.GetProvenance())
		}
		stored()
	}
}

func TestACalibrationThatWasTamperedWithIsRefused(t *testing.T) {
	h := start(t)
	h.create(ranked)
	good := h.calibrated(storedModel("ranked"), 10, 20, 30)
	for name, tamper := range map[string]func(c *echelonv1.Calibration){
		"no lines":         func(c *echelonv1.Calibration) { c.Tierings = nil },
		"another tiering":  func(c *echelonv1.Calibration) { c.Tierings[0].Tiering = "other" },
		"lines twice":      func(c *echelonv1.Calibration) { c.Tierings = append(c.Tierings, c.Tierings[0]) },
		"no tiers":         func(c *echelonv1.Calibration) { c.Tierings[0].Tiers = nil },
		"a nameless tier":  func(c *echelonv1.Calibration) { c.Tierings[0].Tiers[0].Tier = "" },
		"no line":          func(c *echelonv1.Calibration) { c.Tierings[0].Tiers[0].TopCount = nil },
		"a line of no key": func(c *echelonv1.Calibration) { c.Tierings[0].Tiers[0].TopCount.Key = nil },
		"a score too many": func(c *echelonv1.Calibration) {
			c.Scores = append(c.Scores, &echelonv1.ScoreCalibration{Score: "value"})
		},
	} {
		c := proto.CloneOf(good)
		tamper(c)
		err := score(h, given(withCalibration(storedModel("ranked"), c), customer("x", attrs{"arr": 1})))
		if err == nil {
			t.Errorf("%s: it is taken", name)
			continue
		}
		wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_MISMATCH, nil, nil}.check(t, err)
	}
}

func TestAModelThatLearnsNothingNamesNoCalibration(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60})
	h.published("plain")
	if id := h.scored(storedModel("plain"), "x", 1).GetProvenance().GetCalibrationId(); id != "" {
		t.Errorf("the provenance names the calibration %q, and the model needs none", id)
	}
}

func TestAnInstantIsTakenOrItIsNow(t *testing.T) {
	h := start(t)
	m := model(t, strings.Replace(plain, "min_score: 50", `min_score: 0, when: "days_since(renewal) == 3.0"`, 1))
	ask := func(asOf *timestamppb.Timestamp) *echelonv1.Assignment {
		t.Helper()
		e := inline(m)
		e.AsOf = asOf
		got, err := h.scoring.ScoreCustomer(h.context(), given(e, customer("x", attrs{"arr": 1, "renewal": "2026-01-28"})))
		h.must(err)
		return got.GetAssignment()
	}
	now := ask(nil)
	if tier(now) != "high" || !now.GetProvenance().GetAsOf().AsTime().Equal(noon) {
		t.Errorf("now: %q as of %v", tier(now), now.GetProvenance().GetAsOf().AsTime())
	}
	later := noon.Add(24*time.Hour + 1500*time.Nanosecond)
	a := ask(timestamppb.New(later))
	if tier(a) != "low" || !a.GetProvenance().GetAsOf().AsTime().Equal(later.Truncate(time.Microsecond)) {
		t.Errorf("a day later: %q as of %v", tier(a), a.GetProvenance().GetAsOf().AsTime())
	}
}

func TestAStoredCustomerIsScoredLikeAGivenOne(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60, "employees": 2000, "industry": "retail", "tags": []any{"a", "b"}})
	for _, explain := range []bool{false, true} {
		request := byID(storedModel("plain"), "acme")
		request.Explain = explain
		byID, err := h.scoring.ScoreCustomer(h.context(), request)
		h.must(err)
		request = given(storedModel("plain"), customer("acme", attrs{"arr": 60, "employees": 2000, "industry": "retail"}))
		request.Explain = explain
		given, err := h.scoring.ScoreCustomer(h.context(), request)
		h.must(err)
		if diff := cmp.Diff(given, byID, protocmp.Transform()); diff != "" {
			t.Errorf("given and stored differ (-given +stored):\n%s", diff)
		}
		if got := given.GetAssignment().GetExplanation() != nil; got != explain {
			t.Errorf("explained is %t", got)
		}
	}
}

// A stored customer may break a rule that only the model has.
func TestAStoredCustomerThatTheModelRefusesIsRefused(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("acme", attrs{"industry": "mining"})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{"attributes.industry"}, []string{`"mining"`}}.
		check(t, score(h, byID(storedModel("plain"), "acme")))
	run := h.published("plain")
	b, refused := run.GetSummary().GetBalance(), run.GetRefused()
	if b.GetRefused() != 1 || b.GetCustomers() != 1 || len(refused) != 1 || refused[0].GetCustomerId() != "acme" {
		t.Errorf("the run is %v", run)
	}
	wanted{codes.NotFound, echelonv1.ErrorReason_ASSIGNMENT_NOT_FOUND, nil, []string{"refused"}}.check(t, getAssignment(h, "plain", "acme"))
}
