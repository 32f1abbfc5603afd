package rpc

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// localStream is a stream of answers within the process: both its ends. An answer that nobody has taken yet holds the
// service up, as a slow connection would.
type localStream struct {
	ctx     context.Context //nolint:containedctx // a stream carries its context by definition
	request chan proto.Message
	answers chan proto.Message
	// done is closed once the service has returned err; what it sent before has been taken by then.
	done chan struct{}
	err  error
}

// NewStream begins a stream of answers to one request; streams that take more than one request need a socket. It ends with
// ctx: who stops reading must end that.
func (p *InProcess) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption,
) (grpc.ClientStream, error) {
	m, ok := p.streams[method]
	if !ok || m.desc.ClientStreams {
		return nil, Status(fault.NotInThisRelease(method + " is not served within this process")).Err()
	}
	if _, ok := peerIn(ctx); !ok {
		ctx = WithPeer(ctx, p.peer)
	}
	s := &localStream{
		ctx: ctx, request: make(chan proto.Message, 1), answers: make(chan proto.Message), done: make(chan struct{}),
	}
	go func() { //nolint:contextcheck // the stream carries it
		defer close(s.done)
		s.err = p.chain.Stream(m.impl, serverEnd{s}, &grpc.StreamServerInfo{FullMethod: method, IsServerStream: true},
			m.desc.Handler)
	}()
	return clientEnd{s}, nil
}

// clientEnd is grpc.ClientStream's.
type clientEnd struct{ *localStream }

// Header is empty: there is no transport.
func (clientEnd) Header() (metadata.MD, error) { return metadata.MD{}, nil }

// Trailer is empty too.
func (clientEnd) Trailer() metadata.MD { return metadata.MD{} }

// CloseSend has nothing to do: there is one request.
func (clientEnd) CloseSend() error { return nil }

// Context is the client's own.
func (c clientEnd) Context() context.Context { return c.ctx }

// SendMsg hands the one request over.
func (c clientEnd) SendMsg(m any) error {
	req, ok := m.(proto.Message)
	if !ok {
		return Status(fault.Internal(fmt.Errorf("a request of type %T", m))).Err()
	}
	select {
	case c.request <- proto.Clone(req):
		return nil
	default:
		return Status(fault.Internal(fmt.Errorf("a second request to a stream of answers"))).Err()
	}
}

// RecvMsg takes the next answer; io.EOF after the last.
func (c clientEnd) RecvMsg(m any) error {
	select {
	case answer := <-c.answers:
		to, ok := m.(proto.Message)
		if !ok {
			return Status(fault.Internal(fmt.Errorf("an answer into a %T", m))).Err()
		}
		proto.Reset(to)
		proto.Merge(to, answer)
		return nil
	case <-c.done:
		if c.err == nil {
			return io.EOF
		}
		return Status(c.err).Err()
	}
}

// serverEnd is grpc.ServerStream's.
type serverEnd struct{ *localStream }

// SetHeader passes nothing on: there is no transport.
func (serverEnd) SetHeader(metadata.MD) error { return nil }

// SendHeader passes nothing on.
func (serverEnd) SendHeader(metadata.MD) error { return nil }

// SetTrailer passes nothing on.
func (serverEnd) SetTrailer(metadata.MD) {}

// Context is the client's, with who it is.
func (s serverEnd) Context() context.Context { return s.ctx }

// SendMsg waits until the answer is taken, which is a copy.
func (s serverEnd) SendMsg(m any) error {
	answer, ok := m.(proto.Message)
	if !ok {
		return fault.Internal(fmt.Errorf("an answer of type %T", m))
	}
	select {
	case s.answers <- proto.Clone(answer):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// RecvMsg is the request.
func (s serverEnd) RecvMsg(m any) error {
	select {
	case req := <-s.request:
		to, ok := m.(proto.Message)
		if !ok {
			return fault.Internal(fmt.Errorf("a request into a %T", m))
		}
		proto.Merge(to, req)
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}
