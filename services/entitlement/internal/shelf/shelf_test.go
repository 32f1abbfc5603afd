package shelf_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/entitlement/internal/shelf"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

func put(t testing.TB, key string, m proto.Message) coord.Event {
	t.Helper()
	value, err := published.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: key, Value: value}
}

const number = phone.Number(61255500111)

// TestShelfKnowsWhatIsPublished: until it is deleted, or all of it is told anew.
func TestShelfKnowsWhatIsPublished(t *testing.T) {
	s := shelf.New()
	if s.Listed() {
		t.Error("it has heard of nothing")
	}
	use := plans.NewUse("h", "", []string{"ie"})
	all := coord.Batch{Reset: true, Events: []coord.Event{
		put(t, published.PlanPrefix+"gold", &publishedv1.Plan{Id: "gold", HoursId: "h"}),
		put(t, published.PlanTimelinePrefix+use.ID(), &publishedv1.PlanTimeline{Timeline: &publishedv1.Timeline{ToUnixS: 100}}),
		put(t, published.OfferPrefix+"once", &publishedv1.Offer{Id: "once", Offer: &entitlementv1.Offer{Name: "offers/once"}}),
		put(t, published.LinePrefix+"rescue", &publishedv1.Line{Id: "rescue"}),
		put(t, published.GrantPrefix+"g1", &publishedv1.Grant{Id: "g1", Customer: "acme", Plan: "gold", ToUnixS: 9}),
		put(t, published.GrantPrefix+"g2", &publishedv1.Grant{Id: "g2", Number: uint64(number), ToUnixS: 9}),
		put(t, published.UsagePrefix+"c-acme", &publishedv1.Usage{
			Customer: "acme", Contracts: []*publishedv1.ContractUsage{{Contract: "c1", Calls: 3, ToUnixS: 9}}, GoodwillUnixS: []int64{1, 5, 7},
		}),
		put(t, published.UsagePrefix+"n-x", &publishedv1.Usage{Number: uint64(number), GoodwillUnixS: []int64{5}}),
		put(t, published.CustomerPrefix+"acme", &publishedv1.Customer{Id: "acme"}),
	}}
	if bad := s.Apply(all); len(bad) > 0 || !s.Listed() {
		t.Fatalf("unreadable: %v", bad)
	}
	acme := s.Party(&publishedv1.Customer{Id: "acme"})
	stranger, known := s.NumberParty(number)
	if s.Plan("gold") == nil || s.Hours("h", "UTC", []string{"ie"}) == nil || s.Hours("h", "UTC", nil) != nil ||
		s.Offer("once").GetOffer() == nil || s.Line("rescue") == nil || len(acme.Grants) != 1 || acme.Used[0].Calls != 3 ||
		!known || len(stranger.Grants) != 1 || s.Goodwill("acme", 5) != 2 || s.NumberGoodwill(number, 0) != 1 ||
		len(s.GrantedPlans()["acme"]) != 1 {
		t.Errorf("acme %+v, number %+v", acme, stranger)
	}
	var gone coord.Batch
	for _, e := range all.Events {
		gone.Events = append(gone.Events, coord.Event{Key: e.Key})
	}
	s.Apply(gone)
	_, known = s.NumberParty(number)
	if s.Plan("gold") != nil || len(s.TimelineIDs()) > 0 || s.Offer("once") != nil || s.Line("rescue") != nil || known ||
		len(s.Party(&publishedv1.Customer{Id: "acme"}).Grants) > 0 || s.Goodwill("acme", 0) != 0 {
		t.Error("what was deleted is known")
	}
	if bad := s.Apply(coord.Batch{Events: []coord.Event{{Key: published.PlanPrefix + "bad", Value: []byte{0xff}}}}); len(bad) != 1 {
		t.Errorf("unreadable: %v", bad)
	}
}

// TestGrantsAreThoseThatWereToldLast, in whatever order they come, change hands and go.
func TestGrantsAreThoseThatWereToldLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shelf.New()
		last := map[string]*publishedv1.Grant{}
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "id")
			g := &publishedv1.Grant{Id: id, ToUnixS: rapid.Int64Range(1, 9).Draw(t, "to")}
			switch rapid.IntRange(0, 2).Draw(t, "whose") {
			case 0:
				g = nil
			case 1:
				g.Customer = rapid.SampledFrom([]string{"acme", "bolt"}).Draw(t, "customer")
			default:
				g.Number = uint64(number)
			}
			e := coord.Event{Key: published.GrantPrefix + id}
			if g != nil {
				e.Value, _ = published.Marshal(g)
			}
			s.Apply(coord.Batch{Events: []coord.Event{e}})
			last[id] = g
		}
		for _, c := range []string{"acme", "bolt"} {
			same(t, s.Party(&publishedv1.Customer{Id: c}).Grants, last, func(g *publishedv1.Grant) bool { return g.GetCustomer() == c })
		}
		party, _ := s.NumberParty(number)
		same(t, party.Grants, last, func(g *publishedv1.Grant) bool { return g.GetNumber() != 0 })
	})
}

// same compares grants, which come in order of ID.
func same(t *rapid.T, got []entitle.Grant, last map[string]*publishedv1.Grant, whose func(*publishedv1.Grant) bool) {
	i := 0
	for _, id := range []string{"a", "b", "c", "d"} {
		if g := last[id]; g != nil && whose(g) {
			if i >= len(got) || got[i].ID != id || got[i].ToUnixS != g.GetToUnixS() {
				t.Fatalf("got %v, want %v at %d", got, g, i)
			}
			i++
		}
	}
	if i != len(got) {
		t.Fatalf("got %v, want %d", got, i)
	}
}
