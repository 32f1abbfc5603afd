package brief_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/brief"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	dialled = phone.Number(61255500100)
	acme    = phone.Number(13035550100)
	lapsed  = phone.Number(13035550101)
)

func world() viewtest.World {
	line := viewtest.Line("gold", dialled, "dublin")
	line.DisplayName, line.Product = "Gold emergency", "db"
	line.Guidance = &routingv1.Guidance{
		NotEntitled: "Say that the contract has ended, and offer one call.", Supervisor: "Mary, extension 100.",
	}
	plain := viewtest.Line("plain", dialled+1, "dublin")
	customer := viewtest.Customer("acme", []phone.Number{acme}, viewtest.Contract("db", -100, 100), viewtest.Contract("db", -100, 200),
		viewtest.Contract("web", -100, 300))
	customer.DisplayName = "Acme Industries"
	customer.Contracts[1].Plan, customer.Contracts[2].Plan = "platinum", "bronze"
	customer.OpenCases = []*publishedv1.OpenCase{{Id: "C-17", Title: "disk  full", Site: "sydney"}, {Id: "C-3"}}
	return viewtest.World{
		Sites:     []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{9, 17})},
		Customers: []*publishedv1.Customer{customer, viewtest.Customer("old", []phone.Number{lapsed}, viewtest.Contract("db", -200, -100))},
		Offers:    []*publishedv1.Offer{viewtest.Offer("one-call")},
		Lines:     []*routingv1.Line{line, plain},
	}
}

// A call in which an offer was accepted by somebody who is not verified, and one of a partner.
func TestMoneyIsTold(t *testing.T) {
	accepted := of(decide.Call{Dialled: dialled, Caller: lapsed, State: &routingv1.ContinuationState{
		Line: "gold", Customer: "old", Offer: routingv1.OfferFate_OFFER_FATE_PENDING, Promise: "p-17",
		Accepted: &routingv1.MadeOffer{Offer: "one-call"},
	}}, world())
	const want = "Entitled: somebody promised to pay, and the customer has not confirmed it yet. An offer was accepted in this " +
		"call, and nothing is owed before the customer confirms: one-call (offers/one-call), promises/p-17. "
	if !strings.Contains(accepted.GetText(), want) || accepted.GetOffer() != "offers/one-call" || accepted.GetPromise() != "promises/p-17" {
		t.Errorf("%v", accepted)
	}
	w := world()
	w.Customers[0] = viewtest.ClientOf("reseller", w.Customers[0])
	reseller := viewtest.Customer("reseller", []phone.Number{13035550155})
	reseller.DisplayName = "Resellers Ltd"
	w.Customers = append(w.Customers, reseller)
	var d decide.Decision
	call := decide.Call{ID: "c1", Dialled: dialled, Caller: 13035550155}
	decide.Decide(&d, w.View(), call, viewtest.At(10), decide.MaxSites)
	b := brief.Of(w.View(), brief.State(&d, call, "edge-1", viewtest.At(10)))
	if b.GetCustomer() != "customers/acme" || b.GetPartner() != "customers/reseller" || b.GetPlan() != "platinum" ||
		!strings.Contains(b.GetText(), "Acme Industries (customers/acme), for whom a partner of theirs calls. Entitled: a contract is "+
			"in force, plan platinum. The caller is of Resellers Ltd (customers/reseller), a partner.") {
		t.Errorf("%v", b)
	}
}

// of is the brief of a call at 10:00, by what is known of the world an hour later.
func of(call decide.Call, later viewtest.World) *routingv1.CallBrief {
	call.ID = "c1"
	var d decide.Decision
	decide.Decide(&d, world().View(), call, viewtest.At(10), decide.MaxSites)
	return brief.Of(later.View(), brief.State(&d, call, "edge-1", viewtest.At(10)))
}

func TestWhatTheAnsweringPersonIsTold(t *testing.T) {
	for what, c := range map[string]struct {
		call decide.Call
		want string
	}{
		"an entitled caller": {decide.Call{Dialled: dialled, Caller: acme, Attested: true},
			"Call to Gold emergency (lines/gold) at 2026-11-22 10:00 UTC. From +13035550100: Acme Industries (customers/acme), by " +
				"their number, which is verified. Entitled: a contract is in force, plan platinum. Open case C-17: disk full, worked on " +
				"by sites/sydney. Open case C-3. The caller is entitled to this line: help at once. Supervisor: Mary, extension 100."},
		"one whose contract has ended": {decide.Call{Dialled: dialled, Caller: lapsed},
			"Call to Gold emergency (lines/gold) at 2026-11-22 10:00 UTC. From +13035550101: old (customers/old), by their number, " +
				"for which nobody vouches. Not entitled: the contract has ended. Say that the contract has ended, and offer one call. " +
				"Supervisor: Mary, extension 100."},
		"a stranger": {decide.Call{Dialled: dialled + 1, Caller: 13035550199},
			"Call to plain (lines/plain) at 2026-11-22 10:00 UTC. From +13035550199: nobody knows which customer, for no customer " +
				"has the number. Not known whether entitled: it must be known first who it is. Nobody knows yet who is calling. Ask for " +
				"the company's name and a number to call back, and help meanwhile."},
		"one who named somebody like it, and did not say that it is them": {
			decide.Call{Dialled: dialled + 1, Caller: 13035550199, State: &routingv1.ContinuationState{
				Line: "plain", PersonWanted: true, Named: true, Offered: []string{"acme"},
			}},
			"Call to plain (lines/plain) at 2026-11-22 10:00 UTC. From +13035550199: nobody knows which customer, for no customer " +
				"has the number. Not known whether entitled: it must be known first who it is. Nobody knows yet who is calling. Ask for " +
				"the company's name and a number to call back, and help meanwhile."},
		"nobody at all": {decide.Call{Dialled: dialled + 1},
			"Call to plain (lines/plain) at 2026-11-22 10:00 UTC. From a withheld number: nobody knows which customer, for there is " +
				"no number to know them by. Not known whether entitled: it must be known first who it is. Nobody knows yet who is " +
				"calling. Ask for the company's name and a number to call back, and help meanwhile."},
	} {
		t.Run(what, func(t *testing.T) {
			if got := of(c.call, world()); got.GetText() != c.want {
				t.Errorf("got  %s\nwant %s", got.GetText(), c.want)
			}
		})
	}
}

// TestABriefTellsWhatIsKnownNow: cases opened since are in it, and what was deleted since is left out.
func TestABriefTellsWhatIsKnownNow(t *testing.T) {
	later := world()
	later.Customers[0].OpenCases = []*publishedv1.OpenCase{{Id: "C-18"}}
	b := of(decide.Call{Dialled: dialled, Caller: acme}, later)
	if len(b.GetOpenCases()) != 1 || b.GetOpenCases()[0].GetCaseId() != "C-18" || b.GetPlan() != "platinum" {
		t.Errorf("%v", b)
	}
	b = of(decide.Call{Dialled: dialled, Caller: acme}, viewtest.World{})
	if b.GetCustomer() != "customers/acme" || b.GetLine() != "lines/gold" || b.GetCallerNumber() != "+13035550100" ||
		b.GetPlan() != "" || b.GetGuidance() == "" || !strings.Contains(b.GetText(), "Entitled: a contract is in force.") {
		t.Errorf("%v", b)
	}
}

func TestAFollowUpIsTold(t *testing.T) {
	b := brief.Of(world().View(), &routingv1.BriefState{FollowUp: true})
	if !b.GetFollowUp() || !strings.Contains(b.GetText(), "To be followed up on the next business day.") {
		t.Errorf("%v", b)
	}
	if !strings.HasPrefix(b.GetText(), "Call to a line that is not known at 1970-01-01 00:00 UTC.") {
		t.Errorf("%v", b)
	}
}

// TestStatesCanAlwaysBeSealedProperty: whatever a network calls a call, the state can be written, and says of it no more
// than its beginning.
func TestStatesCanAlwaysBeSealedProperty(t *testing.T) {
	v := world().View()
	rapid.Check(t, func(t *rapid.T) {
		id := string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "id"))
		call := decide.Call{ID: id, Dialled: dialled, Caller: acme}
		var d decide.Decision
		decide.Decide(&d, v, call, viewtest.At(10), decide.MaxSites)
		s := brief.State(&d, call, "edge-1", viewtest.At(10))
		if _, err := proto.Marshal(s); err != nil || len(s.GetCallId()) > 64 || !utf8.ValidString(s.GetCallId()) {
			t.Fatalf("%v, %v", s, err)
		}
		if b := brief.Of(v, s); !b.GetRouteTime().AsTime().Equal(viewtest.At(10).Truncate(time.Millisecond)) {
			t.Fatalf("%v", b)
		}
	})
}
