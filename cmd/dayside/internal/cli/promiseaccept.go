package cli

import (
	"context"
	"crypto/rand"
	"io"
	"strings"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

func newPromiseAccept(a *app) *cobra.Command {
	r, how := &entitlementv1.AcceptOfferRequest{}, ""
	c := &cobra.Command{
		Use: "accept OFFER", Short: "Record that somebody accepts an offer, and grant it at once",
		Long: "Records what somebody said on the telephone or wrote. Without --verified-by the promise waits for the\n" +
			"customer's confirmation. Terms and price are those of the offer as it stands. No card data is taken.",
		Example: "  dayside promise accept day-pass --customer acme --line gold --person \"Jane Doe\" --verified-by call-back\n" +
			"  dayside promise accept one-call --number +61255500100 --line gold --how \"said so on the telephone\"",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.idsOf(cmd.Context(), collectionOffers), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := completeAcceptance(r, args[0], how); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.AcceptOfferResponse, error) {
				return entitlementv1.NewPromiseServiceClient(client.conn).AcceptOffer(ctx, r)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { acceptedText(w, r.GetRequestId(), answer); return nil })
		},
	}
	flags := c.Flags()
	flags.StringVar(&r.Customer, "customer", "", "who promises")
	flags.StringVar(&r.Number, "number", "", "the caller's number, E.164; who promises, where no customer is known")
	flags.StringVar(&r.Line, "line", "", "the line that is granted")
	flags.StringVar(&r.Person, "person", "", "who spoke")
	flags.StringVar(&r.How, "how", "", "how they said so, for the trail")
	flags.StringVar(&r.TermsLanguage, "language", "", "the language in which the terms were read")
	flags.StringVar(&r.RecordingUri, "recording", "", "where it can be heard")
	flags.StringVar(&r.RequestId, "request-id", "", "names the acceptance, so that it can be sent again; random where left out")
	a.verifiedBy(c, &how)
	a.completeLines(c, "line")
	_ = c.RegisterFlagCompletionFunc("customer", a.customersToComplete)
	return c
}

func completeAcceptance(r *entitlementv1.AcceptOfferRequest, offer, how string) error {
	id := strings.TrimPrefix(offer, collectionOffers+"/")
	if id == "" || strings.Contains(id, "/") {
		return usagef("%q is no offer: give offers/ID, or the ID alone", offer)
	}
	r.Offer = collectionOffers + "/" + id
	if r.GetCustomer() == "" && r.GetNumber() == "" {
		return usagef("give --customer or --number: who promises")
	}
	var err error
	if r.GetCustomer() != "" {
		if r.Customer, err = customerName(r.GetCustomer()); err != nil {
			return err
		}
	}
	if r.GetLine() != "" {
		r.Line = collectionLines + "/" + strings.TrimPrefix(r.GetLine(), collectionLines+"/")
	}
	if r.GetRequestId() == "" {
		r.RequestId = "cli-" + rand.Text()
	}
	r.Verification, err = verification(how)
	return err
}

// acceptedText is what became of an acceptance, for people.
func acceptedText(w io.Writer, requestID string, answer *entitlementv1.AcceptOfferResponse) {
	p := answer.GetPromise()
	switch answer.GetOutcome() { //nolint:exhaustive // the others have no promise
	case entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED:
		linef(w, "Accepted: %s is owed, promise %s.", moneyText(p.GetAmount()), idOf(p.GetName()))
	case entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING:
		linef(w, "Accepted: %s is owed once the customer confirms promise %s, until %s.", moneyText(p.GetAmount()),
			idOf(p.GetName()), instant(p.GetLapseTime()))
	default:
		linef(w, "Not recorded: %s. Help first.", oneLine(answer.GetDetail()))
		return
	}
	if first := p.GetAcceptance(); first.GetRequestId() != "" && first.GetRequestId() != requestID {
		linef(w, "It was promised before, on %s, and is promised once; who verifies it now is in its trail.",
			instant(first.GetAcceptTime()))
	}
	linef(w, "Granted until %s: %s.", instant(p.GetGrantEndTime()), p.GetGrant())
}
