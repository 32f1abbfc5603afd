package rota_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// oddZones change their clocks at odd times, by odd amounts, or stand at odd distances.
var oddZones = []string{
	"Antarctica/Troll", "Australia/Lord_Howe", "America/Santiago", "America/Havana", "Africa/Casablanca", "Asia/Gaza",
	"Atlantic/Azores", "Africa/Cairo", "Asia/Beirut", "America/Nuuk", "Pacific/Chatham", "Asia/Kathmandu",
	"Europe/Dublin", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago",
}

// drawn is a rota with a range to look at it over, both of whole minutes.
type drawn struct {
	rota     rota.Rota
	from, to int64
}

func draw(t *rapid.T, b *zones.Bundle) drawn {
	name := rapid.OneOf(rapid.SampledFrom(oddZones), rapid.SampledFrom(b.Names())).Draw(t, "zone")
	loc, err := b.Location(name)
	if err != nil {
		t.Fatal(err)
	}
	d := drawn{rota: rota.Rota{Zone: hours.Zone{Location: loc, Release: b.Release()}}}
	changeS := drawChange(t, loc)
	d.from = changeS/86400*86400 - 86400*rapid.Int64Range(0, 3).Draw(t, "days before")
	d.to = d.from + 86400*rapid.OneOf(rapid.Int64Range(2, 6), rapid.Int64Range(30, 70)).Draw(t, "days")
	for range rapid.IntRange(1, 3).Draw(t, "layers") {
		d.rota.Layers = append(d.rota.Layers, d.layer(t, changeS))
	}
	for range rapid.IntRange(0, 6).Draw(t, "absences") {
		from, to := d.stretch(t)
		d.rota.Absences = append(d.rota.Absences, rota.Absence{Person: drawPerson(t), FromUnixS: from, ToUnixS: to})
	}
	for range rapid.IntRange(0, 6).Draw(t, "overrides") {
		d.override(t)
	}
	if broken := rota.Validate("", d.rota); len(broken) > 0 {
		t.Fatal(broken)
	}
	return d
}

// drawChange is a change of the zone's clock in 2022 to 2035, or any instant where it has none for a year.
func drawChange(t *rapid.T, loc *time.Location) int64 {
	fromS := time.Date(2022, 1, 4, 0, 0, 0, 0, time.UTC).Unix() + 86400*rapid.Int64Range(0, 13*365).Draw(t, "day")
	offsets := zones.Offsets(loc, fromS, fromS+370*86400)
	return offsets[rapid.IntRange(min(1, len(offsets)-1), len(offsets)-1).Draw(t, "change")].FromUnixS
}

func drawPerson(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "person")
}

// stretch is some quarters of an hour around the range.
func (d *drawn) stretch(t *rapid.T) (fromUnixS, toUnixS int64) {
	quarters := (d.to - d.from) / 900
	fromUnixS = d.from + 900*rapid.Int64Range(-50, quarters).Draw(t, "from")
	return fromUnixS, fromUnixS + 900*rapid.OneOf(rapid.Int64Range(1, 50), rapid.Int64Range(1, quarters)).Draw(t, "quarters")
}

// override adds one that contradicts none before it, or none at all.
func (d *drawn) override(t *rapid.T) {
	o := rota.Override{Kind: rapid.SampledFrom([]rota.Kind{rota.Replace, rota.Remove, rota.Add}).Draw(t, "kind")}
	o.FromUnixS, o.ToUnixS = d.stretch(t)
	if o.Kind == rota.Replace || o.Kind == rota.Remove && rapid.Bool().Draw(t, "of somebody") {
		o.Of = drawPerson(t)
	}
	if o.Kind != rota.Remove {
		o.By = rapid.SampledFrom([]string{"a", "b", "x", "y"}).Draw(t, "by")
	}
	before := d.rota.Overrides
	d.rota.Overrides = append(before[:len(before):len(before)], o)
	if len(rota.Validate("", d.rota)) > 0 {
		d.rota.Overrides = before
	}
}

// wallAround is a quarter of an hour on the wall clock, up to some days before or after an instant; mostly one that the
// clock shows around the time of day of changeS.
func (d *drawn) wallAround(t *rapid.T, unixS int64, days int, changeS int64) hours.WallTime {
	_, eastS := time.Unix(changeS-1, 0).In(d.rota.Zone.Location).Zone()
	quarter := (changeS + int64(eastS)) / 900 % 96
	if rapid.IntRange(0, 3).Draw(t, "any time of day") == 0 {
		quarter = 0
	}
	quarter = ((quarter+rapid.Int64Range(-8, 12).Draw(t, "quarter"))%96 + 96) % 96
	y, m, day := time.Unix(unixS, 0).UTC().AddDate(0, 0, rapid.IntRange(-days, days).Draw(t, "days")).Date()
	return hours.WallTime{Date: hours.Date{Year: y, Month: m, Day: day}, S: int(quarter) * 900}
}

func (d *drawn) layer(t *rapid.T, changeS int64) rota.Layer {
	l := rota.Layer{
		Unit:  rapid.SampledFrom([]rota.Unit{rota.Hour, rota.Day, rota.Week, rota.Month}).Draw(t, "unit"),
		Every: rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 12)).Draw(t, "every"),
		Start: d.wallAround(t, d.from, 1, changeS),
	}
	if rapid.IntRange(0, 3).Draw(t, "starts long before") > 0 {
		l.Start = d.wallAround(t, d.from-400*86400, 390, changeS)
	}
	if rapid.IntRange(0, 5).Draw(t, "ends") == 0 {
		if end := d.wallAround(t, d.to, 6, changeS); end.WallS() > l.Start.WallS() {
			l.End = end
		}
	}
	l.Crews = []rota.Crew{drawCrew(t)}
	for range rapid.IntRange(0, 3).Draw(t, "changes of members") {
		next := drawCrew(t)
		next.From = d.wallAround(t, d.from, 4, changeS)
		before := l.Start
		if n := len(l.Crews); n > 1 {
			before = l.Crews[n-1].From
		}
		if next.From.WallS() > before.WallS() {
			l.Crews = append(l.Crews, next)
		}
	}
	if rapid.Bool().Draw(t, "restricted") {
		for day := range l.Restrictions {
			if rapid.IntRange(0, 4).Draw(t, "off") > 0 {
				open := 900 * rapid.IntRange(0, 60).Draw(t, "open")
				l.Restrictions[day] = []hours.Span{{OpenS: open, CloseS: open + 900*rapid.IntRange(1, 36).Draw(t, "length")}}
			}
		}
	}
	return l
}

// drawCrew draws some of a to e, with empty slots between them.
func drawCrew(t *rapid.T) rota.Crew {
	people := rapid.Permutation([]string{"a", "b", "c", "d", "e"}).Draw(t, "people")
	var c rota.Crew
	for _, person := range people[:rapid.IntRange(1, 5).Draw(t, "how many")] {
		c.Slots = append(c.Slots, person)
		if rapid.IntRange(0, 4).Draw(t, "empty slot") == 0 {
			c.Slots = append(c.Slots, "")
		}
	}
	c.First = rapid.IntRange(0, len(c.Slots)-1).Draw(t, "first")
	return c
}
