package entitlement_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// dyingStore takes so many commits more, and no others.
type dyingStore struct {
	entitlement.Store
	left int
}

func (s *dyingStore) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	if s.left == 0 {
		return 0, fault.Unavailable("etcd", errors.New("gone"))
	}
	s.left--
	return s.Store.Commit(ctx, conditions, writes)
}

// TestAConfirmationIsNotLost by a process that dies, or a time that is over, before the commit of an acceptance that confirms an
// earlier one; it is told again, and what was shown counts.
func TestAConfirmationIsNotLost(t *testing.T) {
	w := newShop(t)
	w.accept(t, acme("c1"))
	dying := &till{world: w.world}
	entitlement.New(entitlement.Config{
		Store: &dyingStore{w.etcd, 0}, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler),
		Clock: w.clock,
	}).Register(dying)
	if _, err := dying.promises.AcceptOffer(staff(t), verifiedAcme("c2")); err == nil {
		t.Fatal("it was told that it is recorded")
	}
	if got := w.accept(t, verifiedAcme("c2")); got.GetOutcome() != accepted || got.GetPromise().GetState() != owed {
		t.Errorf("told again: %v", got)
	}
}

// TestOneCallIsAcceptedOnEachLine: what was promised on another line gives nothing here, and here it is promised once, in
// whatever order acceptances come.
func TestOneCallIsAcceptedOnEachLine(t *testing.T) {
	w := newShop(t)
	w.line(t, "silver", "db")
	began := w.clock.Now()
	w.clock.Advance(time.Hour)
	on := func(call, line string, at time.Duration) (name string, lines []string) {
		r := verifiedAcme(call)
		r.Line, r.AcceptTime = "lines/"+line, timestamppb.New(began.Add(at))
		p := w.accept(t, r).GetPromise()
		return p.GetName(), w.grant(t, p.GetGrant()).GetLines()
	}
	gold, of := on("c1", "gold", 0)
	if strings.Join(of, " ") != "gold" {
		t.Fatalf("granted %v", of)
	}
	silver, of := on("c2", "silver", time.Minute)
	if silver == gold || strings.Join(of, " ") != "silver" {
		t.Errorf("on another line: %s, which gives %v", silver, of)
	}
	for call, want := range map[string]string{"gold": gold, "silver": silver} {
		if again, _ := on("again on "+call, call, 2*time.Minute); again != want {
			t.Errorf("again on %s: %s, not %s", call, again, want)
		}
	}
}

// TestWhatConfirmsLaterIsKept: who accepted again what was pending, or what is owed already, and where it can be heard; for
// those who may see that.
func TestWhatConfirmsLaterIsKept(t *testing.T) {
	w := newShop(t)
	w.accept(t, acme("c1"))
	later := verifiedAcme("c2")
	later.Person, later.RecordingUri = "Olga", "https://rec.example/61255500111"
	p := w.accept(t, later).GetPromise()
	e := p.GetTrail()[len(p.GetTrail())-1]
	if p.GetState() != owed || len(p.GetTrail()) != 2 || e.GetPerson() != "Olga" || e.GetRecordingUri() != later.GetRecordingUri() ||
		e.GetNumber() != later.GetNumber() || e.GetCallId() != later.GetCallId() || e.GetVerification() != later.GetVerification() {
		t.Fatalf("kept: %v", p)
	}
	third := verifiedAcme("c3")
	third.Person = "Piet"
	for range 2 {
		p = w.accept(t, third).GetPromise()
	}
	if e := p.GetTrail()[len(p.GetTrail())-1]; len(p.GetTrail()) != 3 || e.GetPerson() != "Piet" || e.GetState() != owed {
		t.Errorf("noted: %v", p)
	}
	for _, role := range []rpcv1.Role{rpcv1.Role_ROLE_SITE, rpcv1.Role_ROLE_AUDITOR} {
		ctx := rpc.WithPeer(t.Context(), rpc.NewPeer("ben", role))
		got, err := w.promises.GetPromise(ctx, &entitlementv1.GetPromiseRequest{Name: p.GetName()})
		if err != nil {
			t.Fatal(err)
		}
		e, first := got.GetTrail()[1], got.GetAcceptance()
		if e.GetPerson() != "(hidden)" || e.GetRecordingUri() != "(hidden)" || e.GetNumber() != phone.Mask(later.GetNumber()) ||
			first.GetNumber() != phone.Mask(later.GetNumber()) || got.GetTrail()[0].GetPerson() != "" {
			t.Errorf("%v sees %v", role, got)
		}
	}
}

// TestAVerifiedAcceptanceAtAnotherPriceConfirmsNothing: it is noted, and what is pending stays so.
func TestAVerifiedAcceptanceAtAnotherPriceConfirmsNothing(t *testing.T) {
	w := newShop(t)
	first := w.accept(t, acme("c1")).GetPromise()
	r := verifiedAcme("c2")
	r.Price, r.Person = euros(60), "Olga"
	got := w.accept(t, r)
	p := got.GetPromise()
	if p.GetName() != first.GetName() || p.GetState() != waiting || got.GetOutcome() == accepted || len(p.GetTrail()) != 2 {
		t.Fatalf("%v", got)
	}
	if e := p.GetTrail()[1]; e.GetPerson() != "Olga" || e.GetVerification() != 0 || !strings.Contains(e.GetReason(), "EUR 60") {
		t.Errorf("noted: %v", e)
	}
}
