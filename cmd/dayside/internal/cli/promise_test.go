package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// promiseAnswers are what a fake says of promises.
type promiseAnswers struct {
	entitlementv1.UnimplementedPromiseServiceServer
	promises []*entitlementv1.Promise
	accepted *entitlementv1.AcceptOfferResponse
	// settledEtag is of a promise that is settled, where it is another one then.
	settledEtag string
}

func (f *fake) ListPromises(_ context.Context, r *entitlementv1.ListPromisesRequest) (*entitlementv1.ListPromisesResponse, error) {
	f.asked = proto.CloneOf(r)
	items, next := page(f.promises, r.GetPageToken())
	return &entitlementv1.ListPromisesResponse{Promises: items, NextPageToken: next}, f.err
}

func (f *fake) GetPromise(_ context.Context, r *entitlementv1.GetPromiseRequest) (*entitlementv1.Promise, error) {
	return find(f.promises, r.GetName())
}

func (f *fake) SettlePromise(_ context.Context, r *entitlementv1.SettlePromiseRequest) (*entitlementv1.Promise, error) {
	f.asked = r
	if f.err != nil {
		return nil, f.err
	}
	p, err := find(f.promises, r.GetName())
	p = proto.CloneOf(p)
	if f.settledEtag != "" {
		p.Etag = f.settledEtag
	}
	if r.GetSettlement() == entitlementv1.Settlement_SETTLEMENT_WAIVE {
		p.State = entitlementv1.PromiseState_PROMISE_STATE_WAIVED
	}
	return p, err
}

func (f *fake) AcceptOffer(_ context.Context, r *entitlementv1.AcceptOfferRequest) (*entitlementv1.AcceptOfferResponse, error) {
	f.asked = r
	return f.accepted, f.err
}

const onePromise = `
name: "promises/20261122-090000-abc" state: PROMISE_STATE_PENDING amount { currency_code: "EUR" units: 90 }
offer_display_name: "Help now (pay per call)" grant: "grants/20261122-090000-abc" grant_end_time { seconds: 1795352400 }
lapse_time { seconds: 1797930000 } terms_text: "One call.\nAnd calls back." product: "dayside-db" customer_display_name: "Acme \x1b[31mWidgets"
acceptance { offer: "offers/call" request_id: "gw1/c1/2" customer: "customers/acme" number: "+61255500111" line: "lines/gold"
  gateway: "gw1" call_id: "c1" terms_language: "en" terms_version: "2026-07" accept_time { seconds: 1795338000 } }
trail { time { seconds: 1795338000 } state: PROMISE_STATE_PENDING by: "routing" reason: "pressed 1" }
trail { time { seconds: 1795338600 } state: PROMISE_STATE_OWED by: "mary" verification: VERIFICATION_CALL_BACK reason: "spoke to Jane" }`

func withPromises(t *testing.T) *fake {
	t.Helper()
	number := `name: "promises/20261123-100000-def" state: PROMISE_STATE_OWED amount { currency_code: "JPY" units: 9000 }
acceptance { number: "+61255500999" accept_time { seconds: 1795428000 } } offer_display_name: "Day (day pass)"`
	less := `name: "promises/less" state: PROMISE_STATE_OWED amount { currency_code: "EUR" units: 60 }
acceptance { customer: "customers/acme" price { currency_code: "EUR" units: 90 } accept_time { seconds: 1795428000 } }
trail { time { seconds: 1795428000 } state: PROMISE_STATE_OWED by: "routing" verification: VERIFICATION_PIN }
trail { time { seconds: 1795438000 } state: PROMISE_STATE_DISPUTED by: "contacts/ann" reason: "nobody answered for an hour" }
trail { time { seconds: 1795448000 } state: PROMISE_STATE_OWED by: "mary" reason: "met in the middle" amount { currency_code: "EUR" units: 60 } }`
	return &fake{promiseAnswers: promiseAnswers{
		promises: []*entitlementv1.Promise{
			text(t, &entitlementv1.Promise{}, onePromise), text(t, &entitlementv1.Promise{}, number),
			text(t, &entitlementv1.Promise{}, less),
		},
		accepted: &entitlementv1.AcceptOfferResponse{
			Outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING, Promise: text(t, &entitlementv1.Promise{}, onePromise),
		},
	}}
}

func TestPromisesAreShown(t *testing.T) {
	for name, args := range map[string][]string{
		"promise-list": {"promise", "list"}, "promise-show": {"promise", "show", "20261122-090000-abc"},
		"promise-csv":     {"promise", "list", "--csv"},
		"promise-less":    {"promise", "show", "less"},
		"promise-waive":   {"promise", "waive", "promises/20261123-100000-def", "--reason", "our own fault"},
		"promise-accept":  {"promise", "accept", "call", "--customer", "acme", "--line", "gold", "--number", "+61255500111", "--request-id", "letter-4711"},
		"promise-confirm": {"promise", "confirm", "20261122-090000-abc", "--verified-by", "call-back", "-o", "json"},
	} {
		term := newTerminal(t, withPromises(t))
		if code := term.run(t.Context(), args...); code != 0 || term.err.Len() > 0 {
			t.Errorf("%v: exit %d, %s", args, code, term.err.String())
		}
		golden(t, name, term.out.String())
	}
}

// TestWhatChangesNothingSaysSo: whoever settles what somebody settled before is not told that it is theirs.
func TestWhatChangesNothingSaysSo(t *testing.T) {
	f := withPromises(t)
	f.promises[2].Etag = "7"
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "promise", "uphold", "less", "--reason", "heard it", "--verified-by", "pin"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "promise-settled-before", term.out.String())
	f.settledEtag = "8"
	if term.run(t.Context(), "promise", "uphold", "less", "--reason", "heard it"); !strings.HasPrefix(term.out.String(),
		"Noted beside what was said before: less was owed already (EUR 60.00") {
		t.Errorf("%s", &term.out)
	}
	f.promises[2].Erased = true
	term.run(t.Context(), "promise", "show", "less")
	if !strings.Contains(term.out.String(), "Erased     who accepted it was erased") {
		t.Errorf("%s", &term.out)
	}
}

func TestWhatPromiseCommandsAsk(t *testing.T) {
	for _, c := range []struct {
		args []string
		want proto.Message
	}{
		{
			[]string{"promise", "list", "--customer", "acme", "--state", "pending"},
			&entitlementv1.ListPromisesRequest{
				PageSize: 1000, Customer: "customers/acme", State: entitlementv1.PromiseState_PROMISE_STATE_PENDING, PageToken: "promises/20261123-100000-def",
			},
		},
		{
			[]string{"promise", "uphold", "20261122-090000-abc", "--reason", "heard it", "--verified-by", "phrase"},
			&entitlementv1.SettlePromiseRequest{
				Name: "promises/20261122-090000-abc", Settlement: entitlementv1.Settlement_SETTLEMENT_UPHOLD, Reason: "heard it",
				Verification: entitlementv1.Verification_VERIFICATION_PHRASE,
			},
		},
		{
			[]string{"promise", "uphold", "20261122-090000-abc", "--reason", "met in the middle", "--down-to", "60 EUR"},
			&entitlementv1.SettlePromiseRequest{
				Name: "promises/20261122-090000-abc", Settlement: entitlementv1.Settlement_SETTLEMENT_UPHOLD, Reason: "met in the middle",
				Amount: &money.Money{CurrencyCode: "EUR", Units: 60},
			},
		},
		{
			[]string{"promise", "waive", "20261122-090000-abc", "--reason", "too late", "--down-to", "EUR 60.50"},
			&entitlementv1.SettlePromiseRequest{
				Name: "promises/20261122-090000-abc", Settlement: entitlementv1.Settlement_SETTLEMENT_WAIVE, Reason: "too late",
				Amount: &money.Money{CurrencyCode: "EUR", Units: 60, Nanos: 500_000_000},
			},
		},
		{
			[]string{"promise", "list", "--state", "refused"},
			&entitlementv1.ListPromisesRequest{
				PageSize: 1000, State: entitlementv1.PromiseState_PROMISE_STATE_REFUSED, PageToken: "promises/20261123-100000-def",
			},
		},
		{
			[]string{"promise", "accept", "offers/call", "--number", "+61255500111", "--request-id", "letter-4711", "--how", "by letter", "--person", "Jane"},
			&entitlementv1.AcceptOfferRequest{Offer: "offers/call", Number: "+61255500111", RequestId: "letter-4711", How: "by letter", Person: "Jane"},
		},
	} {
		f := withPromises(t)
		term := newTerminal(t, f)
		if code := term.run(t.Context(), c.args...); code != 0 || !proto.Equal(f.asked, c.want) {
			t.Errorf("%v: exit %d, %s, asked %v", c.args, code, term.err.String(), f.asked)
		}
	}
}

func TestHowPromiseCommandsAreUsed(t *testing.T) {
	f := withPromises(t)
	f.accepted = &entitlementv1.AcceptOfferResponse{Outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED, Detail: "EUR 90.00 a day is the most"}
	term := newTerminal(t, f)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"promise", "waive", "abc"}, "error: --reason is required: it is kept with the promise\n"},
		{[]string{"promise", "confirm", "abc"}, "error: --verified-by is required: attested-number, call-back, contact, phrase, pin\n"},
		{[]string{"promise", "confirm", "abc", "--verified-by", "eyes"}, "error: --verified-by \"eyes\": must be one of "},
		{[]string{"promise", "list", "--state", "late"}, "error: --state \"late\": must be one of disputed, lapsed, owed, pending, refused, waived\n"},
		{[]string{"promise", "waive", "abc", "--reason", "x", "--down-to", "60"}, "error: --down-to \"60\": must be a currency and an amount"},
		{[]string{"promise", "waive", "abc", "--reason", "x", "--down-to", "JPY 60.5"}, "error: --down-to \"JPY 60.5\": must have at most no decimals"},
		{[]string{"promise", "dispute", "abc", "--reason", "x", "--down-to", "60 EUR"}, "error: unknown flag: --down-to"},
		{[]string{"promise", "show", "calls/abc"}, "error: \"calls/abc\" is no promise: give promises/ID, or the ID alone\n"},
		{[]string{"promise", "accept", "call"}, "error: give --customer or --number: who promises\n"},
		{[]string{"promise", "accept", "plans/x", "--number", "+61255500111"}, "error: \"plans/x\" is no offer"},
	} {
		if code := term.run(t.Context(), c.args...); code != 2 || term.out.Len() > 0 || !strings.HasPrefix(term.err.String(), c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, code, term.out.String(), term.err.String())
		}
	}
	if code := term.run(t.Context(), "promise", "accept", "call", "--customer", "acme"); code != 0 ||
		term.out.String() != "Not recorded: EUR 90.00 a day is the most. Help first.\n" {
		t.Errorf("exit %d, %s%s", code, term.out.String(), term.err.String())
	}
	f.err = refusal(codes.FailedPrecondition, "promises/abc is waived, which cannot be upheld", rpcv1.Reason_REASON_WRONG_STATE)
	if code := term.run(t.Context(), "promise", "uphold", "less", "--reason", "x"); code != 1 || !strings.Contains(term.err.String(), "cannot be upheld") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
}
