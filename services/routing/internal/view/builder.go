package view

import (
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
)

// Problem is a record that could not be read. The view keeps what it knew before of that key.
type Problem struct {
	// Key holds names only, no number.
	Key string
	Err error
}

// Builder makes the next view. It is used once, by one goroutine, and does not touch the view it began with.
type Builder struct {
	from      *View
	sites     sitesBuilder
	rotas     *rotasBuilder
	drains    drainsBuilder
	live      liveBuilder
	customers customersBuilder
	plans     fewBuilder[plan]
	hours     hoursBuilder
	offers    fewBuilder[Offer]
	grants    grantsBuilder
	usage     usageBuilder
	keys      keysBuilder
	lines     linesBuilder
	problems  []Problem
}

// Next begins with v; nil begins with nothing.
func Next(v *View) *Builder {
	if v == nil {
		v = empty()
	}
	return newBuilder(v, v)
}

// Anew begins with nothing, for a list of the whole state. What v knows stands in for records of the list that cannot be
// read; nil knows nothing.
func Anew(v *View) *Builder { return anew(v, v) }

// AnewElsewhere is Anew for a list of another truth than v's: nothing of v stands in for anything, but what is the same
// takes no second memory.
func AnewElsewhere(v *View) *Builder { return anew(v, nil) }

// anew begins with nothing, but that what of a million records is listed again as it was stays where it is.
func anew(v, before *View) *Builder {
	from := empty()
	if v == nil {
		v = from
	}
	if before == nil {
		before = from
	}
	b := newBuilder(from, before)
	b.customers = buildCustomers(v.customers, before.customers)
	b.grants, b.usage = buildGrants(v.grants, before.grants), buildUsage(v.usage, before.usage)
	b.customers.records.list()
	b.grants.list()
	b.usage.list()
	return b
}

func newBuilder(from, before *View) *Builder {
	return &Builder{
		from:      from,
		sites:     sitesBuilder{from: from.sites, before: before.sites},
		rotas:     &rotasBuilder{from: from.rotas, before: before.rotas},
		drains:    drainsBuilder{from: from.drains, before: before.drains},
		live:      liveBuilder{from: from.live, before: before.live},
		customers: buildCustomers(from.customers, before.customers),
		plans: fewBuilder[plan]{
			from: from.plans, before: before.plans, read: readPlan, fact: func(p *plan) *Fact { return p.fact },
		},
		hours: hoursBuilder{was: from.hours, fewBuilder: fewBuilder[planHours]{
			from: &from.hours.few, before: &before.hours.few, read: readPlanHours, fact: func(t *planHours) *Fact { return t.fact },
		}},
		offers: fewBuilder[Offer]{
			from: from.offers, before: before.offers, read: readOffer, fact: func(o *Offer) *Fact { return o.fact },
		},
		grants: buildGrants(from.grants, before.grants),
		usage:  buildUsage(from.usage, before.usage),
		keys:   keysBuilder{from: from.keys, before: before.keys},
		lines:  linesBuilder{from: from.lines, before: before.lines},
	}
}

// Expect says that a key's value will be put: of a large list all are told before the first is put, so that what becomes of
// them takes no more memory than it must.
func (b *Builder) Expect(key string, bytes int) {
	if id, ok := strings.CutPrefix(key, published.CustomerPrefix); ok {
		b.customers.records.expect(id, bytes)
	} else if id, ok = strings.CutPrefix(key, published.UsagePrefix); ok && b.usage.says(id) != "" {
		b.usage.of.expect(b.usage.says(id), bytes)
	}
}

// Put sets a key's value. Keys of no part are passed over.
func (b *Builder) Put(key string, value []byte) {
	part, id := b.part(key)
	if part == nil {
		return
	}
	if err := part.put(id, value); err != nil {
		b.problems = append(b.problems, Problem{key, err})
		part.keep(id)
	}
}

// Delete removes a key.
func (b *Builder) Delete(key string) {
	if part, id := b.part(key); part != nil {
		part.remove(id)
	}
}

// partBuilder is one part's next state. put changes nothing where it fails; keep then takes over what was known of the
// record before.
type partBuilder interface {
	put(id string, value []byte) error
	keep(id string)
	remove(id string)
}

func (b *Builder) part(key string) (partBuilder, string) {
	for _, p := range [...]struct {
		prefix  string
		builder partBuilder
	}{
		{published.CustomerPrefix, &b.customers}, {published.SitePrefix, &b.sites}, {LinePrefix, &b.lines},
		{published.RotaPrefix, b.rotas}, {published.CustodyPrefix, custodyBuilder{b.rotas}},
		{published.PlanPrefix, &b.plans}, {published.PlanTimelinePrefix, &b.hours}, {published.OfferPrefix, &b.offers},
		{published.GrantPrefix, &b.grants}, {published.UsagePrefix, &b.usage},
		{DrainPrefix, &b.drains}, {LivePrefix, &b.live},
		{continuation.Prefix, &b.keys},
	} {
		if id, ok := strings.CutPrefix(key, p.prefix); ok && id != "" {
			return p.builder, id
		}
	}
	return nil, ""
}

// View is the next view, as of a revision heard at an instant, and what could not be read. Parts without a change are
// those of the view begun with.
func (b *Builder) View(revision int64, heard time.Time) (*View, []Problem) {
	next := &View{revision: revision, heard: heard, customers: b.customers.finish()}
	var changed changes
	next.sites, changed.sites = b.sites.finish()
	next.rotas, changed.rotas = b.rotas.finish()
	next.drains, changed.drains = b.drains.finish()
	next.live, changed.live = b.live.finish()
	next.plans, _ = b.plans.finish()
	next.hours = b.hours.finish()
	next.offers, changed.offers = b.offers.finish()
	next.grants, next.usage = b.grants.finish(), b.usage.finish()
	next.keys = b.keys.finish()
	next.lines = b.lines.finish(next, changed)
	return next, b.problems
}
