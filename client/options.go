package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// maxMessageBytes is the largest message that the service takes and sends.
	maxMessageBytes = 16 << 20
	// maxBatchRows is how many rows a batch may have.
	maxBatchRows = 10_000
	// maxWindow bounds what a stream holds in memory: that many batches, and as many answers.
	maxWindow = 1024
)

// pings find a dead connection under a call within a minute. The server sends clients away that ping more often than every ten seconds.
var pings = keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}

// Option changes how a client works.
type Option func(*settings)

type settings struct {
	batchRows int
	window    int
	stall     time.Duration
	resume    resumption
	attempts  int
	sleep     func(context.Context, time.Duration) error
	transport credentials.TransportCredentials
	// token returns the bearer token of a call; nil where none is sent.
	token func(context.Context) (string, error)
	dial  []grpc.DialOption
}

func defaults() *settings {
	return &settings{
		batchRows: 1000, window: 4, stall: 2 * time.Minute, attempts: defaultAttempts, sleep: sleep,
		resume: resumption{
			attempts: 10, first: 100 * time.Millisecond, longest: 15 * time.Second, tell: func(error, int, time.Duration) {},
		},
	}
}

// WithBatchRows sets how many customers a batch of a bulk stream holds at most, 1 to 10,000; 1,000 unless told. No result depends on it.
func WithBatchRows(n int) Option { return func(s *settings) { s.batchRows = n } }

// WithWindow sets how many batches of a bulk stream may await their answer, 1 to 1,024; 4 unless told. No result depends on it.
func WithWindow(n int) Option { return func(s *settings) { s.window = n } }

// WithStallTimeout sets how long a stream that waits for the server may make no progress before it fails with STREAM_STALLED; two minutes unless
// told. The time that the caller's own loop and sequence take does not count.
func WithStallTimeout(d time.Duration) Option { return func(s *settings) { s.stall = d } }

// WithResume sets how often a bulk stream that broke is opened again, in a new connection, while none of its batches is answered; 10 unless told, which
// bridges a restart of the service of up to half a minute. 0 leaves a broken stream to the caller, and imports without a job id then have none.
func WithResume(attempts int) Option { return func(s *settings) { s.resume.attempts = attempts } }

// WithBackoff sets the longest pause before the first attempt to resume, which doubles with each one, and the longest of all; 100 ms and 15 s unless
// told. Up to half of a pause is left out at random.
func WithBackoff(first, longest time.Duration) Option {
	return func(s *settings) { s.resume.first, s.resume.longest = first, longest }
}

// WithResuming sets what is called before each pause, in the goroutine that ranges over the stream: with the error that ended the stream, the attempt,
// from 1, and the pause before it.
func WithResuming(tell func(cause error, attempt int, pause time.Duration)) Option {
	return func(s *settings) { s.resume.tell = tell }
}

// WithAttempts sets how often a call is made at most, 1 to 20; 5 unless told, which takes three seconds where no service can be reached. 1 repeats
// nothing. Only calls that are safe to repeat are: those that read, and those that leave behind the same however often they are made; not streams,
// nor StartRun, CancelRun, RollBack and DeleteCustomer. They are repeated where there is no service, or where it has no room and says when it will;
// after pauses that grow and vary, no shorter than the service asks for, and never beyond the context's deadline.
func WithAttempts(n int) Option { return func(s *settings) { s.attempts = n } }

// WithTransportCredentials sets how the connection is secured.
func WithTransportCredentials(c credentials.TransportCredentials) Option {
	return func(s *settings) { s.transport = c }
}

// WithInsecure sends everything in the clear, to other machines too.
func WithInsecure() Option { return WithTransportCredentials(insecure.NewCredentials()) }

// WithDialOptions adds options of gRPC, which prevail over those of this package.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// check returns everything that is out of range.
func (s *settings) check() error {
	var found []error
	if s.batchRows < 1 || s.batchRows > maxBatchRows {
		found = append(found, fmt.Errorf("WithBatchRows(%d): a batch has 1 to %d rows", s.batchRows, maxBatchRows))
	}
	if s.window < 1 || s.window > maxWindow {
		found = append(found, fmt.Errorf("WithWindow(%d): 1 to %d batches may be under way", s.window, maxWindow))
	}
	if s.attempts < 1 || s.attempts > maxAttempts {
		found = append(found, fmt.Errorf("WithAttempts(%d): a call is made 1 to %d times", s.attempts, maxAttempts))
	}
	if s.stall <= 0 {
		found = append(found, fmt.Errorf("WithStallTimeout(%v): the time must be positive", s.stall))
	}
	if s.resume.attempts < 0 {
		found = append(found, fmt.Errorf("WithResume(%d): 0 or more attempts", s.resume.attempts))
	}
	if s.resume.first <= 0 || s.resume.longest < s.resume.first {
		found = append(found, fmt.Errorf("WithBackoff(%v, %v): the first pause must be positive, and the longest no shorter", s.resume.first, s.resume.longest))
	}
	if s.resume.tell == nil {
		found = append(found, errors.New("WithResuming(nil): give a function, or leave it out"))
	}
	return errors.Join(found...)
}

func (s *settings) dialOptions(target string) ([]grpc.DialOption, error) {
	local, err := isLocal(target)
	if err != nil {
		return nil, err
	}
	transport := s.transport
	if transport == nil {
		if !local {
			return nil, fmt.Errorf("target %q is another machine: give WithTLS or WithTransportCredentials, or WithInsecure to send in the clear", target)
		}
		transport = insecure.NewCredentials()
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithKeepaliveParams(pings),
		grpc.WithConnectParams(reconnecting),
		grpc.WithChainUnaryInterceptor(repeater{attempts: s.attempts, sleep: s.sleep}.unary),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes), grpc.ForceCodecV2(Codec())),
	}
	if s.token != nil {
		if !local && transport.Info().SecurityProtocol == "insecure" {
			return nil, fmt.Errorf("target %q is another machine, and whoever listens could use the token: give WithTLS, or leave out the token", target)
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer{source: s.token, local: local}))
	}
	return append(options, s.dial...), nil
}

// isLocal reports whether a target is this machine. A HOST:PORT must have both; what follows another scheme is left to gRPC.
func isLocal(target string) (bool, error) {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true, nil
	}
	endpoint, schemed := target, false
	if _, after, found := strings.Cut(target, "://"); found {
		_, endpoint, _ = strings.Cut(after, "/") // scheme://authority/endpoint
		schemed = true
	}
	host, port, err := net.SplitHostPort(endpoint)
	if !schemed && (err != nil || host == "" || port == "") {
		return false, fmt.Errorf("target %q is no address: write HOST:PORT, such as 127.0.0.1:7070", target)
	}
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback(), nil
}
