package entitlement_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// another is a further process of the same cluster.
func (d desk) another(t *testing.T) desk {
	t.Helper()
	other := d
	other.Service = entitlement.New(entitlement.Config{
		Store: d.store, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: d.clock,
		Mail: outbox{d.mails}, PortalURL: "https://support.example", Lines: switchboard{}, Identities: identities{},
	})
	all := registrar{}
	other.Register(all)
	other.contacts, _ = all["dayside.entitlement.v1.ContactService"].(entitlementv1.ContactServiceServer)
	other.follow(t)
	await.True(t, "the other process's first list", other.Ready)
	return other
}

// TestAContactsLinksAreLimitedAtAllProcesses together: a stranger who asks each of them sends no more mails for it.
func TestAContactsLinksAreLimitedAtAllProcesses(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	d.have(t, carlsBolt(), carlAddress)
	other := d.another(t)
	ask := func(at desk, address string, i int) {
		t.Helper()
		r := &entitlementv1.SendLinkRequest{Email: address, Client: fmt.Sprint("192.0.2.", i)}
		if _, err := at.contacts.SendLink(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		ask(d, annAddress, i)
		ask(other, annAddress, i)
	}
	ask(d, carlAddress, 9) // whose links come after all of Ann's at their process
	ask(other, carlAddress, 9)
	to := map[string]int{}
	for to[carlAddress] < 2 {
		to[strings.ToLower(await.Receive(t, "a link", d.mails).To)]++
	}
	if to[annAddress] != 3 {
		t.Errorf("%d links were sent to one contact", to[annAddress])
	}
	entries, _, err := d.etcd.ListAll(t.Context(), "entitlement/tallies/")
	if err != nil || len(entries) != 2 {
		t.Errorf("%d counts are kept, of two contacts: %v", len(entries), err)
	}
	for _, e := range entries {
		if strings.Contains(e.Key, "@") {
			t.Errorf("an address is a key: %s", e.Key)
		}
	}
	d.clock.Advance(15 * time.Minute)
	d.link(t, annAddress) // she is let in again
	await.True(t, "a sweep", func() bool {
		d.clock.Advance(time.Minute)
		entries, _, err := d.etcd.ListAll(t.Context(), "entitlement/tallies/")
		return err == nil && len(entries) == 0
	})
}

// TestGuessesAreLimitedAtAllProcesses together, and whoever shows what is right has written nothing.
func TestGuessesAreLimitedAtAllProcesses(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	d.setPin(t, "acme", "28406")
	other := d.another(t)
	kept := func() int {
		entries, _, err := d.etcd.ListAll(t.Context(), "entitlement/tallies/guesses/")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	for i := range 5 {
		at := []desk{d, other}[i%2]
		if right, err := at.verify(t, "acme", "00000"); err != nil || right {
			t.Fatalf("guess %d: %v, %v", i, right, err)
		}
	}
	for _, at := range []desk{d, other} {
		_, err := at.verify(t, "acme", "28406")
		wantReason(t, "after five wrong ones", err, rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	}
	d.setPin(t, "acme", "15973")
	if right, err := d.verify(t, "acme", "15973"); err != nil || !right || kept() != 0 {
		t.Errorf("a new one: %v, %v; %d counts are left", right, err, kept())
	}
}
