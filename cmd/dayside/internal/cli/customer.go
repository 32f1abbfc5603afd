package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

func newCustomer(a *app) *cobra.Command {
	return newGroup("customer", "Find customers by name as a call does; set a customer's PIN",
		"Customers themselves are written with `apply`, and read with `get` and `list`.",
		newCustomerIdentify(a), newCustomerPin(a))
}

func newCustomerIdentify(a *app) *cobra.Command {
	var digits string
	c := &cobra.Command{
		Use: "identify NAME | --digits DIGITS", Short: "Show which customers a caller can mean by a name",
		Long: "Finds customers as a call does, by what a caller says, types, or spells on a keypad (2 is ABC). What fits by\n" +
			"1.00 is a name or alias that is the same but for case, accents, punctuation and legal form.",
		Example: "  dayside customer identify acme widgets\n  dayside customer identify --digits 2263",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := strings.Join(args, " ")
			switch {
			case name == "" && digits == "", name != "" && digits != "":
				return usagef("give a name or --digits, and not both")
			case strings.Trim(digits, "0123456789*#") != "":
				return usagef("--digits: must be digits, * and #")
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			found, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.IdentifyCallerResponse, error) {
				return client.customers.IdentifyCaller(ctx, &entitlementv1.IdentifyCallerRequest{Name: name, Digits: digits})
			})
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) error { return identifiedText(w, found) })
		},
	}
	c.Flags().StringVar(&digits, "digits", "", "the name as spelled on a keypad, or its beginning")
	return c
}

// identifiedText is who can be meant, for people.
func identifiedText(w io.Writer, found *entitlementv1.IdentifyCallerResponse) error {
	if len(found.GetCandidates()) == 0 {
		linef(w, "No customer is called so.")
		return nil
	}
	g := newGrid("customer", "display name", "fits", "by", "pin")
	for _, c := range found.GetCandidates() {
		pin := ""
		if c.GetHasPin() {
			pin = "yes"
		}
		g.row(c.GetCustomer(), c.GetDisplayName(), fmt.Sprintf("%.2f", c.GetConfidence()), c.GetMatchedName(), dash(pin))
	}
	if err := g.write(w); err != nil {
		return err
	}
	if found.GetMore() {
		linef(w, "More fit than are shown: say more of the name.")
	}
	return nil
}
