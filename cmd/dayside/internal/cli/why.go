package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newWhy(a *app) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "why SITE", Short: "Say why a site is open or closed",
		Example: "  dayside why dublin\n  dayside why dublin --at \"2026-12-25 09:00 Europe/Dublin\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.TrimPrefix(args[0], collectionSites+"/")
			if id == "" || strings.Contains(id, "/") {
				return usagef("%q is no site: give sites/ID, or the ID alone", args[0])
			}
			request := &schedulev1.ExplainSiteRequest{Name: collectionSites + "/" + id}
			var err error
			if request.At, err = a.at(at); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.ExplainSiteResponse, error) {
				return client.sites.ExplainSite(ctx, request)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error {
				linef(w, "%s.", oneLine(answer.GetSentence()))
				return nil
			})
		},
	}
	c.Flags().StringVar(&at, "at", "", "another time than now: "+whenHelp)
	c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.idsOf(cmd.Context(), collectionSites), cobra.ShellCompDirectiveNoFileComp
	}
	return c
}
