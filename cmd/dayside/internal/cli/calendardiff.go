package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/date"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// icsYears is for how many years iCalendar files are read that are compared, where nothing is said.
const icsYears = 3

func newCalendarDiff(a *app) *cobra.Command {
	var zone, years string
	c := &cobra.Command{
		Use: "diff BEFORE AFTER", Short: "Show the dates on which two calendars differ",
		Long: "Compares two calendars date by date: stored ones by name, or YAML and iCalendar files. Two files need no\n" +
			"server. Of an iCalendar file, events with times close their dates; what repeats is expanded for the years compared.",
		Example: "  dayside calendar diff ie ie.yaml\n" +
			"  dayside calendar diff seed.yaml holidays.ics --zone Europe/Dublin --years 2027",
		Args: cobra.ExactArgs(2), ValidArgsFunction: a.calendarsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			dates, err := a.compared(years)
			if err != nil {
				return err
			}
			before, err := a.operand(args[0], zone, dates)
			if err != nil {
				return err
			}
			after, err := a.operand(args[1], zone, dates)
			if err != nil {
				return err
			}
			changes, err := a.diff(cmd.Context(), before, after)
			if err != nil {
				return err
			}
			if years != "" || before.ics || after.ics {
				changes = slices.DeleteFunc(changes, func(c *schedulev1.DateChange) bool {
					return c.GetDate().GetYear() < dates.first.GetYear() || c.GetDate().GetYear() > dates.last.GetYear()
				})
				linef(a.Err, "compared: %s to %s (--years)", dayText(dates.first), dayText(dates.last))
			}
			return a.show(&schedulev1.DiffCalendarsResponse{Changes: changes}, func(w io.Writer) error {
				a.datesText(w, changes)
				linef(w, "%s to %s: %s.", before.name, after.name, changedDates(changes))
				return nil
			})
		},
	}
	c.Flags().StringVar(&zone, "zone", "", zoneHelp)
	c.Flags().StringVar(&years, "years", "",
		"2027 or 2026-2028; where left out all, or this year and the two after it where one is an iCalendar file")
	return c
}

// compared are the dates of --years.
func (a *app) compared(years string) (dateRange, error) {
	first, last, err := parseYears(years)
	if first == 0 {
		first = int32(a.Now().In(time.UTC).Year()) //nolint:gosec // to 9999
		last = first + icsYears - 1
	}
	return dateRange{&date.Date{Year: first, Month: 1, Day: 1}, &date.Date{Year: last, Month: 12, Day: 31}}, err
}

// diff compares here where both came from files, and else asks the server.
func (a *app) diff(ctx context.Context, before, after operand) ([]*schedulev1.DateChange, error) {
	if before.calendar != nil && after.calendar != nil {
		changes, err := schedule.DiffCalendars(before.calendar, after.calendar)
		if err != nil {
			return nil, offline("the calendars cannot be compared", err)
		}
		return changes, nil
	}
	r := &schedulev1.DiffCalendarsRequest{BeforeCalendar: before.calendar, AfterCalendar: after.calendar}
	if before.calendar == nil {
		r.Before = before.name
	}
	if after.calendar == nil {
		r.After = after.name
	}
	client, err := a.connect()
	if err != nil {
		return nil, err
	}
	defer client.close()
	answer, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.DiffCalendarsResponse, error) {
		return client.calendars.DiffCalendars(ctx, r)
	})
	return answer.GetChanges(), err
}

// dayText is a date as files write it.
func dayText(d *date.Date) string {
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}
