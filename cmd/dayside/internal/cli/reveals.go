package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

func newReveals(a *app) *cobra.Command {
	limit := 50
	c := &cobra.Command{
		Use: "reveals [CUSTOMER]", Short: "Show who was told which line's number, in the portal and in calls, the latest first",
		Long: "Numbers themselves are not shown. What is told in the portal is kept for 400 days, what is told in calls\n" +
			"for as long as calls are; `dayside calls --revealed` has more of them, and -o json is of the portal alone. Which\n" +
			"administrators read hidden numbers is in the audit: `dayside audit --resource lines/ID`.",
		Example: "  dayside reveals\n  dayside reveals acme --limit 10",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.idsOf(cmd.Context(), collectionCustomers), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > maxListed {
				return usagef("--limit %d: must be from 1 to %d", limit, maxListed)
			}
			r := &entitlementv1.ListRevealsRequest{}
			if len(args) > 0 {
				var err error
				if r.Customer, err = customerName(args[0]); err != nil {
					return err
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.ListRevealsResponse, error) {
				return client.reveals(ctx, r, limit)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error {
				if err := revealsText(w, answer); err != nil {
					return err
				}
				return a.toldInCalls(cmd.Context(), client, w, r.GetCustomer(), limit)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", limit, "at most so many")
	return c
}

func (c *api) reveals(ctx context.Context, r *entitlementv1.ListRevealsRequest, limit int) (
	*entitlementv1.ListRevealsResponse, error,
) {
	all := &entitlementv1.ListRevealsResponse{}
	for {
		r.PageSize = int32(min(limit-len(all.GetReveals()), 1000))
		page, err := entitlementv1.NewContactServiceClient(c.conn).ListReveals(ctx, r)
		if err != nil {
			return nil, err
		}
		all.Reveals = append(all.Reveals, page.GetReveals()...)
		all.NextPageToken, r.PageToken = page.GetNextPageToken(), page.GetNextPageToken()
		if r.GetPageToken() == "" || len(all.GetReveals()) >= limit {
			return all, nil
		}
	}
}

func revealsText(w io.Writer, answer *entitlementv1.ListRevealsResponse) error {
	if len(answer.GetReveals()) == 0 {
		linef(w, "Nobody was shown a number in the portal.")
		return nil
	}
	g := newGrid("when", "customer", "contact", "line", "signed in by", "from")
	for _, r := range answer.GetReveals() {
		g.row(utc(r.GetTime().AsTime()), r.GetCustomer(), r.GetContactId(), r.GetLine(), r.GetMethod(), dash(r.GetClient()))
	}
	if err := g.write(w); err != nil {
		return err
	}
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit says how many are shown.")
	}
	return nil
}

// toldInCalls shows the calls in which somebody was told a hidden number. Where the ledger is away, the rest was shown.
func (a *app) toldInCalls(ctx context.Context, client *api, w io.Writer, customer string, limit int) error {
	answer, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.ListCallsResponse, error) {
		return client.calls(ctx, &ledgerv1.ListCallsRequest{Customer: customer, NumberRevealed: true}, limit)
	})
	if err != nil {
		linef(a.Err, "note: which numbers were told in calls is not known: %v", err)
		return nil
	}
	if len(answer.GetCalls()) == 0 {
		linef(w, "Nobody was told a hidden number in a call.")
		return nil
	}
	linef(w, "")
	linef(w, "Told in calls:")
	g := newGrid("when", "customer", "number", "line", "call")
	for _, c := range answer.GetCalls() {
		g.row(utc(c.GetStartTime().AsTime()), dash(c.GetCustomer()), dash(c.GetCallerNumber()), dash(c.GetLine()),
			idOf(c.GetName()))
	}
	if err := g.write(w); err != nil {
		return err
	}
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit, or dayside calls --revealed.")
	}
	return nil
}
