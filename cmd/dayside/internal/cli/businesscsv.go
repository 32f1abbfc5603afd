package cli

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	amounts "github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

// csvFlag has a list written as CSV, which spreadsheets read.
func csvFlag(c *cobra.Command, asCSV *bool) {
	c.Flags().BoolVar(asCSV, "csv", false, "write CSV, for spreadsheets; times are in UTC")
}

// csvOnly refuses two forms of one answer.
func (a *app) csvOnly(asCSV bool) error {
	if asCSV && a.output != formatTable {
		return usagef("--csv and --output: give one of the two")
	}
	return nil
}

// writeCSV writes a list; no cell of it is taken for a formula.
func writeCSV(w io.Writer, head string, rows [][]string) error {
	out := csv.NewWriter(w)
	if err := out.Write(strings.Fields(head)); err != nil {
		return err
	}
	for _, cells := range rows {
		for i, cell := range cells {
			cells[i] = bulk.Guarded(cell)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// csvTime is a time in CSV; "" where there is none.
func csvTime(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format("2006-01-02T15:04:05Z")
}

// csvAmount is an amount without its currency, which has a column.
func csvAmount(m *money.Money) string {
	if m == nil {
		return ""
	}
	return strings.TrimPrefix(amounts.String(m), m.GetCurrencyCode()+" ")
}

// tally sums amounts by how they stand, in order, each currency by itself.
type tally struct {
	order []string
	sums  map[string]map[string]int64
}

func (t *tally) add(state string, m *money.Money) {
	minor, err := amounts.Minor(m)
	if err != nil {
		return
	}
	if t.sums == nil {
		t.sums = map[string]map[string]int64{}
	}
	if t.sums[state] == nil {
		t.sums[state] = map[string]int64{}
		t.order = append(t.order, state)
	}
	t.sums[state][m.GetCurrencyCode()] += minor
}

// write says the sums, one line for each way of standing.
func (t *tally) write(w io.Writer) {
	slices.Sort(t.order)
	for _, state := range t.order {
		var all []string
		for currency, minor := range t.sums[state] {
			all = append(all, amounts.String(amounts.FromMinor(currency, minor)))
		}
		slices.Sort(all)
		linef(w, "Listed as %s: %s.", state, strings.Join(all, ", "))
	}
}
