package client

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Client calls one Echelon service.
type Client struct {
	conn      *grpc.ClientConn
	batchRows int
	window    int
	stall     time.Duration
	resume    resumption

	// target and dial make further connections, for streams that are resumed; redialed are those that are open.
	target   string
	dial     []grpc.DialOption
	mu       sync.Mutex
	redialed map[*grpc.ClientConn]bool
	closed   bool

	scoring     echelonv1.ScoringServiceClient
	customers   echelonv1.CustomerServiceClient
	models      echelonv1.ModelServiceClient
	runs        echelonv1.RunServiceClient
	assignments echelonv1.AssignmentServiceClient
	audit       echelonv1.AuditServiceClient
	admin       echelonv1.AdminServiceClient
}

// Dial returns a client of the service at target: HOST:PORT, or any target that gRPC resolves, such as unix:///run/echelon.sock. It connects with
// the first call, so a server that is not there is that call's error. Without transport credentials only this machine can be called. An option
// out of range and a target that cannot be called are errors.
func Dial(target string, opts ...Option) (*Client, error) {
	settings := defaults()
	for _, option := range opts {
		option(settings)
	}
	dialOptions, err := settings.dialOptions(target)
	if err := errors.Join(settings.check(), err); err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(target, dialOptions...)
	if err != nil {
		return nil, fmt.Errorf("dialing %q: %w", target, err)
	}
	return &Client{
		conn:        conn,
		batchRows:   settings.batchRows,
		window:      settings.window,
		stall:       settings.stall,
		resume:      settings.resume,
		target:      target,
		dial:        dialOptions,
		redialed:    make(map[*grpc.ClientConn]bool),
		scoring:     echelonv1.NewScoringServiceClient(conn),
		customers:   echelonv1.NewCustomerServiceClient(conn),
		models:      echelonv1.NewModelServiceClient(conn),
		runs:        echelonv1.NewRunServiceClient(conn),
		assignments: echelonv1.NewAssignmentServiceClient(conn),
		audit:       echelonv1.NewAuditServiceClient(conn),
		admin:       echelonv1.NewAdminServiceClient(conn),
	}, nil
}

// Close ends the connection and every call that is under way.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.redialed {
		_ = conn.Close()
	}
	return c.conn.Close()
}
