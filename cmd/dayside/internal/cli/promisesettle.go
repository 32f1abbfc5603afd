package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	amounts "github.com/daysidehq/dayside/api/money"
)

// settling is a command that settles a promise.
type settling struct {
	verb, short, example string
	what                 entitlementv1.Settlement
	// verifies says that it tells how it was made sure; forLess that it can leave a part to be paid.
	verifies, forLess bool
}

func newSettle(a *app, s settling) *cobra.Command {
	r, how, downTo := &entitlementv1.SettlePromiseRequest{Settlement: s.what}, "", ""
	c := &cobra.Command{
		Use: s.verb + " PROMISE", Short: s.short, Example: s.example,
		Long: s.short + ". It is kept who did so, and why; done again it changes nothing.",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.promisesToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if r.Name, err = promiseName(args[0]); err != nil {
				return err
			}
			confirms := s.what == entitlementv1.Settlement_SETTLEMENT_CONFIRM
			switch {
			case r.GetReason() == "" && !confirms:
				return usagef("--reason is required: it is kept with the promise")
			case how == "" && confirms:
				return usagef("--verified-by is required: %s", strings.Join(verificationNames(), ", "))
			}
			if r.Verification, err = verification(how); err != nil {
				return err
			}
			if r.Amount, err = downToOf(downTo); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			return a.settle(cmd.Context(), client, r)
		},
	}
	c.Flags().StringVar(&r.Reason, "reason", "", "why, for people")
	if s.forLess {
		c.Flags().StringVar(&downTo, "down-to", "", "what is to be paid after all, such as \"60 EUR\"; less than it is about")
	}
	if s.verifies {
		a.verifiedBy(c, &how)
	}
	return c
}

// settle settles a promise, and says where that changed nothing: what somebody else said of it then stands alone.
func (a *app) settle(ctx context.Context, client *api, r *entitlementv1.SettlePromiseRequest) error {
	promises := entitlementv1.NewPromiseServiceClient(client.conn)
	was, err := ask(ctx, a, func(ctx context.Context) (*entitlementv1.Promise, error) {
		return promises.GetPromise(ctx, &entitlementv1.GetPromiseRequest{Name: r.GetName()})
	})
	if err != nil {
		return err
	}
	p, err := ask(ctx, a, func(ctx context.Context) (*entitlementv1.Promise, error) { return promises.SettlePromise(ctx, r) })
	if err != nil {
		return err
	}
	return a.show(p, func(w io.Writer) error {
		stands, amount := word(promiseWords, p.GetState()), partText(p.GetAmount(), p.GetAcceptance().GetPrice())
		before := was.GetTrail()
		if p.GetEtag() != "" && p.GetState() == was.GetState() && amounts.Same(p.GetAmount(), was.GetAmount()) && len(before) > 0 {
			kept := "Nothing is changed"
			if p.GetEtag() != was.GetEtag() {
				kept = "Noted beside what was said before"
			}
			linef(w, "%s: %s was %s already (%s, promised by %s):", kept, idOf(p.GetName()), stands, amount, promiser(p))
			linef(w, "  %s", promiseEventText(before[len(before)-1]))
			return nil
		}
		linef(w, "%s is %s: %s, promised by %s.", idOf(p.GetName()), stands, amount, promiser(p))
		return nil
	})
}

// downToOf is what is left to be paid; nil where nobody says.
func downToOf(text string) (*money.Money, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nobody says
	}
	m, rule := amounts.Parse(text)
	if rule == "" {
		rule = amounts.Rule(m)
	}
	if rule != "" {
		return nil, usagef("--down-to %q: %s", text, rule)
	}
	return m, nil
}

// verifiedBy is the flag that says how it was made sure who speaks.
func (*app) verifiedBy(c *cobra.Command, how *string) {
	c.Flags().StringVar(how, "verified-by", "", "how it was made sure: "+strings.Join(verificationNames(), ", "))
	_ = c.RegisterFlagCompletionFunc("verified-by",
		cobra.FixedCompletions(verificationNames(), cobra.ShellCompDirectiveNoFileComp))
}
