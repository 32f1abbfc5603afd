package ical_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/calendar/ical"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

func date(t testing.TB, s string) hours.Date {
	t.Helper()
	d, err := hours.ParseDate("date", s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// options are those of a site in Dublin.
func options(t testing.TB, from, to string) ical.Options {
	t.Helper()
	b := zonestest.Embedded(t)
	dublin, err := b.Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	return ical.Options{From: date(t, from), To: date(t, to), Zone: dublin, Lookup: b.Location}
}

// file wraps lines, separated by blanks, into a calendar; an event is `{UID line line}`.
func file(events ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	for _, e := range events {
		if strings.HasPrefix(e, "BEGIN:") {
			b.WriteString(strings.ReplaceAll(e, " ", "\r\n") + "\r\n")
			continue
		}
		b.WriteString("BEGIN:VEVENT\r\nUID:" + strings.ReplaceAll(e, " ", "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

// show is an occurrence as dates, or as times in UTC.
func show(o ical.Occurrence) string {
	if o.AllDay {
		return o.UID + " " + o.First.String() + "/" + o.Last.String()
	}
	at := func(s int64) string { return time.Unix(s, 0).UTC().Format("2006-01-02T15:04") }
	return o.UID + " " + at(o.FromUnixS) + "/" + at(o.ToUnixS)
}

// TestRead: expectations were worked out by hand, from calendars and the rules of RFC 5545. The range is March 2027 to
// March 2028; Europe changes its clocks on 2027-03-28 and 2027-10-31, New York on 2027-03-14 and 2027-11-07.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		what   string
		events []string
		want   []string
	}{
		{"a date", []string{"a DTSTART;VALUE=DATE:20270317"}, []string{"a 2027-03-17/2027-03-17"}},
		{"dates up to a DTEND that is not in it", []string{"a DTSTART;VALUE=DATE:20271224 DTEND;VALUE=DATE:20271227"},
			[]string{"a 2027-12-24/2027-12-26"}},
		{"dates with a DURATION", []string{"a DTSTART;VALUE=DATE:20271224 DURATION:P1W"}, []string{"a 2027-12-24/2027-12-30"}},
		{"into the range, and out of it", []string{
			"a DTSTART;VALUE=DATE:20270220 DTEND;VALUE=DATE:20270302", "b DTSTART;VALUE=DATE:20280229 DTEND;VALUE=DATE:20280302",
			"c DTSTART;VALUE=DATE:20270220 DTEND;VALUE=DATE:20270301", "d DTSTART;VALUE=DATE:20280301",
		}, []string{"a 2027-02-20/2027-03-01", "b 2028-02-29/2028-03-01"}},
		{"UTC, floating and zoned times", []string{
			"a DTSTART:20270601T090000Z DTEND:20270601T100000Z", "b DTSTART:20270602T090000 DTEND:20270602T100000",
			"c DTSTART;TZID=America/New_York:20270603T090000 DTEND;TZID=America/New_York:20270603T100000",
		}, []string{
			"a 2027-06-01T09:00/2027-06-01T10:00", "b 2027-06-02T08:00/2027-06-02T09:00", "c 2027-06-03T13:00/2027-06-03T14:00",
		}},
		{"a Windows zone, a global name, and an own VTIMEZONE", []string{
			"BEGIN:VTIMEZONE TZID:Head_Office X-LIC-LOCATION:Asia/Tokyo BEGIN:STANDARD DTSTART:16010101T000000 " +
				"TZOFFSETFROM:+0900 TZOFFSETTO:+0900 END:STANDARD END:VTIMEZONE",
			"a DTSTART;TZID=\"Romance\tStandard\tTime\":20270601T090000 DURATION:PT1H",
			"b DTSTART;TZID=/example.com/20260101_1/Europe/London:20270602T090000 DURATION:PT1H",
			"c DTSTART;TZID=Head_Office:20270603T090000 DURATION:PT1H",
			"d DTSTART;TZID=UTC-11:20270604T090000 DURATION:PT1H",
		}, []string{
			"a 2027-06-01T07:00/2027-06-01T08:00", "b 2027-06-02T08:00/2027-06-02T09:00", "c 2027-06-03T00:00/2027-06-03T01:00",
			"d 2027-06-04T20:00/2027-06-04T21:00",
		}},
		{"from one zone to another", []string{
			"a DTSTART;TZID=America/New_York:20270603T090000 DTEND;TZID=Europe/Paris:20270603T170000",
		}, []string{"a 2027-06-03T13:00/2027-06-03T15:00"}},
		{"weekly over a change of the clock", []string{
			"a DTSTART;TZID=America/New_York:20270306T220000 DTEND;TZID=America/New_York:20270307T060000 RRULE:FREQ=WEEKLY;COUNT=3",
		}, []string{
			"a 2027-03-07T03:00/2027-03-07T11:00", "a 2027-03-14T03:00/2027-03-14T10:00", "a 2027-03-21T02:00/2027-03-21T10:00",
		}},
		{"at a time that is skipped, which is the change's instant", []string{
			"a DTSTART;TZID=Europe/Dublin:20270327T013000 DURATION:PT1H RRULE:FREQ=DAILY;COUNT=3",
		}, []string{
			"a 2027-03-27T01:30/2027-03-27T02:30", "a 2027-03-28T01:00/2027-03-28T02:00", "a 2027-03-29T00:30/2027-03-29T01:30",
		}},
		{"without end: the range bounds it", []string{"a DTSTART;VALUE=DATE:19700101 RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25"},
			[]string{"a 2027-12-25/2027-12-25"}},
		{"the last Monday of a month, from a DTSTART that is one", []string{
			"a DTSTART;VALUE=DATE:20200525 RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
		}, []string{"a 2027-05-31/2027-05-31"}},
		{"BYWEEKNO, BYSETPOS and WKST", []string{
			"a DTSTART;VALUE=DATE:20260101 RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "b DTSTART;VALUE=DATE:20260130 RRULE:FREQ=MONTHLY;" +
				"BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20270430", "c DTSTART;VALUE=DATE:20270502 RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU;COUNT=3",
		}, []string{
			"b 2027-03-31/2027-03-31", "b 2027-04-30/2027-04-30", "c 2027-05-02/2027-05-02", "c 2027-05-03/2027-05-03", "c 2027-05-16/2027-05-16",
			"a 2027-05-17/2027-05-17",
		}},
		{"29 February: of leap years only", []string{"a DTSTART;VALUE=DATE:20240229 RRULE:FREQ=YEARLY"},
			[]string{"a 2028-02-29/2028-02-29"}},
		{"a DTSTART that its rule does not name", []string{"a DTSTART;VALUE=DATE:20270602 RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=1"},
			[]string{"a 2027-06-02/2027-06-02", "a 2027-06-07/2027-06-07"}},
		{"UNTIL as a date keeps the last day of a zoned event", []string{
			"a DTSTART;TZID=America/New_York:20270601T200000 DURATION:PT1H RRULE:FREQ=DAILY;UNTIL=20270602",
		}, []string{"a 2027-06-02T00:00/2027-06-02T01:00", "a 2027-06-03T00:00/2027-06-03T01:00"}},
		{"UNTIL as an instant", []string{
			"a DTSTART;TZID=America/New_York:20270601T200000 DURATION:PT1H RRULE:FREQ=DAILY;UNTIL=20270602T235959Z",
			"b DTSTART;VALUE=DATE:20270610 RRULE:FREQ=DAILY;UNTIL=20270611T000000Z",
		}, []string{"a 2027-06-02T00:00/2027-06-02T01:00", "b 2027-06-10/2027-06-10", "b 2027-06-11/2027-06-11"}},
		{"EXDATE, comma-separated and again", []string{
			"a DTSTART;VALUE=DATE:20270601 RRULE:FREQ=DAILY;COUNT=6 EXDATE;VALUE=DATE:20270602,20270603 EXDATE;VALUE=DATE:20270605",
		}, []string{"a 2027-06-01/2027-06-01", "a 2027-06-04/2027-06-04", "a 2027-06-06/2027-06-06"}},
		{"EXDATE in another zone, and as a date", []string{
			"a DTSTART;TZID=America/New_York:20270601T200000 DURATION:PT1H RRULE:FREQ=DAILY;COUNT=4 EXDATE:20270603T000000Z EXDATE;VALUE=DATE:20270604",
		}, []string{"a 2027-06-02T00:00/2027-06-02T01:00", "a 2027-06-04T00:00/2027-06-04T01:00"}},
		{"RDATE: dates, one twice", []string{"a DTSTART;VALUE=DATE:20270601 RDATE;VALUE=DATE:20270610,20270601,20270609"},
			[]string{"a 2027-06-01/2027-06-01", "a 2027-06-09/2027-06-09", "a 2027-06-10/2027-06-10"}},
		{"RDATE: periods", []string{
			"a DTSTART:20270601T090000Z DURATION:PT1H RDATE;VALUE=PERIOD:20270602T090000Z/20270602T113000Z,20270603T090000Z/PT2H",
		}, []string{"a 2027-06-01T09:00/2027-06-01T10:00", "a 2027-06-02T09:00/2027-06-02T11:30", "a 2027-06-03T09:00/2027-06-03T11:00"}},
		{"one occurrence moved, one cancelled", []string{
			"a DTSTART;TZID=Europe/Paris:20270601T090000 DURATION:PT1H RRULE:FREQ=DAILY;COUNT=3",
			"a RECURRENCE-ID;TZID=Europe/Paris:20270602T090000 DTSTART;TZID=Europe/Paris:20270602T150000 DURATION:PT30M",
			"a RECURRENCE-ID:20270603T070000Z DTSTART:20270603T070000Z STATUS:CANCELLED",
		}, []string{"a 2027-06-01T07:00/2027-06-01T08:00", "a 2027-06-02T13:00/2027-06-02T13:30"}},
		{"an occurrence moved into the range", []string{
			"a DTSTART;VALUE=DATE:20270215 RRULE:FREQ=YEARLY", "a RECURRENCE-ID;VALUE=DATE:20270215 DTSTART;VALUE=DATE:20270315",
		}, []string{"a 2027-03-15/2027-03-15", "a 2028-02-15/2028-02-15"}},
		{"the later version, and an event that is cancelled", []string{
			"a SEQUENCE:2 DTSTART;VALUE=DATE:20270602", "a SEQUENCE:1 DTSTART;VALUE=DATE:20270601",
			"b DTSTART;VALUE=DATE:20270603 STATUS:CANCELLED",
		}, []string{"a 2027-06-02/2027-06-02"}},
		{"others than events", []string{"BEGIN:VTODO UID:t DUE:20270601T000000Z END:VTODO", "a DTSTART;VALUE=DATE:20270602 " +
			"BEGIN:VALARM ACTION:DISPLAY TRIGGER:-PT15M END:VALARM"}, []string{"a 2027-06-02/2027-06-02"}},
	} {
		// Blanks separate lines in this table; names of zones have tabs for theirs.
		text := strings.ReplaceAll(file(c.events...), "\t", " ")
		found, err := ical.Read(strings.NewReader(text), options(t, "2027-03-01", "2028-03-01"))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		var got []string
		for _, o := range found {
			got = append(got, show(o))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.what, got, c.want)
		}
	}
}

func TestReadTakesFilesAsTheyAre(t *testing.T) {
	for what, text := range map[string]string{
		"folded, in the middle of a name": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUI\r\n D:a\r\nDTSTART;VALUE=DA\r\n\tTE:20270317\r\n" +
			"SUMMARY:Saint Pat\r\n rick\\, Dublin\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"LF, lower case, a mark of order, blank lines, no line at the end": "\xef\xbb\xbfbegin:vcalendar\nbegin:vevent\n\nuid:a\n" +
			"dtstart;value=date:20270317\nsummary:Saint Patrick\\, Dublin\nend:vevent\n\n\nend:vcalendar",
		"a bare comma in its text": strings.Replace(file("a SUMMARY:Saint\tPatrick,\tDublin DTSTART;VALUE=DATE:20270317"), "\t", " ", 2),
		"odd lines that nobody reads": strings.Replace(file("a SUMMARY:Saint\tPatrick\\,\tDublin DTSTART;VALUE=DATE:20270317 "+
			"ATTENDEE;CN=\"a\"b:mailto:x X-NOISE;=:"+strings.Repeat("x", 100_000)), "\t", " ", 2),
	} {
		found, err := ical.Read(strings.NewReader(text), options(t, "2027-03-01", "2028-03-01"))
		if err != nil || len(found) != 1 || show(found[0]) != "a 2027-03-17/2027-03-17" || found[0].Summary != "Saint Patrick, Dublin" {
			t.Errorf("%s: %+v, %v", what, found, err)
		}
	}
}

// TestReadRefuses: each error names the event and the rule.
func TestReadRefuses(t *testing.T) {
	day := " DTSTART;VALUE=DATE:20270601 "
	for _, c := range []struct {
		event string
		says  []string
	}{
		{"x DTSTART;TZID=Customized\tTime\tZone:20270601T090000", []string{`event 1 "x" DTSTART`, "Customized Time Zone", "IANA"}},
		{"x DTSTART:20270601T090000Z EXDATE;TZID=Mars/Olympus:20270601T090000", []string{`event 1 "x" EXDATE`, "Mars/Olympus"}},
		{"x DTSTART:20270601T090000Z DTEND;TZID=Local:20270601T100000", []string{`"x" DTEND`, "Local"}},
		{"x DTSTART;VALUE=DATE:20270229", []string{`event 1 "x" DTSTART`, "20270229", "exists"}},
		{"x DTSTART;VALUE=DATE:19691231", []string{`"x" DTSTART`, "1970 to 2100"}},
		{"x DTSTART;VALUE=DATE:21010101", []string{`"x" DTSTART`, "1970 to 2100"}},
		{"x DTSTART:20270601T240000Z", []string{`"x" DTSTART`, "exists"}},
		{"x SUMMARY:none", []string{`"x" DTSTART`, "must be given"}},
		{" DTSTART;VALUE=DATE:20270601", []string{"event 1", "UID", "must be given"}},
		{"x" + day + "DTEND;VALUE=DATE:20270601", []string{`"x" DTEND`, "after DTSTART"}},
		{"x" + day + "DTEND:20270602T000000Z", []string{`"x" DTEND`, "date where DTSTART is one"}},
		{"x" + day + "DTEND;VALUE=DATE:20270602 DURATION:P1D", []string{`"x" DURATION`, "besides DTEND"}},
		{"x" + day + "DURATION:PT1H", []string{`"x" DURATION`, "whole days"}},
		{"x DTSTART:20270601T090000Z DURATION:-PT1H", []string{`"x" DURATION`, "not negative"}},
		{"x DTSTART:20270601T090000Z DURATION:P1H", []string{`"x" DURATION`, "PT8H30M"}},
		{"x" + day + "DTSTART;VALUE=DATE:20270602", []string{`"x" DTSTART`, "once"}},
		{"x" + day + "RRULE:FREQ=SECONDLY", []string{`event 1 "x" RRULE`, "FREQ=SECONDLY", "at most daily"}},
		{"x" + day + "RRULE:FREQ=HOURLY", []string{`"x" RRULE`, "at most daily"}},
		{"x" + day + "RRULE:FREQ=FORTNIGHTLY", []string{`"x" RRULE`, "FORTNIGHTLY"}},
		{"x" + day + "RRULE:COUNT=3", []string{`"x" RRULE`, "FREQ"}},
		{"x" + day + "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270701", []string{`"x" RRULE`, "both UNTIL and COUNT"}},
		{"x" + day + "RRULE:FREQ=DAILY;UNTIL=20270531", []string{`"x" RRULE`, "UNTIL not before DTSTART"}},
		{"x" + day + "RRULE:FREQ=DAILY;INTERVAL=0", []string{`"x" RRULE`, "INTERVAL from 1 to 1000"}},
		{"x" + day + "RRULE:FREQ=DAILY;INTERVAL=9223372036854775807", []string{`"x" RRULE`, "INTERVAL from 1 to 1000"}},
		{"x" + day + "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", []string{`"x" RRULE`, "date that exists"}},
		{"x" + day + "RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=WE", []string{`"x" RRULE`, "date that comes"}},
		{"x" + day + "RRULE:FREQ=YEARLY;BYEASTER=0", []string{`"x" RRULE`, "BYEASTER"}},
		{"x" + day + "RRULE:RSCALE=CHINESE;FREQ=YEARLY", []string{`"x" RRULE`, "RSCALE"}},
		{"x" + day + "RRULE:FREQ=WEEKLY;BYDAY=2MO", []string{`"x" RRULE`, "numbers in BYDAY"}},
		{"x" + day + "RRULE:FREQ=MONTHLY;BYMONTHDAY=32", []string{`"x" RRULE`, "bymonthday"}},
		{"x" + day + "EXRULE:FREQ=DAILY", []string{`"x" EXRULE`, "must not be used"}},
		{"x" + day + "RDATE:20270602T090000Z", []string{`"x" RDATE`, "dates where DTSTART is one"}},
		{"x" + day + "STATUS:MAYBE", []string{`"x" STATUS`, "CONFIRMED"}},
		{"x" + day + "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270601", []string{`"x" RECURRENCE-ID`, "one occurrence"}},
		{"x DTSTART;X=a", []string{"line 6", "parameters"}},
		{"x DTSTART;X=\"a\"b:20270601", []string{"line 6", "parameters"}},
		{"x what?", []string{"line 6", "NAME:VALUE"}},
		{"x END:VTODO", []string{"line 6", "END:VEVENT"}},
	} {
		text := strings.ReplaceAll(file(c.event), "\t", " ")
		_, err := ical.Read(strings.NewReader(text), options(t, "2027-03-01", "2028-03-01"))
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%q: %v, want INVALID_FIELD", c.event, err)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(strings.ReplaceAll(err.Error(), `\"`, `"`), part) {
				t.Errorf("%q: %q does not say %q", c.event, err, part)
			}
		}
	}
	if _, err := ical.Read(strings.NewReader(file("x DTSTART;VALUE=DATE:20270601", "x DTSTART;VALUE=DATE:20270602")),
		options(t, "2027-03-01", "2028-03-01")); err == nil || !strings.Contains(err.Error(), `event 1 "x" too`) {
		t.Errorf("two events of one UID: %v", err)
	}
	for what, text := range map[string]string{
		"nothing": "", "a page": "<html>", "no calendar": "BEGIN:VEVENT\r\nEND:VEVENT\r\n", "cut off": "BEGIN:VCALENDAR\r\n",
		"Latin 1": "BEGIN:VCALENDAR\r\nX:\xe9\r\nEND:VCALENDAR\r\n", "ended twice": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nEND:VCALENDAR\r\n",
		"a cancellation": "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n", "a blank first": " BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
	} {
		if _, err := ical.Read(strings.NewReader(text), options(t, "2027-03-01", "2028-03-01")); fault.ReasonOf(err) !=
			rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%s: %v, want INVALID_FIELD", what, err)
		}
	}
}

// endless is a reader of any number of bytes.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	if n == 0 {
		return 0, fmt.Errorf("read further than a limit of 8 MiB should")
	}
	return n, nil
}

func TestReadHasLimits(t *testing.T) {
	rules := make([]string, 300)
	for i := range rules {
		rules[i] = fmt.Sprintf("u%d DTSTART;VALUE=DATE:19700101 RRULE:FREQ=DAILY", i)
	}
	many := make([]string, 21_000)
	for i := range many {
		many[i] = fmt.Sprintf("u%d DTSTART;VALUE=DATE:20270601", i)
	}
	lost := "x DTSTART;VALUE=DATE:20270601" + strings.Repeat(" RDATE;TZID=Mars/Olympus;VALUE=DATE:20270602", 100_000)
	if _, err := ical.Read(strings.NewReader(file(lost)), options(t, "2027-03-01", "2028-03-01")); err == nil ||
		strings.Count(err.Error(), "Olympus") != 1 {
		t.Errorf("one event, 100,000 times in an unknown zone: %v, want one violation", err)
	}
	for what, text := range map[string]string{
		"1,000 nested components":   strings.Repeat("BEGIN:VCALENDAR\r\n", 1000) + strings.Repeat("END:VCALENDAR\r\n", 1000),
		"21,000 components":         file(many...),
		"rules of many occurrences": file(rules...),
		"a long line":               file("x DTSTART;VALUE=DATE:20270601 SUMMARY:" + strings.Repeat("x", 70_000)),
	} {
		if _, err := ical.Read(strings.NewReader(text), options(t, "2027-03-01", "2028-03-01")); fault.ReasonOf(err) !=
			rpcv1.Reason_REASON_LIMIT_EXCEEDED {
			t.Errorf("%s: %v, want LIMIT_EXCEEDED", what, err)
		}
	}
	if _, err := ical.Read(&endless{9 << 20}, options(t, "2027-03-01", "2028-03-01")); fault.ReasonOf(err) !=
		rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		t.Errorf("50 MB: %v, want LIMIT_EXCEEDED", err)
	}
}

// TestRulesThatHardlyEverCome: a file may hold 2,000 rules, each of which is looked for up to the end of its search. That
// takes seconds; with a search up to the year 9999 it would take a minute.
func TestRulesThatHardlyEverCome(t *testing.T) {
	events := make([]string, 2000)
	for i := range events {
		events[i] = fmt.Sprintf("u%d DTSTART;VALUE=DATE:20280229 RRULE:FREQ=DAILY;INTERVAL=28;BYMONTH=2;BYMONTHDAY=29", i)
	}
	found, err := ical.Read(strings.NewReader(file(events...)), options(t, "2027-03-01", "2028-03-01"))
	if err != nil || len(found) != len(events) {
		t.Errorf("%d occurrences, %v", len(found), err)
	}
	more := slices.Concat(events, []string{"one-more DTSTART;VALUE=DATE:20270601 RRULE:FREQ=DAILY"})
	if _, err := ical.Read(strings.NewReader(file(more...)), options(t, "2027-03-01", "2028-03-01")); fault.ReasonOf(err) !=
		rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		t.Errorf("2,001 rules: %v, want LIMIT_EXCEEDED", err)
	}
}

func TestImport(t *testing.T) {
	read := func(m ical.Meaning, events ...string) (lines []string, err error) {
		m.Source = "x.ics"
		entries, err := ical.Import(strings.NewReader(file(events...)), options(t, "2027-03-01", "2028-03-01"), m)
		for _, e := range entries {
			lines = append(lines, e.String()+" "+e.Says())
		}
		return lines, err
	}
	timed := "a DTSTART;TZID=America/New_York:20271224T090000 DURATION:PT3H30M SUMMARY:Eve"
	for _, c := range []struct {
		what    string
		meaning ical.Meaning
		events  []string
		want    []string
	}{
		{"holidays, cut to the range", ical.Meaning{}, []string{
			"a DTSTART;VALUE=DATE:20270227 DTEND;VALUE=DATE:20270303 SUMMARY:Long", "b DTSTART;VALUE=DATE:20271225 SUMMARY:Christmas\\nDay",
		}, []string{
			`2027-03-01 to 2027-03-02 "Long" (imported from x.ics, UID a) closed`,
			`2027-12-25 "Christmas Day" (imported from x.ics, UID b) closed`,
		}},
		{"worked Saturdays", ical.Meaning{AllDay: calendar.Entry{Verdict: calendar.Worked, LikeISOWeekday: 5}},
			[]string{"a DTSTART;VALUE=DATE:20270918 SUMMARY:W"}, []string{`2027-09-18 "W" (imported from x.ics, UID a) worked as on Friday`}},
		{"midnight to midnight, in Dublin's summer", ical.Meaning{}, []string{"a DTSTART:20270731T230000Z DTEND:20270802T230000Z"},
			[]string{`2027-08-01 to 2027-08-02 "" (imported from x.ics, UID a) closed`}},
		{"times close a date", ical.Meaning{Timed: ical.CloseTimed}, []string{timed},
			[]string{`2027-12-24 "Eve" (imported from x.ics, UID a) closed`}},
		{"times are hours, two of a date", ical.Meaning{Timed: ical.OpenTimed},
			[]string{timed, "b DTSTART:20271224T080000Z DURATION:PT1H"},
			[]string{`2027-12-24 "" (imported from x.ics, UID b, a) special hours 08:00-09:00 14:00-17:30`}},
		{"over midnight, and over two", ical.Meaning{Timed: ical.OpenTimed},
			[]string{"a DTSTART:20271201T220000 DURATION:PT8H", "b DTSTART:20271210T220000 DURATION:PT26H"},
			[]string{
				`2027-12-01 "" (imported from x.ics, UID a) special hours 22:00-06:00`,
				`2027-12-10 "" (imported from x.ics, UID b) special hours 22:00-24:00`,
				`2027-12-11 "" (imported from x.ics, UID b) special hours 00:00-24:00`,
			}},
	} {
		got, err := read(c.meaning, c.events...)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v\ngot  %q\nwant %q", c.what, err, got, c.want)
		}
	}
	for what, c := range map[string]struct {
		meaning ical.Meaning
		event   string
		says    string
	}{
		"a part of a day": {ical.Meaning{}, timed, "lasts a part of a day"},
		"within an hour that comes twice": {ical.Meaning{Timed: ical.OpenTimed},
			"a DTSTART:20271031T005000Z DTEND:20271031T011000Z", "shows twice"},
		"no length": {ical.Meaning{Timed: ical.OpenTimed}, "a DTSTART:20271224T090000Z", "must have a length"},
	} {
		if _, err := read(c.meaning, c.event); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
	_, err := read(ical.Meaning{Timed: ical.OpenTimed}, timed, "b DTSTART;VALUE=DATE:20271224 SUMMARY:Closed")
	if err == nil || !strings.Contains(err.Error(), "UID a") || !strings.Contains(err.Error(), "UID b") {
		t.Errorf("a contradiction: %v, want both events named", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file("a DTSTART;VALUE=DATE:20270601 RRULE:FREQ=DAILY;COUNT=6 EXDATE;VALUE=DATE:20270602,20270603"))
	f.Add(file("a DTSTART;TZID=Europe/Paris:20270601T090000 DURATION:PT1H RRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20280101T000000Z",
		"a RECURRENCE-ID:20270625T070000Z DTSTART:20270625T080000Z DTEND:20270625T090000Z SEQUENCE:1"))
	f.Add(file("a DTSTART:20270601T090000Z DURATION:P1DT2H RDATE;VALUE=PERIOD:20270602T090000Z/PT2H STATUS:CANCELLED"))
	o := options(f, "2027-03-01", "2028-03-01")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ical.Import(strings.NewReader(text), o, ical.Meaning{Timed: ical.OpenTimed})
		if err != nil && fault.ReasonOf(err) == rpcv1.Reason_REASON_UNSPECIFIED {
			t.Fatalf("an error that is no fault: %v", err)
		}
		if broken := calendar.Validate("", calendar.Calendar{Name: "x", Entries: entries}); len(broken) > 0 {
			t.Fatal(broken)
		}
		for _, e := range entries {
			if e.First.String() < "2027-03-01" || e.Last.String() >= "2028-03-01" {
				t.Fatalf("%s is out of the range", e)
			}
		}
	})
}
