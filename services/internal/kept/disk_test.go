package kept

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/coord"
)

// at is a time that survives the disk.
func at(s int64) time.Time { return time.Unix(1_800_000_000+s, 0) }

// world is what a copy should hold.
type world struct {
	revision int64
	heard    time.Time
	truth    coord.Truth
	values   map[string]string
}

func (w world) after(b coord.Batch) world {
	next := world{b.Revision, b.Heard, w.truth, maps.Clone(w.values)}
	if b.Reset {
		next.truth, next.values = b.Truth, map[string]string{}
	}
	for _, e := range b.Events {
		if e.Value == nil {
			delete(next.values, e.Key)
		} else {
			next.values[e.Key] = string(e.Value)
		}
	}
	return next
}

// is says whether a batch that was loaded is that world.
func (w world) is(b coord.Batch) bool {
	got := world{}.after(b)
	return b.Reset && got.revision == w.revision && got.truth == w.truth && maps.Equal(got.values, w.values) &&
		len(b.Events) == len(w.values)
}

func put(key, value string, revision int64) coord.Event {
	return coord.Event{Key: key, Value: []byte(value), ModRevision: revision}
}

func truth(n uint64) coord.Truth { return coord.Truth{ClusterID: n, Epoch: [16]byte{byte(n)}} }

func opened(t testing.TB, dir string) *Disk {
	t.Helper()
	d, err := OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func note(t testing.TB, d *Disk, batches ...coord.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := d.Note(b); err != nil {
			t.Fatal(err)
		}
	}
}

func list(revision int64, whose uint64, events ...coord.Event) coord.Batch {
	return coord.Batch{Revision: revision, Reset: true, Events: events, Heard: at(revision), Truth: truth(whose)}
}

func change(revision int64, events ...coord.Event) coord.Batch {
	return coord.Batch{Revision: revision, Events: events, Heard: at(revision)}
}

// A killed process's copy is what it last knew: with empty values, deletions, and when etcd was last heard.
func TestWhatWasNotedIsThereAgain(t *testing.T) {
	dir := t.TempDir()
	d := opened(t, filepath.Join(dir, "view"))
	if _, found, problems := d.Load(); found || problems != nil {
		t.Fatalf("something is there: %v", problems)
	}
	note(t, d, list(5, 1, put("a", "1", 3), put("b", "", 4), put("c", "3", 5)),
		change(7, put("a", "2", 7), coord.Event{Key: "c", ModRevision: 7}), change(8, put("d", "4", 8)), change(20))
	b, found, problems := opened(t, filepath.Join(dir, "view")).Load()
	want := world{20, at(20), truth(1), map[string]string{"a": "2", "b": "", "d": "4"}}
	if !found || problems != nil || !want.is(b) || !b.Heard.Equal(at(20)) {
		t.Fatalf("loaded %+v, %v", b, problems)
	}
	for _, e := range b.Events {
		if e.Value == nil || e.ModRevision == 0 {
			t.Errorf("an event without a value or a revision: %+v", e)
		}
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "0000000000000001.snapshot": 0o600, "0000000000000001.log": 0o600} {
		info, err := os.Stat(filepath.Join(dir, "view", name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v", name, info, err)
		}
	}
}

// Heartbeats neither grow the log, nor make the disk busy.
func TestHeartbeatsTakeNoRoom(t *testing.T) {
	dir := t.TempDir()
	d := opened(t, dir)
	note(t, d, list(5, 1, put("a", "1", 3)))
	note(t, d, coord.Batch{Revision: 6, Heard: at(5 + 6)})
	size := d.Bytes()
	for s := int64(0); s < 3600; s++ {
		note(t, d, coord.Batch{Revision: 6, Heard: at(12 + s)})
	}
	if d.Bytes() != size {
		t.Errorf("an hour of heartbeats takes %d bytes", d.Bytes()-size)
	}
	note(t, d, change(3700, put("b", "2", 3700)))
	b, _, _ := opened(t, dir).Load()
	if want := (world{3700, at(3700), truth(1), map[string]string{"a": "1", "b": "2"}}); !want.is(b) {
		t.Errorf("loaded %+v", b)
	}
}

// Whatever is noted, the log is merged in time, and what is loaded is what was noted; a list of another truth leaves no file
// of the one before.
func TestLogsAreMerged(t *testing.T) {
	dir := t.TempDir()
	d := opened(t, dir)
	w := world{}
	add := func(b coord.Batch) {
		note(t, d, b)
		if err := d.Tidy(); err != nil {
			t.Fatal(err)
		}
		w = w.after(b)
	}
	big := strings.Repeat("x", 100_000)
	add(list(1, 1, put("first", big, 1)))
	for i := int64(2); i < 200; i++ {
		add(change(i, put(fmt.Sprint("key", i%20), big, i), coord.Event{Key: fmt.Sprint("key", (i+7)%20), ModRevision: i}))
		if d.logBytes > minLogBytes+200_000 || d.Bytes() > 16<<20 {
			t.Fatalf("the log takes %d bytes, all of it %d", d.logBytes, d.Bytes())
		}
	}
	if d.generation < 4 {
		t.Fatalf("only %d snapshots were made", d.generation)
	}
	if b, _, problems := opened(t, dir).Load(); !w.is(b) || problems != nil {
		t.Fatalf("loaded %d records at %d, %v", len(b.Events), b.Revision, problems)
	}
	before, _ := os.ReadDir(dir)
	add(list(500, 2, put("other", "2", 400)))
	after, _ := os.ReadDir(dir)
	if len(before) < 3 || len(after) != 1 {
		t.Errorf("%d files before, and of another truth %v", len(before), after)
	}
	if b, _, _ := opened(t, dir).Load(); !w.is(b) {
		t.Errorf("loaded %+v", b)
	}
}

// A process may be killed at any byte of what it writes, and a disk may change any byte: what is loaded is what was known
// once, never a mixture; and of one truth the snapshot before is there when the newest is damaged.
func TestADamagedCopyIsAnEarlierOneOrNone(outer *testing.T) {
	rapid.Check(outer, func(t *rapid.T) {
		dir, err := os.MkdirTemp(outer.TempDir(), "kept") //nolint:usetesting // removed at once: there are thousands
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		d, err := OpenDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		w := world{}
		var known []world
		revision := int64(0)
		for i := range rapid.IntRange(1, 12).Draw(t, "batches") {
			revision += rapid.Int64Range(1, 9).Draw(t, "revision")
			b := change(revision, events(t, revision)...)
			if i == 0 || rapid.IntRange(0, 5).Draw(t, "list") == 0 {
				b = list(revision, 1, live(events(t, revision))...)
			}
			if err := d.Note(b); err != nil {
				t.Fatal(err)
			}
			w = w.after(b)
			known = append(known, w)
		}
		damage(t, dir)
		d, err = OpenDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		b, found, problems := d.Load()
		if !found {
			if problems == nil {
				t.Fatal("nothing is there, and nothing was said")
			}
			return
		}
		for _, w := range known {
			if w.is(b) {
				next := change(b.Revision+1, put("more", "yes", b.Revision+1))
				if err := d.Note(next); err != nil {
					t.Fatal(err)
				}
				if again, _, _ := (&Disk{dir: dir, files: onDisk}).Load(); !w.after(next).is(again) {
					t.Fatalf("after a damage and a batch: %+v", again)
				}
				return
			}
		}
		t.Fatalf("loaded what never was: %+v", b)
	})
}

func events(t *rapid.T, revision int64) []coord.Event {
	var all []coord.Event
	for _, key := range rapid.SliceOfNDistinct(rapid.StringMatching("[a-d]"), 0, 4, rapid.ID[string]).Draw(t, "keys") {
		e := coord.Event{Key: key, ModRevision: revision}
		if rapid.IntRange(0, 3).Draw(t, "deleted") > 0 {
			e.Value = rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "value")
		}
		all = append(all, e)
	}
	return all
}

func live(all []coord.Event) []coord.Event {
	var kept []coord.Event
	for _, e := range all {
		if e.Value != nil {
			kept = append(kept, e)
		}
	}
	return kept
}

// damage cuts or changes one file.
func damage(t *rapid.T, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, entries[rapid.IntRange(0, len(entries)-1).Draw(t, "file")].Name())
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	place := rapid.IntRange(0, len(content)-1).Draw(t, "place")
	if rapid.Bool().Draw(t, "cut") {
		content = content[:place]
	} else {
		content[place] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A later release may add kinds of records, and fields behind those that are known.
func TestALaterReleaseMayAddToTheFormat(t *testing.T) {
	dir := t.TempDir()
	d := opened(t, dir)
	note(t, d, list(1, 1, put("a", "1", 1)), change(2, put("b", "2", 2)))
	path := d.path(1, logName)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unknown, start := beginRecord(nil)
	content = append(content, endRecord(append(unknown, "of a later release"...), start, 77)...)
	longer, start := beginRecord(nil)
	longer = appendAt(longer, 9, at(9))
	longer = append(longer, 1)
	longer = append(appendEvent(longer, put("c", "3", 9)), "and more"...)
	content = append(content, endRecord(longer, start, kindBatch)...)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	b, _, problems := opened(t, dir).Load()
	if want := (world{9, at(9), truth(1), map[string]string{"a": "1", "b": "2", "c": "3"}}); !want.is(b) || problems != nil {
		t.Errorf("loaded %+v, %v", b, problems)
	}
	if err := os.WriteFile(d.path(1, snapshotName), []byte(strings.Replace(magic, "1", "2", 1)+"whatever"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found, problems := opened(t, dir).Load(); found || len(problems) != 1 || !errors.Is(problems[0], errFormat) {
		t.Errorf("another format: %v, %v", found, problems)
	}
}

// FuzzLoad reads whatever stands on the disk.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	d := opened(f, dir)
	note(f, d, list(1, 1, put("a", "1", 1)), change(2, put("b", "2", 2)), change(9))
	read := func(name string) []byte {
		content, err := os.ReadFile(d.path(1, name))
		if err != nil {
			f.Fatal(err)
		}
		return content
	}
	f.Add(read(snapshotName), read(logName))
	f.Add([]byte(magic), []byte(magic))
	f.Add(read(snapshotName), []byte(nil))
	f.Fuzz(func(t *testing.T, snapshot, log []byte) {
		d := opened(t, t.TempDir())
		for name, content := range map[string][]byte{snapshotName: snapshot, logName: log} {
			if err := os.WriteFile(d.path(1, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b, found, _ := d.Load()
		if !found {
			return
		}
		seen := map[string]bool{}
		for _, e := range b.Events {
			if e.Value == nil {
				t.Errorf("a deleted key is in a list: %q", e.Key)
			}
			seen[e.Key] = true
		}
		if err := d.Note(change(b.Revision+1, put("more", "yes", 1))); err != nil {
			t.Fatal(err)
		}
		if again, found, _ := d.Load(); !found || again.Revision != b.Revision+1 {
			t.Errorf("after a batch: %+v", again)
		}
	})
}

// full is a disk that takes so many bytes more; below nothing, all.
type full struct{ left *int }

func (f full) files(path string) (file, error) {
	inner, err := onDisk(path)
	return fullFile{inner, f.left}, err
}

type fullFile struct {
	file
	left *int
}

func (f fullFile) WriteAt(p []byte, at int64) (int, error) {
	if *f.left >= 0 && len(p) > *f.left {
		n, _ := f.file.WriteAt(p[:*f.left], at)
		*f.left = 0
		return n, syscall.ENOSPC
	}
	if *f.left >= 0 {
		*f.left -= len(p)
	}
	return f.file.WriteAt(p, at)
}

// Wherever a disk is full, what was noted before is loaded; and once it is not, the same batch can be noted.
func TestAFullDiskTakesNothingAway(t *testing.T) {
	whole := []coord.Batch{list(1, 1, put("a", "1", 1)), change(2, put("b", "2", 2)), change(9), list(11, 1, put("c", "3", 3)),
		change(12, put("d", "4", 12))}
	for room := 0; room < 500; room++ {
		dir, left := t.TempDir(), room
		d, err := openDisk(dir, full{&left}.files)
		if err != nil {
			t.Fatal(err)
		}
		w := world{}
		for _, b := range whole {
			err := d.Note(b)
			if err != nil {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("%d bytes: %v", room, err)
				}
				loaded, found, problems := opened(t, dir).Load()
				if found != (w.values != nil) || found && !w.is(loaded) || problems != nil {
					t.Fatalf("%d bytes, at revision %d: %v %v %v", room, b.Revision, found, loaded, problems)
				}
				left = -1
				note(t, d, b)
			}
			w = w.after(b)
		}
		if loaded, _, problems := opened(t, dir).Load(); !w.is(loaded) || problems != nil {
			t.Fatalf("%d bytes: %+v %v", room, loaded, problems)
		}
	}
}

// BenchmarkLoad is what a start from disk reads: a million customers are as many records of 300 bytes.
func BenchmarkLoad(b *testing.B) {
	const records = 100_000
	dir := b.TempDir()
	d := opened(b, dir)
	events := make([]coord.Event, records)
	for i := range events {
		events[i] = put(fmt.Sprintf("pub/entitlement/customers/customer-%07d", i), strings.Repeat("x", 250), int64(i))
	}
	note(b, d, list(1, 1, events...))
	b.ReportMetric(float64(d.Bytes())/records, "B/record")
	b.ReportAllocs()
	for b.Loop() {
		if got, _, _ := d.Load(); len(got.Events) != records {
			b.Fatal(len(got.Events))
		}
	}
}

// BenchmarkTidy merges a log of 1,000 changes into a snapshot of 100,000 records: each is read and written, and only the log's
// are in memory at once.
func BenchmarkTidy(b *testing.B) {
	d := opened(b, b.TempDir())
	events := make([]coord.Event, 100_000)
	for i := range events {
		events[i] = put(fmt.Sprintf("pub/entitlement/customers/customer-%07d", i), strings.Repeat("x", 250), int64(i))
	}
	note(b, d, list(1, 1, events...))
	revision := int64(1)
	b.ReportAllocs()
	for b.Loop() {
		for i := range 1000 {
			revision++
			note(b, d, change(revision, events[i]))
		}
		if err := d.merge(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(d.Bytes())/float64(len(events)), "B/record")
}

// BenchmarkNote is what a change costs the disk's goroutine; the view has it by then.
func BenchmarkNote(b *testing.B) {
	d := opened(b, b.TempDir())
	note(b, d, list(1, 1))
	e := put("routing/drains/one", strings.Repeat("x", 250), 2)
	revision := int64(1)
	b.ReportAllocs()
	for b.Loop() {
		revision++
		note(b, d, change(revision, e))
		if err := d.Tidy(); err != nil {
			b.Fatal(err)
		}
	}
}
