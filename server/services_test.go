package server_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

const (
	guestMethod = "/guest.v1.Guest/Call"
	panicMethod = "/guest.v1.Guest/Panic"
)

// guest registers a service of a program that embeds the server.
func guest(c *server.Config) {
	method := func(full string, answer func() any) grpc.MethodDesc {
		return grpc.MethodDesc{
			MethodName: full[strings.LastIndex(full, "/")+1:],
			Handler: func(service any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
				request := &emptypb.Empty{}
				if err := decode(request); err != nil {
					return nil, err
				}
				return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: service, FullMethod: full},
					func(context.Context, any) (any, error) { return answer(), nil })
			},
		}
	}
	desc := &grpc.ServiceDesc{ServiceName: "guest.v1.Guest", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		method(guestMethod, func() any { return &emptypb.Empty{} }),
		method(panicMethod, func() any { panic("the guest") }),
	}}
	c.Services = func(r grpc.ServiceRegistrar) { r.RegisterService(desc, struct{}{}) }
}

func TestServicesOfAnEmbeddingProgramPassTheInterceptors(t *testing.T) {
	s := newSite(t, guest)
	conn := s.connect()
	call := func(ctx context.Context, method string) error {
		return conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
	}
	wanted{code: codes.Unauthenticated, reason: echelonv1.ErrorReason_UNAUTHENTICATED}.check(t, call(s.context(), guestMethod))
	for _, role := range roleNames {
		err := call(bearing(s.context(), s.tokens["token-"+role]), guestMethod)
		if role == "admin" {
			s.must(err)
			continue
		}
		wanted{code: codes.PermissionDenied, reason: echelonv1.ErrorReason_PERMISSION_DENIED}.check(t, err)
	}
	if n := s.handled("Call", codes.OK); n != 1 {
		t.Errorf("%v calls that went well are counted, not 1", n)
	}
	wanted{code: codes.Internal, reason: echelonv1.ErrorReason_INTERNAL_FAULT}.check(t, call(bearing(s.context(), s.tokens["token-admin"]), panicMethod))
}
