package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/memory"
)

// nothingMethod is a call that does nothing.
const nothingMethod = "/bench.Nothing/Do"

// nothing is a service of a call that does nothing: what a call costs on a server before anybody works for it.
var nothing = grpc.ServiceDesc{ServiceName: "bench.Nothing", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
	MethodName: "Do",
	Handler: func(service any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		request := &emptypb.Empty{}
		if err := decode(request); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{Server: service, FullMethod: nothingMethod}
		return interceptor(ctx, request, info, func(context.Context, any) (any, error) { return &emptypb.Empty{}, nil })
	},
}}}

// serveNothing is Echelon's server, as `echelon serve` makes it, with the call that does nothing beside its own.
func serveNothing() (err error) {
	store := memory.New()
	defer func() { err = errors.Join(err, store.Close()) }()
	config := server.DefaultConfig()
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	config.Services = func(r grpc.ServiceRegistrar) { r.RegisterService(&nothing, struct{}{}) }
	s, err := server.New(context.Background(), store, config)
	if err != nil {
		return err
	}
	return listenAndServe(s.Serve, s.Stop)
}
