package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

func newAudit(a *app) *cobra.Command {
	var resource, peer, since, until string
	var full bool
	limit := 50
	c := &cobra.Command{
		Use: "audit", Short: "Show who changed what, the latest first",
		Long: "Shows the changes that the ledger keeps: who made them, by which method, and what they name. With --full also\n" +
			"what was asked for, without what is sensitive, and the trace.",
		Example: "  dayside audit --resource lines/gold-emergency\n  dayside audit --peer ann --since now-7d --full",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &ledgerv1.ListAuditEntriesRequest{Resource: resource, Peer: peer}
			if limit < 1 || limit > maxListed {
				return usagef("--limit %d: must be from 1 to %d", limit, maxListed)
			}
			if resource != "" && !strings.Contains(resource, "/") {
				return usagef("--resource %q: give its whole name, such as lines/%s", resource, resource)
			}
			var err error
			if r.StartTime, r.EndTime, err = a.period(since, until); err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.ListAuditEntriesResponse, error) {
				return client.auditEntries(ctx, r, limit)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return auditText(w, answer, full) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&resource, "resource", "", "that name this resource, such as sites/dublin")
	flags.StringVar(&peer, "peer", "", "of this peer, as its certificate or token calls it")
	flags.StringVar(&since, "since", "", "made then or later: "+whenHelp)
	flags.StringVar(&until, "until", "", "made before")
	flags.IntVar(&limit, "limit", limit, "at most so many")
	flags.BoolVar(&full, "full", false, "what was asked for as well")
	_ = c.RegisterFlagCompletionFunc("resource",
		func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return a.namesToComplete(cmd, nil, begun)
		})
	return c
}

func (c *api) auditEntries(ctx context.Context, r *ledgerv1.ListAuditEntriesRequest, limit int) (
	*ledgerv1.ListAuditEntriesResponse, error,
) {
	all := &ledgerv1.ListAuditEntriesResponse{}
	for {
		r.PageSize = int32(min(limit-len(all.GetEntries()), 1000))
		page, err := ledgerv1.NewAuditServiceClient(c.conn).ListAuditEntries(ctx, r)
		if err != nil {
			return nil, err
		}
		all.Entries = append(all.Entries, page.GetEntries()...)
		all.NextPageToken, r.PageToken = page.GetNextPageToken(), page.GetNextPageToken()
		if r.GetPageToken() == "" || len(all.GetEntries()) >= limit {
			return all, nil
		}
	}
}

func auditText(w io.Writer, answer *ledgerv1.ListAuditEntriesResponse, full bool) error {
	if len(answer.GetEntries()) == 0 {
		linef(w, "There are no such changes.")
		return nil
	}
	if full {
		for i, e := range answer.GetEntries() {
			if i > 0 {
				linef(w, "")
			}
			linef(w, "%s  %s  %s  %s", changedAt(e), peerText(e), shortMethod(e), changedNames(e, len(e.GetResources())))
			linef(w, "  %s", oneLine(e.GetRequest()))
			linef(w, "  at %s, trace %s", dash(e.GetInstance()), dash(hex.EncodeToString(e.GetTraceId())))
		}
	} else {
		g := newGrid("when", "who", "what", "names")
		for _, e := range answer.GetEntries() {
			g.row(changedAt(e), peerText(e), shortMethod(e), changedNames(e, maxNamesShown))
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit, --since and --until say which.")
	}
	return nil
}

// maxNamesShown bounds the names of one row.
const maxNamesShown = 4

func changedNames(e *rpcv1.AuditRecord, most int) string {
	names := e.GetResources()
	if len(names) <= most {
		return dash(strings.Join(names, " "))
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], " "), len(names)-most)
}

func changedAt(e *rpcv1.AuditRecord) string {
	return utc(time.UnixMicro(e.GetUnixUs()).Truncate(time.Second))
}

// peerText is a peer with its roles: "ann (admin)"; of one who has all there are, they are not told.
func peerText(e *rpcv1.AuditRecord) string {
	if len(e.GetRoles()) == 0 || len(e.GetRoles()) >= len(rpcv1.Role_name)-1 {
		return dash(e.GetPeer())
	}
	roles := make([]string, len(e.GetRoles()))
	for i, r := range e.GetRoles() {
		roles[i] = strings.ToLower(enumName(r, "ROLE_"))
	}
	return fmt.Sprintf("%s (%s)", dash(e.GetPeer()), strings.Join(roles, ", "))
}

// shortMethod is a method without its service, which says no more: "UpdateLine".
func shortMethod(e *rpcv1.AuditRecord) string {
	return e.GetMethod()[strings.LastIndexByte(e.GetMethod(), '/')+1:]
}
