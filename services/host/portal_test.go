package host

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestSelfServiceIsChecked(t *testing.T) {
	etcd := newHouse(t)
	for name, c := range map[string]struct {
		self SelfService
		want string
	}{
		"for everybody":          {SelfService{Listen: "0.0.0.0:0"}, "--portal-listen 0.0.0.0:0 is not a loopback address"},
		"over plain text":        {SelfService{Listen: "127.0.0.1:0", URL: "http://support.example"}, "--portal-url http://support.example must begin with https://"},
		"links that lead no way": {SelfService{SMTP: SMTP{Addr: "127.0.0.1:25", From: "a@b.example"}}, "--portal-url is needed with --smtp"},
		"mail from nobody":       {SelfService{Listen: "127.0.0.1:0", SMTP: SMTP{Addr: "127.0.0.1:25"}}, "--smtp-from must be an address"},
		"a provider in clear":    {SelfService{Listen: "127.0.0.1:0", OIDC: OIDC{Issuer: "http://login.example"}}, "--oidc-issuer http://login.example must be an https URL"},
		"a path":                 {SelfService{Listen: "127.0.0.1:0", URL: "https://support.example/portal"}, "--portal-url https://support.example/portal must be the URL"},
	} {
		cfg := etcd.config(t, "a", Entitlement)
		cfg.SelfService = c.self
		if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAPortalAsksEntitlementElsewhere: any process can serve the portal.
func TestAPortalAsksEntitlementElsewhere(t *testing.T) {
	etcd := newHouse(t)
	run(t, etcd.config(t, "owner", Schedule, Entitlement))
	cfg := etcd.config(t, "edge", Routing)
	cfg.SelfService.Listen = "127.0.0.1:0"
	p, _ := run(t, cfg)
	ask := func(method, path, form string) (status int, page string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, p.Addresses().Portal+path, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, page := ask(http.MethodGet, "/", ""); status != http.StatusOK || !strings.Contains(page, "Your e-mail address") {
		t.Errorf("%d %s", status, page)
	}
	status, page := ask(http.MethodPost, "/ask", url.Values{"email": {"ann@acme.example"}}.Encode())
	if status != http.StatusConflict || !strings.Contains(page, "No links are sent") {
		t.Errorf("%d %s", status, page)
	}
	secret := url.Values{"secret": {strings.Repeat("A", 43)}}.Encode()
	if status, page := ask(http.MethodPost, "/session", secret); status != http.StatusForbidden || !strings.Contains(page, "does not let you in") {
		t.Errorf("%d %s", status, page)
	}
}
