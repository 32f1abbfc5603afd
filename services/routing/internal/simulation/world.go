package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/internal/calendar/seed"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/zones"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const (
	// horizonDays is how far ahead timelines are compiled, as the product does.
	horizonDays = 400
	// extendEveryDays is how often they are extended: the product does so daily; here it is what takes most of the time.
	extendEveryDays = 14
	// maxSiteExceptions bounds the dated exceptions of a site.
	maxSiteExceptions = 20
	// changeEvery is how long it takes on average until somebody changes something.
	changeEvery = 16 * hourMS
)

// world is all configuration at one revision. It is never changed: the next one shares what stays as it is.
type world struct {
	bundle     int
	fromS, toS int64 // what timelines are compiled for
	sites      []*site
	duty       *duty
	lines      []*line
	customers  []*customer
	drains     []*drain
}

// site is a site as its owner wrote it.
type site struct {
	id, zone   string
	loc        *time.Location
	hours      hours.Hours
	outsourced bool
	targets    []string
}

// duty is the rota as its owner wrote it.
type duty struct {
	zone   string
	loc    *time.Location
	start  hours.WallTime
	people []string
	away   []rota.Absence
}

// line is a line as its owner wrote it.
type line struct {
	id     string
	number phone.Number
	// tiers of the world's sites, in their order.
	tiers []int32
	// weights of them.
	weights                        []int32
	strategy                       routingv1.Strategy
	product                        string
	entitled, notEntitled, unknown routingv1.Treatment
	// offer is made to whoever is not entitled; none where empty.
	offer                           string
	openingSoonS, minRemainS, ringS int64
	rota                            bool
}

// customer calls from one number.
type customer struct {
	id     string
	number phone.Number
	// It has a contract for a product ("" is any) over [fromS, toS).
	product    string
	fromS, toS int64
}

// drain takes a site out of calls over [fromS, toS); one target of it where target is set.
type drain struct {
	id, site, target string
	fromS, toS       int64
}

// state says which world is in force from a revision on.
type state struct {
	truth    coord.Truth
	revision int64
	atMS     int64
	world    *world
}

// place is where a site can be.
type place struct {
	id, zone, holidays string
	weekly             string
	outsourced         bool
}

// places are zones of all kinds: with and without clock changes, by half an hour, during Ramadan, across the date line;
// and hours that begin, end or lie in the hour that is skipped or repeated, at night and around the clock.
func places() []place {
	return []place{
		{"sydney", "Australia/Sydney", "AU-NSW", "day", false},
		{"dublin", "Europe/Dublin", "IE", "early", false},
		{"newyork", "America/New_York", "US", "day", false},
		{"losangeles", "America/Los_Angeles", "US", "night", false},
		{"kolkata", "Asia/Kolkata", "", "six", true},
		{"lordhowe", "Australia/Lord_Howe", "", "dst", true},
		{"casablanca", "Africa/Casablanca", "", "split", true},
		{"auckland", "Pacific/Auckland", "NZ", "late", false},
	}
}

// week makes weekly hours of a kind.
func week(kind string) (w [7][]hours.Span) {
	const h = 3600
	work := func(spans ...hours.Span) {
		for d := time.Monday; d <= time.Friday; d++ {
			w[d] = spans
		}
	}
	switch kind {
	case "early":
		work(hours.Span{OpenS: 8*h + 1800, CloseS: 17 * h})
	case "night": // over midnight, and over the hour that changes
		for d := range w {
			w[d] = []hours.Span{{OpenS: 22 * h, CloseS: 6 * h}}
		}
	case "six":
		work(hours.Span{OpenS: 9 * h, CloseS: 18*h + 1800})
		w[time.Saturday] = []hours.Span{{OpenS: 10 * h, CloseS: 14 * h}}
	case "dst": // begins and ends within hours that are skipped and repeated
		for d := range w {
			w[d] = []hours.Span{{OpenS: 1*h + 2700, CloseS: 2*h + 900}, {OpenS: 9 * h, CloseS: 17 * h}}
		}
	case "split":
		work(hours.Span{OpenS: 8 * h, CloseS: 12 * h}, hours.Span{OpenS: 14 * h, CloseS: 18 * h})
		w[time.Sunday] = []hours.Span{{OpenS: 2*h + 1800, CloseS: 3*h + 1800}}
	case "late": // to the end of the day, and one that is open around the clock
		work(hours.Span{OpenS: 13 * h, CloseS: 0})
		w[time.Wednesday] = []hours.Span{{OpenS: 0, CloseS: 24 * h}}
	default:
		work(hours.Span{OpenS: 9 * h, CloseS: 17 * h})
	}
	return w
}

// begin makes the first world, and puts it in force.
func (s *sim) begin() error {
	w := &world{}
	years := s.cfg.Start.Year()
	until := min(years+int(s.cfg.Years)+3, 2100)
	for _, p := range places() {
		one := &site{
			id: p.id, zone: p.zone, outsourced: p.outsourced, hours: hours.Hours{Weekly: week(p.weekly)},
			targets: []string{"sip:support@" + p.id + ".example.com", "sip:desk@" + p.id + ".example.com"},
		}
		if p.holidays != "" {
			list, err := seed.New(p.holidays, years-1, until)
			if err != nil {
				return err
			}
			first, last := hours.Date{Year: years - 1, Month: 1, Day: 1}, hours.Date{Year: until, Month: 12, Day: 31}
			one.hours.Calendars = []hours.Calendar{list.Calendar.Layer(first, last)}
		}
		w.sites = append(w.sites, one)
	}
	w.duty = &duty{
		zone: "Europe/Dublin", people: []string{"anna", "ben", "chen"},
		start: hours.WallTime{Date: hours.Date{Year: years - 1, Month: time.January, Day: 5}, S: 9 * 3600},
	}
	w.lines = s.firstLines(w)
	nowS := s.nowMS / 1000
	for i := range 12 {
		w.customers = append(w.customers, &customer{
			id: fmt.Sprintf("customer-%02d", i), number: phone.Number(13035550100 + i), toS: nowS + s.between(0, 2*yearS),
			fromS: nowS - 86400, product: []string{"", "db", "web"}[i%3],
		})
	}
	if err := s.recompile(w, 0); err != nil {
		return err
	}
	if err := s.putInForce(&world{}, w); err != nil {
		return err
	}
	s.lookAfterKeys(nil)
	s.after(s.exponential(changeEvery), s.change)
	s.after(extendEveryDays*dayMS+s.between(0, hourMS), s.extend)
	return nil
}

func (s *sim) firstLines(w *world) []*line {
	const (
		forward = routingv1.Treatment_TREATMENT_FORWARD
		message = routingv1.Treatment_TREATMENT_MESSAGE
	)
	lines := []*line{
		{
			id: "gold", number: 61255500100, strategy: routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN, entitled: forward,
			notEntitled: routingv1.Treatment_TREATMENT_REJECT, unknown: forward, minRemainS: 1800, rota: true,
		},
		{
			id: "web", number: 61255500101, strategy: routingv1.Strategy_STRATEGY_PRIORITY, product: "web", entitled: forward,
			notEntitled: message, unknown: routingv1.Treatment_TREATMENT_IDENTIFY, openingSoonS: 900, ringS: 120, rota: true,
		},
		{
			id: "db", number: 61255500102, strategy: routingv1.Strategy_STRATEGY_WEIGHTED, product: "db",
			entitled: routingv1.Treatment_TREATMENT_ANNOUNCE, notEntitled: routingv1.Treatment_TREATMENT_OFFER,
			unknown: message, offer: offerID,
		},
	}
	for _, l := range lines {
		for range w.sites {
			l.tiers, l.weights = append(l.tiers, int32(s.chance.IntN(3))), append(l.weights, int32(s.chance.IntN(4)))
		}
	}
	return lines
}

// recompile sets what timelines are compiled for, and by which rules.
func (s *sim) recompile(w *world, bundle int) error {
	const marginDays = 1
	today := s.nowMS / dayMS * 86400
	w.bundle, w.fromS, w.toS = bundle, today-marginDays*86400, today+horizonDays*86400
	rules := s.cfg.Bundles[bundle]
	w.sites = slices.Clone(w.sites)
	for i, was := range w.sites {
		next := *was
		var err error
		if next.loc, err = rules.Location(next.zone); err != nil {
			return err
		}
		w.sites[i] = &next
	}
	next := *w.duty
	w.duty = &next
	var err error
	next.loc, err = rules.Location(next.zone)
	return err
}

func (s *sim) rules(w *world) *zones.Bundle { return s.cfg.Bundles[w.bundle] }

// putInForce commits what is not the same in two worlds, and notes from which revision on the later one is in force. An
// etcd that is away takes nothing, and all stays as it was.
func (s *sim) putInForce(before, next *world) error {
	writes, err := s.difference(before, next)
	if err != nil || len(writes) == 0 {
		return err
	}
	limits := generation.Limits{MaxOps: 6, MaxBytes: 2 << 20}
	if len(s.states) == 0 {
		limits = generation.EtcdLimits()
	}
	ctx := context.Background()
	large := len(writes) > limits.MaxOps
	revision, err := generation.Commit(ctx, s.etcd, simClock{s, nil}, limits, nil, writes)
	if err != nil {
		return fmt.Errorf("%d writes: %w", len(writes), err)
	}
	s.world = next
	s.states = append(s.states, state{s.etcd.truth, revision, s.nowMS, next})
	s.counts.Changes++
	s.trace.note(s.nowMS, "change", fmt.Sprint(len(writes)))
	if large {
		s.counts.Generations++
		s.after(s.between(1, 3*hourMS), s.fold)
	}
	return nil
}

// fold copies what was staged to its own keys.
func (s *sim) fold() {
	if s.etcd.away {
		return
	}
	if _, err := generation.Fold(context.Background(), s.etcd, generation.Limits{MaxOps: 6, MaxBytes: 2 << 20}); err != nil {
		s.find(nil, "folding: %v", err)
	}
}

// extend compiles everything for a later horizon.
func (s *sim) extend() {
	s.after(extendEveryDays*dayMS+s.between(0, hourMS), s.extend)
	if s.etcd.away {
		return
	}
	next := *s.world
	if err := s.recompile(&next, next.bundle); err != nil {
		s.err = err
		return
	}
	if err := s.putInForce(s.world, &next); err != nil {
		s.err = err
	}
}

// forget drops states that nobody can be at any more.
func (s *sim) forget() {
	oldest := s.nowMS
	for _, p := range s.processes {
		oldest = min(oldest, p.oldestMS())
	}
	keep := 0
	for i, st := range s.states {
		if st.atMS <= oldest {
			keep = i
		}
	}
	const torn = 8 // whoever lost the end of what it noted is at one before
	s.states = slices.Clone(s.states[max(keep-torn, 0):])
}

// worldAt is what is in force at a revision of a truth; nil where that is forgotten, or was never.
func (s *sim) worldAt(t coord.Truth, revision int64) *state {
	for i := len(s.states) - 1; i >= 0; i-- {
		if st := &s.states[i]; st.truth == t && st.revision <= revision {
			return st
		}
	}
	return nil
}

// lookAfterKeys has the keys of continuations looked after, by a process or by the cluster's first one.
func (s *sim) lookAfterKeys(p *process) {
	if err := keeperOf(s, p).Turn(context.Background()); err != nil && !s.etcd.away {
		s.find(p, "keys of continuations: %v", err)
	}
}

func put(key string, value []byte) *rpcv1.Write { return coord.Put(key, value) }
