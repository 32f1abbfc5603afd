package ical

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/zones"
)

func bundle(t *testing.T) *zones.Bundle {
	t.Helper()
	b, err := zones.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWindowsZonesExist(t *testing.T) {
	b := bundle(t)
	for name, iana := range windowsZones {
		if _, err := b.Location(iana); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(windowsZones) < 120 {
		t.Errorf("%d zones of Windows", len(windowsZones))
	}
}

// goZone is a line of Go's table, which is generated from CLDR: "Egypt Standard Time": {"EET", "EEST"}, // Africa/Cairo.
var goZone = regexp.MustCompile(`(?m)^\t"([^"]+)": +\{"[^"]*", "[^"]*"\}, +// ([A-Za-z_/+0-9-]+)`)

// TestWindowsZonesAreThoseOfGo: every name that Go's own sources know is known here, with the same clock.
func TestWindowsZonesAreThoseOfGo(t *testing.T) {
	path := filepath.Join(runtime.GOROOT(), "src", "time", "zoneinfo_abbrs_windows.go") //nolint:staticcheck // of the toolchain that tests
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the sources of Go are not here: %v", err)
	}
	lines := goZone.FindAllSubmatch(text, -1)
	if len(lines) < 100 {
		t.Fatalf("%d names found in %s: has its form changed?", len(lines), path)
	}
	f := file{options: Options{Lookup: bundle(t).Location}}
	for _, line := range lines {
		name, iana := string(line[1]), string(line[2])
		got, err := f.location(name)
		if err != nil {
			t.Errorf("%s, which is %s, is not known", name, iana)
			continue
		}
		want, err := f.location(iana)
		if err != nil {
			t.Errorf("%s: Go's own %v", name, err)
			continue
		}
		if at, differ := firstDifference(got, want); differ {
			t.Errorf("%s: %s and Go's %s differ at %s", name, got, want, at)
		}
	}
}

// firstDifference compares clocks twice a day for ten years.
func firstDifference(a, b *time.Location) (time.Time, bool) {
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2036; at = at.Add(12 * time.Hour) {
		_, inA := at.In(a).Zone()
		if _, inB := at.In(b).Zone(); inA != inB {
			return at, true
		}
	}
	return time.Time{}, false
}
