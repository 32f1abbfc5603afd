package zones_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const vectors = "testdata/tzdata-release-vectors.json"

func TestReleaseLess(t *testing.T) {
	order := []string{"1999a", "2025a", "2025b", "2025c", "2025z", "2025za", "2025zb", "2026a", "2026f", "2031a"}
	for i, a := range order {
		for j, b := range order {
			if zones.ReleaseLess(a, b) != (i < j) {
				t.Errorf("%s older than %s: %v", a, b, !(i < j))
			}
		}
	}
}

// TestCompareReleases: from September 2026 on, these zones of 2026f have other clocks than those of 2025c (the vectors'
// header says which law changed each), and 2025b, whose files are fat, has the same.
func TestCompareReleases(t *testing.T) {
	b25, c25, f26 := zonestest.Vectors(t, vectors, "2025b"), zonestest.Vectors(t, vectors, "2025c"),
		zonestest.Vectors(t, vectors, "2026f")
	from, to := unix(t, "2026-09-15T00:00:00Z"), unix(t, "2027-10-22T00:00:00Z")
	if list := zones.Compare(b25, c25, from, to); len(list) != 0 {
		t.Errorf("2025b and 2025c: %+v", list)
	}
	if a, b := zones.BehaviourFingerprint(b25, from, to), zones.BehaviourFingerprint(c25, from, to); a != b {
		t.Errorf("fingerprints %x and %x of rules that behave alike", a, b)
	}
	if a, b := zones.BehaviourFingerprint(c25, from, to), zones.BehaviourFingerprint(f26, from, to); a == b {
		t.Error("one fingerprint of rules that behave differently")
	}
	got := map[string]zones.Difference{}
	for _, d := range zones.Compare(c25, f26, from, to) {
		got[d.Zone] = d
	}
	want := map[string]zones.Difference{
		"Africa/Casablanca": {FromUnixS: unix(t, "2026-09-20T01:00:00Z"), BeforeEastS: 3600, AfterEastS: 0},
		"America/Edmonton":  {FromUnixS: unix(t, "2026-11-01T08:00:00Z"), BeforeEastS: -7 * 3600, AfterEastS: -6 * 3600},
		"America/Havana":    {FromUnixS: unix(t, "2026-11-01T05:00:00Z"), BeforeEastS: -5 * 3600, AfterEastS: -4 * 3600},
		"America/Vancouver": {FromUnixS: unix(t, "2026-11-01T09:00:00Z"), BeforeEastS: -8 * 3600, AfterEastS: -7 * 3600},
		"America/Winnipeg":  {FromUnixS: unix(t, "2026-11-01T07:00:00Z"), BeforeEastS: -6 * 3600, AfterEastS: -5 * 3600},
		"Europe/Chisinau":   {FromUnixS: unix(t, "2026-10-25T00:00:00Z"), BeforeEastS: 7200, AfterEastS: 10800},
	}
	for name, w := range want {
		w.Zone = name
		if got[name] != w {
			t.Errorf("%s: %+v, want %+v", name, got[name], w)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s differs, though nobody changed it", name)
	}
	if list := zones.Compare(c25, f26, unix(t, "2026-04-01T00:00:00Z"), unix(t, "2026-09-01T00:00:00Z")); len(list) != 0 {
		t.Errorf("before the first change: %+v", list)
	}
}

// TestCompareFindsTheFirstInstant looks at every minute of what Compare says of hand-made rules.
func TestCompareFindsTheFirstInstant(t *testing.T) {
	from, to := unix(t, "2026-11-20T00:00:00Z"), unix(t, "2027-12-27T00:00:00Z")
	for _, pair := range [][2]string{
		{"PST8PDT,M3.2.0,M11.1.0", "MST7"}, {"PST8", "MST7"}, {"PST8PDT,M3.2.0,M11.1.0", "PST8"},
		{"EET-2EEST,M3.5.0/3,M10.5.0/4", "EET-2EEST,M3.5.0,M10.5.0/3"}, {"UTC0", "GMT0"},
	} {
		a := zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": pair[0]})
		b := zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": pair[1]})
		list := zones.Compare(a, b, from, to)
		first, before, after := slowDifference(t, a, b, "America/Vancouver", from, to)
		if first < 0 {
			if len(list) != 0 {
				t.Errorf("%v: %+v, want none", pair, list)
			}
			continue
		}
		want := zones.Difference{Zone: "America/Vancouver", FromUnixS: first, BeforeEastS: before, AfterEastS: after}
		if len(list) != 1 || list[0] != want {
			t.Errorf("%v: %+v, want %+v", pair, list, want)
		}
	}
}

func slowDifference(t *testing.T, a, b *zones.Bundle, zone string, from, to int64) (first, before, after int64) {
	t.Helper()
	la, errA := a.Location(zone)
	lb, errB := b.Location(zone)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for at := from; at < to; at += 60 {
		_, ea := time.Unix(at, 0).In(la).Zone()
		_, eb := time.Unix(at, 0).In(lb).Zone()
		if ea != eb {
			return at, int64(ea), int64(eb)
		}
	}
	return -1, 0, 0
}

func TestAZoneThatIsMissingIsADifference(t *testing.T) {
	less := zonestest.Changed(t, "2031a", map[string]string{"US/Eastern": ""})
	from, to := unix(t, "2026-11-20T00:00:00Z"), unix(t, "2027-12-27T00:00:00Z")
	list := zones.Compare(embedded(t), less, from, to)
	if len(list) != 1 || list[0].Zone != "US/Eastern" || !list[0].Missing || list[0].BeforeEastS != -5*3600 {
		t.Errorf("got %+v", list)
	}
	if list := zones.Compare(less, embedded(t), from, to); len(list) != 0 {
		t.Errorf("a zone nobody could use yet: %+v", list)
	}
}

func TestPackIsWhatReadTakes(t *testing.T) {
	b := embedded(t)
	packed := zonestest.Packed(t, b)
	if !bytes.Equal(packed, zonestest.Packed(t, b)) {
		t.Error("packed twice, two outcomes")
	}
	again, err := zones.Read(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if again.Release() != b.Release() || !bytes.Equal(packed, zonestest.Packed(t, again)) {
		t.Error("what was read again is something else")
	}
	const maxEmbeddedBytes = 200 << 10 // links are kept: without them it would be several times as large
	if len(packed) > maxEmbeddedBytes {
		t.Errorf("%d bytes", len(packed))
	}
}

// TestFromFS reads a folder as `make install` leaves it, with everything in it that is no zone.
func TestFromFS(t *testing.T) {
	b := embedded(t)
	folder := zonestest.Folder(t, b)
	delete(folder, zones.ReleaseEntry)
	add := func(name, text string) { folder[name] = &fstest.MapFile{Data: []byte(text)} }
	add("tzdata.zi", "# version 2025c\n# This zic input file is in the public domain.\n")
	add("zone1970.tab", "AD\t+4230+00131\tEurope/Andorra\n")
	add("leapseconds", "#\n")
	add("leap-seconds.list", "#$\t3676924800\n")
	add("empty", "")
	folder["right/Europe/Dublin"] = &fstest.MapFile{Data: zonestest.TZif("LEAP0")}
	folder["posix/Europe/Dublin"] = folder["Europe/Dublin"]
	folder["localtime"], folder["posixrules"] = folder["Europe/Dublin"], folder["America/New_York"]
	got, err := zones.FromFS(folder)
	if err != nil {
		t.Fatal(err)
	}
	if got.Release() != "2025c" || !bytes.Equal(zonestest.Packed(t, got), zonestest.Packed(t, b)) {
		t.Errorf("release %s, or other zones than those of the database", got.Release())
	}
	delete(folder, "tzdata.zi")
	add(zones.ReleaseEntry, "2025c\n")
	if got, err = zones.FromFS(folder); err != nil || got.Release() != "2025c" {
		t.Errorf("with +VERSION: %v", err)
	}
}

func TestFromFSRefuses(t *testing.T) {
	release := &fstest.MapFile{Data: []byte("# version 2025b\n")}
	zone := &fstest.MapFile{Data: zonestest.TZif("PST8")}
	many := fstest.MapFS{"tzdata.zi": release}
	for i := range 2100 {
		many[fmt.Sprintf("A/B%d", i)] = zone
	}
	for what, c := range map[string]struct {
		folder fstest.MapFS
		want   string
	}{
		"no release":           {fstest.MapFS{"America/Vancouver": zone}, "release is not known"},
		"another header":       {fstest.MapFS{"tzdata.zi": {Data: []byte("R A 1999\n")}, "A/B": zone}, "does not begin with a release"},
		"no zones":             {fstest.MapFS{"tzdata.zi": release}, "no zones"},
		"a zone that is no":    {fstest.MapFS{"tzdata.zi": release, "A/B": {Data: []byte("TZif2 and no more")}}, "A/B"},
		"a name with steering": {fstest.MapFS{"tzdata.zi": release, "A/\x1b[31m": zone}, "not a name"},
		"a zone too large":     {fstest.MapFS{"tzdata.zi": release, "A/B": {Data: append(zonestest.TZif("PST8"), make([]byte, 70<<10)...)}}, "over"},
		"too many zones":       {many, "more than 2000 zones"},
	} {
		_, err := zones.FromFS(c.folder)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	if _, err := zones.FromFS(os.DirFS(t.TempDir() + "/none")); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("no folder: %v", err)
	}
}

// TestTheMachinesOwn reads the system's folder where there is one: whatever it holds, it is read or refused with a reason.
func TestTheMachinesOwn(t *testing.T) {
	const folder = "/usr/share/zoneinfo"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the machine has no zoneinfo")
	}
	b, err := zones.FromFS(os.DirFS(folder))
	if err != nil {
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Fatal(err)
		}
		t.Skipf("the machine's zoneinfo: %v", err)
	}
	if packed := zonestest.Packed(t, b); len(packed) > 1<<20 {
		t.Errorf("release %s packs to %d bytes, more than one etcd value takes", b.Release(), len(packed))
	}
	t.Logf("release %s, %d zones, %d bytes packed", b.Release(), len(b.Names()), len(zonestest.Packed(t, b)))
}

// FuzzRead: a bundle from outside is refused with a fault, or is one that can be packed and read again.
func FuzzRead(f *testing.F) {
	version := file(zones.ReleaseEntry, "2031a")
	f.Add(pack(f, version, file("A/B", string(zonestest.TZif("PST8")))))
	f.Add(pack(f, version))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := zones.Read(bytes.NewReader(data))
		if err != nil {
			if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
				t.Fatal(err)
			}
			return
		}
		if _, err := zones.Read(bytes.NewReader(zonestest.Packed(t, b))); err != nil {
			t.Fatalf("packed and refused: %v", err)
		}
	})
}

func BenchmarkCompare402Days(b *testing.B) {
	before, after := zonestest.Vectors(b, vectors, "2025c"), zonestest.Vectors(b, vectors, "2026f")
	from := unix(b, "2026-11-20T00:00:00Z")
	for b.Loop() {
		if len(zones.Compare(before, after, from, from+402*86400)) == 0 {
			b.Fatal("no difference")
		}
	}
}

func BenchmarkBehaviourFingerprint402Days(b *testing.B) {
	bundle := embedded(b)
	from := unix(b, "2026-11-20T00:00:00Z")
	for b.Loop() {
		zones.BehaviourFingerprint(bundle, from, from+402*86400)
	}
}
