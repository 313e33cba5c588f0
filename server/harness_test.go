package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attributes is one of every type; both models of these tests have them.
const attributes = `
amount: arr
attributes:
  - {name: arr, type: NUMBER, unit: USD}
  - {name: employees, type: INTEGER}
  - {name: industry, type: STRING, values: [software, retail]}
  - {name: note, type: STRING}
  - {name: partner, type: BOOLEAN}
  - {name: renewal, type: DATE}
  - {name: seen, type: TIMESTAMP}
  - {name: tags, type: STRING_LIST}
segmentations:
  - {name: size, segments: [{name: Enterprise, when: "employees >= 1000"}], otherwise: SMB, unknown: Unclassified}
scores:
  - {name: value, criteria: [{name: revenue, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
`

// plain learns nothing from a population; ranked does: its upper tier is the two best.
const (
	plain  = "name: plain" + attributes + `tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {min_score: 50}}, {name: low}]}}]`
	ranked = "name: ranked" + attributes + `tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {top_count: 2}}, {name: low}]}}]`
)

// noon is when these tests take place.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// harness is a server behind a socket, and raw clients of it.
type harness struct {
	testing.TB
	store       storage.Store
	metrics     *prometheus.Registry
	log         *logBuffer
	address     string
	conn        *grpc.ClientConn
	scoring     echelonv1.ScoringServiceClient
	customers   echelonv1.CustomerServiceClient
	models      echelonv1.ModelServiceClient
	runs        echelonv1.RunServiceClient
	assignments echelonv1.AssignmentServiceClient
	stop        func()
}

// start serves a store in memory.
func start(t testing.TB, change ...func(*server.Config)) *harness {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return serve(t, store, change...)
}

// serve serves a store, which stays the caller's.
func serve(t testing.TB, store storage.Store, change ...func(*server.Config)) *harness {
	t.Helper()
	h := &harness{TB: t, store: store, metrics: prometheus.NewRegistry(), log: &logBuffer{}}
	config := server.Config{
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: h.metrics,
		DrainTimeout: time.Second, Now: func() time.Time { return noon },
	}
	for _, f := range change {
		f(&config)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	s, err := server.New(context.Background(), store, config)
	h.must(err)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	h.address = listener.Addr().String()
	h.conn = h.dial()
	h.scoring, h.customers = echelonv1.NewScoringServiceClient(h.conn), echelonv1.NewCustomerServiceClient(h.conn)
	h.models, h.runs = echelonv1.NewModelServiceClient(h.conn), echelonv1.NewRunServiceClient(h.conn)
	h.assignments = echelonv1.NewAssignmentServiceClient(h.conn)
	h.stop = sync.OnceFunc(func() {
		s.Stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve after Stop: %v", err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// dial opens a connection of its own, which the test closes.
func (h *harness) dial(options ...grpc.DialOption) *grpc.ClientConn {
	h.Helper()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20)))
	conn, err := grpc.NewClient("passthrough:///"+h.address, options...)
	h.must(err)
	h.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (h *harness) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// context ends with the test, and before the test binary's own time is over; a machine that is busy may take minutes for what takes a second.
func (h *harness) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	h.Cleanup(cancel)
	return ctx
}

// logBuffer is a log that tests read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// model reads a model file.
func model(t testing.TB, text string) *echelonv1.Model {
	t.Helper()
	m, _, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		t.Fatalf("the model does not parse:\n%v", found)
	}
	return m
}

// create stores a model, and activates it.
func (h *harness) create(text string) *echelonv1.ModelVersion {
	h.Helper()
	created, err := h.models.CreateModel(h.context(), &echelonv1.CreateModelRequest{Model: model(h, text)})
	h.must(err)
	v := created.GetVersion()
	_, err = h.models.ActivateModel(h.context(), &echelonv1.ActivateModelRequest{Name: v.GetName(), Version: v.GetVersion()})
	h.must(err)
	return v
}

type attrs map[string]any

func customer(id string, a attrs) *echelonv1.Customer {
	fields, err := structpb.NewStruct(a)
	if err != nil {
		panic(err)
	}
	return &echelonv1.Customer{Id: id, Attributes: fields}
}

func (h *harness) upsert(id string, a attrs) {
	h.Helper()
	_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer(id, a)})
	h.must(err)
}

// run starts a run, waits for its end, and returns it.
func (h *harness) run(name string) *echelonv1.Run { return h.runAsOf(name, time.Time{}) }

func (h *harness) runAsOf(name string, asOf time.Time) *echelonv1.Run {
	h.Helper()
	request := &echelonv1.StartRunRequest{Model: name}
	if !asOf.IsZero() {
		request.AsOf = timestamppb.New(asOf)
	}
	started, err := h.runs.StartRun(h.context(), request)
	h.must(err)
	return h.wait(started.GetRun().GetId())
}

func (h *harness) wait(id string) *echelonv1.Run {
	h.Helper()
	for ctx := h.context(); ; time.Sleep(time.Millisecond) {
		got, err := h.runs.GetRun(ctx, &echelonv1.GetRunRequest{RunId: id})
		h.must(err)
		if got.GetRun().GetState() != echelonv1.Run_RUNNING {
			return got.GetRun()
		}
	}
}

func (h *harness) publish(id string) error {
	_, err := h.runs.PublishRun(h.context(), &echelonv1.PublishRunRequest{RunId: id})
	return err
}

// published runs a model and publishes the run.
func (h *harness) published(name string) *echelonv1.Run {
	h.Helper()
	r := h.run(name)
	h.must(h.publish(r.GetId()))
	return r
}

// collect receives until a stream ends.
func collect[T any](receive func() (T, error)) (all []T, err error) {
	for {
		one, err := receive()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
}

func storedModel(name string) *echelonv1.Evaluator {
	return &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: name}}}
}

func inline(m *echelonv1.Model) *echelonv1.Evaluator {
	return &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Inline{Inline: m}}
}

// wanted is what an error must be.
type wanted struct {
	code   codes.Code
	reason echelonv1.ErrorReason
	// fields are those of the BadRequest.
	fields []string
	// words stand in the message.
	words []string
}

// internals must never stand on the wire.
var internals = []string{"storage:", "panic", "goroutine", ".go:", "*errors.", "*fault.", "/tmp", "runtime.", "proto:"}

// check fails the test where an error is not what is wanted, or shows what is internal.
func (w wanted) check(t testing.TB, err error) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != w.code {
		t.Errorf("code %v, want %v: %v", s.Code(), w.code, err)
	}
	info, bad := details(s)
	if info.GetReason() != w.reason.String() || info.GetDomain() != "echelon.v1" {
		t.Errorf("reason %q of %q, want %v: %v", info.GetReason(), info.GetDomain(), w.reason, err)
	}
	fields := make(map[string]bool)
	whole := s.Message()
	for _, v := range bad.GetFieldViolations() {
		fields[v.GetField()] = true
		whole += "\n" + v.GetField() + ": " + v.GetDescription()
		if v.GetDescription() == "" {
			t.Errorf("the violation of %q says nothing", v.GetField())
		}
	}
	for _, field := range w.fields {
		if !fields[field] {
			t.Errorf("the violations name %v, not %q", fields, field)
		}
	}
	for _, word := range w.words {
		if !strings.Contains(s.Message(), word) {
			t.Errorf("%q does not say %q", s.Message(), word)
		}
	}
	for _, word := range internals {
		if strings.Contains(whole, word) {
			t.Errorf("the error shows %q: %q", word, whole)
		}
	}
}

func details(s *status.Status) (info *errdetails.ErrorInfo, bad *errdetails.BadRequest) {
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.BadRequest:
			bad = d
		}
	}
	return info, bad
}

// lastSequence is the sequence that an error of a stream says was answered last.
func lastSequence(err error) string {
	info, _ := details(status.Convert(err))
	return info.GetMetadata()["last_sequence"]
}

// serving fails the test unless the server still answers.
func (h *harness) serving() {
	h.Helper()
	if _, err := h.models.ListModels(h.context(), &echelonv1.ListModelsRequest{}); err != nil {
		h.Errorf("the server does not go on: %v", err)
	}
}

func statusCode(err error) codes.Code { return status.Code(err) }
