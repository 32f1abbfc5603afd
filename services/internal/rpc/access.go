package rpc

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
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

// Gateway is the name of a peer that is a gateway and nothing else: the last part of its identity. False for any other:
// whoever may do more may speak for gateways.
func (p Peer) Gateway() (name string, ok bool) {
	if p.roles != 1<<uint32(rpcv1.Role_ROLE_GATEWAY) {
		return "", false
	}
	return p.ID[strings.LastIndexByte(p.ID, '/')+1:], true
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

// access is who may call what: methods by full name. Methods outside our protos (health, reflection) are open to whoever
// reached the listener.
type access struct {
	methods map[string]*rule
	local   Peer
	door    Door
}

// rule is what a method's proto options say. A nil one is that of a method which is not ours.
type rule struct {
	// roles that may call it, as a set.
	roles uint32
	// audited is whether each call is to be told to the auditor, here: not where it is passed on.
	audited bool
	// discloses is whether the auditor is to be told of answers that tell what few may read, here.
	discloses bool
}

func newAccess(door Door) *access {
	return &access{methods: map[string]*rule{}, local: Local(), door: door}
}

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
		discloses, _ := proto.GetExtension(m.Options(), rpcv1.E_Discloses).(bool)
		a.methods["/"+service+"/"+string(m.Name())] = &rule{
			roles: NewPeer("", MethodRoles(m)...).roles, audited: audited && !elsewhere, discloses: discloses && !elsewhere,
		}
	}
}

// MethodRoles are the roles that a method's proto option names.
func MethodRoles(m protoreflect.MethodDescriptor) []rpcv1.Role {
	roles, _ := proto.GetExtension(m.Options(), rpcv1.E_Roles).([]rpcv1.Role)
	return roles
}

// healthPrefix is what strangers may ask: load balancers have no credential.
const healthPrefix = "/grpc.health.v1.Health/"

// check is ctx with its peer, the method's rule, and by what the request was let in; or the fault that refuses it. A method
// of ours without roles can be called by nobody. Calls within the process carry their peer, and have no limit.
func (a *access) check(ctx context.Context, method string, now time.Time) (context.Context, *rule, standing, error) {
	r := a.methods[method]
	p, within := peerIn(ctx)
	var s standing
	if !within {
		var err error
		if p, s, err = a.door.caller(ctx, a.local, now); err != nil {
			return ctx, nil, s, err
		}
		if err := s.allowance.request(now); err != nil {
			return ctx, nil, s, err
		}
	}
	switch {
	case p.roles == 0 && !p.proven && (r != nil || !within && !strings.HasPrefix(method, healthPrefix)):
		return ctx, nil, s, refusedToken("this method needs a credential, and none was shown")
	case r == nil:
		return ctx, nil, s, nil
	case p.roles&r.roles == 0:
		return ctx, nil, s, &fault.Fault{
			Reason: rpcv1.Reason_REASON_ROLE_REQUIRED, Message: "none of the peer's roles may call " + method,
		}
	case within:
		return ctx, r, s, nil
	}
	return WithPeer(ctx, p), r, s, nil
}

// wrappedStream gives a stream another context.
type wrappedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream carries its context by definition
}

// Context is the request's own.
func (w *wrappedStream) Context() context.Context { return w.ctx }
