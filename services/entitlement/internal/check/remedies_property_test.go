package check_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/check"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
)

// estate is customers, the nearest first, and what they were given and used, in their order.
type estate struct {
	customers []*publishedv1.Customer
	grants    [][]entitle.Grant
	used      [][]entitle.Use
	plans     shop
}

func (e estate) ask(asked check.Asked) *entitlementv1.CustomerEntitlement {
	who := check.Who{Customers: e.customers, Location: func(*publishedv1.Customer) *time.Location { return time.UTC }}
	for i, c := range e.customers {
		p := entitle.PartyOf(c, nil)
		p.Grants, p.Used = e.grants[i], e.used[i]
		who.Parties = append(who.Parties, p)
	}
	asked.Catalog = e.plans
	return check.Entitlement(who, asked)
}

func (e estate) customer(id string) *publishedv1.Customer {
	at := slices.IndexFunc(e.customers, func(c *publishedv1.Customer) bool { return c.GetId() == id })
	return e.customers[at]
}

// contract finds "C1", or "C1 of customers/b"; IDs of contracts are each customer's own.
func (e estate) contract(text string) *publishedv1.Contract {
	id, owner, _ := strings.Cut(text, " of customers/")
	c := e.customers[0]
	if owner != "" {
		c = e.customer(owner)
	}
	return c.GetContracts()[slices.IndexFunc(c.GetContracts(), func(k *publishedv1.Contract) bool { return k.GetId() == id })]
}

var (
	suspensionOf = regexp.MustCompile(`^end the suspension of (.*)$`)
	renewal      = regexp.MustCompile(`^renew contract (.*), which ended on \d{4}-\d\d-\d\d$`)
	newContract  = regexp.MustCompile(`^a contract (?:for (\S+) )?that is in force$`)
	betterPlan   = regexp.MustCompile(`^a plan with (.*) than (.*), that of contract (.*)$`)
)

// carryOut does what a remedy of the vendor says in words.
func (e estate) carryOut(t *rapid.T, text string) {
	for part := range strings.SplitSeq(text, "; besides, ") {
		switch m := []string(nil); {
		case find(suspensionOf, part, &m):
			for whose := range strings.SplitSeq(m[1], " and of ") {
				if id, is := strings.CutPrefix(whose, "customers/"); is {
					e.customer(id).SuspendedFromUnixS, e.customer(id).SuspendedToUnixS = 0, 0
					continue
				}
				k := e.contract(strings.TrimPrefix(whose, "contract "))
				k.SuspendedFromUnixS, k.SuspendedToUnixS = 0, 0
			}
		case find(renewal, part, &m):
			e.contract(m[1]).ToUnixS = published.OpenEnded
		case find(newContract, part, &m):
			e.customers[0].Contracts = append(e.customers[0].Contracts, &publishedv1.Contract{
				Id: "new", Product: m[1], ToUnixS: published.OpenEnded,
			})
		case find(betterPlan, part, &m):
			better := *e.plans[m[2]]
			for limit := range strings.SplitSeq(m[1], " and ") {
				switch limit {
				case "other lines":
					better.LineIDs = nil
				case "other severities":
					better.Severities = nil
				case "more calls":
					better.AllowanceCalls = 100
				case "longer hours":
					better.HoursID = ""
				default:
					t.Fatalf("%q: what is %q?", text, limit)
				}
			}
			better.ID = "better"
			e.plans["better"] = &better
			e.contract(m[3]).Plan = "better"
		default:
			t.Fatalf("%q: nobody knows what to do", text)
		}
	}
}

func find(what *regexp.Regexp, in string, found *[]string) bool {
	*found = what.FindStringSubmatch(in)
	return *found != nil
}

func someEstate(t *rapid.T) estate {
	e := estate{plans: shop{
		"days": {ID: "days", HoursID: "days"}, "p1": {ID: "p1", Severities: []entitlementv1.Severity{1}},
		"gold": {ID: "gold", LineIDs: []string{"gold"}}, "two": {ID: "two", AllowanceCalls: 2, Period: 1},
		"none": {ID: "none", Period: 1}, "db": {ID: "db", Products: []string{"db"}},
		"all": {
			ID: "all", HoursID: "days", Severities: []entitlementv1.Severity{1}, LineIDs: []string{"gold"}, AllowanceCalls: 1,
			Period: 1, GraceS: 3,
		},
	}}
	planIDs := rapid.SampledFrom([]string{"", "days", "p1", "gold", "two", "none", "db", "all", "all", "all"})
	suspension := func(what string) (from, to int64) {
		if rapid.IntRange(0, 2).Draw(t, what+" suspended") != 0 {
			return 0, 0
		}
		from = rapid.Int64Range(1, 15).Draw(t, what+" from")
		return from, rapid.SampledFrom([]int64{from + 3, from + 9, published.OpenEnded}).Draw(t, what+" to")
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "parties") {
		c := &publishedv1.Customer{Id: string(rune('a' + i))}
		c.SuspendedFromUnixS, c.SuspendedToUnixS = suspension("customer")
		var used []entitle.Use
		var grants []entitle.Grant
		for k := range rapid.IntRange(0, 2).Draw(t, "contracts") {
			from := rapid.Int64Range(0, 20).Draw(t, "begins")
			contract := &publishedv1.Contract{
				Id: "C" + string(rune('1'+k)), Plan: planIDs.Draw(t, "plan"), FromUnixS: from,
				Product: rapid.SampledFrom([]string{"", "db", "web"}).Draw(t, "product"),
				ToUnixS: rapid.SampledFrom([]int64{from + 2, from + 7, published.OpenEnded}).Draw(t, "ends"),
			}
			contract.SuspendedFromUnixS, contract.SuspendedToUnixS = suspension("contract")
			c.Contracts = append(c.Contracts, contract)
			used = append(used, entitle.Use{
				ContractID: contract.GetId(), ToUnixS: rapid.Int64Range(8, 30).Draw(t, "period"), Calls: rapid.Int32Range(0, 3).Draw(t, "calls"),
			})
		}
		if rapid.Bool().Draw(t, "granted") {
			from := rapid.Int64Range(0, 30).Draw(t, "granted from")
			grants = append(grants, entitle.Grant{
				ID: "g1", Basis: entitlementv1.Basis_BASIS_COMPLIMENTARY, PlanID: planIDs.Draw(t, "granted plan"), FromUnixS: from, ToUnixS: from + 5,
			})
		}
		e.customers, e.grants, e.used = append(e.customers, c), append(e.grants, grants), append(e.used, used)
	}
	return e
}

// TestWhateverWouldChangeItDoes: each remedy is carried out, alone, as it is said; then it is granted.
func TestWhateverWouldChangeItDoes(t *testing.T) {
	kinds := map[entitlementv1.RemedyKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		e := someEstate(t)
		asked := check.Asked{
			Line: &publishedv1.Line{Product: rapid.SampledFrom([]string{"", "db", "mail"}).Draw(t, "asked product")},
			Offers: []*entitlementv1.Offer{{
				Name: "offers/o", DisplayName: "o", Price: &money.Money{CurrencyCode: "EUR", Units: 1},
				Plan:    rapid.SampledFrom([]string{"", "plans/days", "plans/p1", "plans/gold", "plans/two"}).Draw(t, "offered plan"),
				Product: rapid.SampledFrom([]string{"", "db"}).Draw(t, "offered product"),
			}},
		}
		asked.Question = entitle.Question{
			LineID: rapid.SampledFrom([]string{"gold", "silver"}).Draw(t, "line"), Product: asked.Line.GetProduct(),
			Severity: entitlementv1.Severity(rapid.Int32Range(0, 2).Draw(t, "severity")), AtUnixS: rapid.Int64Range(0, 25).Draw(t, "at"),
		}
		before := e.ask(asked)
		if before.GetEntitled() {
			return
		}
		gives := false
		for _, r := range before.GetRemedies() {
			gives = gives || r.GetKind() == entitlementv1.RemedyKind_REMEDY_KIND_GRANT
			kinds[r.GetKind()]++
			then, later := e.after(t, r, asked)
			if got := then.ask(later); !got.GetEntitled() {
				t.Fatalf("%v: %v %q: still %v, %v", before.GetBasis(), r.GetKind(), r.GetText(), got.GetBasis(), got.GetRemedies())
			}
		}
		if !gives {
			t.Fatalf("%v: the vendor cannot give it", before.GetBasis())
		}
	})
	for k := entitlementv1.RemedyKind_REMEDY_KIND_WAIT; k <= entitlementv1.RemedyKind_REMEDY_KIND_END_SUSPENSION; k++ {
		if kinds[k] == 0 {
			t.Errorf("%v was never told", k)
		}
	}
}

// after is an estate of its own in which a remedy was carried out, and the question then.
func (e estate) after(t *rapid.T, r *entitlementv1.Remedy, asked check.Asked) (estate, check.Asked) {
	then := estate{plans: shop{}, used: e.used, grants: slices.Clone(e.grants)}
	for id, p := range e.plans {
		then.plans[id] = p
	}
	for _, c := range e.customers {
		then.customers = append(then.customers, proto.CloneOf(c))
	}
	at := asked.Question.AtUnixS
	given := entitle.Grant{Basis: entitlementv1.Basis_BASIS_COMPLIMENTARY, FromUnixS: at, ToUnixS: at + 1}
	switch r.GetKind() {
	case entitlementv1.RemedyKind_REMEDY_KIND_WAIT:
		asked.Question.AtUnixS = r.GetTime().GetSeconds()
	case entitlementv1.RemedyKind_REMEDY_KIND_OFFER: // as a promise gives it: the offer's product, else the line's
		given.Basis, given.PlanID = entitlementv1.Basis_BASIS_PROMISE, strings.TrimPrefix(asked.Offers[0].GetPlan(), "plans/")
		if given.Product = asked.Offers[0].GetProduct(); given.Product == "" {
			given.Product = asked.Line.GetProduct()
		}
		then.grants[0] = append(slices.Clone(then.grants[0]), given)
	case entitlementv1.RemedyKind_REMEDY_KIND_GRANT:
		then.grants[0] = append(slices.Clone(then.grants[0]), given)
	default:
		then.carryOut(t, r.GetText())
	}
	return then, asked
}
