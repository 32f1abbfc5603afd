package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func newApply(a *app) *cobra.Command {
	var files []string
	var dryRun, prune, allowGap, wait bool
	c := &cobra.Command{
		Use: "apply -f FILE", Short: "Put the resources in files in force, all or none of them",
		Long: "Reads YAML files, checks them as a whole, shows what changes, and commits all of it in one transaction.\n" +
			"Resources are created, or replaced whole. Nothing is written where anything is wrong, or where a line would get\n" +
			"an uncovered gap that it has not now.",
		Example: "  dayside apply -f deploy/examples/followthesun --dry-run\n  dayside export | dayside apply -f -",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := a.readFiles(files)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			answer, err := client.configuration.ApplyConfiguration(ctx, &routingv1.ApplyConfigurationRequest{
				Calendars: set.Calendars, People: set.People, Rotas: set.Rotas,
				Sites: set.Sites, Plans: set.Plans, Offers: set.Offers, Customers: set.Customers, Lines: set.Lines,
				Prune: prune, ValidateOnly: dryRun, AllowGap: allowGap,
			})
			if err != nil {
				return a.refused(set, err)
			}
			err = a.show(answer, func(w io.Writer) error { return a.changesText(w, answer, dryRun) })
			if err != nil || !wait || answer.GetRevision() == 0 {
				return err
			}
			return a.awaitInForce(cmd.Context(), client, answer.GetRevision())
		},
	}
	c.Flags().StringSliceVarP(&files, "file", "f", nil, "a file, a folder, or - for standard input (required)")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "check and show what would change; write nothing")
	c.Flags().BoolVar(&prune, "prune", false, "delete whatever is stored and not in the files")
	c.Flags().BoolVar(&allowGap, "allow-gap", false, "write it although a line gets time that neither a site nor a rota serves")
	c.Flags().BoolVar(&wait, "wait", false, waitHelp)
	return c
}

// refused puts the place in the files before each thing that the server finds wrong: its paths are "sites/x: field".
func (a *app) refused(set *manifest.Set, err error) error {
	failed := a.failed(err)
	s, ok := status.FromError(err)
	var f *failure
	if !ok || !errors.As(failed, &f) {
		return failed
	}
	_, violations := details(s)
	for i, v := range violations {
		name, path, _ := strings.Cut(v.GetField(), ": ")
		if at := set.Locate(name, path); at != "" && i < len(f.details) {
			f.details[i] = at + ": " + f.details[i]
		}
	}
	if len(violations) > 0 {
		f.message += "; nothing was written"
	}
	return f
}

// marks of changes, each with the colour it has on a terminal (ECMA-48 SGR).
var changeMarks = map[rpcv1.Change_Kind]struct{ mark, color, done, planned string }{
	rpcv1.Change_KIND_CREATE:    {"+", "\x1b[32m", "created", "to create"},
	rpcv1.Change_KIND_UPDATE:    {"~", "\x1b[33m", "updated", "to update"},
	rpcv1.Change_KIND_DELETE:    {"-", "\x1b[31m", "deleted", "to delete"},
	rpcv1.Change_KIND_UNCHANGED: {"", "", "unchanged", "unchanged"},
}

const colorReset = "\x1b[0m"

// changesText says what changes, what that does to coverage, and, last, whether it is written.
func (a *app) changesText(w io.Writer, r *routingv1.ApplyConfigurationResponse, dryRun bool) error {
	counts := map[rpcv1.Change_Kind]int{}
	for _, c := range r.GetChanges() {
		counts[c.GetKind()]++
		if m := changeMarks[c.GetKind()]; m.mark != "" {
			a.colored(w, m.color, m.mark+" "+c.GetName())
		}
		if c.GetKind() != rpcv1.Change_KIND_UPDATE {
			continue // the file says it whole
		}
		for _, f := range c.GetFields() {
			linef(w, "    %s: %s", f.GetPath(), beforeAfter(f))
		}
	}
	if i := r.GetImpact(); len(i.GetLines())+len(i.GetSites()) > 0 {
		linef(w, "")
		if err := impactText(w, i); err != nil {
			return err
		}
		linef(w, "")
	}
	for _, warning := range r.GetWarnings() {
		a.colored(w, changeMarks[rpcv1.Change_KIND_UPDATE].color, "warning: "+oneLine(warning))
	}
	summarize(w, counts, r.GetRevision(), dryRun)
	return nil
}

func summarize(w io.Writer, counts map[rpcv1.Change_Kind]int, revision int64, dryRun bool) {
	var parts []string
	for _, k := range []rpcv1.Change_Kind{
		rpcv1.Change_KIND_CREATE, rpcv1.Change_KIND_UPDATE, rpcv1.Change_KIND_DELETE, rpcv1.Change_KIND_UNCHANGED,
	} {
		if counts[k] == 0 {
			continue
		}
		what := changeMarks[k].done
		if dryRun {
			what = changeMarks[k].planned
		}
		parts = append(parts, fmt.Sprintf("%d %s", counts[k], what))
	}
	switch summary := strings.Join(parts, ", "); {
	case dryRun:
		linef(w, "%s. Dry run: nothing was written.", summary)
	case revision == 0:
		linef(w, "%s. Nothing to write.", summary)
	default:
		linef(w, "%s. In force from revision %d.", summary, revision)
	}
}

func (a *app) colored(w io.Writer, color, text string) {
	if !a.Color {
		linef(w, "%s", text)
		return
	}
	_, _ = fmt.Fprintln(w, color+visible(text)+colorReset)
}

func beforeAfter(f *rpcv1.FieldChange) string {
	switch {
	case f.GetBefore() == f.GetAfter():
		return "changed, " + f.GetAfter() // both hidden, or masked to the same
	case f.GetBefore() == "":
		return "set to " + f.GetAfter()
	case f.GetAfter() == "":
		return f.GetBefore() + " removed"
	}
	return f.GetBefore() + " → " + f.GetAfter()
}
