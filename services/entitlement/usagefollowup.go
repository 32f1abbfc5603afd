package entitlement

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/followup"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
)

const (
	// calendarKept is how long a calendar that was read is taken for current.
	calendarKept = 10 * time.Minute
	// calendarAway is how long schedule is not asked again for a calendar that it did not tell: calls are counted meanwhile.
	calendarAway = 30 * time.Second
	// maxCalendarsKept bounds them.
	maxCalendarsKept = 1000
)

// followUp is the task as the ledger keeps it.
func (p *page) followUp(ctx context.Context, c *ledgerv1.Call, task followup.Task) *ledgerv1.FollowUp {
	f := &ledgerv1.FollowUp{
		Name: followup.Name(c.GetName(), task.Kind), Kind: task.Kind, State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN,
		Customer: c.GetCustomer(), CustomerDisplayName: c.GetCustomerDisplayName(), CallerNumber: c.GetCallerNumber(),
		Line: c.GetLine(), Calls: []string{c.GetName()}, Reason: task.Reason, Promise: task.Promise,
	}
	zone, week, calendarIDs := "", followup.Weekdays(), []string(nil)
	if line, ok := read(p, published.LinePrefix+strings.TrimPrefix(c.GetLine(), lineNames), published.Line); ok {
		f.Owner, zone = line.GetFollowUpOwner(), line.GetServiceHours().GetTimeZone()
	}
	if customer, ok := p.source(c.GetCustomer()); ok {
		if customer.GetAccountOwner() != "" {
			f.Owner = customer.GetAccountOwner()
		}
		zone, calendarIDs = customer.GetTimeZone(), customer.GetCalendars()
		week = p.week(ctx, customer)
	}
	day, due := followup.Due(c.GetStartTime().GetSeconds(), week, p.location(zone), p.u.calendars.read(ctx, calendarIDs))
	f.DueDate = &date.Date{Year: int32(day.Year), Month: int32(day.Month), Day: int32(day.Day)}
	f.DueTime = &timestamppb.Timestamp{Seconds: due}
	return f
}

// source is a customer as it was written.
func (p *page) source(name string) (*entitlementv1.Customer, bool) {
	e, ok := p.found[sourcePrefix+customerID(name)]
	if !ok || name == "" {
		return nil, false
	}
	c, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
	return c, err == nil
}

// week is the customer's business hours, as the first of its contracts' plans says that has any; Monday to Friday where none
// does.
func (p *page) week(ctx context.Context, c *entitlementv1.Customer) followup.Week {
	keys := make([]string, 0, len(c.GetContracts()))
	for _, k := range c.GetContracts() {
		keys = append(keys, planPrefix+k.GetPlan())
	}
	if len(keys) == 0 {
		return followup.Weekdays()
	}
	sources, err := p.u.s.cfg.Store.GetSome(ctx, keys)
	if err != nil {
		return followup.Weekdays()
	}
	for _, key := range keys {
		e, ok := sources[key]
		if !ok {
			continue
		}
		plan, _, err := collection.Decode[*entitlementv1.Plan](e.Value, e.ModRevision)
		if err != nil {
			continue
		}
		if week, wrong := plans.Read(plan.GetHours()); len(wrong) == 0 && week.Limited {
			return week.Spans
		}
	}
	return followup.Weekdays()
}

// handOver leaves follow-ups for the ledger, and answers once they survive this machine.
func (u *usage) handOver(ctx context.Context, all []*ledgerv1.FollowUp) error {
	if len(all) == 0 {
		return nil
	}
	if u.s.cfg.Journal == nil {
		u.meters.lost.Add(ctx, int64(len(all)))
		for _, f := range all {
			u.s.cfg.Log.WarnContext(ctx, "a follow-up can be kept nowhere: this process has no data directory", "follow_up",
				f.GetName(), "customer", f.GetCustomer(), "due", f.GetDueTime().AsTime(), "reason", f.GetReason())
		}
		return nil
	}
	var buf []byte
	var last spool.Mark
	for _, f := range all {
		var err error
		if buf, last, err = u.s.cfg.Journal.Append(buf, journal.FollowUp, f); err != nil {
			return fault.Unavailable("the spool", err) // it is full: these calls are counted later
		}
	}
	if err := u.s.cfg.Journal.Sync(ctx, last); err != nil {
		return fault.Unavailable("the spool", err)
	}
	u.meters.followUps.Add(ctx, int64(len(all)))
	return nil
}

// calendarCache is calendars as they were read a while ago.
type calendarCache struct {
	from  Calendars
	clock clock.Clock
	mu    sync.Mutex
	have  map[string]keptCalendar
}

type keptCalendar struct {
	calendar *schedulev1.Calendar // nil: there is none
	at       time.Time
}

func newCalendarCache(from Calendars, c clock.Clock) *calendarCache {
	return &calendarCache{from: from, clock: c, have: map[string]keptCalendar{}}
}

// read is calendars by their names, calendars/ID, in order; nil in the place of one that is gone. Where schedule is away,
// one that was read before is taken as it was, and another one closes nothing: a task is due a day early rather than never.
func (c *calendarCache) read(ctx context.Context, names []string) []*schedulev1.Calendar {
	list := make([]*schedulev1.Calendar, 0, len(names))
	for _, name := range names {
		list = append(list, c.one(ctx, name))
	}
	return list
}

func (c *calendarCache) one(ctx context.Context, name string) *schedulev1.Calendar {
	now := c.clock.Now()
	c.mu.Lock()
	kept, ok := c.have[name]
	c.mu.Unlock()
	if c.from == nil || ok && now.Sub(kept.at) < calendarKept {
		return kept.calendar
	}
	ctx, cancel := context.WithTimeout(ctx, calendarTimeout)
	defer cancel()
	calendar, err := c.from.GetCalendar(ctx, &schedulev1.GetCalendarRequest{Name: name})
	if err != nil {
		calendar = nil
	}
	if err != nil && fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_NOT_FOUND {
		calendar, now = kept.calendar, now.Add(calendarAway-calendarKept)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.have) >= maxCalendarsKept {
		clear(c.have)
	}
	c.have[name] = keptCalendar{calendar, now}
	return calendar
}
