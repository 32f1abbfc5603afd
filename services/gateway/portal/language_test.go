package portal_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/daysidehq/dayside/services/gateway/portal"
	"github.com/daysidehq/dayside/services/internal/contacttext"
)

// sydney is the only zone that is known.
func sydney(name string) *time.Location {
	if name != "Australia/Sydney" {
		return nil
	}
	return time.FixedZone("AEDT", 11*3600)
}

// TestPagesAreInTheBrowsersLanguageBeforeSomebodyIsKnown, and in the contact's after that.
func TestPagesAreInTheBrowsersLanguageBeforeSomebodyIsKnown(t *testing.T) {
	c := &contacts{spoken: "de", zone: "Australia/Sydney"}
	b := open(t, c, func(cfg *portal.Config) { cfg.Zone = sydney })
	b.accept = "fr-CH, fr;q=0.9, en;q=0.8"
	b.get("/")
	b.sees(http.StatusOK, `<html lang="fr">`, "Votre adresse e-mail")
	b.submit("/ask", "", "email", "ann@acme.example")
	b.sees(http.StatusOK, `<html lang="fr">`, "Consultez votre messagerie")
	if got := c.asked[0].GetLanguage(); got != "fr" {
		t.Errorf("a mail is asked for in %q", got)
	}
	b.get("/link")
	b.submit("/session", "", "secret", "badlink")
	b.sees(http.StatusForbidden, `<html lang="fr">`, "Cela ne vous donne pas accès")
	b.get("/link")
	b.submit("/session", "", "secret", "goodlink")
	b.sees(http.StatusOK, `<html lang="de">`, "Abmelden", "Sie können sie jetzt anrufen.", "Ihr Vertrag ist abgelaufen.", "90,50\u00a0EUR",
		"<bdi>Ann</bdi>, angemeldet bis 23. Dezember 2026, 05:00 AEDT.")
	if b.header.Get("Content-Language") != "de" {
		t.Errorf("said to be in %q", b.header.Get("Content-Language"))
	}
	b.submit("/number", "lines/gold")
	b.sees(http.StatusOK, `<html lang="de">`, "gilt nur noch bis 23. Dezember 2026, 05:00 AEDT: Ersetzen Sie sie.")
	b.get("/")
	c.refusal = status.Error(codes.Aborted, "changed")
	b.submit("/name", "", "access_name", "Heron")
	b.sees(http.StatusConflict, `<html lang="de">`, "Das geht jetzt nicht")
	c.refusal, c.over = nil, true
	b.get("/")
	b.sees(http.StatusUnauthorized, `<html lang="fr">`, "Votre session est terminée")
}

// TestAZoneThatNobodyKnowsIsUTC: that of a customer may be gone with other rules, or those not be there yet.
func TestAZoneThatNobodyKnowsIsUTC(t *testing.T) {
	for _, change := range []func(*portal.Config){nil, func(cfg *portal.Config) { cfg.Zone = sydney }} {
		b := open(t, &contacts{zone: "Mars/Utopia"}, change)
		b.signIn()
		b.sees(http.StatusOK, "signed in until 22 December 2026, 18:00 UTC.")
	}
}

// TestNoPageMixesLanguages: what English pages say beside data is on no page of another language.
func TestNoPageMixesLanguages(t *testing.T) {
	words := func(page string) (said map[string]bool) {
		said = map[string]bool{}
		for _, text := range regexp.MustCompile(`>([^<>]*[^<>\s][^<>]*)<`).FindAllStringSubmatch(page, -1) {
			said[strings.TrimSpace(text[1])] = true
		}
		return said
	}
	data := map[string]bool{"Gold": true, "Late": true, "Day pass": true, "Call": true, "Ann": true, "Bolt": true, "Heron": true, "One call.": true}
	pages := func(language string) (all []string) {
		c := &contacts{spoken: language, named: "Heron"}
		b := open(t, c, nil)
		b.accept = language
		look := func() { all = append(all, b.page) }
		b.get("/")
		look()
		b.submit("/ask", "", "email", "ann@acme.example")
		look()
		b.get("/link")
		look()
		b.submit("/session", "", "secret", "goodlink")
		look()
		b.submit("/number", "lines/gold")
		look()
		for _, page := range []string{"/?named", "/?confirmed", "/?disputed", "/none"} {
			b.get(page)
			look()
		}
		return all
	}
	english := pages("en")
	for _, l := range contacttext.Languages()[1:] {
		for i, page := range pages(l.Tag) {
			in := words(english[i])
			for said := range words(page) {
				if in[said] && !data[said] && !strings.ContainsAny(said, "@<&+") && said != "renew contract C-1" && said != "For Acme alone." {
					t.Errorf("page %d in %s says %q", i, l.Tag, said)
				}
			}
		}
	}
}
