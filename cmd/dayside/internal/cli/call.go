package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/probe"
)

// defaultGateway is where `dayside serve` listens for SIP.
const defaultGateway = "127.0.0.1:5060"

func newCall(a *app) *cobra.Command {
	call := probe.Call{}
	trace := false
	c := &cobra.Command{
		Use: "call LINE", Short: "Place a real SIP call to a line, and show the redirect it gets",
		Long: "Sends an INVITE to the SIP gateway as a phone does, with the line's number, and shows where it is redirected.\n" +
			"Nobody's phone rings: the redirect is not followed.",
		Example: "  dayside call gold-emergency --from +13035550101\n  dayside call public-support --transport tcp --trace",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkCall(call); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			known, err := ask(cmd.Context(), a, func(ctx context.Context) (dialled, error) {
				return client.dialled(ctx, args[0])
			})
			if err != nil {
				return err
			}
			call.Dialled, call.Timeout = known.number, a.timeout
			result, err := a.Ring(cmd.Context(), call)
			if result != nil && trace {
				linef(a.Err, "%s", result.Transcript(false))
			}
			if err != nil {
				return fmt.Errorf("%w: is the SIP gateway served there? Name another with --gateway", err)
			}
			return a.showCall(known, call, result)
		},
	}
	gateway := a.Getenv("DAYSIDE_GATEWAY")
	if gateway == "" {
		gateway = defaultGateway
	}
	c.Flags().StringVar(&call.Caller, "from", "", "the caller's number; withheld where it is left out")
	c.Flags().StringVar(&call.Gateway, "gateway", gateway, "the SIP gateway, HOST:PORT (env DAYSIDE_GATEWAY)")
	c.Flags().StringVar(&call.Network, "transport", "udp", "udp or tcp")
	c.Flags().BoolVar(&trace, "trace", false, "show the SIP messages on standard error, the dialled number masked")
	c.ValidArgsFunction = a.linesToComplete
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
	case c.Caller != "" && !isNumber(c.Caller):
		return usagef("--from: must be a number in E.164, such as +13035550101")
	}
	return nil
}

// dialled is what a call needs to know of the line it rings, and of whose contacts it may see.
type dialled struct {
	number string
	// name is how the line is called in answers; a number is not repeated, for it may be a hidden one.
	name string
	// owners of targets, by SIP URI or number.
	owners map[string]string
}

// dialled looks up a line's number, and whose targets are which; a number stands for itself.
func (c *api) dialled(ctx context.Context, lineOrNumber string) (dialled, error) {
	d := dialled{number: lineOrNumber, name: "the number given", owners: map[string]string{}}
	lines, err := c.linesOf(ctx, lineOrNumber)
	if err != nil {
		return d, err
	}
	for _, l := range lines {
		d.owners[targetText(l.GetLastResort().GetTarget())] = "last resort: " + dash(l.GetLastResort().GetDisplayName())
	}
	if !isNumber(lineOrNumber) {
		d.name, d.number = lines[0].GetName(), lines[0].GetNumber().GetE164Number()
		if d.number == "" {
			return d, fmt.Errorf("the number of %s is hidden from this user: to call it needs the rights of an administrator", d.name)
		}
	}
	sites, err := c.listSites(ctx)
	if err != nil {
		return d, err
	}
	for _, s := range sites {
		for _, t := range s.GetTargets() {
			d.owners[targetText(t)] = s.GetName()
		}
	}
	return d, nil
}

// linesOf is the line named; of a number all lines, whose last resort might be seen.
func (c *api) linesOf(ctx context.Context, lineOrNumber string) ([]*routingv1.Line, error) {
	if isNumber(lineOrNumber) {
		return c.listLines(ctx)
	}
	name, err := lineName(lineOrNumber)
	if err != nil {
		return nil, err
	}
	l, err := c.lines.GetLine(ctx, &routingv1.GetLineRequest{Name: name})
	return []*routingv1.Line{l}, err
}

// owner of a contact. Gateways add parameters to URIs, and write numbers as tel: URIs or as users of SIP URIs.
func (d dialled) owner(uri string) string {
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
			caller = mask(call.Caller)
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
			g.row(fmt.Sprint(i+1), fmt.Sprintf("%.3g", c.Q), c.URI, d.owner(c.URI))
		}
		return g.write(w)
	})
}

// callMessage is the outcome for programs; the API has no message for it.
func callMessage(d dialled, r *probe.Result) (*structpb.Struct, error) {
	contacts := make([]any, len(r.Contacts))
	for i, c := range r.Contacts {
		contacts[i] = map[string]any{"uri": c.URI, "q": c.Q, "of": d.owner(c.URI)}
	}
	return structpb.NewStruct(map[string]any{
		"line": d.name, "status": r.Status, "phrase": r.Phrase, "contacts": contacts, "callId": r.CallID,
		"reason": r.Reason, "warning": r.Warning, "retryAfterS": r.RetryAfter.Seconds(),
		"tookMs": float64(r.Took) / float64(time.Millisecond),
	})
}
