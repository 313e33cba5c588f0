package server_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// send calls a method that answers by one message or by many with bytes of which nobody made sure that they are a request.
func (h *harness) send(method string, request wire, answer func() proto.Message) (answers []proto.Message, err error) {
	h.Helper()
	stream, err := h.conn.NewStream(h.context(), &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodec(wireCodec{}))
	h.must(err)
	h.must(stream.SendMsg(request))
	h.must(stream.CloseSend())
	return collect(func() (proto.Message, error) {
		one := answer()
		return one, stream.RecvMsg(one)
	})
}

// A request that cannot be read is an error. It is not an empty request, which may mean everything.
func TestARequestThatCannotBeReadIsRefused(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes = 64 << 10 })
	h.create(plain)
	h.upsert("acme", attrs{"arr": 60})
	h.published("plain")
	padded := func(request proto.Message, size int) wire {
		data, err := proto.Marshal(request)
		h.must(err)
		// A field that nobody knows: harmless, but for its length.
		return append(data, wire("\xfa\x3e\x80\x80\x08"+strings.Repeat("x", size))...)
	}
	export := &echelonv1.ExportAssignmentsRequest{Model: "plain"}
	methods := map[string]struct {
		good   proto.Message
		answer func() proto.Message
	}{
		"/echelon.v1.CustomerService/ExportCustomers": {&echelonv1.ExportCustomersRequest{},
			func() proto.Message { return &echelonv1.ExportCustomersResponse{} }},
		"/echelon.v1.AssignmentService/ExportAssignments": {export, func() proto.Message { return &echelonv1.ExportAssignmentsResponse{} }},
		"/echelon.v1.ModelService/ListModels":             {&echelonv1.ListModelsRequest{}, func() proto.Message { return &echelonv1.ListModelsResponse{} }},
		"/echelon.v1.RunService/ListRuns":                 {&echelonv1.ListRunsRequest{}, func() proto.Message { return &echelonv1.ListRunsResponse{} }},
	}
	for method, m := range methods {
		for name, test := range map[string]struct {
			request wire
			wanted
		}{
			"no message": {wire("\xff\xff\xff"), wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"decoded"}}},
			"no UTF-8": {wire("\x0a\x02\xff\xfe\x12\x02\xff\xfe\x1a\x02\xff\xfe"),
				wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"decoded", "UTF-8"}}},
			"too large": {padded(m.good, 128<<10)[:70<<10], wanted{codes.ResourceExhausted, echelonv1.ErrorReason_MESSAGE_TOO_LARGE, nil, []string{"65536"}}},
		} {
			t.Run(method+": "+name, func(t *testing.T) {
				answers, err := h.send(method, test.request, m.answer)
				if err == nil {
					t.Fatalf("it was answered %v", answers)
				}
				test.check(t, err)
				h.serving()
			})
		}
		t.Run(method+": good", func(t *testing.T) {
			data, err := proto.Marshal(m.good)
			h.must(err)
			answers, err := h.send(method, data, m.answer)
			if err != nil || len(answers) != 1 {
				t.Errorf("%v, %v", answers, err)
			}
		})
	}
}

// What is larger than twice the limit is refused by grpc before it is read: without a reason, and the server goes on.
func TestAMessageFarOverTheLimitIsNotEvenRead(t *testing.T) {
	h := start(t, func(c *server.Config) { c.MaxMessageBytes = 64 << 10 })
	h.create(plain)
	_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{"note": strings.Repeat("x", 1<<20)})})
	if statusCode(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("got %v", err)
	}
	for _, p := range protocols {
		_, err := h.exchange(p, p.header(), p.rows(1, customer("a", attrs{"note": strings.Repeat("x", 1<<20)})))
		if statusCode(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
			t.Errorf("%s: %v", p.name, err)
		}
		h.serving()
	}
}

// Fields of a newer API that this server does not know are no mistake.
func TestUnknownFieldsOfARequestAreIgnored(t *testing.T) {
	h := start(t)
	answers, err := h.send("/echelon.v1.ModelService/ListModels", wire("\xfa\x3e\x01x"), func() proto.Message { return &echelonv1.ListModelsResponse{} })
	if err != nil || len(answers) != 1 {
		t.Errorf("%v, %v", answers, err)
	}
}

// A client may send what the server marks messages with within; it must not put words into the server's mouth.
func TestAClientCannotMakeAnErrorsWords(t *testing.T) {
	h := start(t)
	forged := wire("\xfa\xff\xff\xff\x0f\x05words") // field 536870911
	answers, err := h.send("/echelon.v1.ModelService/ListModels", forged, func() proto.Message { return &echelonv1.ListModelsResponse{} })
	if err != nil && strings.Contains(err.Error(), "words") {
		t.Errorf("%v, %v", answers, err)
	}
}
