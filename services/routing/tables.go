package routing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/table"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// maxTableStreams bounds the gateways that are told of tables by one process.
	maxTableStreams = 1000
	// maxTableLines bounds the tables of one gateway.
	maxTableLines = 1000
	// maxTablesBytes is about as much as one answer holds; what is more comes as several.
	maxTablesBytes = 1 << 20
	// minTableInterval is the least time between two looks for what changed.
	minTableInterval = 250 * time.Millisecond
	// tableSilence is how long a gateway is told nothing at most: so it knows that what it has still holds.
	tableSilence = 5 * time.Second
)

// tableServer implements RouteTableService.
type tableServer struct {
	routingv1.UnimplementedRouteTableServiceServer
	current  *view.Current
	clock    clock.Clock
	changed  bell
	watching atomic.Int32
	// making lets one gateway's tables be made at a time: calls come first.
	making sync.Mutex
}

// bell tells any number of waiting goroutines that something is new. The zero value is ready.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait is closed when the bell rings next.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// WatchRoutes tells where lines forward, and again whenever that changes or runs out.
func (s *tableServer) WatchRoutes(r *routingv1.WatchRoutesRequest,
	stream grpc.ServerStreamingServer[routingv1.WatchRoutesResponse],
) error {
	defer s.watching.Add(-1)
	if s.watching.Add(1) > maxTableStreams {
		return fault.LimitExceeded(fmt.Sprintf("%d gateways are told of tables here; ask another process", maxTableStreams))
	}
	w := &tableWatch{
		gateway: table.Gateway{ID: r.GetGateway().GetGatewayId(), Capabilities: r.GetGateway().GetCapabilities()},
		asked:   r.GetLines(), told: map[string]toldTable{}, gone: map[string]bool{}, first: true,
	}
	told := s.clock.Now()
	for {
		changed := s.changed.wait()
		v := s.current.Load()
		if v == nil {
			return notReady()
		}
		answers, err := s.next(w, v)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		if len(answers) == 0 && now.Sub(told) >= tableSilence {
			answers = []*routingv1.WatchRoutesResponse{{ViewRevision: v.Revision()}}
		}
		for _, a := range answers {
			a.ViewAge, told = render.Age(v, now), now
			if err := stream.Send(a); err != nil {
				return err
			}
		}
		if !s.rest(stream.Context(), changed, min(w.recheck(now), tableSilence)) {
			return stream.Context().Err()
		}
	}
}

// rest waits for a change or for so long, and a moment more, for changes come together; false where ctx ended.
func (s *tableServer) rest(ctx context.Context, changed <-chan struct{}, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-s.clock.After(most):
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-s.clock.After(minTableInterval):
		return true
	}
}

// toldTable is a table that a gateway has, and what it was made of.
type toldTable struct {
	table.Table
	// line as the view had it when it was last looked at: views share what stayed the same.
	line *view.Line
}

// tableWatch is what one gateway was told.
type tableWatch struct {
	gateway table.Gateway
	asked   []string // lines/ID; every line where empty
	told    map[string]toldTable
	gone    map[string]bool // asked for, and told of as no lines
	first   bool
}

// recheck is how long nothing need be looked at, where nothing changes.
func (w *tableWatch) recheck(now time.Time) time.Duration {
	wait := table.Ahead
	for _, t := range w.told {
		wait = min(wait, time.Unix(t.RecheckUnixS, 0).Sub(now))
	}
	return max(wait, minTableInterval)
}

// next is what the gateway has to be told now; the first time that is something in any case.
func (s *tableServer) next(w *tableWatch, v *view.View) ([]*routingv1.WatchRoutesResponse, error) {
	wanted, err := w.lines(v)
	if err != nil {
		return nil, err
	}
	s.making.Lock()
	defer s.making.Unlock()
	now := s.clock.Now()
	p := pages{revision: v.Revision()}
	ahead := sync.OnceValue(v.WithoutLive)
	present := make(map[string]bool, len(wanted))
	for _, l := range wanted {
		present[l.ID] = true
		delete(w.gone, l.ID)
		before, known := w.told[l.ID]
		if known && before.line == l && now.Unix() < before.RecheckUnixS {
			continue
		}
		t := table.Of(v, ahead(), l.ID, w.gateway, now)
		if known && now.Unix() < before.RenewUnixS && table.Same(before.Table, t, now) {
			// What it has stays true; it is told anew when that runs out.
			before.line, before.RecheckUnixS = l, min(t.RecheckUnixS, before.RenewUnixS)
			w.told[l.ID] = before
			continue
		}
		w.told[l.ID] = toldTable{t, l}
		p.add(t.Proto)
	}
	p.removed(w.missing(present))
	first := w.first
	w.first = false
	return p.all(first), nil
}

// lines are those that were asked for and exist.
func (w *tableWatch) lines(v *view.View) ([]*view.Line, error) {
	if len(w.asked) == 0 {
		all := v.Lines()
		if len(all) > maxTableLines {
			return nil, fault.LimitExceeded(fmt.Sprintf("there are %d lines, and at most %d tables are told at once: name lines",
				len(all), maxTableLines))
		}
		return all, nil
	}
	found := make([]*view.Line, 0, len(w.asked))
	seen := map[string]bool{}
	for _, name := range w.asked {
		id := strings.TrimPrefix(name, lineNames)
		if l := v.LineByID(id); l != nil && !seen[id] {
			seen[id] = true
			found = append(found, l)
		}
	}
	return found, nil
}

// missing are the names of lines that were told of, or asked for, and are none any more. Each is told of once.
func (w *tableWatch) missing(present map[string]bool) []string {
	var names []string
	for id := range w.told {
		if !present[id] {
			delete(w.told, id)
			names = append(names, lineNames+id)
		}
	}
	for _, name := range w.asked {
		id := strings.TrimPrefix(name, lineNames)
		if !present[id] && !w.gone[id] && !slices.Contains(names, name) {
			names = append(names, name)
		}
		if !present[id] {
			w.gone[id] = true
		}
	}
	slices.Sort(names)
	return names
}

// pages are answers of a bounded size.
type pages struct {
	revision int64
	answers  []*routingv1.WatchRoutesResponse
	bytes    int
}

func (p *pages) add(t *routingv1.RouteTable) {
	size := proto.Size(t)
	if len(p.answers) == 0 || p.bytes+size > maxTablesBytes {
		if n := len(p.answers); n > 0 {
			p.answers[n-1].More = true
		}
		p.answers, p.bytes = append(p.answers, &routingv1.WatchRoutesResponse{ViewRevision: p.revision}), 0
	}
	last := p.answers[len(p.answers)-1]
	last.Tables = append(last.Tables, t)
	p.bytes += size
}

func (p *pages) removed(names []string) {
	if len(names) == 0 {
		return
	}
	if len(p.answers) == 0 {
		p.answers = append(p.answers, &routingv1.WatchRoutesResponse{ViewRevision: p.revision})
	}
	p.answers[len(p.answers)-1].Removed = names
}

func (p *pages) all(atLeastOne bool) []*routingv1.WatchRoutesResponse {
	if atLeastOne && len(p.answers) == 0 {
		return []*routingv1.WatchRoutesResponse{{ViewRevision: p.revision}}
	}
	return p.answers
}
