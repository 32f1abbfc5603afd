package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// shownSecret is what callers of a customer show, and a command sets.
type shownSecret struct {
	// verb names the command, noun the thing; long says what it must be.
	verb, noun, long string
	// maxLineBytes is as much as is read for one: those that are allowed are shorter, with their line end.
	maxLineBytes int64
	set          func(ctx context.Context, c *api, customer, secret string) (proto.Message, error)
}

func newCustomerPin(a *app) *cobra.Command {
	return newCustomerSecret(a, shownSecret{
		verb: "pin", noun: "PIN", long: "A PIN is 4 to 12 digits. Those that are guessed first are\n" +
			"refused: few different digits, repetitions, equal steps, years, those that many people choose, the end of a number\n" +
			"of the customer's, its name on a keypad.", maxLineBytes: 64,
		set: func(ctx context.Context, c *api, customer, pin string) (proto.Message, error) {
			return c.customers.SetPin(ctx, &entitlementv1.SetPinRequest{Customer: customer, Pin: pin})
		},
	})
}

func newCustomerPhrase(a *app) *cobra.Command {
	return newCustomerSecret(a, shownSecret{
		verb: "phrase", noun: "phrase", maxLineBytes: 1024,
		long: "A phrase has at least 8 letters and digits besides the\n" +
			"customer's names, and is no number or address of its, and no password that many people choose. Callers say it where\n" +
			"they are asked for a PIN: case, accents, punctuation and blanks do not count.",
		set: func(ctx context.Context, c *api, customer, phrase string) (proto.Message, error) {
			return c.customers.SetPhrase(ctx, &entitlementv1.SetPhraseRequest{Customer: customer, Phrase: phrase})
		},
	})
}

func newCustomerSecret(a *app, kind shownSecret) *cobra.Command {
	var stdin, remove bool
	command := "dayside customer " + kind.verb + " acme"
	c := &cobra.Command{
		Use:   kind.verb + " CUSTOMER",
		Short: "Set or remove the " + kind.noun + " by which a customer's callers show who they are",
		Long: "Asks for the " + kind.noun + " twice, and shows it nowhere; with --stdin it is read from the first line of\n" +
			"standard input. " + kind.long + "\nIt is no argument, since other users of a machine can see those.",
		Example: "  " + command + "\n  " + command + " --stdin < " + kind.verb + ".txt\n  " + command + " --remove",
		Args:    cobra.ExactArgs(1),
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
			secret := ""
			switch {
			case remove:
			case stdin:
				secret, err = kind.firstLine(a.In)
			default:
				secret, err = a.askFor(cmd.Context(), kind.noun, name)
			}
			if err != nil {
				return err
			}
			return a.setSecret(cmd.Context(), kind, name, secret)
		},
	}
	c.Flags().BoolVar(&stdin, "stdin", false, "read the "+kind.noun+" from standard input")
	c.Flags().BoolVar(&remove, "remove", false, "remove the "+kind.noun)
	return c
}

// customerName takes a customer's name or ID.
func customerName(s string) (string, error) {
	id := strings.TrimPrefix(s, collectionCustomers+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no customer: give customers/ID, or the ID alone", s)
	}
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(id) {
		return "", usagef("%q is no customer's ID: that is of a-z, 0-9 and hyphens, such as acme; "+
			"\"dayside customer identify\" finds it by a name", s)
	}
	return collectionCustomers + "/" + id, nil
}

var (
	errOtherSecret     = errors.New("that was another one; nothing was changed")
	errSecretInterrupt = errors.New("interrupted; nothing was changed")
)

func noneGiven(noun string) error {
	return fmt.Errorf("no %s was given; nothing was changed (--remove removes one)", noun)
}

// askFor asks at the terminal, twice, since nobody sees what they type.
func (a *app) askFor(ctx context.Context, noun, customer string) (string, error) {
	if !a.Interactive || a.ReadSecret == nil {
		return "", usagef("standard input is no terminal to ask at: give --stdin to read the %s from it", noun)
	}
	secret, err := a.secret(ctx, noun+" of "+customer+": ")
	if err != nil {
		return "", err
	}
	if secret == "" {
		return "", noneGiven(noun)
	}
	again, err := a.secret(ctx, "The same again: ")
	if err != nil {
		return "", err
	}
	if again != secret {
		return "", errOtherSecret
	}
	return secret, nil
}

func (a *app) secret(ctx context.Context, prompt string) (string, error) {
	_, _ = fmt.Fprint(a.Err, visible(prompt))
	line, err := a.ReadSecret(ctx)
	linef(a.Err, "") // the line end was not shown either
	if err != nil {
		return "", errSecretInterrupt
	}
	return strings.TrimSpace(line), nil
}

// firstLine is the secret on standard input.
func (k shownSecret) firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, k.maxLineBytes)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if int64(len(line)) == k.maxLineBytes && !strings.HasSuffix(line, "\n") {
		return "", fmt.Errorf("the first line of standard input is too long for a %s; nothing was changed", k.noun)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", noneGiven(k.noun)
	}
	return line, nil
}

func (a *app) setSecret(ctx context.Context, kind shownSecret, customer, secret string) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	answer, err := ask(ctx, a, func(ctx context.Context) (proto.Message, error) {
		return kind.set(ctx, client, customer, secret)
	})
	if err != nil {
		return err
	}
	if secret == "" {
		linef(a.Err, "%s has no %s", customer, kind.noun)
	} else {
		linef(a.Err, "%s has a new %s", customer, kind.noun)
	}
	return a.show(answer, func(io.Writer) error { return nil })
}
