package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// maxBriefLineBytes bounds what is read of standard input.
const maxBriefLineBytes = 4096

func newBrief(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "brief TOKEN", Short: "Show what the answering person should know of a call",
		Long: "Shows who calls, on what basis they are entitled, open cases, what to say, and how a supervisor is reached. The\n" +
			"token comes with the call, in its User-to-User header (serve --sip-user-to-user) or from the gateway, and can be\n" +
			"opened for a day. With - it is read from standard input.",
		Example: "  dayside brief AQEAgHmo4NY7...\n  dayside brief 'AQEAgHmo4NY7...;purpose=dayside'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := a.briefToken(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			b, err := ask(cmd.Context(), a, func(ctx context.Context) (*routingv1.CallBrief, error) {
				return routingv1.NewBriefServiceClient(client.conn).GetCallBrief(ctx, &routingv1.GetCallBriefRequest{Token: token})
			})
			if err != nil {
				return err
			}
			return a.show(b, func(w io.Writer) error { return a.briefText(w, b) })
		},
	}
}

// briefToken takes a token, or the header that holds it, with its name or without (RFC 7433, 4.1).
func (a *app) briefToken(text string) (string, error) {
	if text == "-" {
		line, err := bufio.NewReader(io.LimitReader(a.In, maxBriefLineBytes)).ReadString('\n')
		if err != nil && line == "" {
			return "", usagef("standard input holds no token")
		}
		text = line
	}
	if name, value, ok := strings.Cut(text, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "User-to-User") {
		text = value
	}
	token, _, _ := strings.Cut(text, ";")
	if token = strings.TrimSpace(token); token == "" {
		return "", usagef("there is no token: give the one that came with the call")
	}
	return token, nil
}

func (a *app) briefText(w io.Writer, b *routingv1.CallBrief) error {
	linef(w, "%s, %s (%s ago)", named(b.GetLineDisplayName(), b.GetLine()), instant(b.GetRouteTime()),
		shortSpan(a.Now().Sub(b.GetRouteTime().AsTime())))
	g := newGrid("", "")
	from := "a withheld number"
	if b.GetCallerNumber() != "" {
		from = b.GetCallerNumber()
	}
	g.row("from", from)
	g.row("customer", named(b.GetCustomerDisplayName(), b.GetCustomer()))
	var why []string
	for _, v := range b.GetVerdicts() {
		why = append(why, word(verdictWords, v))
	}
	g.row(word(callerClassWords, b.GetCallerClass()), strings.Join(why, "; "))
	if b.GetPlan() != "" {
		g.row("plan", b.GetPlan())
	}
	for _, c := range b.GetOpenCases() {
		at := ""
		if c.GetSite() != "" {
			at = ", at " + c.GetSite()
		}
		g.row("open case", strings.TrimSpace(c.GetCaseId()+" "+c.GetTitle())+at)
	}
	if b.GetFollowUp() {
		g.row("follow up", "on the next business day")
	}
	if b.GetSupervisor() != "" {
		g.row("supervisor", b.GetSupervisor())
	}
	g.row("call", fmt.Sprintf("%s at gateway %s", dash(b.GetCallId()), dash(b.GetGateway())))
	if err := g.write(w); err != nil {
		return err
	}
	linef(w, "\n%s", oneLine(b.GetGuidance()))
	return nil
}

// named is a name for people with the resource's own behind it, or what there is of them.
func named(display, name string) string {
	switch {
	case name == "":
		return "-"
	case display == "":
		return name
	}
	return oneLine(display) + " (" + name + ")"
}
