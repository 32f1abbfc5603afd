package ical

import (
	"testing"

	"github.com/daysidehq/dayside/services/internal/zones"
)

func TestWindowsZonesExist(t *testing.T) {
	b, err := zones.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for name, iana := range windowsZones {
		if _, err := b.Location(iana); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(windowsZones) < 120 {
		t.Errorf("%d zones of Windows", len(windowsZones))
	}
}
