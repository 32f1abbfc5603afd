package view_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
)

const sources = "entitlement/customers/"

func source(t *testing.T, id, display string, aliases ...string) coord.Event {
	t.Helper()
	body, err := proto.Marshal(&entitlementv1.Customer{Name: "customers/" + id, DisplayName: display, Aliases: aliases})
	if err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(&rpcv1.Stored{Resource: body})
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: sources + id, Value: value}
}

func TestDirectoryKnowsWhatCustomersAreCalled(t *testing.T) {
	d := view.NewDirectory(sources)
	find := func(said string) (ids []string) {
		found, _ := d.Find(said, 8)
		for _, m := range found {
			ids = append(ids, m.ID)
		}
		return ids
	}
	expect := func(when, said string, ids ...string) {
		t.Helper()
		if got := find(said); !slices.Equal(got, ids) {
			t.Errorf("%s: %q is %v, want %v", when, said, got, ids)
		}
	}
	if d.Listed() {
		t.Error("listed before the first batch")
	}
	d.Apply(coord.Batch{Reset: true, Events: []coord.Event{source(t, "acme", "Acme", "Widgets"), source(t, "b", "Bone")}})
	if !d.Listed() {
		t.Error("not listed after it")
	}
	expect("listed", "widgets", "acme")
	d.Apply(coord.Batch{}) // a heartbeat
	d.Apply(coord.Batch{Events: []coord.Event{source(t, "acme", "Acme"), {Key: sources + "b"}}})
	expect("without its alias", "widgets")
	expect("changed", "acme", "acme")
	expect("deleted", "bone")
	bad := d.Apply(coord.Batch{Events: []coord.Event{{Key: sources + "acme", Value: []byte{0xff}}}})
	if !slices.Equal(bad, []string{sources + "acme"}) {
		t.Errorf("unreadable: %v", bad)
	}
	expect("overwritten by what cannot be read", "acme")
	bad = d.Apply(coord.Batch{Reset: true, Events: []coord.Event{source(t, "c", "Cork"), {Key: sources + "d", Value: []byte{0xff}}}})
	if !slices.Equal(bad, []string{sources + "d"}) {
		t.Errorf("unreadable: %v", bad)
	}
	expect("listed anew", "cork", "c")
	if found, _ := d.FindDigits("2675", 8); len(found) != 1 || found[0].ID != "c" {
		t.Errorf("spelled: %v", found)
	}
}
