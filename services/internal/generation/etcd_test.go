package generation_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// usualEtcd is an etcd that was told nothing about its limits: the embedded one takes more.
type usualEtcd struct{ *coord.Client }

func (e usualEtcd) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	size := 0
	for _, w := range writes {
		size += len(w.GetKey()) + len(w.GetValue())
	}
	if max(len(conditions), len(writes)) > 128 || size > 3<<19 {
		return 0, fault.LimitExceeded(fmt.Sprintf("%d writes of %d bytes", len(writes), size))
	}
	return e.Client.Commit(ctx, conditions, writes)
}

func open(t testing.TB, fast bool) usualEtcd {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: fast})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return usualEtcd{c}
}

// estate is sites whose records are of the size of real ones: 404 days, two spans a day, ten holidays.
type estate struct{ records []*publishedv1.Site }

func newEstate(t testing.TB, sites int) *estate {
	t.Helper()
	bundle := zonestest.Embedded(t)
	h := hours.Hours{}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Weekly[d] = []hours.Span{{OpenS: 9 * 3600, CloseS: 12 * 3600}, {OpenS: 13 * 3600, CloseS: 17*3600 + 1800}}
	}
	var holidays []hours.CalendarDay
	for m := range 10 {
		holidays = append(holidays, hours.CalendarDay{Date: hours.Date{Year: 2026, Month: time.Month(m + 1), Day: 15}})
	}
	h.Calendars = []hours.Calendar{{Name: "calendars/company", Days: holidays}}
	e := &estate{}
	names := []string{"Europe/Dublin", "America/Denver", "Australia/Sydney", "Asia/Kolkata"}
	for i := range sites {
		zone := names[i%len(names)]
		loc, err := bundle.Location(zone)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		tl, err := hours.Compile(h, hours.Zone{Location: loc, Release: bundle.Release()}, from, from+404*86400)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("site-%04d", i)
		e.records = append(e.records, &publishedv1.Site{
			Id: id, Targets: []string{"sip:support@" + id + ".example.com"}, RingTimeoutS: 20, Timeline: tl.Proto(), TimeZone: zone,
		})
	}
	return e
}

// put is the write of a site's record of a version.
func (e *estate) put(t testing.TB, i, version int) *rpcv1.Write {
	e.records[i].DisplayName = fmt.Sprintf("v%d", version)
	value, err := published.Marshal(e.records[i])
	if err != nil {
		t.Error(err)
	}
	return coord.Put(published.SitePrefix+e.records[i].GetId(), value)
}

func (e *estate) all(t testing.TB, version int) []*rpcv1.Write {
	writes := make([]*rpcv1.Write, len(e.records))
	for i := range e.records {
		writes[i] = e.put(t, i, version)
	}
	return writes
}

// ruleKey stands for the source that all sites are compiled from. It is published, so a view sees it beside them.
const ruleKey = "pub/schedule/tzdata"

func rule(version int) *rpcv1.Write { return coord.Put(ruleKey, fmt.Appendf(nil, "v%d", version)) }

// begin writes version 1 of everything.
func (e *estate) begin(t testing.TB, store generation.Store) {
	t.Helper()
	writes := append(e.all(t, 1), rule(1))
	for from := 0; from < len(writes); from += 100 {
		if _, err := store.Commit(t.Context(), nil, writes[from:min(from+100, len(writes))]); err != nil {
			t.Fatal(err)
		}
	}
}

// whole is a view that complains of every batch after which a site is not of the version of the rule.
type whole struct {
	mu       sync.Mutex
	rule     string
	versions map[string]string
	// count is how many sites are of a version.
	count   map[string]int
	trouble string
}

func (w *whole) set(id, version string) {
	if was, ok := w.versions[id]; ok {
		w.count[was]--
	}
	delete(w.versions, id)
	if version != "" {
		w.versions[id] = version
		w.count[version]++
	}
}

func (w *whole) apply(b coord.Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.Reset {
		w.versions, w.count = map[string]string{}, map[string]int{}
	}
	for _, e := range b.Events {
		id, isSite := published.ID(e.Key, published.SitePrefix)
		switch {
		case e.Key == ruleKey:
			w.rule = string(e.Value)
		case !isSite:
			w.note("revision %d brought %s", b.Revision, e.Key)
		case e.Value == nil:
			w.set(id, "")
		default:
			s, err := published.Site(e.Value)
			if err != nil {
				w.note("%v", err)
			}
			w.set(id, s.GetDisplayName())
		}
	}
	if n := w.count[w.rule]; n != len(w.versions) {
		w.note("at revision %d %d of %d sites are of the rule's version, %s", b.Revision, n, len(w.versions), w.rule)
	}
}

func (w *whole) note(format string, args ...any) {
	if w.trouble == "" {
		w.trouble = fmt.Sprintf(format, args...)
	}
}

func (w *whole) at(version, sites int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trouble != "" || w.rule == fmt.Sprintf("v%d", version) && len(w.versions) == sites
}

// follow shows w all that is published until the test ends; it stops when end is called.
func (w *whole) follow(t *testing.T, store generation.Store) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		_ = generation.Through(store, clock.System{}).Follow(ctx, coord.Prefix(published.SchedulePrefix), w.apply)
	})
	return func() {
		cancel()
		done.Wait()
		if w.trouble != "" {
			t.Error(w.trouble)
		}
	}
}

// Two thousand sites change again and again, while one of them is written all the time, two processes fold, and views come
// and go: no view ever sees a site of another version than the rule.
func TestTwoThousandSitesComeInForceTogether(t *testing.T) {
	const sites, changes = 2000, 3
	store, e := open(t, true), newEstate(t, sites)
	e.begin(t, store)
	var first, last whole
	defer first.follow(t, store)()
	await.True(t, "the first list", func() bool { return first.at(1, sites) })

	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for ctx.Err() == nil {
				if _, err := generation.Fold(ctx, store, generation.EtcdLimits()); err != nil && ctx.Err() == nil &&
					fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
					t.Error(err)
				}
			}
		})
	}
	written := 0
	others.Go(func() { written = newEstate(t, 1).rewrite(ctx, t, store) })
	big := generation.Through(store, clock.System{})
	for version := 2; version <= 1+changes; version++ {
		if _, err := big.Commit(ctx, nil, append(e.all(t, version), rule(version))); err != nil {
			t.Fatal(err)
		}
		if version == changes {
			defer last.follow(t, store)()
		}
	}
	for _, w := range []*whole{&first, &last} {
		await.True(t, "the last change", func() bool { return w.at(1+changes, sites) })
	}
	await.True(t, "the last fold", func() bool { return staged(t, store) == 0 })
	cancel()
	others.Wait()
	if written == 0 {
		t.Error("nobody wrote meanwhile")
	}
	for i, want := range e.all(t, 1+changes) {
		if got, err := store.Get(t.Context(), want.GetKey()); err != nil || i > 0 && string(got.Value) != string(want.GetValue()) {
			t.Fatalf("%s was not folded: %v", want.GetKey(), err)
		}
	}
}

// rewrite writes the first site's record by the rule in force until ctx ends, and answers how often.
func (e *estate) rewrite(ctx context.Context, t *testing.T, store generation.Store) (written int) {
	for ctx.Err() == nil {
		r, err := store.Get(ctx, ruleKey)
		if err != nil {
			continue
		}
		version := 0
		_, _ = fmt.Sscanf(string(r.Value), "v%d", &version)
		e.records[0].RingTimeoutS = uint32(written)
		if _, err := store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(ruleKey, r.ModRevision)},
			[]*rpcv1.Write{e.put(t, 0, version)}); err == nil {
			written++
		}
	}
	return written
}

func staged(t testing.TB, store generation.Store) int {
	t.Helper()
	keys, _, err := store.Keys(t.Context(), published.StagedPrefix)
	if err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// killed is a process that ends before it puts anything in force.
type killed struct{ usualEtcd }

func (k killed) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	if strings.HasPrefix(writes[len(writes)-1].GetKey(), published.GenerationKey) {
		return 0, fault.Unavailable("etcd", errKilled)
	}
	return k.usualEtcd.Commit(ctx, conditions, writes)
}

func TestKilledBeforeThePointer(t *testing.T) {
	const sites = 300
	store, e := open(t, true), newEstate(t, sites)
	e.begin(t, store)
	var view whole
	defer view.follow(t, store)()
	await.True(t, "the list", func() bool { return view.at(1, sites) })

	clk := clock.NewManual(time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC))
	_, err := generation.Through(killed{store}, clk).Commit(t.Context(), nil, append(e.all(t, 2), rule(2)))
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || staged(t, store) != sites {
		t.Fatalf("got %v with %d records staged", err, staged(t, store))
	}
	for after, want := range map[time.Duration]int{0: sites, 10 * time.Minute: sites} {
		if _, err := generation.Collect(t.Context(), store, generation.EtcdLimits(), clk.Now().Add(after)); err != nil ||
			staged(t, store) != want {
			t.Fatalf("after %s %d are staged, want %d: %v", after, staged(t, store), want, err)
		}
	}
	if _, err := generation.Fold(t.Context(), store, generation.EtcdLimits()); err != nil || staged(t, store) != sites {
		t.Fatalf("folding took what is not in force: %v", err)
	}
	// Somebody else's change goes its way beside it.
	if _, err := generation.Through(store, clk).Commit(t.Context(), nil, append(e.all(t, 3), rule(3))); err != nil {
		t.Fatal(err)
	}
	await.True(t, "another change", func() bool { return view.at(3, sites) })
	removed, err := generation.Collect(t.Context(), store, generation.EtcdLimits(), clk.Now().Add(11*time.Minute))
	if err != nil || removed != sites || staged(t, store) != sites {
		t.Fatalf("removed %d, %d are left: %v", removed, staged(t, store), err)
	}
}

// What does not fit even so is refused, and leaves nothing behind; and so is a plan that is out of date.
func TestRefusedWhole(t *testing.T) {
	const sites = 200
	store, e := open(t, true), newEstate(t, sites)
	e.begin(t, store)
	big := generation.Through(store, clock.System{})
	writes := append(e.all(t, 2), rule(2))
	var sources []*rpcv1.Write
	for i := range 128 {
		sources = append(sources, coord.Put(fmt.Sprintf("schedule/calendars/%d", i), nil))
	}
	for name, c := range map[string]struct {
		conditions []*rpcv1.Condition
		writes     []*rpcv1.Write
		want       rpcv1.Reason
	}{
		"too many sources": {nil, append(sources, writes...), rpcv1.Reason_REASON_LIMIT_EXCEEDED},
		"sources alone":    {nil, append(sources, rule(2)), rpcv1.Reason_REASON_LIMIT_EXCEEDED},
		"out of date":      {[]*rpcv1.Condition{coord.Unchanged(ruleKey, 0)}, writes, rpcv1.Reason_REASON_CONFLICT},
	} {
		if _, err := big.Commit(t.Context(), c.conditions, c.writes); fault.ReasonOf(err) != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if n := staged(t, store); n != 0 {
			t.Errorf("%s: %d staged records are left", name, n)
		}
	}
	r, err := store.Get(t.Context(), ruleKey)
	if err != nil || string(r.Value) != "v1" {
		t.Errorf("a refused change wrote %q, %v", r.Value, err)
	}
}

// A change that fits is one transaction, and stages nothing: its records are at their own keys at once.
func TestSmallChangesAreNotStaged(t *testing.T) {
	store, e := open(t, true), newEstate(t, 100)
	e.begin(t, store)
	revision, err := generation.Through(store, clock.System{}).Commit(t.Context(), nil, append(e.all(t, 2), rule(2)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Get(t.Context(), published.SitePrefix+"site-0000")
	if err != nil || got.ModRevision != revision {
		t.Errorf("written at %d, want %d: %v", got.ModRevision, revision, err)
	}
}

// Who follows sites alone is shown sites alone, and sees what came in force all the same.
func TestFollowShowsTheRangeAskedFor(t *testing.T) {
	const sites = 200
	store, e := open(t, true), newEstate(t, sites)
	e.begin(t, store)
	big := generation.Through(store, clock.System{})
	ctx, cancel := context.WithCancel(t.Context())
	batches := make(chan coord.Batch, 1000)
	var done sync.WaitGroup
	done.Go(func() {
		_ = big.Follow(ctx, coord.Prefix(published.SitePrefix), func(b coord.Batch) { batches <- b })
	})
	defer done.Wait()
	defer cancel()
	if b := await.Receive(t, "the list", batches); !b.Reset || len(b.Events) != sites {
		t.Fatalf("the list has %d records", len(b.Events))
	}
	revision, err := big.Commit(t.Context(), nil, append(e.all(t, 2), rule(2), coord.Put(published.RotaPrefix+"r", nil)))
	if err != nil {
		t.Fatal(err)
	}
	for b := await.Receive(t, "the change", batches); b.Revision < revision || len(b.Events) > 0; {
		if len(b.Events) > 0 {
			if b.Revision != revision || len(b.Events) != sites {
				t.Fatalf("revision %d brought %d events; want %d at %d", b.Revision, len(b.Events), sites, revision)
			}
			break
		}
		b = await.Receive(t, "the change", batches)
	}
}

// Run folds within seconds and removes what was abandoned, by itself.
func TestRunTidiesUp(t *testing.T) {
	store, e := open(t, true), newEstate(t, 200)
	e.begin(t, store)
	clk := clock.NewManual(time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC))
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = generation.Run(ctx, store, clk, slog.New(slog.NewTextHandler(io.Discard, nil))) })
	defer done.Wait()
	defer cancel()
	if _, err := generation.Through(store, clk).Commit(ctx, nil, append(e.all(t, 2), rule(2))); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the fold", func() bool { clk.Advance(time.Second); return staged(t, store) == 0 })
	_, err := generation.Through(killed{store}, clk).Commit(ctx, nil, append(e.all(t, 3), rule(3)))
	if err == nil || staged(t, store) == 0 {
		t.Fatalf("nothing was abandoned: %v", err)
	}
	await.True(t, "the collection", func() bool { clk.Advance(time.Minute); return staged(t, store) == 0 })
	if e, err := store.Get(ctx, ruleKey); err != nil || string(e.Value) != "v2" {
		t.Errorf("in force is %q, %v", e.Value, err)
	}
}
