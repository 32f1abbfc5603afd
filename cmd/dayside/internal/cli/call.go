package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/services/gateway/sip/probe"
)

// defaultGateway is where `dayside serve` listens for SIP.
const defaultGateway = "127.0.0.1:5060"

func newCall(a *app) *cobra.Command {
	call := probe.Call{}
	trace := false
	c := &cobra.Command{
		Use: "call LINE|NUMBER", Short: "Place a real SIP call to a line, and show the redirect it gets; or tell of one that was",
		Long: "Sends an INVITE to the SIP gateway as a phone does, with the line's number, and shows where it is redirected.\n" +
			"Nobody's phone rings: the redirect is not followed. A line's number is asked of the API; a number that is given\n" +
			"rings without it.",
		Example: "  dayside call gold-emergency --from +13035550101\n  dayside call public-support --transport tcp --trace\n" +
			"  dayside call +61255500100",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkCall(call); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			known, err := a.dialled(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			call.Dialled, call.Caller, call.Timeout = known.number, callerNumber(call.Caller), a.timeout
			result, err := a.Ring(cmd.Context(), call)
			if result != nil && trace {
				linef(a.Err, "%s", result.Transcript(false))
			}
			if err != nil {
				return fmt.Errorf("%w: is the SIP gateway served there? Name another with --gateway", err)
			}
			if len(result.Contacts) > 0 {
				a.nameOwners(cmd.Context(), client, &known)
			}
			return a.showCall(known, call, result)
		},
	}
	gateway := a.Getenv("DAYSIDE_GATEWAY")
	if gateway == "" {
		gateway = defaultGateway
	}
	c.Flags().StringVar(&call.Caller, "from", "", fromHelp)
	c.Flags().StringVar(&call.Gateway, "gateway", gateway, "the SIP gateway, HOST:PORT (env DAYSIDE_GATEWAY)")
	c.Flags().StringVar(&call.Network, "transport", "udp", "udp or tcp")
	c.Flags().BoolVar(&trace, "trace", false, "show the SIP messages on standard error, the dialled number masked")
	c.ValidArgsFunction = a.linesToComplete
	c.AddCommand(newCallShow(a), newCallReplay(a))
	_ = c.RegisterFlagCompletionFunc("transport", cobra.FixedCompletions(
		[]string{"udp", "tcp"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func checkCall(c probe.Call) error {
	_, _, err := net.SplitHostPort(c.Gateway)
	switch {
	case c.Network != "udp" && c.Network != "tcp":
		return usagef("--transport %q: must be udp or tcp", c.Network)
	case err != nil:
		return usagef("--gateway %q: must be HOST:PORT, such as %s", c.Gateway, defaultGateway)
	}
	return checkCaller(c.Caller)
}

// maxOwnersWait bounds how long an answer that has come waits for the names of its contacts' owners.
const maxOwnersWait = 2 * time.Second

// dialled is the number that a call rings, and whose contacts it may be sent to.
type dialled struct {
	number string
	// name is how the line is called in answers; a number is not repeated, for it may be a hidden one.
	name string
	// lines whose last resort might be seen; unset until they are asked for.
	lines []*routingv1.Line
	// owners of targets, by SIP URI or number.
	owners map[string]string
}

// dialled looks up a line's number. A number stands for itself: it rings whether or not the API answers. While etcd is away,
// routing knows the lines that it forwards.
func (a *app) dialled(ctx context.Context, client *api, lineOrNumber string) (dialled, error) {
	d := dialled{number: lineOrNumber, name: "the number given", owners: map[string]string{}}
	if isNumber(lineOrNumber) {
		return d, nil
	}
	name, err := lineName(lineOrNumber)
	if err != nil {
		return d, err
	}
	noSuchLine, away := false, false
	l, err := ask(ctx, a, func(ctx context.Context) (*routingv1.Line, error) {
		l, err := client.lines.GetLine(ctx, &routingv1.GetLineRequest{Name: name})
		noSuchLine, away = status.Code(err) == codes.NotFound, status.Code(err) == codes.Unavailable
		return l, err
	})
	if away {
		if number := a.routedNumber(ctx, client, name); number != "" {
			d.name, d.number = name, number
			return d, nil
		}
	}
	switch {
	case err != nil && noSuchLine:
		return d, err
	case err != nil:
		return d, fmt.Errorf("the line's number cannot be looked up (%w); give the number instead", err)
	case l.GetNumber().GetE164Number() == "":
		return d, fmt.Errorf("the number of %s is hidden from this user: to call it needs the rights of an administrator", name)
	}
	d.name, d.number, d.lines = l.GetName(), l.GetNumber().GetE164Number(), []*routingv1.Line{l}
	return d, nil
}

// routedNumber is the number at which routing knows a line, from its memory; empty where it cannot be told.
func (a *app) routedNumber(ctx context.Context, client *api, line string) string {
	known, err := a.askTables(ctx, routingv1.NewRouteTableServiceClient(client.conn), []string{line})
	if err != nil {
		return "" // why the line itself cannot be read says more
	}
	for _, t := range known.GetTables() {
		if t.GetLine() == line {
			return t.GetDialledNumber()
		}
	}
	return ""
}

// nameOwners finds out whose targets are which. It adds to an answer that is there already: where it fails, a note says so.
func (a *app) nameOwners(ctx context.Context, client *api, d *dialled) {
	wait := min(a.timeout, maxOwnersWait)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := client.nameOwners(ctx, d)
	switch {
	case err != nil && (errors.Is(ctx.Err(), context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded):
		linef(a.Err, "note: whose contacts these are is not known: no answer from %s within %v", a.server, wait)
	case err != nil:
		linef(a.Err, "note: whose contacts these are is not known: %v", a.failed(err))
	}
}

func (c *api) nameOwners(ctx context.Context, d *dialled) error {
	if d.lines == nil {
		var err error
		if d.lines, err = c.linesToName(ctx); err != nil {
			return err
		}
	}
	for _, l := range d.lines {
		d.owners[targetText(l.GetLastResort().GetTarget())] = "last resort: " + dash(l.GetLastResort().GetDisplayName())
	}
	sites, err := c.listSites(ctx)
	for _, s := range sites {
		for _, t := range s.GetTargets() {
			d.owners[targetText(t)] = s.GetName()
		}
	}
	if err != nil {
		return err
	}
	people, err := c.listPeople(ctx)
	for _, p := range people {
		for _, t := range p.GetTargets() {
			d.owners[targetText(t)] = p.GetName()
		}
	}
	return err
}

// owner of a contact. Gateways add parameters to URIs, and write numbers as tel: URIs or as users of SIP URIs.
func (d dialled) owner(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	bare, _, _ := strings.Cut(uri, ";")
	_, rest, _ := strings.Cut(bare, ":")
	user, _, _ := strings.Cut(rest, "@")
	for _, key := range []string{uri, bare, user} {
		if owner, ok := d.owners[key]; ok {
			return owner
		}
	}
	return "-"
}

func (a *app) showCall(d dialled, call probe.Call, r *probe.Result) error {
	m, err := callMessage(d, r)
	if err != nil {
		return err
	}
	return a.show(m, func(w io.Writer) error {
		caller := "a withheld number"
		if call.Caller != "" {
			caller = manifest.Mask(call.Caller)
		}
		linef(w, "INVITE to %s from %s, at %s over %s", d.name, caller, call.Gateway, strings.ToUpper(call.Network))
		linef(w, "%d %s, after %s", r.Status, r.Phrase, r.Took.Round(10*time.Microsecond))
		if r.Reason != "" {
			linef(w, "Reason: %s", r.Reason)
		}
		if r.Warning != "" {
			linef(w, "Warning: %s", r.Warning)
		}
		if r.RetryAfter > 0 {
			linef(w, "Retry after %.0fs", r.RetryAfter.Seconds())
		}
		linef(w, "Call-ID: %s", r.CallID)
		if len(r.Contacts) == 0 {
			return nil
		}
		linef(w, "")
		g := newGrid("#", "q", "contact", "of")
		for i, c := range r.Contacts {
			uri, _, _ := strings.Cut(c.URI, "?")
			g.row(fmt.Sprint(i+1), fmt.Sprintf("%.3g", c.Q), uri, d.owner(c.URI))
		}
		if err := g.write(w); err != nil {
			return err
		}
		if token := briefOf(r); token != "" {
			linef(w, "\nWhoever answers is told of the call: %s brief %s", a.Program, token)
		}
		return nil
	})
}

// briefOf is the token of the call's brief that the first contact with one carries (RFC 7433); empty where none does.
func briefOf(r *probe.Result) string {
	for _, c := range r.Contacts {
		_, headers, _ := strings.Cut(c.URI, "?")
		for header := range strings.SplitSeq(headers, "&") {
			name, value, _ := strings.Cut(header, "=")
			if value, err := url.PathUnescape(value); err == nil && strings.EqualFold(name, "User-to-User") {
				token, _, _ := strings.Cut(value, ";")
				return token
			}
		}
	}
	return ""
}

// callMessage is the outcome for programs; the API has no message for it.
func callMessage(d dialled, r *probe.Result) (*structpb.Struct, error) {
	contacts := make([]any, len(r.Contacts))
	for i, c := range r.Contacts {
		uri, _, _ := strings.Cut(c.URI, "?")
		contacts[i] = map[string]any{"uri": uri, "q": c.Q, "of": d.owner(c.URI)}
	}
	m, err := structpb.NewStruct(map[string]any{
		"line": d.name, "status": r.Status, "phrase": r.Phrase, "contacts": contacts, "callId": r.CallID,
		"reason": r.Reason, "warning": r.Warning, "retryAfterS": r.RetryAfter.Seconds(),
		"tookMs": float64(r.Took) / float64(time.Millisecond),
	})
	if token := briefOf(r); err == nil && token != "" {
		m.Fields["brief"] = structpb.NewStringValue(token)
	}
	return m, err
}
