package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

// Charges are handed over to billing in exports: what is owed and was not billed is to be billed, what was billed and is
// given up, whole or in part, is to be credited, and what is disputed waits. An export and its marks on charges are one
// transaction: however a process ends, nothing is billed twice. An export is never changed: whoever heard no answer asks
// again by its name.

const (
	exportNames = "chargeExports/"
	// maxExportLines bounds an export: appends wait while it is made. What is more waits for the next one.
	maxExportLines = 20_000
	nanosInUnit    = 1_000_000_000

	toHandOver     = "FROM charges INDEXED BY charges_to_hand_over WHERE owes <> billed"
	waitingCharges = "SELECT n, owes - billed, body " + toHandOver + " ORDER BY n LIMIT ?"
	countWaiting   = "SELECT count(*) " + toHandOver
	exportByID     = "SELECT n, body FROM exports WHERE id = ?"
	exportLines    = "SELECT l.line, l.nanos, l.charge, l.stood, c.body FROM export_lines l JOIN charges c ON c.n = l.charge " +
		"WHERE l.export = ? AND l.line > ? ORDER BY l.line LIMIT ?"
	listExports = "SELECT at, n, body FROM exports%s ORDER BY at DESC, n DESC LIMIT ?"
)

// ExportQuery asks for a page of an export.
type ExportQuery struct {
	// Name is chargeExports/ID; By, who makes it where there is none.
	Name, By string
	After    mark.Mark
	Limit    int
	// DryRun: none is made.
	DryRun bool
}

// HandOver is a page of an export, which is made where there is none of that name and anything waits. Of nothing none is
// made: what waits later can be handed over by that name.
func (s *Store) HandOver(ctx context.Context, q ExportQuery) (
	page *ledgerv1.HandOverChargesResponse, next mark.Mark, err error,
) {
	page = &ledgerv1.HandOverChargesResponse{}
	n, export, err := s.export(ctx, q.Name)
	if err == nil && export == nil && !q.DryRun {
		if page.Made, err = s.makeExport(ctx, q.Name, q.By); err == nil {
			n, export, err = s.export(ctx, q.Name)
		}
	}
	switch {
	case err != nil:
		return nil, mark.Mark{}, err
	case export == nil:
		if page.Export, page.Lines, err = s.wouldHold(ctx, q); err != nil {
			return nil, mark.Mark{}, err
		}
	default:
		page.Export = export
		if page.Lines, next, err = s.linesOf(ctx, n, q); err != nil {
			return nil, mark.Mark{}, err
		}
	}
	if page.WaitingLines, err = s.ToHandOver(ctx); err != nil {
		return nil, mark.Mark{}, err
	}
	if export == nil { // it would hold them
		page.WaitingLines -= int64(page.GetExport().GetLines())
	}
	return page, next, nil
}

// ToHandOver is how many charges wait for an export.
func (s *Store) ToHandOver(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, countWaiting).Scan(&n)
	return n, failed(err)
}

// export is the one of a name; nil where there is none.
func (s *Store) export(ctx context.Context, name string) (n int64, export *ledgerv1.ChargeExport, err error) {
	var body []byte
	err = s.read.QueryRowContext(ctx, exportByID, strings.TrimPrefix(name, exportNames)).Scan(&n, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil, nil
	case err != nil:
		return 0, nil, failed(err)
	}
	export = &ledgerv1.ChargeExport{}
	if err := proto.Unmarshal(body, export); err != nil {
		return 0, nil, fault.Internal(fmt.Errorf("%s: %w", name, err))
	}
	return n, export, nil
}

// makeExport makes one; false where somebody was sooner, or nothing waits.
func (s *Store) makeExport(ctx context.Context, name, by string) (made bool, err error) {
	err = s.changing(ctx, func(w *writer) error {
		id := strings.TrimPrefix(name, exportNames)
		var one int
		err := w.tx.QueryRowContext(ctx, "SELECT 1 FROM exports WHERE id = ?", id).Scan(&one)
		if !errors.Is(err, sql.ErrNoRows) {
			return failed(err)
		}
		rows, err := w.tx.QueryContext(ctx, waitingCharges, maxExportLines)
		if err != nil {
			return failed(err)
		}
		lines, charges, err := waitingLines(rows)
		if err != nil || len(lines) == 0 {
			return err
		}
		export := exportOf(name, by, time.UnixMicro(w.unixUS), lines)
		body, err := proto.Marshal(export)
		if err != nil {
			return err
		}
		r, err := w.tx.ExecContext(ctx, "INSERT INTO exports (id, at, body) VALUES (?, ?, ?)", id, w.unixUS, body)
		if err != nil {
			return failed(err)
		}
		n, err := r.LastInsertId()
		if err != nil {
			return failed(err)
		}
		made = true
		return failed(w.markExported(n, lines, charges))
	})
	return made && err == nil, err
}

// markExported notes the lines of an export, and on charges that billing was told.
func (w *writer) markExported(export int64, lines []*ledgerv1.ExportedCharge, charges []int64) error {
	const (
		line   = "INSERT INTO export_lines (export, line, charge, nanos, stood) VALUES (?, ?, ?, ?, ?)"
		marked = "UPDATE charges SET export = ?, billed = billed + ? WHERE n = ?"
	)
	addLine, err := w.tx.PrepareContext(w.ctx, line)
	if err != nil {
		return err
	}
	defer func() { _ = addLine.Close() }()
	markCharge, err := w.tx.PrepareContext(w.ctx, marked)
	if err != nil {
		return err
	}
	defer func() { _ = markCharge.Close() }()
	for i, l := range lines {
		c := l.GetCharge()
		stood, err := proto.Marshal(&ledgerv1.Charge{
			State: c.GetState(), UpdateTime: c.GetUpdateTime(), Revision: c.GetRevision(), Amount: c.GetAmount(),
			Promised: c.GetPromised(),
		})
		if err != nil {
			return err
		}
		if _, err := addLine.ExecContext(w.ctx, export, l.GetPlace(), charges[i], nanosOf(l), stood); err != nil {
			return err
		}
		if _, err := markCharge.ExecContext(w.ctx, export, nanosOf(l), charges[i]); err != nil {
			return err
		}
	}
	return nil
}

// waitingLines are the lines that charges which wait would be, and the rows of these.
func waitingLines(rows *sql.Rows) (lines []*ledgerv1.ExportedCharge, charges []int64, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n, nanos int64
		var body sql.RawBytes
		if err := rows.Scan(&n, &nanos, &body); err != nil {
			return nil, nil, failed(err)
		}
		charge, err := readCharge(n, body)
		if err != nil {
			return nil, nil, err
		}
		lines, charges = append(lines, lineOf(len(lines)+1, nanos, charge)), append(charges, n)
	}
	return lines, charges, failed(rows.Err())
}

// lineOf is a line that bills so many nanos of a charge's currency, or credits them where they are negative.
func lineOf(place int, nanos int64, c *ledgerv1.Charge) *ledgerv1.ExportedCharge {
	l := &ledgerv1.ExportedCharge{
		Place: int32(place), Kind: ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_BILL, Amount: ofNanos(c, nanos), Charge: c,
	}
	if nanos < 0 {
		l.Kind, l.Amount = ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_CREDIT, ofNanos(c, -nanos)
	}
	return l
}

// nanosOf is what a line bills, negative where it credits.
func nanosOf(l *ledgerv1.ExportedCharge) int64 {
	nanos := l.GetAmount().GetUnits()*nanosInUnit + int64(l.GetAmount().GetNanos())
	if l.GetKind() == ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_CREDIT {
		return -nanos
	}
	return nanos
}

// ofNanos is an amount in the currency of a charge.
func ofNanos(c *ledgerv1.Charge, nanos int64) *money.Money {
	return &money.Money{
		CurrencyCode: c.GetAmount().GetCurrencyCode(), Units: nanos / nanosInUnit, Nanos: int32(nanos % nanosInUnit),
	}
}

// wouldHold is the export that what waits would make, and its first lines.
func (s *Store) wouldHold(ctx context.Context, q ExportQuery) (*ledgerv1.ChargeExport, []*ledgerv1.ExportedCharge, error) {
	rows, err := s.read.QueryContext(ctx, waitingCharges, maxExportLines)
	if err != nil {
		return nil, nil, failed(err)
	}
	lines, _, err := waitingLines(rows)
	if err != nil {
		return nil, nil, err
	}
	export := exportOf(q.Name, "", time.Time{}, lines)
	return export, lines[:min(len(lines), q.Limit)], nil
}

// exportOf is an export of lines; without a time where it is none yet.
func exportOf(name, by string, at time.Time, lines []*ledgerv1.ExportedCharge) *ledgerv1.ChargeExport {
	export := &ledgerv1.ChargeExport{Name: name, CreatedBy: by, Lines: int32(len(lines)), Totals: totalsOf(lines)}
	if !at.IsZero() {
		export.CreateTime = timestamppb.New(at)
	}
	return export
}

// totalsOf are what lines come to, by currency.
func totalsOf(lines []*ledgerv1.ExportedCharge) []*money.Money {
	type sum struct{ units, nanos int64 } // of all lines nanos alone would be too many
	sums := map[string]sum{}
	for _, l := range lines {
		code, nanos := l.GetAmount().GetCurrencyCode(), nanosOf(l)
		sums[code] = sum{sums[code].units + nanos/nanosInUnit, sums[code].nanos + nanos%nanosInUnit}
	}
	var totals []*money.Money
	for _, code := range slices.Sorted(maps.Keys(sums)) {
		units, nanos := sums[code].units+sums[code].nanos/nanosInUnit, sums[code].nanos%nanosInUnit
		switch { // both have one sign, as amounts of money do
		case units > 0 && nanos < 0:
			units, nanos = units-1, nanos+nanosInUnit
		case units < 0 && nanos > 0:
			units, nanos = units+1, nanos-nanosInUnit
		}
		totals = append(totals, &money.Money{CurrencyCode: code, Units: units, Nanos: int32(nanos)})
	}
	return totals
}

// linesOf is a page of an export's lines: charges as they are kept, standing as they did then.
func (s *Store) linesOf(ctx context.Context, export int64, q ExportQuery) ([]*ledgerv1.ExportedCharge, mark.Mark, error) {
	return paged(ctx, s, exportLines, []any{export, q.After.N}, q.Limit,
		func(row *sql.Rows, last *mark.Mark) (*ledgerv1.ExportedCharge, error) {
			var nanos, charge int64
			var stood, body sql.RawBytes
			if err := row.Scan(&last.N, &nanos, &charge, &stood, &body); err != nil {
				return nil, failed(err)
			}
			is, err := readCharge(charge, body)
			if err != nil {
				return nil, err
			}
			was, err := readCharge(charge, stood)
			if err != nil {
				return nil, err
			}
			is.State, is.UpdateTime, is.Revision = was.GetState(), was.GetUpdateTime(), was.GetRevision()
			is.Amount, is.Promised, is.Export = was.GetAmount(), was.GetPromised(), q.Name
			return lineOf(int(last.N), nanos, is), nil
		})
}

// Exports are all exports, the latest first, and the mark behind the last one; no mark where no more follow.
func (s *Store) Exports(ctx context.Context, after mark.Mark, limit int) (
	list []*ledgerv1.ChargeExport, next mark.Mark, err error,
) {
	var c condition
	if after != (mark.Mark{}) {
		c.and("(at, n) < (?, ?)", after.UnixUS, after.N)
	}
	return paged(ctx, s, fmt.Sprintf(listExports, c.where()), c.args, limit,
		func(row *sql.Rows, last *mark.Mark) (*ledgerv1.ChargeExport, error) {
			var body sql.RawBytes
			if err := row.Scan(&last.UnixUS, &last.N, &body); err != nil {
				return nil, failed(err)
			}
			export := &ledgerv1.ChargeExport{}
			if err := proto.Unmarshal(body, export); err != nil {
				return nil, fault.Internal(fmt.Errorf("export %d: %w", last.N, err))
			}
			return export, nil
		})
}
