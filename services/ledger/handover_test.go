package ledger_test

import (
	"testing"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// TestChargesAreHandedOverToBilling: a page of one export is none of another, and it is told who made it.
func TestChargesAreHandedOverToBilling(t *testing.T) {
	o := open(t, 0)
	o.add(t, o.charge("a", "customers/acme", owed, 1, 0), o.charge("b", "", owed, 1, 1), o.charge("c", "", pending, 1, 2))
	ask := func(name, token string, size int32) (*ledgerv1.HandOverChargesResponse, error) {
		return o.business(t).HandOverCharges(as(t.Context(), rpcv1.Role_ROLE_SUPERVISOR),
			&ledgerv1.HandOverChargesRequest{Name: "chargeExports/" + name, PageToken: token, PageSize: size})
	}
	first, err := ask("2026-11", "", 1)
	if err != nil || !first.GetMade() || first.GetExport().GetLines() != 2 || first.GetExport().GetTotals()[0].GetUnits() != 180 ||
		first.GetExport().GetCreatedBy() != "tester" || !first.GetExport().GetCreateTime().AsTime().Equal(began()) {
		t.Fatalf("%v, %v", first, err)
	}
	l := first.GetLines()[0]
	if l.GetCharge().GetNumber() != "+13035550101" || l.GetCharge().GetExport() != "chargeExports/2026-11" ||
		l.GetKind() != ledgerv1.ChargeExportKind_CHARGE_EXPORT_KIND_BILL || l.GetAmount().GetUnits() != 90 {
		t.Errorf("%v", l)
	}
	if _, err := ask("2026-12", first.GetNextPageToken(), 1); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("with a page of another one: %v", err)
	}
	if exports, err := o.business(t).ListChargeExports(t.Context(), &ledgerv1.ListChargeExportsRequest{}); err != nil || len(exports.GetExports()) != 1 {
		t.Errorf("that one was made: %v, %v", exports, err)
	}
	rest, err := ask("2026-11", first.GetNextPageToken(), 5)
	if err != nil || rest.GetMade() || len(rest.GetLines()) != 1 || rest.GetLines()[0].GetPlace() != 2 || rest.GetNextPageToken() != "" {
		t.Errorf("%v, %v", rest, err)
	}
	forged := o.charge("d", "", owed, 1, 3)
	forged.GetCharge().Export, forged.GetCharge().Billed = "chargeExports/2026-11", forged.GetCharge().GetAmount()
	o.add(t, forged)
	charges, err := o.business(t).ListCharges(t.Context(), &ledgerv1.ListChargesRequest{})
	if err != nil || charges.GetCharges()[0].GetExport() != "" || charges.GetCharges()[3].GetExport() != "chargeExports/2026-11" ||
		charges.GetCharges()[0].GetBilled() != nil || charges.GetCharges()[3].GetBilled().GetUnits() != 90 {
		t.Errorf("%v, %v", charges, err)
	}
}
