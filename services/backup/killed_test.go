package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daysidehq/dayside/services/backup"
	"github.com/daysidehq/dayside/services/internal/datadir"
)

// killAtEnv has this program restore, and kill itself at a step: "STEP|FILE|DATA|PKI".
const killAtEnv = "DAYSIDE_BACKUP_TEST_KILL"

func TestMain(m *testing.M) {
	if told := os.Getenv(killAtEnv); told != "" {
		restoreUntilKilled(told)
		return
	}
	m.Run()
}

func restoreUntilKilled(told string) {
	p := strings.Split(told, "|")
	at, _ := strconv.Atoi(p[0])
	n := 0
	_, err := backup.Restore(context.Background(), backup.RestoreConfig{
		File: p[1], DataDir: p[2], PKIDir: p[3], Force: true, Time: tuesday(),
	}.WithStep(func() {
		if n++; n == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}))
	if err != nil {
		panic(err)
	}
}

// TestARestoreKilledAtAnyInstant leaves the truth before, or the one restored, or a directory that nobody serves until the
// restore is done again; and what was there before is never lost.
func TestARestoreKilledAtAnyInstant(t *testing.T) {
	later := newWorld(t)
	file, _ := later.save(t)
	later.change(t)
	interrupted, ended := 0, false
	for at := 1; !ended; at++ {
		if at > 100 {
			t.Fatal("a restore has no end")
		}
		w := later.copied(t)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), killAtEnv+"="+strings.Join([]string{fmt.Sprint(at), file, w.data, w.pki}, "|"))
		out, err := cmd.CombinedOutput()
		ended = err == nil
		var exit *exec.ExitError
		if !ended && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
			t.Fatalf("%v\n%s", err, out)
		}
		unlock, err := datadir.Lock(w.data)
		switch {
		case errors.Is(err, datadir.ErrUnfinished):
			interrupted++
			cfg := w.restore(t, file)
			cfg.Time = cfg.Time.Add(time.Minute)
			if _, err := backup.Restore(t.Context(), cfg); err != nil {
				t.Fatalf("killed at step %d: %v", at, err)
			}
		case err != nil:
			t.Fatal(err)
		default:
			unlock()
		}
		truth, calls := w.get(t, "site"), fmt.Sprint(w.calls(t))
		if truth != "as backed up" || calls != "[as backed up]" {
			t.Errorf("killed at step %d: %s, %s", at, truth, calls)
		}
		kept := false
		for _, text := range tree(t, w.pki) {
			kept = kept || text == "later"
		}
		if dbs := laterLedgers(t, w.data); !kept || dbs == 0 {
			t.Errorf("killed at step %d: what was there before is lost", at)
		}
	}
	if interrupted < 5 {
		t.Errorf("interrupted %d times only", interrupted)
	}
}

// copied is the same somewhere else.
func (w world) copied(t *testing.T) world {
	t.Helper()
	c := world{filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "pki")}
	if err := errors.Join(os.CopyFS(c.data, os.DirFS(w.data)), os.CopyFS(c.pki, os.DirFS(w.pki))); err != nil {
		t.Fatal(err)
	}
	return c
}

// laterLedgers counts the databases below a folder that hold what came after the backup.
func laterLedgers(t *testing.T, dir string) (n int) {
	t.Helper()
	for path, text := range tree(t, dir) {
		if strings.HasPrefix(filepath.Base(path), "ledger.db") && strings.Contains(text, "later") {
			n++
		}
	}
	return n
}

// TestAFullDiskChangesNothing: where there is no room for what is restored, all is as before.
func TestAFullDiskChangesNothing(t *testing.T) {
	big := newWorld(t)
	big.put(t, "site", strings.Repeat("much ", 200_000))
	big.put(t, "more", strings.Repeat("much ", 200_000))
	file, _ := big.save(t)
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIP: no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(small, "data")
	write(t, filepath.Join(data, "ledger.db"), "what was there")
	write(t, filepath.Join(data, "etcd", "member-data", "member", "x"), "what was there")
	before := tree(t, data)
	_, err := backup.Restore(t.Context(), backup.RestoreConfig{File: file, DataDir: data, Force: true, Time: tuesday()})
	if err == nil || !strings.HasPrefix(err.Error(), "nothing was changed: "+data+"/etcd/member-data has no room") ||
		!strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v", err)
	}
	fresh := filepath.Join(small, "not", "there")
	if _, err := backup.Restore(t.Context(), backup.RestoreConfig{File: file, DataDir: fresh, Time: tuesday()}); err == nil ||
		!strings.Contains(err.Error(), "has no room") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(filepath.Dir(fresh)); !os.IsNotExist(err) {
		t.Errorf("empty folders are left: %v", err)
	}
	after := tree(t, data)
	delete(after, filepath.Join(data, "lock"))
	if changed := differences(before, after); len(changed) > 0 {
		t.Errorf("changed: %v", changed)
	}
	out := filepath.Join(small, "backup")
	for name, c := range map[string]backup.Config{
		"etcd":   {Out: out, DataDir: big.data, Time: tuesday()},
		"ledger": {Out: out, DataDir: longLedger(t).data, Time: tuesday(), Only: []string{backup.Ledger}},
	} {
		_, err = backup.Save(t.Context(), c)
		if err == nil || !strings.HasPrefix(err.Error(), out+" cannot be written: ") || strings.Contains(err.Error(), "etcd") ||
			!strings.Contains(err.Error(), "no space left") && !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if changed := differences(after, tree(t, data)); len(changed) != 1 { // the lock
		t.Errorf("left behind: %v", changed)
	}
}

// longLedger holds more than a small disk.
func longLedger(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	w.history(t, strings.Repeat("much ", 400_000))
	return w
}

// TestWhatMayNotBeReadIsNotCalledAbsent: who is refused must not look for another directory.
func TestWhatMayNotBeReadIsNotCalledAbsent(t *testing.T) {
	w, open := newWorld(t), t.TempDir()
	if err := errors.Join(os.Chmod(open, 0o777), os.Chmod(filepath.Dir(open), 0o755), os.Chmod(w.data, 0)); err != nil { //nolint:gosec // for another user
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(w.data, 0o700) }) //nolint:gosec // a folder
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // another user's meanwhile
		defer runtime.UnlockOSThread()
		_, _ = unix.SetfsuidRetUid(12345)
		defer func() { _, _ = unix.SetfsuidRetUid(0) }()
	}
	for _, only := range [][]string{nil, {backup.Etcd}, {backup.Ledger}} {
		_, err := backup.Save(t.Context(), backup.Config{Out: filepath.Join(open, "b"), DataDir: w.data, Only: only, Time: tuesday()})
		if err == nil || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "holds no") {
			t.Errorf("%v: %v", only, err)
		}
	}
}

// TestRootGivesWhatItMakes: an operator is root, and the process is not.
func TestRootGivesWhatItMakes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIP: only root can give files away")
	}
	const user = 12345
	w := newWorld(t)
	file, _ := w.save(t)
	for _, dir := range []string{w.data, w.pki} {
		if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, user, user))
		}); err != nil {
			t.Fatal(err)
		}
	}
	others := func(when string) {
		t.Helper()
		for _, dir := range []string{w.data, w.pki} {
			if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != user {
					t.Errorf("%s: %s is %d's", when, path, stat.Uid)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.saveAsItIs(t)
	others("after a backup of a process that is stopped")
	if err := errors.Join(os.RemoveAll(filepath.Join(w.pki, "people")), os.RemoveAll(filepath.Join(w.data, "etcd"))); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err != nil {
		t.Fatal(err)
	}
	others("after a restore")
}
