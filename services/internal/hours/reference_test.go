package hours_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// reference answers from what the zone's clock shows at every single minute. It is slow, knows no offsets, and follows
// the sentences S1 to S7 one by one.
type reference struct {
	startS int64         // the first minute, Unix seconds
	shown  []int64       // what the clock shows at each minute, in minutes since 1970-01-01T00:00 local
	first  map[int64]int // the first minute at which it shows that, and the last
	last   map[int64]int
	open   []bool
	clips  map[int64][2]int // minutes of the civil dates that a Clip exception has to itself
}

const (
	minutesADay = 1440
	// marginDays is how far around the horizon it looks: exceptions are drawn up to six days beyond its start.
	marginDays = 8
)

func newReference(loc *time.Location, fromS, toS int64) *reference {
	r := &reference{startS: fromS - marginDays*86400, first: map[int64]int{}, last: map[int64]int{}}
	for at := r.startS; at < toS+marginDays*86400; at += 60 {
		t := time.Unix(at, 0).In(loc)
		y, mo, d := t.Date()
		wall := time.Date(y, mo, d, t.Hour(), t.Minute(), 0, 0, time.UTC).Unix() / 60
		i := len(r.shown)
		r.shown = append(r.shown, wall)
		if _, met := r.first[wall]; !met {
			r.first[wall] = i
		}
		r.last[wall] = i
	}
	r.open = make([]bool, len(r.shown))
	return r
}

// skipped is the minute at which the clock jumps over wall.
func (r *reference) skipped(wall int64) int {
	for i := 1; i < len(r.shown); i++ {
		if r.shown[i-1] < wall && wall < r.shown[i] {
			return i
		}
	}
	panic("a wall time neither shown nor skipped: the reference looks at too few days")
}

func (r *reference) firstOf(wall int64) int {
	if i, ok := r.first[wall]; ok {
		return i
	}
	return r.skipped(wall)
}

func (r *reference) lastOf(wall int64) int {
	if i, ok := r.last[wall]; ok {
		return i
	}
	return r.skipped(wall)
}

func dayNumber(d hours.Date) int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// shows says whether any minute of the date is ever shown (S5).
func (r *reference) shows(date int64) bool {
	for m := range int64(minutesADay) {
		if _, ok := r.first[date*minutesADay+m]; ok {
			return true
		}
	}
	return false
}

func (r *reference) fill(h hours.Hours) {
	r.clips = map[int64][2]int{}
	for _, e := range h.Exceptions {
		if date := dayNumber(e.Date); e.Mode == hours.Clip {
			r.clips[date] = [2]int{r.firstOf(date * minutesADay), r.firstOf((date + 1) * minutesADay)}
		}
	}
	lo, hi := r.shown[minutesADay+800]/minutesADay, r.shown[len(r.shown)-2*minutesADay-800]/minutesADay
	for date := lo; date < hi; date++ {
		spans := h.Weekly[time.Unix(date*86400, 0).UTC().Weekday()]
		for i := len(h.Calendars) - 1; i >= 0; i-- { // the first one has the last word
			for _, day := range h.Calendars[i].Days {
				switch {
				case dayNumber(day.Date) != date:
				case day.LikeISOWeekday == 7:
					spans = h.Weekly[time.Sunday]
				case day.LikeISOWeekday > 0:
					spans = h.Weekly[day.LikeISOWeekday]
				default:
					spans = day.Spans
				}
			}
		}
		for _, holiday := range h.Holidays {
			if dayNumber(holiday.Date) == date {
				spans = nil
			}
		}
		for _, e := range h.Exceptions {
			if dayNumber(e.Date) == date {
				spans = e.Spans
			}
		}
		if !r.shows(date) {
			continue
		}
		for _, s := range spans {
			r.paint(date, s)
		}
	}
}

// paint opens the minutes of one span, but for those that a Clip of another date takes.
func (r *reference) paint(date int64, s hours.Span) {
	opens := r.firstOf(date*minutesADay + int64(s.OpenS/60))
	closes := 0
	switch {
	case s.CloseS == 0 || s.CloseS == 86400:
		closes = r.firstOf((date + 1) * minutesADay)
	case s.CloseS < s.OpenS:
		closes = r.lastOf((date+1)*minutesADay + int64(s.CloseS/60))
	default:
		closes = r.lastOf(date*minutesADay + int64(s.CloseS/60))
	}
	for i := opens; i < closes; i++ {
		clipped := false
		for other, minutes := range r.clips {
			if other != date && i >= minutes[0] && i < minutes[1] {
				clipped = true
			}
		}
		if !clipped {
			r.open[i] = true
		}
	}
}

// drawSpans draws spans of whole quarters of an hour, most of them beginning or ending around a quarter of the day.
func drawSpans(t *rapid.T, around int) []hours.Span {
	quarter := func(last int, label string) int {
		if rapid.Bool().Draw(t, "anywhere") {
			return 900 * rapid.IntRange(0, last).Draw(t, label)
		}
		return 900 * min((around+rapid.IntRange(-6, 10).Draw(t, label)+96)%96, last)
	}
	var spans []hours.Span
	for range rapid.IntRange(0, 3).Draw(t, "spans") {
		s := hours.Span{OpenS: quarter(95, "open"), CloseS: quarter(96, "close")}
		if s.OpenS != s.CloseS {
			spans = append(spans, s)
		}
	}
	return spans
}

// drawStart is midnight UTC of a day in 2022 to 2035, mostly one shortly before a change of the zone's clock; and the
// quarter of the day that the clock shows before the change.
func drawStart(t *rapid.T, loc *time.Location) (fromS int64, quarter int) {
	fromS = time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC).Unix() + 86400*rapid.Int64Range(0, 13*365).Draw(t, "day")
	if rapid.IntRange(0, 7).Draw(t, "anywhere") == 7 {
		return fromS, 0
	}
	offsets := zones.Offsets(loc, fromS, fromS+370*86400)
	if len(offsets) == 1 {
		return fromS, 0
	}
	change := rapid.IntRange(1, len(offsets)-1).Draw(t, "change")
	at := offsets[change].FromUnixS
	shown := at + offsets[change-1].EastS
	return at/86400*86400 - 86400*rapid.Int64Range(0, 3).Draw(t, "days before"), int(shown % 86400 / 900)
}

// drawCalendars draws up to three calendars, whose dates often are the same ones.
func drawCalendars(t *rapid.T, from int64, quarter int) []hours.Calendar {
	list := make([]hours.Calendar, rapid.IntRange(0, 3).Draw(t, "calendars"))
	for i := range list {
		for _, n := range rapid.SliceOfNDistinct(rapid.Int64Range(-2, 6), 0, 5, rapid.ID).Draw(t, "days of a calendar") {
			y, m, d := time.Unix(from+86400*n, 0).UTC().Date()
			day := hours.CalendarDay{Date: hours.Date{Year: y, Month: m, Day: d}}
			if rapid.Bool().Draw(t, "like a weekday") {
				day.LikeISOWeekday = rapid.IntRange(1, 7).Draw(t, "weekday")
			} else {
				day.Spans = drawSpans(t, quarter)
			}
			list[i].Days = append(list[i].Days, day)
		}
	}
	return list
}

func TestCompileEqualsTheClockMinuteByMinute(t *testing.T) {
	b := bundle(t)
	names := b.Names()
	odd := []string{
		"Antarctica/Troll", "Australia/Lord_Howe", "America/Santiago", "America/Havana", "Africa/Casablanca", "Asia/Gaza",
		"Atlantic/Azores", "Africa/Cairo", "Asia/Beirut", "America/Nuuk", "Pacific/Chatham", "Asia/Kathmandu",
		"Europe/Dublin", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago",
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.SampledFrom(odd), rapid.SampledFrom(names)).Draw(t, "zone")
		loc, err := b.Location(name)
		if err != nil {
			t.Fatal(err)
		}
		from, quarter := drawStart(t, loc)
		to := from + 86400*rapid.Int64Range(2, 6).Draw(t, "days")
		var h hours.Hours
		for d := range h.Weekly {
			h.Weekly[d] = drawSpans(t, quarter)
		}
		used := map[hours.Date]bool{}
		for range rapid.IntRange(0, 3).Draw(t, "dates") {
			y, m, d := time.Unix(from+86400*rapid.Int64Range(-2, 6).Draw(t, "date"), 0).UTC().Date()
			date := hours.Date{Year: y, Month: m, Day: d}
			if used[date] {
				continue
			}
			used[date] = true
			if rapid.IntRange(0, 3).Draw(t, "holiday") == 0 {
				h.Holidays = append(h.Holidays, hours.Holiday{Date: date})
				continue
			}
			mode := rapid.SampledFrom([]hours.Mode{hours.Replace, hours.Clip}).Draw(t, "mode")
			h.Exceptions = append(h.Exceptions, hours.Exception{Date: date, Spans: drawSpans(t, quarter), Mode: mode})
		}
		h.Calendars = drawCalendars(t, from, quarter)
		tl, err := hours.Compile(h, hours.Zone{Location: loc, Release: b.Release()}, from, to)
		if err != nil {
			t.Fatal(err)
		}
		r := newReference(loc, from, to)
		r.fill(h)
		for i, open := range r.open {
			at := r.startS + int64(i)*60
			if s := tl.At(at); s.Known && s.Open != open {
				t.Fatalf("%s at %s: open %v, want %v", name, time.Unix(at, 0).In(loc), s.Open, open)
			}
		}
	})
}
