package check_test

import (
	"fmt"
	"testing"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/check"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/zones"
)

func TestAnswersNameTheContractWithItsDates(t *testing.T) {
	bundle, err := zones.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	dublin, err := bundle.Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 7, 1, 0, 0, 0, 0, dublin)
	to := time.Date(2026, 8, 1, 0, 0, 0, 0, dublin)
	c := &publishedv1.Customer{Id: "acme", DisplayName: "Acme", Contracts: []*publishedv1.Contract{
		{Id: "c1", Plan: "gold", Product: "db", FromUnixS: from.Unix(), ToUnixS: to.Unix()},
		{Id: "c2", Plan: "gold", Product: "web", FromUnixS: from.Unix(), ToUnixS: published.OpenEnded},
	}}
	for _, want := range []struct {
		at       time.Time
		product  string
		basis    entitlementv1.Basis
		contract string
		until    int64
	}{
		{from, "db", entitlementv1.Basis_BASIS_CONTRACT, "c1 2026-07-01 2026-07-31", to.Unix()},
		{from.Add(-time.Second), "db", entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED, "c1 2026-07-01 2026-07-31", from.Unix()},
		{to, "db", entitlementv1.Basis_BASIS_CONTRACT_ENDED, "c1 2026-07-01 2026-07-31", 0},
		{to, "web", entitlementv1.Basis_BASIS_CONTRACT, "c2 2026-07-01", 0},
		{to, "mail", entitlementv1.Basis_BASIS_OTHER_PRODUCT, "c2 2026-07-01", 0},
		{from.Add(-time.Second), "mail", entitlementv1.Basis_BASIS_NO_CONTRACT, "", from.Unix()},
	} {
		got := check.Entitlement(c, want.product, want.at.Unix(), dublin)
		if got.GetBasis() != want.basis || got.GetEntitled() != (want.basis == entitlementv1.Basis_BASIS_CONTRACT) ||
			got.GetValidUntil().GetSeconds() != want.until || shown(got.GetContract()) != want.contract ||
			got.GetCustomer() != "customers/acme" || got.GetDisplayName() != "Acme" {
			t.Errorf("at %v for %s: got %v, want %+v", want.at, want.product, got, want)
		}
	}
}

func shown(c *entitlementv1.Contract) string {
	if c == nil {
		return ""
	}
	text := c.GetContractId()
	if d := c.GetStartDate(); d != nil {
		text += fmt.Sprintf(" %04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
	}
	if d := c.GetEndDate(); d != nil {
		text += fmt.Sprintf(" %04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
	}
	return text
}
