package check_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/check"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

func TestAnswersNameTheContractWithItsDates(t *testing.T) {
	bundle := zonestest.Embedded(t)
	dublin, err := bundle.Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 7, 1, 0, 0, 0, 0, dublin)
	to := time.Date(2026, 8, 1, 0, 0, 0, 0, dublin)
	c := &publishedv1.Customer{Id: "acme", DisplayName: "Acme", Contracts: []*publishedv1.Contract{
		{Id: "c1", Plan: "gold", Product: "db", FromUnixS: from.Unix(), ToUnixS: to.Unix()},
		{Id: "c2", Plan: "gold", Product: "web", FromUnixS: from.Unix(), ToUnixS: published.OpenEnded},
	}}
	for _, want := range []struct {
		at       time.Time
		product  string
		basis    entitlementv1.Basis
		contract string
		until    int64
	}{
		{from, "db", entitlementv1.Basis_BASIS_CONTRACT, "c1 2026-07-01 2026-07-31", to.Unix()},
		{from.Add(-time.Second), "db", entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED, "c1 2026-07-01 2026-07-31", from.Unix()},
		{to, "db", entitlementv1.Basis_BASIS_CONTRACT_ENDED, "c1 2026-07-01 2026-07-31", 0},
		{to, "web", entitlementv1.Basis_BASIS_CONTRACT, "c2 2026-07-01", 0},
		{to, "mail", entitlementv1.Basis_BASIS_OTHER_PRODUCT, "c2 2026-07-01", 0},
		{from.Add(-time.Second), "mail", entitlementv1.Basis_BASIS_NO_CONTRACT, "", from.Unix()},
	} {
		got := check.Entitlement(alone(c, dublin), check.Asked{
			Line: &publishedv1.Line{}, Catalog: shop{}, Question: entitle.Question{Product: want.product, AtUnixS: want.at.Unix()},
		})
		if got.GetBasis() != want.basis || got.GetEntitled() != (want.basis == entitlementv1.Basis_BASIS_CONTRACT) ||
			got.GetValidUntil().GetSeconds() != want.until || shown(got.GetContract()) != want.contract ||
			got.GetCustomer() != "customers/acme" || got.GetDisplayName() != "Acme" {
			t.Errorf("at %v for %s: got %v, want %+v", want.at, want.product, got, want)
		}
	}
}

func shown(c *entitlementv1.Contract) string {
	if c == nil {
		return ""
	}
	text := c.GetContractId()
	if d := c.GetStartDate(); d != nil {
		text += fmt.Sprintf(" %04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
	}
	if d := c.GetEndDate(); d != nil {
		text += fmt.Sprintf(" %04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
	}
	return text
}

// shop is plans by ID, all of them open from 12 to 16.
type shop map[string]*entitle.Plan

func (s shop) Plan(id string) *entitle.Plan { return s[id] }

func (shop) Hours(string, string, []string) *timeline.Timeline {
	t, _ := timeline.New(timeline.Spec{
		ToUnixS: 40, Rules: []string{"weekly hours"}, Intervals: []timeline.Interval{{OpenUnixS: 12, CloseUnixS: 16}},
	})
	return t
}

// alone is a customer without anybody above it.
func alone(c *publishedv1.Customer, loc *time.Location) check.Who {
	return check.Who{
		Customers: []*publishedv1.Customer{c}, Parties: []entitle.Party{entitle.PartyOf(c, nil)},
		Location: func(*publishedv1.Customer) *time.Location { return loc },
	}
}

// TestWhatWouldChangeIt names, for each reason not to be entitled, what the caller, time or the vendor can do.
func TestWhatWouldChangeIt(t *testing.T) {
	plans := shop{
		"days": {ID: "days", HoursID: "days"}, "p1": {ID: "p1", Severities: []entitlementv1.Severity{1}},
		"gold": {ID: "gold", LineIDs: []string{"gold"}}, "two": {ID: "two", AllowanceCalls: 2, Period: 1},
	}
	for _, c := range []struct {
		name     string
		contract *publishedv1.Contract
		edit     func(*check.Who)
		want     string
	}{
		{"nothing bought", nil, nil, "CONTRACT a contract for db that is in force"},
		{"begins later", &publishedv1.Contract{Id: "C1", FromUnixS: 20, ToUnixS: 30}, nil,
			"WAIT contract C1 begins on 1970-01-01 at 00:00 UTC (20)"},
		{"ended", &publishedv1.Contract{Id: "C1", ToUnixS: 5}, nil, "CONTRACT renew contract C1, which ended on 1970-01-01"},
		{"ended, and outside hours", &publishedv1.Contract{Id: "C1", Plan: "days", ToUnixS: 5}, nil, "CONTRACT renew contract C1, " +
			"which ended on 1970-01-01; besides, a plan with longer hours than days, that of contract C1"},
		{"outside hours", &publishedv1.Contract{Id: "C1", Plan: "days", ToUnixS: 30}, nil,
			"WAIT the hours of plan days begin on 1970-01-01 at 00:00 UTC (12), " +
				"PLAN a plan with longer hours than days, that of contract C1"},
		{"another severity", &publishedv1.Contract{Id: "C1", Plan: "p1", ToUnixS: 30}, nil, "PLAN a plan with other severities than p1"},
		{"another line", &publishedv1.Contract{Id: "C1", Plan: "gold", ToUnixS: 30}, nil, "PLAN a plan with other lines than gold"},
		{"calls used", &publishedv1.Contract{Id: "C1", Plan: "two", ToUnixS: 30}, func(w *check.Who) {
			w.Parties[0].Used = []entitle.Use{{ContractID: "C1", ToUnixS: 25, Calls: 2}}
		}, "WAIT the next 2 calls of plan two can be used on 1970-01-01 at 00:00 UTC (25), PLAN a plan with more calls than two, that of contract C1"},
		{"suspended contract", &publishedv1.Contract{Id: "C1", ToUnixS: 30, SuspendedToUnixS: 15}, nil,
			"END_SUSPENSION end the suspension of contract C1 (15)"},
		{"suspended customer", &publishedv1.Contract{Id: "C1", ToUnixS: 30}, func(w *check.Who) {
			w.Parties[0].Suspended = &entitle.Span{ToUnixS: 15}
		}, "END_SUSPENSION end the suspension of customers/acme (15)"},
	} {
		customer := &publishedv1.Customer{Id: "acme"}
		if c.contract != nil {
			customer.Contracts = append(customer.Contracts, c.contract)
		}
		who := alone(customer, time.UTC)
		if c.edit != nil {
			c.edit(&who)
		}
		got := check.Entitlement(who, check.Asked{
			Line: &publishedv1.Line{}, Catalog: plans, Question: entitle.Question{LineID: "silver", Product: "db", Severity: 3, AtUnixS: 10},
		})
		text := ""
		for _, r := range got.GetRemedies() {
			text += ", " + strings.TrimPrefix(r.GetKind().String(), "REMEDY_KIND_") + " " + r.GetText()
			if r.GetTime() != nil {
				text += fmt.Sprintf(" (%d)", r.GetTime().GetSeconds())
			}
		}
		if text = strings.TrimPrefix(text, ", "); !strings.HasPrefix(text, c.want) || !strings.Contains(text, "GRANT ") {
			t.Errorf("%s (%v): got %q, want %q, and a grant", c.name, got.GetBasis(), text, c.want)
		}
	}
}

// TestOutcomes: granted, offered, helped first or refused, as the line treats those who are not entitled.
func TestOutcomes(t *testing.T) {
	offer := &entitlementv1.Offer{
		Name: "offers/once", DisplayName: "one call", Price: &money.Money{CurrencyCode: "EUR", Units: 90},
	}
	for _, c := range []struct {
		name     string
		line     *publishedv1.Line
		offers   []*entitlementv1.Offer
		goodwill int
		want     entitlementv1.Outcome
	}{
		{"in doubt a caller is helped", &publishedv1.Line{}, nil, 0, entitlementv1.Outcome_OUTCOME_HELPED_FIRST},
		{"refused", &publishedv1.Line{NotEntitled: routingv1.Treatment_TREATMENT_REJECT}, nil, 0, entitlementv1.Outcome_OUTCOME_REFUSED},
		{"offered", &publishedv1.Line{NotEntitled: routingv1.Treatment_TREATMENT_OFFER}, []*entitlementv1.Offer{offer}, 0,
			entitlementv1.Outcome_OUTCOME_OFFERED},
		{"nothing left to offer", &publishedv1.Line{
			NotEntitled: routingv1.Treatment_TREATMENT_OFFER, Declined: routingv1.Treatment_TREATMENT_REJECT,
		}, nil, 0, entitlementv1.Outcome_OUTCOME_REFUSED},
		{"the second time", third(), []*entitlementv1.Offer{offer}, 1, entitlementv1.Outcome_OUTCOME_HELPED_FIRST},
		{"the third time", third(), []*entitlementv1.Offer{offer}, 2, entitlementv1.Outcome_OUTCOME_OFFERED},
	} {
		who := alone(&publishedv1.Customer{Id: "acme"}, time.UTC)
		who.Goodwill = c.goodwill
		asked := check.Asked{Line: c.line, Catalog: shop{}, Offers: c.offers}
		got := check.Entitlement(who, asked)
		if got.GetOutcome() != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got.GetOutcome(), c.want)
		}
		if len(c.offers) > 0 && (got.GetRemedies()[0].GetOffer() != "offers/once" || got.GetRemedies()[0].GetText() != "accept one call for EUR 90.00") {
			t.Errorf("%s: got %v, want the offer first", c.name, got.GetRemedies()[0])
		}
		c.line.Unknown = c.line.GetNotEntitled()
		if got := check.Unknown(entitle.Party{}, asked, c.goodwill); got.GetOutcome() != c.want || got.GetGrant() != "" ||
			got.GetTreatmentText() == "" {
			t.Errorf("%s, of a caller nobody knows: got %v, want %v", c.name, got, c.want)
		}
	}
	party := entitle.Party{Grants: []entitle.Grant{{ID: "g1", Basis: entitlementv1.Basis_BASIS_PROMISE, ToUnixS: 9}}}
	got := check.Unknown(party, check.Asked{Line: &publishedv1.Line{}, Catalog: shop{}}, 0)
	if got.GetOutcome() != entitlementv1.Outcome_OUTCOME_GRANTED || got.GetGrant() != "grants/g1" || got.GetValidUntil().GetSeconds() != 9 {
		t.Errorf("a number that promised: got %v", got)
	}
}

// TestWhatTheLineDoesIsItsOwnPolicy: who is followed up, and who is asked, on a line that does so.
func TestWhatTheLineDoesIsItsOwnPolicy(t *testing.T) {
	const atOnce = "is connected at once, and nothing is followed up"
	offers := []*entitlementv1.Offer{{Name: "offers/once"}}
	for _, c := range []struct {
		treatment, declined       routingv1.Treatment
		offers                    []*entitlementv1.Offer
		unknown, notEntitled, who string
		followedUp                bool
	}{
		{routingv1.Treatment_TREATMENT_UNSPECIFIED, 0, nil, atOnce, atOnce, "call from a number", false},
		{routingv1.Treatment_TREATMENT_FORWARD, 0, nil, atOnce, atOnce, "call from a number", false},
		{
			routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP, 0, nil, "is connected, and followed up the next business day",
			"is connected, and followed up the next business day", "call from a number", true,
		},
		{routingv1.Treatment_TREATMENT_REJECT, 0, nil, "is refused", "is refused", "call from a number", false},
		{
			routingv1.Treatment_TREATMENT_ANNOUNCE, 0, nil, "hears an announcement and is connected, and nothing is followed up",
			"hears an announcement and is connected, and nothing is followed up", "call from a number", false,
		},
		{
			routingv1.Treatment_TREATMENT_MESSAGE, 0, nil, "is asked to leave a message, and connected on pressing 0",
			"is asked to leave a message, and connected on pressing 0", "call from a number", false,
		},
		{
			routingv1.Treatment_TREATMENT_IDENTIFY, 0, nil, "is asked who it is, and connected where that is not found out", atOnce,
			"say or show who is calling", false,
		},
		{
			routingv1.Treatment_TREATMENT_OFFER, routingv1.Treatment_TREATMENT_REJECT, offers,
			"is connected on accepting an offer; who accepts none is refused",
			"is connected on accepting an offer; who accepts none is refused", "call from a number", false,
		},
		{
			routingv1.Treatment_TREATMENT_OFFER, 0, nil, "is connected, and followed up the next business day",
			"is connected, and followed up the next business day", "call from a number", true,
		},
	} {
		asked := check.Asked{
			Line:    &publishedv1.Line{Unknown: c.treatment, NotEntitled: c.treatment, Declined: c.declined},
			Catalog: shop{}, Offers: c.offers,
		}
		got := check.Unknown(entitle.Party{}, asked, 0)
		if got.GetTreatmentText() != c.unknown || got.GetFollowedUp() != c.followedUp ||
			!strings.HasPrefix(got.GetRemedies()[0].GetText(), c.who) {
			t.Errorf("%v, of one nobody knows: %v", c.treatment, got)
		}
		known := check.Entitlement(alone(&publishedv1.Customer{Id: "acme"}, time.UTC), asked)
		if known.GetTreatmentText() != c.notEntitled || known.GetFollowedUp() != c.followedUp {
			t.Errorf("%v, of one who is not entitled: %v", c.treatment, known)
		}
	}
}

// TestAccessEndsNotWithItsBasis: the hours of a contract begin while something else grants.
func TestAccessEndsNotWithItsBasis(t *testing.T) {
	c := &publishedv1.Customer{Id: "acme", Contracts: []*publishedv1.Contract{{Id: "C1", Plan: "days", ToUnixS: 90}}}
	who := alone(c, time.UTC)
	who.Parties[0].Grants = []entitle.Grant{{ID: "g1", Basis: entitlementv1.Basis_BASIS_COMPLIMENTARY, ToUnixS: 30}}
	got := check.Entitlement(who, check.Asked{
		Line: &publishedv1.Line{}, Catalog: shop{"days": {ID: "days", HoursID: "days"}}, Question: entitle.Question{AtUnixS: 10},
	})
	if got.GetBasis() != entitlementv1.Basis_BASIS_COMPLIMENTARY || got.GetValidUntil().GetSeconds() != 30 ||
		got.GetTreatmentText() != "" {
		t.Errorf("got %v", got)
	}
	number := entitle.Party{Grants: []entitle.Grant{
		{ID: "g2", Basis: entitlementv1.Basis_BASIS_PROMISE, PlanID: "days", ToUnixS: 90},
	}}
	far := check.Unknown(number, check.Asked{
		Line: &publishedv1.Line{}, Catalog: shop{"days": {ID: "days", HoursID: "days"}}, Question: entitle.Question{AtUnixS: 50},
	}, 0)
	if len(far.GetNotes()) != 1 || far.GetValidUntil().GetSeconds() != 90 {
		t.Errorf("beyond what is known of hours: %v", far)
	}
}

// TestGoodwillIsCountedAsDecisionsDo: what was shown a whole window ago is not counted any more.
func TestGoodwillIsCountedAsDecisionsDo(t *testing.T) {
	const day = 86400
	for window, want := range map[int32]int64{0: 90 * day, 7: 7 * day} {
		line := &publishedv1.Line{Goodwill: &routingv1.Goodwill{MaxCalls: 2, WindowDays: window}}
		if got := check.GoodwillFrom(line, 100*day); got != 100*day-want+1 {
			t.Errorf("within %d days: from %d on", window, got)
		}
	}
}

func third() *publishedv1.Line {
	return &publishedv1.Line{
		NotEntitled: routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP, Goodwill: &routingv1.Goodwill{MaxCalls: 2},
	}
}

func TestWhoseContractItIs(t *testing.T) {
	sub, group := &publishedv1.Customer{Id: "sub", Parent: "group"}, &publishedv1.Customer{
		Id: "group", Contracts: []*publishedv1.Contract{{Id: "C9", Plan: "two", ToUnixS: 30}},
	}
	who := check.Who{
		Customers: []*publishedv1.Customer{sub, group}, Parties: []entitle.Party{entitle.PartyOf(sub, nil), entitle.PartyOf(group, nil)},
		Location: func(*publishedv1.Customer) *time.Location { return time.UTC },
	}
	who.Parties[1].Used = []entitle.Use{{ContractID: "C9", ToUnixS: 25, Calls: 1}}
	got := check.Entitlement(who, check.Asked{
		Line: &publishedv1.Line{}, Catalog: shop{"two": {ID: "two", AllowanceCalls: 2, Period: 1}}, Question: entitle.Question{AtUnixS: 10},
	})
	if !got.GetEntitled() || got.GetVia() != "customers/group" || got.GetContract().GetContractId() != "C9" ||
		got.GetAllowanceCalls() != 2 || got.GetUsedCalls() != 1 || got.GetOutcome() != entitlementv1.Outcome_OUTCOME_GRANTED {
		t.Errorf("got %v", got)
	}
}

// TestWhatIsNotKnownOfHoursIsSaid: who is helped outside the hours of a plan, and why, is asked about later.
func TestWhatIsNotKnownOfHoursIsSaid(t *testing.T) {
	c := &publishedv1.Customer{Id: "acme", Contracts: []*publishedv1.Contract{{Id: "C1", Plan: "days", ToUnixS: 90}}}
	for at, want := range map[int64]string{
		13: "", 50: "nothing is known of the hours of plan days at that time: they limit nothing",
	} {
		got := check.Entitlement(alone(c, time.UTC), check.Asked{
			Line: &publishedv1.Line{}, Catalog: shop{"days": {ID: "days", HoursID: "days"}}, Question: entitle.Question{AtUnixS: at},
		})
		if !got.GetEntitled() || strings.Join(got.GetNotes(), "\n") != want {
			t.Errorf("at %d: got %v, want %q", at, got, want)
		}
	}
}

// forgetful is a shop whose plans are deleted once they were looked at so often.
type forgetful struct {
	shop
	looks *int
}

func (f forgetful) Plan(id string) *entitle.Plan {
	if *f.looks--; *f.looks < 0 {
		return nil
	}
	return f.shop.Plan(id)
}

// TestAPlanMayBeDeletedMeanwhile: who asks has an answer all the same.
func TestAPlanMayBeDeletedMeanwhile(t *testing.T) {
	c := &publishedv1.Customer{Id: "acme", Contracts: []*publishedv1.Contract{{Id: "C1", Plan: "both", ToUnixS: 30}}}
	for looks := range 20 {
		left := looks
		got := check.Entitlement(alone(c, time.UTC), check.Asked{
			Line: &publishedv1.Line{}, Question: entitle.Question{AtUnixS: 10, Severity: 3},
			Catalog: forgetful{shop{"both": {ID: "both", HoursID: "days", Severities: []entitlementv1.Severity{1}}}, &left},
		})
		if !got.GetEntitled() && len(got.GetRemedies()) == 0 {
			t.Errorf("after %d looks: %v", looks, got)
		}
	}
}

// TestWhatASuspensionHidesIsToldToTheVendorAlone: contacts see no remedy of that kind.
func TestWhatASuspensionHidesIsToldToTheVendorAlone(t *testing.T) {
	sub, group := &publishedv1.Customer{Id: "sub", SuspendedToUnixS: 15}, &publishedv1.Customer{
		Id: "group", SuspendedToUnixS: 20, Contracts: []*publishedv1.Contract{{Id: "C9", Plan: "p1", ToUnixS: 30, SuspendedToUnixS: 12}},
	}
	who := check.Who{
		Customers: []*publishedv1.Customer{sub, group}, Parties: []entitle.Party{entitle.PartyOf(sub, nil), entitle.PartyOf(group, nil)},
		Location: func(*publishedv1.Customer) *time.Location { return time.UTC },
	}
	got := check.Entitlement(who, check.Asked{
		Line: &publishedv1.Line{}, Catalog: shop{"p1": {ID: "p1", Severities: []entitlementv1.Severity{1}}},
		Question: entitle.Question{AtUnixS: 10, Severity: 3},
	}).GetRemedies()[0]
	if want := "end the suspension of customers/sub and of customers/group and of contract C9 of customers/group; besides, " +
		"a plan with other severities than p1, that of contract C9 of customers/group"; got.GetText() != want ||
		got.GetKind() != entitlementv1.RemedyKind_REMEDY_KIND_END_SUSPENSION || got.GetTime() != nil {
		t.Errorf("got %v, want %q", got, want)
	}
}

// TestAPlanThatIsNotThereIsSaid: a typing error in a plan's name takes all limits away.
func TestAPlanThatIsNotThereIsSaid(t *testing.T) {
	for plan, want := range map[string]string{
		"gold": "", "": "", "glod": "plan glod is not in the catalog: it limits nothing",
	} {
		c := &publishedv1.Customer{Id: "acme", Contracts: []*publishedv1.Contract{{Id: "C1", Plan: plan, ToUnixS: 30}}}
		got := check.Entitlement(alone(c, time.UTC), check.Asked{
			Line: &publishedv1.Line{}, Catalog: shop{"gold": {ID: "gold"}}, Question: entitle.Question{AtUnixS: 10},
		})
		if !got.GetEntitled() || strings.Join(got.GetNotes(), "\n") != want {
			t.Errorf("plan %q: got %v, want %q", plan, got, want)
		}
	}
}
