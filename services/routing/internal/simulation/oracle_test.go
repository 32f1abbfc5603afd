package simulation

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// What the oracle says where clocks change, by hand.
func TestTheOracleWhereClocksChange(t *testing.T) {
	const h = 3600
	dublin, err := zonestest.Embedded(t).Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	var always [7][]hours.Span
	for d := range always {
		always[d] = []hours.Span{{OpenS: 0, CloseS: h}, {OpenS: h + 1800, CloseS: 2 * h}, {OpenS: 22 * h, CloseS: 0}}
	}
	one := &site{loc: dublin, hours: hours.Hours{Weekly: always}}
	o := newOracle()
	for instant, open := range map[string]bool{
		"2026-03-28T01:30:00Z": true, "2026-03-28T01:29:59Z": false, "2026-03-28T02:00:00Z": false,
		// 01:30 does not exist: it means 01:00 UTC, where 02:00 summer time is; so the span is empty.
		"2026-03-29T00:59:59Z": true, "2026-03-29T01:00:00Z": false,
		// 01:30 is there twice: from the first one to 02:00, which is there once.
		"2026-10-25T00:30:00Z": true, "2026-10-25T01:00:00Z": true, "2026-10-25T01:59:59Z": true, "2026-10-25T02:00:00Z": false,
		// 01:00 is there twice, too: a closing is the last one, though nothing before it is shown again.
		"2026-10-24T23:59:59Z": true, "2026-10-25T00:00:00Z": true, "2026-10-25T00:29:59Z": true,
		"2026-03-29T22:59:59Z": true, "2026-03-30T00:00:00Z": false,
	} {
		at, err := time.Parse(time.RFC3339, instant)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.open(one, at.Unix()); got != open {
			t.Errorf("%s: open %v, want %v", instant, got, open)
		}
	}
}

// The oracle and the compiler share no code, and agree: near the changes of clocks, where they could differ, above all.
func TestTheOracleAgreesWithTheCompiler(t *testing.T) {
	rules := bundles(t)
	near := rapid.OneOf(rapid.Int64Range(-3*3600, 3*3600), rapid.Int64Range(-2*86400, 2*86400))
	rapid.Check(t, func(t *rapid.T) {
		bundle := rules[rapid.IntRange(0, len(rules)-1).Draw(t, "rules")] // drawn itself, all of it is printed
		zone := rapid.SampledFrom([]string{
			"Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham", "America/Santiago",
			"Asia/Kolkata", "Africa/Cairo",
		}).Draw(t, "zone")
		loc, err := bundle.Location(zone)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(rapid.IntRange(2026, 2060).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
		one := &site{loc: loc, hours: drawHours(t, from.Year())}
		to := from.AddDate(1, 0, 0)
		made, err := hours.Compile(one.hours, hours.Zone{Location: loc, Release: bundle.Release()}, from.Unix(), to.Unix())
		if err != nil {
			t.Fatal(err)
		}
		o := newOracle()
		for range 60 {
			unixS := from.Unix() + rapid.Int64Range(0, yearS-1).Draw(t, "instant")
			if _, change := time.Unix(unixS, 0).In(loc).ZoneBounds(); !change.IsZero() && change.Before(to) {
				unixS = min(max(from.Unix(), change.Unix()+near.Draw(t, "seconds from the change")), to.Unix()-1)
			}
			if o.open(one, unixS) != made.At(unixS).Open {
				t.Fatalf("%s at %v: the oracle says %v, the compiler %v", zone, time.Unix(unixS, 0).UTC(), o.open(one, unixS),
					made.At(unixS).Open)
			}
		}
	})
}

func drawHours(t *rapid.T, year int) hours.Hours {
	quarter := rapid.OneOf(rapid.IntRange(0, 14), rapid.IntRange(0, 95)) // clocks change in the night
	spans := func(what string) []hours.Span {
		var list []hours.Span
		for range rapid.IntRange(0, 2).Draw(t, what) {
			s := hours.Span{OpenS: quarter.Draw(t, "open") * 900, CloseS: quarter.Draw(t, "close") * 900}
			if s.OpenS != s.CloseS || s.CloseS == 0 && s.OpenS != 0 {
				list = append(list, s)
			}
		}
		return list
	}
	var h hours.Hours
	for d := range h.Weekly {
		h.Weekly[d] = spans("weekly")
	}
	for m := time.January; m <= time.December; m++ {
		day := hours.Date{Year: year, Month: m, Day: rapid.IntRange(1, 28).Draw(t, "day")}
		mode := hours.Mode(rapid.IntRange(0, 1).Draw(t, "mode"))
		h.Exceptions = append(h.Exceptions, hours.Exception{Date: day, Spans: spans("exception"), Mode: mode})
	}
	return h
}
