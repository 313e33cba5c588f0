package client_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// TestTheClientCallsEveryRPC calls every method of the client, and looks which RPCs arrive.
func TestTheClientCallsEveryRPC(t *testing.T) {
	var mu sync.Mutex
	called := make(map[string]bool)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		mu.Lock()
		called[method] = true
		mu.Unlock()
		return status.Error(codes.Unimplemented, "this service does nothing")
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	c := dial(t, listener.Addr().String())
	value := reflect.ValueOf(c)
	for i := range value.NumMethod() {
		if name := value.Type().Method(i).Name; name != "Close" {
			callMethod(t, name, value.Method(i))
		}
	}
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	for _, method := range methods() {
		if name := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()); !called[name] {
			t.Errorf("no method of the client calls %s", name)
		}
	}
}

// callMethod calls a method with whatever fits, and ranges over what it returns.
func callMethod(t *testing.T, name string, method reflect.Value) {
	t.Helper()
	var arguments []reflect.Value
	n := method.Type().NumIn()
	if method.Type().IsVariadic() {
		n-- // nothing more is given
	}
	for i := range n {
		arguments = append(arguments, argument(t, name, method.Type().In(i)))
	}
	failed := false
	for _, result := range method.Call(arguments) {
		if result.Kind() == reflect.Func { // a sequence
			for _, err := range result.Seq2() {
				failed = failed || !err.IsNil()
			}
		} else if err, ok := result.Interface().(error); ok && err != nil {
			failed = true
		}
	}
	if !failed {
		t.Errorf("%s went well, though the service does nothing", name)
	}
}

func argument(t *testing.T, name string, of reflect.Type) reflect.Value {
	t.Helper()
	switch {
	case of == reflect.TypeFor[context.Context]():
		return reflect.ValueOf(t.Context())
	case of == reflect.TypeFor[io.Writer]():
		return reflect.ValueOf(io.Discard)
	case of == reflect.TypeFor[iter.Seq2[[]byte, error]]():
		return reflect.ValueOf(streams(1))
	case of == reflect.TypeFor[iter.Seq2[*echelonv1.Customer, error]]():
		return reflect.ValueOf(numbered(1))
	case of == reflect.TypeFor[iter.Seq2[*echelonv1.Override, error]]():
		return reflect.ValueOf(iter.Seq2[*echelonv1.Override, error](func(yield func(*echelonv1.Override, error) bool) { yield(&echelonv1.Override{}, nil) }))
	case of.Kind() == reflect.Pointer && strings.HasPrefix(of.Elem().PkgPath(), "github.com/echelonhq/echelon/proto"):
		return reflect.New(of.Elem())
	}
	return reflect.Zero(of)
}
