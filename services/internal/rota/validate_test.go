package rota_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// full is a rota that uses everything and breaks no rule.
func full(t testing.TB) rota.Rota {
	t.Helper()
	r := weekly(t, "anna", "", "ben", "")
	r.Layers[0].Crews = append(r.Layers[0].Crews, rota.Crew{
		From: wall(t, "2026-03-02T09:00"), Slots: []string{"ben", "cleo"}, First: 1,
	})
	r.Layers = append(r.Layers, rota.Layer{
		Start: wall(t, "2026-01-31T22:00"), End: wall(t, "2027-01-31T22:00"), Unit: rota.Month, Every: 12, Crews: crew("dora"),
		Restrictions: [7][]hours.Span{time.Saturday: {span(t, "00:00-06:00"), span(t, "22:00-24:00")}},
	})
	r.Absences = []rota.Absence{
		{Person: "anna", FromUnixS: at(t, "2026-02-01"), ToUnixS: at(t, "2026-02-08"), Name: "leave"},
		{Person: "anna", FromUnixS: at(t, "2026-02-04"), ToUnixS: at(t, "2026-02-05"), Name: "and a holiday within"},
	}
	r.Overrides = []rota.Override{
		{Kind: rota.Replace, Of: "anna", By: "emil", FromUnixS: at(t, "2026-01-10"), ToUnixS: at(t, "2026-01-12"), Name: "party"},
		{Kind: rota.Remove, FromUnixS: at(t, "2026-01-11"), ToUnixS: at(t, "2026-01-12")},
		{Kind: rota.Add, By: "emil", FromUnixS: at(t, "2026-01-12"), ToUnixS: at(t, "2026-01-13")},
	}
	return r
}

func TestBadRotas(t *testing.T) {
	if broken := rota.Validate("", full(t)); len(broken) != 0 {
		t.Fatal(broken)
	}
	long := strings.Repeat("x", 101)
	for _, c := range []struct {
		what    string
		spoil   func(r *rota.Rota)
		field   string // of the first violation
		mention string // in its text
	}{
		{"no zone", func(r *rota.Rota) { r.Zone.Location = nil }, "time_zone", "required"},
		{"no people", func(r *rota.Rota) { r.Layers = nil }, "layers", "needs people"},
		{"too many layers", func(r *rota.Rota) { r.Layers = make([]rota.Layer, 17) }, "layers", "at most 16"},
		{"no crews", func(r *rota.Rota) { r.Layers[0].Crews = nil }, "layers[0].crews", "needs people"},
		{"too many crews", func(r *rota.Rota) { r.Layers[0].Crews = make([]rota.Crew, 201) }, "layers[0].crews", "at most 200"},
		{"no slots", func(r *rota.Rota) { r.Layers[1].Crews = crew() }, "layers[1].crews[0].slots", "at least one person"},
		{"only empty slots", func(r *rota.Rota) { r.Layers[1].Crews = crew("", "") }, "layers[1].crews[0].slots", "at least one person"},
		{"too many slots", func(r *rota.Rota) { r.Layers[1].Crews = crew(make([]string, 201)...) }, "layers[1].crews[0].slots", "at most 200"},
		{"somebody twice", func(r *rota.Rota) { r.Layers[0].Crews = crew("a", "", "b", "a") }, "layers[0].crews[0].slots[3]", `"a": is slots[0] again`},
		{"a blank name", func(r *rota.Rota) { r.Layers[0].Crews = crew(" a") }, "layers[0].crews[0].slots[0]", "blanks"},
		{"a control character", func(r *rota.Rota) { r.Layers[0].Crews = crew("a\x1b[2J") }, "layers[0].crews[0].slots[0]", "\uFFFD[2J"},
		{"a long layer name", func(r *rota.Rota) { r.Layers[0].Name = long }, "layers[0].name", "at most 100"},
		{"an unknown unit", func(r *rota.Rota) { r.Layers[0].Unit = 5 }, "layers[0].unit", `"5": must be "hour"`},
		{"no unit", func(r *rota.Rota) { r.Layers[0].Unit = 0 }, "layers[0].unit", "must be"},
		{"turns of zero length", func(r *rota.Rota) { r.Layers[0].Every = 0 }, "layers[0].every", `"0": must be 1 to 53`},
		{"turns backwards", func(r *rota.Rota) { r.Layers[0].Every = -1 }, "layers[0].every", "must be 1 to 53"},
		{"turns of years", func(r *rota.Rota) { r.Layers[1].Every = 13 }, "layers[1].every", "must be 1 to 12"},
		{"no first day", func(r *rota.Rota) { r.Layers[0].Start = hours.WallTime{} }, "layers[0].start", "required"},
		{"a leap day of a common year", func(r *rota.Rota) {
			r.Layers[0].Start = hours.WallTime{Date: hours.Date{Year: 2027, Month: 2, Day: 29}}
		}, "layers[0].start", "2027-02-29"},
		{"before 1970", func(r *rota.Rota) { r.Layers[0].Start.Date.Year = 1969 }, "layers[0].start", "1970"},
		{"after 2100", func(r *rota.Rota) { r.Layers[1].End.Date.Year = 2101 }, "layers[1].end", "2100"},
		{"24:00", func(r *rota.Rota) { r.Layers[0].Start.S = 86400 }, "layers[0].start", "must be a date and time"},
		{"an end at the start", func(r *rota.Rota) { r.Layers[0].End = r.Layers[0].Start }, "layers[0].end", "after layers[0].start"},
		{"the first crew with a time", func(r *rota.Rota) { r.Layers[0].Crews[0].From = wall(t, "2026-01-05T09:00") }, "layers[0].crews[0].from", "empty"},
		{"a later one without", func(r *rota.Rota) { r.Layers[0].Crews[1].From = hours.WallTime{} }, "layers[0].crews[1].from", "required"},
		{"crews out of order", func(r *rota.Rota) { r.Layers[0].Crews[1].From = wall(t, "2026-01-05T09:00") }, "layers[0].crews[1].from", "after 2026-01-05T09:00"},
		{"a first slot that is none", func(r *rota.Rota) { r.Layers[0].Crews[1].First = 2 }, "layers[0].crews[1].first", "index"},
		{"restrictions of no time", func(r *rota.Rota) {
			r.Layers[0].Restrictions[time.Monday] = []hours.Span{{OpenS: 60, CloseS: 60}}
		}, "layers[0].restrictions.mon[0]", "same time"},
		{"an absence of nobody", func(r *rota.Rota) { r.Absences[1].Person = "" }, "absences[1].person", "must be 1 to 100"},
		{"an absence of no time", func(r *rota.Rota) { r.Absences[0].ToUnixS = r.Absences[0].FromUnixS }, "absences[0].to", "after absences[0].from"},
		{"an absence before 1970", func(r *rota.Rota) { r.Absences[0].FromUnixS = -1 }, "absences[0].from", "1970"},
		{"too many absences", func(r *rota.Rota) { r.Absences = make([]rota.Absence, 20_001) }, "absences", "at most 20000"},
		{"too many overrides", func(r *rota.Rota) { r.Overrides = make([]rota.Override, 1001) }, "overrides", "at most 1000"},
		{"an override that ends before it starts", func(r *rota.Rota) {
			o := &r.Overrides[2]
			o.FromUnixS, o.ToUnixS = o.ToUnixS, o.FromUnixS
		}, "overrides[2].to", "after overrides[2].from, 2026-01-13"},
		{"an override after 2100", func(r *rota.Rota) { r.Overrides[2].ToUnixS = at(t, "2101-01-02") }, "overrides[2].to", "2100"},
		{"an override of no kind", func(r *rota.Rota) { r.Overrides[2].Kind = 0 }, "overrides[2].kind", "REPLACE"},
		{"a replacement by nobody", func(r *rota.Rota) { r.Overrides[0].By = "" }, "overrides[0].by", "must be 1 to 100"},
		{"a replacement of nobody", func(r *rota.Rota) { r.Overrides[0].Of = "" }, "overrides[0].of", "must be 1 to 100"},
		{"a replacement by the same", func(r *rota.Rota) { r.Overrides[0].By = "anna" }, "overrides[0].by", "somebody else"},
		{"a replacement of a stranger", func(r *rota.Rota) { r.Overrides[0].Of = "ana" }, "overrides[0].of", "person of the rota"},
		{"a removal that adds", func(r *rota.Rota) { r.Overrides[1].By = "ben" }, "overrides[1].by", "REMOVE puts nobody in"},
		{"an addition that replaces", func(r *rota.Rota) { r.Overrides[2].Of = "ben" }, "overrides[2].of", "ADD puts somebody in"},
	} {
		r := full(t)
		c.spoil(&r)
		broken := rota.Validate("rota.", r)
		if len(broken) == 0 {
			t.Errorf("%s: not refused", c.what)
			continue
		}
		if broken[0].Field != "rota."+c.field || !strings.Contains(broken[0].String(), c.mention) {
			t.Errorf("%s: %s\nwant rota.%s … %s", c.what, broken[0], c.field, c.mention)
		}
		_, err := rota.Compile(r, at(t, "2026-01-01"), at(t, "2026-02-01"))
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%s is compiled: %v", c.what, err)
		}
	}
}

func TestContradictingOverrides(t *testing.T) {
	day := func(d int) int64 { return time.Date(2026, 7, d, 0, 0, 0, 0, time.UTC).Unix() }
	replace := func(of, by string, from, to int) rota.Override {
		return rota.Override{Kind: rota.Replace, Of: of, By: by, FromUnixS: day(from), ToUnixS: day(to)}
	}
	add := func(by string, from, to int) rota.Override {
		return rota.Override{Kind: rota.Add, By: by, FromUnixS: day(from), ToUnixS: day(to)}
	}
	remove := func(of string, from, to int) rota.Override {
		return rota.Override{Kind: rota.Remove, Of: of, FromUnixS: day(from), ToUnixS: day(to)}
	}
	for _, c := range []struct {
		what    string
		a, b    rota.Override
		refused bool
	}{
		{"two add somebody else over crossing times", add("x", 1, 5), add("y", 4, 8), true},
		{"over the same time", add("x", 1, 5), add("y", 1, 5), true},
		{"the later hides the earlier", add("x", 2, 4), add("y", 1, 5), true},
		{"the later corrects a part", add("x", 1, 5), add("y", 4, 5), false},
		{"they only touch", add("x", 1, 5), add("y", 5, 8), false},
		{"they agree", add("x", 1, 5), add("x", 4, 8), false},
		{"one person replaced by two", replace("a", "x", 1, 5), replace("a", "y", 4, 8), true},
		{"two persons by two", replace("a", "x", 1, 5), replace("b", "y", 4, 8), false},
		{"replaced and removed", replace("a", "x", 1, 5), remove("a", 4, 8), true},
		{"replaced, and anybody removed", replace("a", "x", 1, 5), remove("", 4, 8), true},
		{"removed twice", remove("a", 1, 5), remove("", 4, 8), false},
		{"passed on", replace("a", "x", 1, 5), replace("x", "y", 1, 5), false},
		{"added, then passed on", add("x", 1, 5), replace("x", "y", 4, 8), false},
		{"given back whole", replace("a", "b", 1, 5), replace("b", "a", 1, 5), true},
		{"given back for a day", replace("a", "b", 1, 5), replace("b", "a", 2, 3), false},
	} {
		r := weekly(t, "a", "b")
		// x and y stand in the rota at another time, so that nobody is a stranger.
		r.Overrides = []rota.Override{add("x", 20, 21), add("y", 22, 23), c.a, c.b}
		broken := rota.Validate("", r)
		if refused := len(broken) > 0; refused != c.refused {
			t.Errorf("%s: %v", c.what, broken)
		}
		if c.refused && len(broken) == 1 &&
			(broken[0].Field != "overrides[3]" || !strings.Contains(broken[0].Rule, "overrides[2]")) {
			t.Errorf("%s: %s names the wrong ones", c.what, broken[0])
		}
	}
}

func TestOneAnswerNamesAllThatIsBroken(t *testing.T) {
	r := full(t)
	r.Layers[0].Every, r.Layers[1].Unit, r.Absences[0].Person, r.Overrides[0].Kind = 0, 0, "", 0
	_, err := rota.Compile(r, at(t, "2026-01-01"), at(t, "2026-02-01"))
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) != 4 {
		t.Errorf("%v, want four violations", err)
	}
	r.Layers[0].Crews[0].Slots = strings.Split(strings.Repeat("a ", 150)+"a", " ")
	if broken := rota.Validate("", r); len(broken) != 50 {
		t.Errorf("%d violations, want the first 50", len(broken))
	}
}

func TestRangesThatAreNotCompiled(t *testing.T) {
	for _, c := range []struct{ what, from, to, field string }{
		{"none", "2026-01-01", "2026-01-01", "to"},
		{"backwards", "2026-01-02", "2026-01-01", "to"},
		{"over ten years", "2026-01-01", "2036-01-10", "to"},
		{"before 1970", "1969-12-31", "1970-02-01", "from"},
		{"after 2100", "2100-12-01", "2101-01-02", "to"},
	} {
		_, err := rota.Compile(weekly(t, "a"), at(t, c.from), at(t, c.to))
		var f *fault.Fault
		if !errors.As(err, &f) || f.Violations[0].Field != c.field {
			t.Errorf("%s: %v, want a violation on %s", c.what, err, c.field)
		}
	}
}

func TestParseUnit(t *testing.T) {
	for _, u := range []rota.Unit{rota.Hour, rota.Day, rota.Week, rota.Month} {
		if got, err := rota.ParseUnit("unit", u.String()); err != nil || got != u {
			t.Errorf("%s: %v, %v", u, got, err)
		}
	}
	for _, in := range []string{"", "days", "Day", "year", "1", strings.Repeat("hour", 100)} {
		_, err := rota.ParseUnit("layers[0].unit", in)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD || !strings.Contains(err.Error(), "layers[0].unit") {
			t.Errorf("%q: %v, want INVALID_FIELD that names the field", in, err)
		}
	}
}

func FuzzParseUnit(f *testing.F) {
	f.Add("week")
	f.Add("weeks")
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := rota.ParseUnit("unit", s); err == nil && u.String() != s {
			t.Fatalf("%q is read as %s", s, u)
		}
	})
}
