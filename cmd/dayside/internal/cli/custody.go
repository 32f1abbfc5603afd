package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newCustody(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "custody [ROTA]", Short: "Show who holds the phone of a rota; accept a handoff, or take the phone now",
		Long: "Whose turn it is has the phone once they accept it; until then it is with who accepted last. Without ROTA,\n" +
			"all rotas are shown; with -o json, each is an answer of GetCustody, one after the other.",
		Example: "  dayside custody nights\n  dayside custody accept nights --as ann\n" +
			"  dayside custody take nights --as bob --note \"ann is on a train\"",
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			names, err := a.someRotas(cmd.Context(), client, args)
			if err != nil {
				return err
			}
			return a.custodyOf(cmd.Context(), client, names)
		},
	}
	c.AddCommand(newCustodyAccept(a), newCustodyTake(a))
	return c
}

// custodyOf shows custody of each rota.
func (a *app) custodyOf(ctx context.Context, client *api, rotas []string) error {
	if len(rotas) == 0 && a.output == formatTable {
		linef(a.Out, "There is no rota.")
	}
	for i, name := range rotas {
		state, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.Custody, error) {
			return client.rotas.GetCustody(ctx, &schedulev1.GetCustodyRequest{Rota: name})
		})
		if err != nil {
			return err
		}
		if err := a.show(state, func(w io.Writer) error {
			if i > 0 {
				linef(w, "")
			}
			return custodyText(w, state)
		}); err != nil {
			return err
		}
	}
	return nil
}

func newCustodyAccept(a *app) *cobra.Command {
	var person string
	c := &cobra.Command{
		Use: "accept ROTA --as PERSON", Short: "Accept a handoff: of the turn now, or of the next within 12 hours",
		Long:    "Acknowledges a handoff. Accepting again changes nothing.",
		Example: "  dayside custody accept nights --as ann",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			accept := func(ctx context.Context, c *api, rota, who string) (*schedulev1.Custody, error) {
				return c.rotas.AcceptCustody(ctx, &schedulev1.AcceptCustodyRequest{Rota: rota, Person: who})
			}
			return a.changeCustody(cmd.Context(), args[0], person, accept)
		},
	}
	c.Flags().StringVar(&person, "as", "", "who accepts (required)")
	_ = c.RegisterFlagCompletionFunc("as", a.peopleToComplete)
	return c
}

func newCustodyTake(a *app) *cobra.Command {
	var person, note string
	c := &cobra.Command{
		Use: "take ROTA --as PERSON", Short: "Take the phone now, until the present turn ends",
		Long: "Puts a member of the rota on duty from now until the present turn ends, or until somebody's begins where\n" +
			"nobody is on duty, and accepts for them. It is in force at once, as an override of the rota.",
		Example: "  dayside custody take nights --as bob --note \"ann is on a train\"",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			take := func(ctx context.Context, c *api, rota, who string) (*schedulev1.Custody, error) {
				return c.rotas.TakeCustody(ctx, &schedulev1.TakeCustodyRequest{Rota: rota, Person: who, Note: note})
			}
			return a.changeCustody(cmd.Context(), args[0], person, take)
		},
	}
	c.Flags().StringVar(&person, "as", "", "who takes it (required)")
	c.Flags().StringVar(&note, "note", "", "why, for people who read the rota")
	_ = c.RegisterFlagCompletionFunc("as", a.peopleToComplete)
	return c
}

// changeCustody makes one change of a rota's custody, and shows what came of it.
func (a *app) changeCustody(ctx context.Context, rota, person string,
	change func(ctx context.Context, c *api, rota, person string) (*schedulev1.Custody, error),
) error {
	rota, err := rotaName(rota)
	if err != nil {
		return err
	}
	if person == "" {
		return usagef("--as is required: say who it is, such as --as ann")
	}
	if person, err = personName(person); err != nil {
		return err
	}
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	state, err := ask(ctx, a, func(ctx context.Context) (*schedulev1.Custody, error) {
		return change(ctx, client, rota, person)
	})
	if err != nil {
		return err
	}
	return a.show(state, func(w io.Writer) error { return custodyText(w, state) })
}

// custodyText is who holds a phone, for people.
func custodyText(w io.Writer, c *schedulev1.Custody) error {
	linef(w, "%s at %s", c.GetRota(), instant(c.GetAt()))
	linef(w, "%s.", strings.TrimSuffix(c.GetSentence(), "."))
	linef(w, "")
	g := newGrid("", "person", "from", "until")
	g.row("on duty", dash(idOf(c.GetOnDuty())), instant(c.GetTurn().GetStartTime()), instant(c.GetTurn().GetEndTime()))
	holder := "has the phone"
	if c.GetTaken() {
		holder = "took the phone"
	}
	g.row(holder, dash(idOf(c.GetHolder())), instant(c.GetAcceptTime()), "-")
	if c.GetAcceptBy() != nil {
		g.row("should accept", idOf(c.GetOnDuty()), "-", instant(c.GetAcceptBy()))
	}
	g.row("next", dash(idOf(c.GetNext())), instant(c.GetNextHandoff()), "-")
	return g.write(w)
}
