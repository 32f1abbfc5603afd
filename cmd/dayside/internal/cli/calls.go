package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

// maxListed bounds what --limit can ask for: more belongs in a file, page by page, from the API.
const maxListed = 100_000

// callsFlags say which calls.
type callsFlags struct {
	line, customer, site, outcome, since, until string
	followUp, formerNumber, revealed, watch     bool
	limit                                       int
}

func newCalls(a *app) *cobra.Command {
	f := callsFlags{}
	c := &cobra.Command{
		Use: "calls", Short: "List calls and what became of them, the latest first",
		Long: "Lists calls of the ledger, the latest first, or follows them as they change, until interrupted. Callers'\n" +
			"numbers are masked for all but supervisors and administrators. `dayside call show ID` tells the whole story of one.",
		Example: "  dayside calls --since now-1d --outcome not-answered\n  dayside calls --line gold-emergency --watch\n" +
			"  dayside calls --follow-up --since 2026-11-20 -o json | jq -r '.calls[].customer'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := a.callsRequest(f)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			if f.watch {
				return a.watchCalls(cmd.Context(), client, request)
			}
			return a.listCalls(cmd.Context(), client, request, f.limit)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.line, "line", "", "of this line")
	flags.StringVar(&f.customer, "customer", "", "of this customer")
	flags.StringVar(&f.site, "site", "", "answered by this site, or rung there first")
	flags.StringVar(&f.outcome, "outcome", "", "that ended so: "+strings.Join(outcomeNames(), ", "))
	flags.StringVar(&f.since, "since", "", "that began then or later: "+whenHelp)
	flags.StringVar(&f.until, "until", "", "that began before")
	flags.BoolVar(&f.followUp, "follow-up", false, "to be followed up the next business day")
	flags.BoolVar(&f.formerNumber, "former-number", false, "to a number that the line had: who does not know the new one yet")
	flags.BoolVar(&f.revealed, "revealed", false, "in which the caller was told a hidden number")
	flags.BoolVar(&f.watch, "watch", false, "follow calls as they change, from now on")
	flags.IntVar(&f.limit, "limit", 50, "at most so many")
	a.completeLines(c, "line")
	_ = c.RegisterFlagCompletionFunc("outcome", cobra.FixedCompletions(outcomeNames(), cobra.ShellCompDirectiveNoFileComp))
	for flag, collection := range map[string]string{"customer": collectionCustomers, "site": collectionSites} {
		_ = c.RegisterFlagCompletionFunc(flag,
			func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return a.idsOf(cmd.Context(), collection), cobra.ShellCompDirectiveNoFileComp
			})
	}
	return c
}

// callsRequest is what the flags ask for.
func (a *app) callsRequest(f callsFlags) (*ledgerv1.ListCallsRequest, error) {
	r := &ledgerv1.ListCallsRequest{FollowUp: f.followUp, FormerNumber: f.formerNumber, NumberRevealed: f.revealed}
	for _, name := range []struct {
		to                      *string
		flag, collection, typed string
	}{
		{&r.Line, "line", collectionLines, f.line}, {&r.Customer, "customer", collectionCustomers, f.customer},
		{&r.Site, "site", collectionSites, f.site},
	} {
		id := strings.TrimPrefix(name.typed, name.collection+"/")
		if strings.Contains(id, "/") {
			return nil, usagef("--%s %q: give %s/ID, or the ID alone", name.flag, name.typed, name.collection)
		}
		if id != "" {
			*name.to = name.collection + "/" + id
		}
	}
	if f.customer != "" {
		var err error
		if r.Customer, err = customerName(f.customer); err != nil {
			return nil, err
		}
	}
	if f.outcome != "" {
		outcome, ok := outcomeNamed(f.outcome)
		if !ok {
			return nil, usagef("--outcome %q: must be one of %s", f.outcome, strings.Join(outcomeNames(), ", "))
		}
		r.Outcome = outcome
	}
	if f.limit < 1 || f.limit > maxListed {
		return nil, usagef("--limit %d: must be from 1 to %d", f.limit, maxListed)
	}
	if f.watch && (f.since != "" || f.until != "") {
		return nil, usagef("--watch is of calls from now on: leave --since and --until out")
	}
	var err error
	r.StartTime, r.EndTime, err = a.period(f.since, f.until)
	return r, err
}

// period reads --since and --until; unset where they are empty.
func (a *app) period(since, until string) (from, to *timestamppb.Timestamp, err error) {
	if since != "" {
		at, err := a.when("since", since, time.UTC)
		if err != nil {
			return nil, nil, err
		}
		from = timestamppb.New(at)
	}
	if until != "" {
		at, err := a.when("until", until, time.UTC)
		if err != nil {
			return nil, nil, err
		}
		to = timestamppb.New(at)
	}
	return from, to, nil
}

func (a *app) listCalls(ctx context.Context, client *api, request *ledgerv1.ListCallsRequest, limit int) error {
	answer, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.ListCallsResponse, error) {
		return client.calls(ctx, request, limit)
	})
	if err != nil {
		return err
	}
	return a.show(answer, func(w io.Writer) error {
		if len(answer.GetCalls()) == 0 {
			linef(w, "There are no such calls.")
			return nil
		}
		g := newGrid("began", "line", "caller", "outcome", "by", "after", "lasted", "id")
		for _, c := range answer.GetCalls() {
			g.row(callRow(c)...)
		}
		if err := g.write(w); err != nil {
			return err
		}
		if answer.GetNextPageToken() != "" {
			linef(w, "There are more; --limit, --since and --until say which.")
		}
		return nil
	})
}

// calls are so many of those asked for, page by page.
func (c *api) calls(ctx context.Context, r *ledgerv1.ListCallsRequest, limit int) (*ledgerv1.ListCallsResponse, error) {
	all := &ledgerv1.ListCallsResponse{}
	for {
		r.PageSize = int32(min(limit-len(all.GetCalls()), 1000))
		page, err := c.ledger().ListCalls(ctx, r)
		if err != nil {
			return nil, err
		}
		all.Calls = append(all.Calls, page.GetCalls()...)
		all.NextPageToken, r.PageToken = page.GetNextPageToken(), page.GetNextPageToken()
		if r.GetPageToken() == "" || len(all.GetCalls()) >= limit {
			return all, nil
		}
	}
}

// callRow is a call in one line.
func callRow(c *ledgerv1.Call) []string {
	caller := dash(c.GetCallerNumber())
	if c.GetCustomer() != "" {
		caller = strings.TrimPrefix(c.GetCustomer(), collectionCustomers+"/") + " " + c.GetCallerNumber()
	}
	outcome := word(outcomeWords, c.GetOutcome())
	if c.GetFollowUp() {
		outcome += ", follow up"
	}
	if c.GetFormerNumber() && c.GetOutcome() != ledgerv1.Outcome_OUTCOME_NUMBER_CHANGED {
		outcome += ", former number"
	}
	if c.GetNumberRevealed() {
		outcome += ", told a hidden number"
	}
	by := strings.TrimPrefix(c.GetSite(), collectionSites+"/")
	if c.GetPerson() != "" {
		by = c.GetPerson()
	}
	if by == "" && answeredTarget(c) == lastResortTarget {
		by = "last resort"
	}
	return []string{
		instant(c.GetStartTime()), dash(strings.TrimPrefix(c.GetLine(), collectionLines+"/")), strings.TrimSpace(caller), outcome,
		dash(by), spanBetween(c.GetStartTime(), c.GetAnswerTime()), spanBetween(c.GetAnswerTime(), c.GetEndTime()),
		strings.TrimPrefix(c.GetName(), collectionCalls+"/"),
	}
}

// spanBetween is the time between two timestamps; a dash where one is unset, or clocks disagree.
func spanBetween(from, to *timestamppb.Timestamp) string {
	if from == nil || to == nil || to.AsTime().Before(from.AsTime()) {
		return "-"
	}
	d := to.AsTime().Sub(from.AsTime())
	if d < time.Hour {
		return d.Round(time.Second).String()
	}
	return shortSpan(d)
}

// watchCalls follows calls until ctx ends. A server that goes away, or leaves a slow watcher behind, is asked again.
func (a *app) watchCalls(ctx context.Context, client *api, want *ledgerv1.ListCallsRequest) error {
	wait, heard := minWatchWait, false
	for {
		stream, err := client.ledger().WatchCalls(ctx, &ledgerv1.WatchCallsRequest{Line: want.GetLine()})
		if err == nil {
			if _, err = stream.Header(); err == nil && !heard {
				heard = true
				linef(a.Err, "Following calls; Ctrl-C ends it.")
			}
		}
		for err == nil {
			var r *ledgerv1.WatchCallsResponse
			if r, err = stream.Recv(); err == nil {
				wait, heard = minWatchWait, true
				err = a.showWatchedCall(r, want)
			}
		}
		switch code := status.Code(err); {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil //nolint:nilerr // interrupted, which is how it ends
		case code == codes.ResourceExhausted && heard:
			linef(a.Err, "some calls were missed: they came faster than they were read")
		case !heard || code != codes.Unavailable && code != codes.DeadlineExceeded:
			return a.failed(err)
		default:
			linef(a.Err, "%s does not answer; asking again in %v", a.server, wait)
		}
		select {
		case <-ctx.Done():
		case <-a.After(wait):
		}
		wait = min(2*wait, maxWatchWait)
	}
}

func (a *app) showWatchedCall(r *ledgerv1.WatchCallsResponse, want *ledgerv1.ListCallsRequest) error {
	c := r.GetCall()
	if want.GetCustomer() != "" && want.GetCustomer() != c.GetCustomer() ||
		want.GetSite() != "" && want.GetSite() != c.GetSite() ||
		want.GetFormerNumber() && !c.GetFormerNumber() || want.GetFollowUp() && !c.GetFollowUp() ||
		want.GetNumberRevealed() && !c.GetNumberRevealed() ||
		want.GetOutcome() != 0 && want.GetOutcome() != c.GetOutcome() {
		return nil
	}
	switch a.output {
	case formatJSON:
		return writeJSONLine(a.Out, r)
	case formatYAML:
		linef(a.Out, "---")
		return writeYAML(a.Out, r)
	}
	linef(a.Out, "%s", oneLine(strings.Join(callRow(c), "  ")))
	return nil
}

func (c *api) ledger() ledgerv1.LedgerServiceClient { return ledgerv1.NewLedgerServiceClient(c.conn) }

// collectionCalls is the first part of calls' names, which are no part of a configuration.
const collectionCalls = "calls"

var outcomeWords = map[ledgerv1.Outcome]string{
	ledgerv1.Outcome_OUTCOME_UNSPECIFIED:    "not known",
	ledgerv1.Outcome_OUTCOME_ROUTED:         "routed",
	ledgerv1.Outcome_OUTCOME_ANSWERED:       "answered",
	ledgerv1.Outcome_OUTCOME_NOT_ANSWERED:   "not answered",
	ledgerv1.Outcome_OUTCOME_CALLER_GONE:    "caller gone",
	ledgerv1.Outcome_OUTCOME_REFUSED:        "refused",
	ledgerv1.Outcome_OUTCOME_UNKNOWN_LINE:   "unknown line",
	ledgerv1.Outcome_OUTCOME_MESSAGE_TAKEN:  "message taken",
	ledgerv1.Outcome_OUTCOME_NOT_CARRIED:    "not carried",
	ledgerv1.Outcome_OUTCOME_NUMBER_CHANGED: "number changed",
}

// outcomeNames are the outcomes as they are typed, in the API's order.
func outcomeNames() []string {
	names := make([]string, 0, len(outcomeWords))
	for o := ledgerv1.Outcome_OUTCOME_ROUTED; outcomeWords[o] != ""; o++ {
		names = append(names, strings.ReplaceAll(outcomeWords[o], " ", "-"))
	}
	return names
}

func outcomeNamed(name string) (ledgerv1.Outcome, bool) {
	for o, text := range outcomeWords {
		if o != 0 && strings.ReplaceAll(text, " ", "-") == strings.ReplaceAll(strings.ToLower(name), "_", "-") {
			return o, true
		}
	}
	return 0, false
}

// callName takes a call's name, its ID, or the gateway's own id of it.
func callName(typed string) (string, error) {
	id := strings.TrimPrefix(typed, collectionCalls+"/")
	if id == "" || len(id) > 255 {
		return "", usagef("%q is no call: give calls/ID, the ID alone, or the gateway's id of the call", typed)
	}
	return fmt.Sprintf("%s/%s", collectionCalls, id), nil
}
