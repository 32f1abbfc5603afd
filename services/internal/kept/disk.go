package kept

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/coord"
)

const (
	// minLogBytes and maxLogBytes bound the log before it is merged into a snapshot; in between, half of the snapshot. While it
	// is merged the log's last values are in memory, the snapshot's are not.
	minLogBytes = 4 << 20
	maxLogBytes = 64 << 20
	// beatEvery is how often heartbeats are noted: so much older than it is may what is known seem after a restart.
	beatEvery = 5 * time.Second
	// writeBytes is how much of a snapshot is written at once.
	writeBytes = 1 << 16
)

// Disk is the copy itself, in a folder of its own:
//
//	N.snapshot   everything, at one revision; made aside, synced, and then given its name
//	N.log        what changed since, a record a batch
//
// The one before N is kept where it is of the same truth, so that a damaged snapshot leaves something. One goroutine uses
// it, and one process: its caller holds a lock.
type Disk struct {
	dir   string
	files files
	// generation is N, 0 while there is none; last is the highest number that was ever used.
	generation, last uint64
	state            state
	log              file // nil until something is appended
	// snapshotBytes, logBytes and otherBytes are what is whole of this generation's files, and what others take.
	snapshotBytes, logBytes, otherBytes int64
	// beatAt is where the log's last record begins if it is a beat, which the next one replaces; -1 otherwise.
	beatAt int64
	dirty  bool
}

// file is a file that is written.
type file interface {
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

// files opens a file for writing, and makes it where it does not exist; tests have some that fail.
type files func(path string) (file, error)

func onDisk(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, err
	}
	return f, nil
}

// OpenDisk is the copy in a folder, which is made (0700) where it does not exist.
func OpenDisk(dir string) (*Disk, error) { return openDisk(dir, onDisk) }

func openDisk(dir string, files files) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the view: %w", err)
	}
	d := &Disk{dir: dir, files: files, beatAt: -1}
	generations, err := d.generations()
	if err != nil {
		return nil, err
	}
	if len(generations) > 0 {
		d.last = generations[0]
	}
	return d, nil
}

const (
	snapshotName, logName, newName = ".snapshot", ".log", ".new"
)

func (d *Disk) path(generation uint64, name string) string {
	return filepath.Join(d.dir, fmt.Sprintf("%016x", generation)+name)
}

// generations are those of which there is any file, the newest first.
func (d *Disk) generations() ([]uint64, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, fmt.Errorf("the folder of the view: %w", err)
	}
	var found []uint64
	for _, e := range entries {
		var n uint64
		if _, err := fmt.Sscanf(e.Name(), "%016x.", &n); err == nil && n > 0 {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b uint64) int { return cmp.Compare(b, a) })
	return slices.Compact(found), nil
}

// weigh is what other generations take of the disk.
func (d *Disk) weigh(but uint64) (size int64) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return 0
	}
	own := fmt.Sprintf("%016x.", but)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !strings.HasPrefix(e.Name(), own) {
			size += info.Size()
		}
	}
	return size
}

// Note takes a batch; Heard must be set. A Reset replaces everything; of another truth, what was there is gone first. Where
// it fails, nothing of the batch is kept, and it can be tried again. Of a batch that says nothing new, the revision and when
// it was heard are noted at most every 5 seconds.
func (d *Disk) Note(b coord.Batch) error {
	switch {
	case b.Reset:
		return d.reset(b)
	case d.generation == 0:
		return errors.New("there is no snapshot to add to")
	case len(b.Events) == 0:
		if since := b.Heard.Sub(d.state.heard); since >= 0 && since < beatEvery {
			return nil
		}
		return d.append(appendBeat(nil, b.Revision, b.Heard), b, true)
	case d.logBytes > 2*d.maxLog():
		return errors.New("the log is full, and cannot be merged")
	}
	return d.append(appendBatch(nil, b), b, false)
}

func (d *Disk) maxLog() int64 { return max(minLogBytes, min(d.snapshotBytes/2, maxLogBytes)) }

func (d *Disk) reset(b coord.Batch) error {
	if d.generation != 0 && b.Truth != d.state.truth {
		if err := d.Drop(); err != nil {
			return err
		}
	}
	size := int64(overheadBytes)
	for _, e := range b.Events {
		size += int64(len(e.Key) + len(e.Value) + overheadBytes)
	}
	return d.snapshot(state{b.Truth, b.Revision, b.Heard}, size, func(put func(coord.Event) error) error {
		for _, e := range b.Events {
			if err := put(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tidy merges the log into a new snapshot where it has grown too long. Only what the log holds is in memory meanwhile.
func (d *Disk) Tidy() error {
	if d.generation == 0 || d.logBytes <= d.maxLog() {
		return nil
	}
	return d.merge()
}

func (d *Disk) merge() error {
	return d.snapshot(d.state, d.snapshotBytes+d.logBytes, func(put func(coord.Event) error) error {
		_, err := d.read(d.generation, put)
		return err
	})
}

// snapshot makes the next generation of what fill puts, about size bytes.
func (d *Disk) snapshot(s state, size int64, fill func(put func(coord.Event) error) error) error {
	n := d.last + 1
	aside := d.path(n, newName)
	size, err := d.writeSnapshot(aside, n, s, int(min(size, writeBytes)), fill)
	if err == nil {
		err = os.Rename(aside, d.path(n, snapshotName))
	}
	if err != nil {
		return errors.Join(err, ignoreAbsent(os.Remove(aside)))
	}
	d.last = n
	if err := d.syncDir(); err != nil {
		return err
	}
	_ = d.Close()
	before := d.generation
	d.generation, d.state, d.snapshotBytes, d.logBytes, d.beatAt, d.dirty = n, s, size, 0, -1, false
	err = d.removeBut(n, before)
	d.otherBytes = d.weigh(n)
	return err
}

func (d *Disk) writeSnapshot(path string, n uint64, s state, buffer int, fill func(put func(coord.Event) error) error) (
	size int64, err error,
) {
	f, err := d.files(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), buffer)
	count := uint64(0)
	var record []byte
	put := func(e coord.Event) error {
		count++
		record = appendPut(record[:0], e)
		size += int64(len(record))
		_, err := w.Write(record)
		return err
	}
	head := appendBegin([]byte(magic), s, n)
	if _, err := w.Write(head); err != nil {
		return 0, err
	}
	if err := fill(put); err != nil {
		return 0, err
	}
	end := appendEnd(nil, count)
	if _, err := w.Write(end); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return size + int64(len(head)+len(end)), f.Sync()
}

// append adds a record to the log, over the last one where both are beats.
func (d *Disk) append(record []byte, b coord.Batch, beat bool) error {
	if len(record) > maxRecordBytes {
		return errors.New("a change is too large for the log")
	}
	if err := d.openLog(); err != nil {
		return err
	}
	at := d.logBytes
	if d.beatAt >= 0 {
		at = d.beatAt
	}
	if _, err := d.log.WriteAt(record, at); err != nil {
		// What was written of it is cut off when the log is read; here it is only in the way.
		_ = d.log.Truncate(at)
		d.logBytes, d.beatAt = at, -1
		return err
	}
	d.logBytes, d.beatAt, d.dirty = at+int64(len(record)), -1, true
	if beat {
		d.beatAt = at
	}
	d.state.revision, d.state.heard = b.Revision, b.Heard
	return nil
}

// openLog opens the log behind what is whole of it, and begins it where nothing is.
func (d *Disk) openLog() error {
	if d.log != nil {
		return nil
	}
	f, err := d.files(d.path(d.generation, logName))
	if err != nil {
		return err
	}
	head := []byte(nil)
	if d.logBytes == 0 {
		head = appendBegin([]byte(magic), d.state, d.generation)
	}
	err = f.Truncate(d.logBytes)
	if err == nil && len(head) > 0 {
		_, err = f.WriteAt(head, 0)
	}
	if err == nil {
		err = d.syncDir()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	d.log, d.logBytes = f, d.logBytes+int64(len(head))
	return nil
}

// Sync has what was noted survive a power failure; without it, it survives a killed process.
func (d *Disk) Sync() error {
	if !d.dirty || d.log == nil {
		return nil
	}
	if err := d.log.Sync(); err != nil {
		return err
	}
	d.dirty = false
	return nil
}

// Probe says whether the disk takes something, by writing a MiB and removing it.
func (d *Disk) Probe() error {
	path := filepath.Join(d.dir, "probe"+newName)
	f, err := d.files(path)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, 1<<20), 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), ignoreAbsent(os.Remove(path)))
}

// Drop removes every copy.
func (d *Disk) Drop() error {
	_ = d.Close()
	d.generation, d.state, d.snapshotBytes, d.logBytes, d.beatAt = 0, state{}, 0, 0, -1
	err := d.removeBut()
	if err == nil {
		err = d.syncDir() // what another truth told must not be there again after a power failure
	}
	d.otherBytes = d.weigh(0)
	return err
}

// removeBut removes the files of all generations but some. Snapshots go first: a log without one is nothing.
func (d *Disk) removeBut(keep ...uint64) error {
	generations, err := d.generations()
	if err != nil {
		return err
	}
	for _, n := range generations {
		if slices.Contains(keep, n) {
			continue
		}
		for _, name := range []string{snapshotName, logName, newName} {
			if err := ignoreAbsent(os.Remove(d.path(n, name))); err != nil {
				return err
			}
		}
	}
	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (d *Disk) syncDir() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Bytes is what the copies take of the disk.
func (d *Disk) Bytes() int64 { return d.snapshotBytes + d.logBytes + d.otherBytes }

// Close closes the log.
func (d *Disk) Close() error {
	if d.log == nil {
		return nil
	}
	f := d.log
	d.log = nil
	return f.Close()
}
