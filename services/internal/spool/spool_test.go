package spool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/spool"
)

const page = 4096

func config(dir string) spool.Config {
	return spool.Config{
		Dir: dir, SegmentBytes: 4 * page, MaxBytes: 64 << 20, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
	}
}

// eachMemory runs a test with files mapped into memory, and without.
func eachMemory(t *testing.T, test func(t *testing.T, cfg spool.Config)) {
	for _, unmapped := range []bool{false, true} {
		t.Run(fmt.Sprintf("unmapped=%v", unmapped), func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Unmapped = unmapped
			test(t, cfg)
		})
	}
}

func open(t testing.TB, cfg spool.Config) *spool.Spool {
	t.Helper()
	s, err := spool.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func closeSpool(t testing.TB, s *spool.Spool) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// entry is the text of entry i, of a length that differs.
func entry(i int) []byte {
	return fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", i*37%700))
}

// appendAll appends entries [from, to), waiting where there is no room for the moment.
func appendAll(t testing.TB, s *spool.Spool, from, to int) (last spool.Mark) {
	t.Helper()
	for i := from; i < to; i++ {
		await.True(t, "room for an entry", func() bool {
			at, err := s.Append(entry(i))
			if err != nil && !errors.Is(err, spool.ErrFull) {
				t.Fatal(err)
			}
			last = at
			return err == nil
		})
	}
	return last
}

// sink takes entries, or answers with an error.
type sink struct {
	mu      sync.Mutex
	entries []string
	err     error
	tries   int
}

func (k *sink) deliver(_ context.Context, entries [][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tries++
	if k.err != nil {
		return k.err
	}
	for _, e := range entries {
		k.entries = append(k.entries, string(e))
	}
	return nil
}

func (k *sink) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *sink) got() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.entries)
}

func (k *sink) tried() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tries
}

// run delivers until stop, which waits for the end.
func run(t testing.TB, s *spool.Spool, to spool.Deliver) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx, to); !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// wantNumbers fails unless the entries are [from, to), in order.
func wantNumbers(t testing.TB, got []string, from, to int) {
	t.Helper()
	if len(got) != to-from {
		t.Fatalf("%d entries, want %d", len(got), to-from)
	}
	for i, text := range got {
		if text != string(entry(from+i)) {
			t.Fatalf("entry %d is %.20q, want %.20q", i, text, entry(from+i))
		}
	}
}

// drain opens a directory and delivers all there is.
func drain(t testing.TB, cfg spool.Config) []string {
	t.Helper()
	s := open(t, cfg)
	var k sink
	stop := run(t, s, k.deliver)
	await.True(t, "all is delivered", func() bool { return s.Stats().Pending == 0 })
	stop()
	closeSpool(t, s)
	return k.got()
}

// killed is a copy of a spool's directory as it stands: what a process that is killed now leaves behind.
func killed(t testing.TB, cfg spool.Config) spool.Config {
	t.Helper()
	cfg.Dir = await.Copy(t, cfg.Dir) // segments that are delivered go at any time
	return cfg
}

func TestWhatIsAppendedIsDeliveredOnceAndInOrder(t *testing.T) {
	eachMemory(t, func(t *testing.T, cfg spool.Config) {
		s := open(t, cfg)
		var k sink
		run(t, s, k.deliver)
		last := appendAll(t, s, 0, 2000) // some fifty segments
		await.True(t, "the last entry is delivered", func() bool { return s.Delivered(t.Context(), last) == nil })
		wantNumbers(t, k.got(), 0, 2000)
		st := s.Stats()
		if st.Appended != 2000 || st.Delivered != 2000 || st.Pending != 0 {
			t.Errorf("%+v", st)
		}
		await.True(t, "delivered segments are removed", func() bool { return s.Stats().Bytes <= 5*cfg.SegmentBytes })
	})
}

func TestNothingIsLostByAKill(t *testing.T) {
	eachMemory(t, func(t *testing.T, cfg spool.Config) {
		s := open(t, cfg)
		appendAll(t, s, 0, 321)
		wantNumbers(t, drain(t, killed(t, cfg)), 0, 321)
		closeSpool(t, s)
		wantNumbers(t, drain(t, cfg), 0, 321)
		if left := drain(t, cfg); len(left) > 0 {
			t.Errorf("%d entries are delivered again", len(left))
		}
	})
}

func TestDeliveryGoesOnWhereTheProcessBeforeWas(t *testing.T) {
	eachMemory(t, func(t *testing.T, cfg spool.Config) {
		s := open(t, cfg)
		var k sink
		stop := run(t, s, k.deliver)
		last := appendAll(t, s, 0, 100)
		await.True(t, "the last entry is delivered", func() bool { return s.Delivered(t.Context(), last) == nil })
		stop()
		appendAll(t, s, 100, 130)
		wantNumbers(t, drain(t, killed(t, cfg)), 100, 130)
		closeSpool(t, s)
		wantNumbers(t, drain(t, cfg), 100, 130)
	})
}

func TestWhatFailsIsSentAgain(t *testing.T) {
	s := open(t, config(t.TempDir()))
	k := sink{err: errors.New("the ledger is away")}
	run(t, s, k.deliver)
	last := appendAll(t, s, 0, 10)
	await.True(t, "two tries", func() bool { return k.tried() >= 2 })
	// Whoever waits for a delivery is told that it is in vain.
	await.True(t, "ErrAway", func() bool { return errors.Is(s.Delivered(t.Context(), last), spool.ErrAway) })
	if s.Stats().AwaySince.IsZero() {
		t.Error("Stats do not say that deliveries fail")
	}
	k.fail(nil)
	await.True(t, "delivered", func() bool { return s.Delivered(t.Context(), last) == nil })
	wantNumbers(t, k.got(), 0, 10)
	if !s.Stats().AwaySince.IsZero() {
		t.Error("Stats say that deliveries fail still")
	}
}

func TestRefusedEntriesAreSetAside(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	first := appendAll(t, s, 0, 1)
	second := appendAll(t, s, 1, 2)
	appendAll(t, s, 2, 49)
	last := appendAll(t, s, 49, 50)
	bad := []string{string(entry(0)), string(entry(17)), string(entry(18)), string(entry(49))}
	var k sink
	run(t, s, func(ctx context.Context, entries [][]byte) error {
		for _, e := range entries {
			if slices.Contains(bad, string(e)) {
				return fmt.Errorf("%w: bad", spool.ErrRefused)
			}
		}
		return k.deliver(ctx, entries)
	})
	await.True(t, "all is delivered or set aside", func() bool { return s.Stats().Pending == 0 })
	if got := k.got(); len(got) != 46 || s.Stats().Refused != 4 {
		t.Errorf("%d delivered, %d refused", len(got), s.Stats().Refused)
	}
	// Nobody is told that what was refused has arrived.
	for at, want := range map[spool.Mark]error{first: spool.ErrRefused, second: nil, last: spool.ErrRefused} {
		if err := s.Delivered(t.Context(), at); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", at, err, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(cfg.Dir, "refused-*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	if text, err := os.ReadFile(files[1]); err != nil || !slices.Contains(bad, string(text)) {
		t.Errorf("%s holds %q, %v", files[1], text, err)
	}
}

func TestAFullSpoolRefusesAndTakesAgain(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.MaxBytes = 4 * cfg.SegmentBytes
	s := open(t, cfg)
	await.True(t, "all segments stand ready", func() bool { return s.Stats().Bytes == cfg.MaxBytes })
	n := 0
	for ; ; n++ {
		if _, err := s.Append(entry(n)); errors.Is(err, spool.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); st.Dropped != 1 || st.Pending != uint64(n) {
		t.Errorf("%d entries: %+v", n, st)
	}
	var k sink
	run(t, s, k.deliver)
	await.True(t, "room again", func() bool { _, err := s.Append(entry(n)); return err == nil })
	await.True(t, "all is delivered", func() bool { return s.Stats().Pending == 0 })
	wantNumbers(t, k.got(), 0, n+1)
}

// A file system without room shows as a segment that cannot be made; what stands ready is used up, then entries are refused.
func TestADiskWithoutRoomStopsNobody(t *testing.T) {
	cfg := config(filepath.Join(t.TempDir(), "spool"))
	s := open(t, cfg)
	away := cfg.Dir + "-away"
	if err := os.Rename(cfg.Dir, away); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; ; n++ {
		if _, err := s.Append(entry(n)); errors.Is(err, spool.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 {
		t.Error("what stood ready was not used")
	}
	if err := os.Rename(away, cfg.Dir); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, n, n+100) // once room is tried for again
	closeSpool(t, s)
	wantNumbers(t, drain(t, cfg), 0, n+100)
}

// A store into a file that is shorter than it was is a fault of memory, which must not end the process.
func TestAFileThatIsCutUnderTheSpoolCostsWhatStoodInIt(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	cut := appendAll(t, s, 0, 3)
	names, err := filepath.Glob(filepath.Join(cfg.Dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if err := os.Truncate(names[0], 0); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range 40 {
		if _, err := s.Append(entry(3 + i)); errors.Is(err, spool.ErrFailed) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if failed != 1 {
		t.Errorf("%d appends failed; the first one after the cut should, and then another file is used", failed)
	}
	var k sink
	run(t, s, k.deliver)
	await.True(t, "what stands in whole files is delivered", func() bool { return len(k.got()) == 39 })
	if st := s.Stats(); st.Damaged != 1 || st.Dropped != 3+1 || st.Pending != 0 {
		t.Errorf("%+v", st)
	}
	if err := s.Delivered(t.Context(), cut); !errors.Is(err, spool.ErrFailed) {
		t.Errorf("what was lost: %v", err)
	}
}

func TestSyncIsSharedAndEnds(t *testing.T) {
	eachMemory(t, func(t *testing.T, cfg spool.Config) {
		s := open(t, cfg)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					at, err := s.Append(entry(i*20 + j))
					if err != nil {
						t.Error(err)
					}
					if err := s.Sync(t.Context(), at); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Sync(ended, spool.Mark{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		closeSpool(t, s)
		if err := s.Sync(t.Context(), spool.Mark{}); !errors.Is(err, spool.ErrClosed) {
			t.Errorf("Sync of a closed spool: %v", err)
		}
		if _, err := s.Append(entry(1)); !errors.Is(err, spool.ErrClosed) {
			t.Errorf("Append to a closed spool: %v", err)
		}
	})
}

func TestManyAppendAtOnce(t *testing.T) {
	s := open(t, config(t.TempDir()))
	var k sink
	run(t, s, k.deliver)
	const each, writers = 500, 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				text := strconv.Itoa(w) + " " + strconv.Itoa(i)
				await.True(t, "room", func() bool { _, err := s.Append([]byte(text)); return err == nil })
			}
		})
	}
	wg.Wait()
	await.True(t, "all is delivered", func() bool { return s.Stats().Pending == 0 })
	next := [writers]int{}
	for _, text := range k.got() {
		var w, i int
		if _, err := fmt.Sscan(text, &w, &i); err != nil || i != next[w] {
			t.Fatalf("%q is out of order: %v", text, err)
		}
		next[w]++
	}
	if slices.Min(next[:]) != each {
		t.Errorf("delivered: %v", next)
	}
}

func TestWhatNoSegmentHoldsIsRefused(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	for _, n := range []int64{0, cfg.SegmentBytes/2 + 1} {
		if _, err := s.Append(make([]byte, n)); !errors.Is(err, spool.ErrTooLarge) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := s.Append(make([]byte, cfg.SegmentBytes/2)); err != nil {
		t.Error(err)
	}
}

// Entries longer than a batch are handed over alone, and whole.
func TestLongEntries(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 4 << 20
	s := open(t, cfg)
	long := strings.Repeat("long", 512<<10)
	for range 3 {
		await.True(t, "room", func() bool { _, err := s.Append([]byte(long)); return err == nil })
	}
	var k sink
	run(t, s, k.deliver)
	await.True(t, "all is delivered", func() bool { return s.Stats().Pending == 0 })
	if got := k.got(); len(got) != 3 || got[0] != long || got[2] != long {
		t.Errorf("%d entries", len(got))
	}
}

func TestConfigIsJudged(t *testing.T) {
	for what, change := range map[string]func(*spool.Config){
		"no directory":          func(c *spool.Config) { c.Dir = "" },
		"no clock":              func(c *spool.Config) { c.Clock = nil },
		"a segment of no pages": func(c *spool.Config) { c.SegmentBytes = 100 },
		"room for less than it": func(c *spool.Config) { c.MaxBytes = c.SegmentBytes },
	} {
		cfg := config(t.TempDir())
		change(&cfg)
		if s, err := spool.Open(cfg); err == nil {
			t.Errorf("%s: opened", what)
			_ = s.Close()
		}
	}
}
