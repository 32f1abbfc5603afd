package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

const (
	whatChanges = "What would change it"
	// maxExplained is of how many customers it is said what would change it.
	maxExplained = 5
)

func newCheck(a *app) *cobra.Command {
	var at, severity string
	c := &cobra.Command{
		Use: "check CUSTOMER|NUMBER LINE", Short: "Say whether somebody may have a line, on what basis, and what would change it",
		Long: "Asks entitlement about a customer, or about whoever calls from a number: granted, offered, helped first or\n" +
			"refused, the contract or grant it rests on, until when, what is left of an allowance, and what would change\n" +
			"the answer. How a call would be routed is shown by `dayside route`.",
		Example: "  dayside check acme gold-emergency\n" +
			"  dayside check +13035550101 gold-emergency --at \"2026-12-25 09:00 Europe/Dublin\"\n" +
			"  dayside check customers/acme lines/gold-emergency --severity P3 -o json",
		Args: cobra.ExactArgs(2), ValidArgsFunction: a.namesToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := a.checkOf(args, at, severity)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.CheckEntitlementResponse, error) {
				return client.customers.CheckEntitlement(ctx, request)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return checkText(w, answer) })
		},
	}
	c.Flags().StringVar(&at, "at", "", "at that instant instead of now: "+whenHelp)
	c.Flags().StringVar(&severity, "severity", "", "of the case: P1 to P4; the line's where left out")
	return c
}

func (a *app) checkOf(args []string, at, severity string) (*entitlementv1.CheckEntitlementRequest, error) {
	line, err := lineName(args[1])
	if err != nil {
		return nil, err
	}
	r := &entitlementv1.CheckEntitlementRequest{Line: line}
	if strings.HasPrefix(args[0], "+") || isNumber(args[0]) {
		if err := checkCaller(args[0]); err != nil {
			return nil, usagef("%q is no number in E.164, such as +13035550101", args[0])
		}
		number := "+" + strings.TrimPrefix(args[0], "+")
		r.Number = &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: number}}
	} else if r.Customer, err = customerName(args[0]); err != nil {
		return nil, err
	}
	if severity != "" {
		n, ok := entitlementv1.Severity_value["SEVERITY_"+strings.ToUpper(severity)]
		if !ok || n == 0 {
			return nil, usagef("--severity %q: must be P1, P2, P3 or P4", severity)
		}
		r.Severity = entitlementv1.Severity(n)
	}
	if at != "" {
		when, err := a.when("at", at, time.UTC)
		if err != nil {
			return nil, err
		}
		r.At = timestamppb.New(when)
	}
	return r, nil
}

// words is an enum's value as people say it: "other product" of BASIS_OTHER_PRODUCT.
func words(value interface{ String() string }, prefix string) string {
	return strings.ToLower(strings.ReplaceAll(enumName(value, prefix), "_", " "))
}

// checkText is an answer for people.
func checkText(w io.Writer, answer *entitlementv1.CheckEntitlementResponse) error {
	list := answer.GetCandidates()
	if len(list) == 0 {
		text := "No customer has the number: " + words(answer.GetOutcome(), "OUTCOME_")
		if answer.GetGrant() != "" {
			text += " by " + answer.GetGrant()
		}
		if answer.GetOutcome() == entitlementv1.Outcome_OUTCOME_GRANTED && answer.GetValidUntil() != nil {
			text += " until " + minuteText(answer.GetValidUntil())
		}
		linef(w, "%s.", text)
		notesText(w, answer.GetNotes())
		treatmentText(w, answer.GetTreatmentText())
		remediesText(w, whatChanges, answer.GetRemedies())
		return nil
	}
	g := newGrid("customer", "display name", "outcome", "basis", "rests on", "until", "calls")
	for _, c := range list {
		g.row(c.GetCustomer(), c.GetDisplayName(), words(c.GetOutcome(), "OUTCOME_"), words(c.GetBasis(), "BASIS_"),
			restsOnText(c), untilText(c), usedText(c))
	}
	if err := g.write(w); err != nil {
		return err
	}
	var notes []string
	for _, c := range list {
		notes = append(notes, c.GetNotes()...)
	}
	notesText(w, append(notes, answer.GetNotes()...))
	if len(list) > 1 {
		linef(w, "Several customers can be meant; as long as nobody knows which: %s.", words(answer.GetOutcome(), "OUTCOME_"))
		treatmentText(w, answer.GetTreatmentText())
		remediesText(w, whatChanges, answer.GetRemedies())
		for _, c := range list[:min(len(list), maxExplained)] {
			remediesText(w, whatChanges+" for "+forText(c), c.GetRemedies())
		}
		return nil
	}
	treatmentText(w, list[0].GetTreatmentText())
	remediesText(w, whatChanges, list[0].GetRemedies())
	return nil
}

// notesText is what is odd, each once.
func notesText(w io.Writer, notes []string) {
	slices.Sort(notes)
	for _, note := range slices.Compact(notes) {
		linef(w, "Note: %s.", note)
	}
}

// treatmentText is what the line does with a caller.
func treatmentText(w io.Writer, does string) {
	if does != "" {
		linef(w, "On this line such a caller %s.", does)
	}
}

// forText is who is meant; a partner, and for whom it calls.
func forText(c *entitlementv1.CustomerEntitlement) string {
	if c.GetVia() != "" {
		return c.GetCustomer() + ", by " + c.GetVia()
	}
	return c.GetCustomer()
}

func restsOnText(c *entitlementv1.CustomerEntitlement) string {
	text := c.GetGrant()
	if k := c.GetContract(); k != nil {
		text = strings.TrimSpace("contract " + k.GetContractId() + " " + k.GetPlan())
	}
	if c.GetVia() != "" {
		text = strings.TrimSpace(text + " of " + c.GetVia())
	}
	return dash(text)
}

// untilText is until when access is granted; of what is not granted, when that changes by itself.
func untilText(c *entitlementv1.CustomerEntitlement) string {
	switch {
	case c.GetValidUntil() == nil:
		return dash("")
	case !c.GetEntitled():
		return "changes " + minuteText(c.GetValidUntil())
	}
	return minuteText(c.GetValidUntil())
}

func minuteText(t *timestamppb.Timestamp) string {
	return t.AsTime().UTC().Format(layoutMinute) + " UTC"
}

func usedText(c *entitlementv1.CustomerEntitlement) string {
	if c.GetAllowanceCalls() == 0 && c.GetUsedCalls() == 0 {
		return dash("")
	}
	if c.GetAllowanceCalls() == 0 { // of a plan that limits none
		return fmt.Sprintf("%d used", c.GetUsedCalls())
	}
	return fmt.Sprintf("%d of %d", c.GetUsedCalls(), c.GetAllowanceCalls())
}

// remediesText lists what would change an answer.
func remediesText(w io.Writer, title string, list []*entitlementv1.Remedy) {
	if len(list) > 0 {
		linef(w, "%s:", title)
	}
	for _, r := range list {
		linef(w, "  - %s", r.GetText())
	}
}
