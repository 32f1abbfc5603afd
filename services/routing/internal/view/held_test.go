package view

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

func TestGrantsAndUsageAreReadAsTheAPIReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, second := rapid.StringN(0, 20, -1), rapid.Int64()
		g := &publishedv1.Grant{
			Id: "g", Customer: "acme", Basis: entitlementv1.Basis(rapid.Int32().Draw(t, "basis")),
			Lines: rapid.SliceOfN(text, 0, 3).Draw(t, "lines"), Product: text.Draw(t, "product"), Plan: text.Draw(t, "plan"),
			FromUnixS: second.Draw(t, "from"), ToUnixS: second.Draw(t, "to"), Promise: text.Draw(t, "promise"),
		}
		u := &publishedv1.Usage{Customer: "acme", GoodwillUnixS: rapid.SliceOfN(second, 0, maxGoodwill).Draw(t, "goodwill")}
		for range rapid.IntRange(0, 3).Draw(t, "contracts") {
			u.Contracts = append(u.Contracts, &publishedv1.ContractUsage{
				Contract: text.Draw(t, "contract"), FromUnixS: second.Draw(t, "from"), ToUnixS: second.Draw(t, "to"),
				Calls: rapid.Int32().Draw(t, "calls"),
			})
		}
		grants, usage := buildGrants(newGrants(), newGrants()), buildUsage(newUsage(), newUsage())
		if err := grants.put("g", encoded(t, g)); err != nil {
			t.Fatal(err)
		}
		if err := usage.put("c-acme", encoded(t, u)); err != nil {
			t.Fatal(err)
		}
		wantGrant := entitle.Grant{
			ID: "g", PlanID: g.GetPlan(), Basis: g.GetBasis(), Product: g.GetProduct(),
			FromUnixS: g.GetFromUnixS(), ToUnixS: g.GetToUnixS(),
		}
		got := grants.finish().append(nil, "acme")
		if len(got) != 1 || !slices.Equal(got[0].LineIDs, g.GetLines()) {
			t.Fatalf("%+v", got)
		}
		if got[0].LineIDs = nil; !reflect.DeepEqual(got[0], wantGrant) {
			t.Fatalf("read %+v\nwant %+v", got[0], wantGrant)
		}
		var wantUse []entitle.Use
		for _, k := range u.GetContracts() {
			wantUse = append(wantUse, entitle.Use{
				ContractID: k.GetContract(), FromUnixS: k.GetFromUnixS(), ToUnixS: k.GetToUnixS(), Calls: k.GetCalls(),
			})
		}
		known := usage.finish()
		if !slices.Equal(known.append(nil, "acme"), wantUse) || !slices.Equal(known.goodwill("acme"), u.GetGoodwillUnixS()) {
			t.Fatalf("read %+v %v\nwant %+v", known.append(nil, "acme"), known.goodwill("acme"), u)
		}
	})
}

func encoded(t interface{ Fatal(...any) }, m proto.Message) []byte {
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Whatever records come, change hands, go and are listed anew: each is its last holder's, and nobody else's.
func TestWhatIsHeldIsOneHoldersEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		says := func(id string) string {
			if id[0] == 's' { // "sa" says "a"
				return id[1:]
			}
			return ""
		}
		type record struct{ holder, value string }
		now, model := newHeld(), map[string]record{}
		ids, holders := []string{"sa", "sb", "1", "2", "3", "4"}, []string{"a", "b", "+c"}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			b := buildHeld(now, now, says)
			put := func(id string, r record) {
				if err := b.put(id, r.holder, []byte(r.value)); err != nil {
					t.Fatal(err)
				}
				model[id] = r
			}
			if rapid.Bool().Draw(t, "a list") {
				b.list()
				for _, id := range slices.Sorted(maps.Keys(model)) {
					if rapid.IntRange(0, 3).Draw(t, "not listed") == 0 {
						delete(model, id)
					} else {
						put(id, model[id])
					}
				}
			}
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				id := rapid.SampledFrom(ids).Draw(t, "id")
				if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					b.remove(id)
					delete(model, id)
				} else {
					put(id, record{
						rapid.SampledFrom(holders).Draw(t, "holder"), fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "value")),
					})
				}
			}
			now, _ = b.finish()
			for _, holder := range holders {
				got, want := map[string]record{}, map[string]record{}
				r := now.reader(holder)
				for id, value, more := r.next(); more; id, value, more = r.next() {
					got[id] = record{holder, value}
				}
				for id, r := range model {
					if r.holder == holder {
						want[id] = r
					}
				}
				if !maps.Equal(got, want) {
					t.Fatalf("%s has %v, want %v", holder, got, want)
				}
			}
		}
	})
}

func TestAHolderIsACustomerOrANumber(t *testing.T) {
	for _, c := range []struct {
		id     string
		number phone.Number
		want   string
	}{{"acme", 0, "acme"}, {"", 61255500100, "+61255500100"}, {"acme", 61255500100, ""}, {"", 0, ""}, {"+61255500100", 0, ""}} {
		if got, ok := holderOf(c.id, c.number); got != c.want || ok != (c.want != "") {
			t.Errorf("%q and %d: %q, %v", c.id, c.number, got, ok)
		}
	}
}

// Grants and what was counted are made of no pointers, so that as many as a million are nothing to the garbage collector.
func BenchmarkHeld(b *testing.B) {
	const n = 1_000_000
	id := func(i int) string { return fmt.Sprintf("customer-%07d", i) }
	values := make([][]byte, n)
	for i := range values {
		values[i] = encoded(b, &publishedv1.Usage{Customer: id(i), GoodwillUnixS: []int64{1_750_000_000},
			Contracts: []*publishedv1.ContractUsage{{Contract: fmt.Sprintf("c-%d-1", i), FromUnixS: 1_750_000_000, ToUnixS: 1_752_600_000, Calls: 3}}})
	}
	var u *usage
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			build := buildUsage(newUsage(), newUsage())
			for i, value := range values {
				if err := build.put(customersUsage+id(i), value); err != nil {
					b.Fatal(err)
				}
			}
			u = build.finish()
		}
		text, room, places := weightOf(u.of)
		b.ReportMetric(float64(room+4*places)/1e6, "MB")
		b.ReportMetric(float64(text)/n, "B/record")
	})
	b.Run("used", func(b *testing.B) {
		var room []entitle.Use
		b.ReportAllocs()
		for i := 0; b.Loop(); i = (i + 7919) % n {
			if room = u.append(room[:0], id(i)); len(room) != 1 {
				b.Fatal(id(i), room)
			}
		}
	})
}
