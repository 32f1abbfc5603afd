package rules_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	"github.com/daysidehq/dayside/services/schedule/internal/rules"
)

func estateOf() *estate.Estate {
	e := estate.New()
	e.Put(&schedulev1.Site{Name: "sites/vancouver", TimeZone: "America/Vancouver"})
	e.Put(&schedulev1.Site{Name: "sites/burnaby", TimeZone: "America/Vancouver"})
	e.Put(&schedulev1.Site{Name: "sites/dublin", TimeZone: "Europe/Dublin"})
	e.Put(&schedulev1.Rota{Name: "rotas/night", TimeZone: "America/Vancouver"})
	e.Put(&schedulev1.Person{Name: "people/ann", TimeZone: "America/Edmonton"})
	e.Put(&schedulev1.Person{Name: "people/ben"})
	e.Put(&schedulev1.LineCoverage{
		Line: "lines/gold", ServiceHours: &schedulev1.ServiceHours{TimeZone: "America/Winnipeg"},
	})
	e.Put(&schedulev1.LineCoverage{Line: "lines/blue"})
	return e
}

func TestUseNamesEveryUser(t *testing.T) {
	use := rules.UseOf(estateOf())
	for zone, want := range map[string]string{
		"America/Vancouver": "rotas/night sites/burnaby sites/vancouver", "Europe/Dublin": "sites/dublin",
		"America/Edmonton": "people/ann", "America/Winnipeg": "lines/gold", "": "",
	} {
		if got := strings.Join(use[zone], " "); got != want {
			t.Errorf("%q is used by %q, want %q", zone, got, want)
		}
	}
}

func TestACandidateIsComparedByBehaviour(t *testing.T) {
	from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Unix()
	to := from + 404*86400
	inForce := zonestest.Changed(t, "2031a", map[string]string{
		"America/Vancouver": "PST8PDT,M3.2.0,M11.1.0", "Asia/Tokyo": "JST-9",
	})
	other := zonestest.Changed(t, "2031b", map[string]string{
		"America/Vancouver": "PST8PDT,M3.1.0,M11.1.0", "Asia/Tokyo": "JST-10", "America/Winnipeg": "",
	})
	use := rules.UseOf(estateOf())
	c := rules.Candidate(inForce, other, use, from, to)
	if c.GetRelease() != "2031b" || c.GetDifferingZones() != 3 || len(c.GetUsedZones()) != 2 {
		t.Fatalf("got %v", c)
	}
	// A week earlier: at two on the 7th instead of the 14th of March 2027.
	v := c.GetUsedZones()[0]
	if v.GetTimeZone() != "America/Vancouver" || v.GetFrom().GetSeconds() != time.Date(2027, 3, 7, 10, 0, 0, 0, time.UTC).Unix() ||
		v.GetOffsetBefore().GetSeconds() != -8*3600 || v.GetOffsetAfter().GetSeconds() != -7*3600 || len(v.GetUsedBy()) != 3 {
		t.Errorf("got %v", v)
	}
	if w := c.GetUsedZones()[1]; w.GetTimeZone() != "America/Winnipeg" || w.GetOffsetAfter() != nil {
		t.Errorf("a zone that is gone: %v", w)
	}
	if !strings.Contains(c.GetProblem(), "does not know America/Winnipeg (used by lines/gold)") {
		t.Errorf("problem %q", c.GetProblem())
	}
	same := rules.Candidate(inForce, inForce, use, from, to)
	if same.GetDifferingZones() != 0 || same.GetProblem() != "" || len(same.GetUsedZones()) != 0 {
		t.Errorf("compared with itself: %v", same)
	}
}

// TestLocalTimesNeedNoRulesOfTheReader: offsets are those of the rules given, before and after a clock change.
func TestLocalTimesNeedNoRulesOfTheReader(t *testing.T) {
	at := time.Date(2027, 3, 14, 9, 59, 59, 0, time.UTC)
	answer := func() *schedulev1.QueryOpenSitesResponse {
		return &schedulev1.QueryOpenSitesResponse{At: timestamppb.New(at), Sites: []*schedulev1.SiteState{
			{TimeZone: "America/Vancouver", NextChange: timestamppb.New(at.Add(time.Second))},
			{TimeZone: "America/Vancouver"},
			{TimeZone: "Mars/Olympus", NextChange: timestamppb.New(at)},
		}}
	}
	for posix, want := range map[string][2]int64{"PST8PDT,M3.2.0,M11.1.0": {-8, -7}, "MST7": {-7, -7}} {
		got := answer()
		rules.FillOffsets(got, zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": posix}))
		s := got.GetSites()
		if s[0].GetUtcOffset().GetSeconds() != want[0]*3600 || s[0].GetNextChangeUtcOffset().GetSeconds() != want[1]*3600 {
			t.Errorf("%s: %v", posix, s[0])
		}
		if s[1].GetUtcOffset() == nil || s[1].GetNextChangeUtcOffset() != nil || s[2].GetUtcOffset() != nil {
			t.Errorf("%s: %v", posix, s[1:])
		}
	}
}
