package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// maxPinLineBytes is as much as is read for a PIN: one of 12 digits and its line end are far shorter.
const maxPinLineBytes = 64

func newCustomerPin(a *app) *cobra.Command {
	var stdin, remove bool
	c := &cobra.Command{
		Use: "pin CUSTOMER", Short: "Set or remove the PIN by which a customer's callers show who they are",
		Long: "Asks for the PIN twice, and shows it nowhere; with --stdin it is read from the first line of standard input.\n" +
			"A PIN is 4 to 12 digits, not all the same. It is no argument, since other users of a machine can see those.",
		Example: "  dayside customer pin acme\n  dayside customer pin acme --stdin < pin.txt\n" +
			"  dayside customer pin acme --remove",
		Args: cobra.ExactArgs(1),
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
			if stdin && remove {
				return usagef("give --stdin or --remove, not both")
			}
			pin := ""
			switch {
			case remove:
			case stdin:
				pin, err = firstLine(a.In)
			default:
				pin, err = a.askForPin(cmd.Context(), name)
			}
			if err != nil {
				return err
			}
			return a.setPin(cmd.Context(), name, pin)
		},
	}
	c.Flags().BoolVar(&stdin, "stdin", false, "read the PIN from standard input")
	c.Flags().BoolVar(&remove, "remove", false, "remove the PIN")
	return c
}

// customerName takes a customer's name or ID.
func customerName(s string) (string, error) {
	id := strings.TrimPrefix(s, collectionCustomers+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no customer: give customers/ID, or the ID alone", s)
	}
	return collectionCustomers + "/" + id, nil
}

var (
	errNoPin        = errors.New("no PIN was given; nothing was changed (--remove removes one)")
	errOtherPin     = errors.New("that was another one; nothing was changed")
	errLongPinLine  = errors.New("the first line of standard input is too long for a PIN; nothing was changed")
	errPinUnasked   = usageError{errors.New("standard input is no terminal to ask at: give --stdin to read the PIN from it")}
	errPinInterrupt = errors.New("interrupted; nothing was changed")
)

// askForPin asks at the terminal, twice, since nobody sees what they type.
func (a *app) askForPin(ctx context.Context, customer string) (string, error) {
	if !a.Interactive || a.ReadSecret == nil {
		return "", errPinUnasked
	}
	pin, err := a.secret(ctx, "PIN of "+customer+": ")
	if err != nil {
		return "", err
	}
	if pin == "" {
		return "", errNoPin
	}
	again, err := a.secret(ctx, "The same again: ")
	if err != nil {
		return "", err
	}
	if again != pin {
		return "", errOtherPin
	}
	return pin, nil
}

func (a *app) secret(ctx context.Context, prompt string) (string, error) {
	_, _ = fmt.Fprint(a.Err, visible(prompt))
	line, err := a.ReadSecret(ctx)
	linef(a.Err, "") // the line end was not shown either
	if err != nil {
		return "", errPinInterrupt
	}
	return strings.TrimSpace(line), nil
}

// firstLine is the PIN on standard input.
func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPinLineBytes)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if len(line) == maxPinLineBytes && !strings.HasSuffix(line, "\n") {
		return "", errLongPinLine
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", errNoPin
	}
	return line, nil
}

func (a *app) setPin(ctx context.Context, customer, pin string) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	answer, err := ask(ctx, a, func(ctx context.Context) (*entitlementv1.SetPinResponse, error) {
		return client.customers.SetPin(ctx, &entitlementv1.SetPinRequest{Customer: customer, Pin: pin})
	})
	if err != nil {
		return err
	}
	if pin == "" {
		linef(a.Err, "%s has no PIN", customer)
	} else {
		linef(a.Err, "%s has a new PIN", customer)
	}
	return a.show(answer, func(io.Writer) error { return nil })
}
