package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

const defaultSimulatedDays = 28

func newSimulate(a *app) *cobra.Command {
	var files, gone []string
	var from string
	var days int
	c := &cobra.Command{
		Use: "simulate [-f FILE]", Short: "Show what changes would do to coverage, without making them",
		Long: "Compares coverage as it is with what it would be: which handovers move, which gaps appear and close, and\n" +
			"the hours of each site by week. Files are as for apply; of a line, only sites, rotas and service hours count.\n" +
			"A site may be deleted though a line lists it: what then happens is the question.",
		Example: "  dayside simulate -f dublin.yaml\n  dayside simulate --delete sites/sydney --from 2027-03-01 --days 60",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > maxCoverageDays {
				return usagef("--days %d: must be 1 to %d", days, maxCoverageDays)
			}
			request, set, err := a.simulation(files, gone)
			if err != nil {
				return err
			}
			start := a.Now().Truncate(time.Minute)
			if from != "" {
				if start, err = a.when("from", from, time.UTC); err != nil {
					return err
				}
			}
			start = start.Truncate(time.Second)
			end := start.Add(time.Duration(days) * 24 * time.Hour)
			request.Interval = &interval.Interval{StartTime: timestamppb.New(start), EndTime: timestamppb.New(end)}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			answer, err := client.coverage.Simulate(ctx, request)
			if err != nil {
				return a.refused(set, err)
			}
			return a.show(answer, func(w io.Writer) error {
				linef(w, "From %s to %s, by time-zone rules %s. Nothing was written.", utc(start), utc(end),
					answer.GetTzdataRelease())
				linef(w, "")
				return impactText(w, answer.GetImpact())
			})
		},
	}
	c.Flags().StringSliceVarP(&files, "file", "f", nil, "what would be written: a file, a folder, or - for standard input")
	c.Flags().StringSliceVar(&gone, "delete", nil, "what would be deleted, such as sites/dublin")
	c.Flags().StringVar(&from, "from", "", "where to begin, instead of now: "+whenHelp)
	c.Flags().IntVar(&days, "days", defaultSimulatedDays, "how many days")
	return c
}

// simulation is the request of files and names, with the files to say where something stands in them.
func (a *app) simulation(files, gone []string) (*schedulev1.SimulateRequest, *manifest.Set, error) {
	set := &manifest.Set{}
	if len(files) == 0 && len(gone) == 0 {
		return nil, nil, usagef("give -f with what would be written, --delete with what would be deleted, or both")
	}
	if len(files) > 0 {
		var err error
		if set, err = a.readFiles(files); err != nil {
			return nil, nil, err
		}
	}
	request := &schedulev1.SimulateRequest{
		Sites: set.Sites, Calendars: set.Calendars, People: set.People, Rotas: set.Rotas,
	}
	for _, l := range set.Lines {
		request.Lines = append(request.Lines, coverageOf(l))
	}
	for _, word := range gone {
		_, name, err := resourceName([]string{word})
		if err != nil {
			return nil, nil, err
		}
		request.Delete = append(request.Delete, name)
	}
	return request, set, nil
}

// coverageOf is the part of a line that coverage depends on.
func coverageOf(l *routingv1.Line) *schedulev1.LineCoverage {
	out := &schedulev1.LineCoverage{Line: l.GetName(), Rotas: l.GetRotas(), ServiceHours: l.GetServiceHours()}
	for _, s := range l.GetSites() {
		out.Sites = append(out.Sites, s.GetSite())
	}
	return out
}
