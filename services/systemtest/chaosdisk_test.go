package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// smallDisk is a file system of a few megabytes.
type smallDisk struct{ dir string }

// smallDiskSize is what a process of the tests needs, with room to lose.
const smallDiskSize = "160m"

// mountSmallDisk puts one at dir; false where it may not.
func mountSmallDisk(t testing.TB, dir string) (smallDisk, bool) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=0700,size="+smallDiskSize, "tmpfs", dir).CombinedOutput()
	if err != nil {
		t.Logf("no small file system: %v %s", err, out)
		return smallDisk{}, false
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Logf("umount: %v %s", err, out)
		}
	})
	return smallDisk{dir}, true
}

// fill takes all that is left, until it is told to give it back.
func (d smallDisk) fill() (giveBack func(), err error) {
	path := filepath.Join(d.dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	chunk := make([]byte, 1<<20)
	for size := len(chunk); size > 0; {
		if _, err := f.Write(chunk[:size]); err != nil {
			size /= 2
		}
	}
	return func() { _ = f.Close(); _ = os.Remove(path) }, nil
}

// fullDisk fills the disk of a process.
func (n *nemesis) fullDisk(d time.Duration) *history.Fault {
	for name, disk := range n.c.disks {
		if !n.take(name) {
			continue
		}
		defer n.free(name)
		f := &history.Fault{Begin: n.l.rec.now(), On: []string{name}, Lossy: []string{name}}
		giveBack, err := disk.fill()
		if err != nil {
			n.t.Errorf("fill the disk of %s: %v", name, err)
			return nil
		}
		n.wait(d)
		giveBack()
		f.End = n.l.rec.now()
		return f
	}
	return nil
}

// smallDisks gives the first routing process a small disk.
func smallDisks(t testing.TB, c *chaosCluster) map[string]smallDisk {
	t.Helper()
	p := c.holding(host.Routing)[0]
	if disk, ok := mountSmallDisk(t, p.data); ok {
		return map[string]smallDisk{p.name: disk}
	}
	return nil
}
