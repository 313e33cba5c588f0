package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"buf.build/go/protovalidate"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// interceptors returns the chains, outermost first: metrics, the request's id, log, statuses, recovery, authentication, limits, validation. A panic anywhere below is
// counted, logged and answered. Streams are not validated here: one bad row would end them; streaming validates their headers.
func interceptors(config Config, validator protovalidate.Validator, gate gate, load *load, stopping <-chan struct{}) ([]grpc.UnaryServerInterceptor, []grpc.StreamServerInterceptor, error) {
	metrics := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
	if err := config.Metrics.Register(metrics); err != nil {
		return nil, nil, fmt.Errorf("registering the metrics of calls: %w", err)
	}
	logger := logging.LoggerFunc(func(ctx context.Context, level logging.Level, message string, fields ...any) {
		if !refusedOnArrival(ctx) {
			config.Log.Log(ctx, slog.Level(level), message, fields...)
		}
	})
	logged := []logging.Option{logging.WithLogOnEvents(logging.FinishCall), logging.WithLevels(levelOf)}
	recovered := recovery.WithRecoveryHandlerContext(func(ctx context.Context, panicked any) error {
		return fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
	})
	statuses := statusMaker{log: config.Log}
	unary := []grpc.UnaryServerInterceptor{
		metrics.UnaryServerInterceptor(),
		identifyUnary,
		logging.UnaryServerInterceptor(logger, logged...),
		statuses.unary,
		recovery.UnaryServerInterceptor(recovered),
		gate.unary,
		load.unaryRows,
		validateUnary(validator, config.MaxMessageBytes),
	}
	stream := []grpc.StreamServerInterceptor{
		metrics.StreamServerInterceptor(),
		identifyStream,
		logging.StreamServerInterceptor(logger, logged...),
		statuses.stream,
		endWhenStopping(stopping),
		recovery.StreamServerInterceptor(recovered),
		gate.stream,
		connectionAge{config.MaxConnectionAge, config.MaxConnectionAgeGrace}.stream,
		load.metered,
	}
	return unary, stream, nil
}

// endWhenStopping ends the streams of other services than ours, such as a watch of the health, when the server stops: they know nothing of it and
// would hold it up. Ours end by themselves, after what was answered.
func endWhenStopping(stopping <-chan struct{}) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if strings.HasPrefix(info.FullMethod, "/"+domain+".") {
			return handler(server, stream)
		}
		ended := make(chan error, 1)
		go func() { ended <- handler(server, stream) }()
		select {
		case err := <-ended:
			return err
		case <-stopping:
			return errStopping()
		}
	}
}

// levelOf keeps calls that went well out of the log unless it is asked for details.
func levelOf(code codes.Code) logging.Level {
	if code == codes.OK {
		return logging.LevelDebug
	}
	return logging.DefaultServerCodeToLevel(code)
}

// validateUnary checks the rules that requests carry in their .proto, and that answers fit. Customers and models carry none: the engine checks them.
func validateUnary(validator protovalidate.Validator, maxMessage int) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if message, ok := request.(proto.Message); ok {
			if err := validate(validator, message); err != nil {
				return nil, err
			}
		}
		response, err := handler(ctx, request)
		if message, ok := response.(proto.Message); ok && err == nil {
			err = fits(message, maxMessage)
		}
		return response, err
	}
}

// fits checks that an answer is no larger than a message may be: grpc would end the call without a reason. MESSAGE_TOO_LARGE.
func fits(answer proto.Message, maxMessage int) error {
	return fitsSize(proto.Size(answer), maxMessage)
}

func fitsSize(size, maxMessage int) error {
	if size > maxMessage {
		return fault.New(echelonv1.ErrorReason_MESSAGE_TOO_LARGE,
			"the answer has %d bytes, at most %d are allowed: ask for less at a time, or leave out explanations and reasons", size, maxMessage)
	}
	return nil
}

// validate checks that a message could be decoded, and the rules that it carries in its .proto. INVALID_REQUEST, MESSAGE_TOO_LARGE.
func validate(validator protovalidate.Validator, message proto.Message) error {
	if err := unreadable(message); err != nil {
		return err
	}
	if plain(message) {
		return nil
	}
	err := validator.Validate(message)
	broken, ok := err.(*protovalidate.ValidationError)
	if !ok {
		return err
	}
	f := fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the request breaks %d rules", len(broken.Violations))
	for i, v := range broken.Violations {
		one := fault.Violation{Field: protovalidate.FieldPathString(v.Proto.GetField()), Description: v.Proto.GetMessage()}
		if i == 0 {
			f.Message = fmt.Sprintf("%s: %s", one.Field, one.Description)
		}
		f.Violations = append(f.Violations, one)
	}
	return f
}
