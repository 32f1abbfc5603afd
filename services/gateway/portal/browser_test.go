package portal_test

import (
	"cmp"
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/gateway/portal"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/openid"
)

const number = "+61255509999"

// contacts is entitlement with one contact, who has the link "goodlink" and the session "s1".
type contacts struct {
	entitlementv1.ContactServiceClient
	mu     sync.Mutex
	over   bool
	asked  []*entitlementv1.SendLinkRequest
	opened []*entitlementv1.OpenSessionRequest
	named  string
	answer *entitlementv1.AnswerPromiseRequest
	turned string
	of     []string // customers on whose pages something was done
	closed int
	err    error
	// spoken and zone are the contact's language and their customer's zone.
	spoken, zone string
	// refusal of whatever is done; helpless contacts may only look.
	refusal  error
	helpless bool
}

func (c *contacts) session(s string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != "s1" || c.over {
		return status.Error(codes.NotFound, "the session is over")
	}
	return c.err
}

func (c *contacts) until() time.Time { return time.Date(2026, 12, 22, 18, 0, 0, 0, time.UTC) }

func (c *contacts) SendLink(_ context.Context, r *entitlementv1.SendLinkRequest, _ ...grpc.CallOption) (*entitlementv1.SendLinkResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, r)
	return &entitlementv1.SendLinkResponse{}, cmp.Or(c.refusal, c.err)
}

func (c *contacts) OpenSession(_ context.Context, r *entitlementv1.OpenSessionRequest, _ ...grpc.CallOption) (*entitlementv1.OpenSessionResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened, c.over = append(c.opened, r), false
	if r.GetLinkSecret() != "goodlink" && (r.GetIdToken() != "id-of-ann" || r.GetNonce() != "n") {
		return nil, status.Error(codes.NotFound, "no")
	}
	return &entitlementv1.OpenSessionResponse{Session: "s1", ExpireTime: timestamppb.New(clock.System{}.Now().Add(time.Hour))}, nil
}

func (c *contacts) GetSession(_ context.Context, r *entitlementv1.GetSessionRequest, _ ...grpc.CallOption) (*entitlementv1.GetSessionResponse, error) {
	return &entitlementv1.GetSessionResponse{
		AccessName: c.named,
		Customer:   "customers/acme", CustomerDisplayName: `Acme <script>alert("x")</script>`, ContactDisplayName: "Ann", SelfService: !c.helpless,
		Lines: []*entitlementv1.SelfServiceLine{
			{Line: "lines/gold", DisplayName: "Gold", Entitlement: &entitlementv1.CustomerEntitlement{Entitled: true}},
			{Line: "lines/late", DisplayName: "Late", Entitlement: &entitlementv1.CustomerEntitlement{
				Basis:    entitlementv1.Basis_BASIS_CONTRACT_ENDED,
				Remedies: []*entitlementv1.Remedy{{Text: "renew contract C-1"}},
			}},
		},
		Promises: []*entitlementv1.Promise{
			{Name: "promises/p1", State: entitlementv1.PromiseState_PROMISE_STATE_PENDING, OfferDisplayName: "Day pass",
				Amount: &money.Money{CurrencyCode: "EUR", Units: 90, Nanos: 500_000_000}},
			{Name: "promises/p2", State: entitlementv1.PromiseState_PROMISE_STATE_OWED, OfferDisplayName: "Call", TermsText: "One call."},
		},
		Others:   []*entitlementv1.SelfServiceCustomer{{Customer: "customers/bolt", DisplayName: "Bolt"}},
		Language: cmp.Or(c.spoken, r.GetLanguage()), TimeZone: c.zone, ExpireTime: timestamppb.New(c.until()),
	}, c.session(r.GetSession())
}

func (c *contacts) RevealNumber(_ context.Context, r *entitlementv1.RevealNumberRequest, _ ...grpc.CallOption) (*entitlementv1.RevealNumberResponse, error) {
	c.of = append(c.of, r.GetCustomer())
	return &entitlementv1.RevealNumberResponse{
		Number: number, Reminder: "For Acme alone.", FormerEndTime: timestamppb.New(c.until()),
	}, cmp.Or(c.refusal, c.session(r.GetSession()))
}

func (c *contacts) ChooseAccessName(_ context.Context, r *entitlementv1.ChooseAccessNameRequest, _ ...grpc.CallOption) (*entitlementv1.ChooseAccessNameResponse, error) {
	c.of = append(c.of, r.GetCustomer())
	if r.GetAccessName() == "taken" {
		return nil, status.Error(codes.AlreadyExists, "another's")
	}
	c.named = r.GetAccessName()
	return &entitlementv1.ChooseAccessNameResponse{}, cmp.Or(c.refusal, c.session(r.GetSession()))
}

func (c *contacts) AnswerPromise(_ context.Context, r *entitlementv1.AnswerPromiseRequest, _ ...grpc.CallOption) (*entitlementv1.AnswerPromiseResponse, error) {
	c.answer = r
	return &entitlementv1.AnswerPromiseResponse{}, cmp.Or(c.refusal, c.session(r.GetSession()))
}

func (c *contacts) SelectCustomer(_ context.Context, r *entitlementv1.SelectCustomerRequest, _ ...grpc.CallOption) (*entitlementv1.SelectCustomerResponse, error) {
	c.turned = r.GetCustomer()
	return &entitlementv1.SelectCustomerResponse{}, cmp.Or(c.refusal, c.session(r.GetSession()))
}

func (c *contacts) CloseSession(context.Context, *entitlementv1.CloseSessionRequest, ...grpc.CallOption) (*entitlementv1.CloseSessionResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.closed++
	return &entitlementv1.CloseSessionResponse{}, nil
}

// elsewhere is a provider of identities.
type elsewhere struct{}

func (elsewhere) Start(context.Context, string) (string, openid.Flow, error) {
	return "https://login.example/authorize?state=st", openid.Flow{State: "st", Nonce: "n", Verifier: "v"}, nil
}

func (elsewhere) Finish(_ context.Context, back, code string, f openid.Flow) (string, error) {
	if code != "good" || f.Verifier != "v" || !strings.HasSuffix(back, "/oidc/back") {
		return "", fault.NotFound("the code")
	}
	return "id-of-ann", nil
}

// browser keeps cookies, follows redirects, fills in forms, and runs no scripts.
type browser struct {
	t *testing.T
	*http.Client
	base string
	// page it looks at, and how that was answered.
	page   string
	status int
	header http.Header
	// accept is what it says of languages.
	accept string
}

func open(t *testing.T, c *contacts, change func(*portal.Config)) *browser {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	cfg := portal.Config{
		URL: "http://" + srv.Listener.Addr().String(), Contacts: c, Identities: elsewhere{}, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	p, err := portal.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = p.Handler()
	srv.Start()
	t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, Client: &http.Client{Jar: jar}, base: srv.URL}
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), b.base) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return b
}

func (b *browser) do(method, path string, form url.Values, set ...string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.base)
	}
	if b.accept != "" {
		r.Header.Set("Accept-Language", b.accept)
	}
	for i := 0; i < len(set); i += 2 {
		if r.Header.Set(set[i], set[i+1]); set[i] == "Host" {
			r.Host = set[i+1]
		}
	}
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.status, b.header = string(text), resp.StatusCode, resp.Header
}

func (b *browser) get(path string, set ...string) {
	b.t.Helper()
	b.do(http.MethodGet, path, nil, set...)
}

// submit fills in the form of the page that goes to action, the one with a button or field that says `with`.
func (b *browser) submit(action, with string, fields ...string) {
	b.t.Helper()
	for _, form := range regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`).FindAllStringSubmatch(b.page, -1) {
		if form[1] != action || !strings.Contains(form[2], with) {
			continue
		}
		values := url.Values{}
		for _, hidden := range regexp.MustCompile(`type="hidden" name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(form[2], -1) {
			values.Set(hidden[1], html.UnescapeString(hidden[2]))
		}
		for i := 0; i < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		b.do(http.MethodPost, action, values)
		return
	}
	b.t.Fatalf("no form to %s with %q in: %s", action, with, b.page)
}

// sees fails where the page does not say all of it, or has another status.
func (b *browser) sees(status int, all ...string) {
	b.t.Helper()
	for _, s := range all {
		if b.status != status || !strings.Contains(b.page, s) {
			b.t.Fatalf("status %d, want %d and %q in: %s", b.status, status, s, b.page)
		}
	}
}

func (b *browser) signIn() {
	b.t.Helper()
	b.get("/link")
	b.submit("/session", "", "secret", "goodlink")
	b.sees(http.StatusOK, "Sign out")
}
