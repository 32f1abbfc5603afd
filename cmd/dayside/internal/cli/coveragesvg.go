package cli

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// Measures of the drawing, in its own units, which browsers take for pixels.
const (
	svgPlot   = 780 // the width of the range itself
	svgMargin = 8
	svgLetter = 7  // at most the width of a letter of a label, of those that IDs have
	svgTop    = 52 // of the title and the days
	svgRow    = 24
	svgBar    = 16
	svgBottom = 26
	// svgMinDayLabel is the room that a day's label needs.
	svgMinDayLabel = 52
	// svgMinBar keeps the shortest gap to be seen.
	svgMinBar = 0.5
)

// coverageSVG writes coverage as a picture (SVG 1.1) that needs nothing but itself: a row a site, gaps below by their kind,
// days of UTC across. Each bar says its times where a pointer rests on it.
func coverageSVG(w io.Writer, line string, r *schedulev1.QueryCoverageResponse) error {
	s := svgWriter{from: r.GetInterval().GetStartTime().AsTime(), to: r.GetInterval().GetEndTime().AsTime()}
	labels := []string{gapLabel}
	for _, site := range r.GetSites() {
		labels = append(labels, site.GetSite())
	}
	s.left = 2*svgMargin + svgLetter*longest(labels)
	width := s.left + svgPlot + svgMargin
	height := svgTop + svgRow*(len(r.GetSites())+1) + svgBottom
	title := fmt.Sprintf("%s from %s to %s, in UTC", line, utc(s.from), utc(s.to))
	s.f(`<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="sans-serif" font-size="12">`, width, height, width, height)
	s.f(`<title>%s</title>`, svgText(title))
	s.f(`<rect width="%d" height="%d" fill="#fff"/>`, width, height)
	s.f(`<text x="%d" y="18" font-size="14">%s</text>`, svgMargin, svgText(title))
	s.days(height - svgBottom)
	for i, site := range r.GetSites() {
		s.label(i, site.GetSite())
		s.bars(i, "#2a7f62", labelled(site.GetSite(), spansOf(site.GetOpenIntervals())))
	}
	gaps := judged(r)
	s.label(len(r.GetSites()), gapLabel)
	for _, m := range slices.Backward(gapMarks) { // the worst is drawn last, and seen
		var bars []bar
		for _, g := range gaps {
			if g.kind == m.kind {
				bars = append(bars, bar{g.stretch, g.what()})
			}
		}
		s.bars(len(r.GetSites()), m.color, bars)
	}
	s.f(`<text x="%d" y="%d">Covered %s of %s; without a site: %s</text>`, svgMargin, height-9,
		shortSpan(r.GetCoveredTime().AsDuration()), shortSpan(s.to.Sub(s.from)), svgText(s.without(gaps)))
	s.f(`</svg>`)
	_, err := io.WriteString(w, s.b.String())
	return err
}

type svgWriter struct {
	b        strings.Builder
	from, to time.Time
	left     int // where the range begins
}

func (s *svgWriter) f(format string, args ...any) { fmt.Fprintf(&s.b, format+"\n", args...) }

// x is where an instant of the range stands.
func (s *svgWriter) x(t time.Time) float64 {
	return float64(s.left) + svgPlot*t.Sub(s.from).Seconds()/s.to.Sub(s.from).Seconds()
}

// days draws a line at the beginning of each day of UTC, or of every second, and so on, as far as labels have room.
func (s *svgWriter) days(bottom int) {
	const day = 24 * time.Hour
	step := 1
	perDay := svgPlot * day.Seconds() / s.to.Sub(s.from).Seconds()
	for perDay*float64(step) < svgMinDayLabel {
		step++
	}
	layout := "Mon 02"
	if step >= 7 {
		layout = "2 Jan"
	}
	first := s.from.UTC().Truncate(day)
	if first.Before(s.from) {
		first = first.Add(day)
	}
	for t := first; t.Before(s.to); t = t.Add(time.Duration(step) * day) {
		s.f(`<path d="M%.1f %dV%d" stroke="#ccc"/>`, s.x(t), svgTop-14, bottom)
		if s.x(t)+svgMinDayLabel <= float64(s.left+svgPlot+svgMargin) {
			s.f(`<text x="%.1f" y="%d" fill="#555">%s</text>`, s.x(t)+3, svgTop-6, t.Format(layout))
		}
	}
}

// without says how much time is without a site, by kind.
func (s *svgWriter) without(gaps []judgedGap) string {
	var parts []string
	for _, m := range gapMarks {
		if some := ofKind(gaps, m.kind); len(some) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", shortSpan(within(some, s.from, s.to)), m.word, m.colorName))
		}
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// bar is a stretch with what a pointer that rests on it is told.
type bar struct {
	stretch
	what string
}

func labelled(what string, spans []stretch) []bar {
	bars := make([]bar, len(spans))
	for i, p := range spans {
		bars[i] = bar{p, what}
	}
	return bars
}

func (s *svgWriter) label(row int, text string) {
	s.f(`<text x="%d" y="%d">%s</text>`, svgMargin, svgTop+svgRow*row+svgBar-2, svgText(text))
}

// bars draws bars of one colour in a row.
func (s *svgWriter) bars(row int, color string, bars []bar) {
	if len(bars) == 0 {
		return
	}
	top := svgTop + svgRow*row
	s.f(`<g fill="%s">`, color)
	for _, p := range bars {
		from, to := s.x(p.from), s.x(p.to)
		s.f(`<rect x="%.1f" y="%d" width="%.1f" height="%d"><title>%s: %s to %s</title></rect>`,
			from, top+2, max(to-from, svgMinBar), svgBar, svgText(p.what), utc(p.from), utc(p.to))
	}
	s.f(`</g>`)
}

// svgText is text from elsewhere, as XML.
func svgText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(visible(s))) // a Builder takes everything
	return b.String()
}
