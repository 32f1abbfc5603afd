package view_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// manySources are the sources of as many customers, of two names, three contracts, four numbers and a contact each.
func manySources(b *testing.B) []coord.Event {
	events := make([]coord.Event, scale(b))
	for i := range events {
		c := &entitlementv1.Customer{
			Name: fmt.Sprintf("customers/customer-%07d", i), DisplayName: fmt.Sprintf("Customer %d of Example Industries GmbH", i),
			Aliases: []string{fmt.Sprintf("Example %d", i)}, TimeZone: "Europe/Berlin",
			ExternalIds: []*entitlementv1.ExternalId{{System: "crm", Id: fmt.Sprintf("%08d", i)}},
			Contacts:    []*entitlementv1.Contact{{ContactId: "office", Email: fmt.Sprintf("office@customer-%d.example", i)}},
		}
		for k := range 4 {
			c.PhoneNumbers = append(c.PhoneNumbers, &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{
				E164Number: fmt.Sprintf("+%d", 4930_000_000_000+i*4+k),
			}})
			if k < 3 {
				c.Contracts = append(c.Contracts, &entitlementv1.Contract{
					ContractId: fmt.Sprintf("c-%d-%d", i, k), Plan: "gold", Product: "database", StartDate: &date.Date{Year: 2024, Month: 1, Day: 1},
				})
			}
		}
		events[i] = stored(b, c)
	}
	return events
}

// BenchmarkDirectory is a directory of a million customers, made of a list. MB-directory is what it takes.
func BenchmarkDirectory(b *testing.B) {
	events := manySources(b)
	before := heap()
	d := view.NewDirectory(sources)
	for b.Loop() {
		d = view.NewDirectory(sources)
		// A list is used up by whoever takes it over.
		if bad := d.Apply(coord.Batch{Reset: true, Events: slices.Clone(events)}); len(bad) > 0 {
			b.Fatalf("cannot be read: %v", bad)
		}
	}
	b.ReportMetric(float64(heap()-before)/1e6, "MB-directory")
	runtime.KeepAlive(events)
	if found := d.Holders(view.ContractID, "", "c-7-1", 2); len(found) != 1 || found[0].CustomerID != "customer-0000007" {
		b.Fatalf("whose contract it is: %v", found)
	}
}
