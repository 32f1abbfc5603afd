package manifest_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const calendarInFull = `
kind: Calendar
id: company
display_name: Company days
entries:
  - {date: 2026-12-24, last_date: 2026-12-26, verdict: closed, display_name: Christmas}
  - {date: 2027-02-06, verdict: worked, like_weekday: mon, provenance: {origin: imported, source: x.ics, uid: "1", review: true}}
  - {date: 2026-12-31, verdict: half-day, spans: ["09:00-12:30"], observes: 2027-01-01}
`

const personInFull = `
kind: Person
id: anna
display_name: Anna
time_zone: Europe/Dublin
targets: [+13035550121, "sip:anna@example.com"]
ring_timeout: 30s
absences:
  - {first_date: 2026-12-24, last_date: 2027-01-03, display_name: leave}
  - {interval: 2026-11-23T09:00Z/2026-11-30T09:00:30+01:00}
  - {interval: 2028-01-01T00:00Z/..}
calendars: [company, calendars/other]
`

const rotaInFull = `
kind: Rota
id: nights
display_name: Nights
time_zone: Europe/Dublin
layers:
  - display_name: primary
    start: 2026-11-23T09:00
    every: 1
    unit: week
    members: [anna, people/bob, ""]
    changes:
      - {from: "2027-01-04T09:00", members: [carol], first: 0}
    restrictions: {mon-fri: ["18:00-09:00"], sat-sun: ["00:00-24:00"]}
overrides:
  - {kind: replace, of: anna, by: people/bob, interval: 2026-11-23T09:00Z/2026-11-30T09:00Z, display_name: swap}
accept_within: 20m
no_acceptance: false
`

func TestCalendarsPeopleAndRotas(t *testing.T) {
	set, err := read(calendarInFull + "---" + personInFull + "---" + rotaInFull)
	if err != nil {
		t.Fatal(err)
	}
	wants := []proto.Message{&schedulev1.Calendar{}, &schedulev1.Person{}, &schedulev1.Rota{}}
	for i, text := range []string{`
name: "calendars/company" display_name: "Company days"
entries {
  date { year: 2026 month: 12 day: 24 } last_date { year: 2026 month: 12 day: 26 } verdict: VERDICT_CLOSED display_name: "Christmas"
}
entries {
  date { year: 2027 month: 2 day: 6 } verdict: VERDICT_WORKED like_weekday: MONDAY
  provenance { origin: ORIGIN_IMPORTED source: "x.ics" uid: "1" review: true }
}
entries {
  date { year: 2026 month: 12 day: 31 } verdict: VERDICT_HALF_DAY spans { open { hours: 9 } close { hours: 12 minutes: 30 } }
  observes { year: 2027 month: 1 day: 1 }
}`, `
name: "people/anna" display_name: "Anna" time_zone: "Europe/Dublin"
targets { phone_number { e164_number: "+13035550121" } } targets { sip_uri: "sip:anna@example.com" } ring_timeout { seconds: 30 }
absences {
  first_date { year: 2026 month: 12 day: 24 } last_date { year: 2027 month: 1 day: 3 } display_name: "leave"
}
absences { interval { start_time { seconds: 1795424400 } end_time { seconds: 1796025630 } } }
absences { interval { start_time { seconds: 1830297600 } } }
calendars: "calendars/company" calendars: "calendars/other"`, `
name: "rotas/nights" display_name: "Nights" time_zone: "Europe/Dublin"
layers {
  display_name: "primary" start: "2026-11-23T09:00" every: 1 unit: TURN_UNIT_WEEK
  members: "people/anna" members: "people/bob" members: ""
  changes { from: "2027-01-04T09:00" members: "people/carol" first: 0 }
  restrictions {
    mon { open { hours: 18 } close { hours: 9 } } tue { open { hours: 18 } close { hours: 9 } }
    wed { open { hours: 18 } close { hours: 9 } } thu { open { hours: 18 } close { hours: 9 } }
    fri { open { hours: 18 } close { hours: 9 } } sat { open {} close { hours: 24 } } sun { open {} close { hours: 24 } }
  }
}
overrides {
  kind: KIND_REPLACE of: "people/anna" by: "people/bob" display_name: "swap"
  interval { start_time { seconds: 1795424400 } end_time { seconds: 1796029200 } }
}
accept_within { seconds: 1200 }`} {
		if err := prototext.Unmarshal([]byte(text), wants[i]); err != nil {
			t.Fatal(err)
		}
		if got := set.Resources()[i]; !proto.Equal(got, wants[i]) {
			t.Errorf("got  %v\nwant %v", got, wants[i])
		}
	}
	if got := set.Locate("rotas/nights", "layers[0].changes[0].members"); got != "f.yaml:33" {
		t.Errorf("the crew's members stand at %s", got)
	}
}
