package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

// collectionFollowUps is the first part of follow-ups' names, which are no part of a configuration.
const collectionFollowUps = "followUps"

func newFollowUp(a *app) *cobra.Command {
	return newGroup("follow-up", "What calls leave to be done on the next business day: bill, propose, discuss, identify",
		"Calls of those who were helped first, who accepted an offer, or who call more than their contract includes leave a\n"+
			"follow-up for the next business day in the customer's calendar. Later calls of the same customer, or number, join the\n"+
			"one that is open. It goes to the customer's account owner, else to whom the line names.",
		newFollowUpList(a),
		newFollowUpChange(a, "take ID", "Say that somebody does a follow-up", 0, "as", "who; the user's own name where left out"),
		newFollowUpChange(a, "done ID", "Say that a follow-up is done", ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE, "note",
			"what came of it"),
		newFollowUpChange(a, "drop ID", "Say that a follow-up is not to be done",
			ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED, "note", "why"))
}

// followUpFlags say which follow-ups.
type followUpFlags struct {
	customer, owner, state, due string
	limit                       int
}

func newFollowUpList(a *app) *cobra.Command {
	f := followUpFlags{state: "open", limit: 50}
	c := &cobra.Command{
		Use: "list", Short: "List follow-ups, the first to be due first",
		Example: "  dayside follow-up list --due now\n  dayside follow-up list --owner ann@vendor.example --state all -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := a.followUpsRequest(f)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.ListFollowUpsResponse, error) {
				return client.followUps(ctx, request, f.limit)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return followUpsText(w, answer) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.customer, "customer", "", "about this customer")
	flags.StringVar(&f.owner, "owner", "", "of this person, as the follow-up names them")
	flags.StringVar(&f.state, "state", f.state, "that stand so: "+strings.Join(followUpStates(), ", "))
	flags.StringVar(&f.due, "due", "", "due then or before: "+whenHelp)
	flags.IntVar(&f.limit, "limit", f.limit, "at most so many")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(followUpStates(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// followUpStates are how follow-ups can be asked for.
func followUpStates() []string { return []string{"open", "done", "dropped", "all"} }

func (a *app) followUpsRequest(f followUpFlags) (*ledgerv1.ListFollowUpsRequest, error) {
	r := &ledgerv1.ListFollowUpsRequest{Owner: f.owner}
	if !slices.Contains(followUpStates(), f.state) {
		return nil, usagef("--state %q: must be one of %s", f.state, strings.Join(followUpStates(), ", "))
	}
	r.State = ledgerv1.FollowUpState(ledgerv1.FollowUpState_value["FOLLOW_UP_STATE_"+strings.ToUpper(f.state)]) // 0 of "all"
	if f.limit < 1 || f.limit > maxListed {
		return nil, usagef("--limit %d: must be from 1 to %d", f.limit, maxListed)
	}
	var err error
	if f.customer != "" {
		if r.Customer, err = customerName(f.customer); err != nil {
			return nil, err
		}
	}
	if f.due != "" {
		at, err := a.when("due", f.due, time.UTC)
		if err != nil {
			return nil, err
		}
		r.DueTime = timestamppb.New(at)
	}
	return r, nil
}

func (c *api) followUps(ctx context.Context, r *ledgerv1.ListFollowUpsRequest, limit int) (
	*ledgerv1.ListFollowUpsResponse, error,
) {
	all := &ledgerv1.ListFollowUpsResponse{}
	for {
		r.PageSize = int32(min(limit-len(all.GetFollowUps()), 1000))
		page, err := ledgerv1.NewBusinessServiceClient(c.conn).ListFollowUps(ctx, r)
		if err != nil {
			return nil, err
		}
		all.FollowUps = append(all.FollowUps, page.GetFollowUps()...)
		all.NextPageToken, r.PageToken = page.GetNextPageToken(), page.GetNextPageToken()
		if r.GetPageToken() == "" || len(all.GetFollowUps()) >= limit {
			return all, nil
		}
	}
}

// followUpsText is a row a follow-up, and below it why.
func followUpsText(w io.Writer, answer *ledgerv1.ListFollowUpsResponse) error {
	if len(answer.GetFollowUps()) == 0 {
		linef(w, "There are no such follow-ups.")
		return nil
	}
	g := newGrid("due", "what", "who called", "line", "calls", "owner", "state", "why", "id")
	for _, f := range answer.GetFollowUps() {
		who := strings.TrimSpace(strings.TrimPrefix(f.GetCustomer(), collectionCustomers+"/") + " " + f.GetCallerNumber())
		g.row(dueText(f), word(followUpKindWords, f.GetKind()), dash(oneLine(who)), dash(idOf(f.GetLine())),
			fmt.Sprint(len(f.GetCalls())), dash(oneLine(f.GetOwner())), word(followUpStateWords, f.GetState()),
			dash(oneLine(f.GetReason())), idOf(f.GetName()))
	}
	if err := g.write(w); err != nil {
		return err
	}
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit, --owner and --due say which.")
	}
	return nil
}

// dueText is the day in the customer's calendar; the instant where somebody chose another one.
func dueText(f *ledgerv1.FollowUp) string {
	if d := f.GetDueDate(); d.GetYear() != 0 {
		return dateText(d)
	}
	return instant(f.GetDueTime())
}

func dateText(d *date.Date) string {
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}

// newFollowUpChange is a command that changes one follow-up: to a state, or its owner where that is 0.
func newFollowUpChange(a *app, use, short string, state ledgerv1.FollowUpState, flag, help string) *cobra.Command {
	var text string
	verb, _, _ := strings.Cut(use, " ")
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: a.followUpsToComplete,
		Example: fmt.Sprintf("  dayside follow-up %s propose-5a1hj2v0qk8m3c7d9e4f --%s %q", verb, flag, exampleOf(flag)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.TrimPrefix(args[0], collectionFollowUps+"/")
			if id == "" || strings.Contains(id, "/") {
				return usagef("%q is no follow-up: give followUps/ID, or the ID alone", args[0])
			}
			r := &ledgerv1.UpdateFollowUpRequest{Name: collectionFollowUps + "/" + id}
			switch {
			case state != 0:
				r.State = state
				if text != "" {
					r.Note = &text
				}
			case text == "":
				if text = a.Getenv("USER"); text == "" {
					return usagef("--as: say who does it")
				}
				fallthrough
			default:
				r.Owner = &text
			}
			return a.changeFollowUp(cmd.Context(), r)
		},
	}
	c.Flags().StringVar(&text, flag, "", help)
	return c
}

func exampleOf(flag string) string {
	if flag == "as" {
		return "ann@vendor.example"
	}
	return "contract signed"
}

func (a *app) changeFollowUp(ctx context.Context, r *ledgerv1.UpdateFollowUpRequest) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	f, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.FollowUp, error) {
		return ledgerv1.NewBusinessServiceClient(client.conn).UpdateFollowUp(ctx, r)
	})
	if err != nil {
		return err
	}
	return a.show(f, func(w io.Writer) error {
		linef(w, "%s is %s, with %s.", f.GetName(), word(followUpStateWords, f.GetState()), dash(oneLine(f.GetOwner())))
		return nil
	})
}

func (a *app) followUpsToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer client.close()
	r, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.ListFollowUpsResponse, error) {
		open := &ledgerv1.ListFollowUpsRequest{State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN}
		return client.followUps(ctx, open, maxCompleted)
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, f := range r.GetFollowUps() {
		ids = append(ids, idOf(f.GetName())+"\t"+oneLine(f.GetReason()))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// maxCompleted bounds what is offered to somebody who types.
const maxCompleted = 100

var followUpKindWords = map[ledgerv1.FollowUpKind]string{
	ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL:     "bill",
	ledgerv1.FollowUpKind_FOLLOW_UP_KIND_PROPOSE:  "propose",
	ledgerv1.FollowUpKind_FOLLOW_UP_KIND_DISCUSS:  "discuss",
	ledgerv1.FollowUpKind_FOLLOW_UP_KIND_IDENTIFY: "identify",
}

var followUpStateWords = map[ledgerv1.FollowUpState]string{
	ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN:    "open",
	ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE:    "done",
	ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED: "dropped",
}
