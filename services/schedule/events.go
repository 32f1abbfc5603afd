package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/schedule/internal/custody"
	eventsof "github.com/daysidehq/dayside/services/schedule/internal/events"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
	"github.com/daysidehq/dayside/services/schedule/internal/view"
)

const (
	// maxLook is the longest time between two looks for events: what begins some days ahead is told a minute late at most.
	maxLook = time.Minute
	// retryLook is the time to the next look where etcd took no writes.
	retryLook = 5 * time.Second
)

// ListEvents reads what somebody should know of, the most urgent first, from the view. Its sentences are of now, where the
// thing is still so.
func (c coverage) ListEvents(ctx context.Context, r *schedulev1.ListEventsRequest) (*schedulev1.ListEventsResponse, error) {
	if !c.s.Ready() {
		return nil, notReady()
	}
	now := c.s.cfg.Clock.Now()
	stored := c.s.index.Events()
	world, _ := c.s.eventsWorld(ctx, now)
	fresh := map[string]*schedulev1.ScheduleEvent{}
	for _, e := range eventsof.Adopt(eventsof.Find(world, now), stored) {
		fresh[e.GetId()] = e
	}
	out := &schedulev1.ListEventsResponse{}
	for _, e := range stored {
		if e.GetEndTime() != nil && !r.GetIncludeEnded() {
			continue
		}
		if f := fresh[e.GetId()]; f != nil && e.GetEndTime() == nil {
			e = proto.CloneOf(e)
			e.Sentence = f.GetSentence()
		}
		out.Events = append(out.Events, e)
	}
	eventsof.Sort(out.Events)
	out.Events = out.Events[:min(len(out.Events), eventsof.MaxStored)]
	return out, nil
}

// watchEvents keeps the published events true, until ctx ends: it looks whenever something changes, when the next thing
// falls due, and every minute. Any number of processes may do so at once.
func (s *Service) watchEvents(ctx context.Context) {
	stop := s.observeEvents(ctx)
	defer stop()
	for ctx.Err() == nil {
		changed := s.index.Changed() // before looking: a change during the look is not missed
		next := s.cfg.Clock.Now().Add(maxLook)
		if s.index.Listed() { // not Ready: whatever else that waits for does not change the index, and wakes nobody here
			next = s.lookForEvents(ctx)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-s.cfg.Clock.After(next.Sub(s.cfg.Clock.Now())): // looking took some of the time
		}
	}
}

// look is what was known when it was looked for events.
type look struct {
	world eventsof.World
	// stored are the events that stood, and events the same by ID; records are the custody records judged, by the rota's ID.
	stored  []*schedulev1.ScheduleEvent
	events  map[string]*schedulev1.ScheduleEvent
	records map[string]*publishedv1.Custody
	// soon are events that are not to be ended now.
	soon []*schedulev1.ScheduleEvent
}

// newLook takes what the view knows now.
func (s *Service) newLook(ctx context.Context, now time.Time) look {
	world, unknown := s.eventsWorld(ctx, now)
	l := look{
		world: world, events: map[string]*schedulev1.ScheduleEvent{}, records: map[string]*publishedv1.Custody{},
		stored: s.index.Events(), soon: eventsof.Find(world, now.Add(eventsof.Tolerance)),
	}
	for _, e := range l.stored {
		l.events[e.GetId()] = e
		// What cannot be judged now is left as it is.
		if unknown[e.GetSubject()] || (len(unknown) > 0 && e.GetKind() == schedulev1.ScheduleEvent_KIND_EMPTY_TURN) {
			l.soon = append(l.soon, e)
		}
	}
	for _, r := range world.Rotas {
		l.records[r.Rota()] = r.Record
	}
	return l
}

// lookForEvents looks once, and answers with when to look again though nothing changes.
func (s *Service) lookForEvents(ctx context.Context) time.Time {
	now := s.cfg.Clock.Now()
	l := s.newLook(ctx, now)
	for _, c := range eventsof.Settle(eventsof.Find(l.world, now), l.soon, l.stored, now) {
		err := s.writeEvent(ctx, l, c)
		if fault.ReasonOf(err) == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
			return now.Add(retryLook)
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.ErrorContext(ctx, "an event cannot be written", "event", c.Event.GetId(), "error", err)
		}
	}
	next := now.Add(maxLook)
	if due, ok := eventsof.NextLook(l.world, now); ok && due.Before(next) {
		return due
	}
	return next
}

// errMoved is something that is in etcd not as it was looked at: the view will hear of that, and it is looked again.
var errMoved = errors.New("it was written meanwhile")

// writeEvent puts one change in etcd, if what it was judged by still stands. Whoever writes it, says it.
func (s *Service) writeEvent(ctx context.Context, l look, c eventsof.Change) error {
	key := published.EventPrefix + c.Event.GetId()
	known, err := s.asKnown(ctx, key, l.events[c.Event.GetId()])
	conditions := []condition{known}
	if err == nil && c.Step == eventsof.Begin && c.Event.GetKind() == schedulev1.ScheduleEvent_KIND_HANDOFF_NOT_ACCEPTED {
		known, err = s.notAccepted(ctx, c.Event.GetSubject(), l.records[c.Event.GetSubject()])
		conditions = append(conditions, known)
	}
	if errors.Is(err, errMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	write := coord.Delete(key)
	if c.Step != eventsof.Forget {
		value, err := published.Marshal(c.Event)
		if err != nil {
			return err
		}
		write = coord.Put(key, value)
	}
	_, err = s.cfg.Store.Commit(ctx, conditions, []*rpcv1.Write{write})
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return nil
	}
	if err == nil {
		s.tellEvent(ctx, c)
	}
	return err
}

// asKnown is the condition that an event stands as it was known to; that it stands nowhere, where it was not.
func (s *Service) asKnown(ctx context.Context, key string, was *schedulev1.ScheduleEvent) (condition, error) {
	entry, err := s.cfg.Store.Get(ctx, key)
	if fault.ReasonOf(err) == rpcNotFound {
		if was != nil {
			return nil, errMoved
		}
		return coord.Unchanged(key, 0), nil
	}
	if err != nil {
		return nil, err
	}
	stands, err := published.Event(entry.Value)
	if err == nil && !proto.Equal(stands, was) { // one that cannot be read is written over
		return nil, errMoved
	}
	return coord.Unchanged(key, entry.ModRevision), nil
}

// notAccepted is the condition that custody of a rota is as it was judged: nobody is said not to have accepted who did so a
// moment ago.
func (s *Service) notAccepted(ctx context.Context, rota string, judged *publishedv1.Custody) (condition, error) {
	key := published.CustodyPrefix + strings.TrimPrefix(rota, "rotas/")
	entry, err := s.cfg.Store.Get(ctx, key)
	if err != nil && fault.ReasonOf(err) != rpcNotFound {
		return nil, err
	}
	stands := &publishedv1.Custody{}
	if err == nil {
		if stands, err = published.Custody(entry.Value); err != nil {
			return nil, err
		}
	}
	if !proto.Equal(stands, cmp.Or(judged, &publishedv1.Custody{})) {
		return nil, errMoved
	}
	return coord.Unchanged(key, entry.ModRevision), nil
}

// tellEvent logs what began and ended.
func (s *Service) tellEvent(ctx context.Context, c eventsof.Change) {
	attrs := []any{
		"event", c.Event.GetId(), "kind", kindOf(c.Event), "subject", c.Event.GetSubject(), "sentence", c.Event.GetSentence(),
	}
	switch c.Step {
	case eventsof.Begin:
		s.cfg.Log.WarnContext(ctx, "a schedule event began", attrs...)
	case eventsof.End:
		s.cfg.Log.InfoContext(ctx, "a schedule event ended", attrs...)
	case eventsof.Move, eventsof.Forget:
	}
}

// eventsWorld is all that events are found in, by the view. Lines that cannot be judged now are left out, and named.
func (s *Service) eventsWorld(ctx context.Context, now time.Time) (w eventsof.World, unknown map[string]bool) {
	unknown = map[string]bool{}
	for _, r := range s.index.Rosters() {
		sheet := r.Sheet()
		w.Rotas = append(w.Rotas, custody.In{Roster: r, Record: s.index.Custody(sheet.ID), Zone: s.zoneOf(sheet.TimeZone)})
	}
	for _, l := range s.index.Lines() {
		p, err := s.provable(l.Name)
		if err == nil {
			err = s.calendarsOf(l)
		}
		if err != nil {
			unknown[l.Name] = true
			s.cfg.Log.DebugContext(ctx, "the gaps of a line cannot be judged now", "line", l.Name, "error", err)
			continue
		}
		w.Lines = append(w.Lines, uncovered(p, l.Rotas, now))
	}
	return w, unknown
}

// calendarsOf says which calendar of a line's service hours is not known here: it may come a moment after the line.
func (s *Service) calendarsOf(l view.Line) error {
	known := s.index.Calendars()
	for _, name := range l.Hours.GetCalendars() {
		if known[name] == nil {
			return fault.NotFound(name)
		}
	}
	return nil
}

// uncovered is a line's uncovered time around an instant, as far as it is known.
func uncovered(p proof.Line, rotas []string, now time.Time) eventsof.Line {
	from, to := p.Known()
	from, to = max(from, now.Unix()-eventsof.LookBackS), min(to, now.Unix()+eventsof.LookAheadS)
	l := eventsof.Line{Name: p.Name, Rotas: rotas, FromUnixS: from, ToUnixS: to}
	if from >= to {
		return l
	}
	for _, g := range proof.Prove(p, from, to).Gaps {
		if g.Kind == proof.Uncovered {
			l.Gaps = append(l.Gaps, eventsof.Gap{FromUnixS: g.FromUnixS, ToUnixS: g.ToUnixS})
		}
	}
	return l
}

// observeEvents reports how many events are so, by kind, whenever metrics are read, until it is stopped.
func (s *Service) observeEvents(ctx context.Context) (stop func()) {
	if s.cfg.MeterProvider == nil {
		return func() {}
	}
	m := s.cfg.MeterProvider.Meter("github.com/daysidehq/dayside/services/schedule")
	gauge, err := m.Int64ObservableGauge("dayside.schedule.events",
		metric.WithDescription("Events of the schedule that are so now, by kind. Alert on any."))
	if err == nil {
		var r metric.Registration
		r, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			for kind, n := range s.activeEvents() {
				o.ObserveInt64(gauge, n, metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", kind))))
			}
			return nil
		}, gauge)
		if err == nil {
			return func() { _ = r.Unregister() }
		}
	}
	s.cfg.Log.ErrorContext(ctx, "schedule events have no metric", "error", fmt.Errorf("metric: %w", err))
	return func() {}
}

// activeEvents counts what is so, by kind; every kind is there, since an increase is seen from a value that was before.
func (s *Service) activeEvents() map[string]int64 {
	counts := map[string]int64{}
	for value := range schedulev1.ScheduleEvent_Kind_name {
		if kind := schedulev1.ScheduleEvent_Kind(value); kind != schedulev1.ScheduleEvent_KIND_UNSPECIFIED {
			counts[kindWord(kind)] = 0
		}
	}
	for _, e := range s.index.Events() {
		if e.GetEndTime() == nil {
			counts[kindOf(e)]++
		}
	}
	return counts
}

func kindOf(e *schedulev1.ScheduleEvent) string { return kindWord(e.GetKind()) }

// kindWord is a kind in metrics and logs: "uncovered_ahead".
func kindWord(k schedulev1.ScheduleEvent_Kind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "KIND_"))
}
