// Package portal is where contacts of customers help themselves with a browser: they sign in by a link that is mailed
// to them, or by OpenID Connect, see the lines of their customer, are shown a line's number, answer promises, and
// choose the name by which their callers are found. An edge: it turns forms into requests to entitlement's
// ContactService and answers into pages, and decides nothing.
//
// Pages are in the language of the contact, else their customer's, else the browser's; their words are contacttext's, and
// none are a service's. Times are those of the customer's zone.
//
// Pages work without scripts; the one script there is saves pasting a link's secret. That secret stands behind a '#' in
// the link, which browsers send to nobody, and comes in a form: so it is in no log on the way, and a scanner of mails
// that follows the link uses nothing up.
package portal

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/openid"
)

const (
	// maxFormBytes bounds what a form brings.
	maxFormBytes = 16 << 10
	// maxSecretBytes bounds what is pasted for a link, which a scanner of mails may have made long.
	maxSecretBytes = 4 << 10
	// flowLife is how long somebody may take at a provider of identities.
	flowLife = 10 * time.Minute
)

// Identities sign people in elsewhere.
type Identities interface {
	// Start is where a browser is sent, and what it has to bring back; back is the URL it comes back to.
	Start(ctx context.Context, back string) (to string, f openid.Flow, err error)
	// Finish turns the code that it brought back into an ID token; NOT_FOUND where that is not taken.
	Finish(ctx context.Context, back, code string, f openid.Flow) (idToken string, err error)
}

// Config is what a portal is made from.
type Config struct {
	// URL is where browsers find it, without a path. Over https cookies are for that alone.
	URL string
	// Proxies are believed to say whom they ask for (X-Forwarded-For).
	Proxies []netip.Prefix
	// Zone is the wall clock of an IANA zone, by the rules in force; nil of one that is not known. Nil: all times are UTC.
	Zone func(name string) *time.Location
	// Contacts is entitlement's API.
	Contacts entitlementv1.ContactServiceClient
	// Identities of another provider; nil: there are links alone.
	Identities Identities
	// Clock and Log are required; nil Meters are none.
	Clock  clock.Clock
	Log    *slog.Logger
	Meters metric.MeterProvider
}

// Portal serves the pages.
type Portal struct {
	cfg      Config
	origin   *url.URL
	pages    *template.Template
	limit    *limit
	requests metric.Int64Counter
	// unbelieved says that a proxy was told of that is not named.
	unbelieved atomic.Bool
}

//go:embed page
var files embed.FS

// New is a portal; its faults name the flag portal-url.
func New(cfg Config) (*Portal, error) {
	origin, err := url.Parse(cfg.URL)
	if err != nil || origin.Host == "" || origin.Scheme != "https" && origin.Scheme != "http" ||
		strings.Trim(origin.Path, "/") != "" || origin.RawQuery != "" || origin.Fragment != "" || origin.User != nil {
		return nil, fault.Invalid(fault.Violation{
			Field: "portal-url", Value: cfg.URL,
			Rule: "must be the URL at which browsers find the portal, such as https://support.acme.example",
		})
	}
	p := &Portal{cfg: cfg, origin: origin, limit: newLimit(cfg.Clock)}
	if p.pages, err = template.New("").Funcs(words()).ParseFS(files, "page/*.html"); err != nil {
		return nil, err
	}
	provider := cfg.Meters
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	m := provider.Meter("github.com/daysidehq/dayside/services/gateway/portal")
	p.requests, err = m.Int64Counter("dayside.portal.requests",
		metric.WithDescription("Requests of browsers to the portal, by page and class of status (2xx, 4xx)."))
	return p, err
}

// Handler serves everything.
func (p *Portal) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":        p.home,
		"POST /ask":       p.askForLink,
		"GET /link":       p.followLink,
		"POST /session":   p.useLink,
		"POST /leave":     p.inSession(p.leave),
		"POST /customer":  p.inSession(p.turn),
		"POST /number":    p.inSession(p.number),
		"POST /name":      p.inSession(p.name),
		"POST /promise":   p.inSession(p.promise),
		"GET /oidc/start": p.goToProvider,
		"GET /oidc/back":  p.comeBack,
	} {
		mux.Handle(pattern, p.page(pattern, serve))
	}
	for _, form := range []string{"/ask", "/session", "/leave", "/customer", "/number", "/name", "/promise"} {
		mux.HandleFunc("GET "+form, backToFirst)
	}
	mux.Handle("/", p.page("GET other", func(http.ResponseWriter, *http.Request) error {
		return status.Error(codes.NotFound, "no such page")
	}))
	mux.Handle("GET /style.css", asset("page/style.css", "text/css; charset=utf-8"))
	mux.Handle("GET /link.js", asset("page/link.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /favicon.ico", noIcon)
	same := http.NewCrossOriginProtection()
	_ = same.AddTrustedOrigin(p.origin.Scheme + "://" + p.origin.Host) // a proxy may ask by another name
	return p.guarded(same.Handler(mux))
}

// backToFirst is for browsers that fetch what a form answered as if it were a page, such as a telephone's after a call.
func backToFirst(w http.ResponseWriter, r *http.Request) { seeOther(w, r, "/") }

// noIcon says for a while that there is none, which all browsers ask.
func noIcon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	w.WriteHeader(http.StatusNoContent)
}

// asset is a file that is the same for all.
func asset(name, kind string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, err := files.ReadFile(name)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write(text) // nobody is left to be told
	})
}

// assetURL is where a file is found: after an upgrade elsewhere than before, so that no page has another release's.
func assetURL(name string) (string, error) {
	text, err := files.ReadFile("page/" + name)
	sum := sha256.Sum256(text)
	return "/" + name + "?" + hex.EncodeToString(sum[:6]), err
}

// page serves one page, or says in a page why it cannot.
func (p *Portal) page(pattern string, serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		counted := &answer{ResponseWriter: w, status: http.StatusOK}
		err := serve(counted, r)
		if err != nil {
			p.fail(counted, r, pattern, err)
		}
		p.count(r.Context(), pattern, counted.status)
	})
}

// answer remembers its status.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader is http.ResponseWriter's.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// sheet is the data of a page.
type sheet interface {
	// Tag is the page's language (BCP 47).
	Tag() string
}

// render writes a page of a template.
func (p *Portal) render(w http.ResponseWriter, status int, name string, data sheet) error {
	var page strings.Builder
	if err := p.pages.ExecuteTemplate(&page, name, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", data.Tag())
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page.String())) // nobody is left to be told
	return nil
}
