package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// closedOn is an entry that closes a date.
func closedOn(year, month, day int32, name string) *schedulev1.CalendarEntry {
	return &schedulev1.CalendarEntry{
		Date: &date.Date{Year: year, Month: month, Day: day}, Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED, DisplayName: name,
	}
}

func ireland(entries ...*schedulev1.CalendarEntry) *schedulev1.Calendar {
	return &schedulev1.Calendar{Name: "calendars/ie", DisplayName: "Ireland", Entries: entries}
}

func (w world) createCalendar(t *testing.T, c *schedulev1.Calendar) *schedulev1.Calendar {
	t.Helper()
	made, err := w.calendars.CreateCalendar(t.Context(), &schedulev1.CreateCalendarRequest{Calendar: c})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// ics is a file of one all-day event on Tuesday 8 December 2026, by its name.
func ics(summary string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART;VALUE=DATE:20261208\r\nSUMMARY:" + summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

// openAtTen says whether what is published of a site is open at ten on a day of December 2026, UTC.
func (w world) openAtTen(t *testing.T, id string, day int) bool {
	t.Helper()
	record, _ := w.record(t, id)
	tl, err := timeline.FromProto(record.GetTimeline())
	if err != nil {
		t.Fatal(err)
	}
	return tl.At(time.Date(2026, 12, day, 10, 0, 0, 0, time.UTC).Unix()).Open
}

// TestCalendarIsAResource: made, read, listed, changed by mask and etag, and removed once nothing uses it.
func TestCalendarIsAResource(t *testing.T) {
	w := newWorld(t)
	made := w.createCalendar(t, ireland(closedOn(2026, 12, 25, "Christmas Day")))
	got, err := w.calendars.GetCalendar(t.Context(), &schedulev1.GetCalendarRequest{Name: "calendars/ie"})
	if err != nil || !proto.Equal(got, made) {
		t.Fatalf("got %v, %v; want %v", got, err, made)
	}
	list, err := w.calendars.ListCalendars(t.Context(), &schedulev1.ListCalendarsRequest{})
	if err != nil || len(list.GetCalendars()) != 1 {
		t.Errorf("listed %v, %v", list, err)
	}
	_, err = w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{
		Calendar:   &schedulev1.Calendar{Name: "calendars/ie", DisplayName: "Éire", Etag: made.GetEtag()},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{Calendar: made})
	wantReason(t, "an old etag", err, rpcv1.Reason_REASON_CONFLICT)

	s := site("dublin", "Europe/Dublin")
	s.Calendars = []string{"calendars/none"}
	_, err = w.CreateSite(t.Context(), &schedulev1.CreateSiteRequest{Site: s})
	wantReason(t, "a site of no calendar", err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	s.Calendars = []string{"calendars/ie"}
	w.create(t, s)
	_, err = w.calendars.DeleteCalendar(t.Context(), &schedulev1.DeleteCalendarRequest{Name: "calendars/ie"})
	wantReason(t, "a calendar in use", err, rpcv1.Reason_REASON_IN_USE)
	if _, err := w.DeleteSite(t.Context(), &schedulev1.DeleteSiteRequest{Name: "sites/dublin"}); err != nil {
		t.Fatal(err)
	}
	if _, err = w.calendars.DeleteCalendar(t.Context(), &schedulev1.DeleteCalendarRequest{Name: "calendars/ie"}); err != nil {
		t.Error(err)
	}
}

// TestBadCalendarsAreNotWritten: each is refused with the path of what is wrong, and etcd is as it was.
func TestBadCalendarsAreNotWritten(t *testing.T) {
	w := newWorld(t)
	before := w.keys(t)
	half := closedOn(2026, 12, 24, "Half")
	half.Verdict, half.Spans = schedulev1.CalendarEntry_VERDICT_HALF_DAY, []*schedulev1.Span{span(9, 12)}
	for field, c := range map[string]*schedulev1.Calendar{
		"entries[0].date":     ireland(closedOn(2027, 2, 29, "Leap")),
		"entries[1]":          ireland(half, closedOn(2026, 12, 24, "Christmas Eve")),
		"entries[0].spans[0]": ireland(&schedulev1.CalendarEntry{Date: half.Date, Verdict: half.Verdict, Spans: []*schedulev1.Span{span(9, 9)}}),
	} {
		_, err := w.calendars.CreateCalendar(t.Context(), &schedulev1.CreateCalendarRequest{Calendar: c})
		wantReason(t, field, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if err != nil && !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
	if after := w.keys(t); !slices.Equal(after, before) {
		t.Errorf("written: %q", after)
	}
}

// TestImportIntoACalendarInUse: an import makes a calendar, is the same once more, and is in force at the site that uses
// it; a file that says another thing than somebody typed is refused, and nothing changes.
func TestImportIntoACalendarInUse(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	r := &schedulev1.ImportCalendarRequest{
		Name: "calendars/ie", Ics: ics("Immaculate Conception"), Source: "ie.ics", TimeZone: "Europe/Dublin",
	}
	_, err := w.calendars.ImportCalendar(t.Context(), r)
	wantReason(t, "no calendar, and no name for one", err, rpcv1.Reason_REASON_NOT_FOUND)
	r.DisplayName, r.ValidateOnly = "Ireland", true
	answer, err := w.calendars.ImportCalendar(t.Context(), r)
	if err != nil || len(answer.GetChanges()) != 1 ||
		answer.GetChanges()[0].GetSentence() != "+ 2026-12-08 Immaculate Conception: closed" {
		t.Fatalf("a dry run: %v, %v", answer, err)
	}
	if keys := w.keys(t); slices.Contains(keys, "schedule/calendars/ie") {
		t.Fatalf("a dry run wrote %q", keys)
	}
	r.ValidateOnly = false
	if _, err = w.calendars.ImportCalendar(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	s := site("dublin", "Europe/Dublin")
	s.Calendars = []string{"calendars/ie"}
	w.create(t, s)
	if w.openAtTen(t, "dublin", 8) {
		t.Error("the site is open on a date that the calendar closes")
	}
	_, revision := w.record(t, "dublin")
	again, err := w.calendars.ImportCalendar(t.Context(), r)
	if err != nil || len(again.GetChanges()) != 0 || len(again.GetCalendar().GetEntries()) != 1 {
		t.Errorf("once more: %v, %v", again, err)
	}
	if _, now := w.record(t, "dublin"); now != revision {
		t.Error("an import that changes nothing wrote the site anew")
	}

	c := again.GetCalendar()
	typed := closedOn(2026, 12, 9, "Typed")
	typed.Verdict, typed.Spans = schedulev1.CalendarEntry_VERDICT_WORKED, []*schedulev1.Span{span(6, 7)}
	c.Entries = append(c.Entries, typed)
	if c, err = w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{Calendar: c}); err != nil {
		t.Fatal(err)
	}
	r.Ics = []byte(strings.Replace(string(ics("Two days")), "SUMMARY", "DURATION:P2D\r\nSUMMARY", 1))
	_, err = w.calendars.ImportCalendar(t.Context(), r)
	wantReason(t, "a contradiction", err, rpcv1.Reason_REASON_INVALID_FIELD)
	for _, part := range []string{`Two days`, `Typed`, "2026-12-09", "says worked 06:00-07:00", "import into another calendar"} {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if now, err := w.calendars.GetCalendar(t.Context(), &schedulev1.GetCalendarRequest{Name: "calendars/ie"}); err != nil || !proto.Equal(now, c) {
		t.Errorf("it is %v, %v; want it as it was", now, err)
	}
	r.Ics = []byte(strings.Replace(string(ics("None")), "20261208", "20261210", 1))
	if _, err = w.calendars.ImportCalendar(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !w.openAtTen(t, "dublin", 8) || w.openAtTen(t, "dublin", 10) {
		t.Error("the site does not follow the event that moved from the 8th to the 10th")
	}
}

// TestImportThatWouldLeaveALineAlone is refused with the date, unless it says that the gap is meant.
func TestImportThatWouldLeaveALineAlone(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.createCalendar(t, ireland())
	s := site("dublin", "Europe/Dublin")
	s.Calendars = []string{"calendars/ie"}
	w.create(t, s)
	w.line(t, "gold", "dublin")
	r := &schedulev1.ImportCalendarRequest{Name: "calendars/ie", Ics: ics("Closed"), Source: "ie.ics", TimeZone: "Europe/Dublin"}
	_, err := w.calendars.ImportCalendar(t.Context(), r)
	wantReason(t, "a gap", err, rpcv1.Reason_REASON_COVERAGE_GAP)
	if err != nil && (!strings.Contains(err.Error(), "lines/gold") || !strings.Contains(err.Error(), "2026-12-08")) {
		t.Errorf("%v does not name the line and the date", err)
	}
	r.AllowGap = true
	if _, err := w.calendars.ImportCalendar(t.Context(), r); err != nil {
		t.Error(err)
	}
}

// TestSeedThenCreateThenCompare: what is computed is written as it is, and compared with what was corrected.
func TestSeedThenCreateThenCompare(t *testing.T) {
	w := newWorld(t)
	seeded, err := w.calendars.SeedCalendar(t.Context(), &schedulev1.SeedCalendarRequest{Place: "IE"})
	if err != nil {
		t.Fatal(err)
	}
	c := seeded.GetCalendar()
	c.Name = "calendars/ie"
	if first, last := c.GetEntries()[0].GetDate(), c.GetEntries()[len(c.GetEntries())-1].GetDate(); first.GetYear() != 2026 || last.GetYear() != 2027 {
		t.Errorf("years %d to %d", first.GetYear(), last.GetYear())
	}
	made := w.createCalendar(t, c)
	corrected, _ := proto.Clone(made).(*schedulev1.Calendar)
	corrected.Entries = append(corrected.Entries, closedOn(2026, 12, 24, "Christmas Eve"))
	diff, err := w.calendars.DiffCalendars(t.Context(), &schedulev1.DiffCalendarsRequest{Before: "calendars/ie", AfterCalendar: corrected})
	if err != nil || len(diff.GetChanges()) != 1 || diff.GetChanges()[0].GetSentence() != "+ 2026-12-24 Christmas Eve: closed" {
		t.Errorf("difference %v, %v", diff, err)
	}
	for what, r := range map[string]*schedulev1.DiffCalendarsRequest{
		"nothing": {}, "one": {Before: "calendars/ie"}, "one twice": {Before: "calendars/ie", BeforeCalendar: corrected, AfterCalendar: corrected},
		"a broken one": {Before: "calendars/ie", AfterCalendar: ireland(closedOn(2027, 2, 29, ""))},
	} {
		_, err := w.calendars.DiffCalendars(t.Context(), r)
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	_, err = w.calendars.DiffCalendars(t.Context(), &schedulev1.DiffCalendarsRequest{Before: "calendars/none", After: "calendars/ie"})
	wantReason(t, "one that is not there", err, rpcv1.Reason_REASON_NOT_FOUND)
}
