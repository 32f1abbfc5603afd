package viewtest

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// PlanHours are hours of plans in a zone, open over spans within 30 days.
func PlanHours(hoursID, timeZone string, spans ...Span) *publishedv1.PlanTimeline {
	return &publishedv1.PlanTimeline{HoursId: hoursID, TimeZone: timeZone, Timeline: Timeline(30, spans...)}
}

// Offer is pay per call at 100 euros, with terms in English.
func Offer(id string) *publishedv1.Offer {
	return &publishedv1.Offer{Id: id, Offer: &entitlementv1.Offer{
		Name: "offers/" + id, DisplayName: id, Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL,
		Price: &money.Money{CurrencyCode: "EUR", Units: 100},
		Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "Payment within 30 days.", Version: "1"}},
	}}
}

// Grant of a customer over [from, to) in hours after Base.
func Grant(id, customer string, basis entitlementv1.Basis, from, to float64) *publishedv1.Grant {
	return &publishedv1.Grant{
		Id: id, Customer: customer, Basis: basis, FromUnixS: At(from).Unix(), ToUnixS: At(to).Unix(),
	}
}

// NumberGrant is the grant of a number that nobody knows.
func NumberGrant(id string, n phone.Number, basis entitlementv1.Basis, from, to float64) *publishedv1.Grant {
	g := Grant(id, "", basis, from, to)
	g.Number = uint64(n)
	return g
}

// PlanRecord is a plan as entitlement publishes it; so are the next ones.
func PlanRecord(p *publishedv1.Plan) Record {
	return Record{published.PlanPrefix + p.GetId(), encode(p)}
}

// PlanHoursRecord is hours of plans.
func PlanHoursRecord(p *publishedv1.PlanTimeline) Record {
	id := []string{p.GetHoursId(), p.GetTimeZone()}
	id = append(id, p.GetCalendars()...)
	return Record{published.PlanTimelinePrefix + strings.Join(id, "~"), encode(p)}
}

// OfferRecord is an offer.
func OfferRecord(o *publishedv1.Offer) Record {
	return Record{published.OfferPrefix + o.GetId(), encode(o)}
}

// GrantRecord is a grant.
func GrantRecord(g *publishedv1.Grant) Record {
	return Record{published.GrantPrefix + g.GetId(), encode(g)}
}

// UsageRecord is what was counted of a customer, or of a number nobody knows.
func UsageRecord(u *publishedv1.Usage) Record {
	id := "c-" + u.GetCustomer()
	if u.GetCustomer() == "" {
		id = fmt.Sprintf("n-%x", u.GetNumber())
	}
	return Record{published.UsagePrefix + id, encode(u)}
}

// entitlements are the records of what customers may have.
func (w World) entitlements() []Record {
	var records []Record
	for _, p := range w.Plans {
		records = append(records, PlanRecord(p))
	}
	for _, p := range w.PlanHours {
		records = append(records, PlanHoursRecord(p))
	}
	for _, o := range w.Offers {
		records = append(records, OfferRecord(o))
	}
	for _, g := range w.Grants {
		records = append(records, GrantRecord(g))
	}
	for _, u := range w.Usage {
		records = append(records, UsageRecord(u))
	}
	return records
}
