package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

var capabilityWords = map[routingv1.Capability]string{
	routingv1.Capability_CAPABILITY_REDIRECT:      "redirect",
	routingv1.Capability_CAPABILITY_FORWARD:       "forward",
	routingv1.Capability_CAPABILITY_PROMPT:        "prompt",
	routingv1.Capability_CAPABILITY_GATHER_DIGITS: "digits",
	routingv1.Capability_CAPABILITY_GATHER_SPEECH: "speech",
	routingv1.Capability_CAPABILITY_RECORD:        "record",
	routingv1.Capability_CAPABILITY_BRIEF:         "brief",
}

func newLive(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "live", Short: "Show what is known of this minute: calls and agents of sites, targets that cannot be reached",
		Long: "What gateways carry, who says to be there, and what cannot be reached. It orders the open sites of a line and\n" +
			"rules none out: where all of them are busy, calls are offered all the same.",
		Example: "  dayside live\n  dayside live -o json | jq .unreachable",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			state, err := ask(cmd.Context(), a, func(ctx context.Context) (*routingv1.GetLiveStateResponse, error) {
				return routingv1.NewLiveServiceClient(client.conn).GetLiveState(ctx, &routingv1.GetLiveStateRequest{})
			})
			if err != nil {
				return err
			}
			return a.show(state, func(w io.Writer) error { return a.liveText(w, state) })
		},
	}
}

func (a *app) liveText(w io.Writer, state *routingv1.GetLiveStateResponse) error {
	if len(state.GetSites()) == 0 {
		linef(w, "Nobody says anything of a site.")
	} else {
		g := newGrid("site", "calls", "capacity", "agents")
		for _, s := range state.GetSites() {
			capacity, agents := "-", "-"
			if s.GetCapacity() > 0 {
				capacity = fmt.Sprint(s.GetCapacity())
			}
			if s.Agents != nil {
				agents = fmt.Sprint(s.GetAgents())
			}
			g.row(strings.TrimPrefix(s.GetSite(), collectionSites+"/"), fmt.Sprint(s.GetActiveCalls()), capacity, agents)
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	if len(state.GetUnreachable()) > 0 {
		linef(w, "")
		g := newGrid("cannot be reached", "since", "found by")
		for _, u := range state.GetUnreachable() {
			since := instant(u.GetSince()) + ", " + shortSpan(a.Now().Sub(u.GetSince().AsTime()))
			g.row(targetText(u.GetTarget()), since, u.GetReporter())
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	linef(w, "")
	if len(state.GetGateways()) == 0 {
		linef(w, "No gateway is connected.")
		return nil
	}
	g := newGrid("gateway", "connected to", "calls", "can")
	for _, gateway := range state.GetGateways() {
		g.row(gateway.GetGatewayId(), gateway.GetInstance(), fmt.Sprint(gateway.GetActiveCalls()),
			capabilities(gateway.GetCapabilities()))
	}
	return g.write(w)
}

// capabilities is what a gateway can; one that says nothing can redirect.
func capabilities(list []routingv1.Capability) string {
	if len(list) == 0 {
		return capabilityWords[routingv1.Capability_CAPABILITY_REDIRECT]
	}
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = word(capabilityWords, c)
	}
	return strings.Join(words, ", ")
}

func newPresence(a *app) *cobra.Command {
	var ttl time.Duration
	var reporter string
	c := &cobra.Command{
		Use: "presence SITE AGENTS", Short: "Say how many agents of a site are there to answer, for a while",
		Long: "A site at which nobody is comes behind the other open ones. It holds for --ttl; say it again before that, such\n" +
			"as every minute from the software of the site. Several may speak for a site, each as a reporter of its own: their\n" +
			"agents add up.",
		Example: "  dayside presence dublin 3\n  dayside presence dublin 0 --ttl 15m --reporter night-desk",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := presenceOf(args, reporter, ttl)
			if err != nil {
				return err
			}
			return a.presence(cmd.Context(), r)
		},
	}
	flags := c.Flags()
	flags.DurationVar(&ttl, "ttl", time.Minute, "how long it holds, 5s to 1h")
	flags.StringVar(&reporter, "reporter", "", "who says so, where several speak for the site")
	c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.idsOf(cmd.Context(), collectionSites), cobra.ShellCompDirectiveNoFileComp
	}
	return c
}

// presenceOf is the presence that somebody typed.
func presenceOf(args []string, reporter string, ttl time.Duration) (*routingv1.SetPresenceRequest, error) {
	id := strings.TrimPrefix(args[0], collectionSites+"/")
	if id == "" || strings.Contains(id, "/") {
		return nil, usagef("%q is no site: give sites/ID, or the ID alone", args[0])
	}
	agents, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil || agents < 0 {
		return nil, usagef("%q agents: must be a number, 0 or more", args[1])
	}
	return &routingv1.SetPresenceRequest{
		Site: collectionSites + "/" + id, Agents: int32(agents), Reporter: reporter, Ttl: durationpb.New(ttl),
	}, nil
}

func (a *app) presence(ctx context.Context, r *routingv1.SetPresenceRequest) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	answer, err := ask(ctx, a, func(ctx context.Context) (*routingv1.SetPresenceResponse, error) {
		return routingv1.NewLiveServiceClient(client.conn).SetPresence(ctx, r)
	})
	if err != nil {
		return err
	}
	return a.show(answer, func(w io.Writer) error {
		who := count(int(r.GetAgents()), "agent")
		if r.GetAgents() == 0 {
			who = "nobody is there"
		}
		linef(w, "%s: %s, until %s.", r.GetSite(), who, instant(answer.GetExpireTime()))
		return nil
	})
}
