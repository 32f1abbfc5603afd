package bundle_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/backup/internal/bundle"
)

// content is a backup's parts by name.
type content map[string]string

func kindOf(name string) string { kind, _, _ := strings.Cut(name, "/"); return kind }

func (c content) manifest() bundle.Manifest {
	m := bundle.Manifest{Release: "test", Time: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	for _, kind := range []string{bundle.KindEtcd, bundle.KindLedger, bundle.KindKeys} {
		for _, name := range slices.Sorted(maps.Keys(c)) {
			if kindOf(name) != kind {
				continue
			}
			sum := sha256.Sum256([]byte(c[name]))
			m.Parts = append(m.Parts, bundle.Part{
				Kind: kind, Name: name, Bytes: int64(len(c[name])), SHA256: hex.EncodeToString(sum[:]),
			})
			if kind == bundle.KindEtcd {
				m.Etcd = &bundle.Etcd{ClusterID: "00000000000000aa", Revision: 42}
			}
		}
	}
	return m
}

func (c content) open(p bundle.Part) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(c[p.Name])), nil
}

func (c content) write(t interface{ Fatal(...any) }) []byte {
	var b bytes.Buffer
	if err := bundle.Write(&b, c.manifest(), c.open); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read is what comes out, where the whole backup is good.
func read(file []byte) (content, bundle.Manifest, error) {
	c := content{}
	m, err := bundle.Read(bytes.NewReader(file), func(_ bundle.Manifest, p bundle.Part, r io.Reader) error {
		b, err := io.ReadAll(r)
		c[p.Name] = string(b)
		return err
	})
	return c, m, err
}

func example() content {
	return content{
		bundle.EtcdName: strings.Repeat("snapshot ", 300), bundle.LedgerName: strings.Repeat("ledger ", 100),
		"keys/ca.crt": "certificate", "keys/ca.key": "key", "keys/people/ada.crt": "",
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := content{}
		if rapid.Bool().Draw(t, "etcd") {
			c[bundle.EtcdName] = rapid.String().Draw(t, "snapshot")
		}
		if rapid.Bool().Draw(t, "ledger") {
			c[bundle.LedgerName] = rapid.String().Draw(t, "database")
		}
		name := rapid.StringMatching(`keys/[a-z]{1,8}(/[a-z.]{0,3}[a-z]){0,3}`)
		for key, value := range rapid.MapOfN(name, rapid.String(), 1, 5).Draw(t, "keys") {
			c[key] = value
		}
		got, m, err := read(c.write(t))
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, c) || len(m.Parts) != len(c) {
			t.Fatalf("got %q, want %q", got, c)
		}
	})
}

// A cut or changed file is refused. What tar does not look at (the filling after a part) may change: what comes out may not.
func TestAChangedFileIsRefusedOrTheSame(t *testing.T) {
	file := example().write(t)
	rapid.Check(t, func(t *rapid.T) {
		changed := slices.Clone(file)
		i := rapid.IntRange(0, len(file)-1).Draw(t, "at")
		changed[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		if got, _, err := read(changed); err == nil && !maps.Equal(got, example()) {
			t.Fatalf("byte %d: changed content is taken for whole", i)
		}
	})
}

func TestACutFileIsRefused(t *testing.T) {
	file := example().write(t)
	// What only fills the last block, and the two empty ones at the end of a tar, may be missing: all is there.
	end := len(file) - 2*512 - 512 + len(strings.Repeat("0", 64)+"\n")
	for n := range end {
		if _, _, err := read(file[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken for whole", n, len(file))
		}
	}
}

// tarOf is a tar of such entries, whatever they are.
func tarOf(t *testing.T, entries ...*tar.Header) func(contents ...string) []byte {
	t.Helper()
	return func(contents ...string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i, h := range entries {
			h.Size = int64(len(contents[i]))
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, contents[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	c := content{"keys/a": "secret"}
	sealed := func(m any) (string, string) {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		return string(text), hex.EncodeToString(sum[:]) + "\n"
	}
	good := c.manifest()
	good.Format = bundle.Format
	with := func(change func(*bundle.Manifest)) []byte {
		m := good
		m.Parts = slices.Clone(good.Parts)
		change(&m)
		text, seal := sealed(m)
		return tarOf(t, &tar.Header{Name: "dayside-backup.json"}, &tar.Header{Name: m.Parts[0].Name},
			&tar.Header{Name: "dayside-backup.sha256"})(text, "secret", seal)
	}
	if _, _, err := read(with(func(*bundle.Manifest) {})); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	text, seal := sealed(good)
	later, laterSeal := sealed(map[string]any{"format": 2, "release": "v9", "parts": "quite different"})
	manifest, last := &tar.Header{Name: "dayside-backup.json"}, &tar.Header{Name: "dayside-backup.sha256"}
	for name, f := range map[string]struct {
		file []byte
		want string
	}{
		"empty":           {nil, "no backup of Dayside"},
		"text":            {[]byte(strings.Repeat("no tar\n", 200)), "no backup of Dayside"},
		"another tar":     {tarOf(t, &tar.Header{Name: "README"})("x"), "no backup of Dayside"},
		"a later format":  {tarOf(t, manifest, last)(later, laterSeal), `format 2, and was written by release "v9"`},
		"not JSON":        {tarOf(t, manifest)("{"), "cannot be read"},
		"a missing part":  {tarOf(t, manifest, last)(text, seal), "stands where keys/a should"},
		"another part":    {tarOf(t, manifest, &tar.Header{Name: "keys/b"}, last)(text, "secret", seal), "stands where"},
		"a longer part":   {tarOf(t, manifest, &tar.Header{Name: "keys/a"}, last)(text, "secrets", seal), "7 bytes"},
		"another content": {tarOf(t, manifest, &tar.Header{Name: "keys/a"}, last)(text, "Secret", seal), "SHA-256 differs"},
		"a part too many": {tarOf(t, manifest, &tar.Header{Name: "keys/a"}, last, &tar.Header{Name: "x"})(text, "secret", seal, ""),
			"follows its end"},
		"a link": {tarOf(t, manifest, &tar.Header{Name: "keys/a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})(text, ""),
			"no plain file"},
		"another seal":     {tarOf(t, manifest, &tar.Header{Name: "keys/a"}, last)(text, "secret", laterSeal), "not as it was written"},
		"no seal":          {tarOf(t, manifest, &tar.Header{Name: "keys/a"})(text, "secret"), "ends before dayside-backup.sha256"},
		"something behind": {append(with(func(*bundle.Manifest) {}), "more"...), "something follows"},
		"a path out":       {with(func(m *bundle.Manifest) { m.Parts[0].Name = "keys/../../x" }), "no path"},
		"an absolute path": {with(func(m *bundle.Manifest) { m.Parts[0].Name = "/etc/passwd" }), "no path"},
		"another kind":     {with(func(m *bundle.Manifest) { m.Parts[0].Kind = "spool" }), "not known"},
		"no parts": {tarOf(t, manifest, last)(sealed(bundle.Manifest{Format: bundle.Format})),
			"0 parts"},
		"twice":         {with(func(m *bundle.Manifest) { m.Parts = append(m.Parts, m.Parts[0]) }), "out of order"},
		"etcd unsaid":   {with(func(m *bundle.Manifest) { m.Etcd = &bundle.Etcd{} }), "disagree"},
		"below nothing": {with(func(m *bundle.Manifest) { m.Parts[0].Bytes = -1 }), "is not 0 to"},
		"a large key":   {with(func(m *bundle.Manifest) { m.Parts[0].Bytes = bundle.MaxKeyFileBytes + 1 }), "is not 0 to"},
		"no sum":        {with(func(m *bundle.Manifest) { m.Parts[0].SHA256 = "00" }), "SHA-256 is none"},
		"a sparse file": {tarOf(t, manifest, &tar.Header{Name: "keys/a", PAXRecords: map[string]string{"comment": "x"}})(text, "secret"),
			"attribute"},
	} {
		if _, _, err := read(f.file); err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("%s: %v, want %q", name, err, f.want)
		}
	}
}

func TestAPartThatChangesWhileItIsWrittenIsAnError(t *testing.T) {
	c := example()
	err := bundle.Write(io.Discard, c.manifest(), func(p bundle.Part) (io.ReadCloser, error) {
		if p.Kind == bundle.KindLedger {
			return io.NopCloser(strings.NewReader(strings.ToUpper(c[p.Name]))), nil
		}
		return c.open(p)
	})
	if err == nil || !strings.Contains(err.Error(), "ledger/ledger.db: it changed") {
		t.Errorf("%v", err)
	}
}

func TestAPartMayBePassedOver(t *testing.T) {
	file := example().write(t)
	if m, err := bundle.Read(bytes.NewReader(file), nil); err != nil || fmt.Sprint(m.Kinds()) != "[etcd ledger keys]" {
		t.Errorf("%v %v", m.Kinds(), err)
	}
}

// Whatever the bytes: no panic, and what is taken is whole.
func FuzzRead(f *testing.F) {
	f.Add(example().write(f))
	f.Add(content{"keys/a": "x"}.write(f))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, m, err := read(file)
		if err != nil {
			return
		}
		for _, p := range m.Parts {
			sum := sha256.Sum256([]byte(c[p.Name]))
			if int64(len(c[p.Name])) != p.Bytes || hex.EncodeToString(sum[:]) != strings.ToLower(p.SHA256) {
				t.Fatalf("%s is not as the manifest says", p.Name)
			}
		}
	})
}
