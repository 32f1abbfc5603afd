package entitlement

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/followup"
	counts "github.com/daysidehq/dayside/services/entitlement/internal/usage"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

const (
	// calendarKept is how long a calendar that was read is taken for current.
	calendarKept = 10 * time.Minute
	// calendarAway is how long schedule is not asked again for a calendar that it did not tell: calls are counted meanwhile.
	calendarAway = 30 * time.Second
	// maxCalendarsKept bounds them.
	maxCalendarsKept = 1000
)

// leaves are the keys of what a follow-up is made of, where a call may leave one: its line, and the customer.
func (p *page) leaves(c *ledgerv1.Call) []string {
	counted := false
	if k := p.contract(c); k != nil {
		plan, ok := read(p, published.PlanPrefix+k.GetPlan(), published.Plan)
		counted = ok && plan.GetAllowancePeriod() != 0
	}
	if !counted && !c.GetGoodwill() && !mayFollowUp(c) {
		return nil
	}
	var keys []string
	if c.GetLine() != "" {
		keys = append(keys, published.LinePrefix+strings.TrimPrefix(c.GetLine(), lineNames))
	}
	for _, name := range []string{c.GetCustomer(), c.GetVia()} {
		if name != "" {
			keys = append(keys, sourcePrefix+customerID(name))
		}
	}
	return keys
}

// weekKeys are the keys of plans that may say when the customers' business is.
func (p *page) weekKeys(c *ledgerv1.Call) (keys []string) {
	for _, name := range []string{c.GetCustomer(), c.GetVia()} {
		if customer, ok := p.source(name); ok {
			for _, k := range customer.GetContracts() {
				keys = append(keys, planPrefix+k.GetPlan())
			}
		}
	}
	return keys
}

// strangerKey is where goodwill was counted of the caller's number while nobody knew whose it is, of a call of a customer
// who is known; empty of any other.
func (p *page) strangerKey(c *ledgerv1.Call) string {
	n, _ := phone.Parse(c.GetCallerNumber())
	if shownCustomer(c) == "" {
		return ""
	}
	return p.numberKeys[n]
}

// takeOver adds to a customer's goodwill what was shown to its number before anybody knew that it is theirs: who was
// found out does not begin anew. What several customers share is nobody's alone.
func (p *page) takeOver(c *ledgerv1.Call, of *publishedv1.Usage, key string) {
	from := p.strangerKey(c)
	_, counted := p.usages[from] // on this page
	if _, is := p.found[from]; from == "" || !is && !counted {
		return
	}
	n, _ := phone.Parse(c.GetCallerNumber())
	holders := p.u.s.index.WhoHas(n, 2)
	if len(holders) != 1 || holders[0].GetId() != of.GetCustomer() {
		return
	}
	strangers := p.usage(from, nil)
	if len(strangers.GetGoodwillUnixS()) == 0 {
		return
	}
	for _, at := range strangers.GetGoodwillUnixS() {
		counts.AddGoodwill(of, at)
	}
	strangers.GoodwillUnixS = nil
	p.touched[from], p.touched[key] = true, true
}

// followUp is the task as the ledger keeps it.
func (p *page) followUp(ctx context.Context, c *ledgerv1.Call, task followup.Task) *ledgerv1.FollowUp {
	f := &ledgerv1.FollowUp{
		Name: followup.Name(c.GetName(), task.Kind), Kind: task.Kind, State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN,
		Customer: task.Customer, CallerNumber: c.GetCallerNumber(), Line: c.GetLine(), Calls: []string{c.GetName()},
		Reason: task.Reason, Promise: task.Promise,
	}
	if task.Customer == c.GetCustomer() {
		f.CustomerDisplayName = c.GetCustomerDisplayName()
	}
	if line, ok := p.line(c.GetLine()); ok {
		f.Owner = line.GetFollowUpOwner()
	}
	if customer, ok := p.source(task.Customer); ok {
		f.Owner = cmp.Or(customer.GetAccountOwner(), f.GetOwner())
		f.CustomerDisplayName = cmp.Or(f.GetCustomerDisplayName(), customer.GetDisplayName())
	}
	f.DueDate, f.DueTime = p.due(ctx, task.Customer, c.GetLine(), c.GetStartTime().GetSeconds())
	return f
}

// due is when business begins next where a customer is; of one who says no zone, and of callers nobody knows, where the line
// is.
func (p *page) due(ctx context.Context, customerName, lineName string, atUnixS int64) (*date.Date, *timestamppb.Timestamp) {
	line, _ := p.line(lineName)
	customer, _ := p.source(customerName)
	zone := cmp.Or(customer.GetTimeZone(), line.GetServiceHours().GetTimeZone())
	day, due := followup.Due(atUnixS, p.week(customer, zone, atUnixS), p.location(zone),
		p.u.calendars.read(ctx, customer.GetCalendars()))
	return &date.Date{Year: int32(day.Year), Month: int32(day.Month), Day: int32(day.Day)}, &timestamppb.Timestamp{Seconds: due}
}

func (p *page) line(name string) (*publishedv1.Line, bool) {
	return read(p, published.LinePrefix+strings.TrimPrefix(name, lineNames), published.Line)
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

// week is the customer's business week: as the plan of a contract says that is in force, else of any, else as is usual where
// it is.
func (p *page) week(c *entitlementv1.Customer, zone string, atUnixS int64) followup.Week {
	var of followup.Week
	found := false
	for _, k := range c.GetContracts() {
		e, ok := p.found[planPrefix+k.GetPlan()]
		if !ok {
			continue
		}
		plan, _, err := collection.Decode[*entitlementv1.Plan](e.Value, e.ModRevision)
		if err != nil {
			continue
		}
		switch week, says := followup.WeekOfPlan(plan); {
		case says && p.inForce(k, atUnixS, zone):
			return week
		case says && !found:
			of, found = week, true
		}
	}
	if found {
		return of
	}
	return followup.WeekOf(zone)
}

// inForce says whether an instant is within the dates of a contract.
func (p *page) inForce(k *entitlementv1.Contract, atUnixS int64, zone string) bool {
	y, m, d := time.Unix(atUnixS, 0).In(p.location(zone)).Date()
	today := hours.Date{Year: y, Month: m, Day: d}
	from, to := wallclock.Date(k.GetStartDate()), wallclock.Date(k.GetEndDate())
	return from.String() <= today.String() && (k.GetEndDate() == nil || today.String() <= to.String())
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
