package rotas_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

const (
	hourly  = schedulev1.TurnUnit_TURN_UNIT_HOUR
	daily   = schedulev1.TurnUnit_TURN_UNIT_DAY
	weekly  = schedulev1.TurnUnit_TURN_UNIT_WEEK
	monthly = schedulev1.TurnUnit_TURN_UNIT_MONTH
)

// TestTurns: what a reader would ask about. Ranges are whole days of UTC.
func TestTurns(t *testing.T) {
	two := int32(2)
	for _, c := range []struct {
		what     string
		rota     func(w world) *schedulev1.Rota
		from, to string
		want     []string
	}{
		{"the clock falls back on 25 October: that week has 169 hours", func(world) *schedulev1.Rota {
			return dublin(weekly, "ann", "bob")
		}, "2026-10-19T08:00", "2026-11-02T09:00", []string{"19 Oct 09:00 169h0m0s ann OWN_TURN", "26 Oct 09:00 168h0m0s bob OWN_TURN"}},
		{"the clock springs forward on 28 March: an hourly turn vanishes", func(world) *schedulev1.Rota {
			return dublin(hourly, "ann", "bob")
		}, "2027-03-28T00:00", "2027-03-28T03:00", []string{
			"28 Mar 00:00 2h0m0s bob OWN_TURN", "28 Mar 03:00 1h0m0s ann OWN_TURN", // the one between them was Ann's
		}},
		{"monthly on the 31st", func(world) *schedulev1.Rota {
			r := dublin(monthly, "ann", "bob", "carol")
			r.Layers[0].Start = "2026-12-31T09:00"
			return r
		}, "2027-01-31T09:00", "2027-04-30T08:00", []string{
			"31 Jan 09:00 672h0m0s bob OWN_TURN", "28 Feb 09:00 743h0m0s carol OWN_TURN", "31 Mar 09:00 720h0m0s ann OWN_TURN",
		}},
		{"leave of dates in the person's own zone goes to the next", func(w world) *schedulev1.Rota {
			w.people["people/ann"].TimeZone = "America/New_York"
			w.people["people/ann"].Absences = []*schedulev1.Absence{{FirstDate: on(2026, 10, 5), DisplayName: "leave"}}
			return dublin(weekly, "ann", "bob")
		}, "2026-10-05T08:00", "2026-10-12T08:00", []string{
			"05 Oct 09:00 20h0m0s bob COVER", "06 Oct 05:00 148h0m0s ann OWN_TURN", // midnight of New York is five in Dublin
		}},
		{"everybody is away", func(w world) *schedulev1.Rota {
			for _, p := range w.people {
				p.Absences = []*schedulev1.Absence{{Interval: between("2026-10-05T12:00", "2026-10-05T13:00")}}
			}
			return dublin(daily, "ann", "bob")
		}, "2026-10-05T08:00", "2026-10-06T08:00", []string{
			"05 Oct 09:00 4h0m0s ann OWN_TURN", "05 Oct 13:00 1h0m0s - ALL_AWAY", "05 Oct 14:00 19h0m0s ann OWN_TURN",
		}},
		{"the dates that a person's calendar closes", func(w world) *schedulev1.Rota {
			w.calendars["calendars/ie"] = &schedulev1.Calendar{
				Name: "calendars/ie", DisplayName: "Ireland", Entries: []*schedulev1.CalendarEntry{
					{Date: on(2026, 12, 25), LastDate: on(2026, 12, 26), DisplayName: "Christmas", Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED},
				},
			}
			w.people["people/bob"].TimeZone = "Europe/Dublin"
			w.people["people/bob"].Calendars = []string{"calendars/ie"}
			return dublin(weekly, "ann", "bob")
		}, "2026-12-21T09:00", "2026-12-28T09:00", []string{
			"21 Dec 09:00 87h0m0s bob OWN_TURN", "25 Dec 00:00 48h0m0s ann COVER", "27 Dec 00:00 33h0m0s bob OWN_TURN",
		}},
		{"an empty turn, and a layer above that fills nights", func(world) *schedulev1.Rota {
			r := dublin(daily, "ann", "")
			r.Layers = append(r.Layers, &schedulev1.RotaLayer{
				Start: "2026-10-05T00:00", Unit: weekly, Members: names("carol"),
				Restrictions: &schedulev1.WeeklyHours{Tue: span(22, 6)},
			})
			return r
		}, "2026-10-05T08:00", "2026-10-07T08:00", []string{
			"05 Oct 09:00 24h0m0s ann OWN_TURN", "06 Oct 09:00 13h0m0s - EMPTY_TURN", "06 Oct 22:00 8h0m0s carol OWN_TURN",
			"07 Oct 06:00 3h0m0s - EMPTY_TURN",
		}},
		{"a change of crew goes on from whoever held before", func(world) *schedulev1.Rota {
			r := dublin(daily, "ann", "bob")
			r.Layers[0].Changes = []*schedulev1.CrewChange{{From: "2026-10-07T08:00", Members: names("ann", "carol", "bob")}}
			return r
		}, "2026-10-06T08:00", "2026-10-09T08:00", []string{
			"06 Oct 09:00 24h0m0s bob OWN_TURN", "07 Oct 09:00 24h0m0s ann OWN_TURN", "08 Oct 09:00 24h0m0s carol OWN_TURN",
		}},
		{"a change of crew that says who is first", func(world) *schedulev1.Rota {
			r := dublin(daily, "ann", "bob")
			r.Layers[0].Changes = []*schedulev1.CrewChange{{From: "2026-10-07T08:00", Members: names("ann", "carol", "bob"), First: &two}}
			return r
		}, "2026-10-07T08:00", "2026-10-09T08:00", []string{"07 Oct 09:00 24h0m0s bob OWN_TURN", "08 Oct 09:00 24h0m0s ann OWN_TURN"}},
		{"overrides of each kind", func(world) *schedulev1.Rota {
			r := dublin(weekly, "ann")
			r.Overrides = []*schedulev1.RotaOverride{
				{Kind: schedulev1.RotaOverride_KIND_REPLACE, Of: "people/ann", By: "people/bob", Interval: between("2026-10-05T10:00", "2026-10-05T11:00")},
				{Kind: schedulev1.RotaOverride_KIND_REMOVE, Interval: between("2026-10-05T11:00", "2026-10-05T12:00")},
				{Kind: schedulev1.RotaOverride_KIND_ADD, By: "people/carol", Interval: between("2026-10-05T07:00", "2026-10-05T08:00")},
			}
			return r
		}, "2026-10-05T06:00", "2026-10-05T13:00", []string{
			"05 Oct 07:00 1h0m0s - NOT_RUNNING", "05 Oct 08:00 1h0m0s carol ADDED", "05 Oct 09:00 2h0m0s ann OWN_TURN",
			"05 Oct 11:00 1h0m0s bob REPLACED", "05 Oct 12:00 1h0m0s - REMOVED", "05 Oct 13:00 1h0m0s ann OWN_TURN",
		}},
	} {
		w := newWorld(t)
		compiled := w.compile(t, c.rota(w), utc(c.from), utc(c.to))
		if got := turns(t, compiled); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.what, got, c.want)
		}
	}
}

// TestRecord: what is published says who is reached how, whom the rota has, and since when the first turn goes on.
func TestRecord(t *testing.T) {
	w := newWorld(t)
	w.people["people/bob"].Targets, w.people["people/bob"].RingTimeout = nil, durationpb.New(40*time.Second)
	r := dublin(weekly, "ann", "bob")
	r.Layers[0].Changes = []*schedulev1.CrewChange{{From: "2026-10-12T00:00", Members: names("bob", "carol")}}
	c := w.compile(t, r, utc("2026-11-20T00:00"), utc("2026-12-20T00:00"))
	d, err := roster.FromProto(c.Record)
	if err != nil {
		t.Fatal(err)
	}
	if s := d.Sheet(); s.ID != "support" || s.TimeZone != "Europe/Dublin" || s.AcceptWithinS != 900 || s.TZDataRelease != w.rules.Release() {
		t.Errorf("sheet %+v", s)
	}
	// Ann was a member before the range, and is not any more.
	if d.Person("ann") != nil || d.Person("carol").Targets[0] != "+61255500101" || d.Person("carol").RingTimeoutS != 25 ||
		len(d.Person("bob").Targets) != 0 || d.Person("bob").RingTimeoutS != 40 {
		t.Errorf("people %v", c.Record.GetPeople())
	}
	turn := d.At(utc("2026-11-20T12:00").Unix())
	if turn.FromUnixS != utc("2026-11-16T09:00").Unix() || turn.ToUnixS != utc("2026-11-23T09:00").Unix() {
		t.Errorf("the first turn is %v", turn)
	}
	if person, until := c.Duty.At(turn.FromUnixS + 7*86400); person != "people/"+d.At(turn.ToUnixS).Person.ID || until != turn.ToUnixS+7*86400 {
		t.Errorf("duty: %s until %d", person, until)
	}
	r.NoAcceptance = true
	if c := w.compile(t, r, utc("2026-11-20T00:00"), utc("2026-12-20T00:00")); c.Record.GetAcceptWithinS() != 0 {
		t.Error("handoffs must be accepted all the same")
	}
}

// TestTheFirstTurnBeginsTheSameOnEveryDay: a turn that began before the horizon does so on whatever day it is compiled.
func TestTheFirstTurnBeginsTheSameOnEveryDay(t *testing.T) {
	w := newWorld(t)
	alone := dublin(weekly, "ann")
	alone.Layers[0].Start = "2019-01-07T09:00"
	older := proto.CloneOf(alone)
	older.Layers[0].Start = "1999-01-04T09:00"
	away := proto.CloneOf(alone)
	away.Layers[0].Members = names("carol", "ann")
	w.people["people/carol"].Absences = []*schedulev1.Absence{{Interval: between("2026-01-05T09:00", "2030-01-01T00:00")}}
	for _, c := range []struct {
		what string
		rota *schedulev1.Rota
		want string
	}{
		{"a month", dublin(monthly, "ann", "bob"), "2026-11-05T09:00"},
		{"one person for years", alone, "2019-01-07T09:00"},
		{"one person for longer than anybody looks back", older, "1999-01-04T09:00"},
		{"one person since the other left", away, "2026-01-05T09:00"},
	} {
		for day := range 3 {
			from := utc("2026-11-20T00:00").AddDate(0, 0, day)
			c2 := w.compile(t, c.rota, from, from.AddDate(0, 0, 5))
			if got := c2.Record.GetFirstFromUnixS(); got != utc(c.want).Unix() {
				t.Errorf("%s, compiled from %v: began at %v, want %s", c.what, from, time.Unix(got, 0).UTC(), c.want)
			}
		}
	}
}

func fields(t testing.TB, what string, err error, reason rpcv1.Reason) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var f *fault.Fault
	if !errors.As(err, &f) || f.Reason != reason {
		t.Errorf("%s: %v", what, err)
		return nil
	}
	var list []string
	for _, v := range f.Violations {
		list = append(list, v.Field)
		if strings.TrimSpace(v.Rule) == "" || strings.Contains(v.Rule+v.Field, "crew[") || strings.Contains(v.Rule+v.Field, "slots") {
			t.Errorf("%s: %s: the rule %q is none, or not in the API's words", what, v.Field, v.Rule)
		}
	}
	return list
}

func TestCompileNamesWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*schedulev1.Rota)
		broken []string
	}{
		{"nothing", func(*schedulev1.Rota) {}, nil},
		{"no zone", func(r *schedulev1.Rota) { r.TimeZone = "" }, []string{"time_zone"}},
		{"a zone that does not exist", func(r *schedulev1.Rota) { r.TimeZone = "Europe/Dubin" }, []string{"time_zone"}},
		{"no people", func(r *schedulev1.Rota) { r.Layers[0].Members = nil }, []string{"layers[0].members"}},
		{"nobody but empty turns", func(r *schedulev1.Rota) { r.Layers[0].Members = names("", "") }, []string{"layers[0].members"}},
		{"somebody twice", func(r *schedulev1.Rota) { r.Layers[0].Members = names("ann", "bob", "ann") }, []string{"layers[0].members[2]"}},
		{"no layers", func(r *schedulev1.Rota) { r.Layers, r.Overrides = nil, nil }, []string{"layers"}},
		{"turns of no length", func(r *schedulev1.Rota) { r.Layers[0].Every = proto.Int32(0) }, []string{"layers[0].every"}},
		{"turns of less", func(r *schedulev1.Rota) { r.Layers[0].Every = proto.Int32(-1) }, []string{"layers[0].every"}},
		{"turns of two years", func(r *schedulev1.Rota) { r.Layers[0].Every = proto.Int32(105) }, []string{"layers[0].every"}},
		{"no unit", func(r *schedulev1.Rota) { r.Layers[0].Unit = 0 }, []string{"layers[0].unit"}},
		{"29 February", func(r *schedulev1.Rota) { r.Layers[0].Start = "2027-02-29T09:00" }, []string{"layers[0].start"}},
		{"1969", func(r *schedulev1.Rota) { r.Layers[0].Start = "1969-12-29T09:00" }, []string{"layers[0].start"}},
		{"2101", func(r *schedulev1.Rota) { r.Layers[0].Start, r.Layers[0].Changes = "2101-01-03T09:00", nil }, []string{"layers[0].start"}},
		{"no time", func(r *schedulev1.Rota) { r.Layers[0].Start = "2026-10-05" }, []string{"layers[0].start"}},
		{"over before it begins", func(r *schedulev1.Rota) { r.Layers[0].End = "2026-10-05T08:00" }, []string{"layers[0].end"}},
		{"first of three", func(r *schedulev1.Rota) { r.Layers[0].First = 3 }, []string{"layers[0].first"}},
		{"a change before the start", func(r *schedulev1.Rota) { r.Layers[0].Changes[0].From = "2026-10-01T09:00" },
			[]string{"layers[0].changes[0].from"}},
		{"a change of nobody", func(r *schedulev1.Rota) { r.Layers[0].Changes[0].Members = nil }, []string{"layers[0].changes[0].members"}},
		{"a change with somebody twice", func(r *schedulev1.Rota) { r.Layers[0].Changes[0].Members = names("ann", "ann") },
			[]string{"layers[0].changes[0].members[1]"}},
		{"restrictions of no length", func(r *schedulev1.Rota) {
			r.Layers[0].Restrictions = &schedulev1.WeeklyHours{Mon: span(9, 9)}
		}, []string{"layers[0].restrictions.mon[0]"}},
		{"25 o'clock", func(r *schedulev1.Rota) { r.Layers[0].Restrictions = &schedulev1.WeeklyHours{Mon: span(9, 25)} },
			[]string{"layers[0].restrictions.mon[0].close"}},
		{"an override of a stranger", func(r *schedulev1.Rota) { r.Overrides[0].Of = "people/dora" }, []string{"overrides[0].of"}},
		{"an override by nobody", func(r *schedulev1.Rota) { r.Overrides[0].By = "" }, []string{"overrides[0].by"}},
		{"an override without an interval", func(r *schedulev1.Rota) { r.Overrides[0].Interval = nil },
			[]string{"overrides[0].interval.start_time", "overrides[0].interval.end_time"}},
		{"an override that ends before it begins", func(r *schedulev1.Rota) {
			r.Overrides[0].Interval = between("2026-10-06T09:00", "2026-10-06T09:00")
		}, []string{"overrides[0].interval.end_time"}},
		{"an override in half a second", func(r *schedulev1.Rota) { r.Overrides[0].Interval.StartTime.Nanos = 5e8 },
			[]string{"overrides[0].interval.start_time"}},
		{"an override in 2101", func(r *schedulev1.Rota) {
			r.Overrides[0].Interval.EndTime = timestamppb.New(time.Date(2101, 2, 1, 0, 0, 0, 0, time.UTC))
		}, []string{"overrides[0].interval.end_time"}},
		{"two decisions for one time", func(r *schedulev1.Rota) {
			other := proto.CloneOf(r.Overrides[0])
			other.By = "people/carol"
			r.Overrides = append(r.Overrides, other)
		}, []string{"overrides[1]"}},
		{"a bell in the name", func(r *schedulev1.Rota) { r.DisplayName = "\a" }, []string{"display_name"}},
		{"an escape in a layer's", func(r *schedulev1.Rota) { r.Layers[0].DisplayName = "\x1b[2J" }, []string{"layers[0].display_name"}},
		{"half a minute to accept", func(r *schedulev1.Rota) { r.AcceptWithin = durationpb.New(30 * time.Second) }, []string{"accept_within"}},
	} {
		r := dublin(weekly, "ann", "bob", "carol")
		r.Layers[0].Changes = []*schedulev1.CrewChange{{From: "2026-11-05T09:00", Members: names("bob", "ann")}}
		r.Overrides = []*schedulev1.RotaOverride{{
			Kind: schedulev1.RotaOverride_KIND_REPLACE, Of: "people/ann", By: "people/bob", Interval: between("2026-10-06T09:00", "2026-10-07T09:00"),
		}}
		c.change(r)
		w := newWorld(t)
		w.people["people/dora"] = person("dora")
		_, err := rotas.Compile(w.input(r, utc("2026-10-01T00:00"), utc("2026-12-01T00:00")))
		if got := fields(t, c.what, err, rpcv1.Reason_REASON_INVALID_FIELD); !slices.Equal(got, c.broken) {
			t.Errorf("%s: broken %q, want %q", c.what, got, c.broken)
		}
	}
}

func TestPeopleWhoDoNotExist(t *testing.T) {
	r := dublin(weekly, "ann", "nobody")
	r.Overrides = []*schedulev1.RotaOverride{{
		Kind: schedulev1.RotaOverride_KIND_ADD, By: "people/noone", Interval: between("2026-10-06T09:00", "2026-10-07T09:00"),
	}}
	_, err := rotas.Compile(newWorld(t).input(r, utc("2026-10-01T00:00"), utc("2026-12-01T00:00")))
	got := fields(t, "strangers", err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	if want := []string{"layers[0].members[1]", "overrides[0].by"}; !slices.Equal(got, want) {
		t.Errorf("missing %q, want %q", got, want)
	}
}

func TestValidatePerson(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*schedulev1.Person)
		broken []string
	}{
		{"nothing", func(*schedulev1.Person) {}, nil},
		{"no target: not ready for duty, but a person", func(p *schedulev1.Person) { p.Targets = nil }, nil},
		{"a target twice", func(p *schedulev1.Person) { p.Targets = append(p.Targets, p.Targets[0]) }, []string{"targets[1]"}},
		{"no number", func(p *schedulev1.Person) { p.Targets[0] = number("5550100") }, []string{"targets[0].phone_number"}},
		{"nine targets", func(p *schedulev1.Person) { p.Targets = make([]*schedulev1.Target, 9) }, []string{"targets"}},
		{"a zone that does not exist", func(p *schedulev1.Person) { p.TimeZone = "Mars/Olympus" }, []string{"time_zone"}},
		{"half a second of ringing", func(p *schedulev1.Person) { p.RingTimeout = durationpb.New(500 * time.Millisecond) },
			[]string{"ring_timeout"}},
		{"30 February", func(p *schedulev1.Person) { p.Absences = []*schedulev1.Absence{{FirstDate: on(2027, 2, 30)}} },
			[]string{"absences[0].first_date"}},
		{"29 February 2027", func(p *schedulev1.Person) {
			p.Absences = []*schedulev1.Absence{{FirstDate: on(2027, 2, 27), LastDate: on(2027, 2, 29)}}
		}, []string{"absences[0].last_date"}},
		{"29 February 2028", func(p *schedulev1.Person) { p.Absences = []*schedulev1.Absence{{FirstDate: on(2028, 2, 29)}} }, nil},
		{"1969", func(p *schedulev1.Person) { p.Absences = []*schedulev1.Absence{{FirstDate: on(1969, 7, 20)}} },
			[]string{"absences[0].first_date"}},
		{"2101", func(p *schedulev1.Person) {
			p.Absences = []*schedulev1.Absence{{FirstDate: on(2027, 7, 20), LastDate: on(2101, 1, 1)}}
		}, []string{"absences[0].last_date"}},
		{"back before they leave", func(p *schedulev1.Person) {
			p.Absences = []*schedulev1.Absence{{FirstDate: on(2027, 7, 20), LastDate: on(2027, 7, 19)}}
		}, []string{"absences[0].last_date"}},
		{"a last date alone", func(p *schedulev1.Person) { p.Absences = []*schedulev1.Absence{{LastDate: on(2027, 7, 19)}} },
			[]string{"absences[0].first_date"}},
		{"dates and instants", func(p *schedulev1.Person) {
			p.Absences = []*schedulev1.Absence{{FirstDate: on(2027, 7, 20), Interval: between("2027-07-20T09:00", "2027-07-20T10:00")}}
		}, []string{"absences[0]"}},
		{"neither", func(p *schedulev1.Person) { p.Absences = []*schedulev1.Absence{{}} },
			[]string{"absences[0].interval.start_time", "absences[0].interval.end_time"}},
		{"instants in no order", func(p *schedulev1.Person) {
			p.Absences = []*schedulev1.Absence{{Interval: between("2027-07-20T09:00", "2027-07-20T09:00")}}
		}, []string{"absences[0].interval.end_time"}},
		{"a bell", func(p *schedulev1.Person) { p.DisplayName = "\a" }, []string{"display_name"}},
	} {
		p := person("ann")
		c.change(p)
		err := rotas.ValidatePerson(p, newWorld(t).rules)
		if got := fields(t, c.what, err, rpcv1.Reason_REASON_INVALID_FIELD); !slices.Equal(got, c.broken) {
			t.Errorf("%s: broken %q, want %q", c.what, got, c.broken)
		}
	}
}

// Where somebody is reached is nobody else's business, and errors are logged.
func TestErrorsDoNotTellNumbers(t *testing.T) {
	const whole, digits = "+61255500123", "55500123"
	p := person("ann")
	p.Targets = []*schedulev1.Target{number(whole), number(whole), number("0" + digits)}
	err := rotas.ValidatePerson(p, newWorld(t).rules)
	if fields(t, "numbers", err, rpcv1.Reason_REASON_INVALID_FIELD); err == nil || strings.Contains(err.Error(), digits) {
		t.Error(err)
	}
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) != 2 {
		t.Fatal(err)
	}
	for _, v := range f.Violations {
		if strings.Contains(v.Value+v.Rule, digits) {
			t.Errorf("%s: %q %s", v.Field, v.Value, v.Rule)
		}
	}
}

// TestAnswer: shares in each person's zone, clashes, and people whom nothing reaches.
func TestAnswer(t *testing.T) {
	w := newWorld(t)
	w.people["people/ann"].TimeZone = "Australia/Sydney" // where 22:00 to 06:00 is 11:00 to 19:00 of Dublin
	w.people["people/bob"].Targets = nil
	w.people["people/carol"].Absences = []*schedulev1.Absence{{FirstDate: on(2026, 12, 3)}}
	r := dublin(daily, "ann", "bob")
	r.Overrides = []*schedulev1.RotaOverride{{
		Kind: schedulev1.RotaOverride_KIND_ADD, By: "people/carol", Interval: between("2026-12-03T10:00", "2026-12-03T11:00"), DisplayName: "swap",
	}}
	c := w.compile(t, r, utc("2026-12-02T09:00"), utc("2026-12-04T09:00"))
	answer, err := rotas.Answer(c)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range answer.GetShares() {
		got = append(got, s.GetPerson()+" "+s.GetHeld().AsDuration().String()+" "+s.GetNight().AsDuration().String()+" "+
			s.GetWeekend().AsDuration().String())
	}
	want := []string{"people/ann 24h0m0s 8h0m0s 0s", "people/bob 23h0m0s 8h0m0s 0s", "people/carol 1h0m0s 0s 0s"}
	if !slices.Equal(got, want) {
		t.Errorf("shares %q, want %q", got, want)
	}
	if len(answer.GetClashes()) != 1 || answer.GetClashes()[0].GetPerson() != "people/carol" {
		t.Errorf("clashes %v", answer.GetClashes())
	}
	if p := c.Record.GetClashes(); len(p) != 1 || c.Record.GetPeople()[p[0].GetHolder()-1].GetId() != "carol" {
		t.Errorf("published clashes %v", p)
	}
	if !slices.Equal(answer.GetUnreachable(), []string{"people/bob"}) {
		t.Errorf("unreachable %q", answer.GetUnreachable())
	}
	if s := answer.GetTurns()[2].GetSentence(); s != `overrides[0] "swap" puts carol in, where bob was` {
		t.Errorf("sentence %q", s)
	}
}
