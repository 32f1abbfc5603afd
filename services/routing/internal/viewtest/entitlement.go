package viewtest

import (
	"slices"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// Offering makes a line offer those who are not entitled, and those nobody knows.
func Offering(l *routingv1.Line, offers ...string) *routingv1.Line {
	for _, id := range offers {
		l.Offers = append(l.Offers, "offers/"+id)
	}
	l.Treatments = &routingv1.Treatments{
		NotEntitled: routingv1.Treatment_TREATMENT_OFFER, Unknown: routingv1.Treatment_TREATMENT_OFFER,
	}
	return l
}

// Goodwill is when a customer was shown some, in hours after Base.
func Goodwill(customer string, hours ...float64) *publishedv1.Usage {
	u := &publishedv1.Usage{Customer: customer}
	for _, h := range hours {
		u.GoodwillUnixS = append(u.GoodwillUnixS, At(h).Unix())
	}
	slices.Sort(u.GoodwillUnixS)
	return u
}

// NumberGoodwill is that of a number nobody knows.
func NumberGoodwill(n phone.Number, hours ...float64) *publishedv1.Usage {
	u := Goodwill("", hours...)
	u.Number = uint64(n)
	return u
}

// Plan has hours that go by the plan's own ID.
func Plan(id string) *publishedv1.Plan {
	return &publishedv1.Plan{Id: id, DisplayName: id, HoursId: id}
}

// ClientOf makes a customer one that a partner may call for, for ever.
func ClientOf(partner string, c *publishedv1.Customer) *publishedv1.Customer {
	c.Partners = append(c.Partners, &publishedv1.PartnerAccess{Partner: partner, ToUnixS: 1<<63 - 1})
	return c
}
