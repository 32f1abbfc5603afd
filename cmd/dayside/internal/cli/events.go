package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newEvents(a *app) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "events", Short: "Show what somebody should know of: gaps ahead, handoffs not accepted, people whom nothing reaches",
		Long: "Shows what is so now or will be, the most urgent first: lines that will be uncovered within 14 days, handoffs\n" +
			"that nobody accepted in time, people on duty within a day whom nothing reaches, turns that nobody has, and people\n" +
			"put on duty although they are away. Those that ended over 30 days ago are forgotten.",
		Example: "  dayside events\n  dayside events --all -o json | jq -r '.events[].sentence'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			r, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.ListEventsResponse, error) {
				return client.coverage.ListEvents(ctx, &schedulev1.ListEventsRequest{IncludeEnded: all})
			})
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) error { return eventsText(w, r.GetEvents()) })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that have ended as well")
	return c
}

// eventsText is a list of events, for people: what each is about and since when it is known, and its sentence below.
func eventsText(w io.Writer, events []*schedulev1.ScheduleEvent) error {
	if len(events) == 0 {
		linef(w, "There is nothing that somebody should know of.")
		return nil
	}
	open := slices.DeleteFunc(slices.Clone(events), func(e *schedulev1.ScheduleEvent) bool { return e.GetEndTime() != nil })
	linef(w, "%s, of which %d %s not ended.", count(len(events), "event"), len(open), hasOrHave(len(open)))
	for _, e := range events {
		state := "since " + instant(e.GetCreateTime())
		if e.GetEndTime() != nil {
			state = "from " + instant(e.GetCreateTime()) + " to " + instant(e.GetEndTime())
		}
		linef(w, "")
		linef(w, "%s  %s  %s", word(eventWords, e.GetKind()), e.GetSubject(), state)
		linef(w, "  %s", oneLine(e.GetSentence()))
	}
	return nil
}

func hasOrHave(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

var eventWords = map[schedulev1.ScheduleEvent_Kind]string{
	schedulev1.ScheduleEvent_KIND_UNCOVERED_AHEAD:      "uncovered",
	schedulev1.ScheduleEvent_KIND_HANDOFF_NOT_ACCEPTED: "handoff not accepted",
	schedulev1.ScheduleEvent_KIND_NOT_REACHABLE:        "nothing reaches",
	schedulev1.ScheduleEvent_KIND_EMPTY_TURN:           "empty turn",
	schedulev1.ScheduleEvent_KIND_AWAY_ON_DUTY:         "away on duty",
}
