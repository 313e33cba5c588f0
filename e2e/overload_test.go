package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// overloadModel needs no calibration, and about as much work for a customer as models of the examples.
const overloadModel = `
name: overload
amount: arr
attributes:
  - {name: arr, type: NUMBER}
  - {name: employees, type: INTEGER}
  - {name: industry, type: STRING}
  - {name: usage, type: NUMBER}
  - {name: growth, type: NUMBER}
derived:
  - {name: per_head, expr: "employees > 0 ? arr / employees : 0"}
  - {name: momentum, expr: "min(3, max(0, growth * log(1 + usage)))"}
segmentations:
  - name: size
    segments: [{name: Enterprise, when: "employees >= 1000 || arr >= 250000"}, {name: Mid-Market, when: "employees >= 100"}]
    otherwise: SMB
    unknown: Unclassified
scores:
  - name: value
    criteria:
      - {name: revenue, expr: arr, weight: 40, normalize: {log: {min: 1000, max: 1000000}}}
      - {name: usage, expr: "usage + momentum", weight: 30, normalize: {linear: {min: 0, max: 100}}}
      - {name: density, expr: per_head, weight: 30, normalize: {linear: {min: 0, max: 1000}}}
tierings:
  - name: coverage
    linear: {score: value, tiers: [{name: high, cut: {min_score: 70}}, {name: mid, cut: {min_score: 40, when: "industry != 'none'"}}, {name: low}]}
`

const (
	// callRows and batchRows are the customers of a unary call and of a stream's batch.
	callRows, batchRows = 200, 1000
	// peakCallers and peakStreams take all that the server can give; overload has three times as many streams, and three times the calls.
	peakCallers, peakStreams, times = 8, 2, 3
	// callDeadline is when an answer is worth nothing any more.
	callDeadline = 2 * time.Second
	// leastGoodput is the part of the peak that an overloaded server still does.
	leastGoodput = 0.8
)

// TestOverload offers a server three times what it can take. Its memory stays in bounds, whoever looks after it is answered, every refusal says when to
// come again, and it is well afterwards. For as long as ECHELON_OVERLOAD says, as `make overload` does, it must also do most of what it does at its
// peak; without it the test is too short, and the machine too busy, to judge that.
func TestOverload(t *testing.T) {
	long := os.Getenv("ECHELON_OVERLOAD")
	period := 3 * time.Second
	if long != "" {
		var err error
		if period, err = time.ParseDuration(long); err != nil || period <= 0 {
			t.Fatalf("ECHELON_OVERLOAD is %q, want a time such as 60s", long)
		}
	}
	metrics := freeAddress(t)
	// The server has one processor, so that the other ones are for who loads it: what is judged is the server, not who shares its machine.
	t.Setenv("GOMAXPROCS", "1")
	p := serve(t, "--data", t.TempDir(), "--metrics-listen", metrics, "--max-calls", "16", "--max-bulk-streams", "4", "--max-in-flight-bytes", "33554432")
	o := newOverload(t, p)
	o.closedLoop(peakCallers, peakStreams, period/10) // warm
	quiet, idle := o.latency(), scrapeValues(t, "http://"+metrics+"/metrics")
	before := o.closedLoop(peakCallers, peakStreams, period/4)

	watched := o.watch()
	loaded := o.openLoop(times*before.calls, times*peakStreams, period)
	watched()
	after := o.closedLoop(peakCallers, peakStreams, period/4)

	peak := (before.rows + after.rows) / 2
	t.Logf("peak %.0f rows/s before and %.0f after, with %.0f calls/s; at %d times the load %.0f rows/s, which is %.0f %%: %s; memory at most %d MB",
		before.rows, after.rows, before.calls, times, loaded.rows, 100*loaded.rows/peak, loaded, p.peakMemory()/1_000_000)
	t.Logf("for a second of the server's processor: %.0f rows before, %.0f under load, %.0f after", before.perProcessor, loaded.perProcessor, after.perProcessor)
	if loaded.refused == 0 {
		t.Error("nothing was refused: this was no overload")
	}
	if memory := p.peakMemory(); memory > maxServerMemory {
		t.Errorf("the server's memory rose to %d MB, at most %d are allowed", memory/1_000_000, maxServerMemory/1_000_000)
	}
	o.wellAfterwards(metrics, idle)
	if long == "" {
		return
	}
	if loaded.rows < leastGoodput*peak {
		t.Errorf("under overload the server does %.0f rows/s, less than %.0f %% of its peak of %.0f", loaded.rows, 100*leastGoodput, peak)
	}
	if now := o.latency(); now > 5*quiet {
		t.Errorf("a call takes %s afterwards, and took %s before", now, quiet)
	}
}

// overload is who loads a server.
type overload struct {
	*testing.T
	server        *process
	conns         []*grpc.ClientConn
	call, header  []byte
	customers     []*echelonv1.Customer
	answered      atomic.Int64 // calls
	rows          atomic.Int64
	refused, late atomic.Int64
}

// rates is what came out of a period.
type rates struct {
	calls, rows   float64 // a second
	perProcessor  float64 // rows for a second of the server's processor time
	refused, late int64
}

func (r rates) String() string {
	return fmt.Sprintf("%.0f calls/s, %d refused, %d late", r.calls, r.refused, r.late)
}

func newOverload(t *testing.T, p *process) *overload {
	o := &overload{T: t, server: p}
	for range 16 {
		conn, err := grpc.NewClient("passthrough:///"+p.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		o.conns = append(o.conns, conn)
		// It connects now, so that what a connection takes is there before the load.
		if _, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	model, _, found := modelfile.Parse("overload.yaml", []byte(overloadModel))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	c := p.dial()
	if _, err := c.CreateModel(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ActivateModel(t.Context(), "overload", 0); err != nil {
		t.Fatal(err)
	}
	evaluator := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: "overload"}}}
	o.call = o.wire(&echelonv1.BatchScoreCustomersRequest{Evaluator: evaluator, Customers: overloadCustomers(callRows)})
	o.customers = overloadCustomers(batchRows)
	o.header = o.wire(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: &echelonv1.BulkAssignHeader{Evaluator: evaluator}}})
	return o
}

func (o *overload) wire(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		o.Fatal(err)
	}
	return data
}

func overloadCustomers(n int) []*echelonv1.Customer {
	list := make([]*echelonv1.Customer, n)
	for i := range list {
		list[i] = &echelonv1.Customer{Id: fmt.Sprintf("customer-%06d", i), Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{
			"arr": structpb.NewNumberValue(float64(1000 + i*37)), "employees": structpb.NewNumberValue(float64(i % 3000)),
			"industry": structpb.NewStringValue("software"), "usage": structpb.NewNumberValue(float64(i % 100)), "growth": structpb.NewNumberValue(0.5),
		}}}
	}
	return list
}

// bytesCodec sends bytes as they are, and takes none apart: the load costs its sender little.
type bytesCodec struct{}

func (bytesCodec) Name() string                       { return "proto" }
func (bytesCodec) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error { return nil }

// score makes one call, and counts how it ended.
func (o *overload) score(ctx context.Context, conn *grpc.ClientConn) {
	calling, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	err := conn.Invoke(calling, echelonv1.ScoringService_BatchScoreCustomers_FullMethodName, o.call, nil, grpc.ForceCodec(bytesCodec{}))
	switch {
	case err == nil:
		o.answered.Add(1)
		o.rows.Add(callRows)
	case ctx.Err() != nil: // the period is over
	case status.Code(err) == codes.DeadlineExceeded:
		o.late.Add(1)
	default:
		o.refusal(err)
	}
}

// refusal counts a refusal, which says when to come again, and returns that. Any other error is a fault.
func (o *overload) refusal(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok && status.Code(err) == codes.ResourceExhausted {
			o.refused.Add(1)
			return retry.GetRetryDelay().AsDuration()
		}
	}
	o.Errorf("the server answers %v", err)
	return time.Second
}

// stream sends batches and takes their answers until ctx is over; where it is refused, it comes again when it is told to.
func (o *overload) stream(ctx context.Context, conn *grpc.ClientConn) {
	for ctx.Err() == nil {
		err := o.batches(ctx, conn)
		if ctx.Err() != nil || status.Code(err) == codes.DeadlineExceeded { // the server may see first that the period is over
			return
		}
		timer := time.NewTimer(o.refusal(err))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (o *overload) batches(ctx context.Context, conn *grpc.ClientConn) error {
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := conn.NewStream(ctx, desc, echelonv1.ScoringService_BulkAssign_FullMethodName, grpc.ForceCodec(bytesCodec{}))
	if err != nil {
		return err
	}
	if err := stream.SendMsg(o.header); err != nil && err != io.EOF {
		return err
	}
	if err := stream.RecvMsg(nil); err != nil {
		return err
	}
	for sequence := int64(1); ; sequence++ {
		batch := &echelonv1.CustomerBatch{Sequence: sequence, Rows: &echelonv1.CustomerRows{Customers: o.customers}}
		message := o.wire(&echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{Batch: batch}})
		if err := stream.SendMsg(message); err != nil && err != io.EOF {
			return err
		}
		if err := stream.RecvMsg(nil); err != nil {
			return err
		}
		o.rows.Add(batchRows)
	}
}

// during lets load go on for a period and returns what came out of it.
func (o *overload) during(period time.Duration, streams int, load func(ctx context.Context, wait *sync.WaitGroup)) rates {
	o.answered.Store(0)
	o.rows.Store(0)
	o.refused.Store(0)
	o.late.Store(0)
	ctx, cancel := context.WithTimeout(o.Context(), period)
	defer cancel()
	begun, spent := time.Now(), o.server.processorTime()
	var wait sync.WaitGroup
	for i := range streams {
		wait.Go(func() { o.stream(ctx, o.conns[i%len(o.conns)]) })
	}
	load(ctx, &wait)
	<-ctx.Done()
	seconds := time.Since(begun).Seconds()
	rows := float64(o.rows.Load())
	r := rates{float64(o.answered.Load()) / seconds, rows / seconds, rows / (o.server.processorTime() - spent), o.refused.Load(), o.late.Load()}
	wait.Wait()
	return r
}

// closedLoop has callers of whom each makes a call when the one before was answered.
func (o *overload) closedLoop(callers, streams int, period time.Duration) rates {
	return o.during(period, streams, func(ctx context.Context, wait *sync.WaitGroup) {
		for i := range callers {
			wait.Go(func() {
				for ctx.Err() == nil {
					o.score(ctx, o.conns[i%len(o.conns)])
				}
			})
		}
	})
}

// openLoop makes so many calls a second, whatever becomes of those before.
func (o *overload) openLoop(perSecond float64, streams int, period time.Duration) rates {
	return o.during(period, streams, func(ctx context.Context, wait *sync.WaitGroup) {
		begun, made := time.Now(), 0
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			for due := int(perSecond * time.Since(begun).Seconds()); made < due; made++ {
				conn := o.conns[made%len(o.conns)]
				wait.Go(func() { o.score(ctx, conn) })
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	})
}

// latency returns the median of some calls, one after another.
func (o *overload) latency() time.Duration {
	var took []time.Duration
	for range 51 {
		begun := time.Now()
		if err := o.conns[0].Invoke(o.Context(), echelonv1.ScoringService_BatchScoreCustomers_FullMethodName, o.call, nil, grpc.ForceCodec(bytesCodec{})); err != nil {
			o.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// watch asks again and again, until it is told to end, how the server is and what models it has: neither is ever refused.
func (o *overload) watch() (end func()) {
	ctx, cancel := context.WithCancel(o.Context())
	var wait sync.WaitGroup
	asked := 0
	wait.Go(func() {
		for ctx.Err() == nil {
			health, err := healthv1.NewHealthClient(o.conns[0]).Check(ctx, &healthv1.HealthCheckRequest{})
			if ctx.Err() == nil && (err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING) {
				o.Errorf("the health is %v, %v", health, err)
			}
			_, err = echelonv1.NewModelServiceClient(o.conns[1]).ListModels(ctx, &echelonv1.ListModelsRequest{})
			if ctx.Err() == nil && err != nil {
				o.Errorf("whoever looks after the server is answered %v", err)
			}
			asked++
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() {
		cancel()
		wait.Wait()
		o.Logf("%d times the server was asked how it is", asked)
	}
}

// wellAfterwards waits until nothing of the load is left: no limit is in use but for connections, and goroutines are as many as before.
func (o *overload) wellAfterwards(metrics string, idle map[string]float64) {
	o.Helper()
	ctx := soon(o.T, time.Minute)
	for {
		now := scrapeValues(o, "http://"+metrics+"/metrics")
		left := now[`echelon_limit_used{limit="calls"}`] + now[`echelon_limit_used{limit="bulk_streams"}`] + now[`echelon_limit_used{limit="bytes"}`]
		if left == 0 && now["go_goroutines"] <= idle["go_goroutines"]+20 {
			break
		}
		select {
		case <-ctx.Done():
			o.Fatalf("%v of the limits are in use still, and %v goroutines run; before the load %v did", left, now["go_goroutines"], idle["go_goroutines"])
		case <-time.After(50 * time.Millisecond):
		}
	}
	health, err := healthv1.NewHealthClient(o.conns[0]).Check(ctx, &healthv1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		o.Errorf("the health is %v, %v", health, err)
	}
}

var metricLine = regexp.MustCompile(`(?m)^([a-z]\S*) (\S+)$`)

// scrapeValues returns the metrics by their names and labels.
func scrapeValues(t testing.TB, url string) map[string]float64 {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, found := range metricLine.FindAllStringSubmatch(string(text), -1) {
		if value, err := strconv.ParseFloat(found[2], 64); err == nil {
			values[found[1]] = value
		}
	}
	return values
}
