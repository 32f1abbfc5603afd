package simulation

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/kept"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// probeMS is how long a process that starts waits for etcd before it uses its copy.
	probeMS = 300
	// notedEveryMS is how often it is noted at most that etcd was heard.
	notedEveryMS = 5 * secondMS
	// maxCopyBytes is far more than a world of this size may take on disk.
	maxCopyBytes = 24 << 20
)

// onDisk is the view on a process's disk: kept.Disk, used as kept.Copy uses it, but for the goroutine that writes.
type onDisk struct {
	p    *process
	disk *kept.Disk
	// beat is the last heartbeat, which is noted when the process ends or is cut off: those before it are written over by the
	// next, and nobody reads them meanwhile.
	beat coord.Batch
}

func (o *onDisk) dir() string { return filepath.Join(o.p.dir, "view") }

// bytes is what the copy takes of the disk.
func (o *onDisk) bytes() int64 {
	if o.disk == nil {
		return 0
	}
	return o.disk.Bytes()
}

// kill ends the process that has the copy.
func (o *onDisk) kill() {
	if o.disk != nil {
		_ = o.disk.Close() // it syncs nothing
		o.disk, o.beat = nil, coord.Batch{}
	}
}

// tear is what the end of a machine does to what was being written: the end of the log is not there. It answers whether
// there was any.
func (o *onDisk) tear(bytes int64) bool {
	logs, err := filepath.Glob(filepath.Join(o.dir(), "*.log"))
	if err != nil || len(logs) == 0 {
		return false
	}
	last := slices.Max(logs)
	info, err := os.Stat(last)
	if err == nil {
		err = os.Truncate(last, max(info.Size()-bytes, 0))
	}
	if err != nil {
		o.p.s.err = err
	}
	return true
}

// follow is a Store's Follow, through the copy: what is known is applied first, as it may be, and what comes is kept.
func (o *onDisk) follow(store generation.Store, r coord.Range, apply func(coord.Batch)) error {
	var err error
	if o.disk, err = kept.OpenDisk(o.dir()); err != nil {
		return err
	}
	b, found, problems := o.disk.Load()
	for _, problem := range problems {
		o.p.s.find(o.p, "its copy of the view cannot be read: %v", problem)
	}
	o.begin(b, found, apply)
	return store.Follow(context.Background(), r, func(b coord.Batch) {
		apply(b)
		o.note(b)
	})
}

// begin uses the copy, or drops it, as etcd says, or does not say within its time.
func (o *onDisk) begin(b coord.Batch, found bool, apply func(coord.Batch)) {
	p, s := o.p, o.p.s
	if !found {
		return
	}
	life := p.life
	use := func() {
		if p.life == life && p.up && p.current == nil {
			s.counts.FromDisk++
			apply(b)
		}
	}
	switch {
	case !p.follow.reaches():
		s.after(probeMS, use)
	case b.Truth == s.etcd.truth || s.cfg.Plant == PlantCopy:
		use()
	default:
		if err := o.disk.Drop(); err != nil {
			s.err = err
		}
	}
}

// heard notes the last heartbeat.
func (o *onDisk) heard() {
	if b := o.beat; b.Revision != 0 && o.disk != nil {
		o.beat = coord.Batch{}
		o.write(b)
	}
}

// note keeps a batch.
func (o *onDisk) note(b coord.Batch) {
	// What stands under leases is worth nothing later.
	b.Events = slices.DeleteFunc(slices.Clone(b.Events), func(e coord.Event) bool {
		return strings.HasPrefix(e.Key, view.LivePrefix)
	})
	if b.Heard.IsZero() {
		b.Heard = o.p.now()
	}
	if len(b.Events) == 0 && !b.Reset {
		o.beat = b
		return
	}
	o.beat = coord.Batch{}
	o.write(b)
}

func (o *onDisk) write(b coord.Batch) {
	err := o.disk.Note(b)
	if err == nil {
		err = o.disk.Tidy()
	}
	if err != nil {
		o.p.s.err = fmt.Errorf("the view of %s on disk: %w", o.p.id, err)
	}
	if bytes := o.disk.Bytes(); bytes > maxCopyBytes {
		o.p.s.find(o.p, "its copy of the view takes %d bytes", bytes)
	}
}
