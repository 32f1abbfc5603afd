package backup_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/backup"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/datadir"
)

// world is a data directory with an etcd and a ledger, and a folder of keys beside it.
type world struct{ data, pki string }

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "pki")}
	w.put(t, "site", "as backed up")
	w.history(t, "as backed up")
	write(t, filepath.Join(w.pki, "ca.key"), "as backed up")
	write(t, filepath.Join(w.pki, "people", "ada.crt"), "as backed up")
	write(t, filepath.Join(w.data, "view", "snapshot"), "as backed up")
	for _, waits := range []string{"spool/1", "alerts/1", "gateway/routes.reports"} {
		write(t, filepath.Join(w.data, waits), "as backed up")
	}
	return w
}

// change makes everything another truth.
func (w world) change(t testing.TB) {
	t.Helper()
	w.put(t, "site", "later")
	w.history(t, "later")
	write(t, filepath.Join(w.pki, "ca.key"), "later")
	write(t, filepath.Join(w.pki, "new.crt"), "later")
	write(t, filepath.Join(w.data, "view", "snapshot"), "later")
	write(t, filepath.Join(w.data, "gateway", "routes"), "later")
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// serve runs the embedded etcd, with the data directory taken, as a process does.
func (w world) serve(t testing.TB) (c *coord.Client, stop func()) {
	t.Helper()
	unlock, err := datadir.Lock(w.data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := embed.Start(t.Context(), embed.Config{Dir: filepath.Join(w.data, "etcd"), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err = coord.Open(t.Context(), coord.Config{Endpoints: []string{s.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	return c, func() { _ = c.Close(); s.Close(); unlock() }
}

func (w world) put(t testing.TB, key, value string) {
	t.Helper()
	c, stop := w.serve(t)
	defer stop()
	if _, err := c.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(key, []byte(value))}); err != nil {
		t.Fatal(err)
	}
}

func (w world) get(t testing.TB, key string) string {
	t.Helper()
	c, stop := w.serve(t)
	defer stop()
	e, err := c.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Value)
}

// ledger opens the database as the ledger's process does.
func (w world) ledger(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.data, "ledger.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS calls (n INTEGER PRIMARY KEY, id TEXT); "+
		"PRAGMA user_version = 7"); err != nil {
		t.Fatal(err)
	}
	return db
}

func (w world) history(t testing.TB, call string) {
	t.Helper()
	db := w.ledger(t)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO calls (id) VALUES (?)", call); err != nil {
		t.Fatal(err)
	}
}

func (w world) calls(t testing.TB) (ids []string) {
	t.Helper()
	db := w.ledger(t)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT id FROM calls ORDER BY n")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// save backs up with the process running.
func (w world) save(t testing.TB, only ...string) (string, backup.Saved) {
	t.Helper()
	_, stop := w.serve(t)
	defer stop()
	return w.saveAsItIs(t, only...)
}

// saveAsItIs backs up whether the process runs or not.
func (w world) saveAsItIs(t testing.TB, only ...string) (string, backup.Saved) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "monday.dayside")
	s, err := backup.Save(t.Context(), backup.Config{
		Out: out, DataDir: w.data, PKIDir: w.pki, Only: only, Release: "v1", Time: tuesday(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, s
}

func (w world) restore(t testing.TB, file string) backup.RestoreConfig {
	t.Helper()
	return backup.RestoreConfig{File: file, DataDir: w.data, PKIDir: w.pki, Force: true, Time: tuesday().Add(time.Hour)}
}

// tree is every file below folders, with its content.
func tree(t testing.TB, dirs ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range dirs {
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files[path] = content(t, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func differences(before, after map[string]string) (paths []string) {
	for path, text := range before {
		if now, there := after[path]; !there || now != text {
			paths = append(paths, path)
		}
	}
	for path := range after {
		if _, there := before[path]; !there {
			paths = append(paths, path)
		}
	}
	return paths
}
