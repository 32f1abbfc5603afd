package rpc

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// Peer is who is calling, as authenticated.
type Peer struct {
	// ID names it in logs.
	ID    string
	roles uint32
	// proven says that it showed a certificate, whether or not that gives it a role.
	proven bool
}

// NewPeer is a peer with roles.
func NewPeer(id string, roles ...rpcv1.Role) Peer {
	p := Peer{ID: id}
	for _, r := range roles {
		p.roles |= 1 << uint32(r)
	}
	return p
}

// list is the peer's roles, in order.
func (p Peer) list() []rpcv1.Role {
	var roles []rpcv1.Role
	for r := rpcv1.Role(1); int(r) < len(rpcv1.Role_name); r++ {
		if p.roles&(1<<uint32(r)) != 0 {
			roles = append(roles, r)
		}
	}
	return roles
}

// Has says whether the peer has one of the roles.
func (p Peer) Has(roles ...rpcv1.Role) bool { return p.roles&NewPeer("", roles...).roles != 0 }

type peerKey struct{}

// WithPeer is ctx with an authenticated peer: calls made with it, within the process and to others, are made as that peer.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFrom is the authenticated peer of a request; one without roles where there is none.
func PeerFrom(ctx context.Context) Peer {
	p, _ := peerIn(ctx)
	return p
}

// peerIn tells a peer without roles from nobody: the former must never be taken for the process itself.
func peerIn(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// Local is this machine's own user: until certificates are asked for, whoever can reach loopback may do everything. A
// listener elsewhere refuses to start (see Listen).
func Local() Peer {
	var roles []rpcv1.Role
	for n := range rpcv1.Role_name {
		if n != 0 {
			roles = append(roles, rpcv1.Role(n))
		}
	}
	return NewPeer("local", roles...)
}

// authenticate makes a Peer of the connection.
func authenticate(ctx context.Context, local Peer) Peer {
	if known, ok := peerIn(ctx); ok {
		return known // an in-process call carries its peer
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Peer{}
	}
	if shown, ok := p.AuthInfo.(certified); ok {
		return onBehalf(ctx, shown.peer) // on loopback too: a certificate says who it is, an address does not
	}
	if addr, ok := p.Addr.(*net.TCPAddr); ok && addr.IP.IsLoopback() {
		return local
	}
	if p.Addr.Network() == "bufconn" || p.Addr.Network() == "unix" {
		return local
	}
	return Peer{ID: p.Addr.String()}
}

// access is who may call what: methods by full name. Methods outside our protos (health, reflection) are open to whoever
// reached the listener.
type access struct {
	methods map[string]*rule
	local   Peer
}

// rule is what a method's proto options say. A nil one is that of a method which is not ours.
type rule struct {
	// roles that may call it, as a set.
	roles uint32
	// audited is whether each call is to be told to the auditor, here: not where it is passed on.
	audited bool
}

func newAccess() *access { return &access{methods: map[string]*rule{}, local: Local()} }

// forwarded is the implementation of a service that another process holds.
type forwarded struct{}

// add reads the options of every method of a service.
func (a *access) add(service string, impl any) {
	_, elsewhere := impl.(forwarded)
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return
	}
	sd, ok := d.(protoreflect.ServiceDescriptor)
	if !ok || sd.ParentFile().Package().Parent() == "grpc" {
		return
	}
	for i := range sd.Methods().Len() {
		m := sd.Methods().Get(i)
		audited, _ := proto.GetExtension(m.Options(), rpcv1.E_Audited).(bool)
		a.methods["/"+service+"/"+string(m.Name())] = &rule{
			roles: NewPeer("", MethodRoles(m)...).roles, audited: audited && !elsewhere,
		}
	}
}

// MethodRoles are the roles that a method's proto option names.
func MethodRoles(m protoreflect.MethodDescriptor) []rpcv1.Role {
	roles, _ := proto.GetExtension(m.Options(), rpcv1.E_Roles).([]rpcv1.Role)
	return roles
}

// check is ctx with its peer and the method's rule, or the fault that refuses it. A method of ours without roles can be
// called by nobody.
func (a *access) check(ctx context.Context, method string) (context.Context, *rule, error) {
	p := authenticate(ctx, a.local)
	r := a.methods[method]
	if r == nil {
		return ctx, nil, nil
	}
	if p.roles == 0 && !p.proven {
		return ctx, nil, &fault.Fault{
			Reason: rpcv1.Reason_REASON_CREDENTIALS_REQUIRED, Message: "this method needs a credential, and none was shown",
		}
	}
	if p.roles&r.roles == 0 {
		return ctx, nil, &fault.Fault{
			Reason: rpcv1.Reason_REASON_ROLE_REQUIRED, Message: "none of the peer's roles may call " + method,
		}
	}
	return WithPeer(ctx, p), r, nil
}

// wrappedStream gives a stream another context.
type wrappedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream carries its context by definition
}

// Context is the request's own.
func (w *wrappedStream) Context() context.Context { return w.ctx }
