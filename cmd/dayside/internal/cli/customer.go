package cli

import "github.com/spf13/cobra"

func newCustomer(a *app) *cobra.Command {
	return newGroup("customer", "Find customers as a call does; what customers show and are called",
		"Customers themselves are written with `apply`, and read with `get` and `list`.",
		newCustomerIdentify(a), newCustomerPin(a))
}
