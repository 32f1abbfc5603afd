package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// newGroup is a command that only holds others: "dayside calendar import".
func newGroup(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("there is no command %q%s", cmd.Name()+" "+args[0], meant(cmd.SuggestionsFor(args[0])))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(commands...)
	return c
}

// checkArguments makes usage errors of what commands say about their arguments.
func checkArguments(root *cobra.Command) {
	for _, c := range root.Commands() {
		checkArguments(c)
		check := c.Args
		if check == nil {
			check = cobra.NoArgs
		}
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			var usage usageError
			if err == nil || errors.As(err, &usage) {
				return err
			}
			return usagef("wrong number of arguments; usage: %s %s", cmd.Parent().CommandPath(), cmd.Use)
		}
	}
}
