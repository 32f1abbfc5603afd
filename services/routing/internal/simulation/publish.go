package simulation

import (
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	rotaID  = "support"
	offerID = "one-call"
	// lastResort is where calls go in the end.
	lastResort = phone.Number(61255500000)
	ringS      = 20
)

// difference is what must be written to make one world of another.
func (s *sim) difference(before, next *world) (writes []*rpcv1.Write, err error) {
	add := func(key string, m proto.Message, err error) error {
		if err != nil {
			return err
		}
		value, err := published.Marshal(m)
		writes = append(writes, put(key, value))
		return err
	}
	anew := before.bundle != next.bundle || before.fromS != next.fromS
	for _, one := range next.sites {
		if !anew && slices.Contains(before.sites, one) {
			continue
		}
		m, err := s.compileSite(next, one)
		if err := add(published.SitePrefix+one.id, m, err); err != nil {
			return nil, err
		}
	}
	if anew || before.duty != next.duty {
		m, err := s.compileDuty(next)
		if err := add(published.RotaPrefix+rotaID, m, err); err != nil {
			return nil, err
		}
	}
	for _, one := range next.lines {
		if slices.Contains(before.lines, one) {
			continue
		}
		m, err := stored(lineOf(next, one))
		if err := add(view.LinePrefix+one.id, m, err); err != nil {
			return nil, err
		}
	}
	if len(before.lines) == 0 {
		if err := add(published.OfferPrefix+offerID, offerOf(), nil); err != nil {
			return nil, err
		}
	}
	for _, one := range next.customers {
		if slices.Contains(before.customers, one) {
			continue
		}
		if err := add(published.CustomerPrefix+one.id, customerOf(one), nil); err != nil {
			return nil, err
		}
	}
	for _, one := range next.drains {
		if slices.Contains(before.drains, one) {
			continue
		}
		m, err := stored(drainOf(one))
		if err := add(view.DrainPrefix+one.id, m, err); err != nil {
			return nil, err
		}
	}
	for _, one := range before.drains {
		if !slices.ContainsFunc(next.drains, func(d *drain) bool { return d.id == one.id }) {
			writes = append(writes, coord.Delete(view.DrainPrefix+one.id))
		}
	}
	return writes, nil
}

func stored(m proto.Message) (*rpcv1.Stored, error) {
	resource, err := published.Marshal(m)
	return &rpcv1.Stored{Resource: resource}, err
}

// compileSite is what schedule publishes of a site.
func (s *sim) compileSite(w *world, one *site) (*publishedv1.Site, error) {
	h := one.hours
	if s.cfg.Plant == PlantCompiler && one.id == "dublin" {
		h.Exceptions = nil
	}
	line, err := hours.Compile(h, hours.Zone{Location: one.loc, Release: s.rules(w).Release()}, w.fromS, w.toS)
	if err != nil {
		return nil, err
	}
	return &publishedv1.Site{
		Id: one.id, DisplayName: one.id, Outsourced: one.outsourced, Targets: one.targets, RingTimeoutS: ringS,
		Timeline: line.Proto(), TimeZone: one.zone,
	}, nil
}

// compileDuty is what schedule publishes of the rota.
func (s *sim) compileDuty(w *world) (*publishedv1.Rota, error) {
	d := w.duty
	r := rota.Rota{
		Zone: hours.Zone{Location: d.loc, Release: s.rules(w).Release()}, Absences: d.away,
		Layers: []rota.Layer{{Start: d.start, Every: 1, Unit: rota.Week, Crews: []rota.Crew{{Slots: d.people}}}},
	}
	done, err := rota.Compile(r, w.fromS, w.toS)
	if err != nil {
		return nil, err
	}
	sheet := roster.Sheet{ID: rotaID, DisplayName: rotaID, TimeZone: d.zone}
	for _, id := range d.people {
		sheet.People = append(sheet.People, &roster.Person{
			ID: id, DisplayName: id, Targets: []string{"sip:" + id + "@people.example.com"}, RingTimeoutS: ringS,
		})
	}
	return roster.ToProto(done, sheet, w.fromS), nil
}

func lineOf(w *world, l *line) *routingv1.Line {
	m := &routingv1.Line{
		Name: "lines/" + l.id, DisplayName: l.id, Number: number(l.number), Product: l.product, Strategy: l.strategy,
		Treatments: &routingv1.Treatments{Entitled: l.entitled, NotEntitled: l.notEntitled, Unknown: l.unknown},
		LastResort: &routingv1.LastResort{
			Kind:   routingv1.LastResort_KIND_PERSON,
			Target: &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: number(lastResort)}},
		},
		Announcement: &routingv1.Speech{Text: "You are being put through."},
	}
	for i, one := range w.sites {
		m.Sites = append(m.Sites, &routingv1.LineSite{Site: "sites/" + one.id, Tier: l.tiers[i], Weight: &l.weights[i]})
	}
	if l.offer != "" {
		m.Offers = []string{"offers/" + l.offer}
	}
	if l.rota {
		m.Rotas = []string{"rotas/" + rotaID}
	}
	seconds := func(n int64) *durationpb.Duration { return durationpb.New(time.Duration(n) * time.Second) }
	if l.openingSoonS > 0 {
		m.OpeningSoon = seconds(l.openingSoonS)
	}
	if l.minRemainS > 0 {
		m.MinRemaining = seconds(l.minRemainS)
	}
	if l.ringS > 0 {
		m.RingBudget = seconds(l.ringS)
	}
	return m
}

// offerOf is the offer that is made.
func offerOf() *publishedv1.Offer {
	return &publishedv1.Offer{Id: offerID, Offer: &entitlementv1.Offer{
		Name: "offers/" + offerID, DisplayName: "One call", Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL,
		Price: &money.Money{CurrencyCode: "EUR", Units: 290},
		Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "Billed monthly.", Version: "1"}},
	}}
}

func number(n phone.Number) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: n.String()}}
}

func customerOf(c *customer) *publishedv1.Customer {
	return &publishedv1.Customer{
		Id: c.id, DisplayName: c.id, Numbers: []uint64{uint64(c.number)}, Contracts: []*publishedv1.Contract{
			{Id: "c1", Plan: "gold", Product: c.product, FromUnixS: c.fromS, ToUnixS: c.toS},
		},
	}
}

// liveOf is what a process says of this minute: targets of some sites cannot be reached, and carries calls to them.
func (s *sim) liveOf(w *world) *routingv1.LiveRecord {
	m := &routingv1.LiveRecord{Unreachable: map[string]int64{}, ActiveCalls: map[string]int32{}}
	for _, one := range w.sites {
		if s.often(2) {
			continue
		}
		m.ActiveCalls[one.id] = int32(s.chance.IntN(50))
		for _, target := range one.targets {
			if !s.often(3) {
				m.Unreachable[target] = s.nowMS / 1000
			}
		}
	}
	return m
}

func drainOf(d *drain) *routingv1.Drain {
	m := &routingv1.Drain{
		Name: "drains/" + d.id, Reason: "maintenance", Subject: &routingv1.Drain_Site{Site: "sites/" + d.site},
		StartTime: timestamppb.New(time.Unix(d.fromS, 0)), EndTime: timestamppb.New(time.Unix(d.toS, 0)),
	}
	if d.target != "" {
		m.Target = &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: d.target}}
	}
	return m
}
