// Package rpc is how Dayside's services are served and called over gRPC: one chain of interceptors (trace, access by
// role, validation, audit, the mapping of faults to statuses, metrics), listeners that refuse to serve strangers without
// credentials, connections to other services, and calls within the process that pass through the same chain.
//
// It knows no service by name, and decides nothing about calls.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/validate"
)

const (
	// MaxRequestBytes bounds one request, over gRPC and over HTTP.
	MaxRequestBytes = 4 << 20
	// maxHeaderBytes bounds a request's metadata: a token, a trace, and some.
	maxHeaderBytes = 32 << 10
	// maxStreamsPerConn bounds the requests of one connection that are under way at once.
	maxStreamsPerConn = 1024
	// numStreamWorkers keeps goroutines alive between requests: 10% more throughput on two cores.
	numStreamWorkers = 8
	// retryPushback tells a client, where it is negative, not to try again
	// (https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback).
	retryPushback = "grpc-retry-pushback-ms"
	// instrumentation names our tracer and meter.
	instrumentation = "github.com/daysidehq/dayside/services/internal/rpc"
)

// Deps is what a server needs of its process.
type Deps struct {
	Clock          clock.Clock
	Logger         *slog.Logger
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Door is how whoever connects becomes a peer.
	Door Door
	// Auditor is told of calls of audited methods; nil: nobody is.
	Auditor Auditor
	// Instance names the process in what the auditor is told.
	Instance string
}

// Chain is the interceptors that every request passes, from outside in: recovery, trace, metrics and the mapping of
// errors, access, validation.
type Chain struct {
	// ending is closed when streams must end, since the process does.
	ending    chan struct{}
	access    *access
	tracer    trace.Tracer
	durations *durations
	clock     clock.Clock
	log       *slog.Logger
	auditor   Auditor
	instance  string
}

// NewChain is a chain; the services registered with its server or its in-process connection fill its table of roles.
func NewChain(deps Deps) (*Chain, error) {
	d, err := newDurations(deps.MeterProvider.Meter(instrumentation))
	if err != nil {
		return nil, err
	}
	return &Chain{
		ending: make(chan struct{}), access: newAccess(deps.Door), tracer: deps.TracerProvider.Tracer(instrumentation),
		durations: d, clock: deps.Clock, log: deps.Logger, auditor: deps.Auditor, instance: deps.Instance,
	}, nil
}

// Unary runs one request through the chain.
func (c *Chain) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any,
	err error,
) {
	began := c.clock.Now()
	ctx, span := startServer(ctx, c.tracer, info.FullMethod)
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, fault.Internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
		err = c.finish(ctx, info.FullMethod, err)
		c.durations.record(ctx, info.FullMethod, status.Code(err), c.clock.Now().Sub(began))
		endSpan(span, err)
	}()
	ctx, rule, _, err := c.access.check(ctx, info.FullMethod, began)
	if err != nil {
		return nil, err
	}
	if err := validateRequest(req); err != nil {
		return nil, err
	}
	var told *disclosure
	if rule != nil && rule.discloses {
		ctx, told = withDisclosure(ctx)
	}
	resp, err = handler(ctx, req)
	if err == nil && rule != nil && (rule.audited || told.any()) {
		c.audit(ctx, info.FullMethod, req, resp, began, told)
	}
	return resp, err
}

// Stream runs one stream through the chain; each message received is validated. Where the server ends its streams, the
// stream's context ends, and the client hears UNAVAILABLE: another process may serve it.
func (c *Chain) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	began := c.clock.Now()
	ctx, span := startServer(ss.Context(), c.tracer, info.FullMethod)
	defer func() {
		if p := recover(); p != nil {
			err = fault.Internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
		err = c.finish(ctx, info.FullMethod, err)
		c.durations.record(ctx, info.FullMethod, status.Code(err), c.clock.Now().Sub(began))
		endSpan(span, err)
	}()
	ctx, _, by, err := c.access.check(ctx, info.FullMethod, began)
	if err != nil {
		return err
	}
	if outside, ok := ctx.Value(standingKey{}).(standing); ok { // REST: within the process, and yet from outside
		by = outside
	}
	end, err := by.allowance.stream()
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := c.untilEnding(ctx)
	defer cancel()
	err = handler(srv, &guardedStream{wrappedStream{ss, ctx}, c, by})
	if err != nil && errors.Is(context.Cause(ctx), errEnding) {
		return &fault.Fault{Reason: rpcv1.Reason_REASON_BACKEND_UNAVAILABLE, Message: errEnding.Error()}
	}
	return err
}

// errEnding is why streams end that nobody asked to end.
var errEnding = errors.New("this process is stopping")

// untilEnding is ctx until streams are to end; the cause is errEnding then.
func (c *Chain) untilEnding(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-c.ending:
			cancel(errEnding)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// guardedStream validates what it receives, and ends with the credential that opened it.
type guardedStream struct {
	wrappedStream
	chain *Chain
	by    standing
}

// RecvMsg is the next message, if it keeps the rules of its proto.
func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if err := s.chain.access.door.still(s.by, s.chain.clock.Now()); err != nil {
		return err
	}
	return validateRequest(m)
}

// SendMsg sends, as long as the peer may have it.
func (s *guardedStream) SendMsg(m any) error {
	if err := s.chain.access.door.still(s.by, s.chain.clock.Now()); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// finish maps the error, and logs what only we can mend.
func (c *Chain) finish(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	s := Status(err)
	if s.Code() == codes.Internal || s.Code() == codes.Unknown {
		var f *fault.Fault
		cause := err
		if errors.As(err, &f) && f.Err != nil {
			cause = f.Err
		}
		c.log.ErrorContext(ctx, "request failed", "method", method, "error", cause.Error())
	}
	var f *fault.Fault
	if errors.As(err, &f) && f.Reason == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE && f.Err != nil {
		c.log.WarnContext(ctx, f.Message, "method", method, "error", f.Err.Error())
		// What we waited for in vain, the next process would wait for too. There is no trailer within the process.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(retryPushback, "-1"))
	}
	return s.Err()
}

func validateRequest(req any) error {
	m, ok := req.(proto.Message)
	if !ok {
		return nil
	}
	return validate.Message(m)
}

// Server is a gRPC server with the chain, health and reflection.
type Server struct {
	*grpc.Server
	Health *health.Server
	chain  *Chain
}

// NewServer is a server without services, in plain text where creds is nil.
func NewServer(chain *Chain, creds *TLS) *Server {
	options := append([]grpc.ServerOption{
		grpc.UnaryInterceptor(chain.Unary), grpc.StreamInterceptor(chain.Stream),
		grpc.MaxRecvMsgSize(MaxRequestBytes), grpc.MaxConcurrentStreams(maxStreamsPerConn),
		grpc.NumStreamWorkers(numStreamWorkers),
		grpc.MaxHeaderListSize(maxHeaderBytes),
	}, creds.serverOptions(chain.access.door.Tokens != nil)...)
	options = append(options, keepaliveOptions(creds)...)
	s := &Server{
		Server: grpc.NewServer(options...),
		Health: health.NewServer(), chain: chain,
	}
	healthv1.RegisterHealthServer(s.Server, s.Health)
	return s
}

// RegisterService adds a service, and its roles to the chain.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.chain.access.add(desc.ServiceName, impl)
	s.Server.RegisterService(desc, impl)
}

// EndStreams ends the streams under way: they last as long as their clients, and a stop must not. Call it once.
func (s *Server) EndStreams() { close(s.chain.ending) }

// Finish adds reflection; call it once, after the last service.
func (s *Server) Finish() { reflection.Register(s.Server) }
