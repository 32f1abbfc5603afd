package portal_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/gateway/portal"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func TestFromAnAddressToANumber(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	b.get("/")
	b.submit("/ask", "", "email", "ann@acme.example")
	b.sees(http.StatusOK, "If this is the address")
	if len(c.asked) != 1 || c.asked[0].GetEmail() != "ann@acme.example" || c.asked[0].GetClient() != "127.0.0.1" {
		t.Fatalf("asked for %v", c.asked)
	}
	b.get("/link")
	b.get("/link") // a scanner of mails
	if len(c.opened) != 0 {
		t.Error("looking at the link used it up")
	}
	b.submit("/session", "", "secret", " "+b.base+"/link#goodlink\n")
	b.sees(http.StatusOK, "Gold", "You can call it now", "Your contract has ended.", "renew contract C-1", "EUR 90.50", "&lt;script&gt;")
	if strings.Contains(b.page, number) || strings.Contains(b.page, "<script") {
		t.Error("the page holds the number, or a script")
	}
	b.submit("/number", "lines/gold")
	b.sees(http.StatusOK, "tel:&#43;61255509999", "&#43;61 255 509 999", "For Acme alone.",
		"only until 22 December 2026, 18:00 UTC: replace it")
	if got := b.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the number may be kept: %q", got)
	}
	b.get("/")
	b.submit("/leave", "")
	b.sees(http.StatusOK, "Your e-mail address")
	b.do(http.MethodPost, "/number", url.Values{"line": {"lines/gold"}})
	b.sees(http.StatusUnauthorized, "session is over")
}

func TestWhatElseAContactDoes(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	b.signIn()
	b.submit("/promise", "promises/p1", "answer", "confirm")
	if c.answer.GetPromise() != "promises/p1" || c.answer.GetSettlement() != entitlementv1.Settlement_SETTLEMENT_CONFIRM {
		t.Errorf("confirmed %v", c.answer)
	}
	b.sees(http.StatusOK, "It is confirmed")
	b.submit("/promise", "promises/p2", "answer", "dispute", "reason", "not us")
	b.sees(http.StatusOK, "It is disputed")
	if c.answer.GetSettlement() != entitlementv1.Settlement_SETTLEMENT_DISPUTE || c.answer.GetReason() != "not us" {
		t.Errorf("disputed %v", c.answer)
	}
	b.submit("/name", "", "access_name", "Heron")
	b.sees(http.StatusOK, "is changed")
	b.submit("/name", "", "access_name", "taken")
	b.sees(http.StatusConflict, "This name is taken")
	b.get("/")
	b.submit("/customer", "", "customer", "customers/bolt")
	if c.named != "Heron" || c.turned != "customers/bolt" {
		t.Errorf("named %q, turned to %q", c.named, c.turned)
	}
	b.submit("/number", "lines/gold", "line", "lines/of-somebody-else")
	b.sees(http.StatusNotFound, "does not have this line")
	c.over = true
	b.get("/")
	b.sees(http.StatusUnauthorized, "session is over")
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	b.signIn()
	b.do(http.MethodPost, "/name", url.Values{"access_name": {"Evil"}})
	b.sees(http.StatusForbidden, "another session")
	b.do(http.MethodPost, "/name", url.Values{"access_name": {"Evil"}, "token": {"guess"}}, "Origin", "https://evil.example")
	b.sees(http.StatusForbidden, "")
	b.do(http.MethodPost, "/session", url.Values{"secret": {"goodlink"}}, "Sec-Fetch-Site", "cross-site", "Origin", "null")
	b.sees(http.StatusForbidden, "")
	b.get("/", "Host", "evil.example")
	b.sees(http.StatusMisdirectedRequest, "another host")
	for _, form := range []string{"/ask", "/session", "/leave", "/customer", "/number", "/name", "/promise"} {
		b.get(form) // as browsers do that bring a page back
		b.sees(http.StatusOK, "Sign out")
	}
	b.get("/none")
	b.sees(http.StatusNotFound, "Back to the first page")
	if c.named != "" {
		t.Error("was renamed all the same")
	}
}

func TestLinksThatOpenNothing(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	for _, secret := range []string{"badlink", "", "#", strings.Repeat("x", 500), "<script>"} {
		b.get("/link")
		b.submit("/session", "", "secret", secret)
		b.sees(http.StatusForbidden, "This does not let you in")
	}
	if len(c.opened) != 1 {
		t.Errorf("entitlement was asked %d times, of what cannot be a secret too", len(c.opened))
	}
	b.get("/link")
	b.submit("/session", "", "secret", strings.Repeat("x", 20_000))
	b.sees(http.StatusForbidden, "")
}

func TestSigningInElsewhere(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	b.get("/")
	b.sees(http.StatusOK, `href="/oidc/start"`)
	b.get("/oidc/back?state=st&code=good") // nobody was sent there
	b.sees(http.StatusForbidden, "company&#39;s account does not let you in")
	b.get("/oidc/start")
	if b.status != http.StatusFound || !strings.HasPrefix(b.header.Get("Location"), "https://login.example/") {
		t.Fatalf("%d to %s", b.status, b.header.Get("Location"))
	}
	b.get("/oidc/back?state=another&code=good")
	b.sees(http.StatusForbidden, "company&#39;s account does not let you in")
	b.get("/oidc/back?state=st&code=good") // once is all there is
	b.sees(http.StatusForbidden, "company&#39;s account does not let you in")
	for _, refused := range []string{"error=access_denied", "code=bad"} { // by the provider's page, or by the provider
		b.get("/oidc/start")
		b.get("/oidc/back?state=st&" + refused)
		b.sees(http.StatusForbidden, "company&#39;s account does not let you in")
	}
	b.get("/oidc/start")
	b.get("/oidc/back?state=st&code=good")
	b.sees(http.StatusOK, "Sign out")
	if got := c.opened[len(c.opened)-1]; got.GetIdToken() != "id-of-ann" || got.GetNonce() != "n" {
		t.Errorf("opened by %v", got)
	}
	none := open(t, &contacts{}, func(cfg *portal.Config) { cfg.Identities = nil })
	none.get("/")
	if strings.Contains(none.page, "oidc") {
		t.Error("a way to sign in is shown that is none")
	}
	none.get("/oidc/start")
	none.sees(http.StatusNotFound, "by a link")
}

// TestWhatAMailProgramMakesOfALink: into brackets, a sentence, another link.
func TestWhatAMailProgramMakesOfALink(t *testing.T) {
	for _, pasted := range []string{
		"goodlink", "#goodlink", " https://support.example/link#goodlink\r\n", "<https://support.example/link#goodlink>",
		"https://support.example/link#goodlink.", "http://127.0.0.1/link#goodlink (once)",
		"https://safe.example/?url=https%3A%2F%2Fsupport.example%2Flink%23goodlink&data=05%7C02",
		"https://safe.example/?u=https%253A%252F%252Fsupport.example%252Flink%2523goodlink%26x",
	} {
		b := open(t, &contacts{}, nil)
		b.get("/link")
		b.submit("/session", "", "secret", pasted)
		b.sees(http.StatusOK, "Sign out")
	}
}

// TestALinkLeadsToAnotherPage than that of who asked for it: a browser that is at its address loads nothing.
func TestALinkLeadsToAnotherPage(t *testing.T) {
	b := open(t, &contacts{}, nil)
	b.get("/")
	b.submit("/ask", "", "email", "<ann>@acme.example")
	b.sees(http.StatusOK, "&lt;ann&gt;@acme.example", "Ask again")
	if strings.Contains(b.page, `action="/link"`) {
		t.Error("the page is at the address to which links lead")
	}
	b.submit("/ask", "")
	b.sees(http.StatusOK, "&lt;ann&gt;@acme.example")
}

// TestAPageOfBeforeActsForItsCompany: what it shows is sent along, so that entitlement sees when the session is another's.
func TestAPageOfBeforeActsForItsCompany(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	b.signIn()
	b.submit("/name", "", "access_name", "Heron")
	b.submit("/number", "lines/gold")
	if len(c.of) != 2 || c.of[0] != "customers/acme" || c.of[1] != "customers/acme" {
		t.Errorf("asked for %q", c.of)
	}
}

func TestASessionThatIsOverIsSaidSoWhateverWasAsked(t *testing.T) {
	for _, form := range []string{"/name", "/promise", "/number", "/customer"} {
		c := &contacts{}
		b := open(t, c, nil)
		b.signIn()
		c.over = true
		b.submit(form, "", "access_name", "Heron", "answer", "confirm", "customer", "customers/bolt")
		b.sees(http.StatusUnauthorized, "<title>Your session is over</title>")
	}
}

func TestASessionIsEndedByTheNextOne(t *testing.T) {
	c := &contacts{}
	b := open(t, c, nil)
	b.signIn()
	b.get("/link")
	b.submit("/session", "", "secret", "goodlink")
	if len(c.opened) != 2 || c.closed != 1 {
		t.Errorf("%d sessions were opened, %d ended", len(c.opened), c.closed)
	}
}

// TestAProxyThatIsNotNamedIsToldOf: else all who come by it share one limit, and nobody knows why.
func TestAProxyThatIsNotNamedIsToldOf(t *testing.T) {
	var log strings.Builder
	b := open(t, &contacts{}, func(cfg *portal.Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 3 {
		b.get("/", "X-Forwarded-For", "198.51.100.7")
	}
	if n := strings.Count(log.String(), "--portal-proxies"); n != 1 || strings.Contains(log.String(), "198.51.100.7") {
		t.Errorf("told %d times: %s", n, log.String())
	}
}

func TestWhatBrowsersMayDo(t *testing.T) {
	b := open(t, &contacts{}, func(cfg *portal.Config) { cfg.URL = "https://support.example" })
	b.get("/link", "Host", "support.example")
	if csp := b.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'self'") {
		t.Errorf("of the link's page: %s", csp)
	}
	b.get("/")
	if csp := b.header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script-src") {
		t.Errorf("of others: %s", csp)
	}
	if b.header.Get("Strict-Transport-Security") == "" || b.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", b.header)
	}
	b.do(http.MethodPost, "/session", url.Values{"secret": {"goodlink"}}, "Origin", "https://support.example")
	b.get("/oidc/start")
	cookie := b.header.Get("Set-Cookie")
	for _, want := range []string{"__Host-dayside-sign-in=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie lacks %s: %s", want, cookie)
		}
	}
	for _, path := range []string{"/style.css", "/link.js"} {
		if b.get(path); b.status != http.StatusOK || b.page == "" {
			t.Errorf("%s: %d", path, b.status)
		}
	}
}

func TestClientsAreToldApart(t *testing.T) {
	c := &contacts{}
	b := open(t, c, func(cfg *portal.Config) {
		cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")}
	})
	for _, said := range []struct{ forwarded, client string }{
		{"198.51.100.7", "198.51.100.7"},
		{"203.0.113.1, 198.51.100.7, 192.0.2.3", "198.51.100.7"}, // what a stranger put before is not believed
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"203.0.113.1:8080, 198.51.100.7:52011, 192.0.2.3:443", "198.51.100.7"}, // as some proxies write it
		{"[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"},
		{"nonsense", "127.0.0.1"},
		{"", "127.0.0.1"},
	} {
		b.do(http.MethodPost, "/ask", url.Values{"email": {"a@b.example"}}, "X-Forwarded-For", said.forwarded)
		if got := c.asked[len(c.asked)-1].GetClient(); got != said.client {
			t.Errorf("%q is %q, want %q", said.forwarded, got, said.client)
		}
	}
	plain := open(t, c, nil)
	plain.do(http.MethodPost, "/ask", url.Values{"email": {"a@b.example"}}, "X-Forwarded-For", "198.51.100.7")
	if got := c.asked[len(c.asked)-1].GetClient(); got != "127.0.0.1" {
		t.Errorf("who is no proxy was believed: %q", got)
	}
}

func TestRequestsAreLimited(t *testing.T) {
	clk := clock.NewManual(time.Date(2026, 11, 22, 9, 0, 20, 0, time.UTC))
	b := open(t, &contacts{}, func(cfg *portal.Config) { cfg.Clock = clk })
	for range 120 {
		b.get("/style.css")
		b.sees(http.StatusOK, "")
	}
	b.get("/")
	b.sees(http.StatusTooManyRequests, "")
	if got := b.header.Get("Retry-After"); got != "41" {
		t.Errorf("retry after %s", got)
	}
	clk.Advance(41 * time.Second)
	b.get("/")
	b.sees(http.StatusOK, "")
}

func TestConfigurationIsChecked(t *testing.T) {
	for _, u := range []string{"", "support.example", "ftp://x.example", "https://x.example/path", "https://u:p@x.example", "https://x.example?q"} {
		_, err := portal.New(portal.Config{URL: u, Clock: clock.System{}})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Violations[0].Field != "portal-url" {
			t.Errorf("%q: %v", u, err)
		}
	}
}

// FuzzPasted: whatever is pasted, a page comes back, and entitlement is asked of what can be a secret only.
func FuzzPasted(f *testing.F) {
	f.Add("https://x.example/link#goodlink")
	f.Add(" #\x00")
	c := &contacts{}
	p, err := portal.New(portal.Config{URL: "http://127.0.0.1", Contacts: c, Clock: clock.NewManual(time.Time{}), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	handler := p.Handler()
	f.Fuzz(func(t *testing.T, pasted string) {
		c.opened = nil
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/session", strings.NewReader(url.Values{"secret": {pasted}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "no address"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%q: %d", pasted, w.Code)
		}
		for _, o := range c.opened {
			if s := o.GetLinkSecret(); len(s) > 128 || strings.ContainsAny(s, "#<> \r\n\x00") || !strings.Contains(pasted, s) {
				t.Errorf("%q was taken for a secret", s)
			}
		}
	})
}
