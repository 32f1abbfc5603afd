package entitle_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// nothing of what is drawn changes at or after this instant, but what never ends.
const quietFrom = 60

// in says whether an instant is within a span.
func in(s *entitle.Span, at int64) bool { return s != nil && s.FromUnixS <= at && at < s.ToUnixS }

// aloud is the rule as one would say it: what each contract and grant says, the first of the list in the proto's order of
// what grants, else the one that got furthest.
func aloud(parties []entitle.Party, shop catalog, q entitle.Question, at int64) entitlementv1.Basis {
	var said []entitlementv1.Basis
	for i, p := range parties {
		chain := slices.ContainsFunc(parties[:i+1], func(p entitle.Party) bool { return in(p.Suspended, at) })
		for _, c := range p.Contracts {
			if i == 0 || !c.OwnOnly {
				said = append(said, contractAloud(p, c, chain, shop, q, at))
			}
		}
		if i == 0 {
			for _, g := range p.Grants {
				said = append(said, grantAloud(g, shop, q, at))
			}
		}
	}
	for _, b := range []entitlementv1.Basis{
		contract, grace, complimentary, promise, pending, closed, used, otherSeverity, otherLine, suspended, notStarted, ended, other,
	} {
		if slices.Contains(said, b) {
			return b
		}
	}
	return none
}

func contractAloud(p entitle.Party, c entitle.Contract, chain bool, shop catalog, q entitle.Question, at int64,
) entitlementv1.Basis {
	plan := shop.plans[c.PlanID]
	if plan == nil {
		plan = &entitle.Plan{}
	}
	days := int64(c.GraceS)
	if c.GraceS == entitle.PlanGrace {
		days = int64(plan.GraceS)
	}
	lasts := c.ToUnixS == entitle.Never || at < c.ToUnixS+days
	mine := q.Product == "" || (c.Product == "" || c.Product == q.Product) && (len(plan.Products) == 0 || slices.Contains(plan.Products, q.Product))
	switch {
	case at < c.FromUnixS && mine:
		return notStarted
	case at < c.FromUnixS, !lasts && !mine:
		return none
	case !lasts:
		return ended
	case !mine:
		return other
	case chain || in(c.Suspended, at):
		return suspended
	}
	if b := limitAloud(*plan, shop, q, at, p.Used, c.ID); b != 0 {
		return b
	}
	if at >= c.ToUnixS {
		return grace
	}
	return contract
}

func grantAloud(g entitle.Grant, shop catalog, q entitle.Question, at int64) entitlementv1.Basis {
	plan := shop.plans[g.PlanID]
	if plan == nil {
		plan = &entitle.Plan{}
	}
	mine := q.Product == "" || (g.Product == "" || g.Product == q.Product) && (len(plan.Products) == 0 || slices.Contains(plan.Products, q.Product))
	line := q.LineID == "" || len(g.LineIDs) == 0 || slices.Contains(g.LineIDs, q.LineID)
	if !mine || !line || at < g.FromUnixS || at >= g.ToUnixS || limitAloud(*plan, shop, q, at, nil, "") != 0 {
		return none
	}
	return g.Basis
}

// limitAloud is which limit of a plan is in the way; 0 where none is.
func limitAloud(plan entitle.Plan, shop catalog, q entitle.Question, at int64, counted []entitle.Use, id string) entitlementv1.Basis {
	calls := int32(0)
	for _, u := range counted {
		if u.ContractID == id && u.FromUnixS <= at && at < u.ToUnixS {
			calls += u.Calls
		}
	}
	state := shop.hours[plan.HoursID].At(at)
	switch {
	case q.LineID != "" && len(plan.LineIDs) > 0 && !slices.Contains(plan.LineIDs, q.LineID):
		return otherLine
	case q.Severity != 0 && len(plan.Severities) > 0 && !slices.Contains(plan.Severities, q.Severity):
		return otherSeverity
	case id != "" && plan.Period != 0 && calls >= plan.AllowanceCalls:
		return used
	case plan.HoursID != "" && state.Known && !state.Open:
		return closed
	}
	return 0
}

func spans() *rapid.Generator[*entitle.Span] {
	return rapid.Custom(func(t *rapid.T) *entitle.Span {
		if rapid.IntRange(0, 3).Draw(t, "suspended") != 0 {
			return nil
		}
		from := rapid.Int64Range(0, 40).Draw(t, "from")
		to := from + rapid.Int64Range(1, 15).Draw(t, "length")
		if rapid.IntRange(0, 4).Draw(t, "until further notice") == 0 {
			to = entitle.Never
		}
		return &entitle.Span{FromUnixS: from, ToUnixS: to}
	})
}

func parties(plans []string) *rapid.Generator[[]entitle.Party] {
	products := rapid.SampledFrom([]string{"", "", "db", "web"})
	one := rapid.Custom(func(t *rapid.T) entitle.Party {
		p := entitle.Party{Suspended: spans().Draw(t, "customer's suspension")}
		for i := range rapid.IntRange(0, 3).Draw(t, "contracts") {
			from := rapid.Int64Range(0, 30).Draw(t, "from")
			c := entitle.Contract{
				ID: string(rune('a' + i)), PlanID: rapid.SampledFrom(plans).Draw(t, "plan"), Product: products.Draw(t, "product"),
				FromUnixS: from, ToUnixS: from + rapid.Int64Range(1, 20).Draw(t, "length"),
				GraceS:  rapid.SampledFrom([]int32{entitle.PlanGrace, entitle.PlanGrace, 0, 4}).Draw(t, "grace"),
				OwnOnly: rapid.IntRange(0, 4).Draw(t, "own only") == 0, Suspended: spans().Draw(t, "suspension"),
			}
			if rapid.IntRange(0, 5).Draw(t, "open-ended") == 0 {
				c.ToUnixS = entitle.Never
			}
			p.Contracts = append(p.Contracts, c)
			if rapid.Bool().Draw(t, "counted") {
				start := rapid.Int64Range(0, 20).Draw(t, "period")
				p.Used = append(p.Used, entitle.Use{
					ContractID: c.ID, FromUnixS: start, ToUnixS: start + rapid.Int64Range(1, 30).Draw(t, "lasts"),
					Calls: rapid.Int32Range(0, 3).Draw(t, "calls"),
				})
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "grants") {
			from := rapid.Int64Range(0, 40).Draw(t, "from")
			g := given(rapid.SampledFrom([]entitlementv1.Basis{complimentary, promise, pending}).Draw(t, "basis"),
				rapid.SampledFrom(plans).Draw(t, "plan"), from, from+rapid.Int64Range(1, 15).Draw(t, "length"))
			if rapid.Bool().Draw(t, "lines") {
				g.LineIDs = []string{rapid.SampledFrom([]string{"gold", "silver"}).Draw(t, "line")}
			}
			g.Product = products.Draw(t, "product")
			p.Grants = append(p.Grants, g)
		}
		return p
	})
	return rapid.SliceOfN(one, 1, 3)
}

// TestAskAgreesWithTheRuleSaidAloud: the basis is right, stays so until the instant that is said, and is another one then.
func TestAskAgreesWithTheRuleSaidAloud(t *testing.T) {
	shop := shelf(t)
	rapid.Check(t, func(t *rapid.T) {
		list := parties([]string{"old", "days", "p1", "gold", "db", "grace", "two", "no day"}).Draw(t, "parties")
		q := entitle.Question{
			Product: rapid.SampledFrom([]string{"", "db", "web", "mail"}).Draw(t, "product"),
			LineID:  rapid.SampledFrom([]string{"", "gold", "silver"}).Draw(t, "line"), Severity: rapid.SampledFrom([]entitlementv1.Severity{0, p1, p3}).Draw(t, "severity"),
			AtUnixS: rapid.Int64Range(-2, 50).Draw(t, "at"),
		}
		got := entitle.Ask(list, shop, q)
		if want := aloud(list, shop, q, q.AtUnixS); got.Basis != want {
			t.Fatalf("basis %v, want %v", got.Basis, want)
		}
		until := int64(entitle.Never)
		for later := q.AtUnixS + 1; later <= quietFrom; later++ {
			if aloud(list, shop, q, later) != got.Basis {
				until = later
				break
			}
		}
		if got.UntilUnixS != until {
			t.Fatalf("%v until %d, want %d", got.Basis, got.UntilUnixS, until)
		}
		grounds(t, list, shop, q, got)
	})
}

// TestNextIsTheFirstInstantThatGrants, for another reason than that nothing is known then.
func TestNextIsTheFirstInstantThatGrants(t *testing.T) {
	shop := shelf(t)
	rapid.Check(t, func(t *rapid.T) {
		list := parties([]string{"old", "days", "p1", "gold", "db", "grace", "two", "no day"}).Draw(t, "parties")
		q := entitle.Question{
			Product: rapid.SampledFrom([]string{"", "db", "web", "mail"}).Draw(t, "product"), LineID: "gold",
			Severity: rapid.SampledFrom([]entitlementv1.Severity{0, p1, p3}).Draw(t, "severity"), AtUnixS: rapid.Int64Range(-2, 50).Draw(t, "at"),
		}
		first, ok := q, false
		for ; first.AtUnixS <= quietFrom && !ok; first.AtUnixS++ {
			ok = entitle.Granted(aloud(list, shop, first, first.AtUnixS))
		}
		first.AtUnixS--
		ok = ok && !entitle.Ask(list, shop, first).HoursUnknown
		got, at, found := entitle.Next(list, shop, q)
		if found != ok || found && (at != first.AtUnixS || got.Basis != aloud(list, shop, q, at)) {
			t.Fatalf("%v at %d (%v), want %d (%v)", got.Basis, at, found, first.AtUnixS, ok)
		}
	})
}

// TestEndsIsTheFirstInstantThatDoesNotGrant, whatever it is that grants before.
func TestEndsIsTheFirstInstantThatDoesNotGrant(t *testing.T) {
	shop, changed := shelf(t), 0
	rapid.Check(t, func(t *rapid.T) {
		list := parties([]string{"old", "days", "p1", "gold", "db", "grace", "two", "no day"}).Draw(t, "parties")
		q := entitle.Question{
			Product: rapid.SampledFrom([]string{"", "db", "web"}).Draw(t, "product"), LineID: "gold",
			Severity: rapid.SampledFrom([]entitlementv1.Severity{0, p1, p3}).Draw(t, "severity"), AtUnixS: rapid.Int64Range(-2, 50).Draw(t, "at"),
		}
		now := entitle.Ask(list, shop, q)
		if !entitle.Granted(now.Basis) {
			return
		}
		end := q.AtUnixS
		for ; end <= quietFrom && entitle.Granted(aloud(list, shop, q, end)); end++ {
		}
		if end > quietFrom {
			end = entitle.Never
		}
		if got := entitle.Ends(list, shop, q); got != end {
			t.Fatalf("%v ends at %d, want %d", now.Basis, got, end)
		}
		if end != now.UntilUnixS {
			changed++
		}
	})
	if changed == 0 {
		t.Error("what grants never was another thing meanwhile")
	}
}

// TestManyChangesOfWhatGrantsEndNothing: a grant of months beside a contract with hours, each day of which begins and ends.
func TestManyChangesOfWhatGrantsEndNothing(t *testing.T) {
	days := make([]timeline.Interval, 100)
	for i := range days {
		days[i] = timeline.Interval{OpenUnixS: int64(i)*24 + 8, CloseUnixS: int64(i)*24 + 18}
	}
	hours, err := timeline.New(timeline.Spec{ToUnixS: 2400, Rules: []string{"days"}, Intervals: days})
	if err != nil {
		t.Fatal(err)
	}
	shop := catalog{plans: map[string]*entitle.Plan{"days": {HoursID: "days"}}, hours: map[string]*timeline.Timeline{"days": hours}}
	list := holding(term("days", 0, entitle.Never))
	list[0].Grants = []entitle.Grant{given(complimentary, "", 0, 1910)}
	q := entitle.Question{AtUnixS: 20}
	if now := entitle.Ask(list, shop, q); now.Basis != complimentary || now.UntilUnixS != 32 {
		t.Fatalf("%+v", now)
	}
	if got := entitle.Ends(list, shop, q); got != 1914 { // the contract goes on until that day's hours end
		t.Errorf("ends at %d", got)
	}
}

// grounds checks that what an answer rests on says the same by itself.
func grounds(t *rapid.T, list []entitle.Party, shop catalog, q entitle.Question, got entitle.Answer) {
	if (got.Party >= 0) == (got.Basis == none) || got.Contract >= 0 && got.Grant >= 0 {
		t.Fatalf("%v rests on party %d, contract %d, grant %d", got.Basis, got.Party, got.Contract, got.Grant)
	}
	if got.Contract >= 0 {
		p := list[got.Party]
		chain := slices.ContainsFunc(list[:got.Party+1], func(p entitle.Party) bool { return in(p.Suspended, q.AtUnixS) })
		if b := contractAloud(p, p.Contracts[got.Contract], chain, shop, q, q.AtUnixS); b != got.Basis {
			t.Fatalf("%v rests on a contract that says %v", got.Basis, b)
		}
	}
	if got.Grant >= 0 {
		if b := grantAloud(list[0].Grants[got.Grant], shop, q, q.AtUnixS); b != got.Basis || got.Party != 0 {
			t.Fatalf("%v rests on a grant that says %v", got.Basis, b)
		}
	}
	if got.OpensUnixS != 0 && (got.Basis != closed || !shop.hours["days"].At(got.OpensUnixS).Open) {
		t.Fatalf("%v, and hours that begin at %d", got.Basis, got.OpensUnixS)
	}
}

// TestAskAllocatesNothing: it is asked while a phone rings.
func TestAskAllocatesNothing(t *testing.T) {
	list := append(append2(used2(1, 30), term("days", 0, 20)), holding(term("old", 0, 12))...)
	list[0].Grants = []entitle.Grant{given(promise, "days", 0, 30, "gold")}
	var shop entitle.Catalog = shelf(t)
	if n := testing.AllocsPerRun(100, func() {
		entitle.Ask(list, shop, entitle.Question{Product: "db", LineID: "gold", AtUnixS: 15})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
