package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// collectionPromises is the first part of promises' names. They are no part of a configuration: files do not hold them.
const collectionPromises = "promises"

const (
	// maxPromisesPage is the API's own limit.
	maxPromisesPage = 1000
	// maxPromisesShown is as many as one list shows.
	maxPromisesShown = 10_000
)

func newPromise(a *app) *cobra.Command {
	return newGroup("promise", "Promises to pay: what callers have accepted, and what is owed of it",
		"Who is not entitled can accept an offer of the line. What somebody accepted who was not verified waits for the\n"+
			"customer's confirmation, and lapses without it; until then nothing is owed.",
		newPromiseList(a), newPromiseShow(a), newPromiseAccept(a),
		newSettle(a, settling{
			verb: "confirm", short: "Note that the customer confirms a promise",
			what: entitlementv1.Settlement_SETTLEMENT_CONFIRM, verifies: true,
			example: "  dayside promise confirm 20261122-090000-abc --verified-by call-back",
		}),
		newSettle(a, settling{
			verb: "waive", short: "Give a promise up, or a part of it: nothing is owed, or less",
			what: entitlementv1.Settlement_SETTLEMENT_WAIVE, forLess: true,
			example: "  dayside promise waive 20261122-090000-abc --reason \"our own fault\"\n" +
				"  dayside promise waive 20261122-090000-abc --down-to \"60 EUR\" --reason \"it took us too long\"",
		}),
		newSettle(a, settling{
			verb: "dispute", short: "Note that the customer denies a promise",
			what:    entitlementv1.Settlement_SETTLEMENT_DISPUTE,
			example: "  dayside promise dispute 20261122-090000-abc --reason \"they know of no such call\"",
		}),
		newSettle(a, settling{
			verb: "uphold", short: "Settle a dispute in favour of the vendor, or for less",
			what: entitlementv1.Settlement_SETTLEMENT_UPHOLD, verifies: true, forLess: true,
			example: "  dayside promise uphold 20261122-090000-abc --reason \"heard the recording\" --verified-by call-back\n" +
				"  dayside promise uphold 20261122-090000-abc --down-to \"60 EUR\" --reason \"met in the middle\" --verified-by pin",
		}))
}

func newPromiseList(a *app) *cobra.Command {
	var customer, state string
	var asCSV bool
	c := &cobra.Command{
		Use: "list", Short: "List promises in order of time",
		Example: "  dayside promise list --state pending\n  dayside promise list --customer acme -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &entitlementv1.ListPromisesRequest{PageSize: maxPromisesPage}
			var err error
			if customer != "" {
				if r.Customer, err = customerName(customer); err != nil {
					return err
				}
			}
			if r.State, err = promiseState(state); err != nil {
				return err
			}
			if err := a.csvOnly(asCSV); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			list, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.ListPromisesResponse, error) {
				return client.listPromises(ctx, r)
			})
			if err != nil {
				return err
			}
			if list.GetNextPageToken() != "" {
				linef(a.Err, "There are more than %d: say of which customer, or in which state.", maxPromisesShown)
			}
			return a.show(list, func(w io.Writer) error {
				if asCSV {
					return promisesCSV(w, list.GetPromises())
				}
				return promisesText(w, list.GetPromises())
			})
		},
	}
	c.Flags().StringVar(&customer, "customer", "", "only those of this customer")
	csvFlag(c, &asCSV)
	c.Flags().StringVar(&state, "state", "", "only those that stand so: "+strings.Join(promiseStates(), ", "))
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(promiseStates(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("customer", a.customersToComplete)
	return c
}

// customersToComplete suggests customers for a flag.
func (a *app) customersToComplete(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.idsOf(cmd.Context(), collectionCustomers), cobra.ShellCompDirectiveNoFileComp
}

// listPromises reads all pages, as far as maxPromisesShown; the answer has a token where there are more.
func (c *api) listPromises(ctx context.Context, r *entitlementv1.ListPromisesRequest,
) (*entitlementv1.ListPromisesResponse, error) {
	client, out := entitlementv1.NewPromiseServiceClient(c.conn), &entitlementv1.ListPromisesResponse{}
	for {
		page, err := client.ListPromises(ctx, r)
		if err != nil {
			return nil, err
		}
		out.Promises, out.NextPageToken = append(out.Promises, page.GetPromises()...), page.GetNextPageToken()
		if r.PageToken = page.GetNextPageToken(); r.GetPageToken() == "" || len(out.GetPromises()) >= maxPromisesShown {
			return out, nil
		}
	}
}

// promisesText is a list, for people.
func promisesText(w io.Writer, list []*entitlementv1.Promise) error {
	if len(list) == 0 {
		linef(w, "No promises.")
		return nil
	}
	g := newGrid("promise", "accepted", "state", "amount", "who", "offer", "lapses")
	sums := tally{}
	for _, p := range list {
		state := word(promiseWords, p.GetState())
		g.row(idOf(p.GetName()), instant(p.GetAcceptance().GetAcceptTime()), state,
			partText(p.GetAmount(), p.GetAcceptance().GetPrice()), promiser(p), p.GetOfferDisplayName(), instant(p.GetLapseTime()))
		sums.add(state, p.GetAmount())
	}
	if err := g.write(w); err != nil {
		return err
	}
	sums.write(w)
	return nil
}

// promisesCSV is a row a promise.
func promisesCSV(w io.Writer, list []*entitlementv1.Promise) error {
	rows := make([][]string, 0, len(list))
	for _, p := range list {
		a := p.GetAcceptance()
		rows = append(rows, []string{
			idOf(p.GetName()), csvTime(a.GetAcceptTime()), word(promiseWords, p.GetState()), idOf(a.GetCustomer()),
			p.GetCustomerDisplayName(), a.GetNumber(), a.GetPerson(), p.GetAmount().GetCurrencyCode(), csvAmount(p.GetAmount()),
			csvAmount(a.GetPrice()), idOf(a.GetOffer()), p.GetOfferDisplayName(), idOf(a.GetLine()), csvTime(p.GetLapseTime()),
			a.GetGateway(), a.GetCallId(), p.GetProduct(),
		})
	}
	return writeCSV(w, "promise accept_time state customer customer_display_name number person currency amount "+
		"promised_amount offer offer_display_name support_line lapse_time gateway call_id product", rows)
}

// promiser is who promises: a customer, or a number that nobody knows.
func promiser(p *entitlementv1.Promise) string {
	a := p.GetAcceptance()
	switch {
	case p.GetCustomerDisplayName() != "":
		return p.GetCustomerDisplayName()
	case a.GetCustomer() != "":
		return idOf(a.GetCustomer())
	case p.GetErased() && a.GetNumber() == "":
		return "(erased)"
	}
	return dash(a.GetNumber())
}

func newPromiseShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show PROMISE", Short: "Show a promise, with its terms and all that happened to it",
		Example: "  dayside promise show 20261122-090000-abc", Args: cobra.ExactArgs(1), ValidArgsFunction: a.promisesToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := promiseName(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			p, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.Promise, error) {
				return entitlementv1.NewPromiseServiceClient(client.conn).GetPromise(ctx, &entitlementv1.GetPromiseRequest{Name: name})
			})
			if err != nil {
				return err
			}
			return a.show(p, func(w io.Writer) error { promiseText(w, p); return nil })
		},
	}
}

// promiseText is one promise, for people.
func promiseText(w io.Writer, p *entitlementv1.Promise) {
	linef(w, "%s  %s, %s", idOf(p.GetName()), word(promiseWords, p.GetState()),
		partText(p.GetAmount(), p.GetAcceptance().GetPrice()))
	acceptance := p.GetAcceptance()
	for _, line := range [][2]string{
		{"Who", promiser(p)}, {"Customer", acceptance.GetCustomer()}, {"Number", acceptance.GetNumber()},
		{"Person", acceptance.GetPerson()}, {"Offer", p.GetOfferDisplayName() + ", " + acceptance.GetOffer()},
		{"Product", p.GetProduct()}, {"Line", acceptance.GetLine()},
		{"Call", strings.Trim(acceptance.GetCallId()+" at gateway "+acceptance.GetGateway(), " ")},
		{"Recording", acceptance.GetRecordingUri()},
	} {
		if line[1] != "" && line[1] != "at gateway" {
			linef(w, "  %-10s %s", line[0], oneLine(line[1]))
		}
	}
	switch {
	case p.GetErased() && acceptance.GetNumber()+acceptance.GetPerson() == "":
		linef(w, "  %-10s who accepted it was erased: number, person and recording are not kept", "Erased")
	case p.GetErased():
		linef(w, "  %-10s somebody whom it named was erased from it", "Erased")
	}
	if p.GetGrant() != "" {
		linef(w, "  %-10s %s, until %s", "Grants", p.GetGrant(), instant(p.GetGrantEndTime()))
	}
	if p.GetState() == entitlementv1.PromiseState_PROMISE_STATE_PENDING {
		linef(w, "  %-10s %s, unless the customer confirms it", "Lapses", instant(p.GetLapseTime()))
	}
	linef(w, "  Terms %s (%s), as they were agreed to:", oneLine(acceptance.GetTermsVersion()),
		oneLine(acceptance.GetTermsLanguage()))
	for line := range strings.Lines(p.GetTermsText()) {
		linef(w, "    %s", strings.TrimRight(line, "\n"))
	}
	linef(w, "  What happened:")
	for _, e := range p.GetTrail() {
		linef(w, "    %s", promiseEventText(e))
	}
}

// promiseEventText is something that happened to a promise, for people.
func promiseEventText(e *entitlementv1.PromiseEvent) string {
	text := instant(e.GetTime()) + "  " + word(promiseWords, e.GetState()) + ", by " + dash(e.GetBy())
	if e.GetVerification() != entitlementv1.Verification_VERIFICATION_UNSPECIFIED {
		text += ", verified by " + verificationWord(e.GetVerification())
	}
	if e.GetAmount() != nil {
		text += ", down to " + moneyText(e.GetAmount())
	}
	if e.GetReason() != "" {
		text += ": " + e.GetReason()
	}
	for _, brought := range [][2]string{
		{"person", e.GetPerson()}, {"number", e.GetNumber()}, {"recording", e.GetRecordingUri()}, {"call", e.GetCallId()},
	} {
		if brought[1] != "" {
			text += "; " + brought[0] + " " + brought[1]
		}
	}
	return oneLine(text)
}

func promiseName(s string) (string, error) {
	id := strings.TrimPrefix(s, collectionPromises+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no promise: give promises/ID, or the ID alone", s)
	}
	return collectionPromises + "/" + id, nil
}

// promisesToComplete suggests promises for the only argument.
func (a *app) promisesToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suggested(a, cmd, args, func(ctx context.Context, c *api) ([]*entitlementv1.Promise, error) {
		r, err := c.listPromises(ctx, &entitlementv1.ListPromisesRequest{PageSize: maxPromisesPage})
		return r.GetPromises(), err
	}, func(p *entitlementv1.Promise) string {
		return idOf(p.GetName()) + "\t" + oneLine(word(promiseWords, p.GetState())+", "+promiser(p))
	})
}

var promiseWords = map[entitlementv1.PromiseState]string{
	entitlementv1.PromiseState_PROMISE_STATE_PENDING:  "pending",
	entitlementv1.PromiseState_PROMISE_STATE_OWED:     "owed",
	entitlementv1.PromiseState_PROMISE_STATE_DISPUTED: "disputed",
	entitlementv1.PromiseState_PROMISE_STATE_WAIVED:   "waived",
	entitlementv1.PromiseState_PROMISE_STATE_LAPSED:   "lapsed",
	entitlementv1.PromiseState_PROMISE_STATE_REFUSED:  "refused",
}

func promiseStates() []string { return sortedWords(promiseWords) }

func promiseState(s string) (entitlementv1.PromiseState, error) {
	for state, w := range promiseWords {
		if w == s {
			return state, nil
		}
	}
	if s == "" {
		return entitlementv1.PromiseState_PROMISE_STATE_UNSPECIFIED, nil
	}
	return 0, usagef("--state %q: must be one of %s", s, strings.Join(promiseStates(), ", "))
}

var verificationWords = map[entitlementv1.Verification]string{
	entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER: "attested-number",
	entitlementv1.Verification_VERIFICATION_PIN:             "pin",
	entitlementv1.Verification_VERIFICATION_PHRASE:          "phrase",
	entitlementv1.Verification_VERIFICATION_CALL_BACK:       "call-back",
	entitlementv1.Verification_VERIFICATION_CONTACT:         "contact",
}

func verificationWord(v entitlementv1.Verification) string {
	return strings.ReplaceAll(word(verificationWords, v), "-", " ")
}

func verificationNames() []string { return sortedWords(verificationWords) }

func verification(s string) (entitlementv1.Verification, error) {
	for v, w := range verificationWords {
		if w == s {
			return v, nil
		}
	}
	if s == "" {
		return entitlementv1.Verification_VERIFICATION_UNSPECIFIED, nil
	}
	return 0, usagef("--verified-by %q: must be one of %s", s, strings.Join(verificationNames(), ", "))
}

// sortedWords are the texts of an enum, in order.
func sortedWords[E comparable](words map[E]string) []string {
	all := make([]string, 0, len(words))
	for _, w := range words {
		all = append(all, w)
	}
	slices.Sort(all)
	return all
}
