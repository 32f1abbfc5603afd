package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/dayofweek"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// importFlags are what an import is told beside its file.
type importFlags struct {
	zone, source, timed, display, from, to, workedAs string
	halfDay                                          []string
	dryRun, allowGap                                 bool
}

func newCalendarImport(a *app) *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use: "import NAME FILE", Short: "Make the events of an iCalendar file (RFC 5545) entries of a calendar",
		Long: "Replaces what was imported from the same source before, within the dates asked for, and leaves all other\n" +
			"entries alone. No event is dropped in silence: one with an unknown zone or rule is an error that names it.\n" +
			"All-day events close their dates, unless --half-day or --worked-as says otherwise.",
		Example: "  dayside calendar import ie holidays.ics --zone Europe/Dublin --display-name Ireland\n" +
			"  dayside calendar import cn worked.ics --zone Asia/Shanghai --worked-as fri",
		Args: cobra.ExactArgs(2), ValidArgsFunction: a.calendarsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.request(args[0], args[1])
			if err != nil {
				return err
			}
			if r.Ics, err = a.readICS(args[1]); err != nil {
				return err
			}
			return a.importCalendar(cmd.Context(), r)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.zone, "zone", "", zoneHelp+" (required)")
	flags.StringVar(&f.source, "source", "", "where the file comes from; its base name where left out, required for -")
	flags.StringVar(&f.timed, "timed", "refuse", "what an event with times does: close its dates, open its times alone, refuse")
	flags.StringSliceVar(&f.halfDay, "half-day", nil, "all-day events are half days with these hours, such as 09:00-12:30")
	flags.StringVar(&f.workedAs, "worked-as", "", "all-day events are worked, with a site's own hours of this weekday: fri")
	flags.StringVar(&f.from, "from", "", "the first date; today where left out")
	flags.StringVar(&f.to, "to", "",
		"the last date; two years after the first where left out; required where an event repeats without end")
	flags.StringVar(&f.display, "display-name", "", "makes the calendar where it does not exist")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check and show what would change; write nothing")
	flags.BoolVar(&f.allowGap, "allow-gap", false, "write it although a line gets an uncovered gap")
	return c
}

// request is what the server is asked, without the file.
func (f importFlags) request(name, file string) (r *schedulev1.ImportCalendarRequest, err error) {
	r = &schedulev1.ImportCalendarRequest{
		Source: f.source, TimeZone: f.zone, DisplayName: f.display, ValidateOnly: f.dryRun, AllowGap: f.allowGap,
	}
	if r.Name, err = calendarName(name); err != nil {
		return nil, err
	}
	switch {
	case f.zone == "":
		return nil, usagef("--zone is required: %s", zoneHelp)
	case f.source == "" && file == stdin:
		return nil, usagef("--source is required for standard input: entries of the same source are replaced")
	case f.source == "":
		r.Source = sourceOf(file)
	}
	if r.FirstDate, err = dateFlag("from", f.from); err != nil {
		return nil, err
	}
	if r.LastDate, err = dateFlag("to", f.to); err != nil {
		return nil, err
	}
	switch f.timed {
	case "close":
		r.Timed = schedulev1.ImportCalendarRequest_TIMED_CLOSE
	case "open":
		r.Timed = schedulev1.ImportCalendarRequest_TIMED_OPEN
	case "refuse":
		r.Timed = schedulev1.ImportCalendarRequest_TIMED_REFUSE
	default:
		return nil, usagef("--timed %q: must be close, open or refuse", f.timed)
	}
	r.AllDay, err = f.allDay()
	return r, err
}

// allDay is what all-day events say; nil where they close their dates.
func (f importFlags) allDay() (*schedulev1.CalendarEntry, error) {
	switch {
	case len(f.halfDay) > 0 && f.workedAs != "":
		return nil, usagef("--half-day and --worked-as: give one of the two")
	case len(f.halfDay) > 0:
		e := &schedulev1.CalendarEntry{Verdict: schedulev1.CalendarEntry_VERDICT_HALF_DAY}
		for _, text := range f.halfDay {
			span, err := schedule.ParseSpan("--half-day", text)
			if err != nil {
				return nil, usageError{offline("the hours of a half day are not right", err)}
			}
			e.Spans = append(e.Spans, span)
		}
		return e, nil
	case f.workedAs != "":
		for d := dayofweek.DayOfWeek_MONDAY; d <= dayofweek.DayOfWeek_SUNDAY; d++ {
			if word := strings.ToLower(d.String()); len(f.workedAs) >= 3 && strings.HasPrefix(word, strings.ToLower(f.workedAs)) {
				return &schedulev1.CalendarEntry{Verdict: schedulev1.CalendarEntry_VERDICT_WORKED, LikeWeekday: d}, nil
			}
		}
		return nil, usagef("--worked-as %q: must be a weekday: mon, tue, wed, thu, fri, sat or sun", f.workedAs)
	}
	return nil, nil //nolint:nilnil // an unset field of the request
}

// dateFlag reads a date; nil where it is not given.
func dateFlag(flag, text string) (*date.Date, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // an unset field of the request
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, usagef("--%s %q: must be a date, such as 2026-12-25", flag, text)
	}
	return &date.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())}, nil //nolint:gosec // to 9999
}

func (a *app) importCalendar(ctx context.Context, r *schedulev1.ImportCalendarRequest) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	answer, err := client.calendars.ImportCalendar(ctx, r)
	if err != nil {
		return a.importFailed(r, err)
	}
	return a.show(answer, func(w io.Writer) error {
		a.datesText(w, answer.GetChanges())
		ending := "."
		if r.GetValidateOnly() {
			ending = ". Dry run: nothing was written."
		}
		linef(w, "%s: %s; %s%s", r.GetName(), changedDates(answer.GetChanges()),
			entryCount(len(answer.GetCalendar().GetEntries())), ending)
		return nil
	})
}

// importFailed adds what to do where the calendar is not there.
func (a *app) importFailed(r *schedulev1.ImportCalendarRequest, err error) error {
	failed := a.failed(err)
	var f *failure
	if errors.As(failed, &f) && status.Code(err) == codes.NotFound && r.GetDisplayName() == "" {
		f.details = append(f.details, "--display-name makes it")
	}
	return failed
}

// marks of changed dates, each with its colour on a terminal.
var dateColors = map[schedulev1.DateChange_Kind]string{
	schedulev1.DateChange_KIND_ADDED: "\x1b[32m", schedulev1.DateChange_KIND_REMOVED: "\x1b[31m",
	schedulev1.DateChange_KIND_CHANGED: "\x1b[33m", schedulev1.DateChange_KIND_RENAMED: "",
}

// datesText is a line a changed date.
func (a *app) datesText(w io.Writer, changes []*schedulev1.DateChange) {
	for _, c := range changes {
		a.colored(w, dateColors[c.GetKind()], c.GetSentence())
	}
}

// changedDates is "2 dates added, 1 date renamed".
func changedDates(changes []*schedulev1.DateChange) string {
	counts := map[schedulev1.DateChange_Kind]int{}
	for _, c := range changes {
		counts[c.GetKind()]++
	}
	var parts []string
	for _, k := range []struct {
		kind schedulev1.DateChange_Kind
		word string
	}{
		{schedulev1.DateChange_KIND_ADDED, "added"}, {schedulev1.DateChange_KIND_REMOVED, "removed"},
		{schedulev1.DateChange_KIND_CHANGED, "changed"}, {schedulev1.DateChange_KIND_RENAMED, "renamed"},
	} {
		if n := counts[k.kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", count(n, "date"), k.word))
		}
	}
	if len(parts) == 0 {
		return "no date changes"
	}
	return strings.Join(parts, ", ")
}
