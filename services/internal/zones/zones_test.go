package zones_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/zones"
)

func embedded(t testing.TB) *zones.Bundle {
	t.Helper()
	b, err := zones.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEmbeddedSaysItsRelease(t *testing.T) {
	b := embedded(t)
	if !regexp.MustCompile(`^20\d\d[a-z]$`).MatchString(b.Release()) {
		t.Errorf("release %q", b.Release())
	}
	if n := len(b.Names()); n < 450 {
		t.Errorf("%d zones only", n)
	}
	for _, name := range b.Names() {
		if _, err := b.Location(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLocationIgnoresTheMachine(t *testing.T) {
	t.Setenv("ZONEINFO", t.TempDir())
	t.Setenv("TZ", "Asia/Tokyo")
	loc, err := embedded(t).Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	if got := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).In(loc).Format("15:04 MST"); got != "13:00 IST" {
		t.Errorf("noon UTC is %s in Dublin", got)
	}
}

func TestLocationRefuses(t *testing.T) {
	b := embedded(t)
	for _, ok := range []string{
		"Europe/Dublin", "Asia/Calcutta", "US/Eastern", "America/Argentina/San_Luis", "UTC", "Etc/UTC",
	} {
		if _, err := b.Location(ok); err != nil {
			t.Errorf("%s is refused: %v", ok, err)
		}
	}
	for name, want := range map[string]string{
		"":                       "IANA name",
		"Local":                  "IANA name",
		"EST5":                   "fixed offset",
		"EST5EDT":                "fixed offset",
		"EST":                    "fixed offset",
		"CEST":                   "fixed offset",
		"UTC+2":                  "fixed offset",
		"GMT-3":                  "fixed offset",
		"+02:00":                 "fixed offset",
		"Etc/GMT-2":              "fixed offset",
		"Eire":                   "fixed offset",
		"Factory":                "fixed offset",
		"Mars/Olympus":           "IANA name",
		"europe/dublin":          `did you mean "Europe/Dublin"?`,
		"America/New York":       `did you mean "America/New_York"?`,
		"Sydney":                 `did you mean "Australia/Sydney"?`,
		"../../etc/passwd":       "IANA name",
		"Europe/Dublin\x00":      "IANA name",
		strings.Repeat("a", 1e6): "IANA name",
	} {
		_, err := b.Location(name)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Reason != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%.40q: error %v, want INVALID_FIELD", name, err)
			continue
		}
		v := f.Violations[0]
		if v.Field != "time_zone" || !strings.Contains(v.Rule, want) || len(v.Value) > 200 {
			t.Errorf("%.40q: %+v, want a rule with %q", name, v, want)
		}
	}
}

func unix(t testing.TB, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

func TestOffsets(t *testing.T) {
	b := embedded(t)
	for _, c := range []struct {
		zone, from, to string
		want           []zones.Offset
	}{
		{"Asia/Tokyo", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z", []zones.Offset{
			{unix(t, "2026-01-01T00:00:00Z"), 9 * 3600},
		}},
		{"Antarctica/Troll", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", []zones.Offset{
			{unix(t, "2026-01-01T00:00:00Z"), 0},
			{unix(t, "2026-03-29T01:00:00Z"), 2 * 3600},
			{unix(t, "2026-10-25T01:00:00Z"), 0},
		}},
		{"Pacific/Apia", "2011-12-01T00:00:00Z", "2012-01-02T00:00:00Z", []zones.Offset{
			{unix(t, "2011-12-01T00:00:00Z"), -10 * 3600},
			{unix(t, "2011-12-30T10:00:00Z"), 14 * 3600},
		}},
		// Time.ZoneBounds gives a wrong bound here (golang/go issue 81583), and no change.
		{"Europe/London", "2028-12-30T00:00:00Z", "2029-01-03T00:00:00Z", []zones.Offset{
			{unix(t, "2028-12-30T00:00:00Z"), 0},
		}},
		{"Europe/London", "2026-03-29T01:00:00Z", "2026-03-29T01:00:01Z", []zones.Offset{
			{unix(t, "2026-03-29T01:00:00Z"), 3600},
		}},
	} {
		loc, err := b.Location(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := zones.Offsets(loc, unix(t, c.from), unix(t, c.to)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.zone, got, c.want)
		}
	}
}

// TestOffsetsMissNothing looks at every quarter of an hour of every zone.
func TestOffsetsMissNothing(t *testing.T) {
	b := embedded(t)
	from, to := unix(t, "2025-06-01T00:00:00Z"), unix(t, "2026-12-01T00:00:00Z")
	for _, name := range b.Names() {
		loc, err := b.Location(name)
		if err != nil {
			t.Fatal(err)
		}
		offsets, i := zones.Offsets(loc, from, to), 0
		for at := from; at < to; at += 900 {
			for i+1 < len(offsets) && offsets[i+1].FromUnixS <= at {
				i++
			}
			if _, east := time.Unix(at, 0).In(loc).Zone(); int64(east) != offsets[i].EastS {
				t.Fatalf("%s at %d: %d s east, want %d", name, at, offsets[i].EastS, east)
			}
		}
	}
}

// TestFingerprintTellsBehaviourNotBytes: releases that differ for a zone have different fingerprints; files that differ
// in form only (2025b's are fat, 2025c's slim) have the same.
func TestFingerprintTellsBehaviourNotBytes(t *testing.T) {
	raw, err := os.ReadFile("testdata/tzdata-release-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name, TZ   string
			TZifBase64 map[string]string         `json:"tzif_base64"`
			Expected   map[string][][2]time.Time `json:"expected_by_tzdata"`
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(file.Vectors), err)
	}
	from, to := unix(t, "2026-01-01T00:00:00Z"), unix(t, "2029-01-01T00:00:00Z")
	for _, v := range file.Vectors {
		print := map[string]uint64{}
		for release, text := range v.TZifBase64 {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			loc, err := time.LoadLocationFromTZData(v.TZ, data)
			if err != nil {
				t.Fatal(err)
			}
			print[release] = zones.Fingerprint(zones.Offsets(loc, from, to))
		}
		if print["2025b"] != print["2025c"] {
			t.Errorf("%s: 2025b and 2025c behave alike but have different fingerprints", v.Name)
		}
		if print["2025c"] == print["2026f"] && len(print) == 3 && differ(v.Expected["2025c"], v.Expected["2026f"]) {
			t.Errorf("%s: 2025c and 2026f behave differently but have the same fingerprint", v.Name)
		}
	}
}

func differ(a, b [][2]time.Time) bool { return !slices.Equal(a, b) }

// pack makes a bundle of headers and bodies.
func pack(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.HuffmanOnly) // quick, for the fuzzer
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, h := range entries {
		body := []byte(h.Uname)
		h.Uname, h.Size, h.Mode = "", int64(len(body)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file is an entry; Uname carries its body to pack.
func file(name, body string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Uname: body}
}

func TestReadRefuses(t *testing.T) {
	version := file(zones.ReleaseEntry, "2031a")
	for what, data := range map[string][]byte{
		"nothing":              nil,
		"no gzip":              []byte("Europe/Dublin"),
		"no zones":             pack(t, version),
		"no release":           pack(t, file("Europe/Dublin", "TZif")),
		"a zone that is none":  pack(t, version, file("Europe/Dublin", "TZif2 and nothing more")),
		"a link to nowhere":    pack(t, version, tar.Header{Name: "A/B", Linkname: "C/D", Typeflag: tar.TypeLink}),
		"a symbolic link":      pack(t, version, tar.Header{Name: "A/B", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}),
		"a zone over its size": pack(t, version, file("A/B", strings.Repeat("x", 70<<10))),
		"a bomb":               pack(t, version, file("A/B", strings.Repeat("x", 9<<20))),
		"a torn file":          pack(t, version, file("A/B", "TZif"))[:40],
	} {
		if _, err := zones.Read(bytes.NewReader(data)); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%s: %v, want INVALID_FIELD", what, err)
		}
	}
}

// FuzzReadZone: a zone's bytes are refused, or answer for every instant in the end.
func FuzzReadZone(f *testing.F) {
	raw, err := os.ReadFile("testdata/tzdata-release-vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var seeds struct {
		Vectors []struct {
			TZifBase64 map[string]string `json:"tzif_base64"`
		}
	}
	if err := json.Unmarshal(raw, &seeds); err != nil {
		f.Fatal(err)
	}
	for _, v := range seeds.Vectors {
		data, err := base64.StdEncoding.DecodeString(v.TZifBase64["2025c"])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := zones.Read(bytes.NewReader(pack(t, file(zones.ReleaseEntry, "2031a"), file("A/B", string(data)))))
		if err != nil {
			return
		}
		loc, err := b.Location("A/B")
		if err != nil {
			t.Fatal(err)
		}
		offsets := zones.Offsets(loc, 1767225600, 1767225600+400*86400)
		for i := 1; i < len(offsets); i++ {
			if offsets[i].EastS == offsets[i-1].EastS || offsets[i].FromUnixS <= offsets[i-1].FromUnixS {
				t.Fatalf("offsets %v", offsets)
			}
		}
	})
}

func BenchmarkOffsets400Days(b *testing.B) {
	loc, err := embedded(b).Location("Europe/Dublin")
	if err != nil {
		b.Fatal(err)
	}
	from := unix(b, "2026-11-20T00:00:00Z")
	b.ReportAllocs()
	for b.Loop() {
		zones.Offsets(loc, from, from+404*86400)
	}
}

func BenchmarkEmbedded(b *testing.B) {
	for b.Loop() {
		embedded(b)
	}
}

func BenchmarkLocation(b *testing.B) {
	bundle := embedded(b)
	for b.Loop() {
		if _, err := bundle.Location("Europe/Dublin"); err != nil {
			b.Fatal(err)
		}
	}
}
