package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

func newReveals(a *app) *cobra.Command {
	limit := 50
	c := &cobra.Command{
		Use: "reveals [CUSTOMER]", Short: "Show who was shown which line's number in the portal, the latest first",
		Long:    "Numbers themselves are not shown. What is told is kept for 400 days.",
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
			return a.show(answer, func(w io.Writer) error { return revealsText(w, answer) })
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
		linef(w, "Nobody was shown a number.")
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
