package openid_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/openid"
)

// back is where the provider sends browsers; nobody listens there.
const back = "http://127.0.0.1:9/oidc/back"

// issuer starts a real provider.
func issuer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(os.Getenv("DAYSIDE_PEERS"), "oidc-provider")
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("DAYSIDE_REQUIRE_PEERS") != "" {
			t.Fatalf("%s is not here, and DAYSIDE_REQUIRE_PEERS is set (make peers installs it)", program)
		}
		t.Skipf("%s is not here (make peers installs it)", program)
	}
	cmd := exec.CommandContext(t.Context(), program, back) //nolint:gosec // a test's own
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func provider(t *testing.T, issuer string, clk clock.Clock) *openid.Provider {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("a-secret-of-tests\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openid.NewPatient(openid.Config{Issuer: issuer, ClientID: "dayside", ClientSecretFile: file, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// arrived is where a browser was sent that is not followed.
type arrived struct{ at *url.URL }

func (a arrived) Error() string { return "arrived" }

// signIn does at the provider what a person does, and is what the browser brings back.
func signIn(t *testing.T, to, address string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: await.Limit, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back) {
			return arrived{r.URL}
		}
		return nil
	}}
	resp, err := browser.Get(to)
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {address}, "password": {"x"}}, {"prompt": {"consent"}}} {
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", resp.Status, page)
		}
		resp, err = browser.PostForm(resp.Request.URL.String(), form)
	}
	var a arrived
	if !errors.As(err, &a) {
		t.Fatalf("the browser did not come back: %v", err)
	}
	_ = resp.Body.Close()
	return a.at.Query()
}

func TestSigningInAtARealProvider(t *testing.T) {
	iss := issuer(t)
	p := provider(t, iss, clock.System{})
	token := func(address string) (string, openid.Flow) {
		to, flow, err := p.Start(t.Context(), back)
		if err != nil {
			t.Fatal(err)
		}
		q := signIn(t, to, address)
		if q.Get("state") != flow.State {
			t.Fatalf("state %q came back, not %q", q.Get("state"), flow.State)
		}
		other := flow
		other.Verifier = strings.Repeat("x", 43)
		if address == "eve@x.example" { // who took the code, and has no verifier
			_, err := p.Finish(t.Context(), back, q.Get("code"), other)
			return "", wanted(t, "another's code", err, flow)
		}
		id, err := p.Finish(t.Context(), back, q.Get("code"), flow)
		if err != nil {
			t.Fatal(err)
		}
		return id, flow
	}
	id, flow := token("ann@acme.example")
	if address, err := p.VerifiedAddress(t.Context(), id, flow.Nonce); err != nil || address != "ann@acme.example" {
		t.Fatalf("%q, %v", address, err)
	}
	token("eve@x.example")
	unverified, itsFlow := token("unverified@acme.example")
	late := provider(t, iss, clock.Skewed{Base: clock.System{}, Offset: 48 * time.Hour})

	stranger, err := openid.NewPatient(openid.Config{Issuer: iss, ClientID: "another", Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		by        *openid.Provider
		id, nonce string
	}{
		"another sign-in's nonce":  {p, id, itsFlow.Nonce},
		"no nonce":                 {p, id, ""},
		"an unverified address":    {p, unverified, itsFlow.Nonce},
		"a token that has expired": {late, id, flow.Nonce},
		"another client's token":   {stranger, id, flow.Nonce},
		"a changed token":          {p, id[:len(id)-4] + "AAAA", flow.Nonce},
		"no token":                 {p, "x", flow.Nonce},
	} {
		address, err := c.by.VerifiedAddress(t.Context(), c.id, c.nonce)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND || address != "" {
			t.Errorf("%s: %q, %v", name, address, err)
		}
	}
}

func wanted(t *testing.T, what string, err error, f openid.Flow) openid.Flow {
	t.Helper()
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("%s: %v", what, err)
	}
	return f
}

func TestAProviderThatIsAway(t *testing.T) {
	p, err := openid.New(openid.Config{Issuer: "http://127.0.0.1:9", ClientID: "dayside", Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Start(t.Context(), back); fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
		t.Errorf("start: %v", err)
	}
	if _, err := p.VerifiedAddress(t.Context(), "x", "n"); fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
		t.Errorf("verify: %v", err)
	}
}

// TestNobodyWaitsForOthersAtAProviderThatHangs: whoever is gone does not wait, and those behind the first are told what the
// first was, so that strangers who ask do not pile up.
func TestNobodyWaitsForOthersAtAProviderThatHangs(t *testing.T) {
	asked, release := make(chan struct{}, 100), make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(hangs.Close)
	// On a clock that stands, what the first was told holds for as long as the others take to ask.
	p, err := openid.NewPatient(openid.Config{Issuer: hangs.URL, ClientID: "dayside", Clock: clock.NewManual(time.Unix(0, 0))})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	start := func(ctx context.Context) {
		if _, _, err := p.Start(ctx, back); fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
			t.Errorf("start: %v", err)
		}
	}
	all.Go(func() { start(t.Context()) })
	await.Receive(t, "the first asks", asked)
	left, leave := context.WithCancel(t.Context())
	leave()
	gone := make(chan struct{}, 1)
	all.Go(func() { start(left); gone <- struct{}{} })
	await.Receive(t, "who is gone, while the first still waits", gone)
	for range 20 {
		all.Go(func() { start(t.Context()) })
	}
	close(release)
	all.Wait()
	if more := len(asked); more > 0 {
		t.Errorf("%d more asked a provider that hangs", more)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for issuer, field := range map[string]string{
		"": "oidc-issuer", "http://login.example": "oidc-issuer", "login.example": "oidc-issuer", "https://login.example": "oidc-client-id",
	} {
		_, err := openid.New(openid.Config{Issuer: issuer})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Violations[0].Field != field {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}
