package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// sold is a model of amounts in several currencies that learns nothing but their rates.
const sold = `
name: sold
currency: {base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: 0.5}]}
attributes: [{name: arr, type: NUMBER}, {name: paid_in, type: STRING}]
scores: [{name: value, criteria: [{name: arr, expr: "convert(arr, paid_in)", weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {min_score: 50}}, {name: low}]}}]
`

func dollars(id string, amount float64) *echelonv1.Customer {
	return customer(id, attrs{"arr": amount, "paid_in": "USD"})
}

func TestACalibrationsRatesHoldUntilTheNextPublication(t *testing.T) {
	// CUR-5, CUR-7
	h := start(t)
	h.create(sold)
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_REQUIRED, nil, []string{"converts currencies"}}.check(t, score(h, given(storedModel("sold"), dollars("a", 1))))
	h.upsert("a", attrs{"arr": 90.0, "paid_in": "USD"})
	h.published("sold")
	tierNow := func() string {
		t.Helper()
		stored, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
			Evaluator: storedModel("sold"), Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "a"}})
		h.must(err)
		return tier(stored.GetAssignment())
	}
	if got := tierNow(); got != "low" {
		t.Fatalf("45 euros are %s", got)
	}
	h.create(strings.Replace(sold, "rate: 0.5", "rate: 2", 1))
	if got := tierNow(); got != "low" {
		t.Errorf("a newer version's rates moved the tier to %s", got)
	}
	old, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "sold", Version: 1, Rates: []*echelonv1.ExchangeRate{{Currency: "USD", Date: "2026-01-30", Rate: 0.75}}})
	h.must(err)
	rated := h.wait(old.GetRun().GetId())
	if got := tierNow(); got != "low" {
		t.Errorf("a run that is not published moved the tier to %s", got)
	}
	h.must(h.publish(rated.GetId()))
	if got := tierNow(); got != "high" {
		t.Errorf("67.5 euros are %s", got)
	}
	kept, err := h.models.GetCalibration(h.context(), &echelonv1.GetCalibrationRequest{Id: rated.GetId()})
	h.must(err)
	want := []*echelonv1.ExchangeRate{{Currency: "USD", Date: "2026-01-30", Rate: 0.75}}
	if diff := cmp.Diff(want, kept.GetCalibration().GetRates(), protocmp.Transform()); diff != "" {
		t.Errorf("the calibration's rates (-want +got):\n%s", diff)
	}
}

func TestRatesThatCannotBeUsedAreRefused(t *testing.T) {
	// CUR-1
	h := start(t)
	h.create(sold)
	h.create(plain)
	bad := []*echelonv1.ExchangeRate{{Currency: "usd", Date: "2026-01-01", Rate: 1}, {Currency: "USD", Date: "soon", Rate: 0}}
	fields := []string{"rates[0].currency", "rates[1].date", "rates[1].rate"}
	_, err := h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "sold", Rates: bad})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, fields, []string{"3 mistakes", `"usd" is no currency`}}.check(t, err)
	_, err = h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "plain", Rates: bad[:1]})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"rates"}, []string{`"plain" has no currency`}}.check(t, err)
	_, err = h.runs.StartRun(h.context(), &echelonv1.StartRunRequest{Model: "sold", Rates: make([]*echelonv1.ExchangeRate, 1000)})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"rates[0].currency"}, []string{"2000 mistakes"}}.check(t, err)

	header := &echelonv1.CalibrateHeader{Evaluator: inline(model(t, sold)), Rates: bad}
	_, err = h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: header}}, calibrate.rows(1, dollars("a", 1)))
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, fields, nil}.check(t, err)
	header.Rates = []*echelonv1.ExchangeRate{{Currency: "USD", Date: "2026-01-01", Rate: 0.75}}
	answers, err := h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: header}}, calibrate.rows(1, dollars("a", 1)))
	h.must(err)
	got := answers[0].(*echelonv1.CalibrateResponse).GetCalibration()
	if a := h.scoredBy(withCalibration(inline(model(t, sold)), got), dollars("x", 80)); tier(a) != "high" || a.GetScores()[0].GetValue() != 60 {
		t.Errorf("60 euros are %v", a)
	}
	h.serving()
}

// scoredBy returns a given customer's assignment.
func (h *harness) scoredBy(e *echelonv1.Evaluator, c *echelonv1.Customer) *echelonv1.Assignment {
	h.Helper()
	got, err := h.scoring.ScoreCustomer(h.context(), given(e, c))
	h.must(err)
	return got.GetAssignment()
}
