package spool

import (
	"testing"
	"time"
)

// TestDeliveriesMakeWayForCalls while many come, but not when records would be lost for it.
func TestDeliveriesMakeWayForCalls(t *testing.T) {
	const room = 100
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	p := pace{at: began}
	for _, c := range []struct {
		what  string
		after time.Duration
		st    Stats
		want  int64
	}{
		{"before anything is known", 0, Stats{}, restPerWork},
		{"while few come", time.Second, Stats{Appended: 1999}, restPerWork},
		{"too soon to say", time.Second + measureEvery/2, Stats{Appended: 9999}, restPerWork},
		{"while many come", 2 * time.Second, Stats{Appended: 1999 + 2000}, restBusy},
		{"while those who come find no room", 3 * time.Second, Stats{Appended: 1999 + 2000, Dropped: 2000, Bytes: room}, restFull},
		{"while there is room again", 3 * time.Second, Stats{Appended: 1999 + 2000, Dropped: 2000, Bytes: room / 2}, restBusy},
		{"when it is over", 4 * time.Second, Stats{Appended: 1999 + 2000, Dropped: 2000}, restPerWork},
	} {
		if got := p.restPerWork(c.st, room, began.Add(c.after)); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}
