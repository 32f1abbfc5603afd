package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/services/schedule"
)

func newCalendar(a *app) *cobra.Command {
	return newGroup("calendar", "Import, seed, compare and show calendars of holidays",
		"Calendars are dated entries that overrule the weekly hours of the sites that use them: holidays, half days, Saturdays\n"+
			"that are worked. They are written by apply, or imported from iCalendar files. A first one may be seeded.",
		newCalendarImport(a), newCalendarSeed(a), newCalendarPlaces(a), newCalendarDiff(a), newCalendarShow(a))
}

func newCalendarSeed(a *app) *cobra.Command {
	var years, id string
	c := &cobra.Command{
		Use: "seed PLACE", Short: "Write a first calendar of a place's public holidays, to be reviewed",
		Long: "Computes the public holidays of a country (ISO 3166-1, such as IE) or state (ISO 3166-2, such as AU-NSW),\n" +
			"and writes them as a file that applies. The library behind it has known errors and gaps: what is known of them\n" +
			"goes to standard error, and every entry is marked for review. No server is asked, and nothing is put in force.",
		Example: "  dayside calendar seed IE --years 2026-2028 > ie.yaml\n" +
			"  dayside calendar seed AU-NSW --id sydney | dayside apply -f -",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return places(a), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			first, last, err := parseYears(years)
			if err != nil {
				return err
			}
			return a.seed(strings.ToUpper(args[0]), first, last, id)
		},
	}
	c.Flags().StringVar(&years, "years", "", "2027 or 2026-2028; this year and the next where left out")
	c.Flags().StringVar(&id, "id", "", "the calendar's ID; the place in lower case where left out")
	return c
}

func (a *app) seed(place string, first, last int32, id string) error {
	r := &schedulev1.SeedCalendarRequest{Place: place, FirstYear: first, LastYear: last}
	answer, err := schedule.SeedCalendar(r, a.Now())
	if err != nil {
		return offline("there is no seed for that", err)
	}
	c := answer.GetCalendar()
	if id == "" {
		id = strings.ToLower(place)
	}
	if c.Name, err = calendarName(id); err != nil {
		return err
	}
	linef(a.Err, "%s of %s: look each through, and take `review` off what is right", count(len(c.GetEntries()), "date"), place)
	if answer.GetDoubts() != "" {
		linef(a.Err, "known of this seed: %s", answer.GetDoubts())
	}
	if a.output == formatJSON {
		return a.show(answer, nil)
	}
	return manifest.Write(a.Out, c)
}

// places are the codes of seeds.
func places(a *app) []string {
	answer, err := schedule.SeedCalendar(&schedulev1.SeedCalendarRequest{}, a.Now())
	if err != nil {
		return nil
	}
	return answer.GetPlaces()
}

func newCalendarPlaces(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "places", Short: "List the places of which there are seeds",
		Long: "Lists codes of ISO 3166, one a line. Of China, India, Israel, Korea, Singapore, Turkey, the Emirates and many\n" +
			"more there is no seed: import their calendars.",
		Example: "  dayside calendar places",
		RunE: func(*cobra.Command, []string) error {
			list := places(a)
			return a.show(&schedulev1.SeedCalendarResponse{Places: list}, func(w io.Writer) error {
				linef(w, "%s", strings.Join(list, "\n"))
				return nil
			})
		},
	}
}

func newCalendarShow(a *app) *cobra.Command {
	var year int32
	var zone string
	c := &cobra.Command{
		Use: "show NAME|FILE", Short: "Show a calendar's entries, where each comes from, and which need review",
		Long:    "Shows a stored calendar, or one in a YAML or iCalendar file, in order of date.",
		Example: "  dayside calendar show ie --year 2027\n  dayside calendar show holidays.ics --zone Europe/Dublin",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.calendarsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := a.operand(args[0], zone, ofYear(year))
			if err != nil {
				return err
			}
			found := o.calendar
			if found == nil {
				found, err = a.stored(cmd.Context(), o.name)
			}
			if err != nil {
				return err
			}
			found = inOrder(found, year)
			if a.output == formatYAML {
				return manifest.Write(a.Out, found)
			}
			return a.show(found, func(w io.Writer) error { return calendarText(w, found) })
		},
	}
	c.Flags().Int32Var(&year, "year", 0, "only entries with dates in this year")
	c.Flags().StringVar(&zone, "zone", "", zoneHelp)
	return c
}

// stored reads a calendar from the server.
func (a *app) stored(ctx context.Context, name string) (*schedulev1.Calendar, error) {
	client, err := a.connect()
	if err != nil {
		return nil, err
	}
	defer client.close()
	return ask(ctx, a, func(ctx context.Context) (*schedulev1.Calendar, error) {
		return client.calendars.GetCalendar(ctx, &schedulev1.GetCalendarRequest{Name: name})
	})
}

// calendarText is a calendar for people.
func calendarText(w io.Writer, c *schedulev1.Calendar) error {
	g := newGrid("dates", "name", "says", "from", "review")
	toReview := 0
	for _, e := range c.GetEntries() {
		text, review := schedule.DescribeEntry(e), "-"
		if e.GetProvenance().GetReview() {
			toReview++
			review = "yes"
		}
		g.row(text.Dates, dash(text.Title), text.Says, text.From, review)
	}
	linef(w, "%s (%s), %s, %d to be reviewed", c.GetName(), c.GetDisplayName(), entryCount(len(c.GetEntries())), toReview)
	if len(c.GetEntries()) == 0 {
		return nil
	}
	linef(w, "")
	return g.write(w)
}

// inOrder is a calendar with its entries in order of date: those that touch a year, or all where it is 0.
func inOrder(c *schedulev1.Calendar, year int32) *schedulev1.Calendar {
	sorted, _ := proto.Clone(c).(*schedulev1.Calendar)
	sorted.Entries = nil
	for _, e := range c.GetEntries() {
		last := e.GetLastDate()
		if last == nil {
			last = e.GetDate()
		}
		if year == 0 || (e.GetDate().GetYear() <= year && year <= last.GetYear()) {
			sorted.Entries = append(sorted.Entries, e)
		}
	}
	sortByDate(sorted.Entries)
	return sorted
}

// calendarName takes calendars/ie, or ie.
func calendarName(s string) (string, error) {
	id := strings.TrimPrefix(s, collectionCalendars+"/")
	if !regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(id) {
		return "", usagef("%q is no calendar: give calendars/ID or the ID alone, in lower-case letters, digits and hyphens", s)
	}
	return collectionCalendars + "/" + id, nil
}

// parseYears reads 2027 or 2026-2028; zeros where the text is empty.
func parseYears(text string) (first, last int32, err error) {
	if text == "" {
		return 0, 0, nil
	}
	from, to, several := strings.Cut(text, "-")
	if !several {
		to = from
	}
	a, errFrom := strconv.ParseUint(from, 10, 14)
	b, errTo := strconv.ParseUint(to, 10, 14)
	if errFrom != nil || errTo != nil || a == 0 || b < a {
		return 0, 0, usagef("--years %q: must be a year, or two that ascend, such as 2026-2028", text)
	}
	return int32(a), int32(b), nil //nolint:gosec // of 14 bits
}

// ofYear is the range of one year; none where it is 0.
func ofYear(year int32) dateRange {
	if year == 0 {
		return dateRange{}
	}
	return dateRange{&date.Date{Year: year, Month: 1, Day: 1}, &date.Date{Year: year, Month: 12, Day: 31}}
}

// offline makes an answer for people of a fault that no server has told of.
func offline(message string, err error) error {
	problems := schedule.Problems(err)
	if len(problems) == 0 {
		return err
	}
	f := &failure{message: message}
	for _, p := range problems {
		f.details = append(f.details, manifest.Problem{Field: p.Field, Value: p.Value, Rule: p.Rule}.String())
	}
	return f
}

// calendarsToComplete suggests calendars, and leaves files to the shell.
func (a *app) calendarsToComplete(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.idsOf(cmd.Context(), collectionCalendars), cobra.ShellCompDirectiveDefault
}

// entryCount is "1 entry", "2 entries".
func entryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

var errTooLarge = errors.New("too large")
