package cli

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

func newCustomerRename(a *app) *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use: "rename CUSTOMER NAME", Short: "Give a customer another access name, by which its callers are found",
		Long: "An access name is one customer's alone, whatever its case, accents and punctuation. Those it had before go on\n" +
			"working, and stay in its history. Contacts with self-service rename it themselves in the portal.",
		Example: "  dayside customer rename acme \"Blue Heron\"\n  dayside customer rename acme --remove",
		Args:    cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.idsOf(cmd.Context(), collectionCustomers), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := customerName(args[0])
			if err != nil {
				return err
			}
			if remove == (len(args) == 2) {
				return usagef("give a name or --remove, and not both")
			}
			r := &entitlementv1.RenameAccessNameRequest{Customer: name}
			if !remove {
				if r.AccessName = args[1]; r.GetAccessName() == "" {
					return usagef("the name is empty; --remove removes it")
				}
			}
			return a.rename(cmd.Context(), r)
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "have no access name; those before go on working")
	return c
}

func (a *app) rename(ctx context.Context, r *entitlementv1.RenameAccessNameRequest) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	renamed, err := ask(ctx, a, func(ctx context.Context) (*entitlementv1.Customer, error) {
		return client.customers.RenameAccessName(ctx, r)
	})
	if err != nil {
		return err
	}
	return a.show(renamed, func(w io.Writer) error {
		if renamed.GetAccessName() == "" {
			linef(w, "%s has no access name", renamed.GetName())
		} else {
			linef(w, "%s is found by saying %s", renamed.GetName(), renamed.GetAccessName())
		}
		for _, former := range renamed.GetFormerAccessNames() {
			linef(w, "  and still by %s, its name until %s, when %s changed it", former.GetName(), utc(former.GetEndTime().AsTime()),
				cmp.Or(former.GetReplacedBy(), "somebody"))
		}
		return nil
	})
}
