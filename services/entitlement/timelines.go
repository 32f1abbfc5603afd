package entitlement

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

const (
	// timelineInterval is how often calendars are asked for, and it is looked whether a new day has begun.
	timelineInterval = 30 * time.Second
	// timelinePause gathers changes of many customers into one round.
	timelinePause = 100 * time.Millisecond
	// calendarTimeout bounds the wait for one calendar.
	calendarTimeout = 5 * time.Second
	// sweepInterval is how often timelines that nobody uses are looked for.
	sweepInterval = 24 * time.Hour
)

// run keeps the timelines of plans current until ctx ends: one for each hours, zone and calendars in use. Once a day it
// removes those that nobody uses, and grants that ended long ago. Any process may do so, and several at once: whoever comes
// second finds it done.
func (c *catalog) run(ctx context.Context) {
	t := &timelines{c: c, done: map[plans.Use]made{}, calendars: map[string]calendarRead{}}
	if err := t.meter(ctx, c.s.cfg.Meters); err != nil {
		c.s.cfg.Log.ErrorContext(ctx, "timelines of plans are not measured", "error", err)
	}
	for ctx.Err() == nil {
		rulesChanged := c.s.cfg.Rules.Changed()
		if c.s.index.Listed() && c.shelf.Listed() && c.s.cfg.Rules.Load() != nil {
			t.round(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-rulesChanged:
		case <-c.s.cfg.Clock.After(timelineInterval):
		case <-c.used.changed:
			select {
			case <-ctx.Done():
				return
			case <-c.s.cfg.Clock.After(timelinePause):
			}
		}
	}
}

// timelines is what one process knows of its own work; used by one goroutine.
type timelines struct {
	c         *catalog
	done      map[plans.Use]made
	calendars map[string]calendarRead
	swept     time.Time
	failed    metric.Int64Counter
	inUse     metric.Int64Gauge
}

// made is what a timeline was made from: as long as it is the same, so is the timeline.
type made struct{ from string }

// calendarRead is a calendar as it was read; nil where there is none.
type calendarRead struct {
	calendar *schedulev1.Calendar
	at       time.Time
	err      error
}

// meter makes dayside_entitlement_plan_timelines (in use) and dayside_entitlement_plan_timelines_failed_total.
func (t *timelines) meter(ctx context.Context, provider metric.MeterProvider) (err error) {
	if provider == nil {
		return nil
	}
	m := provider.Meter("github.com/daysidehq/dayside/services/entitlement")
	if t.inUse, err = m.Int64Gauge("dayside.entitlement.plan_timelines",
		metric.WithDescription("Hours of plans in use, each in a zone and with calendars.")); err != nil {
		return err
	}
	t.failed, err = m.Int64Counter("dayside.entitlement.plan_timelines.failed",
		metric.WithDescription("Times that hours of a plan could not be compiled or written. Alert on an increase over an hour."))
	if err == nil {
		t.failed.Add(ctx, 0)
	}
	return err
}

// round makes what is missing or made from something else.
func (t *timelines) round(ctx context.Context) {
	now := t.c.s.cfg.Clock.Now()
	if now.Sub(t.swept) >= sweepInterval {
		t.c.used.lookAgain()
	}
	have, whole := t.c.inUse()
	if t.inUse != nil {
		t.inUse.Record(ctx, int64(len(have)))
	}
	weeks, err := t.weeks(ctx, len(have) > 0)
	if err != nil {
		t.fail(ctx, "plans", err)
		t.c.used.lookAgain()
		return
	}
	for u := range have {
		if err := t.ensure(ctx, u, weeks, now); err != nil {
			t.fail(ctx, u.ID(), err)
		}
	}
	if whole {
		t.swept = now
		t.sweep(ctx, have)
		if err := t.c.s.grants.sweep(ctx); err != nil {
			t.fail(ctx, "grants", err)
		}
	}
}

func (t *timelines) fail(ctx context.Context, what string, err error) {
	if ctx.Err() != nil || fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT { // the next round sees what came between
		return
	}
	if t.failed != nil {
		t.failed.Add(ctx, 1)
	}
	t.c.s.cfg.Log.WarnContext(ctx, "what is kept current beside customers is not; what stands is used, and it is tried again",
		"what", what, "error", err)
}

// weeks are the hours of all plans, by their ID.
func (t *timelines) weeks(ctx context.Context, needed bool) (map[string]plans.Week, error) {
	all := map[string]plans.Week{}
	if !needed {
		return all, nil
	}
	entries, _, err := t.c.s.cfg.Store.ListAll(ctx, planPrefix)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		p, _, err := collection.Decode[*entitlementv1.Plan](e.Value, e.ModRevision)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", e.Key, err)
		}
		if week, wrong := plans.Read(p.GetHours()); len(wrong) == 0 {
			all[week.ID()] = week
		}
	}
	return all, nil
}

// ensure writes the timeline of a use where it is missing, or is made from something else.
func (t *timelines) ensure(ctx context.Context, u plans.Use, weeks map[string]plans.Week, now time.Time) error {
	week, ok := weeks[u.HoursID]
	if !ok { // the plan went meanwhile
		return nil
	}
	rules := t.c.s.cfg.Rules.Load()
	from, to := plans.Horizon(now)
	calendars, tags, err := t.read(ctx, u.CalendarIDs(), now)
	if err != nil {
		return err // the timeline that stands knows those that were
	}
	is := made{fmt.Sprint(rules.Revision, from, to, tags)}
	if t.done[u] == is && t.c.shelf.Hours(u.HoursID, u.Zone, u.CalendarIDs()) != nil {
		return nil
	}
	loc, err := rules.Location(u.Zone)
	if err != nil {
		return err
	}
	record, err := week.Compile(u, hours.Zone{Location: loc, Release: rules.Release()}, calendars, from, to)
	if err != nil {
		return err
	}
	value, err := published.Marshal(record)
	if err != nil {
		return err
	}
	if err := t.write(ctx, published.PlanTimelinePrefix+u.ID(), value, rules); err != nil {
		return err
	}
	t.done[u] = is
	return nil
}

// write puts a value where another one, or none, stands, while the rules it was made by are in force.
func (t *timelines) write(ctx context.Context, key string, value []byte, rules *tzdata.Rules) error {
	store := t.c.s.cfg.Store
	stands, err := store.Get(ctx, key)
	if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		return err
	}
	if err == nil && bytes.Equal(stands.Value, value) {
		return nil
	}
	_, err = store.Commit(ctx, []*rpcv1.Condition{
		coord.Unchanged(tzdata.Key, rules.Revision), coord.Unchanged(key, stands.ModRevision),
	}, []*rpcv1.Write{coord.Put(key, value)})
	return err
}

// read is calendars in their order, and what tells them from other versions of themselves. Schedule is asked again every
// timelineInterval; where it is away, nothing is known.
func (t *timelines) read(ctx context.Context, ids []string, now time.Time,
) (list []*schedulev1.Calendar, tags string, err error) {
	var all strings.Builder
	for _, id := range ids {
		r, ok := t.calendars[id]
		if !ok || now.Sub(r.at) >= timelineInterval {
			r = t.ask(ctx, id, now)
			t.calendars[id] = r
		}
		if r.err != nil {
			return nil, "", r.err
		}
		list = append(list, r.calendar)
		all.WriteString(id + "=" + r.calendar.GetEtag() + ";")
	}
	return list, all.String(), nil
}

func (t *timelines) ask(ctx context.Context, id string, now time.Time) calendarRead {
	if t.c.s.cfg.Calendars == nil {
		return calendarRead{at: now}
	}
	ctx, cancel := context.WithTimeout(ctx, calendarTimeout)
	defer cancel()
	calendar, err := t.c.s.cfg.Calendars.GetCalendar(ctx, &schedulev1.GetCalendarRequest{Name: "calendars/" + id})
	if err = rpc.Fault(err); fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return calendarRead{at: now}
	}
	return calendarRead{calendar: calendar, at: now, err: err}
}

// sweep removes timelines that nobody uses. One that somebody begins to use meanwhile is written again by the next round.
func (t *timelines) sweep(ctx context.Context, have map[plans.Use]bool) {
	used := map[string]bool{}
	for u := range have {
		used[u.ID()] = true
	}
	for u := range t.done {
		if !have[u] {
			delete(t.done, u)
		}
	}
	unused := slices.DeleteFunc(t.c.shelf.TimelineIDs(), func(id string) bool { return used[id] })
	for _, id := range unused {
		key := published.PlanTimelinePrefix + id
		stands, err := t.c.s.cfg.Store.Get(ctx, key)
		if err == nil {
			_, err = t.c.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(key, stands.ModRevision)},
				[]*rpcv1.Write{coord.Delete(key)})
		}
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
			t.fail(ctx, id, err)
		}
	}
}
