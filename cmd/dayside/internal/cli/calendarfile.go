package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/type/date"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/services/schedule"
)

const (
	zoneHelp = "IANA zone in which days of an iCalendar file begin and floating times are meant"
	stdin    = "-"
)

// dateRange is from a date to a date, both inclusive; nil where the server's default is meant.
type dateRange struct{ first, last *date.Date }

// operand is a calendar that a command was given: by the name of a stored one, or from a file.
type operand struct {
	name     string
	calendar *schedulev1.Calendar // nil where it is stored
	// ics says that it was read from an iCalendar file, and holds no dates outside the range.
	ics bool
}

// lookYears is how far ahead a file is looked at where nobody says.
const lookYears = 2

// operand takes a file where there is one of that name, and else the name of a stored calendar.
func (a *app) operand(arg, zone string, dates dateRange) (operand, error) {
	info, err := os.Stat(arg)
	looksLikeFile := strings.ContainsAny(strings.TrimPrefix(arg, collectionCalendars+"/"), "./\\")
	switch {
	case arg == stdin, err == nil && !info.IsDir():
	case looksLikeFile:
		return operand{}, fmt.Errorf("%s: is no file that exists, and no name of a calendar", arg)
	default:
		name, err := calendarName(arg)
		return operand{name: name}, err
	}
	data, err := a.readICS(arg)
	if errors.Is(err, errTooLarge) && isYAML(arg) {
		data, err = nil, nil // which the manifest's own limit is for
	}
	if err != nil {
		return operand{}, err
	}
	if isYAML(arg) || !isICS(data) {
		c, err := a.yamlCalendar(arg, data)
		return operand{name: c.GetName(), calendar: c}, err
	}
	if zone == "" {
		return operand{}, usagef("--zone is required for %s, which is an iCalendar file: %s", called(arg), zoneHelp)
	}
	if dates.last == nil { // for a look at a file, what repeats without end may end anywhere
		y, m, d := a.Now().UTC().AddDate(lookYears, 0, 0).Date()
		dates.last = &date.Date{Year: int32(y), Month: int32(m), Day: int32(d)}
	}
	c, err := schedule.ReadICS(&schedulev1.ImportCalendarRequest{
		Name: "calendars/file", DisplayName: called(arg), Ics: data, Source: sourceOf(arg), TimeZone: zone,
		FirstDate: dates.first, LastDate: dates.last, Timed: schedulev1.ImportCalendarRequest_TIMED_CLOSE,
	}, a.Now())
	if err != nil {
		return operand{}, offline(called(arg)+" cannot be read as a calendar", err)
	}
	return operand{name: called(arg), calendar: c, ics: true}, nil
}

// yamlCalendar reads a file that holds one calendar; data is what standard input held.
func (a *app) yamlCalendar(arg string, data []byte) (*schedulev1.Calendar, error) {
	sources, err := manifest.Load([]string{arg}, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	set, err := manifest.Read(sources)
	if err != nil {
		return nil, err
	}
	if n := len(set.Calendars); n != 1 {
		return nil, fmt.Errorf("%s: holds %s, and must hold one", called(arg), count(n, "calendar"))
	}
	return set.Calendars[0], nil
}

// readICS reads a file, or standard input, up to the limit of iCalendar files: a larger one is refused unread.
func (a *app) readICS(arg string) ([]byte, error) {
	from := a.In
	if arg != stdin {
		f, err := os.Open(arg) //nolint:gosec // the file that the user named
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arg, errors.Unwrap(err))
		}
		defer func() { _ = f.Close() }()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > schedule.MaxICSBytes {
			return nil, tooLarge(arg)
		}
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, schedule.MaxICSBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read: %w", called(arg), err)
	}
	if len(data) > schedule.MaxICSBytes {
		return nil, tooLarge(arg)
	}
	return data, nil
}

func tooLarge(arg string) error {
	return fmt.Errorf("%s: is %w: a calendar's file may have at most %d MiB",
		called(arg), errTooLarge, schedule.MaxICSBytes>>20)
}

func isYAML(arg string) bool { return slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(arg)) }

// isICS says whether a file begins as iCalendar does.
func isICS(data []byte) bool {
	begin := []byte("BEGIN:VCALENDAR")
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	return len(data) >= len(begin) && bytes.EqualFold(data[:len(begin)], begin)
}

// called is what errors call a file.
func called(arg string) string {
	if arg == stdin {
		return "standard input"
	}
	return arg
}

// sourceOf is what entries of a file say of where they come from.
func sourceOf(arg string) string {
	if arg == stdin {
		return "standard input"
	}
	return filepath.Base(arg)
}

// sortByDate puts entries in order of their first date.
func sortByDate(entries []*schedulev1.CalendarEntry) {
	number := func(d *date.Date) int32 { return d.GetYear()*10_000 + d.GetMonth()*100 + d.GetDay() }
	slices.SortStableFunc(entries, func(a, b *schedulev1.CalendarEntry) int {
		return int(number(a.GetDate()) - number(b.GetDate()))
	})
}
