package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

func newCustomerIdentify(a *app) *cobra.Command {
	var known identifyFlags
	c := &cobra.Command{
		Use: "identify [NAME] [flags]", Short: "Show which customers a caller can mean",
		Long: "Finds customers as a call does, by what a caller says, types, or spells on a keypad (2 is ABC), and by whatever\n" +
			"else is known: number, e-mail address or domain, contract, what other systems call them. What fits by 1.00 is a\n" +
			"name or alias that is the same but for case, accents, punctuation and legal form. Where it is not certain, the\n" +
			"question to ask is shown.",
		Example: "  dayside customer identify acme widgets\n  dayside customer identify --digits 2263\n" +
			"  dayside customer identify --number '030 55500111' --region DE\n  dayside customer identify --external crm:4711",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := known.request(strings.Join(args, " "))
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			found, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.IdentifyCallerResponse, error) {
				return client.customers.IdentifyCaller(ctx, request)
			})
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) error { return identifiedText(w, found) })
		},
	}
	f := c.Flags()
	f.StringVar(&known.digits, "digits", "", "the name as spelled on a keypad, or its beginning")
	f.StringVar(&known.number, "number", "", "the caller's number, E.164, or national with --region")
	f.StringVar(&known.region, "region", "", "the country of a national number, such as DE")
	f.BoolVar(&known.verified, "verified", false, "the number is attested (STIR A)")
	f.StringVar(&known.email, "email", "", "an e-mail address, or a domain")
	f.StringVar(&known.contract, "contract", "", "a contract's number")
	f.StringArrayVar(&known.external, "external", nil, "what another system calls the customer, SYSTEM:ID; may be repeated")
	f.StringVar(&known.language, "language", "", "of the question, such as de")
	return c
}

// identifyFlags are what is known of a caller besides a name.
type identifyFlags struct {
	digits, number, region, email, contract, language string
	verified                                          bool
	external                                          []string
}

func (f *identifyFlags) request(name string) (*entitlementv1.IdentifyCallerRequest, error) {
	r := &entitlementv1.IdentifyCallerRequest{
		Name: name, Digits: f.digits, Number: f.number, NumberVerified: f.verified, DefaultRegion: f.region, Email: f.email,
		ContractId: f.contract, Language: f.language,
	}
	for _, e := range f.external {
		system, id, ok := strings.Cut(e, ":")
		if !ok || system == "" || id == "" {
			return nil, usagef("--external: must be SYSTEM:ID, such as crm:4711")
		}
		r.ExternalIds = append(r.ExternalIds, &entitlementv1.ExternalId{System: system, Id: id})
	}
	switch nothing := f.number == "" && f.email == "" && f.contract == "" && len(f.external) == 0; {
	case name == "" && f.digits == "" && nothing:
		return nil, usagef("give a name, --digits, --number, --email, --contract or --external")
	case name != "" && f.digits != "":
		return nil, usagef("give a name or --digits, and not both")
	case strings.Trim(f.digits, "0123456789*#") != "":
		return nil, usagef("--digits: must be digits, * and #")
	}
	return r, nil
}

// identifiedText is who can be meant, for people.
func identifiedText(w io.Writer, found *entitlementv1.IdentifyCallerResponse) error {
	if len(found.GetCandidates()) == 0 {
		linef(w, "No customer fits.")
		return nil
	}
	g := newGrid("customer", "display name", "where", "fits", "by", "shows")
	for _, c := range found.GetCandidates() {
		g.row(c.GetCustomer(), c.GetDisplayName(), dash(c.GetLocality()), fmt.Sprintf("%.2f", c.GetConfidence()), evidenceText(c),
			dash(strings.Join(shownBy(c), ", ")))
	}
	if err := g.write(w); err != nil {
		return err
	}
	switch {
	case found.GetCertain():
		linef(w, "Nobody has to be asked: it is %s.", found.GetCandidates()[0].GetDisplayName())
	case found.GetQuestion() != "":
		linef(w, "To be asked: %s", found.GetQuestion())
	}
	if found.GetMore() {
		linef(w, "More fit than are shown: say more of the name.")
	}
	return nil
}

// shownBy is by what a caller can show to be of a customer.
func shownBy(c *entitlementv1.CallerCandidate) []string {
	var ways []string
	if c.GetHasPin() {
		ways = append(ways, "PIN")
	}
	if c.GetHasPhrase() {
		ways = append(ways, "phrase")
	}
	return ways
}

// evidenceText is why a customer is a candidate.
func evidenceText(c *entitlementv1.CallerCandidate) string {
	if len(c.GetEvidence()) == 0 { // of a release before there was any
		return c.GetMatchedName()
	}
	parts := make([]string, 0, len(c.GetEvidence()))
	for _, e := range c.GetEvidence() {
		kind := strings.ToLower(strings.TrimPrefix(e.GetKind().String(), "EVIDENCE_KIND_"))
		parts = append(parts, strings.ReplaceAll(kind, "_", " ")+" "+e.GetMatched())
	}
	return strings.Join(parts, "; ")
}
