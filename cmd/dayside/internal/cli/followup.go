package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
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
			"one that is open. It goes to the customer's account owner, else to whom the line names. Who did what is kept.",
		newFollowUpList(a), newFollowUpShow(a),
		newFollowUpChange(a, followUpChange{
			verb: "take", short: "Say who does a follow-up", flag: "as", help: "who; the user's own name where left out",
			example: "ann@vendor.example", fill: a.taken,
		}),
		newFollowUpChange(a, followUpChange{
			verb: "move", short: "Have a follow-up due at another time", flag: "due", help: "when: " + whenHelp,
			example: "2026-12-01 09:00 Europe/Dublin", fill: a.moved,
		}),
		newFollowUpChange(a, followUpChange{
			verb: "done", short: "Say that a follow-up is done", flag: "note", help: "what came of it",
			example: "contract signed", fill: stands(ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE),
		}),
		newFollowUpChange(a, followUpChange{
			verb: "drop", short: "Say that a follow-up is not to be done", flag: "note", help: "why",
			example: "a wrong number", fill: stands(ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED),
		}),
		newFollowUpChange(a, followUpChange{
			verb: "reopen", short: "Have a follow-up that was done or dropped to be done again", flag: "note", help: "why",
			example: "they did not pay", fill: stands(ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN),
		}))
}

// followUpFlags say which follow-ups.
type followUpFlags struct {
	customer, owner, state, kind, due string
	overdue, csv                      bool
	limit                             int
}

func newFollowUpList(a *app) *cobra.Command {
	f := followUpFlags{state: "open", limit: 50}
	c := &cobra.Command{
		Use: "list", Short: "List follow-ups, the first to be due first",
		Example: "  dayside follow-up list --overdue\n  dayside follow-up list --kind bill --due now+1d\n" +
			"  dayside follow-up list --owner ann@vendor.example --state all -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := a.followUpsRequest(f)
			if err != nil {
				return err
			}
			if err := a.csvOnly(f.csv); err != nil {
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
			return a.show(answer, func(w io.Writer) error {
				if f.csv {
					return a.followUpsCSV(w, answer)
				}
				return followUpsText(w, answer, a.Now())
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.customer, "customer", "", "about this customer")
	flags.StringVar(&f.owner, "owner", "", "of this person, as the follow-up names them")
	flags.StringVar(&f.state, "state", f.state, "that stand so: "+strings.Join(followUpStates(), ", "))
	flags.StringVar(&f.kind, "kind", "", "of this kind: "+strings.Join(followUpKinds(), ", "))
	flags.StringVar(&f.due, "due", "", "due then or before: "+whenHelp+"; a date with all of that day")
	flags.BoolVar(&f.overdue, "overdue", false, "due by now, and not done: what --due now says")
	flags.IntVar(&f.limit, "limit", f.limit, "at most so many")
	csvFlag(c, &f.csv)
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(followUpStates(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(followUpKinds(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("customer", a.customersToComplete)
	return c
}

// followUpStates are how follow-ups can be asked for.
func followUpStates() []string { return []string{"open", "done", "dropped", "all"} }

// followUpKinds are what there can be to be done.
func followUpKinds() []string { return slices.Sorted(maps.Values(followUpKindWords)) }

func (a *app) followUpsRequest(f followUpFlags) (*ledgerv1.ListFollowUpsRequest, error) {
	r := &ledgerv1.ListFollowUpsRequest{Owner: f.owner}
	if !slices.Contains(followUpStates(), f.state) {
		return nil, usagef("--state %q: must be one of %s", f.state, strings.Join(followUpStates(), ", "))
	}
	r.State = ledgerv1.FollowUpState(ledgerv1.FollowUpState_value["FOLLOW_UP_STATE_"+strings.ToUpper(f.state)]) // 0 of "all"
	if f.limit < 1 || f.limit > maxListed {
		return nil, usagef("--limit %d: must be from 1 to %d", f.limit, maxListed)
	}
	for kind, is := range followUpKindWords {
		if is == f.kind {
			r.Kind = kind
		}
	}
	switch {
	case f.kind != "" && r.GetKind() == 0:
		return nil, usagef("--kind %q: must be one of %s", f.kind, strings.Join(followUpKinds(), ", "))
	case f.overdue && (f.due != "" || f.state != "open"):
		return nil, usagef("--overdue: is of what is open and due by now; leave out --due and --state")
	case f.overdue:
		f.due = "now"
	}
	var err error
	if f.customer != "" {
		if r.Customer, err = customerName(f.customer); err != nil {
			return nil, err
		}
	}
	if f.due != "" {
		at, err := a.lastOf("due", f.due)
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

// followUpsText is a row a follow-up.
func followUpsText(w io.Writer, answer *ledgerv1.ListFollowUpsResponse, now time.Time) error {
	if len(answer.GetFollowUps()) == 0 {
		linef(w, "There are no such follow-ups.")
		return nil
	}
	g := newGrid("due", "what", "who called", "line", "calls", "owner", "state", "why", "id")
	for _, f := range answer.GetFollowUps() {
		g.row(dueText(f), word(followUpKindWords, f.GetKind()), followUpCaller(f), dash(idOf(f.GetLine())),
			fmt.Sprint(len(f.GetCalls())), dash(oneLine(f.GetOwner())), followUpStanding(f, now),
			dash(oneLine(f.GetReason())), idOf(f.GetName()))
	}
	if err := g.write(w); err != nil {
		return err
	}
	linef(w, "Listed: %s", followUpCounts(answer.GetFollowUps(), now))
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit, --owner and --due say which.")
	}
	return nil
}

// followUpCounts says how many there are of each kind, and how many are overdue.
func followUpCounts(list []*ledgerv1.FollowUp, now time.Time) string {
	kinds, overdue := map[string]int{}, 0
	for _, f := range list {
		kinds[word(followUpKindWords, f.GetKind())]++
		if followUpStanding(f, now) == overdueWord {
			overdue++
		}
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	return fmt.Sprintf("%s (%s); %d overdue.", count(len(list), "follow-up"), strings.Join(all, ", "), overdue)
}

// followUpsCSV is a row a follow-up.
func (a *app) followUpsCSV(w io.Writer, answer *ledgerv1.ListFollowUpsResponse) error {
	rows := make([][]string, 0, len(answer.GetFollowUps()))
	for _, f := range answer.GetFollowUps() {
		due := ""
		if f.GetDueDate().GetYear() != 0 {
			due = dateText(f.GetDueDate())
		}
		rows = append(rows, []string{
			idOf(f.GetName()), word(followUpKindWords, f.GetKind()), followUpStanding(f, a.Now()), due, csvTime(f.GetDueTime()),
			idOf(f.GetCustomer()), f.GetCustomerDisplayName(), f.GetCallerNumber(), idOf(f.GetLine()),
			fmt.Sprint(len(f.GetCalls())), f.GetOwner(), f.GetReason(), f.GetNote(), idOf(f.GetPromise()), csvTime(f.GetCreateTime()),
		})
	}
	if answer.GetNextPageToken() != "" {
		linef(a.Err, "There are more; --limit, --owner and --due say which.")
	}
	return writeCSV(w, "follow_up kind state due_date due_time customer customer_display_name number support_line calls owner "+
		"reason note promise create_time", rows)
}

// overdueWord is how a follow-up stands that should be done by now.
const overdueWord = "overdue"

// followUpCaller is who called.
func followUpCaller(f *ledgerv1.FollowUp) string {
	customer := strings.TrimPrefix(f.GetCustomer(), collectionCustomers+"/")
	return dash(oneLine(strings.TrimSpace(customer + " " + f.GetCallerNumber())))
}

// followUpStanding is how it stands; of one that is open, whether it should be done by now.
func followUpStanding(f *ledgerv1.FollowUp, now time.Time) string {
	open := f.GetState() == ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN && f.GetDueTime().IsValid()
	if open && !now.Before(f.GetDueTime().AsTime()) {
		return overdueWord
	}
	return word(followUpStateWords, f.GetState())
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

func newFollowUpShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a follow-up, with its calls and who did what about it",
		Example: "  dayside follow-up show propose-5a1hj2v0qk8m3c7d9e4f", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.followUpsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := followUpName(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			f, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.FollowUp, error) {
				return ledgerv1.NewBusinessServiceClient(client.conn).GetFollowUp(ctx, &ledgerv1.GetFollowUpRequest{Name: name})
			})
			if err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) error { followUpText(w, f, a.Now()); return nil })
		},
	}
}

// followUpText is one follow-up, for people.
func followUpText(w io.Writer, f *ledgerv1.FollowUp, now time.Time) {
	linef(w, "%s  %s, %s", idOf(f.GetName()), word(followUpKindWords, f.GetKind()), followUpStanding(f, now))
	for _, line := range [][2]string{
		{"Why", f.GetReason()}, {"Due", dueText(f)}, {"Owner", f.GetOwner()}, {"Customer", f.GetCustomer()},
		{"Who", f.GetCustomerDisplayName()}, {"Number", f.GetCallerNumber()}, {"Line", f.GetLine()},
		{"Promise", f.GetPromise()}, {"Note", f.GetNote()}, {"Opened", instant(f.GetCreateTime())},
	} {
		if line[1] != "" {
			linef(w, "  %-10s %s", line[0], oneLine(line[1]))
		}
	}
	linef(w, "  Calls:")
	for _, call := range f.GetCalls() {
		linef(w, "    %s", oneLine(idOf(call)))
	}
	if len(f.GetTrail()) > 0 {
		linef(w, "  What was done:")
	}
	for _, e := range f.GetTrail() {
		text := instant(e.GetTime()) + "  " + word(followUpStateWords, e.GetState())
		if e.Owner != nil {
			text += ", with " + dash(e.GetOwner())
		}
		if e.GetDueTime() != nil {
			text += ", due " + instant(e.GetDueTime())
		}
		text += ", by " + dash(e.GetBy())
		if e.GetNote() != "" {
			text += ": " + e.GetNote()
		}
		linef(w, "    %s", oneLine(text))
	}
}

func followUpName(given string) (string, error) {
	id := strings.TrimPrefix(given, collectionFollowUps+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no follow-up: give followUps/ID, or the ID alone", given)
	}
	return collectionFollowUps + "/" + id, nil
}

// followUpChange is a command that changes one follow-up; fill makes a request of what its flag says.
type followUpChange struct {
	verb, short, flag, help, example string
	fill                             func(r *ledgerv1.UpdateFollowUpRequest, text string) error
}

func newFollowUpChange(a *app, change followUpChange) *cobra.Command {
	var text string
	c := &cobra.Command{
		Use: change.verb + " ID", Short: change.short, Args: cobra.ExactArgs(1), ValidArgsFunction: a.followUpsToComplete,
		Example: fmt.Sprintf("  dayside follow-up %s propose-5a1hj2v0qk8m3c7d9e4f --%s %q", change.verb, change.flag,
			change.example),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := followUpName(args[0])
			if err != nil {
				return err
			}
			r := &ledgerv1.UpdateFollowUpRequest{Name: name}
			if err := change.fill(r, text); err != nil {
				return err
			}
			return a.changeFollowUp(cmd.Context(), r)
		},
	}
	c.Flags().StringVar(&text, change.flag, "", change.help)
	return c
}

// stands has a follow-up stand so; what is noted stays where nothing is said.
func stands(state ledgerv1.FollowUpState) func(*ledgerv1.UpdateFollowUpRequest, string) error {
	return func(r *ledgerv1.UpdateFollowUpRequest, note string) error {
		r.State = state
		if note != "" {
			r.Note = &note
		}
		return nil
	}
}

func (a *app) taken(r *ledgerv1.UpdateFollowUpRequest, who string) error {
	if who = cmp.Or(who, a.Getenv("USER")); who == "" {
		return usagef("--as: say who does it")
	}
	r.Owner = &who
	return nil
}

func (a *app) moved(r *ledgerv1.UpdateFollowUpRequest, due string) error {
	if due == "" {
		return usagef("--due is required: %s", whenHelp)
	}
	at, err := a.when("due", due, time.UTC)
	r.DueTime = timestamppb.New(at)
	return err
}

func (a *app) changeFollowUp(ctx context.Context, r *ledgerv1.UpdateFollowUpRequest) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	business := ledgerv1.NewBusinessServiceClient(client.conn)
	was, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.FollowUp, error) {
		return business.GetFollowUp(ctx, &ledgerv1.GetFollowUpRequest{Name: r.GetName()})
	})
	if err != nil {
		return err
	}
	f, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.FollowUp, error) { return business.UpdateFollowUp(ctx, r) })
	if err != nil {
		return err
	}
	return a.show(f, func(w io.Writer) error {
		with := dash(oneLine(f.GetOwner()))
		if f.GetEtag() != "" && f.GetEtag() == was.GetEtag() {
			linef(w, "Nothing is changed: %s is %s already, with %s%s.", f.GetName(), word(followUpStateWords, f.GetState()), with,
				lastChange(f))
			return nil
		}
		if r.Owner != nil && was.GetOwner() != "" && was.GetOwner() != f.GetOwner() {
			with += "; it was with " + oneLine(was.GetOwner()) + lastChange(was)
		}
		if r.GetDueTime() != nil {
			with += ", due " + dueText(f)
		}
		linef(w, "%s is %s, with %s.", f.GetName(), word(followUpStateWords, f.GetState()), with)
		return nil
	})
}

// lastChange is who last did something about a follow-up, and when; "" where nobody did.
func lastChange(f *ledgerv1.FollowUp) string {
	trail := f.GetTrail()
	if len(trail) == 0 {
		return ""
	}
	last := trail[len(trail)-1]
	return " (by " + dash(oneLine(last.GetBy())) + ", " + instant(last.GetTime()) + ")"
}

func (a *app) followUpsToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suggested(a, cmd, args, func(ctx context.Context, c *api) ([]*ledgerv1.FollowUp, error) {
		open := &ledgerv1.ListFollowUpsRequest{State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN}
		r, err := c.followUps(ctx, open, maxCompleted)
		return r.GetFollowUps(), err
	}, func(f *ledgerv1.FollowUp) string { return idOf(f.GetName()) + "\t" + oneLine(f.GetReason()) })
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
