package entitlement_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

// eraseLedger is a ledger in which two calls are of whoever is erased.
type eraseLedger struct {
	asked []*ledgerv1.EraseCallersRequest
	err   error
}

func (*eraseLedger) ListCallChanges(context.Context, *ledgerv1.ListCallChangesRequest, ...grpc.CallOption,
) (*ledgerv1.ListCallChangesResponse, error) {
	return &ledgerv1.ListCallChangesResponse{}, nil
}

func (l *eraseLedger) EraseCallers(_ context.Context, r *ledgerv1.EraseCallersRequest, _ ...grpc.CallOption,
) (*ledgerv1.EraseCallersResponse, error) {
	l.asked = append(l.asked, r)
	return &ledgerv1.EraseCallersResponse{Calls: 2, AuditEntries: 1}, l.err
}

// putStored writes a record of another part of the service, as that does.
func putStored(t *testing.T, etcd *coord.Client, key string, resource, also proto.Message) {
	t.Helper()
	body, err := proto.Marshal(resource)
	if err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(&rpcv1.Stored{Resource: body})
	if err != nil {
		t.Fatal(err)
	}
	writes := []*rpcv1.Write{coord.Put(key, value)}
	if also != nil {
		if value, err = proto.Marshal(also); err != nil {
			t.Fatal(err)
		}
		writes = []*rpcv1.Write{coord.Put(key, value)}
	}
	if _, err := etcd.Commit(t.Context(), nil, writes); err != nil {
		t.Fatal(err)
	}
}

func TestAPersonIsErasedEverywhere(t *testing.T) {
	const mobile, bonesOwn = "+13035550101", "+13035550120"
	ledger := &eraseLedger{}
	w := dataProcess(t, newEtcd(t), ledger)
	for _, c := range []*entitlementv1.Customer{
		{Name: "customers/acme", DisplayName: "Acme", Contacts: []*entitlementv1.Contact{
			{
				ContactId: "ann", DisplayName: "Ann", Email: "ann@acme.example",
				PhoneNumbers: []*phone_number.PhoneNumber{number(mobile), number(bonesOwn)},
			},
			{ContactId: "ben", Email: "ben@acme.example"},
		}},
		{Name: "customers/bone", DisplayName: "Bone", PhoneNumbers: []*phone_number.PhoneNumber{number(bonesOwn)}},
	} {
		if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: c}); err != nil {
			t.Fatal(err)
		}
	}
	later := timestamppb.New(clock.System{}.Now().Add(time.Hour))
	putStored(t, w.etcd, "entitlement/promises/p1", &entitlementv1.Promise{
		Name: "promises/p1", State: entitlementv1.PromiseState_PROMISE_STATE_OWED, TermsText: "You pay.", CreateTime: later,
		Acceptance: &entitlementv1.AcceptOfferRequest{Offer: "offers/day", RequestId: "12345678", Customer: "customers/acme", Number: mobile},
	}, nil)
	said := []*entitlementv1.PromiseEvent{{Reason: "Ann (+1 303-555-0101, ann@acme.example) rang"}}
	putStored(t, w.etcd, "entitlement/promises/p2", &entitlementv1.Promise{
		Name: "promises/p2", CreateTime: later, Trail: said,
		Acceptance: &entitlementv1.AcceptOfferRequest{Offer: "offers/day", RequestId: "12345679", Customer: "customers/acme"},
	}, nil)
	putStored(t, w.etcd, "entitlement/grants/g2", &entitlementv1.Grant{
		Name: "grants/g2", Customer: "customers/acme", EndTime: later, Reason: "for Ann, 303 555 0101",
	}, nil)
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.GrantPrefix+"g2", nil)}); err != nil {
		t.Fatal(err)
	}
	putStored(t, w.etcd, "entitlement/grants/g1", &entitlementv1.Grant{Name: "grants/g1", Number: mobile, EndTime: later}, nil)
	putStored(t, w.etcd, "entitlement/grants/g3", &entitlementv1.Grant{Name: "grants/g3", Number: bonesOwn, EndTime: later}, nil)
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.GrantPrefix+"g1", nil)}); err != nil {
		t.Fatal(err)
	}
	putStored(t, w.etcd, "entitlement/reveals/r1", &entitlementv1.NumberReveal{}, &entitlementv1.NumberReveal{
		Customer: "customers/acme", ContactId: "ann", Line: "lines/gold", Client: "192.0.2.1",
	})
	await.True(t, "acme's contact and bone's number are known", func() bool {
		who, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Number: bonesOwn})
		return err == nil && len(who.GetCandidates()) == 2
	})

	ask := func(only bool) string {
		t.Helper()
		got, err := w.ErasePerson(t.Context(), &entitlementv1.ErasePersonRequest{
			Customer: "customers/acme", ContactId: "ann", Reason: "request 4711", ValidateOnly: only,
		})
		if err != nil {
			t.Fatal(err)
		}
		var places []string
		for _, e := range got.GetErasures() {
			places = append(places, fmt.Sprintf("%s %d/%d", e.GetPlace(), e.GetErased(), e.GetKept()))
		}
		return strings.Join(places, ", ")
	}
	const want = "calls 2/2, audit 1/1, promises 1/1, promises: what people wrote 1/1, " +
		"grants 1/1, grants: what people wrote 1/1, reveals 1/1, customers/acme 1/1"
	before := w.state(t)
	if got := ask(true); got != want || !equalMaps(before, w.state(t)) {
		t.Errorf("checked only: %s, want %s and nothing written", got, want)
	}
	everywhere, err := w.ErasePerson(t.Context(), &entitlementv1.ErasePersonRequest{
		Emails: []string{"ann@acme.example"}, Reason: "x", ValidateOnly: true,
	})
	if text := fmt.Sprint(everywhere); err != nil || strings.Contains(text, `place:"customers/bone"`) ||
		!strings.Contains(text, "customers/bone itself has +13…20") {
		t.Errorf("bone's own number: %s, %v", text, err)
	}
	if got := ask(false); got != want {
		t.Errorf("erased %s, want %s", got, want)
	}
	if last := ledger.asked[len(ledger.asked)-1]; last.GetValidateOnly() || !slices.Equal(last.GetNumbers(), []string{mobile}) ||
		!slices.Equal(last.GetEmails(), []string{"ann@acme.example"}) {
		t.Errorf("the ledger was asked for %v", last)
	}
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for _, secret := range []string{mobile, "555-0101", "555 0101", "ann@acme", "Ann", "192.0.2.1"} {
			if strings.Contains(e.Key+string(e.Value), secret) {
				t.Errorf("%s still holds %q", e.Key, secret)
			}
		}
	}
	if c := w.customer(t, "acme"); len(c.GetContacts()) != 1 {
		t.Errorf("left: %v", c)
	}
	if _, err := w.etcd.Get(t.Context(), published.GrantPrefix+"g1"); err == nil {
		t.Error("the grant still gives access")
	}
	if _, err := w.etcd.Get(t.Context(), published.GrantPrefix+"g2"); err != nil {
		t.Errorf("another's grant gives none any more: %v", err)
	}
	if got := ask(false); got != "" {
		t.Errorf("done again it finds %s", got)
	}
}

func TestAnErasureThatFailsCanBeDoneAgain(t *testing.T) {
	ledger := &eraseLedger{err: context.DeadlineExceeded}
	w := dataProcess(t, newEtcd(t), ledger)
	if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme", Contacts: []*entitlementv1.Contact{{ContactId: "ann", Email: "ann@acme.example"}},
	}}); err != nil {
		t.Fatal(err)
	}
	r := &entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann", Reason: "x"}
	if _, err := w.ErasePerson(t.Context(), r); err == nil || len(w.customer(t, "acme").GetContacts()) != 1 {
		t.Errorf("%v, and whose address it is is forgotten", err)
	}
	ledger.err = nil
	if _, err := w.ErasePerson(t.Context(), r); err != nil || len(w.customer(t, "acme").GetContacts()) != 0 {
		t.Errorf("again: %v", err)
	}
	again, err := w.ErasePerson(t.Context(), r)
	if err != nil || len(again.GetErasures()) != 0 || strings.Join(again.GetNotes(), "") != "customers/acme has no contact ann" {
		t.Errorf("done again: %v, %v", again, err)
	}
	r.Customer = "customers/nobody"
	if _, err := w.ErasePerson(t.Context(), r); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("a customer that does not exist: %v", err)
	}
}

// TestWhoErasesIsToldWhereElseToLook: at customers that know the same person, at contacts who stay, and at places that no
// request reaches, with where recordings are.
func TestWhoErasesIsToldWhereElseToLook(t *testing.T) {
	const mobile = "+13035550101"
	w := dataProcess(t, newEtcd(t), nil)
	theirs := []*phone_number.PhoneNumber{number(mobile)}
	for _, c := range []*entitlementv1.Customer{
		{Name: "customers/acme", DisplayName: "Acme", Contacts: []*entitlementv1.Contact{
			{ContactId: "ann", DisplayName: "Ann", PhoneNumbers: theirs}, {ContactId: "ben"},
		}},
		{Name: "customers/bone", DisplayName: "Bone", Contacts: []*entitlementv1.Contact{{ContactId: "ann", PhoneNumbers: theirs}}},
	} {
		if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: c}); err != nil {
			t.Fatal(err)
		}
	}
	putStored(t, w.etcd, "entitlement/promises/p1", &entitlementv1.Promise{
		Name: "promises/p1", Acceptance: &entitlementv1.AcceptOfferRequest{Number: mobile, RecordingUri: "https://rec.example/7"},
	}, nil)
	await.True(t, "both are known", func() bool {
		who, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Number: mobile})
		return err == nil && len(who.GetCandidates()) == 2
	})
	for _, c := range []struct {
		ask  *entitlementv1.ErasePersonRequest
		note string
	}{
		{&entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann"}, "customers/bone has a number or an address"},
		{&entitlementv1.ErasePersonRequest{Numbers: []string{mobile}}, "customers/bone: contact ann had a number of the person, and stays"},
	} {
		c.ask.Reason, c.ask.ValidateOnly = "x", true
		got, err := w.ErasePerson(t.Context(), c.ask)
		if err != nil || !strings.Contains(strings.Join(got.GetNotes(), "\n"), c.note) {
			t.Errorf("%v, %v; want %q", got.GetNotes(), err, c.note)
		}
		places := map[string]*entitlementv1.Remainder{}
		for _, r := range got.GetRemainders() {
			places[r.GetPlace()] = r
		}
		if !slices.Equal(places["recordings"].GetRecordingUris(), []string{"https://rec.example/7"}) {
			t.Errorf("recordings: %v", places["recordings"])
		}
		for _, place := range []string{"messages", "spools", "backups", "etcd-history", "view-copies", "text", "audit", "elsewhere"} {
			if places[place].GetWhat() == "" {
				t.Errorf("nothing is said of %s", place)
			}
		}
		if places["messages"].GetUntilTime() == nil || places["backups"].GetUntilTime() != nil {
			t.Errorf("until when: %v", got.GetRemainders())
		}
	}
}
