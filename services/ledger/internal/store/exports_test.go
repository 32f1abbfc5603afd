package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	amounts "github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

const (
	pending  = entitlementv1.PromiseState_PROMISE_STATE_PENDING
	owed     = entitlementv1.PromiseState_PROMISE_STATE_OWED
	disputed = entitlementv1.PromiseState_PROMISE_STATE_DISPUTED
	waived   = entitlementv1.PromiseState_PROMISE_STATE_WAIVED
	refused  = entitlementv1.PromiseState_PROMISE_STATE_REFUSED
	lapsed   = entitlementv1.PromiseState_PROMISE_STATE_LAPSED
)

// charged is a record of a charge, of EUR 90.50.
func charged(id string, state entitlementv1.PromiseState, revision int64) *ledgerv1.Record {
	r := newRecord("")
	r.Event = &ledgerv1.Record_Charge{Charge: &ledgerv1.Charge{
		Name: "charges/" + id, Promise: "promises/" + id, State: state, Revision: revision, Number: "+13035550101",
		Amount:      &money.Money{CurrencyCode: "EUR", Units: 90, Nanos: 500_000_000},
		PromiseTime: timestamppb.New(now()), UpdateTime: timestamppb.New(now().Add(time.Duration(revision) * time.Minute)),
	}}
	return r
}

// less is a charge that was settled for less.
func less(r *ledgerv1.Record, units int64) *ledgerv1.Record {
	c := r.GetCharge()
	c.Amount, c.Promised = &money.Money{CurrencyCode: "EUR", Units: units}, c.GetAmount()
	return r
}

// handedOver is an export for reading: its lines, all pages of them, then what they come to.
func handedOver(t testing.TB, s *Store, name string, limit int, dryRun bool) string {
	t.Helper()
	text, err := tryHandOver(t.Context(), s, name, limit, dryRun)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func tryHandOver(ctx context.Context, s *Store, name string, limit int, dryRun bool) (text string, err error) {
	q := ExportQuery{Name: "chargeExports/" + name, By: "clerk", Limit: limit, DryRun: dryRun}
	for {
		page, next, err := s.HandOver(ctx, q)
		if err != nil {
			return "", err
		}
		for _, l := range page.GetLines() {
			text += fmt.Sprintf("%d %s %s %s; ", l.GetPlace(), strings.TrimPrefix(l.GetKind().String(), "CHARGE_EXPORT_KIND_"),
				strings.TrimPrefix(l.GetCharge().GetName(), "charges/"), strings.TrimPrefix(l.GetCharge().GetState().String(), "PROMISE_STATE_"))
			if l.GetAmount().GetUnits() != 90 {
				text += "with " + amounts.String(l.GetAmount()) + "; "
			}
		}
		if q.After = next; next == (mark.Mark{}) {
			for _, m := range page.GetExport().GetTotals() {
				text += fmt.Sprintf("%s %.2f ", m.GetCurrencyCode(), float64(m.GetUnits())+float64(m.GetNanos())/nanosInUnit)
			}
			return fmt.Sprintf("%sof %d, %d wait", text, page.GetExport().GetLines(), page.GetWaitingLines()), nil
		}
	}
}

// TestChargesAreHandedOverOnce: what is owed is billed, what was billed and is given up is credited, each in one export;
// asked for again an export is the same, whatever has become of its charges.
func TestChargesAreHandedOverOnce(t *testing.T) {
	s := openTemp(t)
	if got := handedOver(t, s, "early", 10, false); got != "of 0, 0 wait" {
		t.Errorf("of nothing: %s", got)
	}
	add(t, s, charged("a", owed, 1), charged("b", pending, 1), charged("c", owed, 1), charged("d", disputed, 1), charged("e", waived, 1))
	const november = "1 BILL a OWED; 2 BILL c OWED; EUR 181.00 of 2, "
	if got := handedOver(t, s, "2026-11", 10, true); got != november+"0 wait" {
		t.Errorf("what it would hold: %s", got)
	}
	if got := handedOver(t, s, "2026-11", 1, false); got != november+"0 wait" {
		t.Errorf("by pages: %s", got)
	}
	add(t, s, charged("a", waived, 2), charged("b", owed, 2), charged("c", disputed, 2), charged("d", owed, 2))
	for range 2 {
		if got := handedOver(t, s, "2026-11", 10, false); got != november+"3 wait" {
			t.Errorf("again: %s", got)
		}
	}
	const december = "1 CREDIT a WAIVED; 2 BILL b OWED; 3 BILL d OWED; EUR 90.50 of 3, 0 wait"
	if got := handedOver(t, s, "2026-12", 10, false); got != december {
		t.Errorf("a month later: %s", got)
	}
	add(t, s, charged("c", owed, 3), charged("b", disputed, 3), charged("d", disputed, 3)) // c was billed before
	add(t, s, charged("b", waived, 4), charged("d", waived, 4))
	if got := handedOver(t, s, "2027-01", 10, false); got != "1 CREDIT b WAIVED; 2 CREDIT d WAIVED; EUR -181.00 of 2, 0 wait" {
		t.Errorf("another one: %s", got)
	}
	if got := handedOver(t, s, "early", 10, false); got != "of 0, 0 wait" {
		t.Errorf("of nothing again: %s", got)
	}
	add(t, s, less(charged("c", owed, 4), 40), less(charged("e", owed, 2), 10), charged("f", refused, 1))
	if got := handedOver(t, s, "2027-02", 10, false); got != "1 CREDIT c OWED; with EUR 50.50; 2 BILL e OWED; with EUR 10.00; EUR -40.50 of 2, 0 wait" {
		t.Errorf("settled for less: %s", got)
	}
	list, next, err := s.Exports(t.Context(), mark.Mark{}, 3)
	if err != nil || len(list) != 3 || list[1].GetName() != "chargeExports/2027-01" || list[0].GetCreatedBy() != "clerk" || list[0].GetCreateTime() == nil {
		t.Errorf("%v, %v", list, err)
	}
	if list, _, err = s.Exports(t.Context(), next, 2); err != nil || len(list) != 1 || list[0].GetName() != "chargeExports/2026-11" {
		t.Errorf("the rest: %v, %v", list, err)
	}
	charges, _, err := s.Charges(t.Context(), ChargeQuery{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range charges {
		got += strings.TrimPrefix(c.GetName(), "charges/") + " " + strings.TrimPrefix(c.GetExport(), "chargeExports/") + "; "
	}
	if got != "f ; e 2027-02; d 2027-01; c 2027-02; b 2027-01; a 2026-12; " {
		t.Errorf("charges say: %s", got)
	}
}

// TestWhatIsBilledIsWhatIsOwed: whatever becomes of charges, and whenever is exported, what billing was told to bill of each,
// less what it was told to credit, is what is owed once it is settled; never negative, never more than was promised; and every
// export is as it was.
func TestWhatIsBilledIsWhatIsOwed(t *testing.T) {
	s, round := openQuick(t), 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		var made [][]*ledgerv1.ExportedCharge
		read := func(n, pageLines int) (lines []*ledgerv1.ExportedCharge) {
			q := ExportQuery{Name: fmt.Sprintf("chargeExports/r%d-%d", round, n), Limit: pageLines}
			for {
				page, next, err := s.HandOver(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if lines, q.After = append(lines, page.GetLines()...), next; next == (mark.Mark{}) {
					return lines
				}
			}
		}
		export := func() { made = append(made, read(len(made), rapid.IntRange(1, 3).Draw(t, "page"))) }
		stands, revision := map[string]*ledgerv1.Charge{}, int64(0)
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				export()
				continue
			}
			revision++
			id := fmt.Sprintf("r%d-%s", round, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "charge"))
			r := charged(id, rapid.SampledFrom([]entitlementv1.PromiseState{pending, owed, owed, disputed, waived, lapsed}).Draw(t, "state"), revision)
			if rapid.Bool().Draw(t, "in part") {
				less(r, rapid.Int64Range(1, 90).Draw(t, "units"))
			}
			addIn(t, s, r, charged(id, owed, revision-1)) // and one that is late
			stands["charges/"+id] = r.GetCharge()
		}
		export()
		billed := map[string]int64{}
		for n, was := range made {
			lines := read(n, 1000)
			if len(was) > 0 && len(lines) != len(was) {
				t.Fatalf("export %d had %d lines, and has %d", n, len(was), len(lines))
			}
			for i, l := range was {
				if !proto.Equal(l, lines[i]) {
					t.Fatalf("a line was %v, and is %v", l, lines[i])
				}
			}
			for _, l := range was {
				name := l.GetCharge().GetName()
				if billed[name] += nanosOf(l); billed[name] < 0 || billed[name] > 90_500_000_000 || nanosOf(l) == 0 {
					t.Fatalf("%s is billed %d in all with %v", name, billed[name], l)
				}
			}
		}
		for name, c := range stands {
			if want := owes(c); want.Valid && billed[name] != want.Int64 {
				t.Fatalf("billed %d of %v", billed[name], c)
			}
		}
	})
}

// TestWhatWasHandedOverIsKept: an export is the same for ever, and what nobody billed goes when it is old.
func TestWhatWasHandedOverIsKept(t *testing.T) {
	s := openTemp(t)
	add(t, s, charged("a", owed, 1), charged("b", waived, 1))
	handedOver(t, s, "first", 10, false)
	add(t, s, charged("a", waived, 2))
	if _, err := s.Prune(t.Context(), now().Add(time.Hour), func() {}); err != nil {
		t.Fatal(err)
	}
	if got := handedOver(t, s, "second", 10, false); got != "1 CREDIT a WAIVED; EUR -90.50 of 1, 0 wait" {
		t.Errorf("what was billed is credited, however late: %s", got)
	}
	if _, err := s.Prune(t.Context(), now().Add(time.Hour), func() {}); err != nil {
		t.Fatal(err)
	}
	if got := handedOver(t, s, "first", 10, false); got != "1 BILL a OWED; EUR 90.50 of 1, 0 wait" {
		t.Errorf("an export later: %s", got)
	}
	if charges, _, err := s.Charges(t.Context(), ChargeQuery{Limit: 10}); err != nil || len(charges) != 1 {
		t.Errorf("left: %v, %v", charges, err)
	}
}

// TestTotalsAreOfOneSign: a credit of less than a unit takes nothing of another sign.
func TestTotalsAreOfOneSign(t *testing.T) {
	line := func(kind ledgerv1.ChargeExportKind, code string, units int64, nanos int32) *ledgerv1.ExportedCharge {
		return &ledgerv1.ExportedCharge{Kind: kind, Amount: &money.Money{CurrencyCode: code, Units: units, Nanos: nanos}}
	}
	const bill, credit = ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_BILL, ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_CREDIT
	got := totalsOf([]*ledgerv1.ExportedCharge{
		line(credit, "EUR", 1, 500_000_000), line(bill, "EUR", 1, 0), line(bill, "JPY", 9000, 0), line(bill, "EUR", 0, 900_000_000),
		line(credit, "USD", 0, 10_000_000), line(credit, "USD", 3, 0), line(bill, "USD", 1, 0),
	})
	want := []*money.Money{
		{CurrencyCode: "EUR", Nanos: 400_000_000}, {CurrencyCode: "JPY", Units: 9000}, {CurrencyCode: "USD", Units: -2, Nanos: -10_000_000},
	}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i, m := range want {
		if !proto.Equal(got[i], m) {
			t.Errorf("%v, not %v", got[i], m)
		}
	}
}
