package record_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// drawTerms is on what terms a line helps those who are not entitled.
func drawTerms(t *rapid.T, l *routingv1.Line) {
	l.Severity = entitlementv1.Severity(rapid.Int32Range(0, 4).Draw(t, "severity"))
	l.Offers = rapid.SampledFrom([][]string{nil, {"offers/once", "offers/day"}, {"offers/gone", "offers/day"}}).Draw(t, "offers")
	if flag(t, "goodwill") {
		l.Goodwill = &routingv1.Goodwill{
			MaxCalls: rapid.Int32Range(0, 2).Draw(t, "goodwill calls"), WindowDays: rapid.Int32Range(0, 2).Draw(t, "window"),
			Then: anyOf[routingv1.Treatment](t, routingv1.Treatment_name, "then"),
		}
	}
	if flag(t, "business") { // what is told apart most often
		l.Treatments.NotEntitled = rapid.SampledFrom([]routingv1.Treatment{
			routingv1.Treatment_TREATMENT_OFFER, routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP,
		}).Draw(t, "treatment")
		l.Treatments.Unknown = l.Treatments.GetNotEntitled()
	}
}

// drawTies is who has contracts for a customer, and who calls for it.
func drawTies(t *rapid.T, c *publishedv1.Customer) {
	ids := rapid.SampledFrom([]string{"", "", "c00", "c01", "c02", "gone"})
	if c.Parent = ids.Draw(t, "parent"); c.GetParent() == c.GetId() {
		c.Parent = ""
	}
	for range rapid.IntRange(0, 2).Draw(t, "partners") {
		if id := ids.Draw(t, "partner"); id != "" && id != c.GetId() {
			c.Partners = append(c.Partners, &publishedv1.PartnerAccess{
				Partner: id, Product: rapid.SampledFrom([]string{"", "db", "web"}).Draw(t, "about"),
				ToUnixS: viewtest.At(float64(rapid.IntRange(-10, 60).Draw(t, "until"))).Unix(),
			})
		}
	}
	if maybe(t, 4, "suspended") {
		c.SuspendedFromUnixS, c.SuspendedToUnixS = drawSpan(t)
	}
	c.TimeZone = rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin"}).Draw(t, "zone")
	c.Calendars = rapid.SampledFrom([][]string{nil, {"at"}, {"at", "de"}}).Draw(t, "calendars")
	c.Language, c.Locality = rapid.SampledFrom([]string{"", "de"}).Draw(t, "language"), "Berlin"
}

func drawSpan(t *rapid.T) (from, to int64) {
	begin := rapid.IntRange(-10, 40).Draw(t, "from")
	return viewtest.At(float64(begin)).Unix(), viewtest.At(float64(begin + rapid.IntRange(1, 30).Draw(t, "for"))).Unix()
}

func drawContract(t *rapid.T, k *publishedv1.Contract) {
	k.Id = rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "contract")
	k.Plan = rapid.SampledFrom([]string{"gold", "day", "gone"}).Draw(t, "plan")
	k.OwnOnly = maybe(t, 4, "own only")
	if flag(t, "grace") {
		k.GraceS = proto.Int32(rapid.Int32Range(0, 40).Draw(t, "hours") * 3600)
	}
	if maybe(t, 4, "in grace while clocks change") {
		k.Plan, k.GraceS = "gold", nil
		k.FromUnixS, k.ToUnixS = viewtest.At(-99).Unix(), viewtest.At(float64(rapid.IntRange(-30, -10).Draw(t, "to"))).Unix()
		k.GraceShifts = uint64(entitle.ShiftsOf([]entitle.GraceShift{{Days: 1, Minutes: rapid.IntRange(-600, 600).Draw(t, "by")}}))
	}
	if maybe(t, 4, "suspended") {
		k.SuspendedFromUnixS, k.SuspendedToUnixS = drawSpan(t)
	}
}

// drawEntitlements is what customers and numbers may have besides: plans, hours, offers, grants, and what was counted.
func drawEntitlements(t *rapid.T, w *viewtest.World) {
	w.Plans = []*publishedv1.Plan{
		{Id: "gold", GraceS: rapid.SampledFrom([]int32{0, 1, 4, 9, 24, 48}).Draw(t, "grace") * 3600},
		{
			Id: "day", HoursId: "day", AllowanceCalls: rapid.Int32Range(0, 2).Draw(t, "allowance"),
			AllowancePeriod: entitlementv1.AllowancePeriod(rapid.Int32Range(0, 3).Draw(t, "period")),
			Lines:           rapid.SampledFrom([][]string{nil, {"gold"}}).Draw(t, "lines"),
			Severities:      rapid.SampledFrom([][]entitlementv1.Severity{nil, {1, 2}}).Draw(t, "severities"),
		},
	}
	for _, zone := range []string{"UTC", "Europe/Berlin"} {
		for _, calendars := range [][]string{nil, {"at"}} {
			if flag(t, "hours known") {
				from := float64(rapid.IntRange(-10, 20).Draw(t, "opens"))
				h := viewtest.PlanHours("day", zone, viewtest.Span{from, from + 10})
				h.Calendars = calendars
				w.PlanHours = append(w.PlanHours, h)
			}
		}
	}
	w.Offers = []*publishedv1.Offer{viewtest.Offer("once"), viewtest.Offer("day")}
	w.Offers[0].Offer.Withdrawn = flag(t, "withdrawn")
	bases := []entitlementv1.Basis{
		entitlementv1.Basis_BASIS_COMPLIMENTARY, entitlementv1.Basis_BASIS_PROMISE, entitlementv1.Basis_BASIS_PENDING_PROMISE,
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "grants") {
		g := viewtest.Grant(fmt.Sprintf("g%d", i), rapid.SampledFrom([]string{"", "c00", "c01"}).Draw(t, "whose"),
			rapid.SampledFrom(bases).Draw(t, "basis"), 0, 1)
		if g.GetCustomer() == "" {
			g.Number = uint64(rapid.SampledFrom([]phone.Number{sharedANI, 13035550199}).Draw(t, "number"))
		}
		g.FromUnixS, g.ToUnixS = drawSpan(t)
		g.Lines = rapid.SampledFrom([][]string{nil, {"gold"}}).Draw(t, "lines")
		g.Plan = rapid.SampledFrom([]string{"", "day"}).Draw(t, "plan")
		w.Grants = append(w.Grants, g)
	}
	for _, u := range []*publishedv1.Usage{
		viewtest.Goodwill("c00"), viewtest.Goodwill("c01"), viewtest.NumberGoodwill(13035550199),
	} {
		for range rapid.IntRange(0, 3).Draw(t, "goodwill") {
			u.GoodwillUnixS = append(u.GoodwillUnixS, viewtest.At(float64(rapid.IntRange(-60, 30).Draw(t, "shown"))).Unix())
		}
		slices.Sort(u.GoodwillUnixS)
		if u.GetCustomer() != "" && flag(t, "used") {
			k := &publishedv1.ContractUsage{Contract: "k1", Calls: rapid.Int32Range(0, 3).Draw(t, "calls")}
			k.FromUnixS, k.ToUnixS = drawSpan(t)
			u.Contracts = append(u.Contracts, k)
		}
		w.Usage = append(w.Usage, u)
	}
}

// drawBusiness is what steps before may have come to besides.
func drawBusiness(t *rapid.T, s *routingv1.ContinuationState) {
	s.PhraseVerified = maybe(t, 4, "phrase verified")
	s.Partner = rapid.SampledFrom([]string{"", "", "c00", "c02", "gone"}).Draw(t, "state's partner")
	s.FormerNumber = maybe(t, 4, "former")
	s.CallerClass = anyOf[routingv1.CallerClass](t, routingv1.CallerClass_name, "class before")
	s.GoodwillPlusOne = rapid.Int32Range(0, 4).Draw(t, "goodwill before")
	if maybe(t, 3, "an offer") {
		s.Offer = anyOf[routingv1.OfferFate](t, routingv1.OfferFate_name, "fate of it")
		if flag(t, "accepted") {
			s.Accepted, s.AcceptedVerified = &routingv1.MadeOffer{Offer: "once"}, flag(t, "verified")
			s.Promise = rapid.SampledFrom([]string{"", "p-1"}).Draw(t, "promise")
		}
	}
	if flag(t, "began") {
		s.BeganUnixMs = viewtest.At(float64(rapid.IntRange(-12, 30).Draw(t, "began at"))).UnixMilli()
	}
}

// A record says on what the caller was entitled, by whose contract, and what was offered.
func TestWhatARecordSaysOfTheBusiness(t *testing.T) {
	w := viewtest.World{
		Sites:  []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{0, 8})},
		Lines:  []*routingv1.Line{viewtest.Offering(viewtest.Line("gold", goldNumber, "dublin"), "once")},
		Offers: []*publishedv1.Offer{viewtest.Offer("once")},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("reseller", []phone.Number{oneANI}),
			viewtest.ClientOf("reseller", viewtest.Customer("acme", nil)),
		},
		Plans: []*publishedv1.Plan{viewtest.Plan("gold")},
	}
	make := func() *routingv1.DecisionRecord {
		of := &record.Of{View: w.View(), Decision: new(decide.Decision), At: viewtest.At(1), Step: 1, Gateway: "sip"}
		of.Call = decide.Call{ID: "a", Dialled: goldNumber, Caller: oneANI, Gateway: decide.CapabilitiesOf([]routingv1.Capability{
			routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
			routingv1.Capability_CAPABILITY_GATHER_DIGITS,
		})}
		decide.Decide(of.Decision, of.View, of.Call, of.At, decide.MaxSites)
		return new(record.Maker).Make(of)
	}
	r := make()
	if r.GetCustomer() != "acme" || r.GetPartner() != "reseller" || r.GetBasis() != entitlementv1.Basis_BASIS_NO_CONTRACT ||
		r.GetOffer() != routingv1.OfferFate_OFFER_FATE_MADE || !slices.Equal(r.GetOffers(), []string{"once"}) {
		t.Error(r)
	}
	w.Customers[1].Parent = "mother"
	mother := viewtest.Customer("mother", nil, viewtest.Contract("db", -9, 9))
	w.Customers = append(w.Customers, mother)
	r = make()
	if r.GetBasis() != entitlementv1.Basis_BASIS_CONTRACT || r.GetVia() != "mother" || r.GetRestsOn() != "db" ||
		r.GetPlan() != "gold" || len(r.GetFacts()) != 1 {
		t.Error(r)
	}
	w.Grants = []*publishedv1.Grant{viewtest.Grant("g-1", "acme", entitlementv1.Basis_BASIS_PROMISE, 0, 9)}
	mother.Contracts = nil
	if r = make(); r.GetRestsOn() != "grants/g-1" || r.GetVia() != "acme" || r.GetBasis() != entitlementv1.Basis_BASIS_PROMISE {
		t.Error(r)
	}
}

// A plan's grace over a change of clocks comes to the same again: it is of what the customer's record says of its zone.
func TestGraceOverAChangeOfClocksIsMadeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.SampledFrom([]int{-60, 0, 60}).Draw(t, "later")
		term := viewtest.Contract("", -100, -23.5) // a plan's day of grace ends half an hour before the call, else after it
		term.GraceShifts = uint64(entitle.ShiftsOf([]entitle.GraceShift{{Days: 1, Minutes: minutes}}))
		w := viewtest.World{
			Sites:     []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{0, 8})},
			Lines:     []*routingv1.Line{viewtest.Line("gold", goldNumber, "dublin")},
			Customers: []*publishedv1.Customer{viewtest.Customer("acme", []phone.Number{oneANI}, term)},
			Plans:     []*publishedv1.Plan{{Id: "gold", GraceS: 24 * 3600}},
		}
		of := &record.Of{View: w.View(), Decision: new(decide.Decision), At: viewtest.At(1), Step: 1, Gateway: "sip"}
		of.Call = decide.Call{ID: "a", Dialled: goldNumber, Caller: oneANI, Gateway: decide.CapabilitiesOf(nil)}
		decide.Decide(of.Decision, of.View, of.Call, of.At, decide.MaxSites)
		r, facts := kept(t, new(record.Maker), of)
		if got := r.GetBasis() == entitlementv1.Basis_BASIS_GRACE; got != (minutes > 0) {
			t.Fatalf("%d minutes later: %v", minutes, r.GetBasis())
		}
		if again := record.Again(r, facts); len(again.Differences) > 0 {
			t.Fatal(again.Differences)
		}
	})
}
