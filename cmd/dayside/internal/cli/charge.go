package cli

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

func newCharge(a *app) *cobra.Command {
	return newGroup("charge", "What is owed for calls: offers that callers accepted",
		"The ledger keeps a charge for each promise to pay, and how that stands. `dayside promise` changes it; an export hands\n"+
			"what is owed over to billing, once.", newChargeList(a), newChargeExport(a), newChargeExports(a))
}

// chargeFlags say which charges.
type chargeFlags struct {
	customer, state, since, until string
	limit                         int
	csv                           bool
}

func newChargeList(a *app) *cobra.Command {
	f := chargeFlags{limit: 50}
	c := &cobra.Command{
		Use: "list", Short: "List charges, the latest first",
		Long: "Lists charges of the ledger, the latest first. Numbers are masked for all but supervisors and administrators.",
		Example: "  dayside charge list --state owed --since 2026-11-01\n" +
			"  dayside charge list --csv --limit 10000 > charges.csv\n" +
			"  dayside charge list --customer acme -o json | jq '.charges[].amount'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := a.chargesRequest(f)
			if err != nil {
				return err
			}
			if err := a.csvOnly(f.csv); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.ListChargesResponse, error) {
				return client.charges(ctx, request, f.limit)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error {
				if f.csv {
					return a.chargesCSV(w, answer)
				}
				return chargesText(w, answer)
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.customer, "customer", "", "of this customer")
	flags.StringVar(&f.state, "state", "", "that stand so: "+strings.Join(chargeStates(), ", "))
	flags.StringVar(&f.since, "since", "", "promised then or later: "+whenHelp)
	flags.StringVar(&f.until, "until", "", "promised before")
	flags.IntVar(&f.limit, "limit", f.limit, "at most so many")
	csvFlag(c, &f.csv)
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(chargeStates(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func chargeStates() []string { return slices.Sorted(maps.Values(chargeStateWords)) }

func (a *app) chargesRequest(f chargeFlags) (r *ledgerv1.ListChargesRequest, err error) {
	r = &ledgerv1.ListChargesRequest{}
	for state, is := range chargeStateWords {
		if is == f.state {
			r.State = state
		}
	}
	if f.state != "" && r.GetState() == 0 {
		return nil, usagef("--state %q: must be one of %s", f.state, strings.Join(chargeStates(), ", "))
	}
	if f.limit < 1 || f.limit > maxListed {
		return nil, usagef("--limit %d: must be from 1 to %d", f.limit, maxListed)
	}
	if f.customer != "" {
		if r.Customer, err = customerName(f.customer); err != nil {
			return nil, err
		}
	}
	r.StartTime, r.EndTime, err = a.period(f.since, f.until)
	return r, err
}

func (c *api) charges(ctx context.Context, r *ledgerv1.ListChargesRequest, limit int) (
	*ledgerv1.ListChargesResponse, error,
) {
	all := &ledgerv1.ListChargesResponse{}
	for {
		r.PageSize = int32(min(limit-len(all.GetCharges()), 1000))
		page, err := ledgerv1.NewBusinessServiceClient(c.conn).ListCharges(ctx, r)
		if err != nil {
			return nil, err
		}
		all.Charges = append(all.Charges, page.GetCharges()...)
		all.NextPageToken, r.PageToken = page.GetNextPageToken(), page.GetNextPageToken()
		if r.GetPageToken() == "" || len(all.GetCharges()) >= limit {
			return all, nil
		}
	}
}

// chargesText is a row a charge.
func chargesText(w io.Writer, answer *ledgerv1.ListChargesResponse) error {
	if len(answer.GetCharges()) == 0 {
		linef(w, "There are no such charges.")
		return nil
	}
	g := newGrid("promised", "who", "offer", "amount", "state", "since", "line", "billing", "promise")
	sums := tally{}
	for _, c := range answer.GetCharges() {
		name := cmp.Or(c.GetCustomerDisplayName(), strings.TrimPrefix(c.GetCustomer(), collectionCustomers+"/"))
		who, state := strings.TrimSpace(name+" "+c.GetNumber()), word(chargeStateWords, c.GetState())
		offer := cmp.Or(c.GetOfferDisplayName(), idOf(c.GetOffer()))
		g.row(instant(c.GetPromiseTime()), dash(oneLine(who)), dash(oneLine(offer)), partText(c.GetAmount(), c.GetPromised()),
			state, instant(c.GetUpdateTime()), dash(idOf(c.GetLine())), billingText(c), dash(idOf(c.GetPromise())))
		sums.add(state, c.GetAmount())
	}
	if err := g.write(w); err != nil {
		return err
	}
	sums.write(w)
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit, --since and --until say which.")
	}
	return nil
}

// chargesCSV is a row a charge.
func (a *app) chargesCSV(w io.Writer, answer *ledgerv1.ListChargesResponse) error {
	rows := make([][]string, 0, len(answer.GetCharges()))
	for _, c := range answer.GetCharges() {
		rows = append(rows, []string{
			idOf(c.GetPromise()), csvTime(c.GetPromiseTime()), idOf(c.GetCustomer()), c.GetCustomerDisplayName(), c.GetNumber(),
			c.GetAmount().GetCurrencyCode(), csvAmount(c.GetAmount()), csvAmount(c.GetPromised()),
			word(chargeStateWords, c.GetState()), csvTime(c.GetUpdateTime()), idOf(c.GetOffer()), c.GetOfferDisplayName(),
			idOf(c.GetLine()), idOf(c.GetExport()), csvAmount(c.GetBilled()), c.GetGateway(), c.GetCallId(),
			c.GetProduct(),
		})
	}
	if answer.GetNextPageToken() != "" {
		linef(a.Err, "There are more; --limit, --since and --until say which.")
	}
	return writeCSV(w, "promise promise_time customer customer_display_name number currency amount promised_amount state "+
		"state_time offer offer_display_name support_line export billed_amount gateway call_id product", rows)
}

// billingText is what billing was told to bill of a charge in all, and in which export last.
func billingText(c *ledgerv1.Charge) string {
	if c.GetExport() == "" {
		return dash("")
	}
	return idOf(c.GetExport()) + ": " + moneyText(c.GetBilled())
}

var chargeStateWords = map[entitlementv1.PromiseState]string{
	entitlementv1.PromiseState_PROMISE_STATE_PENDING:  "pending",
	entitlementv1.PromiseState_PROMISE_STATE_OWED:     "owed",
	entitlementv1.PromiseState_PROMISE_STATE_DISPUTED: "disputed",
	entitlementv1.PromiseState_PROMISE_STATE_WAIVED:   "waived",
	entitlementv1.PromiseState_PROMISE_STATE_LAPSED:   "lapsed",
	entitlementv1.PromiseState_PROMISE_STATE_REFUSED:  "refused",
}
