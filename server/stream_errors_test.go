package server_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// maxMessage is the limit of the server of these tests: room for 10,001 rows, and none for the large message.
const maxMessage = 1 << 20

// misuse is what a client may do wrong on a stream.
type misuse struct {
	name string
	// messages are what it sends.
	messages func(p protocol) []any
	wanted
	// last is the sequence that the error must name; -1 where there need be none.
	last int
}

// badUTF8 is a good batch, but for an id that is no UTF-8.
func badUTF8(p protocol) wire {
	data, err := proto.Marshal(p.rows(1, customer("REPLACED", attrs{"arr": 1})))
	if err != nil {
		panic(err)
	}
	return bytes.Replace(data, []byte("REPLACED"), []byte("REPL\xff\xfeED"), 1)
}

func misuses() []misuse {
	invalid := func(reason echelonv1.ErrorReason, words ...string) wanted {
		return wanted{codes.InvalidArgument, reason, nil, words}
	}
	header, sequence := echelonv1.ErrorReason_HEADER_EXPECTED, echelonv1.ErrorReason_OUT_OF_SEQUENCE
	one := func(p protocol) proto.Message { return p.rows(1, customer("kept", attrs{"arr": 1})) }
	large := strings.Repeat("x", 60<<10)
	return []misuse{
		{"nothing is sent", func(protocol) []any { return nil }, invalid(header, "header first"), -1},
		{"a batch comes first", func(p protocol) []any { return []any{one(p)} }, invalid(header, "header first"), -1},
		{"an empty message comes first", func(p protocol) []any { return []any{p.empty()} }, invalid(header, "header first"), -1},
		{"a second header", func(p protocol) []any { return []any{p.header(), p.header()} }, invalid(header, "beginning"), 0},
		{"a header after a batch", func(p protocol) []any { return []any{p.header(), one(p), p.header()} }, invalid(header, "beginning"), 1},
		{"an empty message after a batch", func(p protocol) []any { return []any{p.header(), one(p), p.empty()} }, invalid(header, "batch"), 1},
		{"a gap", func(p protocol) []any { return []any{p.header(), one(p), p.rows(3)} }, invalid(sequence, "sequence 3", "2 follows"), 1},
		{"a batch twice", func(p protocol) []any { return []any{p.header(), one(p), one(p)} }, invalid(sequence, "sequence 1", "2 follows"), 1},
		{"counting from 0", func(p protocol) []any { return []any{p.header(), p.rows(0)} }, invalid(sequence, "1 follows"), 0},
		{"a sequence below 0", func(p protocol) []any { return []any{p.header(), p.rows(-1)} }, invalid(sequence, "1 follows"), 0},
		{"too many rows", func(p protocol) []any {
			return []any{p.header(), one(p), p.rows(2, manyCustomers("c", 10001, nil)...)}
		}, invalid(echelonv1.ErrorReason_BATCH_TOO_LARGE, "10001 rows", "10000", "smaller"), 1},
		{"a message over the limit", func(p protocol) []any {
			return []any{p.header(), one(p), p.rows(2, manyCustomers("c", 20, attrs{"note": large})...)}
		}, wanted{codes.ResourceExhausted, echelonv1.ErrorReason_MESSAGE_TOO_LARGE, nil, []string{"smaller batches", strconv.Itoa(maxMessage)}}, 1},
		{"a first message over the limit", func(p protocol) []any {
			return []any{p.rows(1, manyCustomers("c", 20, attrs{"note": large})...)}
		}, wanted{codes.ResourceExhausted, echelonv1.ErrorReason_MESSAGE_TOO_LARGE, nil, []string{"smaller batches"}}, 0},
		{"bytes that are no message", func(p protocol) []any { return []any{p.header(), one(p), wire("\xff\xff\xff")} },
			invalid(echelonv1.ErrorReason_INVALID_REQUEST, "decoded"), 1},
		{"first bytes that are no message", func(protocol) []any { return []any{wire("\xff\xff\xff")} },
			invalid(echelonv1.ErrorReason_INVALID_REQUEST, "decoded"), 0},
		{"an id that is no UTF-8", func(p protocol) []any { return []any{p.header(), badUTF8(p)} },
			invalid(echelonv1.ErrorReason_INVALID_REQUEST, "decoded"), 0},
	}
}

func TestMisuseOfAStreamIsSaidAndTheServerGoesOn(t *testing.T) {
	for _, p := range protocols {
		for _, m := range misuses() {
			t.Run(p.name+": "+m.name, func(t *testing.T) {
				h := start(t, func(c *server.Config) { c.MaxMessageBytes = maxMessage })
				h.create(plain)
				answers, err := h.exchange(p, m.messages(p)...)
				m.check(t, err)
				if got := lastSequence(err); m.last >= 0 && got != strconv.Itoa(m.last) {
					t.Errorf("last_sequence is %q, want %d", got, m.last)
				}
				if p.desc.ServerStreams && m.last >= 0 && batchesOf(answers) != m.last {
					t.Errorf("%d batches were answered, and the last is said to be %d", batchesOf(answers), m.last)
				}
				_, err = h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "kept"})
				if p.name == importCustomers.name && (err == nil) != (m.last == 1) {
					t.Errorf("what was answered must be stored, and nothing else: %v", err)
				}
				h.serving()
			})
		}
	}
}

// batchesOf counts the answers to batches.
func batchesOf(answers []proto.Message) (n int) {
	for _, answer := range answers {
		switch a := answer.(type) {
		case *echelonv1.BulkAssignResponse:
			if a.GetBatch() != nil {
				n++
			}
		case *echelonv1.ImportCustomersResponse:
			if a.GetBatch() != nil {
				n++
			}
		}
	}
	return n
}

func TestWhatAStreamsErrorCallsAnsweredWasAnswered(t *testing.T) {
	h := start(t)
	h.create(plain)
	for _, p := range []protocol{bulkAssign, importCustomers} {
		for range 20 {
			messages := []any{p.header()}
			for sequence := range int64(6) {
				messages = append(messages, p.rows(sequence+1, manyCustomers("c", 50, attrs{"arr": 1})...))
			}
			answers, err := h.exchange(p, append(messages, wire("\xff\xff\xff"))...)
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, nil}.check(t, err)
			if got := lastSequence(err); got != strconv.Itoa(batchesOf(answers)) {
				t.Fatalf("%s: %d batches were answered, and last_sequence is %s", p.name, batchesOf(answers), got)
			}
		}
	}
}

// An answer that cannot be sent was not given: whoever resumes must begin with its batch.
func TestABatchWhoseAnswerIsTooLargeIsNotCalledAnswered(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes = 64 << 10 })
	h.create(plain)
	header := &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{
		Header: &echelonv1.BulkAssignHeader{Evaluator: storedModel("plain"), Explain: true}}}
	answers, err := h.exchange(bulkAssign, header, bulkAssign.rows(1, customer("a", nil)), bulkAssign.rows(2, manyCustomers("c", 500, nil)...))
	wanted{codes.ResourceExhausted, echelonv1.ErrorReason_MESSAGE_TOO_LARGE, nil, []string{"smaller batches"}}.check(t, err)
	if got := lastSequence(err); got != "1" || batchesOf(answers) != 1 {
		t.Errorf("last_sequence is %q and %d batches were answered, want 1", got, batchesOf(answers))
	}
	h.serving()
}

func TestHeadersAreValidated(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.create(ranked)
	assign := func(e *echelonv1.Evaluator) any {
		return &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: &echelonv1.BulkAssignHeader{Evaluator: e}}}
	}
	learn := func(e *echelonv1.Evaluator) any {
		return &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: &echelonv1.CalibrateHeader{Evaluator: e}}}
	}
	for _, test := range []struct {
		name   string
		stream protocol
		header any
		wanted
	}{
		{"assigning by nothing", bulkAssign, assign(nil), wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"evaluator"}, nil}},
		{"calibrating nothing", calibrate, learn(nil), wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"evaluator"}, nil}},
		{"a name that is too long", bulkAssign, assign(storedModel(strings.Repeat("x", 65))),
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"evaluator.stored.name"}, nil}},
		{"assigning by an unknown model", bulkAssign, assign(storedModel("nobody")), wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, nil}},
		{"calibrating an unknown model", calibrate, learn(storedModel("nobody")), wanted{codes.NotFound, echelonv1.ErrorReason_MODEL_NOT_FOUND, nil, nil}},
		{"assigning without the calibration that is needed", bulkAssign, assign(storedModel("ranked")),
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_CALIBRATION_REQUIRED, nil, nil}},
		{"a model with mistakes", calibrate, learn(inline(&echelonv1.Model{Name: "m", Amount: "nothing"})),
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_MODEL_INVALID, []string{"amount"}, nil}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := h.exchange(test.stream, test.header, test.stream.rows(1))
			test.check(t, err)
			h.serving()
		})
	}
}
