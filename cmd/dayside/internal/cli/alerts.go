package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// collectionAlerts is the first part of alerts' names. Alerts are no part of a configuration: files do not hold them.
const collectionAlerts = "alerts"

// maxAlertsPage is the API's own limit.
const maxAlertsPage = 1000

func newAlerts(a *app) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "alerts", Short: "Show what somebody must know at once because of a call: nobody there, a message, nobody answered",
		Long: "Shows what calls have brought up and nobody has taken care of yet, the latest first: calls that found no site\n" +
			"and nobody on duty, messages that wait, calls that nobody answered, and gateways that could carry nothing that\n" +
			"a line has. Each goes a week after it was last seen. What is known ahead of time is shown by dayside events.",
		Example: "  dayside alerts\n  dayside alerts resolve nobody-there-gold-emergency\n  dayside alerts --all -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			r, err := ask(cmd.Context(), a, func(ctx context.Context) (*routingv1.ListAlertsResponse, error) {
				return client.listAlerts(ctx, all)
			})
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) error { alertsText(w, r.GetAlerts()); return nil })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that somebody took care of as well")
	c.AddCommand(newAlertsResolve(a))
	return c
}

// listAlerts reads all pages.
func (c *api) listAlerts(ctx context.Context, all bool) (*routingv1.ListAlertsResponse, error) {
	alerts, out := routingv1.NewAlertServiceClient(c.conn), &routingv1.ListAlertsResponse{}
	request := &routingv1.ListAlertsRequest{PageSize: maxAlertsPage, IncludeResolved: all}
	for {
		r, err := alerts.ListAlerts(ctx, request)
		if err != nil {
			return nil, err
		}
		out.Alerts = append(out.Alerts, r.GetAlerts()...)
		if request.PageToken = r.GetNextPageToken(); request.GetPageToken() == "" {
			return out, nil
		}
	}
}

func newAlertsResolve(a *app) *cobra.Command {
	var by string
	c := &cobra.Command{
		Use: "resolve ID", Short: "Say that somebody has taken care of an alert",
		Long: "Says that somebody has taken care of an alert. Should the same be seen again later, it is an alert again.",
		Example: "  dayside alerts resolve nobody-there-gold-emergency --as \"Mary Burke\"\n" +
			"  dayside alerts resolve alerts/message-7nvtzoqy5zf4b6ne",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.alertsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.TrimPrefix(args[0], collectionAlerts+"/")
			if id == "" || strings.Contains(id, "/") {
				return usagef("%q is no alert: give alerts/ID, or the ID alone", args[0])
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			r, err := ask(cmd.Context(), a, func(ctx context.Context) (*routingv1.Alert, error) {
				return routingv1.NewAlertServiceClient(client.conn).ResolveAlert(ctx, &routingv1.ResolveAlertRequest{
					Name: collectionAlerts + "/" + id, ResolvedBy: by,
				})
			})
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) error {
				linef(w, "%s is taken care of, by %s, %s.", r.GetName(), dash(r.GetResolvedBy()), instant(r.GetResolveTime()))
				return nil
			})
		},
	}
	c.Flags().StringVar(&by, "as", "", "who took care of it, for people; the user's own name where left out")
	return c
}

func (a *app) alertsToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suggested(a, cmd, args, func(ctx context.Context, c *api) ([]*routingv1.Alert, error) {
		r, err := c.listAlerts(ctx, false)
		return r.GetAlerts(), err
	}, func(x *routingv1.Alert) string { return idOf(x.GetName()) + "\t" + oneLine(x.GetText()) })
}

// alertsText is a list of alerts, for people: what each is about and since when, and below it what happened.
func alertsText(w io.Writer, alerts []*routingv1.Alert) {
	if len(alerts) == 0 {
		linef(w, "No call has brought up anything that somebody must know.")
		return
	}
	open := 0
	for _, x := range alerts {
		if x.GetResolveTime() == nil {
			open++
		}
	}
	linef(w, "%s, of which nobody has taken care of %d.", count(len(alerts), "alert"), open)
	for _, x := range alerts {
		state := "since " + instant(x.GetFirstTime())
		if !x.GetLastTime().AsTime().Equal(x.GetFirstTime().AsTime()) {
			state += ", last " + instant(x.GetLastTime())
		}
		linef(w, "")
		linef(w, "%s  %s  %s", word(alertWords, x.GetKind()), idOf(x.GetName()), state)
		linef(w, "  %s", oneLine(x.GetText()))
		if x.GetRecordingUri() != "" {
			linef(w, "  To hear it: %s", oneLine(x.GetRecordingUri()))
		}
		if x.GetDurability() == routingv1.Durability_DURABILITY_SPOOLED {
			linef(w, "  On the disk of the process that answers alone, until etcd takes it: no other process knows of it.")
		}
		if x.GetResolveTime() != nil {
			linef(w, "  Taken care of by %s, %s.", oneLine(dash(x.GetResolvedBy())), instant(x.GetResolveTime()))
			continue
		}
		linef(w, "  First with call %s at gateway %s.", oneLine(dash(x.GetCallId())), dash(x.GetGateway()))
	}
}

var alertWords = map[routingv1.AlertKind]string{
	routingv1.AlertKind_ALERT_KIND_NOBODY_THERE:    "nobody there",
	routingv1.AlertKind_ALERT_KIND_MESSAGE_LEFT:    "message left",
	routingv1.AlertKind_ALERT_KIND_NOBODY_ANSWERED: "nobody answered",
	routingv1.AlertKind_ALERT_KIND_NOT_CARRIED:     "not carried",
}
