package hours_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// vector is a case of testdata/*.json, whose expected intervals were computed independently.
type vector struct {
	Name, TZ, Why string
	WeeklyHours   map[string][][2]string `json:"weekly_hours"`
	Exceptions    []struct {
		Date, Mode, Note string
		Spans            [][2]string
	}
	From, To          time.Time
	Expected          [][2]time.Time            `json:"expected_open_intervals_utc"`
	ExpectedByRelease map[string][][2]time.Time `json:"expected_by_tzdata"`
	TZif              map[string]string         `json:"tzif_base64"`
}

func vectors(t testing.TB, file string, want int) []vector {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Vectors) != want {
		t.Fatalf("%s holds %d vectors, want %d", file, len(f.Vectors), want)
	}
	return f.Vectors
}

func (v vector) hours(t testing.TB) hours.Hours {
	t.Helper()
	spans := func(list [][2]string) (out []hours.Span) {
		for _, s := range list {
			span, err := hours.ParseSpan("span", s[0]+"-"+s[1])
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, span)
		}
		return out
	}
	var h hours.Hours
	for _, day := range hours.Weekdays() {
		h.Weekly[day] = spans(v.WeeklyHours[hours.WeekdayName(day)])
		delete(v.WeeklyHours, hours.WeekdayName(day))
	}
	if len(v.WeeklyHours) != 0 {
		t.Fatalf("weekdays left over: %v", v.WeeklyHours)
	}
	for _, e := range v.Exceptions {
		date, err := hours.ParseDate("date", e.Date)
		if err != nil {
			t.Fatal(err)
		}
		mode := map[string]hours.Mode{"": hours.Replace, "replace": hours.Replace, "clip": hours.Clip}[e.Mode]
		h.Exceptions = append(h.Exceptions, hours.Exception{Date: date, Spans: spans(e.Spans), Mode: mode, Name: e.Note})
	}
	return h
}

func intervals(tl *timeline.Timeline) (list [][2]time.Time) {
	for iv := range tl.Within(tl.Horizon()) {
		list = append(list, [2]time.Time{time.Unix(iv.OpenUnixS, 0).UTC(), time.Unix(iv.CloseUnixS, 0).UTC()})
	}
	return list
}

func bundle(t testing.TB) *zones.Bundle {
	t.Helper()
	b := zonestest.Embedded(t)
	return b
}

func zone(t testing.TB, b *zones.Bundle, name string) hours.Zone {
	t.Helper()
	loc, err := b.Location(name)
	if err != nil {
		t.Fatal(err)
	}
	return hours.Zone{Location: loc, Release: b.Release()}
}

func TestTimeVectors(t *testing.T) {
	b := bundle(t)
	for _, v := range vectors(t, "testdata/time-vectors.json", 60) {
		t.Run(v.Name, func(t *testing.T) {
			tl, err := hours.Compile(v.hours(t), zone(t, b, v.TZ), v.From.Unix(), v.To.Unix())
			if err != nil {
				t.Fatal(err)
			}
			if got := intervals(tl); !slices.Equal(got, v.Expected) {
				t.Errorf("%s: %s\ngot  %v\nwant %v", v.TZ, v.Why, got, v.Expected)
			}
		})
	}
}

// TestReleaseVectors compiles the same hours under the rules of three releases, which differ.
func TestReleaseVectors(t *testing.T) {
	for _, v := range vectors(t, "testdata/tzdata-release-vectors.json", 8) {
		h := v.hours(t)
		for release, text := range v.TZif {
			t.Run(v.Name+"/"+release, func(t *testing.T) {
				data, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					t.Fatal(err)
				}
				loc, err := time.LoadLocationFromTZData(v.TZ, data)
				if err != nil {
					t.Fatal(err)
				}
				z := hours.Zone{Location: loc, Release: release}
				tl, err := hours.Compile(h, z, v.From.Unix(), v.To.Unix())
				if err != nil {
					t.Fatal(err)
				}
				if got := intervals(tl); !slices.Equal(got, v.ExpectedByRelease[release]) {
					t.Errorf("%s\ngot  %v\nwant %v", v.Why, got, v.ExpectedByRelease[release])
				}
				if tl.TZDataRelease() != release {
					t.Errorf("says release %q", tl.TZDataRelease())
				}
			})
		}
		if len(v.TZif) != 3 {
			t.Errorf("%s: %d releases", v.Name, len(v.TZif))
		}
	}
}
