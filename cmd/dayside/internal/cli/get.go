package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func newGet(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "get NAME", Short: "Show a site, customer or line",
		Long: "Shows one resource; -o yaml gives it as a file that applies again.",
		Example: "  dayside get sites/dublin\n  dayside get customer acme -o json\n" +
			"  dayside get lines/gold-emergency -o yaml > line.yaml",
		Args: oneOrTwo,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, name, err := resourceName(args)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			m, err := ask(cmd.Context(), a, func(ctx context.Context) (proto.Message, error) {
				return client.get(ctx, collection, name)
			})
			if err != nil {
				return err
			}
			if a.output == formatYAML {
				return manifest.Write(a.Out, m)
			}
			return a.show(m, func(w io.Writer) error { return resourceGrid(collection, []proto.Message{m}).write(w) })
		},
	}
	c.ValidArgsFunction = a.namesToComplete
	return c
}

func newList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list KIND", Short: "List the sites, customers or lines",
		Long:      "Lists all resources of a kind; -o yaml gives them as a file that applies again.",
		Example:   "  dayside list sites\n  dayside list customers -o json",
		Args:      cobra.ExactArgs(1),
		ValidArgs: collections,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, err := collectionOf(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			var items []proto.Message
			m, err := ask(cmd.Context(), a, func(ctx context.Context) (m proto.Message, err error) {
				m, items, err = client.list(ctx, collection)
				return m, err
			})
			if err != nil {
				return err
			}
			if a.output == formatYAML {
				return manifest.Write(a.Out, items...)
			}
			return a.show(m, func(w io.Writer) error { return resourceGrid(collection, items).write(w) })
		},
	}
}

func newDelete(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "delete NAME", Short: "Delete a site, customer or line",
		Long:    "Deletes one resource. A site that a line lists is kept: take it off the line first.",
		Example: "  dayside delete customers/acme",
		Args:    oneOrTwo,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, name, err := resourceName(args)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			if _, err := ask(cmd.Context(), a, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, client.remove(ctx, collection, name)
			}); err != nil {
				return err
			}
			linef(a.Err, "%s is deleted", name)
			// The API's answer is an empty message: nothing to show people, and {} to a program.
			return a.show(&emptypb.Empty{}, func(io.Writer) error { return nil })
		},
	}
	c.ValidArgsFunction = a.namesToComplete
	return c
}

// resourceGrid is a row a resource.
func resourceGrid(collection string, items []proto.Message) *grid {
	var g *grid
	switch collection {
	case collectionSites:
		g = newGrid("name", "display name", "time zone", "run by", "week", "targets")
	case collectionCustomers:
		g = newGrid("name", "display name", "numbers", "contracts")
	default:
		g = newGrid("name", "display name", "number", "product", "strategy", "sites", "last resort")
	}
	for _, m := range items {
		switch m := m.(type) {
		case *schedulev1.Site:
			g.row(m.GetName(), m.GetDisplayName(), m.GetTimeZone(), ownership(m), weekText(m.GetWeeklyHours()), targetsText(m))
		case *entitlementv1.Customer:
			g.row(m.GetName(), m.GetDisplayName(), numbersText(m), contractsText(m))
		case *routingv1.Line:
			strategy := m.GetStrategy()
			if strategy == routingv1.Strategy_STRATEGY_UNSPECIFIED {
				strategy = routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN
			}
			g.row(m.GetName(), m.GetDisplayName(), numberText(m), dash(m.GetProduct()), enumName(strategy, "STRATEGY_"),
				lineSitesText(m), targetText(m.GetLastResort().GetTarget()))
		}
	}
	return g
}

func ownership(s *schedulev1.Site) string {
	if s.GetOwnership() == schedulev1.Ownership_OWNERSHIP_OUTSOURCED {
		return "partner"
	}
	return "us"
}

// numberText is a line's number; a hidden one stays hidden on a screen that others may see (-o yaml shows it).
func numberText(l *routingv1.Line) string {
	if l.GetVisibility() == routingv1.Visibility_VISIBILITY_PUBLISHED {
		return dash(l.GetNumber().GetE164Number())
	}
	return "(hidden)"
}

func numbersText(c *entitlementv1.Customer) string {
	const shownNumbers = 2
	var out []string
	for i, n := range c.GetPhoneNumbers() {
		if i == shownNumbers {
			out = append(out, fmt.Sprintf("and %d more", len(c.GetPhoneNumbers())-i))
			break
		}
		out = append(out, manifest.Mask(n.GetE164Number()))
	}
	return dash(strings.Join(out, ", "))
}

func contractsText(c *entitlementv1.Customer) string {
	var out []string
	for _, k := range c.GetContracts() {
		product := k.GetProduct()
		if product == "" {
			product = "any product"
		}
		end := "…"
		if e := k.GetEndDate(); e != nil {
			end = fmt.Sprintf("%04d-%02d-%02d", e.GetYear(), e.GetMonth(), e.GetDay())
		}
		out = append(out, fmt.Sprintf("%s for %s until %s", k.GetPlan(), product, end))
	}
	return dash(strings.Join(out, "; "))
}

func targetsText(s *schedulev1.Site) string {
	out := make([]string, len(s.GetTargets()))
	for i, t := range s.GetTargets() {
		out[i] = targetText(t)
	}
	return strings.Join(out, ", ")
}

func lineSitesText(l *routingv1.Line) string {
	out := make([]string, len(l.GetSites()))
	for i, s := range l.GetSites() {
		out[i] = strings.TrimPrefix(s.GetSite(), collectionSites+"/")
		if s.GetTier() != 0 {
			out[i] += fmt.Sprintf(" (tier %d)", s.GetTier())
		}
	}
	return strings.Join(out, ", ")
}

// weekText sums up a week: neighbouring days with the same spans are one.
func weekText(w *schedulev1.WeeklyHours) string {
	names := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	days := [][]*schedulev1.Span{w.GetMon(), w.GetTue(), w.GetWed(), w.GetThu(), w.GetFri(), w.GetSat(), w.GetSun()}
	var out []string
	for i := 0; i < len(days); {
		spans := spansText(days[i])
		j := i + 1
		for j < len(days) && spansText(days[j]) == spans {
			j++
		}
		if spans != "" {
			name := names[i]
			if j > i+1 {
				name += "-" + names[j-1]
			}
			out = append(out, name+" "+spans)
		}
		i = j
	}
	return dash(strings.Join(out, ", "))
}

func spansText(spans []*schedulev1.Span) string {
	out := make([]string, len(spans))
	for i, s := range spans {
		out[i] = fmt.Sprintf("%02d:%02d-%02d:%02d", s.GetOpen().GetHours(), s.GetOpen().GetMinutes(),
			s.GetClose().GetHours(), s.GetClose().GetMinutes())
	}
	return strings.Join(out, " ")
}
