// Package view holds everything that a decision needs, in memory: the published sites, rotas and customers, and routing's
// own lines, drains and live state. A View is immutable; a Builder makes the next one from it and a batch of changes,
// sharing all that stayed the same, and a Current hands the newest one to any number of readers without a lock.
//
// It is made of parts, each with its own file and index: sites.go, rotas.go, drains.go, live.go, keys.go, lines.go with
// terms.go; and what entitlement publishes: customers.go, plans.go, offers.go, grants.go, usage.go, which parties.go puts
// together for the rule. Customers may be a million, and grants and usage (held.go) as many: they are kept as bytes
// (records.go, numbers.go), customers packed (packed.go), and read when they are looked up (customer.go). It follows nothing
// by itself, decides nothing, and knows no etcd: keys and values are brought to it.
package view

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// LinePrefix is where routing keeps the sources of its lines: rpcv1.Stored with a routingv1.Line.
const LinePrefix = "routing/lines/"

// The keys From <= key < To hold all that a view is made of. It is one range, so that one watch brings every transaction
// whole.
const (
	RangeFrom = published.AllPrefix
	RangeTo   = "routing0" // the first key after all that begin with "routing/"
)

// View is the state of the cluster at one revision. It is immutable and safe for concurrent use; so is all that it
// answers with.
type View struct {
	revision  int64
	heard     time.Time
	sites     *sites
	rotas     *rotas
	drains    *drains
	live      *live
	customers *customers
	plans     *few[plan]
	hours     *hours
	offers    *few[Offer]
	grants    *grants
	usage     *usage
	keys      *keys
	lines     *lines
}

// empty is the view before anything was heard.
func empty() *View {
	return &View{
		sites: newSites(), rotas: newRotas(), drains: newDrains(), live: newLive(), customers: newCustomers(),
		plans: &few[plan]{}, hours: newHours(&few[planHours]{}), offers: &few[Offer]{}, grants: newGrants(), usage: newUsage(),
		keys: newKeys(), lines: newLines(),
	}
}

// Revision is the etcd revision of the state.
func (v *View) Revision() int64 { return v.revision }

// Heard is when etcd was last heard from, changes or not.
func (v *View) Heard() time.Time { return v.heard }

// Age is the time since etcd was last heard from, changes or not; never negative.
func (v *View) Age(now time.Time) time.Duration { return max(now.Sub(v.heard), 0) }

// LineByNumber is the line whose number it is now; nil where it is none's.
func (v *View) LineByNumber(n phone.Number) *Line { return v.lines.byNumber[n] }

// LineDialled is the line that a dialled number leads to at an instant, Unix seconds; nil where it is none's. Where it is a
// number that the line had before, formerUntilS is when that ends, or ended; else 0.
func (v *View) LineDialled(n phone.Number, nowS int64) (l *Line, formerUntilS int64) {
	if l := v.lines.byNumber[n]; l != nil {
		return l, 0
	}
	for _, f := range v.lines.former()[n] {
		if f.untilS > nowS {
			return v.lines.byID[f.lineID], f.untilS
		}
		if f.untilS > formerUntilS { // of those that ended, the one that had it last
			l, formerUntilS = v.lines.byID[f.lineID], f.untilS
		}
	}
	return l, formerUntilS
}

// LineByID is a line by the last part of its name; nil where there is none.
func (v *View) LineByID(id string) *Line { return v.lines.byID[id] }

// Site is a site by ID; nil where there is none.
func (v *View) Site(id string) *Site { return v.sites.byID[id] }

// Rota is a rota by ID; nil where there is none.
func (v *View) Rota(id string) *Rota { return v.rotas.byID[id] }

// Drains are all drains, in order of ID, those not in force among them.
func (v *View) Drains() []*Drain {
	if len(v.drains.byID) == 0 {
		return nil
	}
	return v.drains.sorted()
}

// Customer is a customer by the last part of its name; nil where there is none.
func (v *View) Customer(id string) *Customer { return v.customers.find(id) }

// CustomersByNumber are the customers who call from a number.
func (v *View) CustomersByNumber(n phone.Number) Holders { return v.customers.holders(n, nil) }

// CustomersByNumberInto is CustomersByNumber for whoever has room: where there is only one, it is read into that.
func (v *View) CustomersByNumberInto(n phone.Number, room *Customer) Holders {
	return v.customers.holders(n, room)
}

// OnlyOne says whether a number is one customer's alone, who has that ID.
func (v *View) OnlyOne(n phone.Number, customerID string) bool {
	return v.customers.isOnly(n, customerID)
}

// Counts are the sizes of a view's parts.
type Counts struct{ Sites, Rotas, Customers, Lines, Plans, Offers int }

// Counts are the sizes of the parts.
func (v *View) Counts() Counts {
	return Counts{len(v.sites.byID), len(v.rotas.byID), v.customers.records.count, len(v.lines.byID),
		len(v.plans.byID), len(v.offers.byID)}
}

// TZDataReleases are the releases of the time-zone rules in the sites' timelines, in order; more than one while a new
// release is being adopted.
func (v *View) TZDataReleases() []string {
	var releases []string
	for _, s := range v.sites.byID {
		if r := s.Timeline.TZDataRelease(); r != "" && !slices.Contains(releases, r) {
			releases = append(releases, r)
		}
	}
	slices.Sort(releases)
	return releases
}

// Current is the newest view. The zero value has none yet. Any number of goroutines may Load; one at a time may Store.
type Current struct{ p atomic.Pointer[View] }

// Load is the newest view, without waiting; nil before the first one.
func (c *Current) Load() *View { return c.p.Load() }

// Store makes v the newest view.
func (c *Current) Store(v *View) { c.p.Store(v) }

// FormerEnds are the names of lines that have a number of before that works at an instant, with when the last one ends; both
// Unix seconds.
func (v *View) FormerEnds(nowS int64) map[string]int64 {
	ends := map[string]int64{}
	for _, list := range v.lines.former() {
		for _, f := range list {
			if name := v.lines.byID[f.lineID].Name; f.untilS > nowS && f.untilS > ends[name] {
				ends[name] = f.untilS
			}
		}
	}
	return ends
}
