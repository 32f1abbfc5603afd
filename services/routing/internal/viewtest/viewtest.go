// Package viewtest makes worlds of sites, customers and lines, and views of them, for tests and benchmarks. Nothing of
// the product imports it.
package viewtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// Base is the midnight that hours count from: Sunday 2026-11-22, UTC.
const Base = int64(1795305600)

// At is an instant, hours after Base.
func At(hours float64) time.Time { return time.Unix(Base+int64(hours*3600), 0).UTC() }

// Span is open time, [from, to) in hours after Base.
type Span [2]float64

// Daily repeats a span on so many days.
func Daily(from, to float64, days int) []Span {
	var spans []Span
	for d := range days {
		spans = append(spans, Span{from + 24*float64(d), to + 24*float64(d)})
	}
	return spans
}

// Timeline is open over spans, within a horizon of so many days from the day before Base.
func Timeline(days int, spans ...Span) *publishedv1.Timeline {
	s := timeline.Spec{
		FromUnixS: Base - 86400, ToUnixS: Base + int64(days)*86400, Rules: []string{"weekly hours"}, TZDataRelease: "2025c",
	}
	for _, sp := range spans {
		s.Intervals = append(s.Intervals, timeline.Interval{
			OpenUnixS: Base + int64(sp[0]*3600), CloseUnixS: Base + int64(sp[1]*3600),
		})
	}
	t, err := timeline.New(s)
	if err != nil {
		panic(err)
	}
	return t.Proto()
}

// Site is an in-house site with one target, open over spans within 30 days.
func Site(id string, spans ...Span) *publishedv1.Site {
	return &publishedv1.Site{
		Id: id, DisplayName: id, Targets: []string{"sip:support@" + id + ".example.com"}, RingTimeoutS: 20,
		Timeline: Timeline(30, spans...),
	}
}

// Turn is who is on duty from an hour after Base on; nobody where empty.
type Turn struct {
	From   float64
	Person string
}

// Rota has turns, known over so many hours from the first one on. Each person has one target, sip:ID@people.example.com.
// Handoffs need not be accepted.
func Rota(id string, toHour float64, turns ...Turn) *publishedv1.Rota {
	r := &publishedv1.Rota{
		Id: id, DisplayName: id, TimeZone: "Europe/Dublin", FromUnixS: At(turns[0].From).Unix(), ToUnixS: At(toHour).Unix(),
		FirstFromUnixS: At(turns[0].From).Unix(), TzdataRelease: "2025c",
	}
	var ids []string
	for _, t := range turns {
		if t.Person != "" && !slices.Contains(ids, t.Person) {
			ids = append(ids, t.Person)
		}
	}
	slices.Sort(ids)
	for _, person := range ids {
		r.People = append(r.People, &publishedv1.DutyPerson{
			Id: person, DisplayName: person, Targets: []string{"sip:" + person + "@people.example.com"}, RingTimeoutS: 25,
		})
	}
	for i, t := range turns {
		end := toHour
		if i+1 < len(turns) {
			end = turns[i+1].From
		}
		r.LengthS = append(r.LengthS, uint32(At(end).Unix()-At(t.From).Unix()))
		r.Holder = append(r.Holder, uint32(slices.Index(ids, t.Person)+1))
	}
	return r
}

// Custody of a rota: a person accepted it, for the turn that begins then, hours after Base.
func Custody(rota, person string, accepted, turnFrom float64) CustodyOf {
	return CustodyOf{rota, &publishedv1.Custody{
		Holder: person, AcceptUnixS: At(accepted).Unix(), TurnFromUnixS: At(turnFrom).Unix(),
	}}
}

// CustodyOf is the custody of a rota.
type CustodyOf struct {
	Rota   string
	Record *publishedv1.Custody
}

// Drain of "sites/ID" or "people/ID" over [from, to) in hours after Base; a `to` of 0 is no end.
func Drain(id, subject string, from, to float64) *routingv1.Drain {
	d := &routingv1.Drain{Name: "drains/" + id, Reason: "because", StartTime: timestamppb.New(At(from))}
	if to != 0 {
		d.EndTime = timestamppb.New(At(to))
	}
	d.Subject = &routingv1.Drain_Site{Site: subject}
	if strings.HasPrefix(subject, "people/") {
		d.Subject = &routingv1.Drain_Person{Person: subject}
	}
	return d
}

// Closure drains every site of a line over [from, to) in hours after Base; a `to` of 0 is no end.
func Closure(id, line string, from, to float64) *routingv1.Drain {
	d := Drain(id, "", from, to)
	d.Subject, d.Line = &routingv1.Drain_AllSites{AllSites: true}, "lines/"+line
	return d
}

// LiveOf is what one reporter says of this minute; Key is what stands behind view.LivePrefix.
type LiveOf struct {
	Key    string
	Record *routingv1.LiveRecord
}

// Calls are what a gateway carries, by ID of the site.
func Calls(gateway string, calls map[string]int32) LiveOf {
	return LiveOf{"gateways/" + gateway + "@here", &routingv1.LiveRecord{ActiveCalls: calls}}
}

// Unreachable are targets that a process cannot reach, as text.
func Unreachable(process string, targets ...string) LiveOf {
	r := &routingv1.LiveRecord{Unreachable: map[string]int64{}}
	for _, t := range targets {
		r.Unreachable[t] = Base
	}
	return LiveOf{"processes/" + process, r}
}

// Presence is how many agents a site says are there, until hours after Base; an `until` of 0 is no end.
func Presence(site string, agents int32, until float64) LiveOf {
	r := &routingv1.LiveRecord{Agents: proto.Int32(agents)}
	if until != 0 {
		r.ExpireUnixS = At(until).Unix()
	}
	return LiveOf{"presence/" + site + "/site", r}
}

// Customer calls from numbers; its contracts are given as product and hours.
func Customer(id string, numbers []phone.Number, contracts ...*publishedv1.Contract) *publishedv1.Customer {
	c := &publishedv1.Customer{Id: id, DisplayName: id, Contracts: contracts}
	for _, n := range numbers {
		c.Numbers = append(c.Numbers, uint64(n))
	}
	return c
}

// Contract for a product, in force over [from, to) in hours after Base.
func Contract(product string, from, to float64) *publishedv1.Contract {
	return &publishedv1.Contract{
		Id: product, Plan: "gold", Product: product, FromUnixS: At(from).Unix(), ToUnixS: At(to).Unix(),
	}
}

// Line has a number and sites, each in tier 0, and somebody at +61255500000 as its last resort.
func Line(id string, number phone.Number, sites ...string) *routingv1.Line {
	l := &routingv1.Line{
		Name: "lines/" + id, DisplayName: id, Number: Number(number),
		LastResort: &routingv1.LastResort{
			Kind: routingv1.LastResort_KIND_PERSON,
			Target: &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{
				PhoneNumber: Number(61255500000),
			}},
		},
	}
	for _, s := range sites {
		l.Sites = append(l.Sites, &routingv1.LineSite{Site: "sites/" + s})
	}
	return l
}

// MinRemaining sets a line's min_remaining.
func MinRemaining(l *routingv1.Line, d time.Duration) *routingv1.Line {
	l.MinRemaining = durationpb.New(d)
	return l
}

// Number is a phone number as the API has it.
func Number(n phone.Number) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: n.String()}}
}

// World is all that a view is made of.
type World struct {
	Sites     []*publishedv1.Site
	Rotas     []*publishedv1.Rota
	Custody   []CustodyOf
	Drains    []*routingv1.Drain
	Live      []LiveOf
	Customers []*publishedv1.Customer
	Plans     []*publishedv1.Plan
	PlanHours []*publishedv1.PlanTimeline
	Offers    []*publishedv1.Offer
	Grants    []*publishedv1.Grant
	Usage     []*publishedv1.Usage
	Lines     []*routingv1.Line
}

// Record is a key with its value.
type Record struct {
	Key   string
	Value []byte
}

// Records are the keys and values of a world.
func (w World) Records() []Record {
	var records []Record
	for _, s := range w.Sites {
		records = append(records, SiteRecord(s))
	}
	for _, r := range w.Rotas {
		records = append(records, RotaRecord(r))
	}
	for _, c := range w.Custody {
		records = append(records, Record{published.CustodyPrefix + c.Rota, encode(c.Record)})
	}
	for _, d := range w.Drains {
		records = append(records, DrainRecord(d))
	}
	for _, l := range w.Live {
		records = append(records, LiveRecord(l))
	}
	for _, c := range w.Customers {
		records = append(records, CustomerRecord(c))
	}
	records = append(records, w.entitlements()...)
	for _, l := range w.Lines {
		records = append(records, LineRecord(l))
	}
	return records
}

// SiteRecord is a site as schedule publishes it.
func SiteRecord(s *publishedv1.Site) Record {
	return Record{published.SitePrefix + s.GetId(), encode(s)}
}

// DrainRecord is a drain as routing stores it.
func DrainRecord(d *routingv1.Drain) Record {
	return Record{view.DrainPrefix + d.GetName()[len("drains/"):], encode(&rpcv1.Stored{Resource: encode(d)})}
}

// LiveRecord is what a reporter says, as routing keeps it.
func LiveRecord(l LiveOf) Record { return Record{view.LivePrefix + l.Key, encode(l.Record)} }

// RotaRecord is a rota as schedule publishes it.
func RotaRecord(r *publishedv1.Rota) Record {
	return Record{published.RotaPrefix + r.GetId(), encode(r)}
}

// CustomerRecord is a customer as entitlement publishes it.
func CustomerRecord(c *publishedv1.Customer) Record {
	return Record{published.CustomerPrefix + c.GetId(), encode(c)}
}

// LineRecord is a line as routing stores it.
func LineRecord(l *routingv1.Line) Record {
	return Record{view.LinePrefix + l.GetName()[len("lines/"):], encode(&rpcv1.Stored{Resource: encode(l)})}
}

// View is the view of a world, at revision 1, heard at Base.
func (w World) View() *view.View {
	b := view.Anew(nil)
	for _, r := range w.Records() {
		b.Put(r.Key, r.Value)
	}
	v, problems := b.View(1, At(0))
	if len(problems) > 0 {
		panic(fmt.Sprint(problems))
	}
	return v
}

// ManyCustomers gives a builder n customers of one number and one contract each: customer i calls from base + i.
func ManyCustomers(b *view.Builder, base phone.Number, n int) {
	for i := range n {
		c := Customer(fmt.Sprintf("customer-%d", i), []phone.Number{base + phone.Number(i)}, Contract("db", -1000, 1000))
		r := CustomerRecord(c)
		b.Put(r.Key, r.Value)
	}
}

func encode(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return slices.Clip(b)
}
