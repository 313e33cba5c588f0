package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage/badger"
)

// metric returns the value of a metric with these labels ("name=value"), or of a histogram how often something was observed; false where it is not exposed.
func (h *harness) metric(name string, labels ...string) (float64, bool) {
	h.Helper()
	families, err := h.metrics.Gather()
	h.must(err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if len(m.GetLabel()) == len(labels) && labelled(m, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()), true
			}
		}
	}
	return 0, false
}

func labelled(m *dto.Metric, labels []string) bool {
	for i, l := range m.GetLabel() {
		if labels[i] != l.GetName()+"="+l.GetValue() {
			return false
		}
	}
	return true
}

// counts fails the test unless a metric has a value.
func (h *harness) counts(want float64, name string, labels ...string) {
	h.Helper()
	if got, ok := h.metric(name, labels...); !ok || got != want {
		h.Errorf("%s%v is %v (exposed: %v), want %v", name, labels, got, ok, want)
	}
}

// comesTo waits until a metric has a value: what ends is told of after whoever asks may know that it ended.
func (h *harness) comesTo(want float64, name string, labels ...string) {
	h.Helper()
	for ctx := h.context(); ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if got, ok := h.metric(name, labels...); ok && got == want {
			return
		}
	}
	h.counts(want, name, labels...)
}

// imported stores customers by a stream, in batches of one.
func (h *harness) imported(customers ...*echelonv1.Customer) {
	h.Helper()
	stream := h.opened(h.context(), h.conn, importCustomers)
	for i, one := range customers {
		h.must(stream.SendMsg(importCustomers.rows(int64(i+1), one)))
		_, err := stream.receive()
		h.must(err)
	}
	h.must(stream.CloseSend())
	_, err := collectStream(stream)
	h.must(err)
}

func TestTheEngineRunsAndTheStoreAreCounted(t *testing.T) {
	h := start(t)
	h.create(ranked)
	h.imported(customer("a", attrs{"arr": 10}), customer("b", attrs{"arr": 60}), customer("c", attrs{"arr": "much"}))
	h.published("ranked")
	for _, e := range []*echelonv1.Evaluator{storedModel("ranked"), inline(model(t, plain))} {
		_, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
			Evaluator: e, Customer: &echelonv1.ScoreCustomerRequest_CustomerId{CustomerId: "a"},
		})
		h.must(err)
	}
	answer, err := h.scoring.BatchScoreCustomers(h.context(), &echelonv1.BatchScoreCustomersRequest{
		Evaluator: storedModel("ranked"), Customers: []*echelonv1.Customer{customer("x", attrs{"arr": 1}), customer("", nil)},
	})
	h.must(err)
	if answer.GetResults()[1].GetError() == nil {
		t.Fatal("a customer without an id was not refused")
	}
	h.counts(2, "echelon_evaluated_customers_total", "model=ranked", "way=run")
	h.counts(2, "echelon_evaluated_customers_total", "model=ranked", "way=call")
	h.counts(1, "echelon_evaluated_customers_total", "model=inline", "way=call")
	h.counts(1, "echelon_refused_customers_total", "model=ranked", "way=call")
	h.counts(3, "echelon_evaluation_seconds", "way=call")
	h.counts(1, "echelon_calibrations_total", "model=ranked", "outcome=made")
	h.counts(1, "echelon_calibration_seconds")
	h.comesTo(1, "echelon_runs_total", "model=ranked", "state=ready")
	h.comesTo(1, "echelon_run_seconds")
	h.comesTo(0, "echelon_runs_under_way")
	h.counts(1, "echelon_publications_total", "model=ranked")
	h.comesTo(float64(noon.Unix()), "echelon_run_last_success_timestamp_seconds", "model=ranked")
	h.counts(float64(noon.Unix()), "echelon_publication_timestamp_seconds", "model=ranked")
	h.counts(2, "echelon_store_commit_customers")
	h.comesTo(0, "echelon_store_open_views")
	if commits, _ := h.metric("echelon_store_commits_total", "outcome=committed"); commits < 6 {
		t.Errorf("%v commits: a model, its activation, two batches, a run, its end and its publication are more", commits)
	}
}

func TestWhoIsEvaluatedBetweenRunsIsCounted(t *testing.T) {
	h := start(t)
	h.create(ranked)
	h.upsert("a", attrs{"arr": 10})
	h.published("ranked")
	_, err := h.assign("b", attrs{"arr": 20})
	h.must(err)
	_, err = h.exchange(importCustomers, assignHeader(), importCustomers.rows(1, customer("c", attrs{"arr": 1}), customer("d", attrs{"arr": 2})))
	h.must(err)
	h.counts(3, "echelon_evaluated_customers_total", "model=ranked", "way=write")
	h.counts(2, "echelon_evaluation_seconds", "way=write")
	// A publication takes in who was written since its run began.
	h.counts(1, "echelon_evaluated_customers_total", "model=ranked", "way=run")
	run := h.run("ranked")
	h.upsert("e", attrs{"arr": 5})
	h.must(h.publish(run.GetId()))
	h.counts(1+4+1, "echelon_evaluated_customers_total", "model=ranked", "way=run")
}

func TestStreamsAreCountedByWhatGoesThroughThem(t *testing.T) {
	h := start(t)
	h.create(plain)
	stream := h.opened(h.context(), h.conn, bulkAssign)
	h.must(stream.SendMsg(bulkAssign.rows(1, customer("a", attrs{"arr": 1}), customer("b", attrs{"arr": "x"}))))
	_, err := stream.receive()
	h.must(err)
	const method = "method=ScoringService/BulkAssign"
	h.counts(1, "echelon_open_streams", method)
	h.counts(1, "echelon_stream_batches_total", method)
	h.counts(2, "echelon_stream_rows_total", method)
	h.must(stream.SendMsg(bulkAssign.rows(7, customer("c", nil))))
	_, err = collectStream(stream)
	if err == nil {
		t.Fatal("a batch out of sequence went through")
	}
	h.comesTo(0, "echelon_open_streams", method)
	h.comesTo(1, "echelon_errors_total", method, "reason=OUT_OF_SEQUENCE")
	for _, name := range []string{"echelon_received_bytes_total", "echelon_sent_bytes_total"} {
		if bytes, _ := h.metric(name, method); bytes == 0 {
			t.Errorf("%s counts nothing", name)
		}
	}
}

func TestCallersCannotMakeLabelsUp(t *testing.T) {
	h := start(t)
	for i := range 5 {
		if err := h.conn.Invoke(h.context(), fmt.Sprintf("/made.up/Method%d", i), &echelonv1.ListModelsRequest{}, &echelonv1.ListModelsResponse{}); err == nil {
			t.Fatal("there is no such method")
		}
		named := model(t, strings.Replace(plain, "name: plain", fmt.Sprintf("name: made-up-%d", i), 1))
		_, err := h.scoring.ScoreCustomer(h.context(), &echelonv1.ScoreCustomerRequest{
			Evaluator: inline(named), Customer: &echelonv1.ScoreCustomerRequest_Given{Given: customer("a", attrs{"arr": 1})},
		})
		h.must(err)
	}
	families, err := h.metrics.Gather()
	h.must(err)
	for _, family := range families {
		text := family.String()
		if ours := strings.HasPrefix(family.GetName(), "echelon_"); ours && (strings.Contains(text, "made-up") || strings.Contains(text, "made.up")) {
			t.Errorf("callers named something: %s", text)
		}
	}
	h.counts(5, "echelon_evaluated_customers_total", "model=inline", "way=call")
}

func TestWhatIsPublishedIsShownAfterARestart(t *testing.T) {
	folder := t.TempDir()
	for again := range 2 {
		store, err := badger.Open(folder, badger.Options{DiskReserve: -1})
		if err != nil {
			t.Fatal(err)
		}
		h := serve(t, store)
		if again == 0 {
			h.create(plain)
			h.upsert("a", attrs{"arr": 1})
			h.published("plain")
		}
		h.counts(float64(noon.Unix()), "echelon_publication_timestamp_seconds", "model=plain")
		h.comesTo(float64(noon.Unix()), "echelon_run_last_success_timestamp_seconds", "model=plain")
		if logs, _ := h.metric("echelon_store_value_logs"); logs < 1 {
			t.Error("the store's files are not counted")
		}
		h.stop()
		h.must(store.Close())
	}
}
