package routing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/routing/internal/reach"
)

const (
	// maxGatewayStreams bounds the gateways that one process has streams of.
	maxGatewayStreams = 1000
	// maxEventsPerS is how many events of one stream are read in a second; the others wait on the wire.
	maxEventsPerS = 64
	// maxTasks bounds the tasks that wait for a slow gateway; others are given up.
	maxTasks = 64
	// maxSiteIDBytes is the longest ID of a resource.
	maxSiteIDBytes = 63
	// gatewayLinger is how long what a gateway said holds behind its stream: it may only have to connect anew.
	gatewayLinger = 5 * time.Second
)

// gatewayStream is what ConnectGateway is given.
type gatewayStream = grpc.BidiStreamingServer[routingv1.ConnectGatewayRequest, routingv1.ConnectGatewayResponse]

// gateway is one that is connected, or was until a moment ago. liveState's lock guards it.
type gateway struct {
	*held
	id           string
	capabilities []routingv1.Capability
	calls        map[string]int32 // by ID of the site
	// session is the stream that stands, or the last one.
	session *session
	gone    time.Time // when the stream ended; zero while it stands
	// probing are the targets that it was asked to probe, and until when what it says is the answer.
	probing map[string]time.Time
	probes  int // so many were given, ever
}

func (g *gateway) stands() bool { return g.gone.IsZero() }

func (g *gateway) forgetProbes(now time.Time) {
	for name, until := range g.probing {
		if !now.Before(until) {
			delete(g.probing, name)
		}
	}
}

// session is one stream of a gateway.
type session struct {
	tasks chan *routingv1.ConnectGatewayResponse
	// over is closed when another stream takes the gateway's place.
	over chan struct{}
}

// connectGateway carries a stream until it ends. Of two streams of a gateway the newer one counts: the other one may be
// dead, and nobody has noticed yet.
func (l *liveState) connectGateway(stream gatewayStream) error {
	first, err := stream.Recv()
	if err != nil {
		return ended(err)
	}
	if first.GetHello() == nil {
		return fault.WrongState("", "hello must be the first event of a gateway's stream")
	}
	g, s, err := l.admit(stream.Context(), first.GetHello())
	if err != nil {
		return err
	}
	defer l.leave(stream.Context(), g, s)
	received := make(chan error, 1)
	go func() { received <- l.receive(stream, g, s) }()
	sent := make(chan error, 1)
	go func() { sent <- send(stream, s) }()
	select {
	case err := <-received:
		return ended(err)
	case err := <-sent:
		return ended(err)
	case <-s.over:
		return fault.WrongState("", "another stream of gateway "+g.id+" has taken this one's place")
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
}

// ended is nil where the gateway closed its side.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// send hands out tasks until the stream ends or is taken over.
func send(stream gatewayStream, s *session) error {
	for {
		select {
		case task := <-s.tasks:
			if err := stream.Send(task); err != nil {
				return err
			}
		case <-s.over:
			<-stream.Context().Done() // its handler returns, and says why
			return stream.Context().Err()
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// receive takes events in until the stream ends, no more than so many a second.
func (l *liveState) receive(stream gatewayStream, g *gateway, s *session) error {
	p := pace{clock: l.clock}
	for {
		event, err := stream.Recv()
		if err != nil {
			return err
		}
		if !p.wait(stream.Context()) {
			return stream.Context().Err()
		}
		l.signals.events.Add(stream.Context(), 1)
		if err := l.take(g, s, event); err != nil {
			return err
		}
	}
}

// pace lets so many events through in a second of the clock.
type pace struct {
	clock  clock.Clock
	second int64
	events int
}

// wait returns when one more event may be taken in; false where ctx ended before.
func (p *pace) wait(ctx context.Context) bool {
	for {
		now := p.clock.Now()
		if s := now.Unix(); s != p.second {
			p.second, p.events = s, 0
		}
		if p.events < maxEventsPerS {
			p.events++
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-p.clock.After(time.Unix(p.second+1, 0).Sub(now)):
		}
	}
}

// admit makes the stream the gateway's own.
func (l *liveState) admit(ctx context.Context, hello *routingv1.GatewayInfo) (*gateway, *session, error) {
	id := hello.GetGatewayId()
	if id == "" {
		return nil, nil, fault.Invalid(fault.Violation{Field: "hello.gateway_id", Rule: "must name the gateway"})
	}
	// A stream says what calls are carried and what is reached, and takes the place of an older one: nobody's but one's own.
	name, only := rpc.PeerFrom(ctx).Gateway()
	// A credential may name it with what no id has.
	name = strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
	if only && id != name && !strings.HasPrefix(id, name+"-") {
		return nil, nil, &fault.Fault{
			Reason:  rpcv1.Reason_REASON_ROLE_REQUIRED,
			Message: fmt.Sprintf("hello.gateway_id must be %q, as the credential says, or begin with %q", name, name+"-"),
		}
	}
	s := &session{tasks: make(chan *routingv1.ConnectGatewayResponse, maxTasks), over: make(chan struct{})}
	l.mu.Lock()
	g, known := l.gateways[id]
	switch {
	case known && g.stands():
		close(g.session.over)
	case !known && len(l.gateways) >= maxGatewayStreams:
		l.mu.Unlock()
		f := fault.LimitExceeded(fmt.Sprintf("%d gateways are connected to this process; ask another one", maxGatewayStreams))
		f.RetryAfter = notReadyRetry
		return nil, nil, f
	case !known:
		g = &gateway{held: newHeld(liveGatewayPrefix + id + "@" + l.instance), id: id, probing: map[string]time.Time{}}
		l.gateways[id] = g
	}
	g.session, g.gone, g.capabilities = s, time.Time{}, hello.GetCapabilities()
	g.say()
	l.mu.Unlock()
	l.signals.connected(ctx, id, known)
	if known {
		return g, s, nil
	}
	select {
	case l.begin <- g.held:
		return g, s, nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drop(g)
		return nil, nil, ctx.Err()
	}
}

// leave notes that a stream has ended. What it said holds on for a moment.
func (l *liveState) leave(ctx context.Context, g *gateway, s *session) {
	l.mu.Lock()
	current := g.session == s
	if current {
		g.gone = l.clock.Now()
	}
	l.mu.Unlock()
	if current {
		l.signals.disconnected(ctx, g.id)
	}
}

// drop lets a gateway's key go. The lock is held.
func (l *liveState) drop(g *gateway) {
	if l.gateways[g.id] != g {
		return
	}
	delete(l.gateways, g.id)
	l.tracked -= g.reach.Len()
	close(g.stop)
}

// take takes one event in.
func (l *liveState) take(g *gateway, s *session, event *routingv1.ConnectGatewayRequest) error {
	switch e := event.GetEvent().(type) {
	case *routingv1.ConnectGatewayRequest_Hello:
		return fault.WrongState("", "hello must come once, as the first event of a gateway's stream")
	case *routingv1.ConnectGatewayRequest_ActiveCalls:
		return l.takeCalls(g, s, e.ActiveCalls)
	case *routingv1.ConnectGatewayRequest_Reachability:
		return l.takeReachability(g, s, e.Reachability)
	case *routingv1.ConnectGatewayRequest_TaskResult:
		return nil // nobody waits for one: calls are placed by a service that is still to come
	default:
		return nil // of a later release
	}
}

func (l *liveState) takeCalls(g *gateway, s *session, said *routingv1.ActiveCalls) error {
	calls := make(map[string]int32, len(said.GetCalls()))
	for name, n := range said.GetCalls() {
		id, ok := strings.CutPrefix(name, "sites/")
		if !ok || id == "" || len(id) > maxSiteIDBytes || n < 0 {
			return fault.Invalid(fault.Violation{
				Field: "active_calls.calls", Value: fmt.Sprintf("%.100q: %d", name, n),
				Rule: "must be sites/ID, and 0 calls or more",
			})
		}
		if n > 0 {
			calls[id] = n
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.session == s && !maps.Equal(g.calls, calls) {
		g.calls = calls
		g.say()
	}
	return nil
}

func (l *liveState) takeReachability(g *gateway, s *session, said *routingv1.TargetReachability) error {
	if v, ok := target.Broken("reachability.target", said.GetTarget()); !ok {
		v.Value = "" // what was given may be anybody's number
		return fault.Invalid(v)
	}
	name, now := target.Text(said.GetTarget()), l.clock.Now()
	since := sinceWhen(said.GetSince(), now)
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.session != s {
		return nil
	}
	_, probed := g.probing[name]
	delete(g.probing, name)
	if probed {
		l.signals.probed(said.GetReachable())
	}
	if probed && l.own.reach.Has(name) {
		l.observe(l.own, name, func(r *reach.Tracker) bool { return r.Probed(name, said.GetReachable(), now) })
		if !g.reach.Has(name) {
			return nil // asked for the process's sake
		}
	}
	l.observe(g.held, name, func(r *reach.Tracker) bool {
		switch {
		case probed:
			return r.Probed(name, said.GetReachable(), now)
		case said.GetReachable():
			back := r.Succeeded(name, since)
			return r.Succeeded(name, now) || back // since long enough ago: it is back already
		default:
			return r.FailedSince(name, since, now)
		}
	})
	return nil
}

// sinceWhen is an instant that a gateway says, never in the future; now where it says none.
func sinceWhen(ts *timestamppb.Timestamp, now time.Time) time.Time {
	if ts.CheckValid() != nil || ts.AsTime().After(now) {
		return now
	}
	return ts.AsTime()
}

// probe asks a gateway for the targets of a reporter that are due. The lock is held.
func (l *liveState) probe(g *gateway, of *held, now time.Time) {
	if of.reach.Len() == 0 {
		return
	}
	room := min(maxProbesATick, cap(g.session.tasks)-len(g.session.tasks))
	for _, name := range of.reach.Due(now, probeInterval, room) {
		t := publishedTarget(name)
		if t == nil {
			continue
		}
		g.probes++
		task := &routingv1.ConnectGatewayResponse{Task: &routingv1.ConnectGatewayResponse_ProbeTarget{
			ProbeTarget: &routingv1.ProbeTarget{TaskId: fmt.Sprintf("probe-%s-%d", l.instance, g.probes), Target: t},
		}}
		select {
		case g.session.tasks <- task:
			g.probing[name] = now.Add(probeAnswerTimeout)
		default: // there was room: only this goroutine puts tasks
		}
	}
}

// publishedTarget is a target by its text; nil where the text is none.
func publishedTarget(text string) *schedulev1.Target {
	t := &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: text}}
	if strings.HasPrefix(text, "+") {
		number, ok := phone.Parse(text)
		if !ok {
			return nil
		}
		t.Address = &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: number.String()},
		}}
	}
	return t
}
