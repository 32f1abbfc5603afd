package kept

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// source is an etcd that says what a test has it say.
type source struct {
	batches chan coord.Batch
	// lists counts how often it was followed.
	lists atomic.Int32
	// list is what it begins with; nil: nothing.
	list func() *coord.Batch
}

func (s *source) Follow(ctx context.Context, _ coord.Range, apply func(coord.Batch)) error {
	s.lists.Add(1)
	if b := s.list(); b != nil {
		apply(*b)
	}
	for {
		select {
		case b := <-s.batches:
			apply(b)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// process is one that follows, with its disk.
type process struct {
	copy   *Copy
	source *source
	log    *logBuffer
	stop   func()

	mu    sync.Mutex
	world world
	seen  []coord.Batch
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// etcd is what Head answers.
type etcd struct {
	truth coord.Truth
	err   error
}

func start(t *testing.T, dir string, e etcd, first *coord.Batch, files files) *process {
	t.Helper()
	return startAt(t, clock.System{}, dir, e, first, files)
}

// startAt is start with a clock of its own.
func startAt(t *testing.T, clk clock.Clock, dir string, e etcd, first *coord.Batch, files files) *process {
	t.Helper()
	p := &process{log: &logBuffer{}, source: &source{batches: make(chan coord.Batch), list: func() *coord.Batch { return first }}}
	var err error
	p.copy, err = Open(Config{
		Dir: dir, Clock: clk, Logger: slog.New(slog.NewTextHandler(p.log, nil)), files: files,
		Head: func(context.Context) (coord.Truth, int64, error) { return e.truth, 1, e.err },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.copy.Follow(ctx, p.source, coord.Range{}, func(key string) bool { return strings.HasPrefix(key, "live/") }, p.apply)
	}()
	p.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(p.stop)
	return p
}

func (p *process) apply(b coord.Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.world, p.seen = p.world.after(b), append(p.seen, b)
}

func (p *process) values() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.world.values)
}

func (p *process) first(t *testing.T) coord.Batch {
	t.Helper()
	await.True(t, "the first batch", func() bool { return p.values() != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[0]
}

func of(b coord.Batch) *coord.Batch { b.Heard = time.Time{}; return &b }

// A process that is started again while etcd is away knows what it knew, says how old that is, and what is under leases of
// others is not in it; with etcd back, etcd's list replaces it.
func TestAStartWhileEtcdIsAway(t *testing.T) {
	dir := t.TempDir()
	before := start(t, dir, etcd{truth: truth(1)}, of(list(5, 1, put("a", "1", 3), put("live/x", "1", 4))), nil)
	before.source.batches <- coord.Batch{Revision: 6, Events: []coord.Event{put("b", "2", 6), put("live/y", "1", 6)}}
	before.source.batches <- coord.Batch{Revision: 7, Events: []coord.Event{put("live/z", "1", 7)}}
	before.stop()

	after := start(t, dir, etcd{err: errors.New("nobody")}, nil, nil)
	b := after.first(t)
	age := (clock.System{}).Now().Sub(b.Heard)
	if !b.Reset || b.Revision < 6 || b.Heard.IsZero() || age < 0 || age > time.Minute || b.Truth != truth(1) {
		t.Errorf("began with %+v", b)
	}
	if got, want := after.values(), map[string]string{"a": "1", "b": "2"}; !maps.Equal(got, want) {
		t.Errorf("knows %v, want %v", got, want)
	}
	after.source.batches <- *of(list(9, 1, put("c", "3", 9)))
	await.True(t, "etcd's list", func() bool { return maps.Equal(after.values(), map[string]string{"c": "3"}) })
}

// A copy made while the clock was ahead is as old as can be told: it grows older from the start on, and that is said.
func TestACopyFromTheFuture(t *testing.T) {
	dir := t.TempDir()
	ahead := startAt(t, clock.Skewed{Base: clock.System{}, Offset: time.Hour}, dir, etcd{truth: truth(1)},
		of(list(5, 1, put("a", "1", 3))), nil)
	ahead.first(t)
	ahead.stop()
	began := clock.System{}.Now()
	after := start(t, dir, etcd{err: errors.New("nobody")}, nil, nil)
	if heard := after.first(t).Heard; heard.Before(began) || heard.After(clock.System{}.Now()) {
		t.Errorf("heard at %v, begun at %v", heard, began)
	}
	if after.log.count("from the future") != 1 {
		t.Error("nobody is told")
	}
}

// Where etcd answers, what it tells of itself decides whether the copy may be used.
func TestWhoseTruthTheCopyIs(t *testing.T) {
	for name, c := range map[string]struct {
		etcd etcd
		used bool
	}{
		"the same":              {etcd{truth: truth(1)}, true},
		"none, it is away":      {etcd{err: errors.New("nobody")}, true},
		"another epoch":         {etcd{truth: coord.Truth{ClusterID: 1, Epoch: [16]byte{9}}}, false},
		"another etcd's":        {etcd{truth: truth(2)}, false},
		"no epoch of it is yet": {etcd{truth: coord.Truth{ClusterID: 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			note(t, opened(t, dir), list(5, 1, put("a", "1", 3)))
			p := start(t, dir, c.etcd, of(list(2, 7, put("b", "2", 2))), nil)
			if b := p.first(t); b.Heard.IsZero() == c.used {
				t.Errorf("began with %+v", b)
			}
			await.True(t, "etcd's list", func() bool { return maps.Equal(p.values(), map[string]string{"b": "2"}) })
			p.stop()
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("of the other truth stays %v, %v", entries, err)
			}
			if b, _, _ := opened(t, dir).Load(); b.Truth != truth(7) {
				t.Errorf("kept %+v", b)
			}
		})
	}
}

// The disk is full for a while: whoever follows sees everything at once all the same, it is said once, and afterwards the copy
// is whole again.
func TestAFullDiskIsSaidOnceAndTriedAgain(t *testing.T) {
	dir := t.TempDir()
	var isFull atomic.Bool
	files := func(path string) (file, error) {
		f, err := onDisk(path)
		return moody{f, &isFull}, err
	}
	p := start(t, dir, etcd{truth: truth(1)}, of(list(1, 1, put("a", "1", 1))), files)
	await.True(t, "the first copy", func() bool { return p.copy.Stats().Bytes > 0 })
	isFull.Store(true)
	p.source.batches <- coord.Batch{Revision: 2, Events: []coord.Event{put("b", "2", 2)}}
	p.source.batches <- coord.Batch{Revision: 3, Events: []coord.Event{put("c", "3", 3)}}
	if got := p.values(); len(got) != 3 {
		t.Errorf("whoever follows knows %v", got)
	}
	await.True(t, "a second try", func() bool { return p.copy.Stats().Failures > 1 })
	if n := p.log.count("cannot be kept on disk"); n != 1 || !p.copy.Stats().Failing {
		t.Errorf("said %d times", n)
	}
	if b, found, _ := opened(t, dir).Load(); !found || len(b.Events) != 1 {
		t.Errorf("meanwhile the copy is %+v", b)
	}
	isFull.Store(false)
	await.True(t, "the disk to take it", func() bool { return !p.copy.Stats().Failing })
	p.stop()
	if b, _, _ := opened(t, dir).Load(); len(b.Events) != 3 || b.Revision != 3 {
		t.Errorf("afterwards the copy is %+v", b)
	}
	if p.source.lists.Load() != 1 {
		t.Error("everything was listed anew, for three keys")
	}
}

// More happens while the disk is full than is kept in memory: then everything is listed, once, when the disk takes it.
func TestWhatIsTooMuchToWaitIsListed(t *testing.T) {
	dir := t.TempDir()
	var isFull atomic.Bool
	files := func(path string) (file, error) {
		f, err := onDisk(path)
		return moody{f, &isFull}, err
	}
	p := start(t, dir, etcd{truth: truth(1)}, of(list(1, 1, put("a", "1", 1))), files)
	await.True(t, "the first copy", func() bool { return p.copy.Stats().Bytes > 0 })
	isFull.Store(true)
	big := strings.Repeat("x", 1<<20)
	for i := range int64(maxQueuedBytes>>20 + 2) {
		p.source.batches <- coord.Batch{Revision: 2 + i, Events: []coord.Event{put("big", big, 2+i)}}
	}
	await.True(t, "a failure", func() bool { return p.copy.Stats().Failing })
	if p.source.lists.Load() != 1 {
		t.Error("it was listed while the disk takes nothing")
	}
	isFull.Store(false)
	await.True(t, "another list", func() bool { return p.source.lists.Load() == 2 })
	await.True(t, "the copy", func() bool { return !p.copy.Stats().Failing })
	p.source.batches <- coord.Batch{Revision: 200, Events: []coord.Event{put("z", "1", 200)}}
	p.stop()
	if b, _, _ := opened(t, dir).Load(); b.Revision != 200 || len(b.Events) != 2 {
		t.Errorf("the copy is at %d with %d records", b.Revision, len(b.Events))
	}
}

// A disk has room for a little and not for a list: whoever follows is not made to list everything every second because of that,
// which costs etcd most where it is most.
func TestADiskThatIsNearlyFullAsksForFewLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var room atomic.Int64
		room.Store(2 << 20)
		files := func(path string) (file, error) {
			f, err := onDisk(path)
			return small{f, &room}, err
		}
		p := start(t, dir, etcd{truth: truth(1)}, of(list(1, 1, put("big", strings.Repeat("x", maxQueuedBytes+1), 1))), files)
		<-time.After(10 * time.Minute)
		synctest.Wait()
		if n := p.source.lists.Load(); n > 20 {
			t.Errorf("it was listed %d times in ten minutes", n)
		}
		if n := p.log.count("cannot be kept on disk"); n != 1 || p.log.count("kept on disk again") != 0 || !p.copy.Stats().Failing {
			t.Errorf("said %d times", n)
		}
		room.Store(1 << 30)
		<-time.After(2 * time.Minute)
		synctest.Wait()
		if b, _, _ := opened(t, dir).Load(); len(b.Events) != 1 || p.copy.Stats().Failing {
			t.Errorf("with room the copy is at %d with %d records", b.Revision, len(b.Events))
		}
		p.stop()
	})
}

// small is a disk that takes files of so many bytes.
type small struct {
	file
	room *atomic.Int64
}

func (s small) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > s.room.Load() {
		return 0, fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	return s.file.WriteAt(p, at)
}

// A disk that takes everything and syncs nothing is told of once, and once more when it does.
func TestADiskThatSyncsNothingIsToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		files := func(path string) (file, error) {
			f, err := onDisk(path)
			return unsynced{f, &broken}, err
		}
		p := start(t, t.TempDir(), etcd{truth: truth(1)}, of(list(1, 1, put("a", "1", 1))), files)
		synctest.Wait()
		broken.Store(true)
		for i := range int64(60) {
			p.source.batches <- coord.Batch{Revision: 2 + i, Events: []coord.Event{put("a", "2", 2+i)}}
			<-time.After(time.Second)
		}
		if n, again := p.log.count("cannot be kept on disk"), p.log.count("kept on disk again"); n != 1 || again != 0 {
			t.Errorf("in a minute it is told of %d times, and %d times that it is over", n, again)
		}
		broken.Store(false)
		<-time.After(time.Minute)
		synctest.Wait()
		if p.copy.Stats().Failing || p.log.count("kept on disk again") != 1 {
			t.Error("it is not told that it is over")
		}
		p.stop()
	})
}

type unsynced struct {
	file
	broken *atomic.Bool
}

func (u unsynced) Sync() error {
	if u.broken.Load() {
		return syscall.EIO
	}
	return u.file.Sync()
}

// A disk that answers nothing any more keeps no process from stopping.
func TestAStuckDiskHoldsUpNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := make(chan struct{})
		files := func(path string) (file, error) {
			f, err := onDisk(path)
			return stuck{f, freed}, err
		}
		p := start(t, t.TempDir(), etcd{truth: truth(1)}, of(list(1, 1, put("a", "1", 1))), files)
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { p.stop(); close(stopped) }()
		<-time.After(10 * time.Second)
		synctest.Wait()
		select {
		case <-stopped:
		default:
			t.Error("after ten seconds it waits for the disk still")
		}
		close(freed)
	})
}

// stuck is a disk that takes as long as it likes.
type stuck struct {
	file
	freed chan struct{}
}

func (s stuck) Sync() error {
	<-s.freed
	return s.file.Sync()
}

type moody struct {
	file
	full *atomic.Bool
}

func (m moody) WriteAt(p []byte, at int64) (int, error) {
	if m.full.Load() {
		return 0, fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	return m.file.WriteAt(p, at)
}

// A copy that cannot be read is told of, and the process waits for etcd as one without any does.
func TestADamagedCopyIsToldOf(t *testing.T) {
	dir := t.TempDir()
	d := opened(t, dir)
	note(t, d, list(5, 1, put("a", "1", 3)))
	if err := os.WriteFile(d.path(1, snapshotName), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, etcd{err: errors.New("nobody")}, of(list(9, 1, put("b", "2", 2))), nil)
	if b := p.first(t); !b.Heard.IsZero() || p.log.count("cannot be read") != 1 {
		t.Errorf("began with %+v", b)
	}
}
