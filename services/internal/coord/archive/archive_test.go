package archive_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/daysidehq/dayside/services/internal/coord/archive"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// member is a running etcd of one, and a client of it.
type member struct {
	*embed.Server
	etcd *clientv3.Client
	stop func()
}

func start(t testing.TB, dir string) *member {
	t.Helper()
	s, err := embed.Start(t.Context(), embed.Config{Dir: dir, Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint()}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { _ = c.Close(); s.Close() })
	t.Cleanup(stop)
	return &member{s, c, stop}
}

func (m *member) put(t testing.TB, key, value string) int64 {
	t.Helper()
	r, err := m.etcd.Put(t.Context(), key, value)
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.GetRevision()
}

func (m *member) get(t testing.TB, key string) (value string, revision int64, cluster uint64) {
	t.Helper()
	r, err := m.etcd.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range r.Kvs {
		value = string(kv.Value)
	}
	return value, r.Header.GetRevision(), r.Header.GetClusterId()
}

func embedded(token string) archive.Member {
	return archive.Member{Name: embed.Name, PeerURL: embed.PeerURL, InitialCluster: embed.Name + "=" + embed.PeerURL, Token: token}
}

// restored starts an etcd on what a snapshot becomes.
func restored(t testing.TB, snapshot, token string, was uint64) (*member, uint64) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "etcd")
	id, err := archive.Restore(t.Context(), snapshot, embed.DataDir(dir), embedded(token), was)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, dir), id
}

func save(t testing.TB, m *member) (string, archive.Snapshot) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	s, err := archive.Save(t.Context(), archive.Source{Endpoints: []string{m.Endpoint()}}, path)
	if err != nil {
		t.Fatal(err)
	}
	return path, s
}

// TestARestoredClusterIsAnotherOne: it has the earlier truth, and whoever followed the later one cannot go on from there.
func TestARestoredClusterIsAnotherOne(t *testing.T) {
	m := start(t, t.TempDir())
	m.put(t, "a", "gone")
	if _, err := m.etcd.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	m.put(t, "b", "before")
	at := m.put(t, "c", "before")
	path, s := save(t, m)
	var last int64
	for i := range 20 {
		last = m.put(t, "b", fmt.Sprint("after ", i))
	}
	_, _, was := m.get(t, "b")
	if s.Revision != at || s.ClusterID != was || s.Keys != 2 || s.Version == "" || s.Bytes == 0 {
		t.Errorf("saved %+v, at revision %d of cluster %x", s, at, was)
	}
	now, id := restored(t, path, "restored", was)
	b, revision, cluster := now.get(t, "b")
	a, _, _ := now.get(t, "a")
	if a != "" || b != "before" || cluster != id || cluster == was || revision <= last || revision < at+1_000_000_000 {
		t.Errorf("a=%q b=%q at revision %d of cluster %x", a, b, revision, cluster)
	}
	for _, from := range []int64{at, last, revision - 1} {
		w := <-now.etcd.Watch(t.Context(), "b", clientv3.WithRev(from))
		if w.CompactRevision == 0 {
			t.Errorf("a watch goes on from revision %d: %v", from, w.Err())
		}
	}
	if next := now.put(t, "b", "on"); next != revision+1 {
		t.Errorf("revision %d after %d", next, revision)
	}
}

// TestTheSameTokenIsRefusedWhereItWouldGiveTheSameID: followers know a cluster by its id.
func TestTheSameTokenIsRefusedWhereItWouldGiveTheSameID(t *testing.T) {
	m := start(t, t.TempDir())
	m.put(t, "a", "1")
	path, s := save(t, m)
	one, first := restored(t, path, "once", s.ClusterID)
	if _, again := restored(t, path, "twice", s.ClusterID); again == first {
		t.Errorf("two tokens make one id, %x", again)
	}
	later, of := save(t, one)
	if of.ClusterID != first {
		t.Fatalf("%x is not %x", of.ClusterID, first)
	}
	_, err := archive.Restore(t.Context(), later, filepath.Join(t.TempDir(), "x"), embedded("once"), of.ClusterID)
	if err == nil || !strings.Contains(err.Error(), "choose another token") {
		t.Errorf("%v", err)
	}
}

// TestUsersAreNoneOfTheEmbeddedMembers: a backup of a cluster that has some can be looked at on one machine.
func TestUsersAreNoneOfTheEmbeddedMembers(t *testing.T) {
	m := start(t, t.TempDir())
	m.put(t, "a", "1")
	for _, do := range []func() error{
		func() error { _, err := m.etcd.UserAdd(t.Context(), "root", "secret"); return err },
		func() error { _, err := m.etcd.UserGrantRole(t.Context(), "root", "root"); return err },
		func() error { _, err := m.etcd.AuthEnable(t.Context()); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	root, err := clientv3.New(clientv3.Config{
		Endpoints: []string{m.Endpoint()}, Logger: zap.NewNop(), Username: "root", Password: "secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	stream, err := root.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := io.ReadAll(stream)
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := errors.Join(err, os.WriteFile(path, snapshot, 0o600)); err != nil {
		t.Fatal(err)
	}
	for open, want := range map[bool]string{true: "1", false: ""} {
		dir, member := filepath.Join(t.TempDir(), "etcd"), embedded(fmt.Sprint(open))
		member.Open = open
		if _, err := archive.Restore(t.Context(), path, embed.DataDir(dir), member, 0); err != nil {
			t.Fatal(err)
		}
		r, err := start(t, dir).etcd.Get(t.Context(), "a")
		got := ""
		if err == nil && len(r.Kvs) == 1 {
			got = string(r.Kvs[0].Value)
		}
		if got != want {
			t.Errorf("open %v: %q %v", open, got, err)
		}
	}
}

func TestMembersOfOneClusterAgreeOnItsID(t *testing.T) {
	all := "a=http://127.0.0.1:1,b=http://127.0.0.1:2,c=http://127.0.0.1:3"
	var ids []uint64
	for i, name := range []string{"a", "b", "c"} {
		id, err := archive.Member{
			Name: name, PeerURL: fmt.Sprint("http://127.0.0.1:", i+1), InitialCluster: all, Token: "t",
		}.ClusterID()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || ids[1] != ids[2] {
		t.Errorf("%x", ids)
	}
}

func TestWhatCannotBeRestoredSaysWhy(t *testing.T) {
	m := start(t, t.TempDir())
	m.put(t, "a", "1")
	path, s := save(t, m)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := embedded("t")
	stranger.Name = "other"
	elsewhere := embedded("t")
	elsewhere.PeerURL = "http://127.0.0.1:99"
	for name, c := range map[string]struct {
		path, dir string
		member    archive.Member
		want      string
	}{
		"a member that is not one": {path, t.TempDir(), stranger, `"other" is not one of the initial cluster`},
		"another URL":              {path, t.TempDir(), elsewhere, "127.0.0.1:99"},
		"a folder that is full":    {path, full, embedded("t"), "not empty"},
		"no file":                  {path + "x", t.TempDir(), embedded("t"), "no such file"},
		"no URL":                   {path, t.TempDir(), archive.Member{Name: "a", InitialCluster: "a=::"}, "missing protocol"},
	} {
		_, err := archive.Restore(t.Context(), c.path, c.dir, c.member, s.ClusterID)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestADamagedSnapshotIsFound(t *testing.T) {
	m := start(t, t.TempDir())
	m.put(t, "a", "1")
	path, s := save(t, m)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if revision, err := archive.Check(t.Context(), path); err != nil || revision != s.Revision {
		t.Errorf("%d %v", revision, err)
	}
	changed := append([]byte(nil), whole...)
	changed[len(changed)/2] ^= 1
	for name, content := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)-512], "without its sum": whole[:len(whole)-32], "changed": changed,
	} {
		file := filepath.Join(t.TempDir(), "snapshot")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Check(t.Context(), file); err == nil {
			t.Errorf("%s: taken for whole", name)
		}
	}
}

// TestTheNextMemberIsAsked where one does not answer; and where none does, nothing is left.
func TestTheNextMemberIsAsked(t *testing.T) {
	m := start(t, t.TempDir())
	m.put(t, "a", "1")
	path := filepath.Join(t.TempDir(), "snapshot")
	src := archive.Source{Endpoints: []string{"127.0.0.1:1", m.Endpoint()}}
	s, err := archive.Save(t.Context(), src, path)
	if err != nil {
		t.Fatal(err)
	}
	src.Endpoints = src.Endpoints[1:]
	if _, err := archive.Save(t.Context(), src, path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file is written over: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != s.Bytes || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if _, err := archive.Save(t.Context(), archive.Source{}, path+"2"); err == nil {
		t.Error("saved from nowhere")
	}
}

// TestDataOfARunningMemberIsNotTaken: etcd would go on writing to what was moved aside.
func TestDataOfARunningMemberIsNotTaken(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir)
	if _, err := archive.Hold(embed.DataDir(dir)); !errors.Is(err, archive.ErrInUse) {
		t.Errorf("%v", err)
	}
	m.stop()
	release, err := archive.Hold(embed.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	release()
	if release, err = archive.Hold(t.TempDir()); err != nil {
		t.Errorf("nothing is there: %v", err)
	}
	release()
}
