package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func newTable(a *app) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use: "table [LINE]", Short: "Show where lines forward now and over the day ahead, as gateways are told",
		Long: "A gateway that keeps this table can go on answering when no Dayside process can be asked. It is for a caller\n" +
			"nobody knows, without prompts. With --watch it is followed until interrupted; with -o json, each answer is one line\n" +
			"then.",
		Example: "  dayside table\n  dayside table gold-emergency --watch",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: a.linesToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			var lines []string
			if len(args) > 0 {
				name, err := lineName(args[0])
				if err != nil {
					return err
				}
				lines = []string{name}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			tables := routingv1.NewRouteTableServiceClient(client.conn)
			if follow {
				return a.followTables(cmd.Context(), tables, lines)
			}
			return a.tables(cmd.Context(), tables, lines)
		},
	}
	c.Flags().BoolVarP(&follow, "watch", "w", false, "go on showing what changes")
	return c
}

// tables shows what stands now.
func (a *app) tables(ctx context.Context, client routingv1.RouteTableServiceClient, lines []string) error {
	all, err := a.askTables(ctx, client, lines)
	if err != nil {
		return err
	}
	if len(lines) == 1 && len(all.GetTables()) == 0 {
		return &failure{message: lines[0] + " does not exist"}
	}
	return a.show(all, func(w io.Writer) error { return tablesText(w, all) })
}

// askTables is what routing tells gateways first: all of what stands.
func (a *app) askTables(ctx context.Context, client routingv1.RouteTableServiceClient, lines []string) (
	*routingv1.WatchRoutesResponse, error,
) {
	return ask(ctx, a, func(ctx context.Context) (*routingv1.WatchRoutesResponse, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := client.WatchRoutes(ctx, &routingv1.WatchRoutesRequest{Lines: lines})
		if err != nil {
			return nil, err
		}
		all := &routingv1.WatchRoutesResponse{}
		for more := true; more; {
			r, err := stream.Recv()
			if err != nil {
				return nil, err
			}
			all.Tables, all.Removed = append(all.Tables, r.GetTables()...), append(all.Removed, r.GetRemoved()...)
			all.ViewRevision, more = r.GetViewRevision(), r.GetMore()
		}
		return all, nil
	})
}

// followTables shows what stands, and what changes of it, until ctx ends.
func (a *app) followTables(ctx context.Context, client routingv1.RouteTableServiceClient, lines []string) error {
	first := true
	return followed(ctx, a, func() (grpc.ServerStreamingClient[routingv1.WatchRoutesResponse], error) {
		return client.WatchRoutes(ctx, &routingv1.WatchRoutesRequest{Lines: lines})
	}, func(r *routingv1.WatchRoutesResponse) error {
		// One without tables says that nothing has changed.
		if !first && len(r.GetTables())+len(r.GetRemoved()) == 0 {
			return nil
		}
		first = false
		return a.showTables(r)
	})
}

func (a *app) showTables(r *routingv1.WatchRoutesResponse) error {
	switch a.output {
	case formatJSON:
		return writeJSONLine(a.Out, r)
	case formatYAML:
		linef(a.Out, "---")
		return writeYAML(a.Out, r)
	}
	linef(a.Out, "%s, revision %d", utc(a.Now().Truncate(time.Second)), r.GetViewRevision())
	if err := tablesText(a.Out, r); err != nil {
		return err
	}
	linef(a.Out, "")
	return nil
}

// tablesText never shows a whole number: lines may be hidden, and screens are seen.
func tablesText(w io.Writer, r *routingv1.WatchRoutesResponse) error {
	for i, t := range r.GetTables() {
		if i > 0 {
			linef(w, "")
		}
		linef(w, "%s (%s)", t.GetLine(), manifest.Mask(t.GetDialledNumber()))
		g := newGrid("from", "until", "forwards to")
		for _, s := range t.GetSpans() {
			g.row(instant(s.GetStartTime()), instant(s.GetEndTime()), spanText(s))
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	for _, name := range r.GetRemoved() {
		linef(w, "%s is no line.", name)
	}
	if len(r.GetTables()) == 0 && len(r.GetRemoved()) == 0 {
		linef(w, "There are no lines.")
	}
	return nil
}

// spanText is who is rung, each once, in order.
func spanText(s *routingv1.RouteSpan) string {
	if s.GetEnd() != nil {
		return word(endCauseWords, s.GetEnd().GetCause())
	}
	var places []string
	for _, t := range s.GetTargets() {
		place := placeOf(t)
		if t.GetLastResort() {
			place = lastResortText(t)
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return strings.Join(places, ", ")
}
