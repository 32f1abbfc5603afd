package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	defaultDutyDays = 28
	maxDutyDays     = 400
)

func newRota(a *app) *cobra.Command {
	return newGroup("rota", "Show who is on duty, preview rotas from files, swap turns, and note absences",
		"A rota is an on-duty rotation of people: turns of hours, days, weeks or months on a wall clock, in several layers,\n"+
			"with overrides. Rotas and people are written by apply.",
		newRotaShow(a), newRotaWho(a), newRotaPreview(a), newRotaSwap(a), newRotaAway(a))
}

func newRotaShow(a *app) *cobra.Command {
	var from string
	var days int
	c := &cobra.Command{
		Use: "show ROTA", Short: "Show who is on duty when and why, where nobody is, and everybody's share",
		Long: "Shows turns on the rota's own wall clock, with the zone's abbreviation: a turn across a change of the clock is\n" +
			"an hour longer or shorter. Nights (22:00 to 06:00) and weekends are those of the zone in which each person lives.",
		Example: "  dayside rota show nights\n  dayside rota show nights --from 2026-12-20 --days 14",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := rotaName(args[0])
			if err != nil {
				return err
			}
			if days < 1 || days > maxDutyDays {
				return usagef("--days %d: must be 1 to %d", days, maxDutyDays)
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			start := a.Now().Truncate(time.Minute)
			if from != "" {
				zone, err := a.zoneOfRota(cmd.Context(), client, name)
				if err != nil {
					return err
				}
				if start, err = a.when("from", from, zone); err != nil {
					return err
				}
			}
			duty, err := a.duty(cmd.Context(), client, name, start, start.AddDate(0, 0, days))
			if err != nil {
				return err
			}
			return a.show(duty, func(w io.Writer) error { return a.dutyText(w, duty, true) })
		},
	}
	c.Flags().IntVar(&days, "days", defaultDutyDays, "how many days")
	c.Flags().StringVar(&from, "from", "", "where to begin, instead of now; times without a zone are the rota's: "+whenHelp)
	return c
}

func (a *app) duty(ctx context.Context, client *api, name string, from, to time.Time,
) (*schedulev1.QueryDutyResponse, error) {
	return ask(ctx, a, func(ctx context.Context) (*schedulev1.QueryDutyResponse, error) {
		return client.rotas.QueryDuty(ctx, &schedulev1.QueryDutyRequest{
			Rota: name, Interval: &interval.Interval{StartTime: timestamppb.New(from), EndTime: timestamppb.New(to)},
		})
	})
}

// zoneOfRota is a stored rota's zone; UTC where this program does not know it.
func (a *app) zoneOfRota(ctx context.Context, client *api, name string) (*time.Location, error) {
	r, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.Rota, error) {
		return client.rotas.GetRota(ctx, &schedulev1.GetRotaRequest{Name: name})
	})
	if err != nil {
		return nil, err
	}
	return a.zone(r.GetTimeZone()), nil
}

// zone is the zone of that name; UTC where this program does not know it.
func (a *app) zone(name string) *time.Location {
	loc, err := a.Location(name)
	if err != nil || name == "" {
		return time.UTC
	}
	return loc
}

func newRotaWho(a *app) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "who [ROTA]", Short: "Show who is on duty now, until when, and who comes next",
		Long:    "Shows one rota, or all of them. With -o json each rota is an answer of QueryDuty, one after the other.",
		Example: "  dayside rota who\n  dayside rota who nights --at \"2026-12-25 03:00 Europe/Dublin\"",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			when := a.Now().Truncate(time.Second)
			if at != "" {
				var err error
				if when, err = a.when("at", at, time.UTC); err != nil {
					return err
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			names, err := a.someRotas(cmd.Context(), client, args)
			if err != nil {
				return err
			}
			return a.showWho(cmd.Context(), client, names, when)
		},
	}
	c.Flags().StringVar(&at, "at", "", "another time than now: "+whenHelp)
	return c
}

// someRotas is the rota that was named, or all.
func (a *app) someRotas(ctx context.Context, client *api, args []string) ([]string, error) {
	if len(args) > 0 {
		name, err := rotaName(args[0])
		return []string{name}, err
	}
	_, items, err := client.list(ctx, collectionRotas)
	if err != nil {
		return nil, a.failed(err)
	}
	names := make([]string, len(items))
	for i, m := range items {
		names[i] = nameOf(m)
	}
	return names, nil
}

func (a *app) showWho(ctx context.Context, client *api, names []string, at time.Time) error {
	g := newGrid("rota", "on duty", "until", "next", "why")
	for _, name := range names {
		duty, err := a.duty(ctx, client, name, at, at.AddDate(0, 0, defaultDutyDays))
		if err != nil {
			return err
		}
		if a.output != formatTable {
			if err := a.show(duty, nil); err != nil {
				return err
			}
			continue
		}
		now, next := duty.GetTurns()[0], "-"
		until := now.GetInterval().GetEndTime()
		for _, t := range duty.GetTurns()[1:] { // one person may have several turns in a row
			if t.GetPerson() != now.GetPerson() {
				next = holder(t)
				break
			}
			until = t.GetInterval().GetEndTime()
		}
		end := local(until.AsTime().In(a.zoneOfDuty(duty)))
		if until.AsTime().Equal(duty.GetInterval().GetEndTime().AsTime()) {
			end = "after " + end
		}
		g.row(idOf(name), holder(now), end, next, now.GetSentence())
	}
	if a.output != formatTable {
		return nil
	}
	if len(names) == 0 {
		linef(a.Out, "There is no rota.")
		return nil
	}
	return g.write(a.Out)
}

// rotaName takes rotas/nights, or nights.
func rotaName(s string) (string, error) { return memberOf(collectionRotas, "rota", s) }

// personName takes people/ann, or ann.
func personName(s string) (string, error) { return memberOf(collectionPeople, "person", s) }

func memberOf(collection, what, s string) (string, error) {
	id := strings.TrimPrefix(s, collection+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no %s: give %s/ID, or the ID alone", s, what, collection)
	}
	return collection + "/" + id, nil
}

// idOf is the last part of a resource's name; empty for none.
func idOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// holder is who has a turn.
func holder(t *schedulev1.DutyTurn) string {
	if t.GetPerson() == "" {
		return "NOBODY"
	}
	return idOf(t.GetPerson())
}

// rotasToComplete suggests rotas for the first argument.
func (a *app) rotasToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.idsOf(cmd.Context(), collectionRotas), cobra.ShellCompDirectiveNoFileComp
}

// dutyText is who is on duty, for people.
func (a *app) dutyText(w io.Writer, duty *schedulev1.QueryDutyResponse, shares bool) error {
	loc := a.zoneOfDuty(duty)
	from, to := duty.GetInterval().GetStartTime().AsTime(), duty.GetInterval().GetEndTime().AsTime()
	linef(w, "%s (%s), %s to %s, zone rules %s", duty.GetRota(), duty.GetTimeZone(), local(from.In(loc)), local(to.In(loc)),
		duty.GetTzdataRelease())
	gaps, empty := 0, time.Duration(0)
	g := newGrid("from", "to", "length", "on duty", "why")
	for _, t := range duty.GetTurns() {
		start, end := t.GetInterval().GetStartTime().AsTime(), t.GetInterval().GetEndTime().AsTime()
		if t.GetPerson() == "" {
			gaps++
			empty += end.Sub(start)
		}
		g.row(local(start.In(loc)), local(end.In(loc)), hoursOf(end.Sub(start)), holder(t), t.GetSentence())
	}
	linef(w, "%s, %s%s.", count(len(duty.GetTurns())-gaps, "turn"), count(gaps, "gap"), lasting(gaps, empty))
	linef(w, "")
	if err := g.write(w); err != nil {
		return err
	}
	a.dutyWarnings(w, duty, loc)
	if !shares || len(duty.GetShares()) == 0 {
		return nil
	}
	linef(w, "")
	return sharesText(w, duty)
}

func (a *app) dutyWarnings(w io.Writer, duty *schedulev1.QueryDutyResponse, loc *time.Location) {
	if len(duty.GetClashes())+len(duty.GetUnreachable()) > 0 {
		linef(w, "")
	}
	for _, t := range duty.GetClashes() {
		linef(w, "! %s is away from %s, but on duty: %s", idOf(t.GetPerson()), turnText(t.GetInterval(), loc), t.GetSentence())
	}
	for _, name := range duty.GetUnreachable() {
		linef(w, "! %s has turns and no target: nothing reaches them", idOf(name))
	}
}

// sharesText is everybody's share.
func sharesText(w io.Writer, duty *schedulev1.QueryDutyResponse) error {
	var all time.Duration
	for _, s := range duty.GetShares() {
		all += s.GetHeld().AsDuration()
	}
	g := newGrid("person", "on duty", "share", "nights", "at night", "weekends")
	for _, s := range duty.GetShares() {
		held := s.GetHeld().AsDuration()
		g.row(idOf(s.GetPerson()), hoursOf(held), fmt.Sprintf("%.1f%%", 100*held.Hours()/all.Hours()), fmt.Sprint(s.GetNights()),
			hoursOf(s.GetNight().AsDuration()), hoursOf(s.GetWeekend().AsDuration()))
	}
	return g.write(w)
}

func lasting(gaps int, d time.Duration) string {
	if gaps == 0 {
		return ""
	}
	return " of " + hoursOf(d) + " in all"
}

// hoursOf is a length in hours, by which turns across a change of the clock show: "167h", "9h30m".
func hoursOf(d time.Duration) string {
	text := fmt.Sprintf("%dh", int(d.Hours()))
	if m := int(d.Minutes()) % 60; m != 0 {
		text += fmt.Sprintf("%02dm", m)
	}
	if s := int(d.Seconds()) % 60; s != 0 {
		text += fmt.Sprintf("%02ds", s)
	}
	return text
}
