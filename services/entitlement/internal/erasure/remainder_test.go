package erasure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/entitlement/internal/erasure"
)

// TestWhatIsLeftIsSaid: each place once, with what is there; recordings first, as far as they are known, and not too many.
func TestWhatIsLeftIsSaid(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	var recordings []string
	for i := range erasure.MaxRecordings + 1 {
		recordings = append(recordings, fmt.Sprint("https://rec.example/", i))
	}
	none, all := erasure.Remainders(at, nil), erasure.Remainders(at, recordings)
	if len(all) != len(none)+1 || all[0].GetPlace() != "recordings" || len(all[0].GetRecordingUris()) != erasure.MaxRecordings {
		t.Errorf("%d places, and %d; first %v", len(none), len(all), all[0].GetPlace())
	}
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.GetPlace()] || r.GetWhat() == "" {
			t.Errorf("said of %q: %q", r.GetPlace(), r.GetWhat())
		}
		seen[r.GetPlace()] = true
		if until := r.GetUntilTime(); until != nil && !until.AsTime().After(at) {
			t.Errorf("%s is gone by %v", r.GetPlace(), until.AsTime())
		}
	}
}
