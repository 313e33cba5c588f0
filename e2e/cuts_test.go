package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/e2e/cutproxy"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// cuts returns how many connections are broken: ECHELON_CUTS, or a few.
func cuts(t *testing.T) int64 {
	text := os.Getenv("ECHELON_CUTS")
	if text == "" {
		return 25
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		t.Fatalf("ECHELON_CUTS is %q, want a number above 0", text)
	}
	return n
}

const (
	// jobRows is how many customers an import of this test has, and cutBatch how many a batch.
	jobRows, cutBatch = 2000, 25
	// faultBytes is how much goes through a connection at most before it breaks.
	faultBytes = 40_000
	// faultsARestart is how many connections break between two restarts of the server.
	faultsARestart = 12
)

// breaking is a server behind a proxy that breaks connections, and is itself ended and started again.
type breaking struct {
	t         *testing.T
	folder    string
	server    *process
	proxy     *cutproxy.Proxy
	random    *rand.Rand
	restarted int64
	restarts  int
}

func newBreaking(t *testing.T, faultBytes int64) *breaking {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	b := &breaking{t: t, folder: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1))}
	faults := rand.New(rand.NewPCG(seed, 2))
	proxy, err := cutproxy.New(func() cutproxy.Fault {
		return cutproxy.Fault{Kind: cutproxy.Kinds[faults.IntN(len(cutproxy.Kinds))], After: faults.Int64N(faultBytes)}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	b.proxy = proxy
	b.begin()
	return b
}

// begin starts the server. Connections grow no older than some seconds, streams stall soon.
func (b *breaking) begin() {
	b.server = serve(b.t, "--data", b.folder, "--stall-timeout", "1s", "--drain-timeout", "1s",
		"--max-connection-age", "5s", "--max-connection-age-grace", "1m")
	b.proxy.To(b.server.address)
}

// direct returns a client that no proxy disturbs.
func (b *breaking) direct() *client.Client { return b.server.dial() }

// dial returns a client through the proxy.
func (b *breaking) dial() *client.Client {
	c, err := client.Dial(b.proxy.Address(), client.WithBatchRows(cutBatch), client.WithStallTimeout(400*time.Millisecond),
		client.WithResume(200), client.WithBackoff(2*time.Millisecond, 50*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c
}

// restartNowAndThen ends the server, as a crash does or as one who asks, and starts it again, where enough connections broke since the last time.
func (b *breaking) restartNowAndThen() {
	if b.proxy.Faults() < b.restarted+faultsARestart {
		return
	}
	b.restarted = b.proxy.Faults()
	b.restarts++
	if b.random.IntN(2) == 0 {
		b.server.kill()
	} else {
		b.server.stop()
	}
	b.begin()
}

// cutCustomer is customer number i of a job; some are refused.
func cutCustomer(job string, i int) *echelonv1.Customer {
	c := &echelonv1.Customer{Id: fmt.Sprintf("%s-%05d", job, i), Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{
		"arr": structpb.NewNumberValue(float64((i * 7919) % 100_000)),
	}}}
	if i%97 == 5 {
		c.Attributes.Fields["arr"] = structpb.NewStringValue("much")
	}
	return c
}

func isRefused(i int) bool { return i%97 == 5 }

// importJob imports the customers of a job. A stream that could not be opened at all is begun again under the same job, as a person would.
func (b *breaking) importJob(ctx context.Context, job string) {
	b.t.Helper()
	header := &echelonv1.ImportHeader{JobId: job}
	for {
		var last client.ImportProgress
		var refused []int64
		var failed error
		c := b.dial()
		for progress, err := range c.ImportCustomers(ctx, header, each(jobRows, func(i int) *echelonv1.Customer { return cutCustomer(job, i) })) {
			if failed = err; err != nil {
				break
			}
			last = progress
			for _, e := range progress.Errors {
				refused = append(refused, e.GetIndex())
			}
			b.restartNowAndThen()
		}
		if client.IsUnavailable(failed) || client.ReasonOf(failed) == echelonv1.ErrorReason_STREAM_STALLED {
			continue
		}
		if failed != nil {
			b.t.Fatal(failed)
		}
		b.checkBooks(job, last, refused)
		return
	}
}

// checkBooks looks whether an import was told what it would have been told undisturbed.
func (b *breaking) checkBooks(job string, last client.ImportProgress, refused []int64) {
	b.t.Helper()
	var want []int64
	for i := range jobRows {
		if isRefused(i) {
			want = append(want, int64(i))
		}
	}
	if last.Acknowledged != jobRows || last.Stored != int64(jobRows-len(want)) || fmt.Sprint(refused) != fmt.Sprint(want) {
		b.t.Fatalf("the job %s: %d rows are acknowledged and %d stored, %v refused; want %v refused", job, last.Acknowledged, last.Stored, refused, want)
	}
}

// assign evaluates customers through the proxy and compares with what is answered without it, by the same pins.
func (b *breaking) assign(ctx context.Context, round int) {
	b.t.Helper()
	rows := each(jobRows, func(i int) *echelonv1.Customer { return cutCustomer("a", i) })
	header := &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("crash", 0)}
	var got []client.Outcome
	for complete := false; !complete; {
		got, complete = nil, true
		for outcome, err := range b.dial().BulkAssign(ctx, header, rows) {
			if client.IsUnavailable(err) || client.ReasonOf(err) == echelonv1.ErrorReason_STREAM_STALLED {
				complete = false
				break
			}
			if err != nil {
				b.t.Fatal(err)
			}
			if got = append(got, outcome); len(got) == jobRows/2 {
				publish(ctx, b.t, b.direct(), &echelonv1.StartRunRequest{Model: "crash"}) // what is current now is not what the stream began with
			}
			if len(got)%cutBatch == 0 {
				b.restartNowAndThen()
			}
		}
	}
	by := got[0].Assignment.GetProvenance()
	pinned := client.StoredModel("crash", by.GetModelVersion())
	pinned.AsOf, pinned.Calibration = by.GetAsOf(), &echelonv1.Evaluator_CalibrationId{CalibrationId: by.GetCalibrationId()}
	at := 0
	for want, err := range b.direct().BulkAssign(ctx, &echelonv1.BulkAssignHeader{Evaluator: pinned}, rows) {
		if err != nil {
			b.t.Fatal(err)
		}
		if at >= len(got) || got[at].Index != want.Index || !proto.Equal(got[at].Assignment, want.Assignment) || !proto.Equal(got[at].Error, want.Error) {
			b.t.Fatalf("round %d: outcome %d of %d is not that of an undisturbed stream, %v", round, at, len(got), want)
		}
		at++
	}
	if at != len(got) {
		b.t.Fatalf("round %d: %d outcomes, want %d", round, len(got), at)
	}
}

func TestStreamsSurviveCutsAndRestarts(t *testing.T) {
	ctx := soon(t, 30*time.Minute)
	n := cuts(t)
	b := newBreaking(t, faultBytes)
	model, _, found := modelfile.Parse("crash.yaml", []byte(killModel))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	c := b.direct()
	if _, err := c.CreateModel(ctx, model); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ActivateModel(ctx, "crash", 0); err != nil {
		t.Fatal(err)
	}
	b.importJob(ctx, "j0")
	publish(ctx, t, b.direct(), &echelonv1.StartRunRequest{Model: "crash"})
	jobs := 1
	for ; b.proxy.Faults() < n; jobs++ {
		b.importJob(ctx, fmt.Sprint("j", jobs))
		if jobs%4 == 1 {
			b.assign(ctx, jobs)
		}
	}
	b.checkStored(ctx, jobs)
	t.Logf("%d connections broke and the server was ended %d times: %d customers of %d imports are stored once each", b.proxy.Faults(), b.restarts,
		jobs*(jobRows-refusedOf()), jobs)
	b.server.stop()
}

func refusedOf() (n int) {
	for i := range jobRows {
		if isRefused(i) {
			n++
		}
	}
	return n
}

// checkStored looks whether every customer is there as it was sent, and the audit log, which counts in the commit of each batch, has each once.
func (b *breaking) checkStored(ctx context.Context, jobs int) {
	b.t.Helper()
	c := b.direct()
	want := make(map[string]float64)
	for job := range jobs {
		for i := range jobRows {
			if !isRefused(i) {
				one := cutCustomer(fmt.Sprint("j", job), i)
				want[one.GetId()] = one.GetAttributes().GetFields()["arr"].GetNumberValue()
			}
		}
	}
	stored := len(want)
	for customer, err := range c.ExportCustomers(ctx) {
		if err != nil {
			b.t.Fatal(err)
		}
		if arr, known := want[customer.GetId()]; !known || arr != customer.GetAttributes().GetFields()["arr"].GetNumberValue() {
			b.t.Fatalf("the customer %v was never sent so", customer)
		}
		delete(want, customer.GetId())
	}
	if len(want) != 0 {
		b.t.Fatalf("%d of %d customers are missing", len(want), stored)
	}
	// A stream whose connection is half open ends when the server finds out; stopping it ends all, and their entries with them.
	b.server.stop()
	b.begin()
	written := int64(0)
	for entry, err := range b.direct().Audit(ctx, &echelonv1.ListAuditRequest{Subject: "customers"}) {
		if err != nil {
			b.t.Fatal(err)
		}
		written += entry.GetCustomers()
	}
	if written != int64(stored) {
		b.t.Fatalf("the audit log counts %d customers that were stored, and there are %d: some were stored twice", written, stored)
	}
}
