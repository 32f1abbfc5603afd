package view_test

import (
	"fmt"
	"slices"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// An import whose column was the wrong one gives everybody the same number: they are all found by it, in order, they change
// and go, and the last one has it alone.
func TestANumberThatEverybodyHas(t *testing.T) {
	const n = 3_000
	customer := func(i int) *publishedv1.Customer {
		return viewtest.Customer(fmt.Sprintf("c-%05d", (i*7919)%n), []phone.Number{acme, acme + 1 + phone.Number(i)})
	}
	b := view.Anew(nil)
	for i := range n {
		r := viewtest.CustomerRecord(customer(i))
		b.Put(r.Key, r.Value)
	}
	v, _ := b.View(1, viewtest.At(0))
	h := v.CustomersByNumber(acme)
	names := make([]string, h.Len())
	for i := range names {
		names[i] = h.At(i).Name
	}
	if len(names) != n || !slices.IsSorted(names) || v.OnlyOne(acme, "c-00000") {
		t.Fatalf("%d of %d, in order: %v", len(names), n, slices.IsSorted(names))
	}
	before := v
	b = view.Next(v)
	for i := range n - 1 {
		r := viewtest.CustomerRecord(customer(i))
		b.Delete(r.Key)
	}
	v, _ = b.View(2, viewtest.At(0))
	last := customer(n - 1).GetId()
	if h := v.CustomersByNumber(acme); h.Len() != 1 || h.At(0).ID() != last || !v.OnlyOne(acme, last) {
		t.Errorf("the last one has it: %d do", h.Len())
	}
	if before.CustomersByNumber(acme).Len() != n {
		t.Error("the view before has changed")
	}
}

// Of another truth nothing stands in for a record that cannot be read, and what is not listed is not there.
func TestAnotherTruthIsNotMixedWithTheOneBefore(t *testing.T) {
	w := viewtest.World{
		Customers: []*publishedv1.Customer{
			viewtest.Customer("same", []phone.Number{acme}), viewtest.Customer("gone", []phone.Number{acme + 1}),
			viewtest.Customer("unreadable", []phone.Number{acme + 2}),
		},
		Grants: []*publishedv1.Grant{
			viewtest.Grant("g1", "same", complimentary, 0, 1), viewtest.Grant("g2", "same", complimentary, 0, 1),
			viewtest.Grant("g3", "same", complimentary, 0, 1),
		},
		Usage: []*publishedv1.Usage{viewtest.Goodwill("same", 1), viewtest.Goodwill("gone", 1)},
	}
	for how, c := range map[string]struct {
		begin  func(*view.View) *view.Builder
		stands bool
	}{"the same truth": {view.Anew, true}, "another truth": {view.AnewElsewhere, false}} {
		before := w.View()
		b := c.begin(before)
		for _, r := range []viewtest.Record{
			viewtest.CustomerRecord(w.Customers[0]), viewtest.GrantRecord(w.Grants[0]), viewtest.UsageRecord(w.Usage[0]),
			{Key: viewtest.CustomerRecord(w.Customers[2]).Key, Value: []byte{0xff}},
			{Key: viewtest.GrantRecord(w.Grants[2]).Key, Value: []byte{0xff}},
		} {
			b.Put(r.Key, r.Value)
		}
		v, problems := b.View(2, viewtest.At(0))
		var grants []string
		for _, g := range v.Parties(v.Customer("same"), nil)[0].Grants {
			grants = append(grants, g.ID)
		}
		want := []string{"g1"}
		if c.stands {
			want = []string{"g1", "g3"}
		}
		if len(problems) != 2 || v.Customer("gone") != nil || len(v.Goodwill("gone")) != 0 || len(v.Goodwill("same")) != 1 ||
			(v.Customer("unreadable") != nil) != c.stands || !slices.Equal(grants, want) {
			t.Errorf("%s: %v, %v, grants %v", how, problems, v.Customer("unreadable"), grants)
		}
	}
}
