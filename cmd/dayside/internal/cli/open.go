package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newOpen(a *app) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "open [LINE]", Short: "Show which sites are open, until when, and which opens next",
		Example: "  dayside open\n  dayside open gold-emergency --at now+3h",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &schedulev1.QueryOpenSitesRequest{}
			var err error
			if request.At, err = a.at(at); err != nil {
				return err
			}
			if len(args) > 0 {
				if request.Line, err = lineName(args[0]); err != nil {
					return err
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.QueryOpenSitesResponse, error) {
				return client.sites.QueryOpenSites(ctx, request)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error {
				return a.openText(w, request.GetLine(), answer, a.drainedAt(cmd.Context(), client, request.GetLine(), answer.GetAt()))
			})
		},
	}
	c.Flags().StringVar(&at, "at", "", "another time than now: "+whenHelp)
	c.ValidArgsFunction = a.linesToComplete
	return c
}

// openText is who is open by their hours; drained are those who get no calls all the same.
func (a *app) openText(w io.Writer, line string, r *schedulev1.QueryOpenSitesResponse, drained []string) error {
	whose := "all sites"
	if line != "" {
		whose = line
	}
	linef(w, "%s at %s", whose, instant(r.GetAt()))
	linef(w, "Open: %s.", openNow(r))
	linef(w, "Next: %s.", opensNext(r))
	if len(drained) > 0 {
		linef(w, "Drained, so without calls: %s.", strings.Join(drained, ", "))
	}
	linef(w, "")
	g := newGrid("site", "state", "until", "site's clock", "in", "rule")
	for _, s := range openFirst(r.GetSites()) {
		state := "closed"
		if s.GetOpen() {
			state = "open"
		}
		in := "-"
		if s.GetNextChange() != nil {
			in = shortSpan(s.GetNextChange().AsTime().Sub(r.GetAt().AsTime()))
		}
		g.row(s.GetSite(), state, instant(s.GetNextChange()),
			a.onClock(s.GetNextChange(), s.GetTimeZone(), s.GetNextChangeUtcOffset()), in, dash(s.GetRule()))
	}
	return g.write(w)
}

// openFirst keeps the order but for open sites, which come first.
func openFirst(sites []*schedulev1.SiteState) []*schedulev1.SiteState {
	sorted := slices.Clone(sites)
	slices.SortStableFunc(sorted, func(a, b *schedulev1.SiteState) int {
		switch {
		case a.GetOpen() == b.GetOpen():
			return 0
		case a.GetOpen():
			return -1
		}
		return 1
	})
	return sorted
}

func openNow(r *schedulev1.QueryOpenSitesResponse) string {
	var open []string
	for _, s := range r.GetSites() {
		if s.GetOpen() {
			open = append(open, s.GetDisplayName())
		}
	}
	if len(open) == 0 {
		return "nobody"
	}
	return strings.Join(open, ", ")
}

// opensNext is the closed site that opens first.
func opensNext(r *schedulev1.QueryOpenSitesResponse) string {
	var next *schedulev1.SiteState
	for _, s := range r.GetSites() {
		if !s.GetOpen() && s.GetNextChange() != nil &&
			(next == nil || s.GetNextChange().AsTime().Before(next.GetNextChange().AsTime())) {
			next = s
		}
	}
	if next == nil {
		return "no other site opens within the time that is known"
	}
	return next.GetDisplayName() + ", in " + shortSpan(next.GetNextChange().AsTime().Sub(r.GetAt().AsTime()))
}
