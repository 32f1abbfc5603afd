package cli

import "github.com/spf13/cobra"

func newCustomer(a *app) *cobra.Command {
	return newGroup("customer", "Find customers as a call does; what customers show and are called",
		"Single customers are written with `apply`, and read with `get` and `list`; many with `import` and `export`.",
		newCustomerIdentify(a), newCustomerPin(a), newCustomerRename(a), newCustomerPhrase(a), newCustomerImport(a),
		newCustomerExport(a), newCustomerWatch(a), newCustomerErase(a))
}
