package entitlement_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/mail"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const (
	hiddenNumber = "+61255509999"
	annAddress   = "ann@acme.example"
	carlAddress  = "carl@bolt.example"
)

// outbox takes mails.
type outbox struct{ mails chan mail.Message }

func (o outbox) Send(m mail.Message) error {
	o.mails <- m
	return nil
}

// switchboard is routing, as far as numbers of lines are concerned.
type switchboard struct{}

func (switchboard) TellLineNumber(_ context.Context, r *routingv1.TellLineNumberRequest, _ ...grpc.CallOption) (
	*routingv1.TellLineNumberResponse, error,
) {
	return &routingv1.TellLineNumberResponse{
		Number: hiddenNumber, DisplayName: "The " + r.GetName(), FormerEndTime: timestamppb.New(time.Unix(1_900_000_000, 0)),
	}, nil
}

// identities believe a token that is an address, with the nonce "nonce".
type identities struct{}

func (identities) VerifiedAddress(_ context.Context, token, nonce string) (string, error) {
	if nonce != "nonce" {
		return "", fault.NotFound("the identity")
	}
	return token, nil
}

// lockable is a store that can be kept from being written.
type lockable struct {
	*coord.Client
	mu     sync.Mutex
	locked bool
}

func (l *lockable) lock(locked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locked = locked
}

func (l *lockable) Commit(ctx context.Context, c []*rpcv1.Condition, w []*rpcv1.Write) (int64, error) {
	l.mu.Lock()
	locked := l.locked
	l.mu.Unlock()
	if locked {
		return 0, fault.Unavailable("etcd", nil)
	}
	return l.Client.Commit(ctx, c, w)
}

// desk is a service with its contacts.
type desk struct {
	world
	contacts entitlementv1.ContactServiceServer
	promises entitlementv1.PromiseServiceServer
	catalog  entitlementv1.CatalogServiceServer
	store    *lockable
	mails    chan mail.Message
}

func newDesk(t *testing.T) desk {
	t.Helper()
	w := newWorld(t)
	d := desk{store: &lockable{Client: w.etcd}, mails: make(chan mail.Message, 100)}
	d.world = world{etcd: w.etcd, clock: clock.NewManual(w.clock.Now())}
	d.world.Service = entitlement.New(entitlement.Config{
		Store: d.store, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: d.clock,
		Mail: outbox{d.mails}, PortalURL: "https://support.example", Lines: switchboard{}, Identities: identities{},
	})
	all := registrar{}
	d.Register(all)
	d.contacts, _ = all["dayside.entitlement.v1.ContactService"].(entitlementv1.ContactServiceServer)
	d.promises, _ = all["dayside.entitlement.v1.PromiseService"].(entitlementv1.PromiseServiceServer)
	d.catalog, _ = all["dayside.entitlement.v1.CatalogService"].(entitlementv1.CatalogServiceServer)
	d.line(t, "gold", "db")
	d.line(t, "web", "web")
	d.follow(t)
	await.True(t, "the first list", d.Ready)
	return d
}

func contact(id, address string, selfService bool) *entitlementv1.Contact {
	return &entitlementv1.Contact{ContactId: id, DisplayName: strings.ToUpper(id), Email: address, SelfService: selfService}
}

// annsAcme has Ann, who may act, and Bob, who may look, and the line gold until the end of the year.
func annsAcme() *entitlementv1.Customer {
	c := customer("acme", "+61255500111", "db")
	c.Contacts = []*entitlementv1.Contact{contact("ann", "Ann@acme.example", true), contact("bob", "bob@acme.example", false)}
	return c
}

// carlsBolt has Carl, who may act.
func carlsBolt(more ...*entitlementv1.Contact) *entitlementv1.Customer {
	c := customer("bolt", "+61255500112", "db")
	c.Contacts = append([]*entitlementv1.Contact{contact("carl", carlAddress, true)}, more...)
	return c
}

// have adds a customer, and waits until an address finds it.
func (d desk) have(t *testing.T, c *entitlementv1.Customer, address string) {
	t.Helper()
	d.create(t, c)
	await.True(t, address+" is known", func() bool {
		r, err := d.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Email: address})
		if err != nil {
			return false
		}
		for _, found := range r.GetCandidates() {
			if found.GetCustomer() == c.GetName() {
				_, err := d.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{Customer: c.GetName(), Line: "lines/gold"})
				return err == nil
			}
		}
		return false
	})
}

// link asks for one, and is its secret.
func (d desk) link(t *testing.T, address string) string {
	t.Helper()
	if _, err := d.contacts.SendLink(t.Context(), &entitlementv1.SendLinkRequest{Email: address, Client: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(await.Receive(t, "a link", d.mails).Text, "https://support.example/link#")
	secret, _, _ := strings.Cut(rest, "\n")
	return secret
}

func (d desk) open(t *testing.T, secret string) (string, error) {
	t.Helper()
	r, err := d.contacts.OpenSession(t.Context(), &entitlementv1.OpenSessionRequest{LinkSecret: secret, Client: "192.0.2.1"})
	return r.GetSession(), err
}

func (d desk) signIn(t *testing.T, address string) string {
	t.Helper()
	session, err := d.open(t, d.link(t, address))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func (d desk) signInByToken(t *testing.T, address string) string {
	t.Helper()
	r, err := d.contacts.OpenSession(t.Context(), &entitlementv1.OpenSessionRequest{IdToken: address, Nonce: "nonce"})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetSession()
}

func (d desk) see(t *testing.T, session string) (*entitlementv1.GetSessionResponse, error) {
	t.Helper()
	return d.contacts.GetSession(t.Context(), &entitlementv1.GetSessionRequest{Session: session})
}

func (d desk) reveal(t *testing.T, session, line string) (*entitlementv1.RevealNumberResponse, error) {
	t.Helper()
	return d.contacts.RevealNumber(t.Context(), &entitlementv1.RevealNumberRequest{Session: session, Line: line})
}

func (d desk) shown(t *testing.T, session string) {
	t.Helper()
	if told, err := d.reveal(t, session, "lines/gold"); err != nil || told.GetCustomer() == "" ||
		!strings.HasPrefix(told.GetContact(), told.GetCustomer()+"/contacts/") {
		t.Fatal(told.GetContact(), told.GetCustomer(), err)
	}
}

func (d desk) reveals(t *testing.T, customer string) []*entitlementv1.NumberReveal {
	t.Helper()
	r, err := d.contacts.ListReveals(t.Context(), &entitlementv1.ListRevealsRequest{Customer: customer})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetReveals()
}

func TestAContactSignsInAndIsShownTheNumber(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	session := d.signIn(t, "ANN@acme.example ")
	seen, err := d.see(t, session)
	if err != nil || len(seen.GetLines()) != 1 || seen.GetCustomer() != "customers/acme" || seen.GetContactId() != "ann" ||
		!seen.GetSelfService() || seen.GetLines()[0].GetLine() != "lines/gold" || !seen.GetLines()[0].GetEntitlement().GetEntitled() {
		t.Fatalf("saw %v, %v", seen, err)
	}
	if strings.Contains(fmt.Sprint(seen), hiddenNumber) {
		t.Error("the number is told to who did not ask")
	}
	told, err := d.reveal(t, session, "lines/gold")
	if err != nil || told.GetNumber() != hiddenNumber || told.GetFormerEndTime().GetSeconds() != 1_900_000_000 || !strings.Contains(told.GetReminder(), "acme alone") ||
		!told.GetValidUntil().AsTime().Equal(time.Date(2026, 12, 31, 13, 0, 0, 0, time.UTC)) {
		t.Errorf("told %v, %v", told, err)
	}
	_, err = d.reveal(t, session, "lines/web")
	wantReason(t, "a line without a contract", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = d.reveal(t, session, "lines/none")
	wantReason(t, "no such line", err, rpcv1.Reason_REASON_NOT_FOUND)
	got := d.reveals(t, "customers/acme")
	if len(got) != 1 || got[0].GetContactId() != "ann" || got[0].GetLine() != "lines/gold" || got[0].GetMethod() != "link" ||
		got[0].GetClient() != "192.0.2.1" || !got[0].GetTime().AsTime().Equal(d.clock.Now()) {
		t.Errorf("written down: %v", got)
	}
	if _, err := d.contacts.CloseSession(t.Context(), &entitlementv1.CloseSessionRequest{Session: session}); err != nil {
		t.Fatal(err)
	}
	_, err = d.see(t, session)
	wantReason(t, "after it is closed", err, rpcv1.Reason_REASON_NOT_FOUND)
}

func TestALinkIsUsedOnceAndInTime(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	secret := d.link(t, annAddress)
	const contenders = 5
	var wg sync.WaitGroup
	errs := make([]error, contenders)
	for i := range contenders {
		wg.Go(func() { _, errs[i] = d.open(t, secret) })
	}
	wg.Wait()
	opened := 0
	for _, err := range errs {
		if err == nil {
			opened++
			continue
		}
		wantReason(t, "a link that is used", err, rpcv1.Reason_REASON_NOT_FOUND)
	}
	if opened != 1 {
		t.Errorf("one link opened %d sessions", opened)
	}
	secret = d.link(t, annAddress)
	d.clock.Advance(15 * time.Minute)
	_, err := d.open(t, secret)
	wantReason(t, "a link that has expired", err, rpcv1.Reason_REASON_NOT_FOUND)
	session := d.signIn(t, annAddress)
	d.clock.Advance(time.Hour)
	_, err = d.see(t, session)
	wantReason(t, "a session that has", err, rpcv1.Reason_REASON_NOT_FOUND)
	for _, bad := range []string{"", "x", strings.Repeat("A", 43), secret[:42]} {
		_, err := d.open(t, bad)
		wantReason(t, "no link", err, rpcv1.Reason_REASON_NOT_FOUND)
		_, err = d.see(t, bad)
		wantReason(t, "no session", err, rpcv1.Reason_REASON_NOT_FOUND)
	}
}

func TestNobodyLearnsWhoseAnAddressIs(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	for _, address := range []string{"eve@evil.example", "bob@acme.example", annAddress} {
		r, err := d.contacts.SendLink(t.Context(), &entitlementv1.SendLinkRequest{Email: address, Client: address})
		if err != nil || !proto.Equal(r, &entitlementv1.SendLinkResponse{}) {
			t.Errorf("%s: %v, %v", address, r, err)
		}
	}
	if m := await.Receive(t, "a mail", d.mails); m.To != "Ann@acme.example" { // as the customer wrote it
		t.Errorf("to %s", m.To)
	}
	if len(d.mails) != 0 {
		t.Error("somebody else was sent a link, too")
	}
	_, err := d.contacts.SendLink(t.Context(), &entitlementv1.SendLinkRequest{Email: "no address"})
	wantReason(t, "no address", err, rpcv1.Reason_REASON_INVALID_FIELD)
}

// TestLinksAreLimitedByAddressAndClient: of an address in silence, for the answer says nothing of whose it is.
func TestLinksAreLimitedByAddressAndClient(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	ask := func(address, client string) error {
		_, err := d.contacts.SendLink(t.Context(), &entitlementv1.SendLinkRequest{Email: address, Client: client})
		return err
	}
	for i := range 4 {
		if err := ask(annAddress, fmt.Sprint("192.0.2.", i)); err != nil {
			t.Fatal(err)
		}
	}
	d.have(t, carlsBolt(), carlAddress)
	if err := ask(carlAddress, "192.0.2.9"); err != nil {
		t.Fatal(err)
	}
	to := map[string]int{}
	for to[carlAddress] == 0 { // whose link comes after all of Ann's
		to[strings.ToLower(await.Receive(t, "a link", d.mails).To)]++
	}
	if to[annAddress] != 3 {
		t.Errorf("%d links were sent to one address", to[annAddress])
	}
	for i := range 20 {
		if err := ask(fmt.Sprintf("a%d@x.example", i), "198.51.100.1"); err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, "too many of a client", ask("b@x.example", "198.51.100.1"), rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	d.clock.Advance(15 * time.Minute)
	if err := ask("ann@x.example", "198.51.100.1"); err != nil {
		t.Errorf("later: %v", err)
	}
	for range 20 {
		_, _ = d.open(t, strings.Repeat("A", 43))
	}
	_, err := d.open(t, strings.Repeat("A", 43))
	wantReason(t, "guessed too often", err, rpcv1.Reason_REASON_LIMIT_EXCEEDED)
}

// TestStrangersKeepNobodyOut: a client counts as a network, and some have very many.
func TestStrangersKeepNobodyOut(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	for i := range 20_001 {
		_, err := d.contacts.OpenSession(t.Context(), &entitlementv1.OpenSessionRequest{
			LinkSecret: "none", Client: fmt.Sprintf("2001:db8:%x::/64", i),
		})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
			t.Fatalf("stranger %d: %v", i, err)
		}
	}
	d.signIn(t, annAddress)
}
