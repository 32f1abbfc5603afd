package sites_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/types/known/durationpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
)

func bundle(t testing.TB) *zones.Bundle {
	t.Helper()
	b := zonestest.Embedded(t)
	return b
}

func clock(h, m int32) *timeofday.TimeOfDay { return &timeofday.TimeOfDay{Hours: h, Minutes: m} }

func span(fromH, toH int32) *schedulev1.Span {
	return &schedulev1.Span{Open: clock(fromH, 0), Close: clock(toH, 0)}
}

func uri(s string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: s}}
}

func number(s string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
		Kind: &phone_number.PhoneNumber_E164Number{E164Number: s},
	}}}
}

func dublin() *schedulev1.Site {
	return &schedulev1.Site{
		Name: "sites/dublin", DisplayName: "Dublin", TimeZone: "Europe/Dublin",
		WeeklyHours: &schedulev1.WeeklyHours{
			Mon: []*schedulev1.Span{span(9, 17)}, Tue: []*schedulev1.Span{span(0, 24)}, Sun: []*schedulev1.Span{span(22, 6)},
		},
		Holidays:   []*schedulev1.Holiday{{Date: &date.Date{Year: 2026, Month: 12, Day: 29}}},
		Exceptions: []*schedulev1.HoursException{{Date: &date.Date{Year: 2026, Month: 12, Day: 30}, Spans: []*schedulev1.Span{span(10, 11)}}},
		Targets:    []*schedulev1.Target{uri("sip:support@dublin.example.com"), number("+35315550100")},
	}
}

var (
	from = time.Date(2026, 12, 26, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
)

func TestCompile(t *testing.T) {
	c, err := sites.Compile(dublin(), nil, bundle(t), from.Unix(), to.Unix())
	if err != nil {
		t.Fatal(err)
	}
	r := c.Record
	if r.GetId() != "dublin" || r.GetOutsourced() || r.GetRingTimeoutS() != 20 || r.GetTimeZone() != "Europe/Dublin" ||
		!slices.Equal(r.GetTargets(), []string{"sip:support@dublin.example.com", "+35315550100"}) {
		t.Errorf("record %v", r)
	}
	var got []string
	for iv, rule := range c.Timeline.Within(c.Timeline.Horizon()) {
		got = append(got, time.Unix(iv.OpenUnixS, 0).UTC().Format("Mon 15:04")+time.Unix(iv.CloseUnixS, 0).UTC().Format("-15:04 ")+rule)
	}
	want := []string{
		"Sun 22:00-06:00 weekly hours, Sun 22:00-06:00",
		"Mon 09:00-17:00 weekly hours, Mon 09:00-17:00",
		"Wed 10:00-11:00 exception 2026-12-30: 10:00-11:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("open %q, want %q", got, want)
	}
}

func TestCompileTellsWhatASiteCanDo(t *testing.T) {
	s := dublin()
	s.Capacity, s.Products, s.Languages = 12, []string{"web", "db"}, []string{"pt-BR", "de", "pt-PT", "gsw-CH"}
	c, err := sites.Compile(s, nil, bundle(t), from.Unix(), to.Unix())
	if err != nil {
		t.Fatal(err)
	}
	r := c.Record
	if r.GetCapacity() != 12 || !slices.Equal(r.GetProducts(), []string{"web", "db"}) ||
		!slices.Equal(r.GetLanguages(), []string{"pt", "de", "gsw"}) {
		t.Errorf("record %v", r)
	}
}

func TestServes(t *testing.T) {
	for _, c := range []struct {
		products, languages []string
		product, language   string
		want                bool
	}{
		{nil, nil, "db", "de", true},
		{[]string{"web"}, []string{"fr"}, "", "", true},
		{[]string{"web", "db"}, nil, "db", "", true},
		{[]string{"web"}, nil, "db", "", false},
		{nil, []string{"pt-BR"}, "", "pt-PT", true},
		{nil, []string{"de", "en"}, "", "fr", false},
		{[]string{"db"}, []string{"en"}, "db", "de", false},
	} {
		if got := sites.Serves(c.products, c.languages, c.product, c.language); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
}

func TestCompileNamesWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*schedulev1.Site)
		broken []string
	}{
		{"nothing", func(*schedulev1.Site) {}, nil},
		{"no zone", func(s *schedulev1.Site) { s.TimeZone = "" }, []string{"time_zone"}},
		{"the machine's zone", func(s *schedulev1.Site) { s.TimeZone = "Local" }, []string{"time_zone"}},
		{"no offset for a zone", func(s *schedulev1.Site) { s.TimeZone = "EST5" }, []string{"time_zone"}},
		{"no targets", func(s *schedulev1.Site) { s.Targets = nil }, []string{"targets"}},
		{"nine targets", func(s *schedulev1.Site) { s.Targets = make([]*schedulev1.Target, 9) }, []string{"targets"}},
		{"a target twice", func(s *schedulev1.Site) { s.Targets = append(s.Targets, s.Targets[0]) }, []string{"targets[2]"}},
		{"no URI and no number", func(s *schedulev1.Site) { s.Targets = []*schedulev1.Target{uri("dublin"), number("5550100")} },
			[]string{"targets[0].sip_uri", "targets[1].phone_number"}},
		{"less than no calls", func(s *schedulev1.Site) { s.Capacity = -1 }, []string{"capacity"}},
		{"more calls than any site", func(s *schedulev1.Site) { s.Capacity = 10001 }, []string{"capacity"}},
		{"a product of two words", func(s *schedulev1.Site) { s.Products = []string{"db", "Mail Server"} }, []string{"products[1]"}},
		{"a product twice", func(s *schedulev1.Site) { s.Products = []string{"db", "db"} }, []string{"products[1]"}},
		{"101 products", func(s *schedulev1.Site) { s.Products = make([]string, 101) }, []string{"products"}},
		{"a language in words", func(s *schedulev1.Site) { s.Languages = []string{"German", "de"} }, []string{"languages[0]"}},
		{"33 languages", func(s *schedulev1.Site) { s.Languages = make([]string, 33) }, []string{"languages"}},
		{"a bell in the name", func(s *schedulev1.Site) { s.DisplayName = "Dub\alin" }, []string{"display_name"}},
		{"half a second", func(s *schedulev1.Site) { s.RingTimeout = durationpb.New(20500 * time.Millisecond) }, []string{"ring_timeout"}},
		{"an hour of ringing", func(s *schedulev1.Site) { s.RingTimeout = durationpb.New(time.Hour) }, []string{"ring_timeout"}},
		{"zero length", func(s *schedulev1.Site) { s.WeeklyHours.Mon[0] = span(9, 9) }, []string{"weekly_hours.mon[0]"}},
		{"overlapping", func(s *schedulev1.Site) { s.WeeklyHours.Mon = append(s.WeeklyHours.Mon, span(16, 18)) },
			[]string{"weekly_hours.mon[1]"}},
		{"over midnight", func(s *schedulev1.Site) { s.WeeklyHours.Mon[0] = span(5, 17) }, []string{"weekly_hours.mon[0]"}},
		{"no close", func(s *schedulev1.Site) { s.WeeklyHours.Mon[0].Close = nil }, []string{"weekly_hours.mon[0].close"}},
		{"25 o'clock", func(s *schedulev1.Site) { s.WeeklyHours.Mon[0] = span(9, 25) }, []string{"weekly_hours.mon[0].close"}},
		{"24 o'clock to open", func(s *schedulev1.Site) { s.WeeklyHours.Mon[0] = span(24, 9) },
			[]string{"weekly_hours.mon[0]", "weekly_hours.tue[0]"}},
		{"minute -1", func(s *schedulev1.Site) { s.Exceptions[0].Spans[0].Open = clock(9, -1) }, []string{"exceptions[0].spans[0].open"}},
		{"30 February", func(s *schedulev1.Site) { s.Exceptions[0].Date = &date.Date{Year: 2027, Month: 2, Day: 30} },
			[]string{"exceptions[0].date"}},
		{"no date", func(s *schedulev1.Site) { s.Holidays[0].Date = nil }, []string{"holidays[0].date"}},
		{"a date in both lists", func(s *schedulev1.Site) { s.Holidays[0].Date = s.Exceptions[0].Date }, []string{"holidays[0].date"}},
		{"a mode from the future", func(s *schedulev1.Site) { s.Exceptions[0].Mode = 3 }, []string{"exceptions[0].mode"}},
		{"an escape sequence", func(s *schedulev1.Site) { s.Exceptions[0].DisplayName = "\x1b[2J" }, []string{"exceptions[0].display_name"}},
		{"all at once", func(s *schedulev1.Site) { s.TimeZone, s.Targets, s.WeeklyHours.Mon[0] = "UTC+2", nil, span(9, 9) },
			[]string{"time_zone", "weekly_hours.mon[0]", "targets"}},
	} {
		s := dublin()
		c.change(s)
		_, err := sites.Compile(s, nil, bundle(t), from.Unix(), to.Unix())
		var got []string
		if f, ok := err.(*fault.Fault); ok { //nolint:errorlint // its own type
			if f.Reason != rpcv1.Reason_REASON_INVALID_FIELD {
				t.Errorf("%s: %v", c.what, f.Reason)
			}
			for _, v := range f.Violations {
				got = append(got, v.Field)
				if strings.TrimSpace(v.Rule) == "" {
					t.Errorf("%s: no rule", c.what)
				}
			}
		} else if err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if !slices.Equal(got, c.broken) {
			t.Errorf("%s: broken %q, want %q", c.what, got, c.broken)
		}
	}
}
