package schedule_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/published"
)

// monday is the handoff after sunday: from ann to bob, of the weekly rota that the tests have.
var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// handed is a world with a rota of ann, bob and carol, of which a service runs; ann's week ends on monday.
func handed(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	run(t, w.Service)
	w.people(t, "ann", "bob", "carol", "dave")
	w.rota(t, weekly("support", "ann", "bob", "carol"))
	await.True(t, "the rota", func() bool {
		_, err := w.rotas.GetCustody(t.Context(), &schedulev1.GetCustodyRequest{Rota: "rotas/support"})
		return err == nil
	})
	return w
}

func (w world) acceptCustody(ctx context.Context, person string) (*schedulev1.Custody, error) {
	return w.rotas.AcceptCustody(ctx, &schedulev1.AcceptCustodyRequest{Rota: "rotas/support", Person: "people/" + person})
}

func (w world) takeCustody(ctx context.Context, person string) (*schedulev1.Custody, error) {
	return w.rotas.TakeCustody(ctx, &schedulev1.TakeCustodyRequest{Rota: "rotas/support", Person: "people/" + person, Note: "train"})
}

// custodyIs waits until the view says so.
func (w world) custodyIs(t *testing.T, onDuty, holder string, accepted bool) {
	t.Helper()
	var c *schedulev1.Custody
	await.True(t, onDuty+" on duty, with "+holder, func() bool {
		var err error
		c, err = w.rotas.GetCustody(t.Context(), &schedulev1.GetCustodyRequest{Rota: "rotas/support"})
		return err == nil && strings.TrimPrefix(c.GetOnDuty(), "people/") == onDuty &&
			strings.TrimPrefix(c.GetHolder(), "people/") == holder && c.GetAccepted() == accepted
	})
}

// custodyRevision is when the custody record was last written; 0 where it was not.
func (w world) custodyRevision(t *testing.T) int64 {
	t.Helper()
	entries, _, err := w.etcd.ListAll(t.Context(), published.CustodyPrefix)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		return 0
	}
	return entries[0].ModRevision
}

func TestCustodyGoesFromHandToHand(t *testing.T) {
	w := handed(t)
	w.custodyIs(t, "ann", "", false)
	for range 2 {
		c, err := w.acceptCustody(t.Context(), "ann")
		if err != nil || c.GetHolder() != "people/ann" || !c.GetAccepted() || c.GetAcceptBy() != nil {
			t.Fatalf("ann accepts: %v, %v", c, err)
		}
	}
	w.custodyIs(t, "ann", "ann", true)
	written := w.custodyRevision(t)
	if c, err := w.acceptCustody(t.Context(), "ann"); err != nil || w.custodyRevision(t) != written {
		t.Errorf("accepted again, it was written again: %v, %v", c, err)
	}

	_, err := w.acceptCustody(t.Context(), "bob")
	wantCode(t, "a day ahead", err, codes.FailedPrecondition)
	if err == nil || !strings.Contains(status.Convert(err).Message(), "ann is on duty until Mon 23 Nov 09:00 GMT") {
		t.Errorf("the refusal does not say who is on duty: %v", err)
	}
	w.clock.Set(monday.Add(-12 * time.Hour))
	if c, err := w.acceptCustody(t.Context(), "bob"); err != nil || c.GetHolder() != "people/ann" || !c.GetAccepted() {
		t.Errorf("bob accepts ahead: %v, %v", c, err)
	}
	w.clock.Set(monday)
	w.custodyIs(t, "bob", "bob", true)
	w.clock.Set(monday.AddDate(0, 0, 7))
	w.custodyIs(t, "carol", "bob", false)

	for _, c := range []struct {
		rota, person string
		want         codes.Code
	}{
		{"rotas/support", "people/dave", codes.FailedPrecondition},
		{"rotas/support", "people/erin", codes.NotFound},
		{"rotas/none", "people/ann", codes.NotFound},
		{"rotas/support", "ann", codes.InvalidArgument},
	} {
		_, err := w.rotas.AcceptCustody(t.Context(), &schedulev1.AcceptCustodyRequest{Rota: c.rota, Person: c.person})
		wantCode(t, c.person+" accepts "+c.rota, err, c.want)
		_, err = w.rotas.TakeCustody(t.Context(), &schedulev1.TakeCustodyRequest{Rota: c.rota, Person: c.person})
		wantCode(t, c.person+" takes "+c.rota, err, c.want)
	}
	_, err = w.rotas.GetCustody(t.Context(), &schedulev1.GetCustodyRequest{Rota: "rotas/none"})
	wantCode(t, "custody of no rota", err, codes.NotFound)
}

// TestTakenCustody is in force whole or not at all, until the turn ends, and in every process.
func TestTakenCustody(t *testing.T) {
	w := handed(t)
	if _, err := w.acceptCustody(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(sunday.Add(3*time.Hour + 700*time.Millisecond))
	c, err := w.takeCustody(t.Context(), "carol")
	if err != nil || c.GetOnDuty() != "people/carol" || c.GetHolder() != "people/carol" || !c.GetTaken() || !c.GetAccepted() ||
		!c.GetTurn().GetStartTime().AsTime().Equal(sunday.Add(3*time.Hour)) || !c.GetTurn().GetEndTime().AsTime().Equal(monday) {
		t.Fatalf("carol takes it: %v, %v", c, err)
	}
	revisions := map[int64]bool{}
	for _, key := range []string{"schedule/rotas/support", published.RotaPrefix + "support", published.CustodyPrefix + "support"} {
		e, err := w.etcd.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		revisions[e.ModRevision] = true
	}
	if len(revisions) != 1 {
		t.Errorf("it was not written at once, but at %v", revisions)
	}
	rota, err := w.rotas.GetRota(t.Context(), &schedulev1.GetRotaRequest{Name: "rotas/support"})
	if o := rota.GetOverrides(); err != nil || len(o) != 1 || o[0].GetDisplayName() != "taken by carol: train" {
		t.Errorf("overrides %v, %v", o, err)
	}
	written := w.custodyRevision(t)
	if _, err := w.takeCustody(t.Context(), "carol"); err != nil || w.custodyRevision(t) != written {
		t.Errorf("taken again, it was written again: %v", err)
	}
	_, err = w.acceptCustody(t.Context(), "ann")
	wantCode(t, "from whom it was taken accepts", err, codes.FailedPrecondition)

	// A process that starts now knows it, and so does one after the turn.
	later := w
	later.Service = w.another()
	run(t, later.Service)
	later.rotas = schedulev1.NewRotaServiceClient(connect(t, later.Service))
	later.custodyIs(t, "carol", "carol", true)
	w.clock.Set(monday)
	w.custodyIs(t, "bob", "carol", false)
	later.custodyIs(t, "bob", "carol", false)

	if _, err := w.rotas.DeleteRota(t.Context(), &schedulev1.DeleteRotaRequest{Name: "rotas/support"}); err != nil {
		t.Fatal(err)
	}
	if w.custodyRevision(t) != 0 {
		t.Error("custody outlived its rota")
	}
}

// TestTwoWhoTakeAtOnce: whoever was told that they have it has it, or had it until the other one took it.
func TestTwoWhoTakeAtOnce(t *testing.T) {
	w := handed(t)
	other := schedulev1.NewRotaServiceClient(connect(t, w.another()))
	for range 5 {
		w.clock.Advance(time.Minute)
		var work sync.WaitGroup
		told := make([]*schedulev1.Custody, 2)
		for i, service := range []schedulev1.RotaServiceClient{w.rotas, other} {
			work.Go(func() {
				person := []string{"people/bob", "people/carol"}[i]
				c, err := service.TakeCustody(t.Context(), &schedulev1.TakeCustodyRequest{Rota: "rotas/support", Person: person})
				if code := status.Code(err); code != codes.OK && code != codes.Aborted {
					t.Error(err)
				}
				told[i] = c
			})
		}
		work.Wait()
		c, err := other.AcceptCustody(t.Context(), &schedulev1.AcceptCustodyRequest{Rota: "rotas/support", Person: "people/dave"})
		wantCode(t, "somebody else", err, codes.FailedPrecondition)
		e, err := w.etcd.Get(t.Context(), published.CustodyPrefix+"support")
		if err != nil {
			t.Fatal(err)
		}
		record, err := published.Custody(e.Value)
		if holder := onDuty(t, w, "support", w.clock.Now()); err != nil || holder != record.GetHolder() {
			t.Errorf("%s is on duty, and the phone is with %s: %v, %v", holder, record.GetHolder(), c, err)
		}
		if told[0] == nil && told[1] == nil {
			t.Error("nobody was told that they have it")
		}
	}
}
