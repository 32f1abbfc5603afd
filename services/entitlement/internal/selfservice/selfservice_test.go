package selfservice_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/internal/contacttext"
)

func start() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func TestASecretIsKeptUnderItsHash(t *testing.T) {
	secret := selfservice.Secret([selfservice.SecretBytes]byte{1, 2, 3})
	key, ok := selfservice.SecretKey(secret)
	if !ok || len(key) != 64 || strings.Contains(key, secret) {
		t.Errorf("%q: %q %v", secret, key, ok)
	}
	other, _ := selfservice.SecretKey(selfservice.Secret([selfservice.SecretBytes]byte{1, 2, 4}))
	if other == key {
		t.Error("two secrets have one key")
	}
	for _, bad := range []string{"", secret[1:], secret + "A", secret + "=", " " + secret, "../" + secret[3:], secret[:42] + "!", secret[:42] + "B"} {
		if key, ok := selfservice.SecretKey(bad); ok {
			t.Errorf("%q is taken for a secret, with the key %q", bad, key)
		}
	}
}

// FuzzSecretKey: a key holds nothing but hex, whatever a stranger shows, and only what Secret wrote has one.
func FuzzSecretKey(f *testing.F) {
	f.Add("AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		key, ok := selfservice.SecretKey(text)
		if ok != (key != "") || strings.Trim(key, "0123456789abcdef") != "" || ok && len(text) != 43 {
			t.Errorf("%q: %q %v", text, key, ok)
		}
	})
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"Ann@Acme.Example": "ann@acme.example", " ann@acme.example\n": "ann@acme.example",
		"": "", "ann": "", "@acme.example": "", "ann@": "", "a@b@c": "", "Ann <ann@acme.example>": "", "a@b\r\nBcc: c@d": "",
		"ann@\u212aelvin.example": "ann@\u212aelvin.example", // the Kelvin sign is no k
	} {
		if got := selfservice.Address(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestContactOfAnAddress(t *testing.T) {
	c := &entitlementv1.Customer{Contacts: []*entitlementv1.Contact{
		{ContactId: "nobody"},
		{ContactId: "desk", Email: "Desk@acme.example"},
		{ContactId: "ann", Email: "desk@acme.example", SelfService: true},
		{ContactId: "bob", Email: "bob@acme.example"},
	}}
	for address, want := range map[string]string{
		"desk@acme.example": "ann", "bob@acme.example": "bob", "eve@acme.example": "", "": "",
	} {
		got, ok := selfservice.ContactOf(c, selfservice.AddressHash(address))
		if got.GetContactId() != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", address, got.GetContactId(), ok, want)
		}
	}
}

func reveal(contact string, at time.Time) *entitlementv1.NumberReveal {
	return &entitlementv1.NumberReveal{ContactId: contact, Time: timestamppb.New(at)}
}

func TestRevealsAreLimitedByContactAndByCustomer(t *testing.T) {
	count, wait := (*entitlementv1.StoredRevealCount)(nil), time.Duration(0)
	show := func(contact string, at time.Time) time.Duration {
		var next *entitlementv1.StoredRevealCount
		if next, wait = selfservice.Count(count, reveal(contact, at)); wait == 0 {
			count = next
		}
		return wait
	}
	for i := range selfservice.MaxContactReveals {
		if wait := show("ann", start().Add(time.Duration(i)*time.Minute)); wait != 0 {
			t.Fatalf("the %d. one waits %v", i+1, wait)
		}
	}
	if wait := show("ann", start().Add(10*time.Minute)); wait != 50*time.Minute {
		t.Errorf("one more waits %v", wait)
	}
	for i := range selfservice.MaxCustomerReveals - selfservice.MaxContactReveals {
		if wait := show(fmt.Sprint("c", i), start().Add(10*time.Minute)); wait != 0 {
			t.Fatalf("another contact waits %v", wait)
		}
	}
	if wait := show("eve", start().Add(10*time.Minute)); wait != 50*time.Minute {
		t.Errorf("one contact too many waits %v", wait)
	}
	if wait := show("ann", start().Add(time.Hour)); wait != 0 {
		t.Errorf("an hour after the first one: %v", wait)
	}
}

func TestNoWindowHoldsTooManyReveals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var count *entitlementv1.StoredRevealCount
		type shown struct {
			contact string
			at      time.Time
		}
		var all []shown
		now := start()
		for range rapid.IntRange(1, 120).Draw(t, "asked") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			contact := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "contact")
			next, wait := selfservice.Count(count, reveal(contact, now))
			inWindow, own := 0, 0
			for _, s := range all {
				if now.Sub(s.at) < selfservice.RevealWindow {
					inWindow++
					if s.contact == contact {
						own++
					}
				}
			}
			may := inWindow < selfservice.MaxCustomerReveals && own < selfservice.MaxContactReveals
			if may != (wait == 0) || len(next.GetReveals()) > selfservice.MaxCustomerReveals {
				t.Fatalf("%d of the customer, %d of the contact: wait %v, %d kept", inWindow, own, wait, len(next.GetReveals()))
			}
			if may {
				count, all = next, append(all, shown{contact, now})
			}
		}
	})
}

func TestLaterRevealsComeFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) *timestamppb.Timestamp {
			return timestamppb.New(time.UnixMicro(rapid.Int64Range(-1e15, 4e15).Draw(t, name)))
		}
		a, b := at("a"), at("b")
		idA, idB := selfservice.RevealID(a, [8]byte{1}), selfservice.RevealID(b, [8]byte{2})
		if a.AsTime().After(b.AsTime()) && idA >= idB {
			t.Fatalf("%v is %s, %v is %s", a.AsTime(), idA, b.AsTime(), idB)
		}
		now := a.AsTime().Add(rapid.SampledFrom([]time.Duration{0, selfservice.RevealRetention, 2 * selfservice.RevealRetention}).Draw(t, "age"))
		if gone := idA > selfservice.ExpiredReveals(now); gone != (now.Sub(a.AsTime()) > selfservice.RevealRetention) {
			t.Fatalf("%v old: gone %v", now.Sub(a.AsTime()), gone)
		}
	})
}

func TestWhatContactsAreTold(t *testing.T) {
	subject, text := selfservice.LinkMail(contacttext.Of(), "https://support.example/", "SECRET", "Acme\r\nBcc: \u202eeve", 15*time.Minute)
	if !strings.Contains(text, "\nhttps://support.example/link#SECRET\n") || strings.Contains(text, "\nBcc") ||
		strings.ContainsAny(text, "\r\u202e") || !strings.Contains(text, "15 minutes") || strings.Contains(subject, "SECRET") {
		t.Errorf("%q %q", subject, text)
	}
	remind := func(line string, published bool, until time.Time) string {
		return selfservice.Reminder(contacttext.Of(), line, "Acme", published, until, time.FixedZone("AEDT", 11*3600))
	}
	if text := remind("Gold emergencies", false, start()); !strings.Contains(text, "Acme alone") || !strings.Contains(text, "22 November 2026, 20:00 AEDT") {
		t.Error(text)
	}
	if text := remind("Gold emergencies", false, time.Time{}); strings.Contains(text, "until") {
		t.Error(text)
	}
	if text := remind("Office", true, time.Time{}); strings.Contains(text, "alone") || !strings.Contains(text, "public") {
		t.Error(text)
	}
}
