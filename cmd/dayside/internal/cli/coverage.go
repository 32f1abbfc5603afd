package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	defaultCoverageDays = 7
	maxCoverageDays     = 400
	// maxDrawnDays is how many days are drawn as text; of more, months are summed up.
	maxDrawnDays = 62
)

func newCoverage(a *app) *cobra.Command {
	var from string
	var days int
	var ics, svg bool
	c := &cobra.Command{
		Use: "coverage LINE", Short: "Draw when the sites of a line are open, and prove that somebody always is",
		Long: "Draws when the sites of a line are open, and says of each gap whether a rota serves it (planned), the line\n" +
			"is not meant to be served (intended), or nobody is there (uncovered). Of over two months it sums up each.",
		Example: "  dayside coverage gold-emergency --days 7\n  dayside coverage gold-emergency --days 365\n" +
			"  dayside coverage gold-emergency --from 2026-12-21 --days 30 --svg >coverage.svg",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			line, err := lineName(args[0])
			if err != nil {
				return err
			}
			if days < 1 || days > maxCoverageDays {
				return usagef("--days %d: must be 1 to %d", days, maxCoverageDays)
			}
			if ics && svg || (ics || svg) && a.output != formatTable {
				return usagef("--ics, --svg, -o %s and -o %s: only one of them", formatJSON, formatYAML)
			}
			months := days > maxDrawnDays && !ics && !svg
			start := a.Now().Truncate(time.Minute)
			if from != "" {
				if start, err = a.when("from", from, time.UTC); err != nil {
					return err
				}
			}
			start = start.Truncate(time.Second)
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.QueryCoverageResponse, error) {
				return client.sites.QueryCoverage(ctx, &schedulev1.QueryCoverageRequest{
					Line: line, GapsOnly: months && a.output == formatTable, Interval: &interval.Interval{
						StartTime: timestamppb.New(start), EndTime: timestamppb.New(start.Add(time.Duration(days) * 24 * time.Hour)),
					},
				})
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error {
				switch {
				case ics:
					return coverageICS(w, line, answer, a.Now())
				case svg:
					return coverageSVG(w, line, answer)
				case months:
					return a.coverageMonths(w, line, answer)
				}
				return a.coverageText(w, line, answer)
			})
		},
	}
	c.Flags().IntVar(&days, "days", defaultCoverageDays, "how many days")
	c.Flags().StringVar(&from, "from", "", "where to begin, instead of now: "+whenHelp)
	c.Flags().BoolVar(&ics, "ics", false, "as iCalendar: open intervals and gaps as events")
	c.Flags().BoolVar(&svg, "svg", false, "as a picture, SVG")
	c.ValidArgsFunction = a.linesToComplete
	return c
}

func (a *app) coverageText(w io.Writer, line string, r *schedulev1.QueryCoverageResponse) error {
	from, to := ends(r.GetInterval())
	labels := make([]string, 0, len(r.GetSites())+1)
	rows := make([][]stretch, 0, len(r.GetSites())+1)
	for _, s := range r.GetSites() {
		labels = append(labels, s.GetSite())
		rows = append(rows, spansOf(s.GetOpenIntervals()))
	}
	width := a.Width
	if width == 0 {
		width = defaultWidth
	}
	c := newChart(from, to, width-longest(append(labels, gapLabel))-labelMargin)
	linef(w, "%s from %s to %s, in UTC; a column is %s", line, utc(from), utc(to), shortSpan(c.step))
	linef(w, "")
	gaps := judged(r)
	c.draw(w, labels, rows, gaps)
	linef(w, "")
	a.coverageSummary(w, r, gaps)
	if len(gaps) == 0 {
		return nil
	}
	linef(w, "")
	g := newGrid("gap from", "to", "length", "what")
	for _, gap := range gaps {
		g.row(utc(gap.from), utc(gap.to), shortSpan(gap.to.Sub(gap.from)), gap.what())
	}
	return g.write(w)
}

// stretch is [from, to).
type stretch struct{ from, to time.Time }

func spansOf(list []*interval.Interval) []stretch {
	spans := make([]stretch, len(list))
	for i, iv := range list {
		spans[i] = stretch{iv.GetStartTime().AsTime(), iv.GetEndTime().AsTime()}
	}
	return spans
}

// within is how much of [from, to) the spans, which ascend, take up.
func within(spans []stretch, from, to time.Time) time.Duration {
	var sum time.Duration
	for _, s := range spans {
		if !s.from.Before(to) {
			break
		}
		start, end := s.from, s.to
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		if end.After(start) {
			sum += end.Sub(start)
		}
	}
	return sum
}

const (
	gapLabel    = "no site"
	labelMargin = 2
)

// chart is a timeline of text: a row a site, a column a step of time. Steps begin at whole steps from midnight UTC, so
// that days line up; the first and the last may be cut by the range.
type chart struct {
	from, to time.Time
	step     time.Duration
	columns  int
}

// newChart takes the smallest step that fits into the columns there are.
func newChart(from, to time.Time, columns int) chart {
	c := chart{from: from, to: to}
	for _, step := range []time.Duration{
		15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour,
		8 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
	} {
		c.step = step
		c.columns = int((to.Sub(from.Truncate(step)) + step - 1) / step)
		if c.columns <= columns {
			break
		}
	}
	return c
}

// cell is the part of the range that a column stands for.
func (c chart) cell(i int) (from, to time.Time) {
	from = c.from.Truncate(c.step).Add(time.Duration(i) * c.step)
	to = from.Add(c.step)
	if from.Before(c.from) {
		from = c.from
	}
	if to.After(c.to) {
		to = c.to
	}
	return from, to
}

// row draws spans with one mark for whole cells, one for parts, one for none.
func (c chart) row(spans []stretch, whole, part, none rune) string {
	var b strings.Builder
	for i := range c.columns {
		from, to := c.cell(i)
		switch within(spans, from, to) {
		case 0:
			b.WriteRune(none)
		case to.Sub(from):
			b.WriteRune(whole)
		default:
			b.WriteRune(part)
		}
	}
	return b.String()
}

// days labels the columns at which a day begins, as far as labels have room.
func (c chart) days() string {
	line := []rune(strings.Repeat(" ", c.columns))
	free := 0
	for i := range c.columns {
		from, _ := c.cell(i)
		if !from.Equal(from.Truncate(24*time.Hour)) || i < free {
			continue
		}
		label := from.Format("Mon 02")
		if 24*time.Hour/c.step < time.Duration(len(label)+1) {
			label = from.Format("02")
		}
		if i+len(label) > len(line) {
			break
		}
		copy(line[i:], []rune(label))
		free = i + len(label) + 1
	}
	return strings.TrimRight(string(line), " ")
}

func (c chart) draw(w io.Writer, labels []string, rows [][]stretch, gaps []judgedGap) {
	width := longest(append(labels, gapLabel)) + labelMargin
	pad := func(s string) string { return s + strings.Repeat(" ", width-len(s)) }
	linef(w, "%s", strings.TrimRight(pad("")+c.days(), " "))
	for i, label := range labels {
		linef(w, "%s", pad(label)+c.row(rows[i], '█', '▄', '·'))
	}
	linef(w, "%s", strings.TrimRight(pad(gapLabel)+c.gapRow(gaps), " "))
	linef(w, "")
	linef(w, "█ open  ▄ part of the time  · closed  %s", gapLegend)
}

func longest(labels []string) int {
	n := 0
	for _, l := range labels {
		n = max(n, len(l))
	}
	return n
}
