package view

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// LivePrefix is where routing keeps what is known of this minute, under leases: routingv1.LiveRecord. Behind it come
// gateways/GATEWAY@INSTANCE, processes/INSTANCE, and presence/SITE/REPORTER.
const LivePrefix = "routing/live/"

const (
	livePresence = "presence/"
	// maxLiveRecords bounds the records that a view takes in: a thousand gateways, and who speaks for the sites.
	maxLiveRecords = 10_000
	// maxLiveSites and maxLiveUnreachable bound one record, as the protocol does.
	maxLiveSites       = 2000
	maxLiveUnreachable = 1000
	// maxLiveCalls bounds each count of a record: beyond it, it says no more than "many".
	maxLiveCalls = 1_000_000
)

// SiteLive is what is known of this minute of one site.
type SiteLive struct {
	// ActiveCalls are those that gateways carry to it.
	ActiveCalls int32
	// Agents who are there; only where AgentsKnown.
	Agents      int32
	AgentsKnown bool
	// Unreachable are its targets that cannot be reached.
	Unreachable Targets
}

// LiveReport is what one reporter says.
type LiveReport struct {
	// Key is what stands behind LivePrefix: "gateways/GATEWAY@INSTANCE", "processes/INSTANCE", "presence/SITE/REPORTER".
	Key string
	// Record is shared: never change it.
	Record *routingv1.LiveRecord
}

// expires is from when on a record holds no more by itself; the largest value where its lease alone says.
func (r LiveReport) expires() int64 {
	if at := r.Record.GetExpireUnixS(); at != 0 {
		return at
	}
	return math.MaxInt64
}

// presenceOf is the ID of the site that a report of presence is of; empty of another report.
func (r LiveReport) presenceOf() string {
	rest, ok := strings.CutPrefix(r.Key, livePresence)
	if !ok {
		return ""
	}
	site, _, _ := strings.Cut(rest, "/")
	return site
}

// spell is what holds until an instant.
type spell struct {
	live       SiteLive
	untilUnixS int64
}

// spells add up. Those that end by themselves stand apart; the others are one.
type spells struct {
	lasting SiteLive
	ending  []spell
}

func (s *spells) add(live SiteLive, untilUnixS int64) {
	if untilUnixS == math.MaxInt64 {
		s.lasting.add(live)
		return
	}
	s.ending = append(s.ending, spell{live, untilUnixS})
}

func (l *SiteLive) add(other SiteLive) {
	l.ActiveCalls = min(l.ActiveCalls+other.ActiveCalls, maxLiveCalls)
	l.Agents = min(l.Agents+other.Agents, maxLiveCalls)
	l.AgentsKnown = l.AgentsKnown || other.AgentsKnown
	l.Unreachable |= other.Unreachable
}

// at is what holds at an instant.
func (s *spells) at(unixS int64) SiteLive {
	live := s.lasting
	for i := range s.ending {
		if unixS < s.ending[i].untilUnixS {
			live.add(s.ending[i].live)
		}
	}
	return live
}

// changes is the first instant behind unixS at which some of it ends; the largest value where nothing does.
func (s *spells) changes(unixS int64) int64 {
	next := int64(math.MaxInt64)
	for i := range s.ending {
		if at := s.ending[i].untilUnixS; at > unixS {
			next = min(next, at)
		}
	}
	return next
}

// LineLive is what is known of this minute of the sites and people of a line. Where that is nothing, it is nil.
type LineLive struct {
	sites  []*spells // by place on the line; nil where nothing is known
	people map[string]*spells
}

// Site is what holds of the site at a place of the line at an instant.
func (l *LineLive) Site(place int, unixS int64) SiteLive {
	if place >= len(l.sites) || l.sites[place] == nil {
		return SiteLive{}
	}
	return l.sites[place].at(unixS)
}

// Person is which targets of somebody on the line's rotas cannot be reached at an instant.
func (l *LineLive) Person(id string, unixS int64) Targets {
	if s := l.people[id]; s != nil {
		return s.at(unixS).Unreachable
	}
	return 0
}

// ChangesUnixS is the first instant behind unixS at which some of it ends by itself; the largest value where nothing does.
func (l *LineLive) ChangesUnixS(unixS int64) int64 {
	next := int64(math.MaxInt64)
	for _, s := range l.sites {
		if s != nil {
			next = min(next, s.changes(unixS))
		}
	}
	for _, s := range l.people {
		next = min(next, s.changes(unixS))
	}
	return next
}

// live is routing's own part of what is known of this minute.
type live struct {
	reports map[string]LiveReport // by key
	// unreachable are targets as text, and until when that holds.
	unreachable map[string]int64
	// sites are calls and agents, by ID.
	sites map[string]*spells
}

func newLive() *live { return &live{} }

// LiveReports are all that reporters say, in order of key.
func (v *View) LiveReports() []LiveReport {
	return slices.SortedFunc(maps.Values(v.live.reports), func(a, b LiveReport) int { return cmp.Compare(a.Key, b.Key) })
}

// SiteLive is what holds of a site at an instant, whatever its lines: its calls and agents, and which of its targets
// cannot be reached.
func (v *View) SiteLive(id string, unixS int64) SiteLive {
	site := v.sites.byID[id]
	if site == nil {
		site = unknownSite(id)
	}
	if s := v.live.of(v.live.sites[id], site.texts); s != nil {
		return s.at(unixS)
	}
	return SiteLive{}
}

// of is what is known of somebody with those targets, beside their own calls and agents; nil where that is nothing.
func (l *live) of(own *spells, targets []string) *spells {
	if len(l.unreachable) == 0 {
		return own
	}
	var with *spells
	for i, text := range targets[:min(len(targets), maxDrainTargets)] {
		until, gone := l.unreachable[text]
		if !gone {
			continue
		}
		if with == nil {
			with = &spells{}
			if own != nil {
				*with = spells{own.lasting, slices.Clone(own.ending)}
			}
		}
		with.add(SiteLive{Unreachable: 1 << i}, until)
	}
	if with == nil {
		return own
	}
	return with
}

// ofLine is what is known of a line whose sites and rotas have been found; nil where that is nothing.
func (l *live) ofLine(line *Line) *LineLive {
	if len(l.reports) == 0 {
		return nil
	}
	var found LineLive
	for i := range line.Sites {
		site := line.Sites[i].Site
		s := l.of(l.sites[site.ID], site.texts)
		if s == nil {
			continue
		}
		if found.sites == nil {
			found.sites = make([]*spells, len(line.Sites))
		}
		found.sites[i] = s
	}
	if len(l.unreachable) > 0 {
		found.people = l.peopleOf(line)
	}
	if found.sites == nil && found.people == nil {
		return nil
	}
	return &found
}

func (l *live) peopleOf(line *Line) map[string]*spells {
	var found map[string]*spells
	for _, r := range line.Rotas {
		for id, p := range r.people {
			s := l.of(nil, p.texts)
			if s == nil || found[id] != nil {
				continue
			}
			if found == nil {
				found = map[string]*spells{}
			}
			found[id] = s
		}
	}
	return found
}

// liveChanges is of which sites other things are known, and whether other targets cannot be reached: anybody's.
type liveChanges struct {
	sites   map[string]bool
	targets bool
}

type liveBuilder struct {
	from, before *live
	reports      map[string]LiveReport // nil until something changes
	changed      liveChanges
}

func (b *liveBuilder) edit() map[string]LiveReport {
	if b.reports == nil {
		b.reports = maps.Clone(b.from.reports)
		if b.reports == nil {
			b.reports = map[string]LiveReport{}
		}
		b.changed.sites = map[string]bool{}
	}
	return b.reports
}

func (b *liveBuilder) put(id string, value []byte) error {
	r, err := readLive(id, value)
	if err != nil {
		return err
	}
	reports := b.edit()
	if _, known := reports[id]; !known && len(reports) >= maxLiveRecords {
		return fmt.Errorf("there are %d records of live state already, and no more are taken in", len(reports))
	}
	b.set(id, r)
	return nil
}

func (b *liveBuilder) keep(id string) {
	if r, known := b.before.reports[id]; known {
		b.set(id, r)
	}
}

func (b *liveBuilder) set(id string, r LiveReport) {
	reports := b.edit()
	b.differ(reports[id], r)
	reports[id] = r
}

func (b *liveBuilder) remove(id string) {
	reports := b.edit()
	b.differ(reports[id], LiveReport{Key: id})
	delete(reports, id)
}

// differ notes what another record of one reporter changes.
func (b *liveBuilder) differ(was, is LiveReport) {
	expiry := was.Record.GetExpireUnixS() != is.Record.GetExpireUnixS()
	if site := is.presenceOf(); site != "" {
		b.changed.sites[site] = true
		return
	}
	for id, n := range was.Record.GetActiveCalls() {
		if expiry || is.Record.GetActiveCalls()[id] != n {
			b.changed.sites[id] = true
		}
	}
	for id, n := range is.Record.GetActiveCalls() {
		if expiry || was.Record.GetActiveCalls()[id] != n {
			b.changed.sites[id] = true
		}
	}
	gone, goneBefore := is.Record.GetUnreachable(), was.Record.GetUnreachable()
	same := len(gone) == len(goneBefore) && (len(gone) == 0 || !expiry)
	for text := range gone {
		_, before := goneBefore[text]
		same = same && before
	}
	b.changed.targets = b.changed.targets || !same
}

// finish is the next part, and what is another in it.
func (b *liveBuilder) finish() (*live, liveChanges) {
	if b.reports == nil {
		return b.from, liveChanges{}
	}
	next := &live{reports: b.reports, unreachable: b.from.unreachable, sites: b.from.sites}
	if b.changed.targets {
		next.unreachable = unreachableOf(b.reports)
	}
	if len(b.changed.sites) > 0 {
		next.sites = cloneMap(b.from.sites)
		next.count(b.changed.sites)
	}
	return next, b.changed
}

func unreachableOf(reports map[string]LiveReport) map[string]int64 {
	all := map[string]int64{}
	for _, r := range reports {
		for text := range r.Record.GetUnreachable() {
			all[text] = max(all[text], r.expires())
		}
	}
	return all
}

// count adds up what reporters say of some sites.
func (l *live) count(sites map[string]bool) {
	for id := range sites {
		delete(l.sites, id)
	}
	of := func(id string) *spells {
		if l.sites[id] == nil {
			l.sites[id] = &spells{}
		}
		return l.sites[id]
	}
	for _, key := range slices.Sorted(maps.Keys(l.reports)) {
		r := l.reports[key]
		if id := r.presenceOf(); id != "" {
			if sites[id] && r.Record.Agents != nil {
				of(id).add(SiteLive{Agents: bounded(r.Record.GetAgents()), AgentsKnown: true}, r.expires())
			}
			continue
		}
		add := func(id string, n int32) {
			if n > 0 && sites[id] {
				of(id).add(SiteLive{ActiveCalls: bounded(n)}, r.expires())
			}
		}
		calls := r.Record.GetActiveCalls()
		if len(calls) < len(sites) { // a list brings all sites at once, a call one
			for id, n := range calls {
				add(id, n)
			}
			continue
		}
		for id := range sites {
			add(id, calls[id])
		}
	}
}

func bounded(n int32) int32 { return min(max(n, 0), maxLiveCalls) }

func readLive(id string, value []byte) (LiveReport, error) {
	r := LiveReport{Key: id, Record: &routingv1.LiveRecord{}}
	if err := proto.Unmarshal(value, r.Record); err != nil {
		return r, err
	}
	if calls, gone := len(r.Record.GetActiveCalls()), len(r.Record.GetUnreachable()); calls > maxLiveSites ||
		gone > maxLiveUnreachable {
		return r, fmt.Errorf("calls of %d sites and %d targets, at most %d and %d", calls, gone, maxLiveSites, maxLiveUnreachable)
	}
	return r, nil
}
