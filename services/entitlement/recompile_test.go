package entitlement_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/genproto/googleapis/type/date"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const (
	rulesKey = "entitlement/compiled"
	// pacific are Vancouver's rules until it gave up changing its clock; permanent are those after.
	pacific, permanent = "PST8PDT,M3.2.0,M11.1.0", "MST7"
)

// adopt puts rules in force, as schedule does.
func (w world) adopt(t *testing.T, b *zones.Bundle) int64 {
	t.Helper()
	value, err := tzdata.Encode(b, schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	revision, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(tzdata.Key, value)})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// follower is the service of a process that follows the rules in force.
func (w world) follower(t *testing.T) (world, *tzdata.Current) {
	t.Helper()
	rules, err := tzdata.New(nil, tzdata.Deps{Log: slog.New(slog.DiscardHandler), MeterProvider: noop.NewMeterProvider()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = rules.Run(ctx, w.etcd) }()
	t.Cleanup(func() { cancel(); <-done })
	return process(w.etcd, rules), rules
}

func inZone(id, zone string) *entitlementv1.Customer {
	c := customer(id, "+61255500111", "db")
	c.TimeZone = zone
	return c
}

func (w world) create(t *testing.T, c *entitlementv1.Customer) {
	t.Helper()
	if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: c}); err != nil {
		t.Fatal(err)
	}
}

func (w world) published(t *testing.T, id string) (*publishedv1.Customer, int64) {
	t.Helper()
	e, err := w.etcd.Get(t.Context(), published.CustomerPrefix+id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := published.Customer(e.Value)
	if err != nil {
		t.Fatal(err)
	}
	return c, e.ModRevision
}

// compiledBy is the revision of the rules by which all customers are compiled.
func (w world) compiledBy(t *testing.T) int64 {
	t.Helper()
	e, err := w.etcd.Get(t.Context(), rulesKey)
	if err != nil {
		return 0
	}
	revision, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// TestOtherRulesMoveContracts: a contract that begins on the 1st of January 2027 begins an hour earlier where Vancouver's
// clock stays an hour ahead. Customers elsewhere keep the records they have.
func TestOtherRulesMoveContracts(t *testing.T) {
	base := newWorld(t)
	base.adopt(t, zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": pacific}))
	w, rules := base.follower(t)
	await.True(t, "the rules", func() bool { return rules.Load() != nil })
	const inVancouver = 130 // more than one batch
	for i := range inVancouver {
		c := inZone(fmt.Sprintf("v%03d", i), "America/Vancouver")
		c.Contracts[0].StartDate = &date.Date{Year: 2027, Month: 1, Day: 1}
		c.Contracts[0].EndDate = nil
		w.create(t, c)
	}
	w.create(t, inZone("sydney", "Australia/Sydney"))
	w.create(t, inZone("utc", ""))
	before, _ := w.published(t, "v000")
	_, sydney := w.published(t, "sydney")
	w.follow(t)
	await.True(t, "a round in which nothing differs", func() bool { return w.compiledBy(t) == rules.Load().Revision })

	revision := base.adopt(t, zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": permanent}))
	await.True(t, "all customers compiled anew", func() bool { return w.compiledBy(t) == revision })
	for i := range inVancouver {
		after, _ := w.published(t, fmt.Sprintf("v%03d", i))
		if got := after.GetContracts()[0].GetFromUnixS() - before.GetContracts()[0].GetFromUnixS(); got != -3600 {
			t.Fatalf("v%03d: moved by %d s, want an hour earlier", i, got)
		}
	}
	if _, now := w.published(t, "sydney"); now != sydney {
		t.Error("a customer whose zone behaves alike was written again")
	}

	// A process that was away while the rules changed makes up for it; one more finds nothing to do.
	_, marked := mark(t, w.etcd)
	another, _ := base.follower(t)
	another.follow(t)
	await.True(t, "another process", another.Ready)
	if _, now := mark(t, w.etcd); now != marked {
		t.Error("a process that found everything done wrote something")
	}
}

func mark(t *testing.T, etcd *coord.Client) (string, int64) {
	t.Helper()
	e, err := etcd.Get(t.Context(), rulesKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Value), e.ModRevision
}

func TestAProcessMakesUpForWhatItMissed(t *testing.T) {
	base := newWorld(t)
	base.adopt(t, zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": pacific}))
	writer, rules := base.follower(t) // its Run is never called: it compiles what it is asked to, and nothing else
	await.True(t, "the rules", func() bool { return rules.Load() != nil })
	writer.create(t, inZone("acme", "America/Vancouver"))
	before, _ := writer.published(t, "acme")
	revision := base.adopt(t, zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": permanent}))

	late, _ := base.follower(t)
	late.follow(t)
	await.True(t, "the late process", func() bool { return late.compiledBy(t) == revision })
	after, _ := late.published(t, "acme")
	// 2026-01-01 begins an hour earlier, at -07 instead of -08.
	if got := after.GetContracts()[0].GetFromUnixS() - before.GetContracts()[0].GetFromUnixS(); got != -3600 {
		t.Errorf("moved by %d s", got)
	}
}

// TestNothingIsWrittenByRulesThatStandNoLonger: a write whose dates were read by other rules than those in force fails, and
// is right when it is tried again.
func TestNothingIsWrittenByRulesThatStandNoLonger(t *testing.T) {
	base := newWorld(t)
	first := base.adopt(t, zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": pacific}))
	w, rules := base.follower(t)
	await.True(t, "the rules", func() bool { return rules.Load() != nil })
	stale, err := tzdata.InForce(t.Context(), w.etcd)
	if err != nil || stale.Revision != first {
		t.Fatal(stale, err)
	}
	fixed, err := tzdata.New(stale, tzdata.Deps{Log: slog.New(slog.DiscardHandler), MeterProvider: noop.NewMeterProvider()})
	if err != nil {
		t.Fatal(err)
	}
	behind := process(w.etcd, fixed) // a process that has not heard of the change yet
	base.adopt(t, zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": permanent}))
	_, err = behind.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: inZone("acme", "America/Vancouver")})
	wantReason(t, "by the old rules", err, rpcv1.Reason_REASON_CONFLICT)
	behind.create(t, inZone("utc", "")) // reads no zone

	plan, err := behind.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{
		inZone("a", "America/Vancouver"), inZone("b", "Australia/Sydney"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	conditions := 0
	for _, c := range plan.GetPlan().GetConditions() {
		if c.GetKey() == tzdata.Key && c.GetModRevision() == first {
			conditions++
		}
	}
	if conditions != 1 {
		t.Errorf("a plan states %d times by which rules it was made", conditions)
	}
	await.True(t, "the new rules", func() bool { return rules.Load().Revision != first })
	w.create(t, inZone("acme", "America/Vancouver"))
}

func TestBeforeAnyRulesNothingIsCompiled(t *testing.T) {
	base := newWorld(t)
	w, _ := base.follower(t)
	w.follow(t)
	_, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: inZone("acme", "Australia/Sydney")})
	wantReason(t, "no rules", err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	if w.Ready() {
		t.Error("ready without rules")
	}
	base.adopt(t, zonestest.Embedded(t))
	await.True(t, "readiness", w.Ready)
	w.create(t, inZone("acme", "Australia/Sydney"))
}
