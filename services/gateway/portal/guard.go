package portal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	// maxRequestsPerMinute of one client.
	maxRequestsPerMinute = 120
	// maxClients are counted at a time; when there are more, those counted go on being limited, and others are let in:
	// entitlement has limits of its own.
	maxClients = 50_000
	// pagePolicy lets a page load its style and send forms to where it came from, and nothing else.
	pagePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	// linkPolicy is that of the one page with a script.
	linkPolicy = pagePolicy + "; script-src 'self'"
)

// guarded refuses other hosts' names and too many requests, and says what browsers may do with the pages.
func (p *Portal) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if p.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !p.ours(r.Host) {
			http.Error(w, "this is another host's name", http.StatusMisdirectedRequest)
			return
		}
		p.tellUnbelieved(r.Context(), r)
		if wait := p.limit.take(p.client(r)); wait > 0 {
			h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			f := p.frame(r, nil)
			_ = p.render(w, http.StatusTooManyRequests, "failed.html", failure{f.titled(f.T.TooOften), f.T.InAMinute})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secure says whether browsers come over TLS.
func (p *Portal) secure() bool { return p.origin.Scheme == "https" }

// ours says whether a request is for the portal: a page that resolves its own name to this machine (DNS rebinding) must not
// speak for its reader.
func (p *Portal) ours(host string) bool {
	if strings.EqualFold(host, p.origin.Host) {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback()
}

// client is who asks, for limits and the trail: an address, or, of IPv6, the network that one subscriber has.
func (p *Portal) client(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	who := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.proxy(who); i-- {
		said, ok := hop(hops[i])
		if !ok {
			break
		}
		who = said
	}
	if who.Is6() {
		network, _ := who.WithZone("").Prefix(64)
		return network.String()
	}
	return who.String()
}

// hop is an address that a proxy says; some say the port, too.
func hop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(text)
	return a.Unmap(), err == nil
}

// tellUnbelieved tells once of a proxy that is not named.
func (p *Portal) tellUnbelieved(ctx context.Context, r *http.Request) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || p.proxy(peer.Addr().Unmap()) || r.Header.Get("X-Forwarded-For") == "" || p.unbelieved.Swap(true) {
		return
	}
	p.cfg.Log.WarnContext(ctx, "a proxy says for whom it asks the portal, and is not believed: name its network with "+
		"--portal-proxies, else all who come by it count as one", "proxy", peer.Addr().String())
}

func (p *Portal) proxy(a netip.Addr) bool {
	for _, network := range p.cfg.Proxies {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// limit counts requests by client and minute.
type limit struct {
	mu     sync.Mutex
	clock  clock.Clock
	minute time.Time
	counts map[string]int
}

func newLimit(clk clock.Clock) *limit { return &limit{clock: clk, counts: map[string]int{}} }

// take counts a request; more than 0 is how long to wait.
func (l *limit) take(client string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if minute := now.Truncate(time.Minute); !minute.Equal(l.minute) {
		l.minute = minute
		clear(l.counts)
	}
	count, known := l.counts[client]
	if count >= maxRequestsPerMinute {
		return l.minute.Add(time.Minute).Sub(now)
	}
	if known || len(l.counts) < maxClients {
		l.counts[client] = count + 1
	}
	return 0
}

// cookies are for this host alone where browsers come over TLS ("__Host-", RFC 6265bis, 4.1.3.2).
func (p *Portal) cookieName(name string) string {
	if p.secure() {
		return "__Host-" + name
	}
	return name
}

const (
	sessionCookie = "dayside-session"
	flowCookie    = "dayside-sign-in"
)

func (p *Portal) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is not for plain text on loopback
		Name: p.cookieName(name), Value: value, Path: "/", MaxAge: max(int(life/time.Second), 1),
		HttpOnly: true, Secure: p.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (p *Portal) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // likewise
		Name: p.cookieName(name), Path: "/", MaxAge: -1, HttpOnly: true, Secure: p.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (p *Portal) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(p.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// token shows that a form was filled in on a page of the session, at whichever process: only who has the session can
// make it.
func token(session string) string {
	mac := hmac.New(sha256.New, []byte(session))
	mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (p *Portal) count(ctx context.Context, pattern string, status int) {
	_, page, _ := strings.Cut(pattern, " ")
	p.requests.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(
		attribute.String("page", page), attribute.String("status", strconv.Itoa(status/100)+"xx"),
	)))
}
