package store

import (
	"fmt"
	"testing"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

// TestCallsThatBeginAtOnceAreAllListed: gateways' clocks may be coarse, and more calls begin than one instant has numbers for.
func TestCallsThatBeginAtOnceAreAllListed(t *testing.T) {
	s := openTemp(t)
	const calls = 3 << placeBits
	var batch []*ledgerv1.Record
	for i := range calls {
		batch = append(batch, newRecord(fmt.Sprint("c", i)))
	}
	if n, err := s.Append(t.Context(), batch); n != calls || err != nil {
		t.Fatalf("appended %d, %v", n, err)
	}
	listed := map[string]bool{}
	for after, more := (mark.Mark{}), true; more; more = after != (mark.Mark{}) {
		page, next, err := s.Calls(t.Context(), CallQuery{Line: "lines/gold", Limit: 1000, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			listed[c.GetCallId()] = true
		}
		after = next
	}
	if len(listed) != calls {
		t.Errorf("%d of %d are listed", len(listed), calls)
	}
}

// TestACallIsMadeOfSoManyRecords, whether they come together or apart; the others are dropped and told.
func TestACallIsMadeOfSoManyRecords(t *testing.T) {
	for _, size := range []int{maxStoryRecords + 5, 100} {
		s := openTemp(t)
		dropped := 0
		s.cfg.Dropped = func(string) { dropped++ }
		appended := 0
		for sent := 0; sent < maxStoryRecords+5; {
			var batch []*ledgerv1.Record
			for ; len(batch) < size && sent < maxStoryRecords+5; sent++ {
				r := newRecord("c")
				r.GetDecision().Step = int32(sent)
				batch = append(batch, r)
			}
			n, err := s.Append(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			appended += n
		}
		c, err := s.Call(t.Context(), "c")
		if err != nil || len(c.GetSteps()) != maxStoryRecords || appended != maxStoryRecords || dropped != 5 {
			t.Errorf("in batches of %d: %d steps, %d appended, %d dropped, %v", size, len(c.GetSteps()), appended, dropped, err)
		}
	}
}
