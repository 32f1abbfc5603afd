package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// registered takes what a service registers.
type registered map[string]any

func (r registered) RegisterService(d *grpc.ServiceDesc, impl any) { r[d.ServiceName] = impl }

// business is the service that keeps charges and follow-ups.
func (o *opened) business(t testing.TB) ledgerv1.BusinessServiceServer {
	t.Helper()
	all := registered{}
	o.Register(all)
	b, ok := all[ledgerv1.BusinessService_ServiceDesc.ServiceName].(ledgerv1.BusinessServiceServer)
	if !ok {
		t.Fatal("it is not registered")
	}
	return b
}

func (o *opened) charge(id, customer string, state entitlementv1.PromiseState, revision int64, day int) *ledgerv1.Record {
	return o.record(&ledgerv1.Record{Event: &ledgerv1.Record_Charge{Charge: &ledgerv1.Charge{
		Name: "charges/" + id, Promise: "promises/" + id, Customer: customer, State: state, Revision: revision,
		Number: "+13035550101", Amount: &money.Money{CurrencyCode: "EUR", Units: 90}, PromiseTime: timestamppb.New(began().AddDate(0, 0, day)),
	}}})
}

const (
	pending = entitlementv1.PromiseState_PROMISE_STATE_PENDING
	owed    = entitlementv1.PromiseState_PROMISE_STATE_OWED
	waived  = entitlementv1.PromiseState_PROMISE_STATE_WAIVED
)

func (o *opened) charges(t testing.TB, r *ledgerv1.ListChargesRequest, roles ...rpcv1.Role) (text string, token string) {
	t.Helper()
	l, err := o.business(t).ListCharges(as(t.Context(), roles...), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range l.GetCharges() {
		text += fmt.Sprintf("%s %s %s; ", strings.TrimPrefix(c.GetName(), "charges/"), strings.TrimPrefix(c.GetState().String(), "PROMISE_STATE_"), c.GetNumber())
	}
	return text, l.GetNextPageToken()
}

// TestAChargeStandsAsItsHighestRevisionSays, whatever comes in which order and how often.
func TestAChargeStandsAsItsHighestRevisionSays(t *testing.T) {
	o := open(t, 0)
	settled := o.charge("a", "customers/acme", owed, 2, 0)
	o.add(t, settled, o.charge("a", "customers/acme", pending, 1, 0), o.charge("b", "", pending, 1, 1))
	o.add(t, settled, o.charge("c", "customers/acme", waived, 3, 2), o.charge("", "", pending, 1, 3))
	const number = "+13…01"
	for want, r := range map[string]*ledgerv1.ListChargesRequest{
		"c WAIVED " + number + "; b PENDING " + number + "; a OWED " + number + "; ": {},
		"c WAIVED " + number + "; a OWED " + number + "; ":                           {Customer: "customers/acme"},
		"a OWED " + number + "; ":                                                    {State: owed},
		"b PENDING " + number + "; ":                                                 {StartTime: timestamppb.New(began().AddDate(0, 0, 1)), EndTime: timestamppb.New(began().AddDate(0, 0, 2))},
	} {
		if got, _ := o.charges(t, r, rpcv1.Role_ROLE_AUDITOR); got != want {
			t.Errorf("%v: %s, want %s", r, got, want)
		}
	}
	first, token := o.charges(t, &ledgerv1.ListChargesRequest{PageSize: 2}, rpcv1.Role_ROLE_ADMIN)
	rest, end := o.charges(t, &ledgerv1.ListChargesRequest{PageSize: 2, PageToken: token}, rpcv1.Role_ROLE_ADMIN)
	if first+"| "+rest != "c WAIVED +13035550101; b PENDING +13035550101; | a OWED +13035550101; " || end != "" {
		t.Errorf("by pages: %s| %s%s", first, rest, end)
	}
}

func (o *opened) followUp(id, customer, number string, kind ledgerv1.FollowUpKind, day int) *ledgerv1.Record {
	due := began().AddDate(0, 0, day)
	return o.record(&ledgerv1.Record{Event: &ledgerv1.Record_FollowUp{FollowUp: &ledgerv1.FollowUp{
		Name: "followUps/" + id, Kind: kind, Customer: customer, CallerNumber: number, Calls: []string{"calls/" + id}, Owner: "ann",
		DueTime: timestamppb.New(due), DueDate: &date.Date{Year: int32(due.Year()), Month: int32(due.Month()), Day: int32(due.Day())},
		Reason: "of " + id,
	}}})
}

const (
	propose  = ledgerv1.FollowUpKind_FOLLOW_UP_KIND_PROPOSE
	identify = ledgerv1.FollowUpKind_FOLLOW_UP_KIND_IDENTIFY
)

func (o *opened) followUps(t testing.TB, r *ledgerv1.ListFollowUpsRequest, roles ...rpcv1.Role) (text string) {
	t.Helper()
	for {
		l, err := o.business(t).ListFollowUps(as(t.Context(), roles...), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range l.GetFollowUps() {
			text += fmt.Sprintf("%s %s %s %s; ", strings.TrimPrefix(f.GetName(), "followUps/"),
				strings.TrimPrefix(f.GetState().String(), "FOLLOW_UP_STATE_"), strings.ReplaceAll(strings.Join(f.GetCalls(), "+"), "calls/", ""), f.GetCallerNumber())
		}
		if r = proto.CloneOf(r); l.GetNextPageToken() == "" {
			return text
		}
		r.PageToken = l.GetNextPageToken()
	}
}

// TestRepeatedCallsJoinTheOpenFollowUp about the same customer or number and of the same kind; one that is done stays done,
// and the next call opens another.
func TestRepeatedCallsJoinTheOpenFollowUp(t *testing.T) {
	o := open(t, 0)
	a := o.followUp("a", "customers/acme", "+13035550101", propose, 3)
	o.add(t, a, a, o.followUp("b", "customers/acme", "+13035550102", propose, 4))
	o.add(t, o.followUp("c", "customers/acme", "", identify, 2), o.followUp("d", "", "+13035550103", identify, 1), o.followUp("e", "", "+13035550103", identify, 9))
	o.add(t, o.followUp("f", "", "", identify, 5), o.followUp("g", "", "", identify, 6)) // withheld numbers are nobody's
	all := "d OPEN d+e +13035550103; c OPEN c ; a OPEN a+b +13035550101; f OPEN f ; g OPEN g ; "
	if got := o.followUps(t, &ledgerv1.ListFollowUpsRequest{PageSize: 2}, rpcv1.Role_ROLE_SITE); got != all {
		t.Errorf("%s\nwant %s", got, all)
	}
	ctx := as(t.Context(), rpcv1.Role_ROLE_AUDITOR)
	note, owner := "signed", "bob"
	done, err := o.business(t).UpdateFollowUp(ctx, &ledgerv1.UpdateFollowUpRequest{
		Name: "followUps/a", State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE, Note: &note, Owner: &owner,
	})
	if err != nil || done.GetOwner() != owner || done.GetNote() != note || done.GetCallerNumber() != "+13…01" || len(done.GetCalls()) != 2 {
		t.Fatalf("%v, %v", done, err)
	}
	o.add(t, a, o.followUp("b", "customers/acme", "+13035550102", propose, 4)) // told again, with other ids
	o.add(t, o.followUp("h", "customers/acme", "", propose, 10))
	for want, r := range map[string]*ledgerv1.ListFollowUpsRequest{
		"c OPEN c ; a DONE a+b +13…01; h OPEN h ; ": {Customer: "customers/acme"},
		"a DONE a+b +13…01; ":                       {State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE},
		"a DONE a+b +13…01;  ":                      {Owner: "bob"},
		"d OPEN d+e +13…03; c OPEN c ; ":            {DueTime: timestamppb.New(began().AddDate(0, 0, 2))},
	} {
		if got := o.followUps(t, r, rpcv1.Role_ROLE_AUDITOR); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%v: %s, want %s", r, got, want)
		}
	}
	_, err = o.business(t).UpdateFollowUp(ctx, &ledgerv1.UpdateFollowUpRequest{Name: "followUps/a", Etag: "1", Note: &note})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
		t.Errorf("with an old etag: %v", err)
	}
	_, err = o.business(t).UpdateFollowUp(ctx, &ledgerv1.UpdateFollowUpRequest{Name: "followUps/none"})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("of one that is not there: %v", err)
	}
	_, err = o.business(t).UpdateFollowUp(ctx, &ledgerv1.UpdateFollowUpRequest{
		Name: "followUps/c", Note: proto.String("paid by 4111 - 1111 - 1111 - 1111"),
	})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD || strings.Contains(err.Error(), "4111") {
		t.Errorf("a card's number: %v", err)
	}
}

// TestTheLifeOfAFollowUp: who took it, moved it, did it and opened it again, is told in order; what is asked for again, and
// what changes nothing, is not noted twice.
func TestTheLifeOfAFollowUp(t *testing.T) {
	o := open(t, 0)
	o.add(t, o.followUp("a", "customers/acme", "+13035550101", propose, 1), o.followUp("b", "customers/acme", "", identify, 1))
	by := func(who string, r *ledgerv1.UpdateFollowUpRequest) {
		t.Helper()
		o.clock.Advance(time.Minute)
		r.Name = "followUps/a"
		for range 2 { // the answer was lost
			if _, err := o.business(t).UpdateFollowUp(rpc.WithPeer(t.Context(), rpc.NewPeer(who, rpcv1.Role_ROLE_SITE)), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	later := timestamppb.New(began().AddDate(0, 0, 7))
	by("ann", &ledgerv1.UpdateFollowUpRequest{Owner: proto.String("ann@vendor.example")})
	by("ann", &ledgerv1.UpdateFollowUpRequest{DueTime: later})
	by("ann", &ledgerv1.UpdateFollowUpRequest{State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE, Note: proto.String("signed")})
	by("bob", &ledgerv1.UpdateFollowUpRequest{State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN, Note: proto.String("not paid")})
	by("bob", &ledgerv1.UpdateFollowUpRequest{})
	f, err := o.business(t).GetFollowUp(as(t.Context(), rpcv1.Role_ROLE_AUDITOR), &ledgerv1.GetFollowUpRequest{Name: "followUps/a"})
	if err != nil || f.GetCallerNumber() != "+13…01" || f.GetDueDate() != nil {
		t.Fatalf("%v, %v", f, err)
	}
	got := ""
	for _, e := range f.GetTrail() {
		got += fmt.Sprintf("%s %s: %s %s%s", e.GetTime().AsTime().Format("15:04"), e.GetBy(), strings.TrimPrefix(e.GetState().String(), "FOLLOW_UP_STATE_"), e.GetOwner(), e.GetNote())
		if e.GetDueTime() != nil {
			got += "due " + e.GetDueTime().AsTime().Format(time.DateOnly)
		}
		got += "; "
	}
	if want := "10:01 ann: OPEN ann@vendor.example; 10:02 ann: OPEN due 2026-12-01; 10:03 ann: DONE signed; 10:04 bob: OPEN not paid; "; got != want {
		t.Errorf("happened: %s\nwant: %s", got, want)
	}
	for want, r := range map[string]*ledgerv1.ListFollowUpsRequest{
		"a OPEN a +13…01; ": {Kind: propose},
		"b OPEN b ; ":       {DueTime: timestamppb.New(began().AddDate(0, 0, 1))},
		"a OPEN a +13…01;":  {DueAfterTime: timestamppb.New(began().AddDate(0, 0, 1))},
		"":                  {Kind: propose, Customer: "customers/other"},
	} {
		if got := o.followUps(t, r, rpcv1.Role_ROLE_AUDITOR); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%v: %s, want %s", r, got, want)
		}
	}
	l, err := o.business(t).ListFollowUps(t.Context(), &ledgerv1.ListFollowUpsRequest{Kind: propose})
	if err != nil || len(l.GetFollowUps()[0].GetTrail()) > 0 {
		t.Errorf("a list tells all that happened: %v, %v", l, err)
	}
	for range 16 {
		by("ann", &ledgerv1.UpdateFollowUpRequest{Owner: proto.String("ann")})
		by("bob", &ledgerv1.UpdateFollowUpRequest{Owner: proto.String("bob")})
	}
	if f, err = o.business(t).GetFollowUp(t.Context(), &ledgerv1.GetFollowUpRequest{Name: "followUps/a"}); err != nil || len(f.GetTrail()) != 32 {
		t.Errorf("%d events are kept, %v", len(f.GetTrail()), err)
	}
	for _, r := range []*ledgerv1.UpdateFollowUpRequest{
		{DueDate: &date.Date{Year: 2026, Month: 12, Day: 1}},
		{DueTime: later, DueDate: &date.Date{Year: 2026, Month: 12, Day: 3}},
		{DueTime: later, DueDate: &date.Date{Year: 2026, Month: 11, Day: 31}},
		{DueTime: &timestamppb.Timestamp{Nanos: -1}},
	} {
		r.Name = "followUps/a"
		if _, err := o.business(t).UpdateFollowUp(t.Context(), r); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%v: %v", r, err)
		}
	}
}

// TestEachPromiseHasItsFollowUp: a second one, of the same customer, takes nothing from the first; what is told again about
// either joins it.
func TestEachPromiseHasItsFollowUp(t *testing.T) {
	o := open(t, 0)
	about := func(id, promise string, day int) *ledgerv1.Record {
		r := o.followUp(id, "customers/acme", "", ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL, day)
		r.GetFollowUp().Promise = promise
		return r
	}
	o.add(t, about("a", "promises/1", 1), about("b", "promises/2", 2), about("c", "promises/1", 3), about("d", "promises/2", 4))
	o.add(t, about("e", "", 5)) // recorded later: of which is not known
	if got := o.followUps(t, &ledgerv1.ListFollowUpsRequest{}); got != "a OPEN a+c+e ; b OPEN b+d ; " {
		t.Error(got)
	}
	l, err := o.business(t).ListFollowUps(as(t.Context(), rpcv1.Role_ROLE_ADMIN), &ledgerv1.ListFollowUpsRequest{})
	if err != nil || l.GetFollowUps()[0].GetPromise() != "promises/1" || l.GetFollowUps()[1].GetPromise() != "promises/2" {
		t.Errorf("%v, %v", l, err)
	}
}

// TestAFollowUpStandsAsItsPromiseDoes: nobody bills what was waived, or has confirmed what was, whichever is heard first, and
// how often. What people have settled stays so.
func TestAFollowUpStandsAsItsPromiseDoes(t *testing.T) {
	const lapsed, disputed = entitlementv1.PromiseState_PROMISE_STATE_LAPSED, entitlementv1.PromiseState_PROMISE_STATE_DISPUTED
	const unverified = "accepted an offer without being verified: have it confirmed"
	for _, chargeFirst := range []bool{false, true} {
		o := open(t, 0)
		about := func(id string, day int) *ledgerv1.Record {
			r := o.followUp(id, "customers/acme", "", ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL, day)
			r.GetFollowUp().Promise, r.GetFollowUp().Reason = "promises/"+id, unverified
			return r
		}
		other := o.followUp("w", "customers/acme", "", propose, 9)
		other.GetFollowUp().Promise, other.GetFollowUp().Name = "promises/w", "followUps/other"
		followUps := []*ledgerv1.Record{about("w", 1), about("l", 2), about("o", 3), about("d", 4), about("p", 5), other}
		charges := []*ledgerv1.Record{
			o.charge("w", "customers/acme", waived, 9, 0), o.charge("l", "customers/acme", lapsed, 9, 0),
			o.charge("o", "customers/acme", owed, 9, 0), o.charge("d", "customers/acme", disputed, 9, 0),
			o.charge("p", "customers/acme", pending, 9, 0),
			o.charge("w", "customers/acme", pending, 1, 0), // late
		}
		if chargeFirst {
			o.add(t, charges...)
		}
		o.add(t, followUps...)
		o.add(t, charges...)
		o.add(t, followUps...)
		l, err := o.business(t).ListFollowUps(as(t.Context(), rpcv1.Role_ROLE_ADMIN), &ledgerv1.ListFollowUpsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range l.GetFollowUps() {
			got += fmt.Sprintf("%s %s %s (%s)\n", strings.TrimPrefix(f.GetName(), "followUps/"),
				strings.TrimPrefix(f.GetState().String(), "FOLLOW_UP_STATE_"), f.GetReason(), f.GetNote())
		}
		if want := "w DROPPED " + unverified + " (the promise was waived)\n" +
			"l DROPPED " + unverified + " (the promise lapsed: nobody confirmed it in time)\n" +
			"o OPEN accepted an offer without being verified: confirmed since ()\n" +
			"d OPEN " + unverified + " ()\np OPEN " + unverified + " ()\nother OPEN of w ()\n"; got != want {
			t.Errorf("charges first %v:\n%swant\n%s", chargeFirst, got, want)
		}
		to := func(state ledgerv1.FollowUpState) error {
			_, err := o.business(t).UpdateFollowUp(as(t.Context(), rpcv1.Role_ROLE_ADMIN),
				&ledgerv1.UpdateFollowUpRequest{Name: "followUps/p", State: state})
			return err
		}
		const is, dropped = ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN, ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED
		if err := to(ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE); err != nil {
			t.Fatal(err)
		}
		if err := to(dropped); fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE {
			t.Errorf("what is done is dropped: %v", err)
		}
		o.add(t, o.charge("p", "customers/acme", waived, 10, 0))
		if got := o.followUps(t, &ledgerv1.ListFollowUpsRequest{}); !strings.Contains(got, "p DONE p") {
			t.Errorf("what was done is %s", got)
		}
		if err := errors.Join(to(is), to(dropped)); err != nil {
			t.Errorf("opened again, and dropped: %v", err)
		}
	}
}

// TestAFollowUpNamesSoManyCalls: the latest.
func TestAFollowUpNamesSoManyCalls(t *testing.T) {
	o := open(t, 0)
	for i := range 40 {
		o.add(t, o.followUp(fmt.Sprintf("c%02d", i), "customers/acme", "", propose, 1))
	}
	o.add(t, o.followUp("c00", "customers/acme", "", propose, 1)) // named no more, and not added again
	l, err := o.business(t).ListFollowUps(as(t.Context(), rpcv1.Role_ROLE_ADMIN), &ledgerv1.ListFollowUpsRequest{})
	if err != nil || len(l.GetFollowUps()) != 1 {
		t.Fatal(l, err)
	}
	if calls := l.GetFollowUps()[0].GetCalls(); len(calls) != 32 || calls[0] != "calls/c08" || calls[31] != "calls/c39" {
		t.Errorf("%d: %v", len(calls), calls)
	}
}

// TestWhatIsSettledGoes when it is old; what is owed, or to be done, stays.
func TestWhatIsSettledGoes(t *testing.T) {
	o := open(t, 400)
	o.add(t, o.charge("owed", "", owed, 1, 0), o.charge("waived", "", waived, 1, 0), o.followUp("open", "", "", identify, 0), o.followUp("done", "", "", identify, 0))
	if _, err := o.business(t).UpdateFollowUp(t.Context(), &ledgerv1.UpdateFollowUpRequest{
		Name: "followUps/done", State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED,
	}); err != nil {
		t.Fatal(err)
	}
	stop := o.run(t)
	o.clock.Advance(401 * 24 * time.Hour)
	got := ""
	await.True(t, "what is settled to go", func() bool {
		o.clock.Advance(time.Minute)
		got, _ = o.charges(t, &ledgerv1.ListChargesRequest{}, rpcv1.Role_ROLE_AUDITOR)
		return !strings.Contains(got, "WAIVED")
	})
	stop()
	if got += o.followUps(t, &ledgerv1.ListFollowUpsRequest{}); got != "owed OWED +13…01; open OPEN open ; " {
		t.Errorf("left: %s", got)
	}
}

// TestCallsToAFormerNumberAreFound, so that their callers are told the new one.
func TestCallsToAFormerNumberAreFound(t *testing.T) {
	o := open(t, 0)
	old := o.call("c2", "gold", 2)
	old.GetDecision().FormerNumber = true
	o.add(t, o.call("c1", "gold", 1), old)
	if got := callIDs(o.list(t, &ledgerv1.ListCallsRequest{FormerNumber: true})); got != "c2 " {
		t.Errorf("found: %s", got)
	}
}

// TestCallsThatToldANumberAreFound, whatever came in them after it.
func TestCallsThatToldANumberAreFound(t *testing.T) {
	o := open(t, 0)
	told, later, after := o.call("c2", "gold", 2), o.call("c3", "gold", 3), o.call("c3", "gold", 3)
	told.GetDecision().NumberRevealed, later.GetDecision().NumberRevealed = true, true
	after.GetDecision().Step = 2
	o.add(t, o.call("c1", "gold", 1), told, later)
	o.add(t, after)
	l := o.list(t, &ledgerv1.ListCallsRequest{NumberRevealed: true})
	if got := callIDs(l); got != "c3 c2 " || !l.GetCalls()[0].GetNumberRevealed() {
		t.Errorf("found: %s %v", got, l)
	}
}

// TestAPersonIsErasedFromAllThatIsKept: and nothing of it is left in the files; what happened is.
// TestAPersonIsErasedFromSomeCalls: those that came in late, and from nothing else.
func TestAPersonIsErasedFromSomeCalls(t *testing.T) {
	o := open(t, 0)
	late := o.call("late", "gold", 2)
	late.GetDecision().Recording = &routingv1.Recording{Uri: "https://rec.example/1"}
	o.add(t, o.call("before", "gold", 1), late, o.charge("p", "customers/acme", owed, 1, 0))
	l := o.list(t, &ledgerv1.ListCallsRequest{})
	got, err := o.business(t).EraseCallers(t.Context(), &ledgerv1.EraseCallersRequest{
		Numbers: []string{"+13035550101"}, Calls: []string{l.GetCalls()[0].GetName(), "calls/none"},
	})
	want := &ledgerv1.EraseCallersResponse{Calls: 1, Records: 1, RecordingUris: []string{"https://rec.example/1"}}
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("erased: %v, %v", got, err)
	}
	l = o.list(t, &ledgerv1.ListCallsRequest{})
	if l.GetCalls()[0].GetCallerNumber() != "" || !l.GetCalls()[0].GetCallerErased() || l.GetCalls()[1].GetCallerErased() || l.GetCalls()[1].GetCallerNumber() != "+13035550101" {
		t.Errorf("left: %v", l.GetCalls())
	}
}

func TestAPersonIsErasedFromAllThatIsKept(t *testing.T) {
	o := open(t, 0)
	for i := range 30 { // calls of others, and of the same person
		o.add(t, o.call(fmt.Sprint("c", i), "gold", i))
	}
	other := o.call("other", "gold", 50)
	other.GetDecision().Caller = 13035550102
	ended := &routingv1.ReportCallRequest{CallId: "c3", EndTime: timestamppb.New(began())}
	note := o.followUp("a", "", "+13035550101", identify, 1)
	note.GetFollowUp().Note = "write to Ann@acme.example"
	audit := o.record(&ledgerv1.Record{Event: &ledgerv1.Record_Audit{Audit: &rpcv1.AuditRecord{
		UnixUs: began().UnixMicro(), Peer: "ann@acme.example", Method: "m", Resources: []string{"customers/acme", "people/ann@acme.example"},
		Request: `{"reason":"+13035550101 asked"}`,
	}}})
	o.add(t, other, o.report(ended), note, o.charge("p", "customers/acme", owed, 1, 0), audit)
	b, what := o.business(t), &ledgerv1.EraseCallersRequest{Numbers: []string{"+13035550101"}, Emails: []string{"ann@acme.example"}, ValidateOnly: true}
	want := &ledgerv1.EraseCallersResponse{Calls: 30, Records: 30, Charges: 1, FollowUps: 1, AuditEntries: 1}
	if got, err := b.EraseCallers(t.Context(), what); err != nil || !proto.Equal(got, want) {
		t.Fatalf("would be erased: %v, %v", got, err)
	}
	if !o.inFiles(t, "+13035550101") {
		t.Fatal("nothing was there")
	}
	what.ValidateOnly = false
	if got, err := b.EraseCallers(t.Context(), what); err != nil || !proto.Equal(got, want) {
		t.Fatalf("erased: %v, %v", got, err)
	}
	if got, err := b.EraseCallers(t.Context(), what); err != nil || !proto.Equal(got, &ledgerv1.EraseCallersResponse{}) {
		t.Errorf("again: %v, %v", got, err)
	}
	for _, trace := range []string{"13035550101", "\x95\xb5\xfa\x08\x03\x00\x00\x00", "acme.example"} {
		if o.inFiles(t, trace) {
			t.Errorf("%q is in the files", trace)
		}
	}
	l := o.list(t, &ledgerv1.ListCallsRequest{})
	if len(l.GetCalls()) != 31 || l.GetCalls()[0].GetCallerNumber() != "+13035550102" {
		t.Errorf("%d calls are left, of %s", len(l.GetCalls()), l.GetCalls()[0].GetCallerNumber())
	}
	for _, c := range l.GetCalls()[1:] {
		if c.GetCallerNumber() != "" || c.GetCustomer() != "customers/acme" || c.GetLine() != "lines/gold" {
			t.Errorf("left: %v", c)
		}
	}
	charges, _ := o.charges(t, &ledgerv1.ListChargesRequest{}, rpcv1.Role_ROLE_ADMIN)
	if followUps := o.followUps(t, &ledgerv1.ListFollowUpsRequest{}, rpcv1.Role_ROLE_ADMIN); charges+followUps != "p OWED ; a OPEN a ; " {
		t.Errorf("left: %s%s", charges, followUps)
	}
	entries, err := o.ListAuditEntries(t.Context(), &ledgerv1.ListAuditEntriesRequest{Resource: "customers/acme", Peer: "(erased)"})
	if err != nil || len(entries.GetEntries()) != 1 || entries.GetEntries()[0].GetRequest() != `{"reason":"(erased) asked"}` {
		t.Errorf("left: %v, %v", entries, err)
	}
	_, err = b.EraseCallers(t.Context(), &ledgerv1.EraseCallersRequest{Numbers: []string{"5550101"}})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD || strings.Contains(err.Error(), "5550101") {
		t.Errorf("no number: %v", err)
	}
}

// inFiles says whether a text is anywhere in the ledger's files.
func (o *opened) inFiles(t testing.TB, text string) bool {
	t.Helper()
	files, err := filepath.Glob(o.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return slices.ContainsFunc(files, func(path string) bool {
		content, err := os.ReadFile(path) //nolint:gosec // the test's own
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(content, []byte(text))
	})
}
