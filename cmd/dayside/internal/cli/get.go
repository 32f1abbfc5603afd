package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func newGet(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "get NAME", Short: "Show a calendar, person, rota, site, plan, offer, customer or line",
		Long: "Shows one resource; -o yaml gives it as a file that applies again.",
		Example: "  dayside get sites/dublin\n  dayside get customer acme -o json\n" +
			"  dayside get lines/gold-emergency -o yaml > line.yaml",
		Args: oneOrTwo,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, name, err := resourceName(args)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			m, err := ask(cmd.Context(), a, func(ctx context.Context) (proto.Message, error) {
				if collection == collectionLines && a.output == formatTable { // which shows no hidden number
					return client.lines.GetLine(ctx, &routingv1.GetLineRequest{Name: name, LeaveOutHidden: true})
				}
				return client.get(ctx, collection, name)
			})
			if err != nil {
				return err
			}
			if a.output == formatYAML {
				return manifest.Write(a.Out, m)
			}
			return a.show(m, func(w io.Writer) error { return resourceGrid(collection, []proto.Message{m}).write(w) })
		},
	}
	c.ValidArgsFunction = a.namesToComplete
	return c
}

func newList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list KIND", Short: "List the calendars, people, rotas, sites, plans, offers, customers or lines",
		Long:      "Lists all resources of a kind; -o yaml gives them as a file that applies again.",
		Example:   "  dayside list sites\n  dayside list customers -o json",
		Args:      cobra.ExactArgs(1),
		ValidArgs: collections,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, err := collectionOf(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			var items []proto.Message
			m, err := ask(cmd.Context(), a, func(ctx context.Context) (m proto.Message, err error) {
				if collection == collectionLines && a.output == formatTable {
					lines, err := client.linesToName(ctx)
					items = messages(lines)
					return &routingv1.ListLinesResponse{Lines: lines}, err
				}
				m, items, err = client.list(ctx, collection)
				return m, err
			})
			if err != nil {
				return err
			}
			if a.output == formatYAML {
				return manifest.Write(a.Out, items...)
			}
			return a.show(m, func(w io.Writer) error { return resourceGrid(collection, items).write(w) })
		},
	}
}

func newDelete(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "delete NAME", Short: "Delete a calendar, person, rota, site, plan, offer, customer or line",
		Long:    "Deletes one resource. What another one refers to is kept: take a site off its line first.",
		Example: "  dayside delete customers/acme",
		Args:    oneOrTwo,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, name, err := resourceName(args)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			if _, err := ask(cmd.Context(), a, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, client.remove(ctx, collection, name)
			}); err != nil {
				return err
			}
			linef(a.Err, "%s is deleted", name)
			// The API's answer is an empty message: nothing to show people, and {} to a program.
			return a.show(&emptypb.Empty{}, func(io.Writer) error { return nil })
		},
	}
	c.ValidArgsFunction = a.namesToComplete
	return c
}
