package view_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
)

func stored(t interface{ Fatal(...any) }, c *entitlementv1.Customer) coord.Event {
	body, err := proto.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(&rpcv1.Stored{Resource: body})
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: "entitlement/" + c.GetName(), Value: value}
}

func holders(d *view.Directory, kind view.Clue, system, text string) (got []string) {
	for _, h := range d.Holders(kind, system, text, 8) {
		got = append(got, h.CustomerID+"/"+h.ContactID)
	}
	slices.Sort(got)
	return got
}

func TestDirectoryKnowsWhatIsTheSame(t *testing.T) {
	number := &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+61255500111"}}
	acme := &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme", AccessName: "Blue Heron",
		FormerAccessNames: []*entitlementv1.AccessNameUse{{Name: "Old Heron"}},
		Contacts: []*entitlementv1.Contact{{
			ContactId: "ada", Email: "Ada@Acme.example", PhoneNumbers: []*phone_number.PhoneNumber{number},
		}},
		EmailDomains: []string{"acme.example"},
		ExternalIds:  []*entitlementv1.ExternalId{{System: "crm", Id: "A 4711"}},
		Contracts:    []*entitlementv1.Contract{{ContractId: "C-1"}},
	}
	bolt := &entitlementv1.Customer{Name: "customers/bolt", DisplayName: "Bolt", EmailDomains: []string{"acme.example"}}
	d := view.NewDirectory(sources)
	d.Apply(coord.Batch{Reset: true, Events: []coord.Event{stored(t, acme), stored(t, bolt)}})
	expect := func(when string, kind view.Clue, system, text string, want ...string) {
		t.Helper()
		if got := holders(d, kind, system, text); !slices.Equal(got, want) {
			t.Errorf("%s, %q: got %v, want %v", when, text, got, want)
		}
	}
	for range 2 { // the second time after it was written again, unchanged
		expect("listed", view.AccessName, "", "blue-heron", "acme/")
		expect("a former one", view.AccessName, "", "OLD HERON", "acme/")
		expect("listed", view.Email, "", "ada@acme.EXAMPLE", "acme/ada")
		expect("listed", view.ContactNumber, "", "+61255500111", "acme/ada")
		expect("of two", view.EmailDomain, "", "ACME.example", "acme/", "bolt/")
		expect("listed", view.ExternalID, "crm", "a4711", "acme/")
		expect("of another system", view.ExternalID, "billing", "a4711")
		expect("listed", view.ContractID, "", "c-1", "acme/")
		expect("said", view.ContractID, "", "C 1", "acme/")
		expect("typed", view.ContractID, "", "21", "acme/")
		expect("another one", view.ContractID, "", "c-2")
		expect("nothing", view.ContractID, "", " ")
		d.Apply(coord.Batch{Events: []coord.Event{stored(t, acme)}})
	}
	if found, _ := d.Find("old heron", 8); len(found) != 1 || found[0].Confidence != 1 {
		t.Errorf("a former access name is a name: %v", found)
	}
	acme.Contracts, acme.EmailDomains = nil, nil
	d.Apply(coord.Batch{Events: []coord.Event{stored(t, acme)}})
	expect("after it went", view.ContractID, "", "c-1")
	expect("after it went", view.EmailDomain, "", "acme.example", "bolt/")
	d.Apply(coord.Batch{Events: []coord.Event{{Key: sources + "acme"}}})
	expect("of nobody", view.AccessName, "", "blue heron")
	if limited := d.Holders(view.EmailDomain, "", "acme.example", 0); limited != nil {
		t.Errorf("none is as many as were asked for: %v", limited)
	}
}

// TestDirectoryAgreesWithAList: whatever is written, a domain's holders are those whose last source has it.
func TestDirectoryAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := view.NewDirectory(sources)
		last := map[string][]string{}
		for i := range rapid.IntRange(1, 30).Draw(t, "writes") {
			id := fmt.Sprintf("c%d", rapid.IntRange(0, 4).Draw(t, "customer"))
			if rapid.IntRange(0, 4).Draw(t, "delete") == 0 {
				delete(last, id)
				d.Apply(coord.Batch{Events: []coord.Event{{Key: sources + id}}})
				continue
			}
			domains := rapid.SliceOfN(rapid.SampledFrom([]string{"a.example", "b.example", "c.example"}), 0, 3).Draw(t, "domains")
			last[id] = domains
			e := stored(t, &entitlementv1.Customer{Name: "customers/" + id, DisplayName: "C", EmailDomains: domains})
			d.Apply(coord.Batch{Reset: i == 0, Events: []coord.Event{e}})
		}
		for _, domain := range []string{"a.example", "b.example", "c.example"} {
			var want []string
			for id, domains := range last {
				if slices.Contains(domains, domain) {
					want = append(want, id+"/")
				}
			}
			slices.Sort(want)
			if got := holders(d, view.EmailDomain, "", domain); !slices.Equal(got, want) {
				t.Fatalf("%s: got %v, want %v", domain, got, want)
			}
		}
	})
}
