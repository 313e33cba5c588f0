package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// pauses are those that a client made; none takes time.
type pauses []time.Duration

func (p *pauses) sleep(ctx context.Context, pause time.Duration) error {
	*p = append(*p, pause)
	return ctx.Err()
}

// failsWith is a service whose calls fail so, one after the other, and then go well.
func failsWith(failures ...error) (f *fake, calls *int) {
	calls = new(int)
	return &fake{unary: func(method string, _ any) (any, error) {
		*calls++
		if *calls <= len(failures) {
			return nil, failures[*calls-1]
		}
		return answerTo(method), nil
	}}, calls
}

// answerTo returns the answer of a unary call that went well.
func answerTo(method string) any {
	switch method {
	case echelonv1.CustomerService_DeleteCustomer_FullMethodName:
		return &echelonv1.DeleteCustomerResponse{}
	case echelonv1.RunService_StartRun_FullMethodName:
		return &echelonv1.StartRunResponse{Run: &echelonv1.Run{}}
	}
	return &echelonv1.GetCustomerResponse{Customer: customer("acme")}
}

var gone = status.Error(codes.Unavailable, "gone")

// busy is what a service that sheds load answers.
func busy(wait time.Duration) error {
	s, err := status.New(codes.ResourceExhausted, "too much at once").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func TestACallThatIsSafeToRepeatIsRepeatedWhereAnotherTryMayHelp(t *testing.T) {
	stopping := detailed(codes.Unavailable, "the server is stopping", "SHUTTING_DOWN").Err()
	for _, test := range []struct {
		name     string
		failures []error
		calls    int
		code     codes.Code // of the error that is left
	}{
		{"nothing failed", nil, 1, codes.OK},
		{"the service was gone once", []error{gone}, 2, codes.OK},
		{"the service was stopping, and another took over", []error{stopping, gone}, 3, codes.OK},
		{"the service had no room and said so", []error{busy(time.Second), busy(0)}, 3, codes.OK},
		{"the service had no room and did not say until when", []error{status.Error(codes.ResourceExhausted, "no room")}, 1, codes.ResourceExhausted},
		{"the service stays gone", []error{gone, gone, gone, gone, gone, gone}, 5, codes.Unavailable},
		{"the message is too large", []error{detailed(codes.ResourceExhausted, "too large", "MESSAGE_TOO_LARGE").Err()}, 1, codes.ResourceExhausted},
		{"the service asks for more than anybody waits", []error{busy(time.Minute)}, 1, codes.ResourceExhausted},
		{"the request is wrong", []error{status.Error(codes.InvalidArgument, "no id")}, 1, codes.InvalidArgument},
		{"the service has a fault", []error{status.Error(codes.Internal, "a fault")}, 1, codes.Internal},
		{"somebody else changed it", []error{detailed(codes.Aborted, "again", "CONFLICT").Err()}, 1, codes.Aborted},
		{"the time was over", []error{status.Error(codes.DeadlineExceeded, "late")}, 1, codes.DeadlineExceeded},
		{"gone, and then wrong", []error{gone, status.Error(codes.NotFound, "none")}, 2, codes.NotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			service, calls := failsWith(test.failures...)
			var paused pauses
			_, err := start(t, service, client.WithSleep(paused.sleep)).GetCustomer(t.Context(), "acme")
			if *calls != test.calls || len(paused) != test.calls-1 {
				t.Errorf("%d calls with %d pauses, want %d calls", *calls, len(paused), test.calls)
			}
			if code := codeOf(err); code != test.code {
				t.Errorf("it ended with %v (%v), want %v", code, err, test.code)
			}
		})
	}
}

func codeOf(err error) codes.Code {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return codes.OK
}

func TestPausesGrowAndAreNoShorterThanTheServiceAsks(t *testing.T) {
	failures := slices.Repeat([]error{gone}, 8)
	failures[3] = busy(7 * time.Second)
	service, calls := failsWith(failures...)
	var paused pauses
	c := start(t, service, client.WithSleep(paused.sleep), client.WithAttempts(9))
	if _, err := c.GetCustomer(t.Context(), "acme"); err != nil || *calls != 9 {
		t.Fatalf("%d calls, error %v", *calls, err)
	}
	most := 200 * time.Millisecond
	for i, pause := range paused {
		asked := time.Duration(0)
		if i == 3 {
			asked = 7 * time.Second
		}
		if pause < asked+most/2 || pause > asked+most {
			t.Errorf("pause %d is %v, want %v to %v more than %v", i, pause, most/2, most, asked)
		}
		most = min(2*most, 5*time.Second)
	}
}

func TestWhatIsNotSafeToRepeatIsCalledOnce(t *testing.T) {
	for name, call := range map[string]func(context.Context, *client.Client) error{
		"DeleteCustomer": func(ctx context.Context, c *client.Client) error { return c.DeleteCustomer(ctx, "acme") },
		"StartRun": func(ctx context.Context, c *client.Client) error {
			_, err := c.StartRun(ctx, &echelonv1.StartRunRequest{})
			return err
		},
		"CancelRun": func(ctx context.Context, c *client.Client) error { _, err := c.CancelRun(ctx, "r"); return err },
		"RollBack":  func(ctx context.Context, c *client.Client) error { _, err := c.RollBack(ctx, "m"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			service, calls := failsWith(gone, gone)
			var paused pauses
			err := call(t.Context(), start(t, service, client.WithSleep(paused.sleep)))
			if !client.IsUnavailable(err) || *calls != 1 || len(paused) != 0 {
				t.Errorf("%d calls, error %v", *calls, err)
			}
		})
	}
}

func TestAStartWithAnIdempotencyKeyIsRepeated(t *testing.T) {
	service, calls := failsWith(gone, gone)
	paused := &pauses{}
	_, err := start(t, service, client.WithSleep(paused.sleep)).StartRun(t.Context(), &echelonv1.StartRunRequest{Model: "m", IdempotencyKey: "january"})
	if err != nil || *calls != 3 {
		t.Errorf("%d calls, %v", *calls, err)
	}
}

func TestRetriesCanBeSwitchedOff(t *testing.T) {
	service, calls := failsWith(gone)
	_, err := start(t, service, client.WithAttempts(1)).GetCustomer(t.Context(), "acme")
	if !client.IsUnavailable(err) || *calls != 1 {
		t.Errorf("%d calls, error %v", *calls, err)
	}
}

func TestNoPauseReachesBeyondTheDeadline(t *testing.T) {
	service, calls := failsWith(busy(20 * time.Second))
	var paused pauses
	c := start(t, service, client.WithSleep(paused.sleep))
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	_, err := c.GetCustomer(ctx, "acme")
	var e *client.Error
	if !errors.As(err, &e) || e.Code != codes.ResourceExhausted || e.RetryAfter != 20*time.Second || *calls != 1 || len(paused) != 0 {
		t.Errorf("%d calls, pauses %v, error %#v", *calls, paused, err)
	}
}

func TestACallThatIsGivenUpInAPauseSaysWhyItFailed(t *testing.T) {
	service, calls := failsWith(gone, gone)
	ctx, cancel := context.WithCancel(t.Context())
	giveUp := func(ctx context.Context, _ time.Duration) error { cancel(); return context.Cause(ctx) }
	_, err := start(t, service, client.WithSleep(giveUp)).GetCustomer(ctx, "acme")
	if !client.IsUnavailable(err) || *calls != 1 {
		t.Errorf("%d calls, error %v", *calls, err)
	}
}

// TestACallFindsTheServiceThatCameBack goes over a real socket: nobody listens at first, and somebody does when the client has paused.
func TestACallFindsTheServiceThatCameBack(t *testing.T) {
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	if err := reserved.Close(); err != nil {
		t.Fatal(err)
	}
	var server *grpc.Server
	served := make(chan error, 1)
	listen := func(ctx context.Context, pause time.Duration) error {
		if server == nil {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			service, _ := failsWith()
			server = grpc.NewServer(grpc.UnaryInterceptor(service.intercept))
			echelonv1.RegisterCustomerServiceServer(server, service)
			go func() { served <- server.Serve(listener) }()
		}
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		return ctx.Err()
	}
	c := dial(t, address, client.WithSleep(listen), client.WithAttempts(20))
	got, err := c.GetCustomer(t.Context(), "acme")
	if err != nil || got.GetId() != "acme" {
		t.Errorf("%v, error %v", got, err)
	}
	if server == nil {
		t.Fatal("the client did not pause, though nobody listened")
	}
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestEveryRPCSaysWhetherItIsRepeated(t *testing.T) {
	table := client.RepeatsOf()
	for _, method := range methods() {
		name := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
		streams := method.IsStreamingClient() || method.IsStreamingServer()
		word, known := table[name]
		switch {
		case !known:
			t.Errorf("client/retry.go does not say whether %s may be repeated", name)
		case streams != (word == "stream"):
			t.Errorf("client/retry.go has %s as %q, and it streams: %t", name, word, streams)
		case strings.HasPrefix(string(method.Name()), "Get") && word != "again", strings.HasPrefix(string(method.Name()), "List") && word != "again":
			t.Errorf("client/retry.go has %s as %q, though it reads", name, word)
		}
		delete(table, name)
	}
	for name := range table {
		t.Errorf("client/retry.go has %s, which no service declares", name)
	}
}

// methods returns the RPCs of all services.
func methods() []protoreflect.MethodDescriptor {
	var all []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("echelon.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for k := range service.Methods().Len() {
				all = append(all, service.Methods().Get(k))
			}
		}
		return true
	})
	return all
}
