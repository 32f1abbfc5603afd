package collection_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// owner refuses a site without a name for people, and publishes the zone beside it.
type owner struct{}

func (owner) Compile(_ context.Context, s *schedulev1.Site) (collection.Effect, error) {
	if s.GetDisplayName() == "" {
		return collection.Effect{}, fault.Invalid(fault.Violation{Field: "display_name", Rule: "is required"})
	}
	return collection.Effect{Writes: []*rpcv1.Write{coord.Put("pub/"+s.GetName(), []byte(s.GetTimeZone()))}}, nil
}

func (owner) Remove(_ context.Context, id string) (collection.Effect, error) {
	if id == "kept" {
		return collection.Effect{}, fault.InUse("sites/kept", "lines/gold")
	}
	return collection.Effect{Writes: []*rpcv1.Write{coord.Delete("pub/sites/" + id)}}, nil
}

type world struct {
	sites *collection.Collection[*schedulev1.Site]
	etcd  *coord.Client
	clock *clock.Manual
}

func newWorld(t *testing.T) world {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	etcd, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	clk := clock.NewManual(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	return world{collection.New(etcd, clk, "sites", "schedule/sites/", owner{}), etcd, clk}
}

func site(id, display string) *schedulev1.Site {
	return &schedulev1.Site{
		Name: "sites/" + id, DisplayName: display, TimeZone: "Europe/Dublin",
		Targets: []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:" + id + "@example.com"}}},
	}
}

func wantReason(t *testing.T, err error, want rpcv1.Reason) {
	t.Helper()
	if fault.ReasonOf(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestCreateReadUpdateDelete(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	made, err := w.sites.Create(ctx, site("dublin", "Dublin"), "site_id", "dublin", "req-1", false)
	if err != nil || made.GetEtag() == "" || made.GetCreateTime() == nil {
		t.Fatalf("created %v, %v", made, err)
	}
	if again, err := w.sites.Create(ctx, site("dublin", "Other"), "site_id", "", "req-1", false); err != nil ||
		again.GetDisplayName() != "Dublin" {
		t.Errorf("the same request again: %v, %v", again, err)
	}
	_, err = w.sites.Create(ctx, site("dublin", "Other"), "site_id", "", "req-2", false)
	wantReason(t, err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	_, err = w.sites.Create(ctx, site("cork", ""), "site_id", "", "", false)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)

	w.clock.Advance(time.Hour)
	changed := proto.Clone(made).(*schedulev1.Site)
	changed.DisplayName = "Dublin 2"
	updated, err := w.sites.Update(ctx, changed, nil, false, false)
	if err != nil || updated.GetCreateTime().AsTime() != made.GetCreateTime().AsTime() ||
		updated.GetUpdateTime().AsTime() == made.GetUpdateTime().AsTime() {
		t.Fatalf("updated %v, %v", updated, err)
	}
	_, err = w.sites.Update(ctx, changed, nil, false, false) // its etag is the old one
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
	wantReason(t, w.sites.Delete(ctx, "sites/dublin", made.GetEtag(), false), rpcv1.Reason_REASON_CONFLICT)

	if err := w.sites.Delete(ctx, "sites/dublin", updated.GetEtag(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.sites.Get(ctx, "sites/dublin"); err != nil {
		t.Errorf("validate_only deleted: %v", err)
	}
	if err := w.sites.Delete(ctx, "sites/dublin", "", false); err != nil {
		t.Fatal(err)
	}
	_, err = w.sites.Get(ctx, "sites/dublin")
	wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
	if _, err := w.etcd.Get(ctx, "pub/sites/dublin"); err == nil {
		t.Error("the published record outlived its source")
	}
}

func TestPlanIsJudgedAsAWholeAndWritesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for _, s := range []*schedulev1.Site{site("a", "A"), site("b", "B"), site("c", "C")} {
		if _, err := w.sites.Create(ctx, s, "site_id", "", "", false); err != nil {
			t.Fatal(err)
		}
	}
	published := func(id string) []string { return []string{"pub/sites/" + id} }
	_, err := w.sites.Plan(ctx, []*schedulev1.Site{site("x", ""), site("y", ""), site("a", "A")}, nil, false, published)
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) != 2 || f.Violations[0].Field != "sites/x: display_name" {
		t.Fatalf("want both broken rules by name, got %v", err)
	}
	planned, err := w.sites.Plan(ctx, []*schedulev1.Site{site("a", "A"), site("b", "B2"), site("d", "D")}, nil, true, published)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range planned.Plan.GetChanges() {
		got += c.GetName() + ":" + c.GetKind().String() + " "
	}
	want := "sites/a:KIND_UNCHANGED sites/b:KIND_UPDATE sites/c:KIND_DELETE sites/d:KIND_CREATE "
	if got != want {
		t.Errorf("plan %q, want %q", got, want)
	}
	if len(planned.Result) != 3 {
		t.Errorf("afterwards %v", planned.Result)
	}
	if _, err := w.sites.Get(ctx, "sites/d"); err == nil {
		t.Error("a plan wrote")
	}
	if _, err := w.sites.Create(ctx, site("e", "E"), "site_id", "", "", false); err != nil {
		t.Fatal(err)
	}
	_, err = w.etcd.Commit(ctx, planned.Plan.GetConditions(), planned.Plan.GetWrites())
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT) // e came after the plan was made, and prune would have taken it
}

// customers takes any customer.
type customers struct{}

func (customers) Compile(context.Context, *entitlementv1.Customer) (collection.Effect, error) {
	return collection.Effect{}, nil
}

func (customers) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

// TestOutputOnlyFieldsAreTheServicesOwn: Amend sets them; nobody else does, and no write loses them.
func TestOutputOnlyFieldsAreTheServicesOwn(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := collection.New(w.etcd, w.clock, "customers", "customers/", customers{})
	sent := &entitlementv1.Customer{Name: "customers/acme", DisplayName: "Acme", HasPin: true}
	made, err := c.Create(ctx, sent, "customer_id", "", "", false)
	if err != nil || made.GetHasPin() || !sent.GetHasPin() {
		t.Errorf("created %v, %v", made, err)
	}
	if made, err = c.Amend(ctx, "customers/acme", func(c *entitlementv1.Customer) { c.HasPin = true }); err != nil || !made.GetHasPin() {
		t.Errorf("amended %v, %v", made, err)
	}
	if made, err = c.Update(ctx, &entitlementv1.Customer{Name: "customers/acme", DisplayName: "A"}, &fieldmaskpb.FieldMask{
		Paths: []string{"*"},
	}, false, false); err != nil || !made.GetHasPin() || made.GetDisplayName() != "A" {
		t.Errorf("updated %v, %v", made, err)
	}
	planned, err := c.Plan(ctx, []*entitlementv1.Customer{{Name: "customers/acme", DisplayName: "A"}}, nil, false, nil)
	if err != nil || planned.Plan.GetChanges()[0].GetKind() != rpcv1.Change_KIND_UNCHANGED {
		t.Errorf("planned %v, %v", planned, err)
	}
	if got, err := c.Update(ctx, &entitlementv1.Customer{Name: "customers/b", DisplayName: "B", HasPin: true}, nil, true, false); err != nil ||
		got.GetHasPin() {
		t.Errorf("made by an update: %v, %v", got, err)
	}
	_, err = c.Amend(ctx, "customers/nobody", func(*entitlementv1.Customer) { t.Error("changed what does not exist") })
	wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
}
