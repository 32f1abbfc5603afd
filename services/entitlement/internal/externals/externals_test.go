package externals_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/externals"
	"github.com/daysidehq/dayside/services/internal/coord"
)

func source(t testing.TB, id string, external ...*entitlementv1.ExternalId) coord.Event {
	t.Helper()
	body, err := proto.Marshal(&entitlementv1.Customer{Name: "customers/" + id, DisplayName: id, ExternalIds: external, Language: "de"})
	if err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(&rpcv1.Stored{Resource: body, Schema: 2})
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: "c/" + id, Value: value}
}

func crm(id string) *entitlementv1.ExternalId { return &entitlementv1.ExternalId{System: "crm", Id: id} }

func TestCustomersAreFoundByTheirExternalIDs(t *testing.T) {
	x := externals.New("c/")
	reached, moved := x.Reached(0)
	if reached {
		t.Error("reached something before the first list")
	}
	x.Apply(coord.Batch{Reset: true, Revision: 7, Events: []coord.Event{
		source(t, "acme", crm("1"), &entitlementv1.ExternalId{System: "billing", Id: "2"}), source(t, "bone", crm("2")),
	}})
	select {
	case <-moved:
	default:
		t.Error("nobody is told that it moved")
	}
	if reached, _ := x.Reached(7); !reached {
		t.Error("not at 7")
	}
	if reached, _ := x.Reached(8); reached {
		t.Error("at 8")
	}
	x.Apply(coord.Batch{Revision: 8, Events: []coord.Event{
		source(t, "cork", crm("1")), source(t, "acme", crm("1")), {Key: "c/bone"}, {Key: "c/broken", Value: []byte{0xff, 0xff}},
	}})
	for _, c := range []struct {
		system, id string
		want       []string
	}{
		{"crm", "1", []string{"acme", "cork"}},
		{"crm", "3", nil},
		{"billing", "1", nil},
		{"billing", "2", []string{"acme"}}, // it had it once: who asks looks
	} {
		got := x.Find(c.system, c.id)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:%s is %v, want %v", c.system, c.id, got, c.want)
		}
	}
	x.Apply(coord.Batch{Reset: true, Revision: 9, Events: []coord.Event{source(t, "acme", crm("1"))}})
	if got := x.Find("crm", "1"); !slices.Equal(got, []string{"acme"}) {
		t.Errorf("after a list: %v", got)
	}
}

func FuzzSource(f *testing.F) {
	f.Add(source(f, "acme", crm("1")).Value)
	f.Add([]byte{0x0a, 0xff})
	f.Fuzz(func(_ *testing.T, value []byte) {
		x := externals.New("c/")
		x.Apply(coord.Batch{Reset: true, Revision: 1, Events: []coord.Event{{Key: "c/x", Value: value}}})
		x.Find("crm", "1")
	})
}
