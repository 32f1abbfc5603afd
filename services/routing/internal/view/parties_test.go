package view_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	complimentary = entitlementv1.Basis_BASIS_COMPLIMENTARY
	stranger      = phone.Number(13035550142)
)

func TestPartiesAreTheCustomerAndItsParents(t *testing.T) {
	sub := viewtest.Customer("sub", []phone.Number{acme}, viewtest.Contract("db", 0, 1))
	sub.Parent, sub.TimeZone, sub.Calendars = "mother", "Asia/Tokyo", []string{"jp"}
	mother := viewtest.Customer("mother", nil, viewtest.Contract("web", 0, 1))
	mother.SuspendedFromUnixS, mother.SuspendedToUnixS = 5, 9
	mother.Contracts[0].OwnOnly = true
	w := viewtest.World{
		Customers: []*publishedv1.Customer{sub, mother},
		Grants: []*publishedv1.Grant{
			viewtest.Grant("g2", "sub", complimentary, 0, 1), viewtest.Grant("g1", "sub", complimentary, 2, 3),
			viewtest.NumberGrant("g3", stranger, complimentary, 0, 1),
		},
		Usage: []*publishedv1.Usage{
			{Customer: "mother", Contracts: []*publishedv1.ContractUsage{{Contract: "web", FromUnixS: 1, ToUnixS: 2, Calls: 3}}},
			{Customer: "sub", GoodwillUnixS: []int64{7, 8}}, {Number: uint64(stranger), GoodwillUnixS: []int64{9}},
		},
	}
	v := w.View()
	got := v.Parties(v.Customer("sub"), nil)
	if len(got) != 2 || got[0].CustomerID != "sub" || got[1].CustomerID != "mother" {
		t.Fatalf("parties %+v", got)
	}
	if p := got[0]; p.TimeZone != "Asia/Tokyo" || !slices.Equal(p.CalendarIDs, []string{"jp"}) || p.Suspended != nil ||
		len(p.Contracts) != 1 || p.Contracts[0].Product != "db" || p.Contracts[0].GraceS != entitle.PlanGrace ||
		len(p.Grants) != 2 || p.Grants[0].ID != "g1" || p.Grants[1].ID != "g2" || len(p.Used) != 0 {
		t.Errorf("the customer %+v", p)
	}
	if p := got[1]; p.Suspended == nil || *p.Suspended != (entitle.Span{FromUnixS: 5, ToUnixS: 9}) || !p.Contracts[0].OwnOnly ||
		len(p.Grants) != 0 || len(p.Used) != 1 || p.Used[0] != (entitle.Use{ContractID: "web", FromUnixS: 1, ToUnixS: 2, Calls: 3}) {
		t.Errorf("its parent %+v", p)
	}
	if p, ok := v.NumberParty(stranger); !ok || len(p.Grants) != 1 || p.Grants[0].ID != "g3" {
		t.Errorf("of a number that nobody has: %+v, %v", p, ok)
	}
	if _, ok := v.NumberParty(acme); ok {
		t.Error("a number without a grant is a party")
	}
	if !slices.Equal(v.Goodwill("sub"), []int64{7, 8}) || !slices.Equal(v.NumberGoodwill(stranger), []int64{9}) ||
		v.Goodwill("mother") != nil || v.Goodwill("") != nil || v.NumberGoodwill(0) != nil {
		t.Error("goodwill is another's")
	}
}

func TestParentsCountOnceAndFourAtMost(t *testing.T) {
	var w viewtest.World
	for i := range 7 {
		c := viewtest.Customer(fmt.Sprintf("c%d", i), nil)
		c.Parent = fmt.Sprintf("c%d", i+1)
		w.Customers = append(w.Customers, c)
	}
	w.Customers[6].Parent = "c5" // two writes crossed
	v := w.View()
	for from, want := range map[string]string{"c0": "c0 c1 c2 c3 c4", "c4": "c4 c5 c6", "c6": "c6 c5"} {
		var got []string
		for _, p := range v.Parties(v.Customer(from), nil) {
			got = append(got, p.CustomerID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("from %s: %v, want %s", from, got, want)
		}
	}
}

func TestPartiesAllocateNothing(t *testing.T) {
	w := viewtest.World{Customers: []*publishedv1.Customer{
		viewtest.Customer("a", []phone.Number{acme}, viewtest.Contract("db", 0, 1), viewtest.Contract("web", 0, 1)),
	}, Grants: []*publishedv1.Grant{
		viewtest.Grant("g1", "a", complimentary, 0, 1), viewtest.NumberGrant("g2", stranger, complimentary, 0, 1),
	}, Usage: []*publishedv1.Usage{
		{Customer: "a", Contracts: []*publishedv1.ContractUsage{{Contract: "db", FromUnixS: 1, ToUnixS: 2, Calls: 3}}},
	}}
	v := w.View()
	var room view.Customer
	var buf [5]entitle.Party
	n := testing.AllocsPerRun(100, func() {
		v.Parties(v.CustomersByNumberInto(acme, &room).At(0), buf[:0])
		v.Hours("h", "Europe/Berlin", nil)
		v.Plan("gold")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPlansAndTheirHours(t *testing.T) {
	w := viewtest.World{
		Plans: []*publishedv1.Plan{{
			Id: "gold", DisplayName: "Gold", HoursId: "h", Lines: []string{"l"}, AllowanceCalls: 3, GraceS: 60,
			AllowancePeriod: entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH,
		}},
		PlanHours: []*publishedv1.PlanTimeline{
			viewtest.PlanHours("h", "", viewtest.Span{1, 2}), viewtest.PlanHours("h", "Asia/Tokyo", viewtest.Span{3, 4}),
		},
	}
	withCalendar := viewtest.PlanHours("h", "Asia/Tokyo", viewtest.Span{5, 6})
	withCalendar.Calendars = []string{"jp", "own"}
	w.PlanHours = append(w.PlanHours, withCalendar)
	v := w.View()
	if p := v.Plan("gold"); p == nil || p.DisplayName != "Gold" || p.HoursID != "h" || p.AllowanceCalls != 3 || p.GraceS != 60 ||
		v.Plan("silver") != nil || v.PlanFact("gold").Key != published.PlanPrefix+"gold" || v.PlanFact("silver") != nil {
		t.Errorf("plan %+v", p)
	}
	for _, c := range []struct {
		zone      string
		calendars []string
		opens     float64 // 0: nothing is known
	}{
		{"", nil, 1},
		{"UTC", nil, 1},
		{"Asia/Tokyo", nil, 3},
		{"Asia/Tokyo", []string{"jp", "own"}, 5},
		{"Asia/Tokyo", []string{"own", "jp"}, 0},
		{"Europe/Paris", nil, 0},
	} {
		tl := v.Hours("h", c.zone, c.calendars)
		if c.opens == 0 {
			if tl != nil || v.HoursFact("h", c.zone, c.calendars) != nil {
				t.Errorf("%q %v: something is known", c.zone, c.calendars)
			}
			continue
		}
		if tl == nil || !tl.At(viewtest.At(c.opens).Unix()).Open || v.HoursFact("h", c.zone, c.calendars) == nil {
			t.Errorf("%q %v: not open at %v", c.zone, c.calendars, c.opens)
		}
	}
	b := view.Next(v)
	b.Delete(viewtest.PlanHoursRecord(w.PlanHours[0]).Key)
	b.Delete(published.PlanPrefix + "gold")
	if v, _ := b.View(2, viewtest.At(0)); v.Hours("h", "", nil) != nil || v.Plan("gold") != nil {
		t.Error("what was removed is known")
	}
}

func TestALinesTerms(t *testing.T) {
	l := viewtest.Line("gold", gold, "dublin")
	l.Offers = []string{"offers/b", "offers/gone", "offers/a"}
	l.Goodwill = &routingv1.Goodwill{MaxCalls: 2}
	l.Severity, l.FollowUpOwner = entitlementv1.Severity_SEVERITY_P2, "sales@example.com"
	l.FormerNumbers = []*routingv1.FormerNumber{{Number: viewtest.Number(gold + 1), EndTime: timestamppb.New(viewtest.At(5))}}
	w := viewtest.World{Lines: []*routingv1.Line{l}, Offers: []*publishedv1.Offer{viewtest.Offer("a"), viewtest.Offer("b")}}
	v := w.View()
	got := v.LineByID("gold")
	if len(got.Offers) != 2 || got.Offers[0].ID != "b" || got.Offers[1].Name != "offers/a" || got.Severity != l.GetSeverity() ||
		*got.Goodwill != (view.Goodwill{MaxCalls: 2, WindowS: 90 * 86400, Then: routingv1.Treatment_TREATMENT_OFFER}) ||
		got.Declined() != routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP || got.FollowUpOwner() != "sales@example.com" {
		t.Errorf("terms %+v %v", got.Offers, got.Goodwill)
	}
	isFact := func(o *view.Offer) bool { return slices.Contains(got.Facts, o.Fact()) }
	if !isFact(got.Offers[0]) || !isFact(got.Offers[1]) {
		t.Error("its offers are no facts of it")
	}
	for _, f := range got.Facts {
		if strings.Contains(string(f.Value), "5550010") {
			t.Errorf("a fact holds a number of the line: %s", f.Key)
		}
	}
	changed := viewtest.Offer("a")
	changed.Offer.Withdrawn = true
	b := view.Next(v)
	r := viewtest.OfferRecord(changed)
	b.Put(r.Key, r.Value)
	later, _ := b.View(2, viewtest.At(0))
	if o := later.LineByID("gold").Offers[1]; !o.Withdrawn() || later.LineByNumber(gold) != later.LineByID("gold") {
		t.Error("the line does not know what became of its offer")
	}
	for _, c := range []struct {
		dialled phone.Number
		at      time.Time
		line    bool
		until   int64
	}{
		{gold, viewtest.At(9), true, 0},
		{gold + 1, viewtest.At(4.9), true, viewtest.At(5).Unix()},
		{gold + 1, viewtest.At(5), true, viewtest.At(5).Unix()},
		{gold + 2, viewtest.At(0), false, 0},
	} {
		line, until := later.LineDialled(c.dialled, c.at.Unix())
		if (line == later.LineByID("gold")) != c.line || until != c.until {
			t.Errorf("%d at %v leads to %v until %d", c.dialled, c.at, line, until)
		}
	}
	end := viewtest.At(5).Unix()
	if ends := later.FormerEnds(end - 1); len(ends) != 1 || ends["lines/gold"] != end || len(later.FormerEnds(end)) != 0 {
		t.Errorf("former numbers end at %v, and %v", ends, later.FormerEnds(end))
	}
}

func TestTermsAreInTheNearestLanguage(t *testing.T) {
	p := viewtest.Offer("a")
	for _, tag := range []string{"pt-BR", "pt", "de-AT"} {
		p.Offer.Terms = append(p.Offer.Terms, &entitlementv1.OfferTerms{Language: tag, Text: "x", Version: "1"})
	}
	o := viewtest.World{Offers: []*publishedv1.Offer{p}}.View().Offer("a")
	for asked, want := range map[string]string{
		"": "en", "en": "en", "en-GB": "en", "pt": "pt", "pt-BR": "pt-BR", "pt-PT": "pt-BR", "de": "de-AT", "ja": "en",
	} {
		if got := o.Terms(asked).GetLanguage(); got != want {
			t.Errorf("%q: %s, want %s", asked, got, want)
		}
	}
}

// Whatever comes in whatever order, changed or listed anew: who has what, and who may call for whom, is what the records
// that stand say; and a view that was made before stays as it was.
func TestEntitlementsAreWhatStands(t *testing.T) {
	ids := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		var v *view.View
		records := map[string][]byte{}
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			before, said := v, ""
			if v != nil {
				said = entitlements(v)
			}
			changed := map[string][]byte{}
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				r := drawEntitlement(t, ids)
				changed[r.Key] = r.Value
				if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
					changed[r.Key] = nil
				}
			}
			b := view.Next(v)
			for key, value := range changed {
				if value == nil {
					delete(records, key)
					b.Delete(key)
					continue
				}
				records[key] = value
				b.Put(key, value)
			}
			if rapid.Bool().Draw(t, "listed anew") {
				b = listed(v, records)
			}
			v, _ = b.View(1, viewtest.At(0))
			fresh, _ := listed(nil, records).View(1, viewtest.At(0))
			if got, want := entitlements(v), entitlements(fresh); got != want {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
			if before != nil && entitlements(before) != said {
				t.Fatalf("the view before became\n%s\nwas\n%s", entitlements(before), said)
			}
		}
	})
}

func listed(v *view.View, records map[string][]byte) *view.Builder {
	b := view.Anew(v)
	for key, value := range records {
		b.Put(key, value)
	}
	return b
}

func drawEntitlement(t *rapid.T, ids []string) viewtest.Record {
	id, of := rapid.SampledFrom(ids).Draw(t, "id"), rapid.SampledFrom(ids).Draw(t, "of")
	n := uint64(acme) + rapid.Uint64Range(0, 2).Draw(t, "number")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		if rapid.Bool().Draw(t, "a number's") {
			return viewtest.GrantRecord(viewtest.NumberGrant(id, phone.Number(n), complimentary, 0, 1))
		}
		return viewtest.GrantRecord(viewtest.Grant(id, of, complimentary, 0, 1))
	case 1:
		if rapid.Bool().Draw(t, "a number's") {
			return viewtest.UsageRecord(&publishedv1.Usage{Number: n, GoodwillUnixS: []int64{rapid.Int64().Draw(t, "at")}})
		}
		return viewtest.UsageRecord(&publishedv1.Usage{Customer: of, GoodwillUnixS: []int64{rapid.Int64().Draw(t, "at")}})
	default:
		c := viewtest.Customer(id, []phone.Number{phone.Number(n)})
		if rapid.Bool().Draw(t, "two numbers") {
			c.Numbers = append(c.Numbers, uint64(acme))
		}
		c.Parent = rapid.SampledFrom(append(ids, "")).Draw(t, "parent")
		if rapid.Bool().Draw(t, "has a partner") {
			c.Partners = []*publishedv1.PartnerAccess{{Partner: of, ToUnixS: entitle.Never}}
		}
		return viewtest.CustomerRecord(c)
	}
}

// entitlements are all that a view says of who may have what.
func entitlements(v *view.View) string {
	var s strings.Builder
	for _, id := range []string{"a", "b", "c"} {
		fmt.Fprintln(&s, id, v.ClientsOf(id), v.Goodwill(id))
		if c := v.Customer(id); c != nil {
			fmt.Fprintf(&s, " %+v\n", v.Parties(c, nil))
		}
	}
	for n := acme; n < acme+3; n++ {
		p, ok := v.NumberParty(n)
		fmt.Fprintln(&s, n, p, ok, v.NumberGoodwill(n))
		h := v.CustomersByNumber(n)
		for i := range h.Len() {
			fmt.Fprintln(&s, " ", h.At(i).Name, v.OnlyOne(n, h.At(i).ID()))
		}
	}
	return s.String()
}
