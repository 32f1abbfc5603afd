package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// adoptFlags are what `tzdata adopt` is told.
type adoptFlags struct {
	from, bundle                      string
	yes, dryRun, allowGap, allowOlder bool
}

func newTZDataAdopt(a *app) *cobra.Command {
	f := &adoptFlags{}
	c := &cobra.Command{
		Use: "adopt", Short: "Show what moves by other rules, and put them in force",
		Long: "Shows which openings and handovers other rules move, and when; asks; then compiles everything anew, and puts\n" +
			"rules and outcome in force together, at every process, while running. Without --from or --bundle it takes the\n" +
			"newest rules that the process that answers has at hand, where they are newer than those in force.",
		Example: "  dayside tzdata adopt\n  dayside tzdata adopt --bundle 2026f.tar.gz --dry-run\n" +
			"  dayside tzdata adopt --from system --yes",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.adopt(cmd.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.from, "from", "", "embedded, system or configured: those of the process that answers")
	flags.StringVar(&f.bundle, "bundle", "", bundleHelp)
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would move; change nothing")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.BoolVar(&f.allowGap, "allow-gap", false, "adopt them although a line gets time that nobody covers")
	flags.BoolVar(&f.allowOlder, "allow-older", false, "adopt them although they are older than those in force")
	_ = c.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(
		[]string{"embedded", "system", "configured"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// adopt shows, asks, and adopts.
func (a *app) adopt(ctx context.Context, f *adoptFlags) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	request, err := a.whatToAdopt(ctx, client, f)
	if err != nil || request == nil {
		return err
	}
	call := func(r *schedulev1.AdoptTimeZoneRulesRequest) (*schedulev1.AdoptTimeZoneRulesResponse, error) {
		return ask(ctx, a, func(ctx context.Context) (*schedulev1.AdoptTimeZoneRulesResponse, error) {
			return client.zones.AdoptTimeZoneRules(ctx, r)
		})
	}
	// What moves is shown whether it will be allowed or not.
	request.ValidateOnly, request.AllowGap, request.AllowOlder = true, true, true
	moves, err := call(request)
	if err != nil {
		return err
	}
	if a.output == formatTable {
		if err := movesText(a.Out, moves); err != nil {
			return err
		}
	}
	request.AllowGap, request.AllowOlder = f.allowGap, f.allowOlder
	request.ExpectedRelease = moves.GetReleaseBefore()
	if _, err := call(request); err != nil {
		return err // it says why it will not be allowed, and by what flag it would be
	}
	if f.dryRun {
		return a.show(moves, func(w io.Writer) error { linef(w, "Dry run: nothing was changed."); return nil })
	}
	if err := a.confirm(f, moves); err != nil {
		return err
	}
	request.ValidateOnly = false
	done, err := call(request)
	if err != nil {
		return err
	}
	return a.show(done, func(w io.Writer) error {
		if done.GetRevision() == 0 {
			linef(w, "These very rules are in force already; nothing was changed.")
			return nil
		}
		linef(w, "Time-zone rules %s are in force from revision %d.", done.GetReleaseAfter(), done.GetRevision())
		return nil
	})
}

// whatToAdopt is the request that the flags mean; nil where there is nothing newer.
func (a *app) whatToAdopt(ctx context.Context, client *api, f *adoptFlags) (*schedulev1.AdoptTimeZoneRulesRequest, error) {
	switch {
	case f.from != "" && f.bundle != "":
		return nil, usagef("--from and --bundle: give one of them")
	case f.bundle != "":
		packed, err := schedule.PackRules(f.bundle)
		if err != nil {
			return nil, err
		}
		return &schedulev1.AdoptTimeZoneRulesRequest{
			Source: schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT, Bundle: packed.Bundle,
		}, nil
	case f.from != "":
		n, ok := schedulev1.TimeZoneSource_value[sourcePrefix+strings.ToUpper(f.from)]
		source := schedulev1.TimeZoneSource(n)
		if !ok || n == 0 || source == schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT {
			return nil, usagef("--from %q: must be embedded, system or configured", f.from)
		}
		return &schedulev1.AdoptTimeZoneRulesRequest{Source: source}, nil
	}
	rules, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.TimeZoneRules, error) {
		return client.zones.GetTimeZoneRules(ctx, &schedulev1.GetTimeZoneRulesRequest{})
	})
	if err != nil {
		return nil, err
	}
	for _, c := range rules.GetCandidates() { // newest first
		if c.GetProblem() == "" && schedule.OlderRelease(rules.GetRelease(), c.GetRelease()) {
			return &schedulev1.AdoptTimeZoneRulesRequest{Source: c.GetSource()}, nil
		}
	}
	linef(a.Err, "%s is in force, and nothing newer is at hand; nothing was changed", rules.GetRelease())
	return nil, nil //nolint:nilnil // there is nothing to ask for
}

func movesText(w io.Writer, m *schedulev1.AdoptTimeZoneRulesResponse) error {
	linef(w, "Time-zone rules %s instead of %s:", m.GetReleaseAfter(), m.GetReleaseBefore())
	if len(m.GetZones()) == 0 {
		linef(w, "No zone in use behaves differently; nothing moves.")
		return nil
	}
	linef(w, "")
	if err := zonesText(w, m.GetZones()); err != nil {
		return err
	}
	linef(w, "")
	return impactText(w, m.GetImpact())
}

// confirm asks whoever sits at the terminal.
func (a *app) confirm(f *adoptFlags, m *schedulev1.AdoptTimeZoneRulesResponse) error {
	if f.yes {
		return nil
	}
	return a.confirmed("Put " + m.GetReleaseAfter() + " in force for the whole cluster?")
}

// confirmed is nil where whoever sits at the terminal says yes.
func (a *app) confirmed(question string) error {
	if !a.Interactive {
		return &failure{message: "nothing was changed: give --yes where nobody can be asked"}
	}
	_, _ = fmt.Fprintf(a.Err, "%s [y/N] ", visible(question))
	line, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil && line == "" {
		return &failure{message: "nothing was changed: no answer"}
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return &failure{message: "nothing was changed"}
}
