package generation_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	calendarPrefix = "schedule/calendars/"
	sourcePrefix   = "schedule/sites/"
	deletedKey     = "schedule/sites-deleted"
	maxActors      = 4
)

// errKilled is the end of a process.
var errKilled = errors.New("killed")

// simulation is a small cluster: processes that change sources and what is compiled from them, fold and collect, taking
// turns at every request to etcd, and killed at any; and views that follow.
type simulation struct {
	t *testing.T
	// random is of a seed, so that a failure can be had again; failed is the first one.
	random *rand.Rand
	failed string
	store  *memory
	clock  *clock.Manual
	limits generation.Limits
	// turn lets the other processes go on, and is false where the process that calls it was killed; nil outside of any.
	turn  func() bool
	count int
	done  map[string]int

	prompt, slow *generation.Resolver
	now, late    seen
	behind       coord.Batch
}

func newSimulation(t *testing.T, seed uint64, done map[string]int) *simulation {
	const maxOps = 4
	s := &simulation{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), store: newMemory(maxOps), clock: clock.NewManual(time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)),
		limits: generation.Limits{MaxOps: maxOps, MaxBytes: 1 << 20}, done: done,
		prompt: generation.NewResolver(), slow: generation.NewResolver(), now: seen{}, late: seen{},
	}
	s.now.apply(s.prompt.Resolve(s.store.list()))
	s.late.apply(s.slow.Resolve(s.store.list()))
	s.store.wrote, s.store.before, s.store.after = s.wrote, s.request, s.answer
	return s
}

// fail notes what went wrong. A process cannot end the test: it is in the middle of its turn.
func (s *simulation) fail(format string, args ...any) {
	if s.failed == "" {
		s.failed = fmt.Sprintf(format, args...)
	}
}

// calendarOf is the calendar that a site uses.
func calendarOf(site string) string {
	if site < "e" {
		return "early"
	}
	return "late"
}

// compile is the record of a site, made from both sources.
func compile(calendar, site []byte) []byte { return fmt.Appendf(nil, "%s on %s", site, calendar) }

// inForce is what the sources say must be in force.
func (s *simulation) inForce() map[string]string {
	out := map[string]string{}
	for key, e := range s.store.keys {
		if id, ok := strings.CutPrefix(key, sourcePrefix); ok {
			out[published.SitePrefix+id] = string(compile(s.store.keys[calendarPrefix+calendarOf(id)].Value, e.Value))
		}
	}
	return out
}

func records(s seen) map[string]string {
	out := map[string]string{}
	for key, value := range s {
		if published.Stageable(key) {
			out[key] = value
		}
	}
	return out
}

// wrote is what views hear of a transaction: one at once, another some transactions later, or as a list.
func (s *simulation) wrote(b coord.Batch) {
	s.now.apply(s.prompt.Resolve(b))
	if got, want := records(s.now), s.inForce(); !maps.Equal(got, want) {
		s.fail("at revision %d a view holds\n%v, and the sources say\n%v", b.Revision, got, want)
	}
	s.behind.Events = append(s.behind.Events, b.Events...)
	s.behind.Revision = b.Revision
	switch s.random.IntN(6) {
	case 0:
		s.slow, s.behind = generation.NewResolver(), s.store.list()
		fallthrough
	case 1, 2:
		s.late.apply(s.slow.Resolve(s.behind))
		s.behind = coord.Batch{}
		if !maps.Equal(s.late, s.now) {
			s.fail("at revision %d a slow view holds\n%v, a prompt one\n%v", b.Revision, s.late, s.now)
		}
	}
}

// request waits for the turn of the process that makes it.
func (s *simulation) request() error {
	if s.turn == nil {
		return nil
	}
	turn := s.turn
	alive := turn()
	s.turn = turn
	if !alive {
		return errKilled
	}
	return nil
}

// answer may be lost, though all was done.
func (s *simulation) answer() error {
	if s.turn != nil && s.random.IntN(40) == 0 {
		return fault.Unavailable("etcd", errKilled)
	}
	return nil
}

// actor is a process in the middle of one thing.
type actor struct {
	next func() (struct{}, bool)
	stop func()
}

func (s *simulation) start() actor {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		dead := false
		s.turn = func() bool {
			dead = dead || !yield(struct{}{})
			return !dead
		}
		s.act()
	})
	return actor{next, stop}
}

// run lets processes begin, go on and die in any order, until all are dead or done.
func (s *simulation) run(turns int) {
	var actors []actor
	end := func(i int) {
		actors[i].stop()
		actors = slices.Delete(actors, i, i+1)
	}
	for range turns {
		if s.failed != "" {
			break
		}
		n := s.random.IntN(60)
		if len(actors) == 0 || n < 15 && len(actors) < maxActors {
			actors = append(actors, s.start())
		}
		i := s.random.IntN(len(actors))
		if n == 59 {
			end(i)
		} else if _, more := actors[i].next(); !more {
			end(i)
		}
	}
	for len(actors) > 0 {
		end(0)
	}
	s.turn = nil
}

// act is one process doing one thing.
func (s *simulation) act() {
	s.count++
	value := fmt.Appendf(nil, "v%d", s.count)
	site := sites[s.random.IntN(len(sites))]
	actions := map[string]func() error{
		"calendar": func() error { return s.changeCalendar(calendarOf(site), "", value) },
		"apply":    func() error { return s.changeCalendar(calendarOf(site), site, value) },
		"site":     func() error { return s.changeSite(site, value) },
		"delete":   func() error { return s.deleteSite(site) },
		"fold":     func() error { _, err := generation.Fold(s.t.Context(), s.store, s.limits); return err },
		"collect": func() error {
			s.clock.Advance(time.Duration(s.random.IntN(20)) * time.Minute)
			_, err := generation.Collect(s.t.Context(), s.store, s.limits, s.clock.Now())
			return err
		},
	}
	names := []string{"calendar", "calendar", "calendar", "apply", "site", "delete", "fold", "collect"}
	name := names[s.random.IntN(len(names))]
	err := actions[name]()
	reason := fault.ReasonOf(err)
	// Sites deleted meanwhile leave records that cannot be staged; what is not within limits then is refused whole.
	expected := reason == rpcv1.Reason_REASON_CONFLICT || name == "apply" && reason == rpcv1.Reason_REASON_LIMIT_EXCEEDED
	if err != nil && !errors.Is(err, errKilled) && !expected {
		s.fail("%s: %v", name, err)
	}
	if err == nil {
		s.done[name]++
	}
}

var sites = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

func (s *simulation) commit(conditions []*rpcv1.Condition, writes ...*rpcv1.Write) error {
	_, err := generation.Commit(s.t.Context(), s.store, s.clock, s.limits, conditions, writes)
	return err
}

// changeCalendar compiles every site of a calendar anew, and may make a site, all in one change.
func (s *simulation) changeCalendar(name, site string, value []byte) error {
	sources, revision, err := s.store.ListAll(s.t.Context(), "schedule/")
	if err != nil {
		return err
	}
	var was int64
	writes := []*rpcv1.Write{coord.Put(calendarPrefix+name, value)}
	for _, e := range sources {
		if e.Key == calendarPrefix+name {
			was = e.ModRevision
		}
		if e.Key == sourcePrefix+site {
			site = "" // it is there
		}
		if id, ok := strings.CutPrefix(e.Key, sourcePrefix); ok && calendarOf(id) == name {
			writes = append(writes, coord.Put(published.SitePrefix+id, compile(value, e.Value)))
		}
	}
	if site != "" {
		writes = append(writes, coord.Put(sourcePrefix+site, value), coord.Put(published.SitePrefix+site, compile(value, value)))
	}
	return s.commit([]*rpcv1.Condition{
		coord.Unchanged(calendarPrefix+name, was), coord.NothingNewUnder("schedule/sites", revision),
	}, writes...)
}

func (s *simulation) changeSite(id string, value []byte) error {
	e := s.store.keys[sourcePrefix+id]
	c := s.store.keys[calendarPrefix+calendarOf(id)]
	return s.commit([]*rpcv1.Condition{
		coord.Unchanged(sourcePrefix+id, e.ModRevision), coord.Unchanged(calendarPrefix+calendarOf(id), c.ModRevision),
	}, coord.Put(sourcePrefix+id, value), coord.Put(published.SitePrefix+id, compile(c.Value, value)))
}

func (s *simulation) deleteSite(id string) error {
	return s.commit(nil, coord.Delete(sourcePrefix+id), coord.Delete(published.SitePrefix+id),
		coord.Put(deletedKey, []byte(id)))
}

// At every revision, all records in force are those of the sources of that revision, whoever was interrupted or killed,
// wherever; and in the end nothing staged is left.
func TestInForceIsAlwaysWhole(t *testing.T) {
	const runs, turns = 300, 400
	done := map[string]int{}
	for seed := range uint64(runs) {
		s := newSimulation(t, seed, done)
		for _, id := range sites {
			if err := s.changeSite(id, []byte("v0")); err != nil {
				t.Fatal(err)
			}
		}
		s.run(turns)
		s.cleanUp()
		if s.failed != "" {
			t.Fatalf("seed %d: %s", seed, s.failed)
		}
	}
	if done["calendar"] == 0 || done["fold"] == 0 || done["collect"] == 0 {
		t.Errorf("the simulation shows nothing: %v", done)
	}
	t.Log(done)
}

// cleanUp is what Run does, in peace.
func (s *simulation) cleanUp() {
	if _, err := generation.Fold(s.t.Context(), s.store, s.limits); err != nil {
		s.fail("%v", err)
	}
	s.clock.Advance(time.Hour)
	if _, err := generation.Collect(s.t.Context(), s.store, s.limits, s.clock.Now()); err != nil {
		s.fail("%v", err)
	}
	want := s.inForce()
	for key, e := range s.store.keys {
		if strings.HasPrefix(key, published.StagedPrefix) {
			s.fail("%s is left behind", key)
		}
		if published.Stageable(key) && want[key] != string(e.Value) {
			s.fail("%s holds %s after folding, want %s", key, e.Value, want[key])
		}
	}
}

// Two large changes that have nothing to do with each other both succeed, though each of them moves the pointer: wherever
// the second comes in between.
func TestAnotherGenerationIsNoConflict(t *testing.T) {
	early, late := sites[:4], sites[4:]
	for interrupted := 1; interrupted <= 20; interrupted++ {
		m := newMemory(4)
		change := func(calendar string, sites []string) {
			writes := []*rpcv1.Write{coord.Put(calendarPrefix+calendar, []byte("new"))}
			for _, s := range sites {
				writes = append(writes, coord.Put(published.SitePrefix+s, []byte("new")))
			}
			_, err := generation.Commit(t.Context(), m, clock.System{}, generation.Limits{MaxOps: 4, MaxBytes: 1 << 20},
				[]*rpcv1.Condition{coord.Unchanged(calendarPrefix+calendar, 0)}, writes)
			if err != nil {
				t.Errorf("interrupted at request %d, %s: %v", interrupted, calendar, err)
			}
		}
		for _, s := range sites {
			if _, err := m.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.SitePrefix+s, []byte("old"))}); err != nil {
				t.Fatal(err)
			}
		}
		requests := 0
		m.before = func() error {
			if requests++; requests == interrupted {
				change("late", late)
			}
			return nil
		}
		change("early", early)
		view := seen{}
		view.apply(generation.NewResolver().Resolve(m.list()))
		for _, s := range sites {
			if interrupted <= requests && view[published.SitePrefix+s] != "new" {
				t.Errorf("interrupted at request %d: %s is %s", interrupted, s, view[published.SitePrefix+s])
			}
		}
	}
}
