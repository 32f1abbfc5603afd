package cli

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// maxFormerCalls is how many calls are counted by who made them.
const maxFormerCalls = 20_000

func newLineFormer(a *app) *cobra.Command {
	since := "now-30d"
	c := &cobra.Command{
		Use: "former LINE", Short: "Show who still calls numbers that a line had, and until when those work",
		Long: "After a rotation: until when the numbers before work, and who called one of them, with how often and when last,\n" +
			"so that they can be told the new one in time. Calls after that are among them: their callers were told that the\n" +
			"number has changed. Numbers of the line are not shown, those of callers are masked.",
		Example: "  dayside line former gold-emergency\n  dayside line former gold-emergency --since now-7d",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.idsOf(cmd.Context(), collectionLines), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			from, _, err := a.period(since, "")
			if err != nil {
				return err
			}
			return a.formerCallers(cmd.Context(), collectionLines+"/"+strings.TrimPrefix(args[0], collectionLines+"/"), from)
		},
	}
	c.Flags().StringVar(&since, "since", since, "who called then or later: "+whenHelp)
	return c
}

// formerCallers shows the line's former numbers, and who called them.
func (a *app) formerCallers(ctx context.Context, name string, from *timestamppb.Timestamp) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	line, err := ask(ctx, a, func(ctx context.Context) (*routingv1.Line, error) {
		return client.lines.GetLine(ctx, &routingv1.GetLineRequest{Name: name})
	})
	if err != nil {
		return err
	}
	calls, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.ListCallsResponse, error) {
		return client.calls(ctx, &ledgerv1.ListCallsRequest{Line: name, FormerNumber: true, StartTime: from}, maxFormerCalls)
	})
	if err != nil {
		return err
	}
	return a.show(calls, func(w io.Writer) error {
		formerNumbersText(w, line, a.Now())
		return callersText(w, calls, from)
	})
}

// formerNumbersText is until when the numbers that a line had work, in order of that.
func formerNumbersText(w io.Writer, l *routingv1.Line, now time.Time) {
	switch {
	case l.GetNumber() == nil:
		linef(w, "%s: its numbers, and until when former ones work, are not shown to you.", l.GetName())
		return
	case len(l.GetFormerNumbers()) == 0:
		linef(w, "%s has had no other number.", l.GetName())
		return
	}
	ends := slices.SortedFunc(slices.Values(l.GetFormerNumbers()), func(a, b *routingv1.FormerNumber) int {
		return a.GetEndTime().AsTime().Compare(b.GetEndTime().AsTime())
	})
	for _, f := range ends {
		if end := f.GetEndTime().AsTime(); end.After(now) {
			linef(w, "%s: one that it had works until %s, for %s.", l.GetName(), utc(end), shortSpan(end.Sub(now)))
		} else {
			linef(w, "%s: one that it had worked until %s; who calls it is told that it has changed.", l.GetName(), utc(end))
		}
	}
}

// formerCaller is somebody who called a former number.
type formerCaller struct {
	customer, number string
	calls, tooLate   int
	last             *timestamppb.Timestamp
}

// callersText is who called, those who did last first.
func callersText(w io.Writer, answer *ledgerv1.ListCallsResponse, from *timestamppb.Timestamp) error {
	if len(answer.GetCalls()) == 0 {
		linef(w, "Nobody called a former number since %s.", instant(from))
		return nil
	}
	who := map[[2]string]*formerCaller{}
	for _, c := range answer.GetCalls() { // the latest first
		key := [2]string{c.GetCustomer(), ""}
		if c.GetCustomer() == "" {
			key[1] = c.GetCallerNumber()
		}
		if who[key] == nil {
			who[key] = &formerCaller{customer: c.GetCustomer(), number: c.GetCallerNumber(), last: c.GetStartTime()}
		}
		who[key].calls++
		if c.GetOutcome() == ledgerv1.Outcome_OUTCOME_NUMBER_CHANGED {
			who[key].tooLate++
		}
	}
	g := newGrid("who", "caller", "calls", "told it has changed", "last")
	for _, c := range slices.SortedFunc(maps.Values(who), func(a, b *formerCaller) int {
		return cmp.Or(b.last.AsTime().Compare(a.last.AsTime()), cmp.Compare(a.customer+a.number, b.customer+b.number))
	}) {
		g.row(dash(strings.TrimPrefix(c.customer, collectionCustomers+"/")), dash(c.number), strconv.Itoa(c.calls),
			strconv.Itoa(c.tooLate), instant(c.last))
	}
	if err := g.write(w); err != nil {
		return err
	}
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more than %d calls; --since says which are counted.", maxFormerCalls)
	}
	return nil
}
