package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

// businessAnswers are what a fake says of charges and follow-ups.
type businessAnswers struct {
	ledgerv1.UnimplementedBusinessServiceServer
	charges   []*ledgerv1.Charge
	followUps []*ledgerv1.FollowUp
	// askedBusiness is the last request.
	askedBusiness proto.Message
}

func (b *businessAnswers) ListCharges(_ context.Context, r *ledgerv1.ListChargesRequest) (*ledgerv1.ListChargesResponse, error) {
	b.askedBusiness = r
	return &ledgerv1.ListChargesResponse{Charges: b.charges}, nil
}

func (b *businessAnswers) ListFollowUps(_ context.Context, r *ledgerv1.ListFollowUpsRequest) (*ledgerv1.ListFollowUpsResponse, error) {
	b.askedBusiness = r
	return &ledgerv1.ListFollowUpsResponse{FollowUps: b.followUps}, nil
}

func (b *businessAnswers) UpdateFollowUp(_ context.Context, r *ledgerv1.UpdateFollowUpRequest) (*ledgerv1.FollowUp, error) {
	b.askedBusiness = r
	return &ledgerv1.FollowUp{Name: r.GetName(), State: max(r.GetState(), ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN), Owner: r.GetOwner()}, nil
}

func owing(t *testing.T) businessAnswers {
	return businessAnswers{
		charges: []*ledgerv1.Charge{
			text(t, &ledgerv1.Charge{}, `name: "charges/p2" promise: "promises/p2" customer: "customers/acme" amount {currency_code: "EUR" units: 89 nanos: 500000000}
				state: PROMISE_STATE_OWED offer: "offers/pay-per-call" offer_display_name: "One call" line: "lines/gold-emergency" promise_time {seconds: 1795435200}`),
			text(t, &ledgerv1.Charge{}, `name: "charges/p1" promise: "promises/p1" number: "+13…03" amount {currency_code: "JPY" units: 9000}
				state: PROMISE_STATE_PENDING offer: "offers/day-pass" promise_time {seconds: 1795431600}`),
		},
		followUps: []*ledgerv1.FollowUp{
			text(t, &ledgerv1.FollowUp{}, `name: "followUps/propose-5a1hj2v0qk8m3c7d9e4f" kind: FOLLOW_UP_KIND_PROPOSE state: FOLLOW_UP_STATE_OPEN
				customer: "customers/acme" caller_number: "+13…01" line: "lines/gold-emergency" calls: "calls/a" calls: "calls/b"
				due_date {year: 2026 month: 11 day: 24} due_time {seconds: 1795500000} owner: "ann@vendor.example" reason: "second call in 90 days without a contract"`),
			text(t, &ledgerv1.FollowUp{}, `name: "followUps/identify-0a1hj2v0qk8m3c7d9e4f" kind: FOLLOW_UP_KIND_IDENTIFY state: FOLLOW_UP_STATE_DROPPED
				caller_number: "+13…03" calls: "calls/c" due_time {seconds: 1795600000} reason: "a caller nobody knows"`),
		},
	}
}

func TestChargesAndFollowUpsAreListed(t *testing.T) {
	f := &fake{ledgerAnswers: ledgerAnswers{businessAnswers: owing(t)}}
	term := newTerminal(t, f)
	for _, name := range []string{"charge", "follow-up"} {
		if code := term.run(t.Context(), name, "list"); code != 0 {
			t.Fatal(term.err.String())
		}
		golden(t, name+"-list", term.out.String())
	}
	for args, want := range map[string]proto.Message{
		"charge list --customer acme --state owed --since 2026-11-23T12:30:00Z --limit 2": text(t, &ledgerv1.ListChargesRequest{},
			`page_size: 2 customer: "customers/acme" state: PROMISE_STATE_OWED start_time {seconds: 1795437000}`),
		"follow-up list --limit 2": text(t, &ledgerv1.ListFollowUpsRequest{}, `page_size: 2 state: FOLLOW_UP_STATE_OPEN`),
		"follow-up list --customer customers/acme --owner ann --state all --due now+1h --limit 2": text(t, &ledgerv1.ListFollowUpsRequest{},
			`page_size: 2 customer: "customers/acme" owner: "ann" due_time {seconds: 1795438800}`),
		"follow-up take x --as ann":                text(t, &ledgerv1.UpdateFollowUpRequest{}, `name: "followUps/x" owner: "ann"`),
		"follow-up done followUps/x --note signed": text(t, &ledgerv1.UpdateFollowUpRequest{}, `name: "followUps/x" state: FOLLOW_UP_STATE_DONE note: "signed"`),
		"follow-up drop x":                         text(t, &ledgerv1.UpdateFollowUpRequest{}, `name: "followUps/x" state: FOLLOW_UP_STATE_DROPPED`),
	} {
		if code := term.run(t.Context(), strings.Fields(args)...); code != 0 {
			t.Fatalf("%s: %s", args, &term.err)
		}
		if !proto.Equal(f.askedBusiness, want) {
			t.Errorf("%s asks for %v", args, f.askedBusiness)
		}
	}
	if term.run(t.Context(), "follow-up", "take", "x", "--as", "ann"); term.out.String() != "followUps/x is open, with ann.\n" {
		t.Errorf("said: %s", &term.out)
	}
	f.charges, f.followUps = nil, nil
	if term.run(t.Context(), "charge", "list"); term.out.String() != "There are no such charges.\n" {
		t.Errorf("said: %s", &term.out)
	}
	for _, args := range []string{
		"charge list --state lost", "charge list --limit 0", "follow-up list --state gone", "follow-up done lines/x", "follow-up list --customer a/b",
	} {
		if code := term.run(t.Context(), strings.Fields(args)...); code != 2 || term.out.Len() > 0 {
			t.Errorf("%s: exit %d, %s", args, code, &term.err)
		}
	}
}
