package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/services/schedule"
)

func newHours(a *app) *cobra.Command {
	var files []string
	var from, to string
	c := &cobra.Command{
		Use: "hours -f FILE", Short: "Show when the site in a file is open, without a server",
		Long: "Compiles the hours of each site in the files as the service would, with the calendars in them, and prints its\n" +
			"open intervals: to check a site before it is applied. Zone rules are those of this program.",
		Example: "  dayside hours -f site.yaml --from 2026-12-20 --to 2027-01-05",
		RunE: func(*cobra.Command, []string) error {
			set, err := a.readFiles(files)
			if err != nil {
				return err
			}
			if len(set.Sites) == 0 {
				return fmt.Errorf("the files hold no site")
			}
			var list []siteHours
			for _, site := range set.Sites {
				h, err := a.preview(set, site, from, to)
				if err != nil {
					return err
				}
				list = append(list, h)
			}
			return a.showHours(list)
		},
	}
	c.Flags().StringSliceVarP(&files, "file", "f", nil, "a file, a folder, or - for standard input (required)")
	c.Flags().StringVar(&from, "from", "now", "where to begin; times without a zone are the site's: "+whenHelp)
	c.Flags().StringVar(&to, "to", "", "where to end; a week later where it is left out")
	return c
}

// readFiles reads resources from the files of -f.
func (a *app) readFiles(files []string) (*manifest.Set, error) {
	if len(files) == 0 {
		return nil, usagef("-f is required: a file, a folder, or - for standard input")
	}
	sources, err := manifest.Load(files, a.In)
	if err != nil {
		return nil, err
	}
	return manifest.Read(sources)
}

// siteHours is one site's open time over a range.
type siteHours struct {
	site     *schedulev1.Site
	from, to time.Time
	compiled schedule.Compiled
}

func (a *app) preview(set *manifest.Set, site *schedulev1.Site, from, to string) (siteHours, error) {
	h := siteHours{site: site}
	loc, err := a.Location(site.GetTimeZone())
	if err != nil {
		loc = time.UTC // the preview says what is wrong with it
	}
	if h.from, err = a.when("from", from, loc); err != nil {
		return h, err
	}
	h.to = h.from.AddDate(0, 0, defaultCoverageDays)
	if to != "" {
		if h.to, err = a.when("to", to, loc); err != nil {
			return h, err
		}
	}
	if !h.from.Before(h.to) {
		return h, usagef("--to %q: must be after --from", to)
	}
	if h.to.Sub(h.from) > schedule.MaxPreviewDays*24*time.Hour {
		return h, usagef("--to %q: must be at most ten years after --from", to)
	}
	h.compiled, err = schedule.Preview(site, set.Calendars, h.from, h.to)
	if err != nil {
		return h, located(set, site.GetName(), err)
	}
	if len(h.compiled.Unknown) > 0 {
		linef(a.Err, "%s: not in the files, so nothing is known of their dates: %s", site.GetName(),
			strings.Join(h.compiled.Unknown, ", "))
	}
	return h, nil
}

// located puts the place in the file before each thing that is wrong with a resource, or with one that it refers to.
func located(set *manifest.Set, name string, err error) error {
	problems := schedule.Problems(err)
	if len(problems) == 0 {
		return err
	}
	f := &failure{message: name + " is not right"}
	for _, p := range problems {
		owner, field := name, p.Field
		if other, rest, ok := strings.Cut(field, ": "); ok {
			owner, field = other, rest
		}
		f.details = append(f.details, manifest.Problem{
			File: set.Locate(owner, field), Field: p.Field, Value: p.Value, Rule: p.Rule,
		}.String())
	}
	return f
}

func (a *app) showHours(list []siteHours) error {
	return a.show(hoursMessage(list), func(w io.Writer) error {
		for i, h := range list {
			if i > 0 {
				linef(w, "")
			}
			if err := hoursText(w, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// hoursMessage is what the API would say of the sites' open time.
func hoursMessage(list []siteHours) *schedulev1.QueryCoverageResponse {
	out := &schedulev1.QueryCoverageResponse{TzdataRelease: list[0].compiled.TZDataRelease}
	for _, h := range list {
		open := &schedulev1.SiteOpenTime{Site: h.site.GetName()}
		var sum time.Duration
		for _, o := range h.compiled.Openings {
			sum += o.Close.Sub(o.Open)
			open.OpenIntervals = append(open.OpenIntervals, &interval.Interval{
				StartTime: timestamppb.New(o.Open), EndTime: timestamppb.New(o.Close),
			})
		}
		open.OpenTime = durationpb.New(sum)
		out.Sites = append(out.Sites, open)
	}
	return out
}

func hoursText(w io.Writer, h siteHours) error {
	var sum time.Duration
	g := newGrid("opens", "closes", "opens (utc)", "open for", "rule")
	for _, o := range h.compiled.Openings {
		sum += o.Close.Sub(o.Open)
		g.row(local(o.Open), local(o.Close), utc(o.Open), shortSpan(o.Close.Sub(o.Open)), o.Rule)
	}
	loc := h.compiled.Location
	linef(w, "%s (%s), %s to %s, zone rules %s", h.site.GetName(), loc, local(h.from.In(loc)), local(h.to.In(loc)),
		h.compiled.TZDataRelease)
	if len(h.compiled.Openings) == 0 {
		linef(w, "Never open.")
		return nil
	}
	linef(w, "Open %s, %s.", count(len(h.compiled.Openings), "time"), shortSpan(sum))
	linef(w, "")
	return g.write(w)
}
