package entitlement_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// lateLedger is a ledger that tells of calls, and hears which callers are to be erased from which.
type lateLedger struct {
	history
	asked []*ledgerv1.EraseCallersRequest
}

func (l *lateLedger) EraseCallers(_ context.Context, r *ledgerv1.EraseCallersRequest, _ ...grpc.CallOption,
) (*ledgerv1.EraseCallersResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, r)
	return &ledgerv1.EraseCallersResponse{RecordingUris: []string{"https://rec.example/1"}}, nil
}

func (l *lateLedger) heard() []*ledgerv1.EraseCallersRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

// TestCallsThatComeInLateAreErased: those of a number that was erased, and that began before; later ones are kept, for
// somebody may have called again.
func TestCallsThatComeInLateAreErased(t *testing.T) {
	const erased, other = "+13035550101", "+13035550102"
	etcd := newEtcd(t)
	before := clock.System{}.Now().Add(-time.Hour)
	w := dataProcess(t, etcd, &lateLedger{})
	got, err := w.ErasePerson(t.Context(), &entitlementv1.ErasePersonRequest{Numbers: []string{erased}, Reason: "x"})
	if err != nil || !slices.Equal(got.GetRemainders()[0].GetRecordingUris(), []string{"https://rec.example/1"}) {
		t.Fatalf("%v, %v", got, err)
	}

	late := &lateLedger{history: history{epoch: "e", page: 100}}
	for _, c := range []struct {
		name, number string
		at           time.Time
	}{{"late", erased, before}, {"another", other, before}, {"again", erased, before.Add(2 * time.Hour)}} {
		late.tell(&ledgerv1.Call{
			Name: "calls/" + c.name, CallerNumber: c.number, StartTime: timestamppb.New(c.at), Goodwill: true, Line: "lines/gold",
		}, true)
	}
	dataProcess(t, etcd, late)
	await.True(t, "the calls are counted", func() bool {
		_, err := etcd.Get(context.Background(), "entitlement/counting")
		return err == nil
	})
	asked := late.heard()
	if len(asked) == 0 {
		t.Error("the ledger was not asked")
	}
	for _, r := range asked { // again where etcd did not answer
		if !slices.Equal(r.GetNumbers(), []string{erased}) || !slices.Equal(r.GetCalls(), []string{"calls/late"}) {
			t.Errorf("asked for %v", r)
		}
	}
	entries, _, err := etcd.ListAll(t.Context(), "pub/entitlement/usage/")
	if err != nil || len(entries) != 2 {
		t.Errorf("%d numbers are counted for, %v", len(entries), err)
	}
}

// desk erases people of the same cluster, by the same clock.
func (w *till) desk(t *testing.T) entitlementv1.DataServiceServer {
	t.Helper()
	s := entitlement.New(entitlement.Config{
		Store: w.etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: w.clock,
	})
	d := &dataWorld{}
	s.Register(d)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
	await.True(t, "the service is ready", s.Ready)
	return d
}

// TestAPromiseThatComesInLateIsKeptWithoutThePerson: who accepts afterwards is somebody again.
func TestAPromiseThatComesInLateIsKeptWithoutThePerson(t *testing.T) {
	const erased = "+61255500119"
	w := newShop(t)
	before := timestamppb.New(w.clock.Now())
	w.clock.Advance(time.Minute)
	_, err := w.desk(t).ErasePerson(t.Context(), &entitlementv1.ErasePersonRequest{Numbers: []string{erased}, Reason: "x"})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	late := acme("c1")
	late.Number, late.Person, late.RecordingUri, late.AcceptTime = erased, "Ann", "https://rec.example/1", before
	late.Verification = entitlementv1.Verification_VERIFICATION_PIN
	p := w.accept(t, late).GetPromise()
	a := p.GetAcceptance()
	if p.GetState() != owed || !p.GetErased() || a.GetNumber()+a.GetPerson()+a.GetRecordingUri() != "" || a.GetCustomer() != "customers/acme" {
		t.Errorf("kept: %v", p)
	}
	if c := w.ledger.owed(p.GetName()); c.GetNumber() != "" || c.GetAmount().GetUnits() != 90 {
		t.Errorf("the ledger has %v", c)
	}
	if again := w.accept(t, late).GetPromise(); again.GetName() != p.GetName() {
		t.Errorf("told again it is %v", again)
	}
	nobody := acme("c2")
	nobody.Customer, nobody.Number, nobody.AcceptTime = "", erased, before
	p = w.accept(t, nobody).GetPromise()
	if !p.GetErased() || p.GetAcceptance().GetNumber() != "" {
		t.Errorf("of a number that nobody knows: %v", p)
	}
	if g := w.grant(t, p.GetGrant()); g.GetNumber() != 0 || g.GetToUnixS() > w.clock.Now().Unix() {
		t.Errorf("it gives %v", g)
	}
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Key+string(e.Value), erased[1:]) {
			t.Errorf("%s holds the number", e.Key)
		}
	}

	again := acme("c3")
	again.Number, again.AcceptTime = erased, timestamppb.New(w.clock.Now())
	again.Customer = ""
	w.clock.Advance(time.Minute)
	if p := w.accept(t, again).GetPromise(); p.GetErased() || p.GetAcceptance().GetNumber() != erased {
		t.Errorf("accepted afterwards: %v", p)
	}
}

// TestWhomDataWasErasedOfIsForgottenInTime, and nothing is noted where somebody only asks.
func TestWhomDataWasErasedOfIsForgottenInTime(t *testing.T) {
	w := newTill(t)
	desk := w.desk(t)
	noted := func() int {
		entries, _, err := w.etcd.ListAll(t.Context(), "entitlement/erased/")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	erase := func(number string, only bool) {
		t.Helper()
		r := &entitlementv1.ErasePersonRequest{Numbers: []string{number}, Reason: "x", ValidateOnly: only}
		if _, err := desk.ErasePerson(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	erase("+13035550101", true)
	if noted() != 0 {
		t.Error("who only asks leaves a note")
	}
	erase("+13035550101", false)
	w.clock.Advance(401 * 24 * time.Hour)
	erase("+13035550102", false)
	if n := noted(); n != 1 {
		t.Errorf("%d are noted", n)
	}
	if _, err := w.etcd.Get(t.Context(), "entitlement/erased-last"); err != nil {
		t.Error(err)
	}
}
