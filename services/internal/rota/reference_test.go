package rota_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// reference answers minute by minute, from what the zone's clock shows at every single one. It is slow, knows no offsets
// and no intervals, counts turns one by one from the first, and follows the sentences R1 to R7. (Restrictions are hours,
// which have a reference of their own.)
type reference struct {
	startS int64         // the first minute, Unix seconds
	shown  []int64       // what the clock shows at each minute, in minutes since 1970-01-01T00:00 local
	first  map[int64]int // the first minute at which it shows that
}

const referenceMarginS = 3 * 86400

func newReference(loc *time.Location, fromS, toS int64) *reference {
	r := &reference{startS: fromS - referenceMarginS, first: map[int64]int{}}
	for at := r.startS; at < toS+referenceMarginS; at += 60 {
		t := time.Unix(at, 0).In(loc)
		y, mo, d := t.Date()
		wall := time.Date(y, mo, d, t.Hour(), t.Minute(), 0, 0, time.UTC).Unix() / 60
		if _, met := r.first[wall]; !met {
			r.first[wall] = len(r.shown)
		}
		r.shown = append(r.shown, wall)
	}
	return r
}

// firstOf is the first minute at which the clock shows wall, or jumps over it; the first or last of all minutes where
// that lies outside them.
func (r *reference) firstOf(wall int64) int {
	if i, ok := r.first[wall]; ok {
		return i
	}
	for i, shown := range r.shown {
		if shown > wall {
			return i
		}
	}
	return len(r.shown)
}

// nominal is when turn n begins on the wall clock, in minutes.
func nominal(l rota.Layer, n int) int64 {
	start := time.Date(l.Start.Date.Year, l.Start.Date.Month, l.Start.Date.Day, 0, 0, l.Start.S, 0, time.UTC)
	switch l.Unit {
	case rota.Hour:
		start = start.Add(time.Duration(n*l.Every) * time.Hour)
	case rota.Day:
		start = start.AddDate(0, 0, n*l.Every)
	case rota.Week:
		start = start.AddDate(0, 0, 7*n*l.Every)
	case rota.Month:
		begin := start.AddDate(0, 0, 1-start.Day()).AddDate(0, n*l.Every, 0)
		for day := 1; day < start.Day() && begin.AddDate(0, 0, 1).Month() == begin.Month(); day++ {
			begin = begin.AddDate(0, 0, 1)
		}
		start = begin
	}
	return start.Unix() / 60
}

// turn is who takes a turn: the slots of its crew, and the place among them.
type turn struct {
	slots []string
	place int
}

// turns are those of a layer at each minute; of no slots where there is none.
func (r *reference) turns(l rota.Layer) []turn {
	at := make([]turn, len(r.shown))
	crew, place := 0, l.Crews[0].First-1
	for n := 0; ; n++ {
		begin := nominal(l, n)
		place++
		for crew+1 < len(l.Crews) && l.Crews[crew+1].From.WallS()/60 <= begin {
			crew++
			place = l.Crews[crew].First
		}
		from, to := r.firstOf(begin), r.firstOf(nominal(l, n+1))
		if from == len(r.shown) {
			break
		}
		slots := l.Crews[crew].Slots
		for i := from; i < to; i++ {
			at[i] = turn{slots, place % len(slots)}
		}
	}
	if l.End != (hours.WallTime{}) {
		clear(at[r.firstOf(l.End.WallS()/60):])
	}
	return at
}

// holds is who holds a turn at an instant; empty for nobody.
func (u turn) holds(absences []rota.Absence, unixS int64) string {
	away := func(person string) bool {
		for _, a := range absences {
			if a.Person == person && a.FromUnixS <= unixS && unixS < a.ToUnixS {
				return true
			}
		}
		return false
	}
	if len(u.slots) == 0 || u.slots[u.place] == "" {
		return ""
	}
	for i := range u.slots {
		if person := u.slots[(u.place+i)%len(u.slots)]; person != "" && !away(person) {
			return person
		}
	}
	return ""
}

func overridden(person string, overrides []rota.Override, unixS int64) string {
	for _, o := range overrides {
		if unixS < o.FromUnixS || unixS >= o.ToUnixS {
			continue
		}
		switch {
		case o.Kind == rota.Add:
			person = o.By
		case o.Kind == rota.Replace && person == o.Of:
			person = o.By
		case o.Kind == rota.Remove && (o.Of == "" || person == o.Of):
			person = ""
		}
	}
	return person
}

func TestCompileEqualsTheClockMinuteByMinute(t *testing.T) {
	b := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, b)
		roster, err := rota.Compile(d.rota, d.from, d.to)
		if err != nil {
			t.Fatal(err)
		}
		ref := newReference(d.rota.Zone.Location, d.from, d.to)
		turns := make([][]turn, len(d.rota.Layers))
		open := make([]*timeline.Timeline, len(d.rota.Layers))
		for k, l := range d.rota.Layers {
			turns[k] = ref.turns(l)
			if open[k], err = hours.Compile(hours.Hours{Weekly: l.Restrictions}, d.rota.Zone, d.from, d.to); err != nil {
				t.Fatal(err)
			}
		}
		for unixS := d.from; unixS < d.to; unixS += 60 {
			want := ""
			for k, l := range d.rota.Layers {
				if restricted(l) && !open[k].At(unixS).Open {
					continue
				}
				if person := turns[k][(unixS-ref.startS)/60].holds(d.rota.Absences, unixS); person != "" {
					want = person
				}
			}
			want = overridden(want, d.rota.Overrides, unixS)
			if got := roster.At(unixS); got.Person != want || got.Reason.Held() != (want != "") {
				t.Fatalf("%s at %s: %+v (%s), want %q", d.rota.Zone.Location,
					time.Unix(unixS, 0).In(d.rota.Zone.Location), got, d.rota.Why(got), want)
			}
		}
	})
}

func restricted(l rota.Layer) bool {
	for _, spans := range l.Restrictions {
		if len(spans) > 0 {
			return true
		}
	}
	return false
}
