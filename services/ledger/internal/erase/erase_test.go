package erase_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/erase"
)

func TestNumbersAndAddressesGoWhereverTheyStand(t *testing.T) {
	e := erase.New([]string{"+13035550101"}, []string{"Ann@acme.example"})
	for text, want := range map[string]string{
		"call +13035550101 back, or ann@ACME.example.": "call (erased) back, or (erased).",
		"13035550101":                       "(erased)",
		"13035550101 13035550101":           "(erased) (erased)",
		"0013035550101, +130355501011":      "0013035550101, +130355501011", // other numbers
		"joann@acme.example":                "joann@acme.example",
		"jo.ann@acme.example":               "jo.ann@acme.example",
		`{"email":"ann@acme.example"}`:      `{"email":"(erased)"}`,
		"no caller":                         "no caller",
		"<ann@acme.example>,+13035550101\n": "<(erased)>,(erased)\n",
	} {
		if got, had := e.Text(text); got != want || had != (got != text) {
			t.Errorf("%q: %q, %v; want %q", text, got, had, want)
		}
	}
}

func TestWhatHappenedIsLeft(t *testing.T) {
	e := erase.New([]string{"+13035550101"}, []string{"ann@acme.example"})
	r := &ledgerv1.Record{Event: &ledgerv1.Record_Decision{Decision: &routingv1.DecisionRecord{
		CallId: "c1", Caller: 13035550101, Line: "gold", Recording: &routingv1.Recording{Uri: "https://rec.example/1"},
		DecidedUnixUs: 13035550101, // an instant that looks like it
	}}}
	want := &ledgerv1.Record{Event: &ledgerv1.Record_Decision{Decision: &routingv1.DecisionRecord{
		CallId: "c1", Caller: erase.ErasedNumber, Line: "gold", Recording: &routingv1.Recording{Uri: "erased:"},
		DecidedUnixUs: 13035550101,
	}}}
	if !e.From(r) || !proto.Equal(r, want) {
		t.Errorf("left: %v", r)
	}
	if e.From(r) {
		t.Error("found again")
	}
	if got := e.Recordings(); len(got) != 1 || got[0] != "https://rec.example/1" {
		t.Errorf("recordings that nobody knows of any more: %v", got)
	}
	f := &ledgerv1.FollowUp{CallerNumber: "+13035550101", Note: "rang ann@acme.example", Calls: []string{"calls/a"}}
	if !e.From(f) || !proto.Equal(f, &ledgerv1.FollowUp{Note: "rang (erased)", Calls: []string{"calls/a"}}) {
		t.Errorf("left: %v", f)
	}
	a := &rpcv1.AuditRecord{Peer: "ann@acme.example", Resources: []string{"lines/gold"}, Request: `{"reason":"ann@acme.example asks"}`}
	if !e.From(a) || a.GetPeer() != erase.Erased || strings.Contains(a.GetRequest(), "acme.example") || a.GetResources()[0] != "lines/gold" {
		t.Errorf("left: %v", a)
	}
	if other := (&ledgerv1.Charge{Number: "+13035550102"}); e.From(other) || other.GetNumber() == "" {
		t.Errorf("another's: %v", other)
	}
}

// TestWhatIsSiftedOutHoldsNothing: a message in whose bytes no trace is found is not looked into.
func TestWhatIsSiftedOutHoldsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.SampledFrom([]string{"+13035550101", "+13035550102", ""}).Draw(t, "number")
		text := rapid.SampledFrom([]string{"", "Ann@Acme.example", "x +13035550101 y", "13035550102", "nothing"}).Draw(t, "text")
		c := &ledgerv1.Charge{Name: "charges/" + rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "id"), Number: number, OfferDisplayName: text}
		encoded, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		e := erase.New([]string{"+13035550101"}, []string{"ann@acme.example"})
		had := e.From(c)
		if had && !e.MayHold(encoded) {
			t.Fatalf("sifted out: %q %q", number, text)
		}
		again, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if e.MayHold(again) {
			t.Fatalf("left: %v", c)
		}
	})
}
