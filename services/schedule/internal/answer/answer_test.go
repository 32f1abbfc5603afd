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
	"github.com/daysidehq/dayside/services/internal/roster"
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
	got, err := answer.Coverage(answer.Line{Sites: list}, base+6*hour, base+26*hour, false)
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
	_, err = answer.Coverage(answer.Line{Sites: list}, base+day, base+4*day, false)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD, "interval")
	none, err := answer.Coverage(answer.Line{}, base, base+day, false)
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
			got, err := answer.Coverage(answer.Line{Sites: list}, base, base+days*day, false)
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

// TestGapsOnly: what is left of an answer says the same of gaps, and holds a year of a thousand sites.
func TestGapsOnly(t *testing.T) {
	list := make([]answer.Site, 1000)
	for i := range list {
		at := int64(i % 14)
		list[i] = site(t, fmt.Sprintf("a-rather-long-name-%d", i), 402, [2]int64{at, at + 4}, [2]int64{at + 5, at + 9})
	}
	l := answer.Line{Sites: list, Rotas: []*roster.Roster{duty(t, 402)}}
	got, err := answer.Coverage(l, base, base+365*day, true)
	if err != nil || len(got.GetPeriods()) != 0 || len(got.GetGaps()) != 365 || len(got.GetJudgedGaps()) == 0 ||
		proto.Size(got) > 4<<20 {
		t.Fatalf("%d bytes, %v", proto.Size(got), err)
	}
	for _, s := range got.GetSites() {
		if len(s.GetOpenIntervals()) != 0 || s.GetOpenTime().GetSeconds() != 365*8*hour {
			t.Fatal(s)
		}
	}
	l.Sites = list[:3]
	whole, err1 := answer.Coverage(l, base, base+40*day, false)
	few, err2 := answer.Coverage(l, base, base+40*day, true)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	whole.Periods = nil
	for _, s := range whole.GetSites() {
		s.OpenIntervals = nil
	}
	if !proto.Equal(whole, few) {
		t.Error("gaps alone are not those of the whole")
	}
}

// duty is a rota over so many days: ann and nobody in turn, half a day each.
func duty(t testing.TB, days int64) *roster.Roster {
	t.Helper()
	s := roster.Spec{FromUnixS: base, ToUnixS: base + days*day, FirstFromUnixS: base}
	s.ID, s.People = "nights", []*roster.Person{{ID: "ann"}}
	for range days {
		s.Lengths, s.Holders = append(s.Lengths, 12*3600, 12*3600), append(s.Holders, 1, 0)
	}
	r, err := roster.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCoverageSaysWhatGapsAre(t *testing.T) {
	promise := site(t, "promise", 3, [2]int64{6, 20}).Timeline
	l := answer.Line{
		Sites: []answer.Site{site(t, "dublin", 3, [2]int64{7, 9}), site(t, "cork", 3, [2]int64{8, 10})}, Rotas: []*roster.Roster{duty(t, 3)},
		Promise: promise,
	}
	got, err := answer.Coverage(l, base, base+day, false)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, g := range got.GetJudgedGaps() {
		text += fmt.Sprintf("%d-%d %s %s; ", (g.GetInterval().GetStartTime().GetSeconds()-base)/hour,
			(g.GetInterval().GetEndTime().GetSeconds()-base)/hour, strings.TrimPrefix(g.GetKind().String(), "KIND_"),
			strings.Join(g.GetOnDuty(), "+"))
	}
	if want := "0-7 PLANNED people/ann; 10-12 PLANNED people/ann; 12-20 UNCOVERED ; 20-24 INTENDED ; "; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if len(got.GetGaps()) != 2 || got.GetOverlapTime().GetSeconds() != hour || got.GetHandovers() != 4 {
		t.Errorf("gaps %v, overlap %v, %d handovers", got.GetGaps(), got.GetOverlapTime(), got.GetHandovers())
	}
	// What a rota does not know is not known of the line.
	l.Rotas = []*roster.Roster{duty(t, 2)}
	_, err = answer.Coverage(l, base, base+3*day, false)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD, "2026-11-23T00:00:00Z to 2026-11-25T00:00:00Z")
	l.Rotas, l.Promise = nil, site(t, "promise", 2).Timeline
	_, err = answer.Coverage(l, base, base+3*day, false)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD, "2026-11-23T00:00:00Z to 2026-11-25T00:00:00Z")
	// A promise is known for what was asked: the error names what the sites know, and the end of the range that they do not.
	l.Promise = site(t, "promise", 4).Timeline
	_, err = answer.Coverage(l, base, base+4*day, false)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD,
		`"2026-11-27T00:00:00Z": must lie within what hours are compiled for, 2026-11-23T00:00:00Z to 2026-11-26T00:00:00Z`)
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
		sites    int
		days     int64
		gapsOnly bool
	}{{4, 400, false}, {50, 50, false}, {50, 365, true}} {
		l := answer.Line{Rotas: []*roster.Roster{duty(b, 402), duty(b, 402)}}
		for i := range c.sites {
			at := int64(i % 14)
			l.Sites = append(l.Sites, site(b, fmt.Sprintf("site-%d", i), 402, [2]int64{at, at + 4}, [2]int64{at + 5, at + 9}))
		}
		b.Run(fmt.Sprintf("%d_sites_%d_days", c.sites, c.days), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := answer.Coverage(l, base, base+c.days*day, c.gapsOnly); err != nil {
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
