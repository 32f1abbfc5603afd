package cli

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/services/schedule"
)

// rotaPreview is what flags of `rota preview` say.
type rotaPreview struct {
	files       []string
	from        string
	days, weeks int
	shares      bool
}

func newRotaPreview(a *app) *cobra.Command {
	var p rotaPreview
	c := &cobra.Command{
		Use: "preview -f FILE", Short: "Show who would be on duty by the rotas in files, without a server",
		Long: "Checks and compiles the rotas in the files as the service would, with the people and calendars in them: to\n" +
			"look at a rota before it is applied. Zone rules are those of this program.",
		Example: "  dayside rota preview -f rota.yaml --weeks 8 --shares\n  dayside rota preview -f . --from 2027-03-22 --days 14",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("days") && p.weeks != 0 {
				return usagef("--days and --weeks: only one of them")
			}
			if p.weeks != 0 {
				p.days = 7 * p.weeks
			}
			if p.days < 1 || p.days > schedule.MaxPreviewDays {
				return usagef("--days %d: must be 1 to %d", p.days, schedule.MaxPreviewDays)
			}
			return a.previewRotas(p)
		},
	}
	c.Flags().StringSliceVarP(&p.files, "file", "f", nil, "a file, a folder, or - for standard input (required)")
	c.Flags().StringVar(&p.from, "from", "now", "where to begin; times without a zone are the rota's: "+whenHelp)
	c.Flags().IntVar(&p.days, "days", defaultDutyDays, "how many days")
	c.Flags().IntVar(&p.weeks, "weeks", 0, "how many weeks, instead of days")
	c.Flags().BoolVar(&p.shares, "shares", false, "also everybody's share: hours, nights, weekends")
	return c
}

func (a *app) previewRotas(p rotaPreview) error {
	set, err := a.readFiles(p.files)
	if err != nil {
		return err
	}
	if len(set.Rotas) == 0 {
		return errors.New("the files hold no rota")
	}
	for i, rota := range set.Rotas {
		duty, err := a.previewRota(set, rota, p)
		if err != nil {
			return err
		}
		if i > 0 && a.output == formatTable {
			linef(a.Out, "")
		}
		if err := a.show(duty, func(w io.Writer) error { return a.dutyText(w, duty, p.shares) }); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) previewRota(set *manifest.Set, rota *schedulev1.Rota, p rotaPreview) (*schedulev1.QueryDutyResponse, error) {
	from, err := a.when("from", p.from, a.zone(rota.GetTimeZone()))
	if err != nil {
		return nil, err
	}
	from = from.Truncate(time.Minute)
	preview, err := schedule.PreviewRota(rota, set.People, set.Calendars, from, from.AddDate(0, 0, p.days))
	if err != nil {
		return nil, located(set, rota.GetName(), err)
	}
	if len(preview.Unknown) > 0 {
		linef(a.Err, "%s: not in the files, so nothing is known of when they are away: %s", rota.GetName(),
			strings.Join(preview.Unknown, ", "))
	}
	return preview.Duty, nil
}
