package view_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// TestWhoNamesWhom is what those that stand say, in whatever order they come, change and go.
func TestWhoNamesWhom(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		x, stand := view.NewIndex(), map[string]*publishedv1.Customer{}
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			id := rapid.SampledFrom(ids).Draw(t, "id")
			e := coord.Event{Key: published.CustomerPrefix + id}
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				delete(stand, id)
			case 1:
				delete(stand, id)
				e.Value = []byte{0xff}
			default:
				c := &publishedv1.Customer{Id: id, Parent: rapid.SampledFrom(append(ids, "")).Draw(t, "parent")}
				for _, p := range rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3).Draw(t, "partners") {
					c.Partners = append(c.Partners, &publishedv1.PartnerAccess{Partner: p})
				}
				for range rapid.IntRange(0, 2).Draw(t, "contracts") {
					c.Contracts = append(c.Contracts, &publishedv1.Contract{Plan: rapid.SampledFrom([]string{"gold", "silver"}).Draw(t, "plan")})
				}
				e.Value, _ = published.Marshal(c)
				stand[id] = c
			}
			x.Apply(coord.Batch{Events: []coord.Event{e}})
		}
		for _, id := range ids {
			var want []string
			for _, other := range slices.Sorted(maps.Keys(stand)) {
				if slices.Contains(view.Kin(stand[other]), id) {
					want = append(want, other)
				}
			}
			got, all := x.NamedBy(id, 2)
			every, _ := x.NamedBy(id, 100)
			if slices.Sort(every); !slices.Equal(every, want) || all != len(want) || len(got) != min(2, all) {
				t.Fatalf("%s is named by %v (%d), want %v", id, every, all, want)
			}
		}
		contracts := map[string]int{}
		for _, c := range stand {
			for _, k := range c.GetContracts() {
				contracts[k.GetPlan()]++
			}
		}
		if got := fmt.Sprint(x.OnPlan("gold"), x.OnPlan("silver")); got != fmt.Sprint(contracts["gold"], contracts["silver"]) {
			t.Fatalf("contracts by plans: %s, want %v", got, contracts)
		}
	})
}

func TestLevelsBelow(t *testing.T) {
	x := view.NewIndex()
	for id, parent := range map[string]string{"a": "", "b": "a", "b2": "a", "c": "b", "d": "c", "round": "trip", "trip": "round"} {
		value, err := published.Marshal(&publishedv1.Customer{
			Id: id, Parent: parent, Partners: []*publishedv1.PartnerAccess{{Partner: "d"}}, // which is no level
		})
		if err != nil {
			t.Fatal(err)
		}
		x.Apply(coord.Batch{Events: []coord.Event{{Key: published.CustomerPrefix + id, Value: value}}})
	}
	for id, want := range map[string]int{"a": 3, "b": 2, "b2": 0, "d": 0, "nobody": 0, "round": 4} {
		if got := x.Levels(id, 4); got != want {
			t.Errorf("%s has %d below it, want %d", id, got, want)
		}
	}
}
