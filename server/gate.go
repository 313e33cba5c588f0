package server

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/echelonhq/echelon/internal/audit"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/internal/identity"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// onBehalfOfHeader is whom the caller says that it acts for; what is not ASCII comes in the binary form of the header.
	onBehalfOfHeader       = "echelon-on-behalf-of"
	onBehalfOfBinaryHeader = "echelon-on-behalf-of-bin"
	// maxOnBehalfOf is how long that may be, in bytes.
	maxOnBehalfOf = 256
)

// gate lets calls in: it knows who calls, and begins what is written down of the call.
type gate struct {
	// authenticator is nil where nobody is authenticated, and everybody may do everything.
	authenticator *identity.Authenticator
	audit         *audit.Log
	log           *slog.Logger
}

// unary lets a call in. UNAUTHENTICATED, PERMISSION_DENIED.
func (g gate) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return handler(ctx, request)
	}
	principal, err := arrived(ctx)
	if err == nil && principal == nil {
		principal, err = g.authenticate(ctx, info.FullMethod)
	}
	if err == nil {
		ctx, err = begin(ctx, principal, info.FullMethod, false)
	}
	if err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

// stream lets a call in, and looks again at who it is with every message. UNAUTHENTICATED, PERMISSION_DENIED.
func (g gate) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return handler(server, stream)
	}
	principal, err := g.authenticate(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	ctx, err := begin(stream.Context(), principal, info.FullMethod, info.IsClientStream)
	if err != nil {
		return err
	}
	defer func() {
		// What the stream stored was answered, so that this is no error of the call.
		if err := g.audit.End(ctx); err != nil {
			g.log.ErrorContext(ctx, "the audit entry of a stream was not ended; the next start ends it", "method", info.FullMethod, "error", err)
		}
	}()
	admitted := &admittedStream{ServerStream: stream, ctx: ctx, gate: g, method: info.FullMethod}
	admitted.principal.Store(principal)
	return handler(server, admitted)
}

// authenticate returns who calls a method, and may. UNAUTHENTICATED, PERMISSION_DENIED.
func (g gate) authenticate(ctx context.Context, method string) (*identity.Principal, error) {
	principal := identity.Anonymous
	if g.authenticator != nil {
		var err error
		if principal, err = g.authenticator.Authenticate(ctx, credentialsOf(ctx)); err != nil {
			return nil, err
		}
	}
	return principal, permitted(principal, method)
}

// begin returns the context of a call that is let in. INVALID_REQUEST.
func begin(ctx context.Context, principal *identity.Principal, method string, stream bool) (context.Context, error) {
	onBehalfOf, err := onBehalfOf(ctx)
	if err != nil {
		return nil, err
	}
	ctx = feed.By(ctx, feed.Who{Actor: principal.Name, OnBehalfOf: onBehalfOf})
	return audit.Begin(identity.With(ctx, principal), audit.Call{
		Actor: principal.Name, Credential: principal.Credential, Method: strings.TrimPrefix(method, "/"), OnBehalfOf: onBehalfOf, Stream: stream,
	}), nil
}

// credentialsOf returns what a call came with.
func credentialsOf(ctx context.Context) identity.Credentials {
	c := identity.Credentials{Authorization: metadata.ValueFromIncomingContext(ctx, "authorization")}
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			c.Certificate = info.State.VerifiedChains[0][0]
		}
	}
	return c
}

// permitted returns the fault of a principal without the role that a method needs. PERMISSION_DENIED.
func permitted(p *identity.Principal, method string) error {
	role := neededRole(method)
	if p.Roles.Allow(role) {
		return nil
	}
	has := "none"
	if p.Roles != 0 {
		has = identity.Role(p.Roles).String()
	}
	return fault.New(echelonv1.ErrorReason_PERMISSION_DENIED, "%s needs the role %s, and %s has %s: ask the administrator for it",
		strings.TrimPrefix(method, "/"), role, p.Name, has).With("role", role.String())
}

// onBehalfOf returns whom a call is made for. INVALID_REQUEST.
func onBehalfOf(ctx context.Context) (string, error) {
	given := append(metadata.ValueFromIncomingContext(ctx, onBehalfOfHeader), metadata.ValueFromIncomingContext(ctx, onBehalfOfBinaryHeader)...)
	switch {
	case len(given) == 0:
		return "", nil
	case len(given) > 1:
		return "", fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the header %s is given %d times: give it once", onBehalfOfHeader, len(given))
	case len(given[0]) > maxOnBehalfOf || !utf8.ValidString(given[0]):
		return "", fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the header %s has %d bytes: it must be a text of at most %d bytes in UTF-8",
			onBehalfOfHeader, len(given[0]), maxOnBehalfOf)
	}
	return given[0], nil
}

// admittedStream is a stream of a principal who may lose what let it in.
type admittedStream struct {
	grpc.ServerStream
	ctx       context.Context
	gate      gate
	method    string
	principal atomic.Pointer[identity.Principal]
}

// Context returns the call's context, with its principal.
func (s *admittedStream) Context() context.Context { return s.ctx }

// RecvMsg takes a message, unless the principal has lost its credential or role by then.
func (s *admittedStream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return s.recheck()
}

// SendMsg sends a message, unless the principal has lost its credential or role by then.
func (s *admittedStream) SendMsg(message any) error {
	if err := s.recheck(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(message)
}

func (s *admittedStream) recheck() error {
	if s.gate.authenticator == nil {
		return nil
	}
	now, err := s.gate.authenticator.Recheck(s.principal.Load())
	if err != nil {
		return err
	}
	s.principal.Store(now)
	return permitted(now, s.method)
}
