package entitle_test

import (
	"slices"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	grace         = entitlementv1.Basis_BASIS_GRACE
	complimentary = entitlementv1.Basis_BASIS_COMPLIMENTARY
	promise       = entitlementv1.Basis_BASIS_PROMISE
	pending       = entitlementv1.Basis_BASIS_PENDING_PROMISE
	suspended     = entitlementv1.Basis_BASIS_SUSPENDED
	closed        = entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS
	otherLine     = entitlementv1.Basis_BASIS_OTHER_LINE
	otherSeverity = entitlementv1.Basis_BASIS_OTHER_SEVERITY
	used          = entitlementv1.Basis_BASIS_ALLOWANCE_USED

	p1 = entitlementv1.Severity_SEVERITY_P1
	p3 = entitlementv1.Severity_SEVERITY_P3
)

// catalog is a catalog in memory; hours by their id.
type catalog struct {
	plans map[string]*entitle.Plan
	hours map[string]*timeline.Timeline
}

func (c catalog) Plan(id string) *entitle.Plan { return c.plans[id] }

func (c catalog) Hours(id, _ string, _ []string) *timeline.Timeline { return c.hours[id] }

// shelf is what the tests sell. Its "days" are 12..16 and 22..26, known over 0..40.
func shelf(t testing.TB) catalog {
	days, err := timeline.New(timeline.Spec{
		FromUnixS: 0, ToUnixS: 40, Rules: []string{"weekly hours"},
		Intervals: []timeline.Interval{{OpenUnixS: 12, CloseUnixS: 16}, {OpenUnixS: 22, CloseUnixS: 26}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return catalog{
		hours: map[string]*timeline.Timeline{"days": days},
		plans: map[string]*entitle.Plan{
			"days":       {ID: "days", HoursID: "days"},
			"p1":         {ID: "p1", Severities: []entitlementv1.Severity{p1}},
			"gold":       {ID: "gold", LineIDs: []string{"gold"}},
			"db":         {ID: "db", Products: []string{"db"}},
			"grace":      {ID: "grace", GraceS: 5},
			"three days": {ID: "three days", GraceS: 3 * 86400},
			"two":        {ID: "two", AllowanceCalls: 2, Period: entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH},
			"no day":     {ID: "no day", HoursID: "not compiled yet"},
		},
	}
}

// term is a contract by a plan.
func term(plan string, from, to int64) entitle.Contract {
	return entitle.Contract{ID: plan, PlanID: plan, FromUnixS: from, ToUnixS: to, GraceS: entitle.PlanGrace}
}

func holding(list ...entitle.Contract) []entitle.Party {
	return []entitle.Party{{CustomerID: "acme", Contracts: list}}
}

func with(c entitle.Contract, change func(*entitle.Contract)) entitle.Contract {
	change(&c)
	return c
}

func given(basis entitlementv1.Basis, plan string, from, to int64, lines ...string) entitle.Grant {
	return entitle.Grant{ID: "g", Basis: basis, PlanID: plan, FromUnixS: from, ToUnixS: to, LineIDs: lines}
}

func TestAsk(t *testing.T) {
	type question struct {
		product, line string
		severity      entitlementv1.Severity
		at            int64
	}
	asked := question{"db", "gold", p1, 10}
	frozen := func(from, to int64) *entitle.Span { return &entitle.Span{FromUnixS: from, ToUnixS: to} }
	with2 := func(parties []entitle.Party, change func([]entitle.Party)) []entitle.Party {
		change(parties)
		return parties
	}
	sub := func(own entitle.Party, parents ...[]entitle.Party) []entitle.Party {
		return append([]entitle.Party{own}, slices.Concat(parents...)...)
	}
	for _, c := range []struct {
		name    string
		parties []entitle.Party
		ask     question
		basis   entitlementv1.Basis
		until   int64
	}{
		{"a plan that nobody knows limits nothing", holding(term("old", 0, 20)), asked, contract, 20},
		{"grace of the plan", holding(term("grace", 0, 8)), asked, grace, 13},
		{"then it has ended", holding(term("grace", 0, 5)), asked, ended, entitle.Never},
		{"grace of the plan's days, where clocks change", holding(with(term("three days", 0, 8), func(c *entitle.Contract) {
			c.Shifts = entitle.ShiftsOf([]entitle.GraceShift{{Days: 2, Minutes: -60}, {Days: 3, Minutes: 30}, {Days: 4, Minutes: 90}})
		})), asked, grace, 8 + 3*86400 + 1800},
		{"the contract's own grace goes before", holding(with(term("grace", 0, 8), func(c *entitle.Contract) { c.GraceS = 0 })),
			asked, ended, entitle.Never},
		{"a contract in force goes before grace", holding(term("grace", 0, 8), term("old", 0, 12)), asked, contract, 12},
		{"suspended contract", holding(with(term("old", 0, 20), func(c *entitle.Contract) { c.Suspended = frozen(5, 15) })),
			asked, suspended, 15},
		{"suspended later", holding(with(term("old", 0, 20), func(c *entitle.Contract) { c.Suspended = frozen(15, 18) })),
			asked, contract, 15},
		{"suspended customer", with2(holding(term("old", 0, 20)), func(p []entitle.Party) { p[0].Suspended = frozen(5, 12) }),
			asked, suspended, 12},
		{"a grant stands beside a suspension", with2(holding(term("old", 0, 20)), func(p []entitle.Party) {
			p[0].Suspended, p[0].Grants = frozen(5, entitle.Never), []entitle.Grant{given(complimentary, "", 0, 11)}
		}), asked, complimentary, 11},
		{"outside the plan's hours", holding(term("days", 0, 20)), asked, closed, 12},
		{"within them", holding(term("days", 0, 20)), question{"db", "gold", p1, 12}, contract, 16},
		{"hours that are not compiled yet limit nothing", holding(term("no day", 0, 20)), asked, contract, 20},
		{"beyond the horizon of hours nothing is known", holding(term("days", 0, 99)), question{"db", "gold", p1, 40}, contract, 99},
		{"another severity", holding(term("p1", 0, 20)), question{"db", "gold", p3, 10}, otherSeverity, 20},
		{"a line for any severity", holding(term("p1", 0, 20)), question{"db", "gold", 0, 10}, contract, 20},
		{"another line", holding(term("gold", 0, 20)), question{"db", "silver", p1, 10}, otherLine, 20},
		{"another product of the plan", holding(term("db", 0, 20)), question{"web", "gold", p1, 10}, other, 20},
		{"calls that are left", used2(1, 30), asked, contract, 20},
		{"calls that are used", used2(2, 15), asked, used, 15},
		{"another plan helps where the calls are used", append2(used2(2, 15), term("old", 0, 11)), asked, contract, 11},
		{"complimentary", []entitle.Party{{Grants: []entitle.Grant{given(complimentary, "", 0, 20)}}}, asked, complimentary, 20},
		{"a promise before a pending one", []entitle.Party{{Grants: []entitle.Grant{
			given(pending, "", 0, 30), given(promise, "", 0, 20),
		}}}, asked, promise, 20},
		{"a grant for other lines", []entitle.Party{{Grants: []entitle.Grant{given(promise, "", 0, 20, "silver")}}},
			asked, none, entitle.Never},
		{"a grant that begins later", []entitle.Party{{Grants: []entitle.Grant{given(promise, "", 15, 20)}}}, asked, none, 15},
		{"a grant by a plan of other hours", []entitle.Party{{Grants: []entitle.Grant{given(promise, "days", 0, 20)}}},
			asked, none, 12},
		{"a parent's contract", sub(entitle.Party{CustomerID: "sub"}, holding(term("old", 0, 20))), asked, contract, 20},
		{"but not one of its own alone", sub(entitle.Party{}, holding(with(term("old", 0, 20), func(c *entitle.Contract) {
			c.OwnOnly = true
		}))), asked, none, entitle.Never},
		{"nor its grants", sub(entitle.Party{}, []entitle.Party{{Grants: []entitle.Grant{given(promise, "", 0, 20)}}}),
			asked, none, entitle.Never},
		{"who is suspended has no parent's either", sub(entitle.Party{Suspended: frozen(0, 14)}, holding(term("old", 0, 20))),
			asked, suspended, 14},
		{"nor has who comes through a suspended one", sub(entitle.Party{}, []entitle.Party{{Suspended: frozen(0, 14)}},
			holding(term("old", 0, 20))), asked, suspended, 14},
		{"the nearest to granting is said", holding(term("old", 30, 40), term("gold", 0, 20), term("days", 0, 20)),
			question{"db", "silver", p1, 10}, closed, 12},
	} {
		got := entitle.Ask(c.parties, shelf(t), entitle.Question{
			Product: c.ask.product, LineID: c.ask.line, Severity: c.ask.severity, AtUnixS: c.ask.at,
		})
		if got.Basis != c.basis || got.UntilUnixS != c.until {
			t.Errorf("%s: got %v until %d, want %v until %d", c.name, got.Basis, got.UntilUnixS, c.basis, c.until)
		}
	}
}

// used2 is a customer whose plan includes two calls, some of which are used until an instant.
func used2(calls int32, until int64) []entitle.Party {
	parties := holding(term("two", 0, 20))
	parties[0].Used = []entitle.Use{{ContractID: "two", FromUnixS: 5, ToUnixS: until, Calls: calls}}
	return parties
}

func append2(parties []entitle.Party, c entitle.Contract) []entitle.Party {
	parties[0].Contracts = append(parties[0].Contracts, c)
	return parties
}

func TestAskSaysWhatItRestsOn(t *testing.T) {
	parties := append([]entitle.Party{{CustomerID: "sub", Contracts: []entitle.Contract{term("days", 0, 20)}}},
		append2(used2(1, 30), term("old", 0, 12))...)
	got := entitle.Ask(parties, shelf(t), entitle.Question{AtUnixS: 10})
	want := entitle.Answer{Basis: contract, Party: 1, Contract: 1, Grant: -1, PlanID: "old", UntilUnixS: 20}
	if got != want {
		t.Errorf("a contract that counts no calls goes before: got %+v, want %+v", got, want)
	}
	got = entitle.Ask(parties, shelf(t), entitle.Question{AtUnixS: 13})
	want = entitle.Answer{Basis: contract, Party: 0, Contract: 0, Grant: -1, PlanID: "days", UntilUnixS: 20}
	if got != want {
		t.Errorf("its own goes before a parent's: got %+v, want %+v", got, want)
	}
	got = entitle.Ask(parties, shelf(t), entitle.Question{AtUnixS: 17})
	want = entitle.Answer{Basis: contract, Party: 1, Contract: 0, Grant: -1, PlanID: "two", UntilUnixS: 20, Included: 2, UsedCalls: 1}
	if got != want {
		t.Errorf("what is left of an allowance: got %+v, want %+v", got, want)
	}
	got = entitle.Ask(holding(term("days", 0, 20)), shelf(t), entitle.Question{AtUnixS: 10})
	if got.OpensUnixS != 12 {
		t.Errorf("the plan's hours begin at %d, want 12", got.OpensUnixS)
	}
}

func BenchmarkAsk(b *testing.B) {
	parties := append2(used2(1, 30), term("days", 0, 20))
	parties = append(parties, holding(term("old", 0, 12))...)
	var shop entitle.Catalog = shelf(b)
	b.ReportAllocs()
	for b.Loop() {
		entitle.Ask(parties, shop, entitle.Question{Product: "db", LineID: "gold", AtUnixS: 15})
	}
}

// TestAPlanThatCountsMonthsNow: what was counted over a year, until the plan was changed, uses up no month of it; what is of
// the plan's own periods does.
func TestAPlanThatCountsMonthsNow(t *testing.T) {
	const day = 86400
	month, year := entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH, entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT_YEAR
	whole := entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT
	for _, c := range []struct {
		kind     entitlementv1.AllowancePeriod
		from, to int64
		want     entitlementv1.Basis
	}{
		{month, 90 * day, 121*day + 3600, used},
		{month, 0, 366 * day, contract},
		{month, 0, entitle.Never, contract},
		{year, 0, 366*day + 3600, used},
		{year, 90 * day, 121 * day, used},
		{year, 0, entitle.Never, contract},
		{whole, 0, entitle.Never, used},
		{whole, -400 * day, entitle.Never, used},
	} {
		shop := catalog{plans: map[string]*entitle.Plan{"p": {ID: "p", AllowanceCalls: 5, Period: c.kind}}}
		parties := holding(term("p", 0, 1000*day))
		parties[0].Used = []entitle.Use{{ContractID: "p", FromUnixS: c.from, ToUnixS: c.to, Calls: 30}}
		if got := entitle.Ask(parties, shop, entitle.Question{AtUnixS: 100 * day}); got.Basis != c.want {
			t.Errorf("%v, counted over %d to %d: %v, want %v", c.kind, c.from, c.to, got.Basis, c.want)
		}
	}
}
