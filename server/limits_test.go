package server_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

var (
	overloaded     = wanted{codes.ResourceExhausted, echelonv1.ErrorReason_OVERLOADED, nil, []string{"try again later"}}
	tooManyStreams = wanted{codes.ResourceExhausted, echelonv1.ErrorReason_TOO_MANY_STREAMS, nil, []string{"try again later"}}
	rateLimited    = wanted{codes.ResourceExhausted, echelonv1.ErrorReason_RATE_LIMITED, nil, []string{"rows a second", "go on in"}}
)

// shed fails the test unless an error says what is wanted, and when to try again.
func (w wanted) shed(t testing.TB, err error) {
	t.Helper()
	w.check(t, err)
	if retryAfter(err) <= 0 {
		t.Errorf("the error does not say when to try again: %v", err)
	}
}

// retryAfter returns the hint of an error; 0 where it has none.
func retryAfter(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// limit returns the value of a metric of a limit.
func (h *harness) limit(name, limit string) float64 {
	h.Helper()
	value, exposed := h.metric(name, "limit="+limit)
	if !exposed {
		h.Fatalf("there is no metric %s of %s", name, limit)
	}
	return value
}

// released waits until nothing of a limit is in use.
func (h *harness) released(limits ...string) {
	h.Helper()
	for _, limit := range limits {
		for ctx := h.context(); h.limit("echelon_limit_used", limit) > 0; time.Sleep(time.Millisecond) {
			if ctx.Err() != nil {
				h.Fatalf("%v of the limit %s is still in use", h.limit("echelon_limit_used", limit), limit)
			}
		}
	}
}

// healthy fails the test unless the server says that it is well.
func (h *harness) healthy() {
	h.Helper()
	got, err := healthv1.NewHealthClient(h.conn).Check(h.context(), &healthv1.HealthCheckRequest{})
	if err != nil || got.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		h.Errorf("the health is %v, %v", got, err)
	}
}

// watchStream opens a stream that follows the audit log, and waits for its first page.
func (h *harness) watchStream(ctx context.Context, conn *grpc.ClientConn) error {
	stream, err := echelonv1.NewAuditServiceClient(conn).WatchAudit(ctx, &echelonv1.WatchAuditRequest{Follow: true})
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}

func TestStreamsAboveTheLimitAreRefusedAndTheOthersGoOn(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxBulkStreams, c.MaxWatchStreams = 4, 1 })
	h.create(plain)
	var open []rawStream
	for range 4 {
		open = append(open, h.opened(h.context(), h.conn, bulkAssign))
	}
	for _, p := range protocols {
		_, err := collectStream(h.open(h.context(), h.conn, p))
		tooManyStreams.shed(t, err)
	}
	export, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{})
	h.must(err)
	_, err = export.Recv()
	tooManyStreams.shed(t, err)

	// What is no bulk stream is not in the way of them, nor they in its.
	h.healthy()
	h.serving()
	h.must(h.watchStream(h.context(), h.conn))
	tooManyStreams.shed(t, h.watchStream(h.context(), h.conn))

	for _, stream := range open {
		h.must(stream.SendMsg(bulkAssign.rows(1, customer("a", attrs{"arr": 60}))))
		_, err := stream.receive()
		h.must(err)
		h.must(stream.CloseSend())
		_, err = collectStream(stream)
		h.must(err)
	}
	h.must(h.opened(h.context(), h.conn, bulkAssign).CloseSend())
	if n := h.limit("echelon_limit_shed_total", "bulk_streams"); n != 4 {
		t.Errorf("%v refused streams are counted, want 4", n)
	}
}

// Each principal has a share, so that one who opens all that he can leaves some to others.
func TestOnePrincipalLeavesStreamsAndCallsToOthers(t *testing.T) {
	s := newSite(t, func(c *server.Config) { c.MaxBulkStreams, c.PrincipalShare = 8, 0.5 })
	conn := s.connect()
	admin := bearing(s.context(), s.tokens["token-admin"])
	_, err := echelonv1.NewModelServiceClient(conn).CreateModel(admin, &echelonv1.CreateModelRequest{Model: model(t, plain)})
	s.must(err)
	_, err = echelonv1.NewModelServiceClient(conn).ActivateModel(admin, &echelonv1.ActivateModelRequest{Name: "plain", Version: 1})
	s.must(err)
	greedy := bearing(s.context(), s.tokens["token-write"])
	for range 4 {
		s.opened(greedy, conn, bulkAssign)
	}
	for range 20 {
		_, err := collectStream(s.open(greedy, conn, bulkAssign))
		tooManyStreams.shed(t, err)
	}
	other := bearing(s.context(), s.tokens["token-read"])
	for range 4 {
		s.opened(other, conn, bulkAssign)
	}
	_, err = collectStream(s.open(admin, conn, bulkAssign))
	tooManyStreams.shed(t, err)
}

// closable is a store whose views wait while it is closed.
type closable struct {
	storage.Store
	closed  atomic.Bool
	open    chan struct{}
	waiting atomic.Int64
}

// View waits while the store is closed, for whoever calls the server; what the server does by itself goes on.
func (c *closable) View(ctx context.Context) (storage.Reader, error) {
	if _, called := grpc.Method(ctx); called && c.closed.Load() {
		c.waiting.Add(1)
		select {
		case <-c.open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return c.Store.View(ctx)
}

func TestCallsAboveTheLimitAreRefusedAndThoseWhoLookAfterTheServerGoOn(t *testing.T) {
	store := &closable{Store: memory.New(), open: make(chan struct{})}
	t.Cleanup(func() { _ = store.Close() })
	h := serve(t, store, func(c *server.Config) { c.MaxCalls = 8 })
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60})
	store.closed.Store(true)
	get := func() error {
		_, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "acme"})
		return err
	}
	var wait sync.WaitGroup
	for range 7 {
		wait.Go(func() {
			if err := get(); err != nil {
				t.Errorf("a call under way: %v", err)
			}
		})
	}
	for store.waiting.Load() < 7 {
		time.Sleep(time.Millisecond)
	}
	overloaded.shed(t, get())
	h.healthy()
	if used := h.limit("echelon_limit_used", "calls"); used != 7 {
		t.Errorf("%v calls are counted", used)
	}
	// The eighth place is for those who look after the server.
	wait.Go(h.serving)
	for store.waiting.Load() < 8 {
		time.Sleep(time.Millisecond)
	}
	_, err := h.models.ListModels(h.context(), &echelonv1.ListModelsRequest{})
	overloaded.shed(t, err)
	close(store.open)
	wait.Wait()
	h.must(get())
	h.released("calls", "bytes")
}

// Batches that wait for their turn go when their callers do, and cost nothing then.
func TestBatchesWaitForTheirTurnUntilTheirDeadline(t *testing.T) {
	store := &closable{Store: memory.New(), open: make(chan struct{})}
	t.Cleanup(func() { _ = store.Close() })
	h := serve(t, store, func(c *server.Config) { c.MaxEvaluations = 1 })
	h.create(plain)
	score := func(ctx context.Context) error {
		request := &echelonv1.BatchScoreCustomersRequest{Evaluator: storedModel("plain"), Customers: manyCustomers("c", 3, attrs{"arr": 60})}
		_, err := h.scoring.BatchScoreCustomers(ctx, request)
		return err
	}
	store.closed.Store(true)
	first := make(chan error, 1)
	go func() { first <- score(h.context()) }()
	for store.waiting.Load() < 1 {
		time.Sleep(time.Millisecond)
	}
	short, cancel := context.WithTimeout(h.context(), 50*time.Millisecond)
	defer cancel()
	if err := score(short); statusCode(err) != codes.DeadlineExceeded {
		t.Errorf("a batch whose turn does not come: %v", err)
	}
	second := make(chan error, 1)
	go func() { second <- score(h.context()) }()
	for h.limit("echelon_limit_used", "calls") < 2 {
		time.Sleep(time.Millisecond)
	}
	h.healthy()
	if store.waiting.Load() > 1 {
		t.Error("a second batch is begun beside the first")
	}
	close(store.open)
	h.must(<-first)
	h.must(<-second)
	h.released("evaluations", "calls", "bytes")
}

// Who may not call costs no decoding and no slot.
func TestACallIsLetInBeforeItsRequestIsDecoded(t *testing.T) {
	s := newSite(t)
	broken := wire("\xff\xff\xff no message")
	conn := s.connect()
	call := func(ctx context.Context, method string) error {
		return conn.Invoke(ctx, method, broken, &echelonv1.UpsertCustomerResponse{}, grpc.ForceCodec(wireCodec{}))
	}
	upsert := echelonv1.CustomerService_UpsertCustomer_FullMethodName
	wanted{codes.Unauthenticated, echelonv1.ErrorReason_UNAUTHENTICATED, nil, nil}.check(t, call(s.context(), upsert))
	reader := bearing(s.context(), s.tokens["token-read"])
	wanted{codes.PermissionDenied, echelonv1.ErrorReason_PERMISSION_DENIED, nil, nil}.check(t, call(reader, upsert))
	writer := bearing(s.context(), s.tokens["token-write"])
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"decoded"}}.check(t, call(writer, upsert))
}

func TestRowsAboveTheRateAreRefusedWithTheTimeToGoOn(t *testing.T) {
	// A rate at which nothing comes back during the test.
	s := newSite(t, func(c *server.Config) { c.RowsPerSecond, c.RowsBurst = 0.001, 10_000 })
	conn := s.connect()
	fast, other := bearing(s.context(), s.tokens["token-write"]), bearing(s.context(), s.tokens["token-admin"])
	stream := s.opened(fast, conn, importCustomers)
	s.must(stream.SendMsg(importCustomers.rows(1, manyCustomers("c", 10_000, nil)...)))
	_, err := stream.receive()
	s.must(err)
	s.must(stream.SendMsg(importCustomers.rows(2, manyCustomers("d", 100, nil)...)))
	_, err = stream.receive()
	rateLimited.shed(t, err)
	if lastSequence(err) != "1" || retryAfter(err) < time.Hour {
		t.Errorf("the last batch is %q, and the hint %s", lastSequence(err), retryAfter(err))
	}
	customers := echelonv1.NewCustomerServiceClient(conn)
	get := func(ctx context.Context) error {
		_, err := customers.GetCustomer(ctx, &echelonv1.GetCustomerRequest{CustomerId: "c00001"})
		return err
	}
	rateLimited.shed(t, get(fast))
	// What he fetches counts as well.
	export, err := customers.ExportCustomers(fast, &echelonv1.ExportCustomersRequest{})
	s.must(err)
	_, err = export.Recv()
	rateLimited.shed(t, err)
	s.must(get(other))
	if _, err := echelonv1.NewModelServiceClient(conn).ListModels(fast, &echelonv1.ListModelsRequest{}); err != nil {
		t.Errorf("looking after the server is limited like rows: %v", err)
	}
}

// Whoever the server keeps waiting makes no progress, and is told when to go on rather than that it stalled.
func TestAStreamThatMustWaitLongerThanAStallIsToldWhenToGoOn(t *testing.T) {
	h := start(t, func(c *server.Config) { c.RowsPerSecond, c.RowsBurst, c.StallTimeout = 100, 10_000, time.Second })
	_, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, manyCustomers("c", 10_000, nil)...),
		importCustomers.rows(2, manyCustomers("d", 500, nil)...))
	rateLimited.shed(t, err)
	if lastSequence(err) != "1" || retryAfter(err) < time.Second {
		t.Errorf("the last batch is %q, and the hint %s", lastSequence(err), retryAfter(err))
	}
}

// What was refused of a batch may be more to say than a message holds; the batch is stored, and answered all the same.
func TestAnImportAnswersBatchesOfWhichNearlyAllIsRefused(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes = 64 << 10 })
	h.create(plain)
	rows := append(make([]*echelonv1.Customer, 0, 5_001), customer("a", attrs{"arr": 1}))
	for range 5_000 {
		rows = append(rows, &echelonv1.Customer{})
	}
	for range 2 { // the second time as it was answered before
		answers, err := h.exchange(importCustomers, jobHeader("j"), importCustomers.rows(1, rows...))
		h.must(err)
		_, batches := answersOf(answers)
		if b := batches[0]; b.GetStored() != 1 || len(b.GetErrors()) < 100 || int64(len(b.GetErrors()))+b.GetUnlistedErrors() != 5_000 {
			t.Errorf("%d stored, %d errors and %d unlisted", b.GetStored(), len(b.GetErrors()), b.GetUnlistedErrors())
		}
	}
}

// A page costs as many rows as it has, which is known when it is there: it is given, and the next call waits.
func TestPagesOfAssignmentsCountAsTheRowsThatTheyHave(t *testing.T) {
	h := start(t, func(c *server.Config) { c.RowsPerSecond, c.RowsBurst = 0.001, 10_000 })
	h.create(plain)
	_, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, manyCustomers("c", 9_900, nil)...))
	h.must(err)
	h.published("plain")
	list := func() error {
		page, err := h.assignments.ListAssignments(h.context(), &echelonv1.ListAssignmentsRequest{Model: "plain", PageSize: 60})
		if err == nil && len(page.GetAssignments()) != 60 {
			t.Errorf("a page of %d", len(page.GetAssignments()))
		}
		return err
	}
	h.must(list())
	h.must(list())
	rateLimited.shed(t, list())
}

// A stream that is too fast is not ended: it goes on as fast as it may.
func TestAStreamThatIsTooFastIsSlowed(t *testing.T) {
	h := start(t, func(c *server.Config) { c.RowsPerSecond, c.RowsBurst = 200, 10_000 })
	h.create(plain)
	begun := time.Now()
	messages := []any{bulkAssign.header(), bulkAssign.rows(1, manyCustomers("c", 10_000, nil)...)}
	for sequence := range int64(3) {
		messages = append(messages, bulkAssign.rows(sequence+2, manyCustomers("c", 100, nil)...))
	}
	answers, err := h.exchange(bulkAssign, messages...)
	h.must(err)
	if len(answers) != 5 {
		t.Fatalf("%d answers", len(answers))
	}
	if took := time.Since(begun); took < 1500*time.Millisecond {
		t.Errorf("300 rows above the burst, of 200 a second, took %s", took)
	}
}

// A population that is gathered stays until its stream ends, so all of them together are bounded.
func TestPopulationsAreGatheredUpToALimit(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes, c.MaxCalibrateBytes = 64<<10, 128<<10 })
	h.create(plain)
	rows := manyCustomers("c", 1, attrs{"note": strings.Repeat("x", 40<<10)})
	var messages []any
	for sequence := range int64(4) {
		rows[0].Id = string(rune('a' + sequence))
		messages = append(messages, calibrate.rows(sequence+1, customer(rows[0].Id, attrs{"note": strings.Repeat("x", 40<<10)})))
	}
	_, err := h.exchange(calibrate, append([]any{calibrate.header()}, messages...)...)
	overloaded.shed(t, err)
	if lastSequence(err) != "3" {
		t.Errorf("the last batch was %s", lastSequence(err))
	}
	h.released("calibrate_bytes", "bytes")
	_, err = h.exchange(calibrate, append([]any{calibrate.header()}, messages[:3]...)...)
	h.must(err)
}

// Readers that never read hold what they may and no more; when others want it they are cut, and only they.
func TestReadersThatNeverReadAreCutWhenOthersWaitForTheirMemory(t *testing.T) {
	h := start(t, func(c *server.Config) {
		c.MaxMessageBytes, c.MaxInFlightBytes, c.SlowReaderTimeout = 256<<10, 512<<10, 500*time.Millisecond
	})
	h.create(plain)
	long := strings.Repeat("x", 1<<10)
	batch := func(sequence int64) any {
		return bulkAssign.rows(sequence, manyCustomers("c", 90, attrs{"arr": 60, "note": long})...)
	}
	var slow []rawStream
	for range 6 {
		stream := h.opened(h.context(), h.dial(narrow()...), bulkAssign)
		go func() {
			for sequence := int64(1); stream.SendMsg(batch(sequence)) == nil; sequence++ {
			}
		}()
		slow = append(slow, stream)
	}
	// One whose reader reads gets everything, however often it must wait for the memory.
	reading := h.opened(h.context(), h.conn, bulkAssign)
	for sequence := range int64(100) {
		h.must(reading.SendMsg(batch(sequence + 1)))
		_, err := reading.receive()
		h.must(err)
		if used := h.limit("echelon_limit_used", "bytes"); used > 512<<10 {
			t.Fatalf("%v bytes are under way, at most %d may be", used, 512<<10)
		}
	}
	cut := 0
	for ctx := h.context(); cut == 0 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		cut = int(h.limit("echelon_limit_shed_total", "bytes"))
	}
	if cut == 0 {
		t.Error("no reader was cut")
	}
	h.must(reading.CloseSend())
	_, err := collectStream(reading)
	h.must(err)
	h.stopStreams(slow)
	h.released("bytes", "bulk_streams")
}

// An export that nobody reads holds one page, as does every other, and is cut after the stall timeout.
func TestExportsThatNobodyReadsHoldAPageEachAndAreCut(t *testing.T) {
	h := start(t, func(c *server.Config) { c.StallTimeout, c.MaxMessageBytes = 500*time.Millisecond, 256<<10 })
	h.create(plain)
	_, err := h.exchange(importCustomers, importCustomers.header(),
		importCustomers.rows(1, manyCustomers("c", 100, attrs{"note": strings.Repeat("x", 2<<10)})...),
		importCustomers.rows(2, manyCustomers("d", 100, attrs{"note": strings.Repeat("x", 2<<10)})...))
	h.must(err)
	var streams []grpc.ServerStreamingClient[echelonv1.ExportCustomersResponse]
	for range 5 {
		stream, err := echelonv1.NewCustomerServiceClient(h.dial(narrow()...)).ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{})
		h.must(err)
		streams = append(streams, stream)
	}
	most := 0.0
	for ctx := h.context(); h.handled("ExportCustomers", codes.DeadlineExceeded) < 5 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		most = max(most, h.limit("echelon_limit_used", "bytes"))
	}
	if most == 0 || most > 5*256<<10 {
		t.Errorf("five exports that nobody reads held %v bytes, at most %d may be", most, 5*256<<10)
	}
	for _, stream := range streams {
		_, err := collect(stream.Recv)
		stalled.check(t, err)
	}
	h.released("bulk_streams", "bytes")
}

// stopStreams reads streams to their ends, which are those of readers that were cut, or of whoever ends them.
func (h *harness) stopStreams(streams []rawStream) {
	h.Helper()
	go h.stop()
	for _, stream := range streams {
		_, err := collectStream(stream)
		switch reason, _ := details(status.Convert(err)); {
		case err == nil, errors.Is(err, io.EOF), statusCode(err) == codes.Unavailable:
		default:
			if reason.GetReason() != echelonv1.ErrorReason_STREAM_STALLED.String() {
				h.Errorf("a slow reader's stream ended with %v", err)
			}
		}
	}
	h.stop()
}

func TestLimitsThatMakeNoSenseAreRefused(t *testing.T) {
	for words, change := range map[string]func(*server.Limits){
		"largest message":     func(l *server.Limits) { l.MaxMessageBytes = 1000 },
		"list of headers":     func(l *server.Limits) { l.MaxHeaderBytes = 1000 },
		"two of the largest":  func(l *server.Limits) { l.MaxInFlightBytes = 20 << 20 },
		"to calibrate":        func(l *server.Limits) { l.MaxCalibrateBytes = 1 << 20 },
		"share of a":          func(l *server.Limits) { l.PrincipalShare = 1.5 },
		"rows a second":       func(l *server.Limits) { l.RowsPerSecond = -1 },
		"largest batch":       func(l *server.Limits) { l.RowsBurst = 100 },
		"must be 1 or more":   func(l *server.Limits) { l.MaxCalls = -1 },
		"evaluations (-1)":    func(l *server.Limits) { l.MaxEvaluations = -1 },
		"timeouts":            func(l *server.Limits) { l.IdleTimeout = -1 },
		"connections (-5)":    func(l *server.Limits) { l.MaxConnections = -5 },
		"watch streams (-2)":  func(l *server.Limits) { l.MaxWatchStreams = -2 },
		"slow readers (-1ns)": func(l *server.Limits) { l.SlowReaderTimeout = -1 },
	} {
		config := server.DefaultConfig()
		change(&config.Limits)
		store := memory.New()
		if _, err := server.New(t.Context(), store, config); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
		_ = store.Close()
	}
}
