package entitlement_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// TestContactsAreSpokenToInTheirLanguage: their own, else their customer's, else that of who asks; of those that there are.
func TestContactsAreSpokenToInTheirLanguage(t *testing.T) {
	d := newDesk(t)
	acme := annsAcme()
	acme.Language = "fr-CH"
	acme.Contacts[0].Language, acme.Contacts[1].SelfService = "de", true
	acme.Contracts = append(acme.Contracts, &entitlementv1.Contract{
		ContractId: "c-web", Plan: "basic", Product: "web", StartDate: &date.Date{Year: 2025, Month: 1, Day: 1},
		EndDate: &date.Date{Year: 2025, Month: 12, Day: 31},
	})
	d.have(t, acme, annAddress)
	bolt := carlsBolt()
	bolt.Language = "ja"
	d.have(t, bolt, carlAddress)
	sessions := map[string]string{}
	for _, c := range []struct{ address, asked, language, subject string }{
		{annAddress, "es", "de", "Ihr Link zum Anmelden"},
		{"bob@acme.example", "es", "fr", "Votre lien de connexion"},
		{carlAddress, "es", "es", "Su enlace para entrar"},
		{carlAddress, "", "en", "Your link to sign in"},
	} {
		if _, err := d.contacts.SendLink(t.Context(), &entitlementv1.SendLinkRequest{Email: c.address, Language: c.asked}); err != nil {
			t.Fatal(err)
		}
		m := await.Receive(t, "a link", d.mails)
		if m.Language != c.language || m.Subject != c.subject {
			t.Errorf("to %s, who asks in %q: %q in %q", c.address, c.asked, m.Subject, m.Language)
		}
		_, rest, _ := strings.Cut(m.Text, "/link#")
		secret, _, _ := strings.Cut(rest, "\n")
		session, err := d.open(t, secret)
		if err != nil {
			t.Fatal(err)
		}
		sessions[c.language] = session
		seen, err := d.contacts.GetSession(t.Context(), &entitlementv1.GetSessionRequest{Session: session, Language: c.asked})
		if err != nil || seen.GetLanguage() != c.language || seen.GetTimeZone() != "Australia/Sydney" {
			t.Errorf("%s sees %q in %q, %v", c.address, seen.GetLanguage(), seen.GetTimeZone(), err)
		}
	}
	seen, err := d.see(t, sessions["de"])
	if err != nil || len(seen.GetLines()) != 2 {
		t.Fatal(seen, err)
	}
	if got := seen.GetLines()[1].GetEntitlement().GetRemedies()[0].GetText(); got != "Vertrag c-web verlängern (abgelaufen am 2025-12-31)" {
		t.Errorf("what would change it: %q", got)
	}
	told, err := d.reveal(t, sessions["de"], "lines/gold")
	if err != nil || !strings.HasSuffix(told.GetReminder(), "Ihr Zugang gilt bis 1. Januar 2027, 00:00 AEDT.") {
		t.Errorf("%q, %v", told.GetReminder(), err)
	}
}
