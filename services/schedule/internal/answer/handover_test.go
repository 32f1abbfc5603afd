package answer_test

import (
	"fmt"
	"strings"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
)

func TestHandover(t *testing.T) {
	list := []answer.Site{site(t, "sydney", 2, [2]int64{0, 8}), site(t, "dublin", 2, [2]int64{8, 17}, [2]int64{20, 22})}
	for at, want := range map[int64]string{
		0:  "sites/sydney until +8 then sites/dublin",
		8:  "sites/dublin until +17 then ",
		18: " until +20 then sites/dublin",
		23: " until +24 then sites/sydney",
		47: " until none then ", // nothing opens any more within the horizon
	} {
		got, err := answer.Handover("lines/gold", list, base+at*hour)
		if err != nil {
			t.Fatal(err)
		}
		next := "none"
		if got.GetNextChange() != nil {
			next = fmt.Sprintf("+%d", (got.GetNextChange().GetSeconds()-base)/hour)
		}
		text := fmt.Sprintf("%s until %s then %s", strings.Join(got.GetSites(), "+"), next, strings.Join(got.GetNextSites(), "+"))
		if text != want || got.GetLine() != "lines/gold" || got.GetAt().GetSeconds() != base+at*hour || got.GetTzdataRelease() != "2025c" {
			t.Errorf("at +%d: %s, want %s (%v)", at, text, want, got)
		}
	}
	_, err := answer.Handover("lines/gold", list, base+3*day)
	wantReason(t, err, rpcv1.Reason_REASON_VIEW_NOT_READY, "sites/sydney")
}
