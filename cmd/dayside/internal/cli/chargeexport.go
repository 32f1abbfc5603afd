package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	amounts "github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

const (
	// collectionExports is the first part of the names of exports of charges, which are no part of a configuration.
	collectionExports = "chargeExports"
	// maxExportPage is the API's own limit.
	maxExportPage = 1000
)

func newChargeExport(a *app) *cobra.Command {
	var format string
	var dryRun bool
	c := &cobra.Command{
		Use: "export NAME", Short: "Hand over to billing what is owed, each charge once",
		Long: "Writes what is owed and was in no export yet, and a credit for what was in one and was given up since, whole\n" +
			"or in part; what is disputed waits. NAME is yours to choose, such as 2026-11: an export is made once, and\n" +
			"never changes. Given again it writes the same, so that what was lost on the way is not lost, and nothing is\n" +
			"billed twice. Credits are negative in CSV. What the lines come to is told on standard error.",
		Example: "  dayside charge export 2026-11 > charges-2026-11.csv\n" +
			"  dayside charge export 2026-11 --format jsonl | billing-import\n" +
			"  dayside charge export 2026-12 --dry-run",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.exportsToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.TrimPrefix(args[0], collectionExports+"/")
			if id == "" || strings.Contains(id, "/") {
				return usagef("%q is no export: give a name of your choice, such as 2026-11", args[0])
			}
			if format != "csv" && format != "jsonl" {
				return usagef("--format %q: must be csv or jsonl", format)
			}
			if cmd.Flags().Changed("format") && a.output != formatTable {
				return usagef("--format and --output: give one of the two")
			}
			return a.exportCharges(cmd.Context(), &ledgerv1.HandOverChargesRequest{
				Name: collectionExports + "/" + id, PageSize: maxExportPage, ValidateOnly: dryRun,
			}, format)
		},
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or jsonl")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "make none: show what it would hold, the first 1000 lines of it")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(
		[]string{"csv", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// exportCharges writes an export, once all of it is here.
func (a *app) exportCharges(ctx context.Context, r *ledgerv1.HandOverChargesRequest, format string) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	export, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.HandOverChargesResponse, error) {
		return client.handOver(ctx, r)
	})
	if err != nil {
		if !r.GetValidateOnly() {
			linef(a.Err, "It may have been made all the same: asked for again by the same name, it is the same.")
		}
		return err
	}
	if err := a.show(export, func(w io.Writer) error { return writeCharges(w, export, format) }); err != nil {
		return err
	}
	a.tellExport(export, r.GetValidateOnly())
	return nil
}

// handOver reads all pages of an export; the first one makes it.
func (c *api) handOver(ctx context.Context, r *ledgerv1.HandOverChargesRequest) (*ledgerv1.HandOverChargesResponse, error) {
	client := ledgerv1.NewBusinessServiceClient(c.conn)
	all, err := client.HandOverCharges(ctx, r)
	if err != nil {
		return nil, err
	}
	for all.GetNextPageToken() != "" {
		r.PageToken = all.GetNextPageToken()
		page, err := client.HandOverCharges(ctx, r)
		if err != nil {
			return nil, err
		}
		all.Lines, all.NextPageToken = append(all.Lines, page.GetLines()...), page.GetNextPageToken()
	}
	return all, nil
}

// tellExport says on standard error what was written.
func (a *app) tellExport(e *ledgerv1.HandOverChargesResponse, dryRun bool) {
	id, holds := idOf(e.GetExport().GetName()), count(int(e.GetExport().GetLines()), "line")+", "+totalsText(e.GetExport())
	switch {
	case e.GetExport().GetLines() == 0:
		linef(a.Err, "Nothing waits for billing: there is no export %s.", id)
	case e.GetMade():
		linef(a.Err, "Export %s: %s. It is made: given again, it is the same.", id, holds)
	case e.GetExport().GetCreateTime() != nil:
		linef(a.Err, "Export %s of %s, by %s, again: %s.", id, instant(e.GetExport().GetCreateTime()),
			dash(oneLine(e.GetExport().GetCreatedBy())), holds)
	case dryRun:
		linef(a.Err, "Export %s would hold %s. Nothing is made.", id, holds)
	}
	if n := e.GetWaitingLines(); n > 0 {
		linef(a.Err, "%s for another export: give it another name.", waits(int(n)))
	}
}

func waits(lines int) string {
	if lines == 1 {
		return "1 line waits"
	}
	return fmt.Sprintf("%d lines wait", lines)
}

func totalsText(e *ledgerv1.ChargeExport) string {
	var totals []string
	for _, m := range e.GetTotals() {
		totals = append(totals, moneyText(m))
	}
	return dash(strings.Join(totals, ", "))
}

// writeCharges writes lines for other programs.
func writeCharges(w io.Writer, export *ledgerv1.HandOverChargesResponse, format string) error {
	if format == "jsonl" {
		for _, l := range export.GetLines() {
			if err := writeJSONLine(w, l); err != nil {
				return err
			}
		}
		return nil
	}
	out := csv.NewWriter(w)
	head := strings.Fields("export line kind charge promise customer customer_display_name number currency amount offer " +
		"offer_display_name support_line gateway call_id promise_time product")
	if err := out.Write(head); err != nil {
		return err
	}
	for _, l := range export.GetLines() {
		c, amount := l.GetCharge(), strings.TrimPrefix(amounts.String(l.GetAmount()), l.GetAmount().GetCurrencyCode()+" ")
		if l.GetKind() == ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_CREDIT {
			amount = "-" + amount
		}
		cells := []string{
			idOf(export.GetExport().GetName()), fmt.Sprint(l.GetPlace()), word(exportKindWords, l.GetKind()), idOf(c.GetName()),
			idOf(c.GetPromise()), idOf(c.GetCustomer()), c.GetCustomerDisplayName(), c.GetNumber(), l.GetAmount().GetCurrencyCode(),
			amount, idOf(c.GetOffer()), c.GetOfferDisplayName(), idOf(c.GetLine()), c.GetGateway(),
			c.GetCallId(), c.GetPromiseTime().AsTime().Format("2006-01-02T15:04:05Z"), c.GetProduct(),
		}
		for i, cell := range cells {
			if i != amountColumn {
				cells[i] = bulk.Guarded(cell)
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// amountColumn holds a number, the sign of which is no formula.
const amountColumn = 9

func newChargeExports(a *app) *cobra.Command {
	limit := 50
	c := &cobra.Command{
		Use: "exports", Short: "List what was handed over to billing, the latest first",
		Long: "Lists exports, the latest first. `dayside charge export NAME` writes one again.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxListed {
				return usagef("--limit %d: must be from 1 to %d", limit, maxListed)
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.ListChargeExportsResponse, error) {
				return client.chargeExports(ctx, limit)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return exportsText(w, answer) })
		},
	}
	c.Flags().IntVar(&limit, "limit", limit, "at most so many")
	return c
}

func (c *api) chargeExports(ctx context.Context, limit int) (*ledgerv1.ListChargeExportsResponse, error) {
	all, r := &ledgerv1.ListChargeExportsResponse{}, &ledgerv1.ListChargeExportsRequest{}
	for {
		r.PageSize = int32(min(limit-len(all.GetExports()), maxExportPage))
		page, err := ledgerv1.NewBusinessServiceClient(c.conn).ListChargeExports(ctx, r)
		if err != nil {
			return nil, err
		}
		all.Exports = append(all.Exports, page.GetExports()...)
		all.NextPageToken, r.PageToken = page.GetNextPageToken(), page.GetNextPageToken()
		if r.GetPageToken() == "" || len(all.GetExports()) >= limit {
			return all, nil
		}
	}
}

func exportsText(w io.Writer, answer *ledgerv1.ListChargeExportsResponse) error {
	if len(answer.GetExports()) == 0 {
		linef(w, "Nothing was handed over to billing yet.")
		return nil
	}
	g := newGrid("export", "made", "by", "lines", "total")
	for _, e := range answer.GetExports() {
		g.row(idOf(e.GetName()), instant(e.GetCreateTime()), dash(oneLine(e.GetCreatedBy())), fmt.Sprint(e.GetLines()),
			totalsText(e))
	}
	if err := g.write(w); err != nil {
		return err
	}
	if answer.GetNextPageToken() != "" {
		linef(w, "There are more; --limit says how many are listed.")
	}
	return nil
}

func (a *app) exportsToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suggested(a, cmd, args, func(ctx context.Context, c *api) ([]*ledgerv1.ChargeExport, error) {
		r, err := c.chargeExports(ctx, maxCompleted)
		return r.GetExports(), err
	}, func(e *ledgerv1.ChargeExport) string { return idOf(e.GetName()) + "\t" + totalsText(e) })
}

var exportKindWords = map[ledgerv1.ChargeExportKind]string{
	ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_BILL:   "bill",
	ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_CREDIT: "credit",
}
