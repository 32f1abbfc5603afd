package answer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
)

const (
	hour = int64(3600)
	day  = 24 * hour
)

var base = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Unix() // a Monday

// site is open over spans of hours after base, each followed by the same a day later, over days.
func site(t testing.TB, name string, days int64, spans ...[2]int64) answer.Site {
	t.Helper()
	s := timeline.Spec{FromUnixS: base, ToUnixS: base + days*day, Rules: []string{"weekly hours, of " + name}, TZDataRelease: "2025c"}
	for d := range days {
		for _, sp := range spans {
			if open, end := base+d*day+sp[0]*hour, base+d*day+sp[1]*hour; end < s.ToUnixS {
				s.Intervals = append(s.Intervals, timeline.Interval{OpenUnixS: open, CloseUnixS: end})
			}
		}
	}
	tl, err := timeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Site{Name: "sites/" + name, DisplayName: strings.ToUpper(name), TimeZone: "UTC", Timeline: tl}
}

func wantReason(t *testing.T, err error, want rpcv1.Reason, text string) {
	t.Helper()
	if fault.ReasonOf(err) != want || !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("got %v, want %v with %q", err, want, text)
	}
}

func TestOpenSites(t *testing.T) {
	list := []answer.Site{site(t, "sydney", 3, [2]int64{0, 8}), site(t, "dublin", 3, [2]int64{9, 17}), site(t, "never", 3)}
	got, err := answer.OpenSites(list, base+7*hour)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetNextChange().GetSeconds() != base+8*hour || got.GetTzdataRelease() != "2025c" || got.GetAt().GetSeconds() != base+7*hour {
		t.Errorf("got %v", got)
	}
	want := "sites/sydney true +8 weekly hours, of sydney; sites/dublin false +9 weekly hours, of dublin; sites/never false none ; "
	text := ""
	for _, s := range got.GetSites() {
		next := "none"
		if s.GetNextChange() != nil {
			next = fmt.Sprintf("+%d", (s.GetNextChange().GetSeconds()-base)/hour)
		}
		text += fmt.Sprintf("%s %v %s %s; ", s.GetSite(), s.GetOpen(), next, s.GetRule())
	}
	if text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	_, err = answer.OpenSites(list, base-1)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD, "2026-11-23T00:00:00Z to 2026-11-26T00:00:00Z")
	if got, err := answer.OpenSites(nil, base); err != nil || len(got.GetSites()) != 0 {
		t.Errorf("no sites: %v, %v", got, err)
	}
}

func TestCoverage(t *testing.T) {
	list := []answer.Site{site(t, "sydney", 3, [2]int64{0, 8}), site(t, "dublin", 3, [2]int64{7, 15})}
	got, err := answer.Coverage(answer.Line{Sites: list}, base+6*hour, base+26*hour)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, p := range got.GetPeriods() {
		text += fmt.Sprintf("%d-%d %s; ", (p.GetInterval().GetStartTime().GetSeconds()-base)/hour,
			(p.GetInterval().GetEndTime().GetSeconds()-base)/hour, strings.Join(p.GetSites(), "+"))
	}
	if want := "6-7 sites/sydney; 7-8 sites/sydney+sites/dublin; 8-15 sites/dublin; 15-24 ; 24-26 sites/sydney; "; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if len(got.GetGaps()) != 1 || got.GetGaps()[0].GetStartTime().GetSeconds() != base+15*hour ||
		got.GetCoveredTime().GetSeconds() != 11*hour {
		t.Errorf("gaps %v, covered %v", got.GetGaps(), got.GetCoveredTime())
	}
	if s := got.GetSites(); len(s) != 2 || s[0].GetOpenTime().GetSeconds() != 4*hour || len(s[0].GetOpenIntervals()) != 2 {
		t.Errorf("sites %v", s)
	}
	_, err = answer.Coverage(answer.Line{Sites: list}, base+day, base+4*day)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD, "interval")
	none, err := answer.Coverage(answer.Line{}, base, base+day)
	if err != nil || len(none.GetGaps()) != 1 || len(none.GetPeriods()) != 1 {
		t.Errorf("a line without sites: %v, %v", none, err)
	}
}

// TestCoverageIsNeverMoreThanAReaderTakes: an answer is below 4 MiB, or refused with a hint how to ask.
func TestCoverageIsNeverMoreThanAReaderTakes(t *testing.T) {
	answered, refused := 0, 0
	for _, n := range []int{1, 10, 100, 1000} {
		list := make([]answer.Site, n)
		for i := range list {
			at := int64(i % 14)
			list[i] = site(t, fmt.Sprintf("a-rather-long-name-%d", i), 400, [2]int64{at, at + 4}, [2]int64{at + 5, at + 9})
		}
		for _, days := range []int64{1, 40, 400} {
			got, err := answer.Coverage(answer.Line{Sites: list}, base, base+days*day)
			if err != nil {
				wantReason(t, err, rpcv1.Reason_REASON_LIMIT_EXCEEDED, "days at a time")
				refused++
				continue
			}
			if answered++; proto.Size(got) > 4<<20 {
				t.Errorf("%d sites over %d days: %d bytes", n, days, proto.Size(got))
			}
		}
	}
	if answered == 0 || refused == 0 {
		t.Errorf("%d answered, %d refused", answered, refused)
	}
}

func TestReleasesAreNamedOnce(t *testing.T) {
	a, b := site(t, "a", 2), site(t, "b", 2)
	other, err := timeline.New(timeline.Spec{FromUnixS: base, ToUnixS: base + day, TZDataRelease: "2026a"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := answer.OpenSites([]answer.Site{a, {Name: "sites/c", Timeline: other}, b}, base)
	if err != nil || got.GetTzdataRelease() != "2025c,2026a" {
		t.Errorf("%v, %v", got, err)
	}
}

func BenchmarkCoverage(b *testing.B) {
	for _, c := range []struct {
		sites int
		days  int64
	}{{4, 400}, {50, 50}} {
		list := make([]answer.Site, c.sites)
		for i := range list {
			at := int64(i % 14)
			list[i] = site(b, fmt.Sprintf("site-%d", i), 402, [2]int64{at, at + 4}, [2]int64{at + 5, at + 9})
		}
		b.Run(fmt.Sprintf("%d_sites_%d_days", c.sites, c.days), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := answer.Coverage(answer.Line{Sites: list}, base, base+c.days*day); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpenSites(b *testing.B) {
	list := make([]answer.Site, 50)
	for i := range list {
		list[i] = site(b, fmt.Sprintf("site-%d", i), 402, [2]int64{9, 17})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := answer.OpenSites(list, base+100*day); err != nil {
			b.Fatal(err)
		}
	}
}

func TestOrderIsTheCallers(t *testing.T) {
	list := []answer.Site{site(t, "z", 2), site(t, "a", 2), site(t, "m", 2)}
	got, err := answer.OpenSites(list, base)
	if err != nil {
		t.Fatal(err)
	}
	names := func(s []*schedulev1.SiteState) (out []string) {
		for _, x := range s {
			out = append(out, x.GetSite())
		}
		return out
	}
	if !slices.Equal(names(got.GetSites()), []string{"sites/z", "sites/a", "sites/m"}) {
		t.Errorf("order %v", names(got.GetSites()))
	}
}
