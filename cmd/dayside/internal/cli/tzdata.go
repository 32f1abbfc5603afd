package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

func newTZData(a *app) *cobra.Command {
	return newGroup("tzdata", "Look at, change and pack the time-zone rules in force",
		"Time-zone rules are data of the cluster: whatever release of the IANA database its programs and machines have, all\n"+
			"compute by the one that was adopted. It changes when somebody adopts another one, and at no other time.",
		newTZDataStatus(a), newTZDataAdopt(a), newTZDataPack(a))
}

const bundleHelp = "a `FILE` made by dayside tzdata pack, or a zoneinfo folder such as /usr/share/zoneinfo"

func newTZDataStatus(a *app) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "status", Short: "Show the rules in force, and how those at hand differ",
		Long: "Compares the rules in force with those in the program, on the machine and configured of the process that\n" +
			"answers, and with a bundle of yours: by how the clocks of zones behave over the compiled horizon, never by bytes.",
		Example: "  dayside tzdata status\n  dayside tzdata status --bundle 2026f.tar.gz",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request := &schedulev1.GetTimeZoneRulesRequest{}
			if path != "" {
				packed, err := schedule.PackRules(path)
				if err != nil {
					return err
				}
				request.Bundle = packed.Bundle
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.TimeZoneRules, error) {
				return client.zones.GetTimeZoneRules(ctx, request)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return rulesText(w, answer) })
		},
	}
	c.Flags().StringVar(&path, "bundle", "", "compare this one as well: "+bundleHelp)
	return c
}

func rulesText(w io.Writer, r *schedulev1.TimeZoneRules) error {
	linef(w, "In force: %s (%s), adopted %s.", r.GetRelease(), sourceWord(r.GetSource()), instant(r.GetAdoptTime()))
	from, to := ends(r.GetHorizon())
	linef(w, "Compared from %s to %s.", from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
	if len(r.GetCandidates()) == 0 {
		linef(w, "The process that answers has no others at hand.")
		return nil
	}
	linef(w, "")
	g := newGrid("at hand", "release", "zones that differ", "of those used", "problem")
	for _, c := range r.GetCandidates() {
		differ, used := "-", "-"
		if c.GetRelease() != "" {
			differ, used = fmt.Sprint(c.GetDifferingZones()), fmt.Sprint(len(c.GetUsedZones()))
		}
		g.row(sourceWord(c.GetSource()), dash(c.GetRelease()), differ, used, dash(c.GetProblem()))
	}
	if err := g.write(w); err != nil {
		return err
	}
	for _, c := range r.GetCandidates() {
		if len(c.GetUsedZones()) == 0 {
			continue
		}
		linef(w, "")
		linef(w, "By %s (%s):", c.GetRelease(), sourceWord(c.GetSource()))
		if err := zonesText(w, c.GetUsedZones()); err != nil {
			return err
		}
	}
	return nil
}

// zonesText is a row a zone that behaves differently.
func zonesText(w io.Writer, list []*schedulev1.ZoneDifference) error {
	g := newGrid("zone", "from", "offset", "would be", "used by")
	for _, d := range list {
		after := "not known"
		if d.GetOffsetAfter() != nil {
			after = offsetText(d.GetOffsetAfter())
		}
		g.row(d.GetTimeZone(), instant(d.GetFrom()), offsetText(d.GetOffsetBefore()), after, someOf(d.GetUsedBy()))
	}
	return indented(w, g.write)
}

// someOf are the first names of a list, and how many more there are.
func someOf(names []string) string {
	const maxShown = 4
	if len(names) <= maxShown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxShown], ", "), len(names)-maxShown)
}

// offsetText is an offset from UTC, such as +05:30.
func offsetText(d *durationpb.Duration) string {
	return time.Unix(0, 0).In(time.FixedZone("", int(d.GetSeconds()))).Format("-07:00")
}

const sourcePrefix = "TIME_ZONE_SOURCE_"

// sourceWord is such as "embedded".
func sourceWord(s schedulev1.TimeZoneSource) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), sourcePrefix))
}

func newTZDataPack(a *app) *cobra.Command {
	var to string
	c := &cobra.Command{
		Use: "pack DIR", Short: "Pack a zoneinfo folder as a bundle, to be adopted elsewhere",
		Long: "Reads a folder of compiled zones, as /usr/share/zoneinfo is, or as `make install` of the IANA database makes,\n" +
			"and writes one file. The same folder always gives the same bytes. No server is asked.",
		Example: "  dayside tzdata pack /usr/share/zoneinfo -o tzdata.tar.gz",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			packed, err := schedule.PackRules(args[0])
			if err != nil {
				return err
			}
			if to == "" || to == "-" {
				_, err = a.Out.Write(packed.Bundle)
				return err
			}
			if err := os.WriteFile(to, packed.Bundle, 0o644); err != nil { //nolint:gosec // public data
				return err
			}
			linef(a.Err, "%s: release %s, %s, %d bytes", to, packed.Release, count(packed.Zones, "zone"), len(packed.Bundle))
			return nil
		},
	}
	// It stands before the flag of all commands that chooses a format: there is none to choose.
	c.Flags().StringVarP(&to, "output", "o", "", "file to write; - or nothing: standard output")
	return c
}
