package entitlement_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// leaves is a follow-up for reading: whom it is about, whose it is, and when it is due in UTC.
func leaves(f *ledgerv1.FollowUp) string {
	d := f.GetDueDate()
	return fmt.Sprintf("%s (%s) %s %d-%02d-%02d %s", f.GetCustomer(), f.GetCustomerDisplayName(), f.GetOwner(), d.GetYear(), d.GetMonth(),
		d.GetDay(), f.GetDueTime().AsTime().Format("01-02 15:04"))
}

// TestWhoGoesBeyondWhatIsIncludedIsTalkedToByWhoLooksAfterThem, on their business day; and whose contract it is, where another
// one's calls are counted.
func TestWhoGoesBeyondWhatIsIncludedIsTalkedToByWhoLooksAfterThem(t *testing.T) {
	c := newCounted(t, newWorld(t).etcd, &history{epoch: "a", page: 100})
	c.acme(t)
	for n := range 3 {
		c.history.tell(within(n), true)
	}
	byBranch := within(9)
	byBranch.Customer, byBranch.CustomerDisplayName, byBranch.Via = "customers/branch", "Branch", "customers/acme"
	c.history.tell(byBranch, true)
	c.follow(t)
	c.settle(t, "all to be counted", func() bool { return position(t, c.etcd) == 4 })
	// The 23rd is a holiday there.
	const want = "customers/acme (acme) owner@vendor.example 2026-11-24 11-23 22:00"
	for _, name := range []string{"within2", "within9"} {
		if got := leaves(c.disk.followUps()["followUps/discuss-"+name]); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestWhenACustomersBusinessIs: as the plan in force says that tells business hours, else as is usual in its zone, else in the
// line's.
func TestWhenACustomersBusinessIs(t *testing.T) {
	c := newCounted(t, newWorld(t).etcd, &history{epoch: "a", page: 100})
	all := registrar{}
	c.Register(all)
	plans, _ := all["dayside.entitlement.v1.CatalogService"].(entitlementv1.CatalogServiceServer)
	day := func(open int32) []*schedulev1.Span {
		return []*schedulev1.Span{{Open: &timeofday.TimeOfDay{Hours: open}, Close: &timeofday.TimeOfDay{Hours: 20}}}
	}
	for id, hours := range map[string]*entitlementv1.PlanHours{
		"old":      {Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS, WeeklyHours: &schedulev1.WeeklyHours{Sat: day(6)}},
		"sundays":  {Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS, WeeklyHours: &schedulev1.WeeklyHours{Sun: day(7), Mon: day(7)}},
		"extended": {Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_EXTENDED, WeeklyHours: &schedulev1.WeeklyHours{Sun: day(5)}},
	} {
		if _, err := plans.CreatePlan(t.Context(), &entitlementv1.CreatePlanRequest{
			Plan: &entitlementv1.Plan{Name: "plans/" + id, DisplayName: id, Hours: hours},
		}); err != nil {
			t.Fatal(err)
		}
	}
	c.put(t, published.LinePrefix+"sev1", &publishedv1.Line{
		Id: "sev1", FollowUpOwner: "line@vendor.example", ServiceHours: &schedulev1.ServiceHours{TimeZone: "America/Denver"},
	})
	ended := &date.Date{Year: 2026, Month: 1, Day: 31}
	for _, one := range []struct {
		id, zone string
		plans    []string
		want     string
	}{
		{"planned", "Europe/Berlin", []string{"old", "extended", "sundays"}, "2026-11-22 11-22 06:00"}, // its Sunday at 7
		{"ended", "Europe/Berlin", []string{"old", "extended"}, "2026-11-28 11-28 05:00"},              // as it was when it had one
		{"extended", "Europe/Berlin", []string{"extended"}, "2026-11-23 11-23 08:00"},
		{"riyadh", "Asia/Riyadh", nil, "2026-11-22 11-22 06:00"}, // a Sunday
		{"nowhere", "", nil, "2026-11-23 11-23 16:00"},           // where the line is
	} {
		customer := &entitlementv1.Customer{Name: "customers/" + one.id, DisplayName: one.id, TimeZone: one.zone}
		for _, p := range one.plans {
			k := &entitlementv1.Contract{ContractId: p, Product: "db", Plan: p, StartDate: &date.Date{Year: 2026, Month: 1, Day: 1}}
			if p == "old" {
				k.EndDate = ended
			}
			customer.Contracts = append(customer.Contracts, k)
		}
		if _, err := c.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: customer}); err != nil {
			t.Fatal(err)
		}
		c.history.tell(helpedFirst(one.id, "customers/"+one.id, "", time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)), true)
		defer func() {
			want := fmt.Sprintf("customers/%s (%s) line@vendor.example %s", one.id, one.id, one.want)
			if got := leaves(c.disk.followUps()["followUps/propose-"+one.id]); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}()
	}
	c.follow(t)
	c.settle(t, "all to be counted", func() bool { return position(t, c.etcd) == 5 })
}

// TestWhoIsFoundOutDoesNotBeginAnew: what was shown to a number nobody knew counts for the customer whose it turned out to be;
// not where several share it.
func TestWhoIsFoundOutDoesNotBeginAnew(t *testing.T) {
	c := newCounted(t, newWorld(t).etcd, &history{epoch: "a", page: 100})
	c.put(t, published.LinePrefix+"sev1", &publishedv1.Line{Id: "sev1", Goodwill: &routingv1.Goodwill{MaxCalls: 2}})
	const own, shared = "+13035550101", "+13035550102"
	for id, numbers := range map[string][]string{"found": {own, shared}, "other": {shared}} {
		customer := &entitlementv1.Customer{Name: "customers/" + id, DisplayName: id, TimeZone: "UTC"}
		for _, n := range numbers {
			customer.PhoneNumbers = append(customer.PhoneNumbers, number(n))
		}
		if _, err := c.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: customer}); err != nil {
			t.Fatal(err)
		}
	}
	c.follow(t)
	await.True(t, "the customers to be known", c.Ready)
	for i, number := range []string{own, shared} { // before anybody knew whose they are
		stranger := helpedFirst(fmt.Sprint("stranger", i), "", number, began().Add(-time.Hour))
		stranger.CallerClass = routingv1.CallerClass_CALLER_CLASS_UNKNOWN
		c.history.tell(stranger, true)
	}
	c.history.tell(helpedFirst("own", "customers/found", own, began()), true)
	c.history.tell(helpedFirst("shared", "customers/other", shared, began()), true)
	c.settle(t, "the calls to be counted", func() bool { return position(t, c.etcd) == 4 })
	all := usages(t, c.etcd)
	if n := len(all["c-found"].GetGoodwillUnixS()); n != 2 {
		t.Errorf("counted of who was found out: %d of %v", n, all)
	}
	if n := len(all["c-other"].GetGoodwillUnixS()); n != 1 {
		t.Errorf("counted of one who shares a number: %d of %v", n, all)
	}
	left := 0
	for _, u := range all {
		if u.GetNumber() != 0 {
			left += len(u.GetGoodwillUnixS())
		}
	}
	if left != 1 {
		t.Errorf("%d are left of numbers: %v", left, all)
	}
	if f := c.disk.followUps()["followUps/discuss-own"]; f.GetReason() != "second call in 90 days without a contract" {
		t.Errorf("left: %v", c.disk.followUps())
	}
}

// tasks are the follow-ups of a ledger.
type tasks struct {
	mu        sync.Mutex
	all       []*ledgerv1.FollowUp
	conflicts int
}

func (l *tasks) ListFollowUps(_ context.Context, r *ledgerv1.ListFollowUpsRequest, _ ...grpc.CallOption) (*ledgerv1.ListFollowUpsResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := strconv.Atoi(r.GetPageToken())
	resp := &ledgerv1.ListFollowUpsResponse{}
	if f := l.all[i]; f.GetState() == r.GetState() { // as of a release that tells of what is overdue, too
		resp.FollowUps = append(resp.FollowUps, proto.CloneOf(f))
	}
	if i+1 < len(l.all) {
		resp.NextPageToken = strconv.Itoa(i + 1)
	}
	return resp, nil
}

func (l *tasks) UpdateFollowUp(_ context.Context, r *ledgerv1.UpdateFollowUpRequest, _ ...grpc.CallOption) (*ledgerv1.FollowUp, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.all {
		if f.GetName() == r.GetName() && f.GetEtag() == r.GetEtag() && l.conflicts == 0 {
			f.DueTime, f.DueDate = r.GetDueTime(), r.GetDueDate()
			return f, nil
		}
	}
	l.conflicts = max(0, l.conflicts-1)
	return nil, fault.Conflict(r.GetName())
}

func (l *tasks) due() (text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.all {
		text += fmt.Sprintf("%s %d %s; ", f.GetName(), f.GetDueDate().GetDay(), f.GetDueTime().AsTime().Format("01-02 15:04"))
	}
	return text
}

// TestAHolidayThatIsEnteredLateMovesWhatIsDueOnIt to the next day of business; not what somebody chose, what is done or
// overdue, or what is another one's.
func TestAHolidayThatIsEnteredLateMovesWhatIsDueOnIt(t *testing.T) {
	task := func(name, customer string, due time.Time, chosen bool, state ledgerv1.FollowUpState) *ledgerv1.FollowUp {
		f := &ledgerv1.FollowUp{Name: name, Customer: customer, DueTime: timestamppb.New(due), Etag: "1", State: state, Line: "lines/sev1"}
		if !chosen {
			f.DueDate = &date.Date{Year: 2026, Month: 11, Day: int32(due.Add(11 * time.Hour).Day())}
		}
		return f
	}
	const is, done = ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN, ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE
	holiday, later := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC) // 09:00 in Sydney
	list := &tasks{conflicts: 1, all: []*ledgerv1.FollowUp{
		task("overdue", "customers/acme", began().Add(-time.Hour), false, is), task("a", "customers/acme", holiday, false, is),
		task("chosen", "customers/acme", holiday, true, is), task("done", "customers/acme", holiday, false, done),
		task("another's", "customers/bolt", holiday, false, is), task("later", "customers/acme", later, false, is),
	}}
	etcd, clk, log := newWorld(t).etcd, clock.NewManual(began()), slog.New(slog.DiscardHandler)
	c := counted{world: world{entitlement.New(entitlement.Config{
		Store: etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: log, Clock: clk, Ledger: &history{epoch: "a", page: 10},
		Calendars: closedDays{}, FollowUps: list, Journal: journal.New(&disk{}, "one", clk, log),
	}), etcd, clk}}
	c.acme(t)
	bolt := customer("bolt", "+61255500102", "")
	if _, err := c.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: bolt}); err != nil {
		t.Fatal(err)
	}
	c.follow(t)
	const want = "overdue 22 11-22 08:00; a 24 11-23 22:00; chosen 0 11-22 22:00; done 23 11-22 22:00; another's 23 11-22 22:00; later 24 11-23 22:00; "
	await.True(t, "what is due on a holiday to be due later", func() bool {
		c.clock.Advance(time.Minute)
		return list.due() == want
	})
}

// tornDisk is one whose process is killed once its entries are kept, and before anybody is told.
type tornDisk struct {
	disk
	kills int
}

func (d *tornDisk) Sync(context.Context, spool.Mark) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kills == 0 {
		return nil
	}
	d.kills--
	return errors.New("killed")
}

// TestWhatIsLeftTwiceIsTheSame: calls whose follow-ups were left, and whose counts were not, are counted again: once, and what
// is left again has the name by which the ledger knows it.
func TestWhatIsLeftTwiceIsTheSame(t *testing.T) {
	torn := &tornDisk{kills: 2}
	etcd, clk, log := newWorld(t).etcd, clock.NewManual(began()), slog.New(slog.DiscardHandler)
	h := &history{epoch: "a", page: 10}
	c := counted{world{entitlement.New(entitlement.Config{
		Store: etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: log, Clock: clk, Ledger: h, Calendars: closedDays{},
		Journal: journal.New(torn, "one", clk, log),
	}), etcd, clk}, h, &torn.disk}
	c.acme(t)
	h.tell(helpedFirst("first", "customers/acme", "+61255500101", began()), true)
	h.tell(helpedFirst("second", "customers/acme", "+61255500101", began().Add(time.Hour)), true)
	c.follow(t)
	c.settle(t, "both to be counted", func() bool { return position(t, c.etcd) == 2 })
	if n := len(usages(t, c.etcd)["c-acme"].GetGoodwillUnixS()); n != 2 {
		t.Errorf("counted: %d", n)
	}
	byName := map[string][]*ledgerv1.FollowUp{}
	for _, r := range torn.records {
		byName[r.GetFollowUp().GetName()] = append(byName[r.GetFollowUp().GetName()], r.GetFollowUp())
	}
	if len(byName) != 2 {
		t.Errorf("left: %v", byName)
	}
	for name, list := range byName {
		for _, f := range list {
			if len(list) != 3 || !proto.Equal(f, list[0]) {
				t.Errorf("%s was left %d times: %v", name, len(list), list)
			}
		}
	}
}
