package entitlement_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// history is a ledger that tells of calls, in order of sequence.
type history struct {
	entitlement.Ledger
	mu    sync.Mutex
	epoch string
	calls []*ledgerv1.Call
	page  int
	away  bool
}

func (h *history) ListCallChanges(_ context.Context, r *ledgerv1.ListCallChangesRequest, _ ...grpc.CallOption,
) (*ledgerv1.ListCallChangesResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return nil, fault.Unavailable("the ledger", errors.New("away"))
	}
	resp := &ledgerv1.ListCallChangesResponse{Epoch: h.epoch}
	for _, c := range h.calls {
		if c.GetSequence() > r.GetAfterSequence() && len(resp.GetCalls()) < h.page {
			resp.Calls = append(resp.Calls, proto.CloneOf(c))
		}
	}
	return resp, nil
}

// tell adds a change of a call; it counts with this one where counts is set.
func (h *history) tell(c *ledgerv1.Call, counts bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c = proto.CloneOf(c)
	c.Sequence = int64(len(h.calls) + 1)
	if counts {
		c.CountSequence = c.GetSequence()
	}
	h.calls = append(h.calls, c)
}

// disk is a spool that keeps what it is given.
type disk struct {
	mu      sync.Mutex
	records []*ledgerv1.Record
}

func (d *disk) Append(entry []byte) (spool.Mark, error) {
	r := &ledgerv1.Record{}
	if err := proto.Unmarshal(entry, r); err != nil {
		return spool.Mark{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records = append(d.records, r)
	return spool.Mark{}, nil
}

func (*disk) Sync(context.Context, spool.Mark) error      { return nil }
func (*disk) Delivered(context.Context, spool.Mark) error { return nil }

// followUps are those that were left, by name.
func (d *disk) followUps() map[string]*ledgerv1.FollowUp {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]*ledgerv1.FollowUp{}
	for _, r := range d.records {
		all[r.GetFollowUp().GetName()] = r.GetFollowUp()
	}
	return all
}

// closedDays is schedule, which knows one calendar.
type closedDays struct{}

func (closedDays) GetCalendar(_ context.Context, r *schedulev1.GetCalendarRequest, _ ...grpc.CallOption) (*schedulev1.Calendar, error) {
	if r.GetName() != "calendars/au" {
		return nil, fault.NotFound(r.GetName())
	}
	return &schedulev1.Calendar{Name: r.GetName(), DisplayName: "Australia", Entries: []*schedulev1.CalendarEntry{{
		Date: &date.Date{Year: 2026, Month: 11, Day: 23}, Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED, DisplayName: "a holiday",
	}}}, nil
}

// counted is a world whose service counts calls.
type counted struct {
	world
	history *history
	disk    *disk
}

// began is a Sunday, at 20:00 in Sydney.
func began() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func newCounted(t *testing.T, etcd *coord.Client, h *history) counted {
	t.Helper()
	return newCountedWith(t, etcd, h, closedDays{})
}

func newCountedWith(t *testing.T, etcd *coord.Client, h *history, calendars entitlement.Calendars) counted {
	t.Helper()
	d := &disk{}
	clk := clock.NewManual(began())
	log := slog.New(slog.DiscardHandler)
	return counted{world{entitlement.New(entitlement.Config{
		Store: etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: log, Clock: clk, Ledger: h, Calendars: calendars,
		Journal: journal.New(d, "one", clk, log),
	}), etcd, clk}, h, d}
}

// settle lets time go by until a condition holds.
func (c counted) settle(t *testing.T, what string, cond func() bool) {
	t.Helper()
	await.True(t, what, func() bool {
		c.clock.Advance(time.Second)
		return cond()
	})
}

func (c counted) put(t *testing.T, key string, m proto.Message) {
	t.Helper()
	value, err := published.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(key, value)}); err != nil {
		t.Fatal(err)
	}
}

// usages are all that is counted, by the last part of the key.
func usages(t *testing.T, etcd *coord.Client) map[string]*publishedv1.Usage {
	t.Helper()
	entries, _, err := etcd.ListAll(t.Context(), published.UsagePrefix)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*publishedv1.Usage{}
	for _, e := range entries {
		u, err := published.Usage(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(e.Key, published.UsagePrefix)] = u
	}
	return all
}

// acme is in Sydney, has a plan that includes two calls a month, and somebody who looks after it.
func (c counted) acme(t *testing.T) {
	t.Helper()
	acme := customer("acme", "+61255500101", "")
	acme.AccountOwner, acme.Calendars = "owner@vendor.example", []string{"calendars/au"}
	if _, err := c.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: acme}); err != nil {
		t.Fatal(err)
	}
	c.put(t, published.PlanPrefix+"gold", &publishedv1.Plan{
		Id: "gold", AllowanceCalls: 2, AllowancePeriod: entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH,
	})
	c.put(t, published.LinePrefix+"sev1", &publishedv1.Line{
		Id: "sev1", FollowUpOwner: "line@vendor.example", Goodwill: &routingv1.Goodwill{MaxCalls: 2},
	})
}

func within(n int) *ledgerv1.Call {
	return &ledgerv1.Call{
		Name: fmt.Sprint("calls/within", n), Line: "lines/sev1", Customer: "customers/acme", Basis: entitlementv1.Basis_BASIS_CONTRACT,
		RestsOn: "c1", CallerClass: routingv1.CallerClass_CALLER_CLASS_ENTITLED, StartTime: timestamppb.New(began().Add(time.Duration(n) * time.Minute)),
		CallerNumber: "+61255500101",
	}
}

func helpedFirst(name, customer, number string, at time.Time) *ledgerv1.Call {
	return &ledgerv1.Call{
		Name: "calls/" + name, Line: "lines/sev1", Customer: customer, CallerNumber: number, FollowUp: true, Goodwill: true,
		StartTime: timestamppb.New(at), CallerClass: routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED,
	}
}

// TestCallsAreCountedOfWhatAContractIncludes: each once it counts, in the customer's month, and what goes beyond is talked about.
func TestCallsAreCountedOfWhatAContractIncludes(t *testing.T) {
	c := newCounted(t, newWorld(t).etcd, &history{epoch: "a", page: 2})
	c.acme(t)
	for n := range 3 {
		c.history.tell(within(n), false) // it rings
		c.history.tell(within(n), true)
		c.history.tell(within(n), false) // it ended
	}
	byParent := within(9)
	byParent.Customer, byParent.Via = "customers/branch", "customers/acme"
	c.history.tell(byParent, true)
	noPlan := within(10)
	noPlan.RestsOn = "grants/g1"
	noPlan.Basis = entitlementv1.Basis_BASIS_COMPLIMENTARY
	c.history.tell(noPlan, true)
	c.follow(t)
	c.settle(t, "all to be counted", func() bool { return position(t, c.etcd) == 11 })
	got := usages(t, c.etcd)
	u := got["c-acme"]
	if len(got) != 1 || len(u.GetContracts()) != 1 || u.GetContracts()[0].GetCalls() != 4 || u.GetContracts()[0].GetContract() != "c1" {
		t.Fatalf("counted: %v", got)
	}
	// November, in Sydney.
	if from := time.Unix(u.GetContracts()[0].GetFromUnixS(), 0).UTC(); !from.Equal(time.Date(2026, 10, 31, 13, 0, 0, 0, time.UTC)) {
		t.Errorf("counted from %s", from)
	}
	f := c.disk.followUps()["followUps/discuss-within2"]
	if len(c.disk.followUps()) != 2 || f.GetReason() != "3 calls in a period of which contract c1 includes 2" {
		t.Errorf("left: %v", c.disk.followUps())
	}
}

// position is up to which sequence calls are counted.
func position(t *testing.T, etcd *coord.Client) (n int) {
	t.Helper()
	e, err := etcd.Get(t.Context(), "entitlement/counting")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(e.Value), `"sequence":`)
	if _, err := fmt.Sscanf(after, "%d", &n); err != nil {
		t.Fatal(string(e.Value))
	}
	return n
}

// TestWhoSaidANameAndShowedNothingUsesUpTheirOwn: a customer's goodwill, and proposals to it, are not for others to cause.
func TestWhoSaidANameAndShowedNothingUsesUpTheirOwn(t *testing.T) {
	c := newCounted(t, newWorld(t).etcd, &history{epoch: "a", page: 100})
	c.acme(t)
	said := helpedFirst("said", "customers/acme", "+61255500199", began())
	said.CallerClass, said.CustomerDisplayName = routingv1.CallerClass_CALLER_CLASS_UNKNOWN, "Acme"
	c.history.tell(said, true)
	c.follow(t)
	c.settle(t, "it to be counted", func() bool { return position(t, c.etcd) == 1 })
	for key, u := range usages(t, c.etcd) {
		if u.GetCustomer() != "" || u.GetNumber() != 61255500199 || len(u.GetGoodwillUnixS()) != 1 {
			t.Errorf("%s: %v", key, u)
		}
	}
	f := c.disk.followUps()["followUps/identify-said"]
	if len(c.disk.followUps()) != 1 || f.GetReason() != "somebody who said they were of Acme, and did not show it" {
		t.Errorf("left: %v", c.disk.followUps())
	}
}

// goneSchedule is schedule while it does not answer.
type goneSchedule struct{ asked atomic.Int64 }

func (s *goneSchedule) GetCalendar(context.Context, *schedulev1.GetCalendarRequest, ...grpc.CallOption) (*schedulev1.Calendar, error) {
	s.asked.Add(1)
	return nil, fault.Unavailable("schedule", errors.New("away"))
}

// TestCountingDoesNotWaitForScheduleWithEachCall: seconds each would be hours for a day's calls.
func TestCountingDoesNotWaitForScheduleWithEachCall(t *testing.T) {
	gone := &goneSchedule{}
	c := newCountedWith(t, newWorld(t).etcd, &history{epoch: "a", page: 100}, gone)
	c.acme(t)
	for n := range 20 {
		c.history.tell(helpedFirst(fmt.Sprint("helped", n), "customers/acme", "+61255500101", began()), true)
	}
	c.follow(t)
	c.settle(t, "all to be counted", func() bool { return position(t, c.etcd) == 20 })
	if n := gone.asked.Load(); n > 10 { // the clock goes on meanwhile
		t.Errorf("asked %d times for the same calendar", n)
	}
}

// TestWhoIsHelpedFirstIsFollowedUp: on the next business day of the customer, by who looks after it; a stranger by the line's
// people; whoever has used up the goodwill is talked to.
func TestWhoIsHelpedFirstIsFollowedUp(t *testing.T) {
	c := newCounted(t, newWorld(t).etcd, &history{epoch: "a", page: 100})
	c.acme(t)
	first := helpedFirst("first", "customers/acme", "+61255500101", began())
	first.Basis = entitlementv1.Basis_BASIS_CONTRACT_ENDED
	second := helpedFirst("second", "customers/acme", "+61255500101", began().Add(time.Hour))
	stranger := helpedFirst("stranger", "", "+13035550101", began())
	stranger.CallerClass = routingv1.CallerClass_CALLER_CLASS_UNKNOWN
	withheld := helpedFirst("withheld", "", "", began())
	paid := within(1)
	paid.OfferFate, paid.Promise, paid.Basis, paid.RestsOn = routingv1.OfferFate_OFFER_FATE_ACCEPTED, "promises/p1", entitlementv1.Basis_BASIS_PROMISE, "grants/g1"
	for _, call := range []*ledgerv1.Call{first, second, stranger, withheld, paid} {
		c.history.tell(call, false)
		c.history.tell(call, true)
	}
	c.follow(t)
	c.settle(t, "all to be counted", func() bool { return position(t, c.etcd) == 10 })
	var got []string
	for name, f := range c.disk.followUps() {
		d := f.GetDueDate()
		got = append(got, fmt.Sprintf("%s: %s, %s, due %d-%d-%d %s", strings.TrimPrefix(name, "followUps/"), f.GetReason(), f.GetOwner(),
			d.GetYear(), d.GetMonth(), d.GetDay(), f.GetDueTime().AsTime().Format("01-02 15:04")))
		if len(f.GetCalls()) != 1 || f.GetState() != ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN {
			t.Errorf("%v", f)
		}
	}
	slices.Sort(got)
	// The 23rd, a Monday, is a holiday in Australia, and none for a stranger.
	want := []string{
		"bill-within1: accepted an offer, owner@vendor.example, due 2026-11-24 11-23 22:00",
		"discuss-second: second call in 90 days without a contract, owner@vendor.example, due 2026-11-24 11-23 22:00",
		"identify-stranger: a caller nobody knows, line@vendor.example, due 2026-11-23 11-23 09:00",
		"identify-withheld: a caller nobody knows, line@vendor.example, due 2026-11-23 11-23 09:00",
		"propose-first: called after the contract ended, owner@vendor.example, due 2026-11-24 11-23 22:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := usages(t, c.etcd)
	if len(all) != 2 || len(all["c-acme"].GetGoodwillUnixS()) != 2 {
		t.Errorf("goodwill: %v", all)
	}
	for id, u := range all {
		if strings.Contains(id, "3035550101") || id != "c-acme" && (u.GetNumber() != 13035550101 || len(u.GetGoodwillUnixS()) != 1) {
			t.Errorf("of the stranger: %s %v", id, u)
		}
	}
}

// TestManyProcessesCountEachCallOnce, while the ledger comes and goes, and another one takes its place.
func TestManyProcessesCountEachCallOnce(t *testing.T) {
	etcd := newWorld(t).etcd
	h := &history{epoch: "a", page: 7}
	c := newCounted(t, etcd, h)
	c.acme(t)
	others := []counted{c, newCounted(t, etcd, h), newCounted(t, etcd, h)}
	for _, one := range others {
		one.follow(t)
	}
	advance := func() {
		for _, one := range others {
			one.clock.Advance(time.Second)
		}
	}
	const calls = 60
	for n := range calls {
		h.tell(within(n), n%3 > 0)
		if n == calls/2 {
			h.mu.Lock()
			h.away = true
			h.mu.Unlock()
			for range 20 {
				advance()
			}
			h.mu.Lock()
			h.away = false
			h.mu.Unlock()
		}
	}
	await.True(t, "all to be counted", func() bool { advance(); return position(t, etcd) == calls })
	if n := usages(t, etcd)["c-acme"].GetContracts()[0].GetCalls(); n != calls*2/3 {
		t.Fatalf("%d calls were counted", n)
	}
	h.mu.Lock()
	h.epoch, h.calls = "b", nil
	h.mu.Unlock()
	h.tell(within(100), true)
	await.True(t, "the new ledger's call to be counted", func() bool { advance(); return position(t, etcd) == 1 })
	h.mu.Lock()
	h.epoch = "a"
	h.mu.Unlock()
	for range 10 {
		advance()
	}
	if n := usages(t, etcd)["c-acme"].GetContracts()[0].GetCalls(); n != calls*2/3+1 {
		t.Errorf("%d calls were counted", n)
	}
}
