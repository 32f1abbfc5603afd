package rota_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// vector is a case of testdata/rota-vectors.json, whose expected turns were computed independently.
type vector struct {
	Name, TZ, Why string
	Spec          struct {
		Start     string `json:"start_local"`
		Unit      string
		Every     int
		Users     []string
		Restrict  map[string][][2]string
		Overrides []struct {
			From, To time.Time
			User     *string
		}
	}
	From, To time.Time
	Expected [][3]string
}

func (v vector) rota(t *testing.T) rota.Rota {
	t.Helper()
	unit, err := rota.ParseUnit("unit", v.Spec.Unit)
	if err != nil {
		t.Fatal(err)
	}
	l := rota.Layer{Start: wall(t, v.Spec.Start), Unit: unit, Every: v.Spec.Every, Crews: crew(v.Spec.Users...)}
	for _, day := range hours.Weekdays() {
		for _, s := range v.Spec.Restrict[hours.WeekdayName(day)] {
			l.Restrictions[day] = append(l.Restrictions[day], span(t, s[0]+"-"+s[1]))
		}
		delete(v.Spec.Restrict, hours.WeekdayName(day))
	}
	if len(v.Spec.Restrict) != 0 {
		t.Fatalf("weekdays left over: %v", v.Spec.Restrict)
	}
	r := rota.Rota{Zone: zone(t, v.TZ), Layers: []rota.Layer{l}}
	for _, o := range v.Spec.Overrides {
		change := rota.Override{Kind: rota.Remove, FromUnixS: o.From.Unix(), ToUnixS: o.To.Unix()}
		if o.User != nil {
			change.Kind, change.By = rota.Add, *o.User
		}
		r.Overrides = append(r.Overrides, change)
	}
	return r
}

func TestRotaVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/rota-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Vectors) != 7 {
		t.Fatalf("%d vectors, want 7", len(f.Vectors))
	}
	for _, v := range f.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			var got [][3]string
			for _, turn := range compile(t, v.rota(t), v.From.Unix(), v.To.Unix()).Turns {
				got = append(got, [3]string{utc(turn.FromUnixS), utc(turn.ToUnixS), turn.Person})
			}
			if !slices.Equal(got, v.Expected) {
				t.Errorf("%s: %s\ngot  %v\nwant %v", v.TZ, v.Why, got, v.Expected)
			}
		})
	}
}

func bundle(t testing.TB) *zones.Bundle {
	t.Helper()
	b := zonestest.Embedded(t)
	return b
}

func zone(t testing.TB, name string) hours.Zone {
	t.Helper()
	b := bundle(t)
	loc, err := b.Location(name)
	if err != nil {
		t.Fatal(err)
	}
	return hours.Zone{Location: loc, Release: b.Release()}
}

func wall(t testing.TB, s string) hours.WallTime {
	t.Helper()
	w, err := hours.ParseWallTime("start", s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func span(t testing.TB, s string) hours.Span {
	t.Helper()
	sp, err := hours.ParseSpan("span", s)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func crew(people ...string) []rota.Crew { return []rota.Crew{{Slots: people}} }

func compile(t testing.TB, r rota.Rota, fromUnixS, toUnixS int64) *rota.Roster {
	t.Helper()
	roster, err := rota.Compile(r, fromUnixS, toUnixS)
	if err != nil {
		t.Fatal(err)
	}
	return roster
}

func utc(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }

// at is an instant, Unix seconds.
func at(t testing.TB, s string) int64 {
	t.Helper()
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z", time.DateOnly} {
		if i, err := time.Parse(layout, s); err == nil {
			return i.Unix()
		}
	}
	t.Fatalf("%q is no instant", s)
	return 0
}
