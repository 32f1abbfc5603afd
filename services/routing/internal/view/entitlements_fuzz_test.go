package view_test

import (
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// FuzzEntitlements brings any bytes under any key of entitlement's: each is known or told of, and a question about what is
// known is answered.
func FuzzEntitlements(f *testing.F) {
	prefixes := []string{
		published.PlanPrefix, published.PlanTimelinePrefix, published.OfferPrefix, published.GrantPrefix, published.UsagePrefix,
		published.CustomerPrefix,
	}
	w := viewtest.World{
		Plans:     []*publishedv1.Plan{{Id: "gold", HoursId: "h", Lines: []string{"l"}}},
		PlanHours: []*publishedv1.PlanTimeline{viewtest.PlanHours("h", "UTC", viewtest.Span{1, 2})},
		Offers:    []*publishedv1.Offer{viewtest.Offer("a")},
		Grants: []*publishedv1.Grant{
			viewtest.Grant("x", "a", entitlementv1.Basis_BASIS_PROMISE, 0, 1), viewtest.NumberGrant("x", acme, complimentary, 0, 1),
		},
		Usage:     []*publishedv1.Usage{{Customer: "a", GoodwillUnixS: []int64{1}}, {Number: uint64(acme), GoodwillUnixS: []int64{1}}},
		Customers: []*publishedv1.Customer{viewtest.Customer("x", []phone.Number{acme}, viewtest.Contract("db", 0, 1))},
	}
	for _, r := range w.Records() {
		for i := range prefixes {
			f.Add(uint8(i), r.Value)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, value []byte) {
		key := prefixes[int(which)%len(prefixes)] + "x"
		b := view.Anew(nil)
		b.Put(key, value)
		v, problems := b.View(1, viewtest.At(0))
		if len(problems) > 1 || len(problems) == 1 && problems[0].Key != key {
			t.Fatalf("problems %v", problems)
		}
		if o := v.Offer("x"); o != nil {
			o.Terms("de")
		}
		v.Plan("x")
		v.Hours("h", "", nil)
		question := entitle.Question{LineID: "l", Product: "db", AtUnixS: viewtest.Base}
		if c := v.Customer("x"); c != nil {
			entitle.Ask(v.Parties(c, nil), v, question)
		}
		if p, ok := v.NumberParty(acme); ok {
			entitle.Ask([]entitle.Party{p}, v, question)
		}
		b = view.Next(v)
		b.Delete(key)
		if v, _ := b.View(2, viewtest.At(0)); v.Counts() != (view.Counts{}) || v.Customer("x") != nil {
			t.Fatalf("what was removed is known: %+v", v.Counts())
		}
	})
}
