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

func newRotaSwap(a *app) *cobra.Command {
	return newGroup("swap", "Ask somebody to take a turn, and answer such wishes",
		"Whoever has a turn asks somebody else to take it, in return for one of theirs or for nothing. Nothing changes\n"+
			"until they accept; then it is in force at once, as overrides of the rota.",
		newSwapAsk(a),
		newSwapAnswer(a, "accept", "Take the turn that somebody gives away", "asked", schedulev1.AnswerSwapRequest_ANSWER_ACCEPT),
		newSwapAnswer(a, "decline", "Say no", "asked", schedulev1.AnswerSwapRequest_ANSWER_DECLINE),
		newSwapAnswer(a, "withdraw", "Take a wish back that nobody has answered", "asking",
			schedulev1.AnswerSwapRequest_ANSWER_WITHDRAW),
		newSwapList(a))
}

// swapAsk is what flags of `rota swap ask` say.
type swapAsk struct {
	by, of, give, giveUntil, take, takeUntil, note string
}

func newSwapAsk(a *app) *cobra.Command {
	var f swapAsk
	c := &cobra.Command{
		Use: "ask ROTA", Short: "Ask somebody to take a turn",
		Long: "A turn is named by any time within it, and is given whole; with --give-until, the part of it from --give on.\n" +
			"Times without a zone are the rota's.",
		Example: "  dayside rota swap ask nights --from ann --to bob --give 2026-12-25 --take 2027-01-05 --note Christmas\n" +
			"  dayside rota swap ask nights --from ann --to bob --give \"2026-12-25 18:00\" --give-until \"2026-12-25 23:00\"",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := rotaName(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			zone, err := a.zoneOfRota(cmd.Context(), client, name)
			if err != nil {
				return err
			}
			r, err := a.swapRequest(name, f, zone)
			if err != nil {
				return err
			}
			swap, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.Swap, error) {
				return client.rotas.AskSwap(ctx, r)
			})
			if err != nil {
				return err
			}
			return a.show(swap, func(w io.Writer) error {
				swapText(w, swap, zone)
				linef(w, "To answer: %s rota swap accept %s --as %s", a.Program, shortSwap(swap.GetName()), idOf(swap.GetAsked()))
				return nil
			})
		},
	}
	c.Flags().StringVar(&f.by, "from", "", "who asks, and has the turn (required)")
	c.Flags().StringVar(&f.of, "to", "", "who is asked to take it (required)")
	c.Flags().StringVar(&f.give, "give", "", "a time within the turn to give away (required): "+whenHelp)
	c.Flags().StringVar(&f.giveUntil, "give-until", "", "give only the part from --give until then")
	c.Flags().StringVar(&f.take, "take", "", "a time within the turn to take in return")
	c.Flags().StringVar(&f.takeUntil, "take-until", "", "take only the part from --take until then")
	c.Flags().StringVar(&f.note, "note", "", "why, for the other person")
	for _, flag := range []string{"from", "to"} {
		_ = c.RegisterFlagCompletionFunc(flag, a.peopleToComplete)
	}
	return c
}

func (a *app) swapRequest(rota string, f swapAsk, zone *time.Location) (*schedulev1.AskSwapRequest, error) {
	r := &schedulev1.AskSwapRequest{Rota: rota, Note: f.note}
	if f.by == "" || f.of == "" || f.give == "" {
		return nil, usagef("--from, --to and --give are required: who gives which turn to whom")
	}
	var err error
	if r.AskedBy, err = personName(f.by); err != nil {
		return nil, err
	}
	if r.Asked, err = personName(f.of); err != nil {
		return nil, err
	}
	if r.Given, err = a.turnOf("give", f.give, f.giveUntil, zone); err != nil {
		return nil, err
	}
	if f.take == "" && f.takeUntil != "" {
		return nil, usagef("--take-until needs --take")
	}
	if f.take != "" {
		r.Taken, err = a.turnOf("take", f.take, f.takeUntil, zone)
	}
	return r, err
}

func (a *app) turnOf(flag, from, until string, zone *time.Location) (*interval.Interval, error) {
	start, err := a.when(flag, from, zone)
	if err != nil {
		return nil, err
	}
	turn := &interval.Interval{StartTime: timestamppb.New(start.Truncate(time.Second))}
	if until == "" {
		return turn, nil
	}
	end, err := a.when(flag+"-until", until, zone)
	if err != nil {
		return nil, err
	}
	turn.EndTime = timestamppb.New(end.Truncate(time.Second))
	return turn, nil
}

func newSwapAnswer(a *app, verb, short, role string, answer schedulev1.AnswerSwapRequest_Answer) *cobra.Command {
	var person string
	c := &cobra.Command{
		Use: verb + " SWAP", Short: short,
		Long:    "A swap is named by ROTA/ID, as `dayside rota swap list` shows it.",
		Example: "  dayside rota swap " + verb + " nights/3c9f2a --as bob",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := swapName(args[0])
			if err != nil {
				return err
			}
			if person == "" {
				return usagef("--as is required: the person who is %s", role)
			}
			r := &schedulev1.AnswerSwapRequest{Name: name, Answer: answer}
			if r.Person, err = personName(person); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			swap, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.Swap, error) {
				return client.rotas.AnswerSwap(ctx, r)
			})
			if err != nil {
				return err
			}
			return a.show(swap, func(w io.Writer) error {
				rota, _, _ := strings.Cut(name, "/swaps/")
				zone, err := a.zoneOfRota(cmd.Context(), client, rota)
				if err != nil {
					zone = time.UTC // it is answered all the same
				}
				swapText(w, swap, zone)
				return nil
			})
		},
	}
	c.Flags().StringVar(&person, "as", "", "who answers (required)")
	_ = c.RegisterFlagCompletionFunc("as", a.peopleToComplete)
	return c
}

func newSwapList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list ROTA", Short: "List the swaps of a rota, the latest first",
		Long:    "Lists swaps until 30 days after their turns.",
		Example: "  dayside rota swap list nights",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.rotasToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := rotaName(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			zone, err := a.zoneOfRota(cmd.Context(), client, name)
			if err != nil {
				return err
			}
			list, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.ListSwapsResponse, error) {
				return client.rotas.ListSwaps(ctx, &schedulev1.ListSwapsRequest{Rota: name})
			})
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) error { return swapsText(w, list.GetSwaps(), zone) })
		},
	}
}

func swapsText(w io.Writer, swaps []*schedulev1.Swap, zone *time.Location) error {
	if len(swaps) == 0 {
		linef(w, "There is no swap.")
		return nil
	}
	g := newGrid("swap", "state", "from", "to", "gives", "takes", "note")
	for _, s := range swaps {
		g.row(shortSwap(s.GetName()), swapState(s), idOf(s.GetAskedBy()), idOf(s.GetAsked()), turnText(s.GetGiven(), zone),
			turnText(s.GetTaken(), zone), dash(s.GetNote()))
	}
	return g.write(w)
}

// swapText is one swap in a line or two.
func swapText(w io.Writer, s *schedulev1.Swap, zone *time.Location) {
	linef(w, "%s is %s.", shortSwap(s.GetName()), swapState(s))
	linef(w, "%s gives %s to %s", idOf(s.GetAskedBy()), turnText(s.GetGiven(), zone), idOf(s.GetAsked()))
	if s.GetTaken() != nil {
		linef(w, "%s gives %s to %s in return", idOf(s.GetAsked()), turnText(s.GetTaken(), zone), idOf(s.GetAskedBy()))
	}
}

func turnText(turn *interval.Interval, zone *time.Location) string {
	if turn == nil {
		return "-"
	}
	return local(turn.GetStartTime().AsTime().In(zone)) + " to " + local(turn.GetEndTime().AsTime().In(zone))
}

func swapState(s *schedulev1.Swap) string { return strings.ToLower(enumName(s.GetState(), "STATE_")) }

// swapName takes rotas/nights/swaps/ID, or nights/ID.
func swapName(s string) (string, error) {
	short := strings.Replace(strings.TrimPrefix(s, collectionRotas+"/"), "/swaps/", "/", 1)
	rota, id, ok := strings.Cut(short, "/")
	if !ok || rota == "" || id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no swap: give ROTA/ID, as `rota swap list` shows it", s)
	}
	return collectionRotas + "/" + rota + "/swaps/" + id, nil
}

// shortSwap is ROTA/ID.
func shortSwap(name string) string {
	return strings.Replace(strings.TrimPrefix(name, collectionRotas+"/"), "/swaps/", "/", 1)
}

// peopleToComplete suggests people for a flag.
func (a *app) peopleToComplete(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.idsOf(cmd.Context(), collectionPeople), cobra.ShellCompDirectiveNoFileComp
}
