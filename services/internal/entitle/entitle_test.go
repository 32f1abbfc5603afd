package entitle_test

import (
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
)

const (
	contract   = entitlementv1.Basis_BASIS_CONTRACT
	none       = entitlementv1.Basis_BASIS_NO_CONTRACT
	notStarted = entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED
	ended      = entitlementv1.Basis_BASIS_CONTRACT_ENDED
	other      = entitlementv1.Basis_BASIS_OTHER_PRODUCT
)

func bought(product string, from, to int64) *publishedv1.Contract {
	return &publishedv1.Contract{Id: product, Product: product, FromUnixS: from, ToUnixS: to}
}

// verdict is what is said of one customer that has contracts only.
type verdict struct {
	Basis    entitlementv1.Basis
	Contract int
	Until    int64
}

func TestContractsAlone(t *testing.T) {
	type list = []*publishedv1.Contract
	for _, c := range []struct {
		name      string
		contracts list
		product   string
		at        int64
		want      verdict
	}{
		{"nothing bought", nil, "db", 10, verdict{none, -1, entitle.Never}},
		{"in force", list{bought("db", 0, 20)}, "db", 10, verdict{contract, 0, 20}},
		{"from its first second", list{bought("db", 10, 20)}, "db", 10, verdict{contract, 0, 20}},
		{"not in its last", list{bought("db", 0, 10)}, "db", 10, verdict{ended, 0, entitle.Never}},
		{"open-ended", list{bought("db", 0, entitle.Never)}, "db", 10, verdict{contract, 0, entitle.Never}},
		{"for every product", list{bought("", 0, 20)}, "db", 10, verdict{contract, 0, 20}},
		{"a line for any product", list{bought("web", 0, 20)}, "", 10, verdict{contract, 0, 20}},
		{"another product", list{bought("web", 0, 20)}, "db", 10, verdict{other, 0, 20}},
		{"another product, ended", list{bought("web", 0, 5)}, "db", 10, verdict{none, -1, entitle.Never}},
		{"another product, later", list{bought("web", 15, 20)}, "db", 10, verdict{none, -1, 15}},
		{"begins later", list{bought("db", 15, 20)}, "db", 10, verdict{notStarted, 0, 15}},
		{
			"a renewal is said before what ended", list{bought("db", 0, 5), bought("db", 15, 20)}, "db", 10,
			verdict{notStarted, 1, 15},
		},
		{
			"what ended is said before another product", list{bought("web", 0, 99), bought("db", 0, 5)}, "db", 10,
			verdict{ended, 1, entitle.Never},
		},
		{
			"a renewal without a break prolongs", list{bought("db", 20, 30), bought("db", 0, 20), bought("", 25, 40)}, "db", 10,
			verdict{contract, 1, 40},
		},
		{
			"the longest of several", list{bought("db", 0, 12), bought("", 0, 30), bought("db", 0, 20)}, "db", 10,
			verdict{contract, 1, 30},
		},
	} {
		party := entitle.PartyOf(&publishedv1.Customer{Contracts: c.contracts}, nil)
		a := entitle.Ask([]entitle.Party{party}, catalog{}, entitle.Question{Product: c.product, AtUnixS: c.at})
		if got := (verdict{a.Basis, a.Contract, a.UntilUnixS}); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
