package entitlement_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/fault"
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

// TestAConfirmationIsNotLostHalfWay: a process that dies, or a time that is over, between the commits of an acceptance that
// confirms an earlier one; it is told again, and what was shown counts.
func TestAConfirmationIsNotLostHalfWay(t *testing.T) {
	for commits := range 2 {
		w := newShop(t)
		w.accept(t, acme("c1"))
		dying := &till{world: w.world}
		entitlement.New(entitlement.Config{
			Store: &dyingStore{w.etcd, commits}, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler),
			Clock: w.clock,
		}).Register(dying)
		if _, err := dying.promises.AcceptOffer(staff(t), verifiedAcme("c2")); err == nil {
			t.Fatal("it was told that it is recorded")
		}
		if got := w.accept(t, verifiedAcme("c2")); got.GetOutcome() != accepted || got.GetPromise().GetState() != owed {
			t.Errorf("after %d commits: %v", commits, got)
		}
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
