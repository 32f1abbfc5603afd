package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

// drainFlags are what a drain can be told.
type drainFlags struct {
	target, line, from, until, reason, by string
	lasting                               time.Duration
	wait                                  bool
}

func newDrain(a *app) *cobra.Command {
	var f drainFlags
	c := &cobra.Command{
		Use: "drain sites/ID|people/ID|lines/ID", Short: "Take a site, a person, a target or a line's sites out of calls",
		Long: "A drained site gets no calls whatever its hours say, at once and at every routing process; nothing else of it\n" +
			"changes. It lasts until --until, for --for, or until it is ended. The last resort of a line is never drained.\n" +
			"A line is closed by draining it: all its sites are, and who is on duty and its last resort go on.",
		Example: "  dayside drain sites/dublin --reason \"fire alarm\" --wait\n" +
			"  dayside drain sites/dublin --line gold-emergency --from \"2026-12-24 12:00 Europe/Dublin\" --for 2h\n" +
			"  dayside drain people/anna --target +13035550141\n" +
			"  dayside drain lines/gold-emergency --reason \"building closed\" --until \"2026-12-24 18:00 Europe/Dublin\"",
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: a.drainable,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.drainOf(args, f)
			if err != nil {
				return err
			}
			return a.drain(cmd.Context(), d, f.wait)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.target, "target", "", "one target alone, as the site or person has it: a SIP URI, or a number in E.164")
	flags.StringVar(&f.line, "line", "", "calls to this line alone")
	flags.StringVar(&f.from, "from", "", "begin then instead of now: "+whenHelp)
	flags.StringVar(&f.until, "until", "", "end then: "+whenHelp)
	flags.DurationVar(&f.lasting, "for", 0, "end after so long, such as 2h")
	flags.StringVar(&f.reason, "reason", "", "why, for people who ask where calls went")
	flags.StringVar(&f.by, "by", "", "who asks for it")
	flags.BoolVar(&f.wait, "wait", false, waitHelp)
	a.completeLines(c, "line")
	c.AddCommand(newDrainList(a), newDrainEnd(a))
	return c
}

func newDrainList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show the drains: in force, ahead, and those that ended within a week",
		Example: "  dayside drain list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			drains, err := ask(cmd.Context(), a, client.listDrains)
			if err != nil {
				return err
			}
			return a.show(&routingv1.ListDrainsResponse{Drains: drains}, func(w io.Writer) error {
				return a.drainsText(w, drains)
			})
		},
	}
}

func newDrainEnd(a *app) *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use: "end ID", Short: "End a drain now",
		Example: "  dayside drain end dublin-mfrggzdf --wait",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.drainsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := collectionDrains + "/" + strings.TrimPrefix(args[0], collectionDrains+"/")
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*routingv1.ListDrainsResponse, error) {
				_, err := client.drains.DeleteDrain(ctx, &routingv1.DeleteDrainRequest{Name: name})
				return &routingv1.ListDrainsResponse{}, err
			})
			if err != nil {
				return err
			}
			if err := a.show(answer, func(w io.Writer) error { linef(w, "%s has ended.", name); return nil }); err != nil || !wait {
				return err
			}
			return a.awaitInForce(cmd.Context(), client, 0)
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, waitHelp)
	return c
}

// collectionDrains is the first part of drains' names. Drains are no part of a configuration: files do not hold them.
const collectionDrains = "drains"

// drainOf is the drain that somebody typed.
func (a *app) drainOf(args []string, f drainFlags) (*routingv1.Drain, error) {
	collection, name, err := drainSubject(args)
	if err != nil {
		return nil, err
	}
	d := &routingv1.Drain{Reason: f.reason, RequestedBy: f.by}
	switch collection {
	case collectionSites:
		d.Subject = &routingv1.Drain_Site{Site: name}
	case collectionPeople:
		d.Subject = &routingv1.Drain_Person{Person: name}
	default:
		if f.line != "" || f.target != "" {
			return nil, usagef("all sites of %s are drained, with all their targets: leave --line and --target out", name)
		}
		d.Subject, d.Line = &routingv1.Drain_AllSites{AllSites: true}, name
	}
	if f.line != "" {
		if d.Line, err = lineName(f.line); err != nil {
			return nil, err
		}
	}
	switch {
	case f.target == "":
	case isNumber(f.target):
		d.Target = &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: f.target},
		}}}
	default:
		d.Target = &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: f.target}}
	}
	return d, a.drainTimes(d, f)
}

// drainSubject takes "sites/dublin", "people/anna", "site dublin", "line gold".
func drainSubject(args []string) (collection, name string, err error) {
	if len(args) == 1 && !strings.Contains(args[0], "/") {
		return "", "", usagef("%q does not say what it is: give sites/%s, people/%s or lines/%s", args[0], args[0], args[0],
			args[0])
	}
	collection, name, err = resourceName(args)
	if err == nil && collection != collectionSites && collection != collectionPeople && collection != collectionLines {
		err = usagef("%s cannot be drained: give a site, a person or a line", name)
	}
	return collection, name, err
}

func (a *app) drainTimes(d *routingv1.Drain, f drainFlags) error {
	from := a.Now()
	if f.from != "" {
		at, err := a.when("from", f.from, time.UTC)
		if err != nil {
			return err
		}
		from, d.StartTime = at, timestamppb.New(at)
	}
	switch {
	case f.until != "" && f.lasting != 0:
		return usagef("give either --until or --for")
	case f.lasting < 0:
		return usagef("--for %v: must be longer than nothing", f.lasting)
	case f.lasting > 0:
		d.EndTime = timestamppb.New(from.Add(f.lasting))
	case f.until != "":
		at, err := a.when("until", f.until, time.UTC)
		if err != nil {
			return err
		}
		d.EndTime = timestamppb.New(at)
	}
	return nil
}

func (a *app) drain(ctx context.Context, d *routingv1.Drain, wait bool) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	made, err := ask(ctx, a, func(ctx context.Context) (*routingv1.Drain, error) {
		return client.drains.CreateDrain(ctx, &routingv1.CreateDrainRequest{Drain: d})
	})
	if err != nil {
		return err
	}
	err = a.show(made, func(w io.Writer) error {
		id := strings.TrimPrefix(made.GetName(), collectionDrains+"/")
		linef(w, "%s: %s gets no calls%s.", made.GetName(), drained(made), a.drainSpan(made))
		if made.GetAllSites() {
			linef(w, "Whoever is on duty for it, and its last resort, go on.")
		}
		linef(w, "End it with: dayside drain end %s", id)
		return nil
	})
	if err != nil || !wait {
		return err
	}
	return a.awaitInForce(ctx, client, 0)
}

// drained is whom or what a drain takes out.
func drained(d *routingv1.Drain) string {
	if d.GetAllSites() {
		return "every site of " + d.GetLine()
	}
	text := d.GetSite() + d.GetPerson() // one of them
	if t := d.GetTarget(); t != nil {
		address := targetText(t)
		if t.GetPhoneNumber() != nil && d.GetPerson() != "" {
			address = manifest.Mask(address)
		}
		text = address + " of " + text
	}
	if d.GetLine() != "" {
		text += " on " + d.GetLine()
	}
	return text
}

// drainSpan is when, in words.
func (a *app) drainSpan(d *routingv1.Drain) string {
	var text string
	if d.GetStartTime().AsTime().After(a.Now()) {
		text = " from " + instant(d.GetStartTime())
	}
	if d.GetEndTime() == nil {
		return text + " until it is ended"
	}
	return text + " until " + instant(d.GetEndTime())
}

func (a *app) drainsText(w io.Writer, drains []*routingv1.Drain) error {
	if len(drains) == 0 {
		linef(w, "Nothing is drained.")
		return nil
	}
	g := newGrid("drain", "takes out", "state", "from", "until", "reason")
	for _, d := range drains {
		from := d.GetStartTime()
		if from == nil {
			from = d.GetCreateTime()
		}
		g.row(strings.TrimPrefix(d.GetName(), collectionDrains+"/"), drained(d), drainState(d, a.Now()), instant(from),
			instant(d.GetEndTime()), dash(d.GetReason()))
	}
	return g.write(w)
}

const drainInForce = "in force"

func drainState(d *routingv1.Drain, at time.Time) string {
	switch {
	case d.GetStartTime().AsTime().After(at):
		return "ahead"
	case d.GetEndTime() != nil && !d.GetEndTime().AsTime().After(at):
		return "over"
	}
	return drainInForce
}

// drainedAt is what drains take out of a line's calls at an instant, of all lines' where it is empty. Who is open is told
// whether drains are known or not.
func (a *app) drainedAt(ctx context.Context, client *api, line string, at *timestamppb.Timestamp) []string {
	drains, err := ask(ctx, a, client.listDrains)
	if err != nil {
		return nil
	}
	var texts []string
	for _, d := range drains {
		elsewhere := line != "" && d.GetLine() != "" && d.GetLine() != line
		if d.GetPerson() != "" || elsewhere || drainState(d, at.AsTime()) != drainInForce {
			continue
		}
		text := drained(d)
		if d.GetReason() != "" {
			text += " (" + d.GetReason() + ")"
		}
		texts = append(texts, text)
	}
	return texts
}

// listDrains are all drains, in order of name.
func (c *api) listDrains(ctx context.Context) ([]*routingv1.Drain, error) {
	var all []*routingv1.Drain
	for token := ""; ; {
		page, err := c.drains.ListDrains(ctx, &routingv1.ListDrainsRequest{PageSize: 1000, PageToken: token})
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetDrains()...)
		if token = page.GetNextPageToken(); token == "" {
			return all, nil
		}
	}
}

// drainable suggests sites, people and lines.
func (a *app) drainable(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	drainable := []string{collectionSites + "/", collectionPeople + "/", collectionLines + "/"}
	if kind, _, chosen := strings.Cut(begun, "/"); chosen && slices.Contains(drainable, kind+"/") {
		return a.namesToComplete(cmd, args, begun)
	}
	return drainable,
		cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// drainsToComplete suggests drains.
func (a *app) drainsToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suggested(a, cmd, args,
		func(ctx context.Context, c *api) ([]*routingv1.Drain, error) { return c.listDrains(ctx) },
		func(d *routingv1.Drain) string { return idOf(d.GetName()) + "\t" + drained(d) })
}
