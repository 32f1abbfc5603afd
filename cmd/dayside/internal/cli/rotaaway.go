package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newRotaAway(a *app) *cobra.Command {
	var first, last, reason string
	var dryRun, allowGap bool
	c := &cobra.Command{
		Use: "away PERSON", Short: "Note that somebody is away on some dates",
		Long: "Adds an absence of whole dates, in the zone in which the person lives. Their turns on those dates go to who\n" +
			"is next and not away. It is refused where a line would have nobody, unless --allow-gap says otherwise. Applying\n" +
			"files in which the absence does not stand keeps it; `dayside get people/ID -o yaml` shows all.",
		Example: "  dayside rota away ann --from 2026-12-24 --to 2027-01-03 --reason leave",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.peopleToComplete(cmd, args, begun)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := personName(args[0])
			if err != nil {
				return err
			}
			absence := &schedulev1.Absence{DisplayName: reason, Origin: "dayside rota away"}
			if absence.FirstDate, err = readDate("from", first); err != nil {
				return err
			}
			if last != "" {
				if absence.LastDate, err = readDate("to", last); err != nil {
					return err
				}
			}
			return a.noteAbsence(cmd.Context(), name, absence, dryRun, allowGap)
		},
	}
	c.Flags().StringVar(&first, "from", "", "the first date, YYYY-MM-DD (required)")
	c.Flags().StringVar(&last, "to", "", "the last date, itself included; the first one where left out")
	c.Flags().StringVar(&reason, "reason", "", "why, for people: leave, training")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "check only; nothing is written")
	c.Flags().BoolVar(&allowGap, "allow-gap", false, "write it although a line has nobody then")
	return c
}

// noteAbsence adds an absence, and is refused where somebody else wrote the person meanwhile.
func (a *app) noteAbsence(ctx context.Context, name string, absence *schedulev1.Absence, dryRun, allowGap bool) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	person, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.Person, error) {
		return client.rotas.GetPerson(ctx, &schedulev1.GetPersonRequest{Name: name})
	})
	if err != nil {
		return err
	}
	person.Absences = append(person.Absences, absence)
	updated, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.Person, error) {
		return client.rotas.UpdatePerson(ctx, &schedulev1.UpdatePersonRequest{
			Person: person, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"absences"}}, ValidateOnly: dryRun, AllowGap: allowGap,
		})
	})
	if err != nil {
		return err
	}
	return a.show(updated, func(w io.Writer) error {
		did := "noted"
		if dryRun {
			did = "would be noted"
		}
		linef(w, "%s: %s. %s has %s.", name, did, idOf(name), count(len(updated.GetAbsences()), "absence"))
		return nil
	})
}

func readDate(flag, text string) (*date.Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, usagef("--%s %q: must be a date of the calendar, written YYYY-MM-DD", flag, text)
	}
	return &date.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())}, nil //nolint:gosec // of four digits
}
