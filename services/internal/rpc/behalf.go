package rpc

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/pki"
)

const (
	// behalfHeader says for whom a process of the cluster calls: "ROLE,ROLE NAME". It is believed of role service only, and
	// written by nobody but this file.
	behalfHeader = "dayside-on-behalf-of"
	// maxBehalfBytes bounds it.
	maxBehalfBytes = 512
)

// onBehalf is the peer that a request is to be judged as: who connected, or, where another process of the
// cluster passes on what somebody asked of it, that somebody, with their roles and no others. So a forwarded request can do
// what its sender may do, and not what the process in between may. What cannot be read has no roles.
func onBehalf(ctx context.Context, shown Peer) Peer {
	if !shown.Has(rpcv1.Role_ROLE_SERVICE) {
		return shown
	}
	values := metadata.ValueFromIncomingContext(ctx, behalfHeader)
	switch len(values) {
	case 0:
		return shown
	case 1:
		return parseBehalf(values[0])
	}
	return Peer{ID: shown.ID, proven: true}
}

// parseBehalf reads what writeBehalf wrote; a peer without roles where it is something else.
func parseBehalf(text string) Peer {
	nobody := Peer{ID: "unreadable", proven: true}
	list, name, ok := strings.Cut(text, " ")
	if !ok || len(text) > maxBehalfBytes {
		return nobody
	}
	p := Peer{ID: name, proven: true}
	if list == "" {
		return p
	}
	for role := range strings.SplitSeq(list, ",") {
		r := pki.ParseRole(role)
		if r == rpcv1.Role_ROLE_UNSPECIFIED {
			return nobody
		}
		p.roles |= 1 << uint32(r)
	}
	return p
}

// writeBehalf is a peer as a header.
func writeBehalf(p Peer) string {
	var b strings.Builder
	for r := rpcv1.Role(1); int(r) < len(rpcv1.Role_name); r++ {
		if !p.Has(r) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(pki.RoleName(r))
	}
	b.WriteByte(' ')
	for _, c := range []byte(p.ID) { // what a header can hold
		if c > ' ' && c < 0x7f && b.Len() < maxBehalfBytes {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sentBy is ctx with the header of its peer, and without any that came from elsewhere: REST turns headers of its clients
// into metadata, which would go on to the next process.
func sentBy(ctx context.Context) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx)
	p, known := peerIn(ctx)
	if !known && len(md.Get(behalfHeader)) == 0 && len(md.Get(authorization)) == 0 {
		return ctx
	}
	md = md.Copy() // FromOutgoingContext's is a copy already, but nil where there is none
	if md == nil {
		md = metadata.MD{}
	}
	md.Delete(behalfHeader)
	md.Delete(authorization) // a token was judged where it was shown
	if known {
		md.Set(behalfHeader, writeBehalf(p))
	}
	return metadata.NewOutgoingContext(ctx, md)
}

func behalfUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	return invoker(sentBy(ctx), method, req, reply, cc, opts...)
}

func behalfStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer,
	opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return streamer(sentBy(ctx), desc, cc, method, opts...)
}

// as makes calls as one peer.
type as struct {
	cc   grpc.ClientConnInterface
	peer Peer
}

// As is a connection on which every call is made as the peer, whoever's request it is part of: what a service asks another
// one for its own sake. Without it, calls are made as the peer in their context.
func As(cc grpc.ClientConnInterface, peer Peer) grpc.ClientConnInterface { return as{cc, peer} }

// Invoke is grpc.ClientConnInterface's.
func (a as) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return a.cc.Invoke(WithPeer(ctx, a.peer), method, args, reply, opts...)
}

// NewStream is grpc.ClientConnInterface's.
func (a as) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (
	grpc.ClientStream, error,
) {
	return a.cc.NewStream(WithPeer(ctx, a.peer), desc, method, opts...)
}
