package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/backup"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/datadir"
)

func tuesday() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

// TestTheEarlierTruthIsBack: all that was backed up is as it was; what came later is moved aside; the rest is untouched.
func TestTheEarlierTruthIsBack(t *testing.T) {
	w := newWorld(t)
	file, saved := w.save(t)
	w.change(t)
	r, err := backup.Restore(t.Context(), w.restore(t, file))
	if err != nil {
		t.Fatal(err)
	}
	if w.get(t, "site") != "as backed up" || fmt.Sprint(w.calls(t)) != "[as backed up]" ||
		content(t, filepath.Join(w.pki, "ca.key")) != "as backed up" ||
		content(t, filepath.Join(w.pki, "people", "ada.crt")) != "as backed up" {
		t.Errorf("not as it was: %q %q", w.get(t, "site"), w.calls(t))
	}
	for path, want := range map[string]string{
		filepath.Join(w.pki, "new.crt"): "later", filepath.Join(w.data, "spool", "1"): "as backed up",
		filepath.Join(w.data, "alerts", "1"): "as backed up", filepath.Join(w.data, "gateway", "routes.reports"): "as backed up",
	} {
		if content(t, path) != want {
			t.Errorf("%s is in no backup, and was touched", path)
		}
	}
	for _, copied := range []string{"view", "gateway/routes"} {
		if _, err := os.Stat(filepath.Join(w.data, copied)); !os.IsNotExist(err) {
			t.Errorf("a copy of the later truth is left: %v", err)
		}
	}
	if fmt.Sprint(r.Kinds) != "[etcd ledger keys]" || r.ClusterID == saved.Manifest.Etcd.ClusterID || len(r.Left) > 0 {
		t.Errorf("%+v", r)
	}
	const suffix = ".before-restore-20261124T110000Z"
	for _, path := range []string{
		filepath.Join(w.data, "etcd", "member-data", "member"), filepath.Join(w.data, "ledger.db"), filepath.Join(w.data, "view"),
		filepath.Join(w.data, "gateway", "routes"),
		filepath.Join(w.pki, "ca.key"), filepath.Join(w.pki, "people", "ada.crt"),
	} {
		if !slices.Contains(r.Aside, path+suffix) {
			t.Errorf("%s is not moved aside: %v", path, r.Aside)
		}
		if _, err := os.Stat(path + suffix); err != nil {
			t.Error(err)
		}
	}
	if content(t, filepath.Join(w.pki, "ca.key"+suffix)) != "later" {
		t.Error("the later key is lost")
	}
	if left, err := filepath.Glob(filepath.Join(w.data, "*", "*", ".restore-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestABackupOfAProcessThatRuns takes nothing from it, and is of one instant.
func TestABackupOfAProcessThatRuns(t *testing.T) {
	w := newWorld(t)
	etcd, stop := w.serve(t)
	db := w.ledger(t)
	ctx, cancel := context.WithCancel(t.Context())
	written, begun := make(chan int, 1), make(chan struct{})
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			_, err := etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("a", fmt.Append(nil, n)), coord.Put("b", fmt.Append(nil, n))})
			if err == nil {
				_, err = db.ExecContext(t.Context(), "INSERT INTO calls (id) VALUES (?)", fmt.Sprint(n))
			}
			if err != nil {
				t.Errorf("writes stop: %v", err)
				break
			}
			if n == 3 {
				close(begun)
			}
		}
		written <- n
	}()
	await.Receive(t, "some writes", begun)
	file, saved := w.saveAsItIs(t)
	cancel()
	n := <-written
	stop()
	_ = db.Close()
	if saved.Manifest.Etcd.Revision == 0 || len(saved.Left) > 0 {
		t.Errorf("%+v", saved)
	}
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err != nil {
		t.Fatal(err)
	}
	if w.get(t, "a") != w.get(t, "b") {
		t.Errorf("half a transaction: %s and %s", w.get(t, "a"), w.get(t, "b"))
	}
	if calls := w.calls(t); len(calls) < 4 || len(calls) > n+1 || calls[len(calls)-1] != fmt.Sprint(len(calls)-2) {
		t.Errorf("%d calls of %d", len(calls), n+1)
	}
}

// TestNothingChangesWhereARestoreCannotBe: whatever is wrong, every byte is as before.
func TestNothingChangesWhereARestoreCannotBe(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t)
	w.change(t)
	whole := []byte(content(t, file))
	with := func(change func([]byte) []byte) string {
		path := filepath.Join(t.TempDir(), "changed")
		write(t, path, string(change(slices.Clone(whole))))
		return path
	}
	flip := func(at int) string { return with(func(b []byte) []byte { b[at] ^= 1; return b }) }
	part := func(name string) int { return bytes.Index(whole, []byte(name+"\x00")) + 512 + 100 }
	cfg := func(change func(*backup.RestoreConfig)) backup.RestoreConfig {
		c := w.restore(t, file)
		change(&c)
		return c
	}
	member := &backup.EtcdMember{
		DataDir: filepath.Join(t.TempDir(), "a"), Name: "a", PeerURL: "http://127.0.0.1:1", InitialCluster: "b=http://127.0.0.1:1",
		Token: "t",
	}
	before := tree(t, w.data, w.pki)
	for name, c := range map[string]struct {
		cfg  backup.RestoreConfig
		want string
	}{
		"cut":             {cfg(func(c *backup.RestoreConfig) { c.File = with(func(b []byte) []byte { return b[:len(b)/2] }) }), "cannot be used"},
		"changed in etcd": {cfg(func(c *backup.RestoreConfig) { c.File = flip(part("etcd/snapshot.db")) }), "SHA-256 differs"},
		"changed in ledger": {cfg(func(c *backup.RestoreConfig) { c.File = flip(part("ledger/ledger.db")) }),
			"SHA-256 differs"},
		"of another format": {cfg(func(c *backup.RestoreConfig) {
			c.File = with(func(b []byte) []byte { return bytes.Replace(b, []byte(`"format": 1`), []byte(`"format": 2`), 1) })
		}), "this program reads format 1"},
		"no file":     {cfg(func(c *backup.RestoreConfig) { c.File += "x" }), "no such file"},
		"not forced":  {cfg(func(c *backup.RestoreConfig) { c.Force = false }), "is there already: with --force"},
		"a wrong one": {cfg(func(c *backup.RestoreConfig) { c.Only = []string{"spool"} }), `--only "spool": must be of`},
		"nowhere":     {cfg(func(c *backup.RestoreConfig) { c.DataDir, c.PKIDir = "", "" }), "--data, --etcd-data and --pki say where to"},
		"no place":    {cfg(func(c *backup.RestoreConfig) { c.PKIDir, c.Only = "", []string{"keys"} }), "--pki is needed"},
		"a member that is none": {cfg(func(c *backup.RestoreConfig) { c.Etcd = member }),
			`nothing was changed: etcd: the member "a" is not one`},
	} {
		_, err := backup.Restore(t.Context(), c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if changed := differences(before, tree(t, w.data, w.pki)); len(changed) > 0 {
			t.Fatalf("%s: changed %v", name, changed)
		}
	}
	_, stop := w.serve(t)
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("restored under a process that runs: %v", err)
	}
	stop()
}

// TestAMoveThatFailsTakesBackThoseBefore: the ledger's place cannot be taken, so etcd stays what it was.
func TestAMoveThatFailsTakesBackThoseBefore(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t)
	w.change(t)
	// A folder of keys where a file of that name must go cannot be made: its parent is a file.
	if err := os.RemoveAll(filepath.Join(w.pki, "people")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.pki, "people"), "a file")
	before := tree(t, w.data, w.pki)
	_, err := backup.Restore(t.Context(), w.restore(t, file))
	if err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("%v", err)
	}
	if changed := differences(before, tree(t, w.data, w.pki)); len(changed) > 0 {
		t.Errorf("changed: %v", changed)
	}
	if w.get(t, "site") != "later" {
		t.Errorf("%q", w.get(t, "site"))
	}
}

// TestAnInterruptedRestoreIsDoneAgain: nobody serves what it left, and a part alone does not mend it.
func TestAnInterruptedRestoreIsDoneAgain(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t)
	if err := datadir.Mark(w.data); err != nil { // as a killed one leaves it
		t.Fatal(err)
	}
	if _, err := datadir.Lock(w.data); err == nil {
		t.Error("it is served")
	}
	part := w.restore(t, file)
	part.Only = []string{backup.Ledger}
	if _, err := backup.Restore(t.Context(), part); err == nil || !strings.Contains(err.Error(), "without --only") {
		t.Errorf("%v", err)
	}
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err != nil {
		t.Fatal(err)
	}
	if w.get(t, "site") != "as backed up" {
		t.Error("not restored")
	}
}

// TestABackupOfAProcessThatIsStopped, or was killed, is as good; and takes the directory meanwhile.
func TestABackupOfAProcessThatIsStopped(t *testing.T) {
	w := newWorld(t)
	write(t, filepath.Join(w.data, "etcd", "endpoint"), "127.0.0.1:1") // as a killed one leaves it
	file, _ := w.saveAsItIs(t)
	w.change(t)
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err != nil {
		t.Fatal(err)
	}
	if w.get(t, "site") != "as backed up" {
		t.Error("not restored")
	}
	if err := datadir.Mark(w.data); err != nil {
		t.Fatal(err)
	}
	_, err := backup.Save(t.Context(), backup.Config{Out: file + "2", DataDir: w.data, Time: tuesday()})
	if err == nil || !strings.Contains(err.Error(), "did not finish") {
		t.Errorf("a half of a restore is backed up: %v", err)
	}
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	file, saved := w.save(t, backup.Ledger)
	if fmt.Sprint(saved.Manifest.Kinds()) != "[ledger]" {
		t.Errorf("%v", saved.Manifest.Kinds())
	}
	w.change(t)
	all, _ := w.save(t)
	w.change(t)
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err != nil {
		t.Fatal(err)
	}
	if w.get(t, "site") != "later" || fmt.Sprint(w.calls(t)) != "[as backed up]" || content(t, filepath.Join(w.pki, "ca.key")) != "later" {
		t.Errorf("%q %q", w.get(t, "site"), w.calls(t))
	}
	keys := w.restore(t, all)
	keys.Only, keys.DataDir, keys.PKIDir = []string{backup.Keys}, "", filepath.Join(t.TempDir(), "elsewhere")
	if _, err := backup.Restore(t.Context(), keys); err != nil || content(t, filepath.Join(keys.PKIDir, "ca.key")) != "later" {
		t.Errorf("%v", err)
	}
	if info, err := os.Stat(filepath.Join(keys.PKIDir, "people", "ada.crt")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestAPlaceForWhatTheBackupDoesNotHoldIsSaid, beside what is restored, and where that is nothing.
func TestAPlaceForWhatTheBackupDoesNotHoldIsSaid(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t, backup.Ledger)
	cfg := w.restore(t, file)
	want := "keys: the backup holds no keys; nothing was put into " + w.pki
	r, err := backup.Restore(t.Context(), cfg)
	if err != nil || !slices.Contains(r.Left, want) {
		t.Errorf("%v %v", r.Left, err)
	}
	cfg.DataDir = ""
	if _, err := backup.Restore(t.Context(), cfg); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// TestAMemberOfAClusterGetsItsData, and the ledger of the same file goes nowhere without a place.
func TestAMemberOfAClusterGetsItsData(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t)
	ids := map[string]bool{}
	for i, name := range []string{"a", "b"} {
		dir := filepath.Join(t.TempDir(), name)
		r, err := backup.Restore(t.Context(), backup.RestoreConfig{File: file, Time: tuesday(), Etcd: &backup.EtcdMember{
			DataDir: dir, Name: name, PeerURL: fmt.Sprint("http://127.0.0.1:", 1+i),
			InitialCluster: "a=http://127.0.0.1:1,b=http://127.0.0.1:2", Token: "monday",
		}})
		if err != nil {
			t.Fatal(err)
		}
		ids[r.ClusterID] = true
		if fmt.Sprint(r.Kinds) != "[etcd]" || len(r.Left) != 2 {
			t.Errorf("%+v", r)
		}
		if _, err := os.Stat(filepath.Join(dir, "member", "wal")); err != nil {
			t.Error(err)
		}
	}
	if len(ids) != 1 {
		t.Errorf("members of %v", ids)
	}
}

func TestWhatCannotBeBackedUpSaysWhy(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t)
	empty := t.TempDir()
	link := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(link, "ca.key")); err != nil {
		t.Fatal(err)
	}
	big := t.TempDir()
	write(t, filepath.Join(big, "core"), strings.Repeat("x", 1<<20+1))
	broken := newWorld(t)
	if err := os.RemoveAll(filepath.Join(broken.data, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(broken.data, "ledger.db"), strings.Repeat("no database ", 1000))
	for name, c := range map[string]struct {
		cfg  backup.Config
		want string
	}{
		"no name":        {backup.Config{DataDir: w.data}, "--out is needed"},
		"a file":         {backup.Config{Out: file, DataDir: w.data}, "exists already"},
		"no folder":      {backup.Config{Out: filepath.Join(empty, "x", "y"), DataDir: w.data}, "no such file"},
		"no etcd":        {backup.Config{Out: filepath.Join(empty, "y"), DataDir: empty}, "holds no etcd: name the one"},
		"no ledger":      {backup.Config{Out: filepath.Join(empty, "y"), DataDir: empty, Only: []string{"ledger"}}, "ledger"},
		"no keys":        {backup.Config{Out: filepath.Join(empty, "y"), DataDir: w.data, Only: []string{"keys"}}, "--pki is needed"},
		"keys of nobody": {backup.Config{Out: filepath.Join(empty, "y"), PKIDir: empty, Only: []string{"keys"}}, "holds no keys"},
		"a link":         {backup.Config{Out: filepath.Join(empty, "y"), PKIDir: link, Only: []string{"keys"}}, "neither a file nor a folder"},
		"no key":         {backup.Config{Out: filepath.Join(empty, "y"), PKIDir: big, Only: []string{"keys"}}, "is it a key?"},
		"another kind":   {backup.Config{Out: filepath.Join(empty, "y"), Only: []string{"all"}}, `--only "all"`},
		"a damaged ledger": {backup.Config{Out: filepath.Join(empty, "y"), DataDir: broken.data, Only: []string{"ledger"}},
			"the ledger"},
	} {
		_, err := backup.Save(t.Context(), c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if left := tree(t, empty); len(left) > 0 {
			t.Fatalf("%s: left behind %v", name, left)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Save(ctx, backup.Config{Out: filepath.Join(empty, "y"), DataDir: w.data}); err == nil || len(tree(t, empty)) > 0 {
		t.Errorf("interrupted: %v", err)
	}
}

// TestKeysStayReadableForWhoReadThem: what is restored in the place of a file is for the same people, and else for its owner.
func TestKeysStayReadableForWhoReadThem(t *testing.T) {
	w := newWorld(t)
	file, _ := w.save(t, backup.Keys)
	w.change(t)
	if err := os.Chmod(filepath.Join(w.pki, "ca.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(w.pki, "people", "ada.crt")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), w.restore(t, file)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"ca.key": 0o640, "people/ada.crt": 0o600} {
		if info, err := os.Stat(filepath.Join(w.pki, name)); err != nil || info.Mode().Perm() != want || content(t, filepath.Join(w.pki, name)) != "as backed up" {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestKeysOfAnyNameComeBack, in whatever order folders and files sort.
func TestKeysOfAnyNameComeBack(t *testing.T) {
	name := rapid.OneOf(rapid.StringMatching(`[a-z]{1,3}(/[a-z]{1,3})?\.[a-z]{1,2}`), // as others, of other tongues, and long
		rapid.StringMatching(`[aëй本 ]{1,4}\.crt`), rapid.StringMatching(`[a-z]{90}(/[aë]{48})?\.key`))
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "backup") //nolint:usetesting // one a check; rapid's own T has none
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		keys := rapid.MapOfN(name, rapid.String(), 1, 6).Draw(t, "keys")
		for rel, text := range keys {
			path := filepath.Join(root, "pki", rel)
			if os.MkdirAll(filepath.Dir(path), 0o700) != nil || os.WriteFile(path, []byte(text), 0o600) != nil {
				t.Fatal(rel)
			}
		}
		file := filepath.Join(root, "backup")
		_, err = backup.Save(context.Background(), backup.Config{
			Out: file, PKIDir: filepath.Join(root, "pki"), Only: []string{backup.Keys}, Time: tuesday(),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = backup.Restore(context.Background(), backup.RestoreConfig{
			File: file, PKIDir: filepath.Join(root, "restored"), Time: tuesday(),
		})
		if err != nil {
			t.Fatal(err)
		}
		for rel, text := range keys {
			if got, err := os.ReadFile(filepath.Join(root, "restored", rel)); err != nil || string(got) != text {
				t.Fatalf("%s: %q %v", rel, got, err)
			}
		}
	})
}
