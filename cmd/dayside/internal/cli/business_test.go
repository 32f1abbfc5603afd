package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

// businessAnswers are what a fake says of charges and follow-ups.
type businessAnswers struct {
	ledgerv1.UnimplementedBusinessServiceServer
	charges   []*ledgerv1.Charge
	followUps []*ledgerv1.FollowUp
	// handed are the pages of an export, made says that the first one makes it.
	handed  []*ledgerv1.HandOverChargesResponse
	exports []*ledgerv1.ChargeExport
	// askedBusiness is the last request.
	askedBusiness proto.Message
}

func (b *businessAnswers) ListCharges(_ context.Context, r *ledgerv1.ListChargesRequest) (*ledgerv1.ListChargesResponse, error) {
	b.askedBusiness = r
	return &ledgerv1.ListChargesResponse{Charges: b.charges}, nil
}

// HandOverCharges answers with the page that the token says.
func (b *businessAnswers) HandOverCharges(_ context.Context, r *ledgerv1.HandOverChargesRequest) (*ledgerv1.HandOverChargesResponse, error) {
	b.askedBusiness = proto.CloneOf(r)
	return b.handed[len(r.GetPageToken())], nil
}

func (b *businessAnswers) ListChargeExports(_ context.Context, r *ledgerv1.ListChargeExportsRequest) (*ledgerv1.ListChargeExportsResponse, error) {
	b.askedBusiness = r
	return &ledgerv1.ListChargeExportsResponse{Exports: b.exports}, nil
}

func (b *businessAnswers) GetFollowUp(_ context.Context, r *ledgerv1.GetFollowUpRequest) (*ledgerv1.FollowUp, error) {
	b.askedBusiness = r
	return b.followUps[0], nil
}

func (b *businessAnswers) ListFollowUps(_ context.Context, r *ledgerv1.ListFollowUpsRequest) (*ledgerv1.ListFollowUpsResponse, error) {
	b.askedBusiness = r
	return &ledgerv1.ListFollowUpsResponse{FollowUps: b.followUps}, nil
}

func (b *businessAnswers) UpdateFollowUp(_ context.Context, r *ledgerv1.UpdateFollowUpRequest) (*ledgerv1.FollowUp, error) {
	b.askedBusiness = r
	return &ledgerv1.FollowUp{Name: r.GetName(), Etag: b.followUps[0].GetEtag(), State: max(r.GetState(), ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN), Owner: r.GetOwner(), DueTime: r.GetDueTime()}, nil
}

func owing(t *testing.T) businessAnswers {
	return businessAnswers{
		charges: []*ledgerv1.Charge{
			text(t, &ledgerv1.Charge{}, `name: "charges/p2" promise: "promises/p2" customer: "customers/acme" amount {currency_code: "EUR" units: 89 nanos: 500000000}
				state: PROMISE_STATE_OWED offer: "offers/pay-per-call" offer_display_name: "One call" line: "lines/gold-emergency" product: "dayside-db" promise_time {seconds: 1795435200}`),
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
		"follow-up reopen x --note unpaid":         text(t, &ledgerv1.UpdateFollowUpRequest{}, `name: "followUps/x" state: FOLLOW_UP_STATE_OPEN note: "unpaid"`),
		"follow-up move x --due now+1h":            text(t, &ledgerv1.UpdateFollowUpRequest{}, `name: "followUps/x" due_time {seconds: 1795438800}`),
		"follow-up show x":                         text(t, &ledgerv1.GetFollowUpRequest{}, `name: "followUps/x"`),
		"follow-up list --overdue --kind bill --limit 2": text(t, &ledgerv1.ListFollowUpsRequest{},
			`page_size: 2 state: FOLLOW_UP_STATE_OPEN kind: FOLLOW_UP_KIND_BILL due_time {seconds: 1795435200}`),
		"follow-up drop x": text(t, &ledgerv1.UpdateFollowUpRequest{}, `name: "followUps/x" state: FOLLOW_UP_STATE_DROPPED`),
	} {
		if code := term.run(t.Context(), strings.Fields(args)...); code != 0 {
			t.Fatalf("%s: %s", args, &term.err)
		}
		if !proto.Equal(f.askedBusiness, want) {
			t.Errorf("%s asks for %v", args, f.askedBusiness)
		}
	}
	if term.run(t.Context(), "follow-up", "take", "x", "--as", "ann"); term.out.String() != "followUps/x is open, with ann; it was with ann@vendor.example.\n" {
		t.Errorf("said: %s", &term.out)
	}
	for name, args := range map[string]string{"charge-csv": "charge list --csv", "follow-up-csv": "follow-up list --state all --csv"} {
		if code := term.run(t.Context(), strings.Fields(args)...); code != 0 {
			t.Fatal(term.err.String())
		}
		golden(t, name, term.out.String())
	}
	f.followUps[0].Etag, f.followUps[0].Owner = "1", "ann"
	if term.run(t.Context(), "follow-up", "take", "x", "--as", "ann"); term.out.String() != "Nothing is changed: followUps/x is open already, with ann.\n" {
		t.Errorf("said: %s", &term.out)
	}
	if term.run(t.Context(), "follow-up", "list", "--due", "2026-11-24"); !f.askedBusiness.(*ledgerv1.ListFollowUpsRequest).GetDueTime().AsTime().
		Equal(time.Date(2026, 11, 24, 23, 59, 59, 999_999_000, time.UTC)) {
		t.Errorf("a day ends at %v", f.askedBusiness)
	}
	f.charges, f.followUps = nil, nil
	if term.run(t.Context(), "charge", "list"); term.out.String() != "There are no such charges.\n" {
		t.Errorf("said: %s", &term.out)
	}
	for _, args := range []string{
		"charge list --state lost", "charge list --limit 0", "follow-up list --state gone", "follow-up done lines/x", "follow-up list --customer a/b",
		"follow-up list --kind tell", "follow-up list --overdue --state all", "follow-up move x", "follow-up move x --due soon", "follow-up show a/b",
		"charge export a/b", "charge export x --format xml", "charge export x --format csv -o json", "charge exports --limit 0", "charge list --csv -o json", "follow-up list --csv -o yaml",
	} {
		if code := term.run(t.Context(), strings.Fields(args)...); code != 2 || term.out.Len() > 0 {
			t.Errorf("%s: exit %d, %s", args, code, &term.err)
		}
	}
}

// TestAFollowUpIsShown with what was done about it; and one that should be done by now is overdue.
func TestAFollowUpIsShown(t *testing.T) {
	f := &fake{ledgerAnswers: ledgerAnswers{businessAnswers: owing(t)}}
	term := newTerminal(t, f)
	shown := f.followUps[0]
	shown.Note, shown.CustomerDisplayName, shown.DueTime.Seconds, shown.DueDate = "sent an offer", "Acme", 1795400000, nil
	shown.CreateTime = text(t, &ledgerv1.FollowUp{}, `create_time {seconds: 1795300000}`).GetCreateTime()
	shown.Trail = text(t, &ledgerv1.FollowUp{}, `trail {time {seconds: 1795310000} by: "ann" state: FOLLOW_UP_STATE_OPEN owner: "ann@vendor.example"}
		trail {time {seconds: 1795320000} by: "ann" state: FOLLOW_UP_STATE_DONE note: "sent an offer"}
		trail {time {seconds: 1795330000} by: "bob" state: FOLLOW_UP_STATE_OPEN due_time {seconds: 1795400000}}`).GetTrail()
	if code := term.run(t.Context(), "follow-up", "show", "followUps/propose-5a1hj2v0qk8m3c7d9e4f"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "follow-up-show", term.out.String())
	if term.run(t.Context(), "follow-up", "list"); !strings.Contains(term.out.String(), "  overdue  ") {
		t.Errorf("listed: %s", &term.out)
	}
	if term.run(t.Context(), "follow-up", "move", "x", "--due", "2026-12-01 09:00 Europe/Dublin"); term.out.String() != "followUps/x is open, with -, due Tue 2026-12-01 09:00 UTC.\n" {
		t.Errorf("said: %s", &term.out)
	}
}

// TestChargesAreExported: all pages, for programs, and for people what they come to; nothing that a spreadsheet would run.
func TestChargesAreExported(t *testing.T) {
	const export = `export {name: "chargeExports/2026-11" create_time {seconds: 1795435200} created_by: "ann" lines: 2
		totals {currency_code: "EUR" units: -50 nanos: -500000000} totals {currency_code: "JPY" units: 9000}}`
	f := &fake{ledgerAnswers: ledgerAnswers{businessAnswers: businessAnswers{handed: []*ledgerv1.HandOverChargesResponse{
		text(t, &ledgerv1.HandOverChargesResponse{}, export+` made: true next_page_token: "1" waiting_lines: 1
			lines {place: 1 kind: CHARGE_EXPORT_KIND_CREDIT amount {currency_code: "EUR" units: 50 nanos: 500000000} charge {name: "charges/p1"
				promise: "promises/p1" customer: "customers/acme" customer_display_name: "=cmd|calc" offer: "offers/one-call" line: "lines/gold"
				offer_display_name: "One call" product: "dayside-db" gateway: "pbx" call_id: "c,1" promise_time {seconds: 1795431600}}}`),
		text(t, &ledgerv1.HandOverChargesResponse{}, export+` lines {place: 2 kind: CHARGE_EXPORT_KIND_BILL amount {currency_code: "JPY" units: 9000}
			charge {name: "charges/p2" promise: "promises/p2" number: "+13035550103" promise_time {seconds: 1795435200}}}`),
	}}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "charge", "export", "2026-11"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "charge-export", term.out.String()+term.err.String())
	if a := f.askedBusiness; !proto.Equal(a, &ledgerv1.HandOverChargesRequest{Name: "chargeExports/2026-11", PageSize: 1000, PageToken: "1"}) {
		t.Errorf("asked for %v", a)
	}
	f.handed[0].Made = false
	term.run(t.Context(), "charge", "export", "2026-11", "--format", "jsonl")
	if lines := strings.Split(term.out.String(), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"place":2,"kind":"CHARGE_EXPORT_KIND_BILL"`) {
		t.Errorf("as lines of JSON: %s", &term.out)
	}
	if told := term.err.String(); !strings.HasPrefix(told, "Export 2026-11 of Mon 2026-11-23 12:00 UTC, by ann, again: 2 lines, EUR -50.50, JPY 9000.\n") {
		t.Errorf("told: %s", told)
	}
	if term.run(t.Context(), "charge", "export", "2026-11", "-o", "json"); !strings.Contains(term.out.String(), `"waitingLines": "1"`) {
		t.Errorf("as JSON: %s", &term.out)
	}
	f.handed = []*ledgerv1.HandOverChargesResponse{text(t, &ledgerv1.HandOverChargesResponse{}, `export {name: "chargeExports/x" lines: 3}`)}
	if term.run(t.Context(), "charge", "export", "x", "--dry-run"); term.err.String() != "Export x would hold 3 lines, -. Nothing is made.\n" {
		t.Errorf("told: %s", &term.err)
	}
	f.handed[0].Export.Lines = 0
	if term.run(t.Context(), "charge", "export", "x"); term.err.String() != "Nothing waits for billing: there is no export x.\n" {
		t.Errorf("told: %s", &term.err)
	}
	if term.run(t.Context(), "charge", "exports"); term.out.String() != "Nothing was handed over to billing yet.\n" {
		t.Errorf("said: %s", &term.out)
	}
	f.exports = []*ledgerv1.ChargeExport{text(t, &ledgerv1.HandOverChargesResponse{}, export).GetExport()}
	term.run(t.Context(), "charge", "exports")
	golden(t, "charge-exports", term.out.String())
}
