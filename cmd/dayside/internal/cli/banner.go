package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
)

const (
	// maxBannerLines bounds what is printed of a large configuration.
	maxBannerLines = 10
	// maxHandoverSteps bounds how many changes are looked ahead for the next site.
	maxHandoverSteps = 50
)

// banner tells a newcomer where calls go now, until when, who is next, and what to try.
type banner struct {
	app  *app
	host served
	cfg  host.Config
}

// served is the process that the banner is about: a host.Host.
type served interface {
	Addresses() host.Addresses
	// Conn asks the API within the process.
	Conn() grpc.ClientConnInterface
}

func (b banner) write(ctx context.Context, w io.Writer) {
	if b.cfg.TLS == (host.TLSFiles{}) {
		who := "whoever reaches it may do everything"
		if b.cfg.Access.TokenKeys != "" {
			who += ", but for who shows a token"
		}
		linef(w, "\nDayside is up, on this machine only (loopback; there are no credentials: %s).\n", who)
	} else {
		or := ""
		if b.cfg.Access.TokenKeys != "" {
			or = " or a token (--tls-ca, --token-file)"
		}
		linef(w, "\nDayside is up; whoever asks it needs a certificate (--tls-cert, --tls-key, --tls-ca)%s.\n", or)
	}
	b.addresses(w)
	lines, err := b.lines(ctx)
	switch {
	case err != nil:
		linef(w, "\nThe lines are not known yet: %s. Ask again in another terminal:\n\n  %s list lines%s\n",
			status.Convert(err).Message(), b.app.Program, b.server())
		return
	case len(lines) == 0:
		linef(w, "\nThere is no line yet. Apply a configuration:\n\n  %s apply -f deploy/examples/followthesun%s\n",
			b.app.Program, b.server())
		return
	}
	linef(w, "\nCalls go now:\n")
	for _, l := range lines {
		linef(w, "  %-16s  %s", l.id, b.goes(ctx, l))
	}
	b.suggest(ctx, w, lines[0])
}

// addresses are where the process is reached.
func (b banner) addresses(w io.Writer) {
	addrs, scheme := b.host.Addresses(), "http"
	if b.cfg.TLS != (host.TLSFiles{}) {
		scheme = "https"
	}
	linef(w, "  gRPC      %s", addrs.GRPC)
	linef(w, "  REST      %s://%s/v1/lines   (metrics: /metrics, API: /openapi.json)", scheme, addrs.HTTP)
	if addrs.Portal != "" {
		linef(w, "  portal    %s   (for contacts of customers)", addrs.Portal)
	}
	if sip := strings.Join(present("UDP ", addrs.SIPUDP, "TCP ", addrs.SIPTCP), ", "); sip != "" {
		linef(w, "  SIP       %s", sip)
	}
	if addrs.Etcd != "" {
		linef(w, "  etcd      %s, embedded; data in %s", addrs.Etcd, b.cfg.DataDir)
	}
	if traces := b.cfg.OTLPEndpoint; traces != "" {
		linef(w, "  traces    to %s", traces)
	}
}

// alone tells whoever starts a process while etcd is away that calls are answered, from what, and what to do.
func (b banner) alone(w io.Writer, known host.Known, now time.Time) {
	linef(w, "\nDayside answers calls, and nothing else yet: etcd does not answer.\n")
	b.addresses(w)
	from := "what routing says elsewhere, or the table that it told last"
	if !known.Heard.IsZero() {
		from = "what was known " + age(now.Sub(known.Heard)) + " ago, when etcd was last heard"
	}
	linef(w, "\nCalls are answered with %s. Nothing can be changed.", from)
	if known.Member != nil {
		linef(w, "The embedded etcd cannot start: %v.\n\nTo mend it, stop this process (Ctrl-C), put the latest backup back, and "+
			"start it again:\n\n  %s restore FILE --data %s --only etcd --force\n", known.Member, b.app.Program, b.cfg.DataDir)
		return
	}
	etcd := b.cfg.EtcdEndpoints
	if len(etcd) == 0 {
		etcd = []string{b.host.Addresses().Etcd}
	}
	linef(w, "Everything else begins by itself once etcd at %s answers.\n", strings.Join(etcd, ", "))
}

// age is how old something is, as people say it.
func age(d time.Duration) string {
	if d = max(d, 0); d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return span(d)
}

func present(pairs ...string) []string {
	var list []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, pairs[i]+pairs[i+1])
		}
	}
	return list
}

// server is the flag that commands need to find this process; empty: none.
func (b banner) server() string {
	if addr := b.host.Addresses().GRPC; addr != defaultServer {
		return " --server " + addr
	}
	return ""
}

// bannerLine is a line that is printed.
type bannerLine struct{ id, name string }

func (b banner) lines(ctx context.Context) ([]bannerLine, error) {
	ctx, cancel := context.WithTimeout(ctx, b.app.timeout)
	defer cancel()
	resp, err := routingv1.NewLineServiceClient(b.host.Conn()).ListLines(ctx,
		&routingv1.ListLinesRequest{PageSize: maxBannerLines})
	if err != nil {
		return nil, err
	}
	var lines []bannerLine
	for _, l := range resp.GetLines() {
		lines = append(lines, bannerLine{strings.TrimPrefix(l.GetName(), "lines/"), l.GetName()})
	}
	return lines, nil
}

// goes says where a line's calls go, until when, and who is next.
func (b banner) goes(ctx context.Context, l bannerLine) string {
	now, first, err := b.first(ctx, l.name, nil)
	if err != nil {
		return "not known: " + err.Error()
	}
	at, asked := now, first
	for range maxHandoverSteps {
		until := asked.GetValidUntil()
		if until == nil {
			return who(first) + ", with no end in sight"
		}
		next, route, err := b.first(ctx, l.name, until)
		if err != nil {
			return who(first)
		}
		if who(route) != who(first) {
			return fmt.Sprintf("%s until %s (%s), then %s", who(first), utc(next), span(next.Sub(now)), who(route))
		}
		at, asked = next, route
	}
	return fmt.Sprintf("%s until %s at least", who(first), utc(at))
}

// first is the route of an unknown caller at an instant, now where nil.
func (b banner) first(ctx context.Context, line string, at *timestamppb.Timestamp) (time.Time, *routingv1.Route, error) {
	ctx, cancel := context.WithTimeout(ctx, b.app.timeout)
	defer cancel()
	resp, err := routingv1.NewRoutingServiceClient(b.host.Conn()).ExplainRoute(ctx,
		&routingv1.ExplainRouteRequest{Line: line, At: at})
	if err != nil {
		return time.Time{}, nil, err
	}
	return resp.GetRoute().GetExplanation().GetDecidedAt().AsTime(), resp.GetRoute(), nil
}

// who is called first.
func who(r *routingv1.Route) string {
	targets := r.GetForward().GetTargets()
	if len(targets) == 0 {
		return "nowhere: " + r.GetEnd().GetText()
	}
	switch {
	case targets[0].GetLastResort():
		return placeOf(targets[0]) + " (last resort)"
	case targets[0].GetPerson() != "":
		return targets[0].GetDisplayName() + " (on duty)"
	}
	return targets[0].GetDisplayName()
}

// span is a duration as people say it.
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	switch h, m := int(d.Hours()), int(d.Minutes())%60; {
	case h == 0:
		return fmt.Sprintf("%d min", m)
	case m == 0:
		return fmt.Sprintf("%d h", h)
	default:
		return fmt.Sprintf("%d h %d min", h, m)
	}
}

// suggest names three commands that work as they stand.
func (b banner) suggest(ctx context.Context, w io.Writer, l bannerLine) {
	ctx, cancel := context.WithTimeout(ctx, b.app.timeout)
	defer cancel()
	program, from := b.app.Program, ""
	customers, err := entitlementv1.NewEntitlementServiceClient(b.host.Conn()).ListCustomers(ctx,
		&entitlementv1.ListCustomersRequest{PageSize: 1})
	if all := customers.GetCustomers(); err == nil && b.cfg.Seed != nil && len(all) > 0 && len(all[0].GetPhoneNumbers()) > 0 {
		from = " --from " + all[0].GetPhoneNumbers()[0].GetE164Number()
	}
	server := b.server()
	linef(w, "\nTry in another terminal:\n")
	linef(w, "  %s open%s", program, server)
	linef(w, "  %s route --to %s%s%s", program, l.id, from, server)
	if udp := b.host.Addresses().SIPUDP; udp != "" {
		gateway := ""
		if udp != defaultGateway {
			gateway = " --gateway " + udp
		}
		linef(w, "  %s call %s%s%s%s", program, l.id, from, gateway, server)
	}
	linef(w, "\nCtrl-C stops it; the next start finds the same data.\n")
}
