package routing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// defaultPresenceTTL is how long a presence holds that says nothing of it.
	defaultPresenceTTL = 60 * time.Second
	// defaultReporter speaks for a site where nobody is named.
	defaultReporter = "site"
	// maxReporters bounds those who speak for one site.
	maxReporters = 32
)

// presenceStore is the part of etcd that presence needs.
type presenceStore interface {
	Keys(ctx context.Context, prefix string) (entries []coord.Entry, revision int64, err error)
	PutFor(ctx context.Context, ttl time.Duration, conditions []*rpcv1.Condition, key string, value []byte) (int64, error)
}

// liveServer implements LiveService.
type liveServer struct {
	routingv1.UnimplementedLiveServiceServer
	store   presenceStore
	finder  finder
	clock   clock.Clock
	current *view.Current
	signals *liveSignals
}

func newLiveServer(deps Deps, current *view.Current, l *liveState) *liveServer {
	return &liveServer{
		store: deps.Store, finder: finder{deps.Store, current}, clock: deps.Clock, current: current, signals: l.signals,
	}
}

// SetPresence says how many agents of a site are there. It is written under a lease of its own: no process need live for it.
func (s *liveServer) SetPresence(ctx context.Context, r *routingv1.SetPresenceRequest) (
	*routingv1.SetPresenceResponse, error,
) {
	ttl := defaultPresenceTTL
	if r.GetTtl() != nil {
		ttl = r.GetTtl().AsDuration()
	}
	exists, err := s.finder.exists(ctx, r.GetSite())
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, missing("site", r.GetSite(), "does not exist")
	}
	key, err := s.place(ctx, strings.TrimPrefix(r.GetSite(), "sites/"), r.GetReporter())
	if err != nil {
		return nil, err
	}
	expires := s.clock.Now().Add(ttl)
	value, err := proto.Marshal(&routingv1.LiveRecord{Agents: proto.Int32(r.GetAgents()), ExpireUnixS: expires.Unix()})
	if err != nil {
		return nil, fault.Internal(err)
	}
	// The lease may outlast the record, which says itself from when on it holds no more; it must not end before.
	under := []*rpcv1.Condition{coord.Exists(publishedKey(r.GetSite()))}
	revision, err := s.store.PutFor(ctx, ttl+time.Second, under, key, value)
	if err != nil {
		return nil, err
	}
	s.signals.presence.Add(ctx, 1)
	return &routingv1.SetPresenceResponse{Revision: revision, ExpireTime: timestamppb.New(expires.Truncate(time.Second))}, nil
}

// place is the reporter's key, if there is still room for one who speaks for the site. Two who come first at the same moment
// may both find room: the limit is there for the process's sake, not to the last.
func (s *liveServer) place(ctx context.Context, site, reporter string) (string, error) {
	if reporter == "" {
		reporter = defaultReporter
	}
	prefix := livePresencePrefix + site + "/"
	others, _, err := s.store.Keys(ctx, prefix)
	if err != nil {
		return "", err
	}
	own := prefix + reporter
	if len(others) >= maxReporters && !slices.ContainsFunc(others, func(e coord.Entry) bool { return e.Key == own }) {
		return "", fault.LimitExceeded(fmt.Sprintf("%d reporters speak for sites/%s already; let some lapse", maxReporters, site))
	}
	return own, nil
}

// GetLiveState is all that is known of this minute, as this process's view has it.
func (s *liveServer) GetLiveState(context.Context, *routingv1.GetLiveStateRequest) (*routingv1.GetLiveStateResponse, error) {
	v := s.current.Load()
	if v == nil {
		return nil, notReady()
	}
	now := s.clock.Now().Unix()
	state := &routingv1.GetLiveStateResponse{Revision: v.Revision()}
	sites := map[string]bool{}
	for _, r := range v.LiveReports() {
		if until := r.Record.GetExpireUnixS(); until != 0 && until <= now {
			continue
		}
		kind, rest, _ := strings.Cut(r.Key, "/")
		reporter, instance, _ := strings.Cut(rest, "@")
		calls := int32(0)
		for id, n := range r.Record.GetActiveCalls() {
			sites[id], calls = true, calls+n
		}
		switch view.LivePrefix + kind + "/" {
		case livePresencePrefix:
			site, _, _ := strings.Cut(rest, "/")
			sites[site] = true
		case liveGatewayPrefix:
			state.Gateways = append(state.Gateways, &routingv1.GatewayLive{
				GatewayId: reporter, Instance: instance, Capabilities: r.Record.GetCapabilities(), ActiveCalls: calls,
			})
		}
		state.Unreachable = append(state.Unreachable, unreachableOf(r.Record, reporter)...)
	}
	// Keys are in another order where one name begins with another one.
	slices.SortStableFunc(state.Gateways, func(a, b *routingv1.GatewayLive) int {
		return strings.Compare(a.GetGatewayId(), b.GetGatewayId())
	})
	for _, id := range slices.Sorted(maps.Keys(sites)) {
		state.Sites = append(state.Sites, siteLiveOf(v, id, now))
	}
	return state, nil
}

// siteLiveOf is what is known of one site.
func siteLiveOf(v *view.View, id string, nowS int64) *routingv1.SiteLive {
	known := v.SiteLive(id, nowS)
	s := &routingv1.SiteLive{Site: "sites/" + id, ActiveCalls: known.ActiveCalls}
	if known.AgentsKnown {
		s.Agents = proto.Int32(known.Agents)
	}
	if site := v.Site(id); site != nil {
		s.Capacity = int32(site.Capacity)
	}
	return s
}

// unreachableOf are the targets that a reporter cannot reach, in order. Any number may be that of a person.
func unreachableOf(r *routingv1.LiveRecord, reporter string) []*routingv1.UnreachableTarget {
	var all []*routingv1.UnreachableTarget
	for _, text := range slices.Sorted(maps.Keys(r.GetUnreachable())) {
		t := publishedTarget(text)
		if t == nil {
			continue
		}
		if number := t.GetPhoneNumber(); number != nil {
			number.Kind = &phone_number.PhoneNumber_E164Number{E164Number: shownTarget(text)}
		} else {
			t.Address = &schedulev1.Target_SipUri{SipUri: shownTarget(text)}
		}
		all = append(all, &routingv1.UnreachableTarget{
			Target: t, Since: &timestamppb.Timestamp{Seconds: r.GetUnreachable()[text]}, Reporter: reporter,
		})
	}
	return all
}
