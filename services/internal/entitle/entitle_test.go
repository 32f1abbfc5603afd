package entitle_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

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

func TestJudge(t *testing.T) {
	type list = []*publishedv1.Contract
	for _, c := range []struct {
		name      string
		contracts list
		product   string
		at        int64
		want      entitle.Verdict
	}{
		{"nothing bought", nil, "db", 10, entitle.Verdict{none, -1, entitle.Never}},
		{"in force", list{bought("db", 0, 20)}, "db", 10, entitle.Verdict{contract, 0, 20}},
		{"from its first second", list{bought("db", 10, 20)}, "db", 10, entitle.Verdict{contract, 0, 20}},
		{"not in its last", list{bought("db", 0, 10)}, "db", 10, entitle.Verdict{ended, 0, entitle.Never}},
		{"open-ended", list{bought("db", 0, entitle.Never)}, "db", 10, entitle.Verdict{contract, 0, entitle.Never}},
		{"for every product", list{bought("", 0, 20)}, "db", 10, entitle.Verdict{contract, 0, 20}},
		{"a line for any product", list{bought("web", 0, 20)}, "", 10, entitle.Verdict{contract, 0, 20}},
		{"another product", list{bought("web", 0, 20)}, "db", 10, entitle.Verdict{other, 0, 20}},
		{"another product, ended", list{bought("web", 0, 5)}, "db", 10, entitle.Verdict{none, -1, entitle.Never}},
		{"another product, later", list{bought("web", 15, 20)}, "db", 10, entitle.Verdict{none, -1, 15}},
		{"begins later", list{bought("db", 15, 20)}, "db", 10, entitle.Verdict{notStarted, 0, 15}},
		{
			"a renewal is said before what ended", list{bought("db", 0, 5), bought("db", 15, 20)}, "db", 10,
			entitle.Verdict{notStarted, 1, 15},
		},
		{
			"what ended is said before another product", list{bought("web", 0, 99), bought("db", 0, 5)}, "db", 10,
			entitle.Verdict{ended, 1, entitle.Never},
		},
		{
			"a renewal without a break prolongs", list{bought("db", 20, 30), bought("db", 0, 20), bought("", 25, 40)}, "db", 10,
			entitle.Verdict{contract, 1, 40},
		},
		{
			"the longest of several", list{bought("db", 0, 12), bought("", 0, 30), bought("db", 0, 20)}, "db", 10,
			entitle.Verdict{contract, 1, 30},
		},
	} {
		if got := entitle.Judge(c.contracts, c.product, c.at); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// basisAt is the rule as one would say it aloud.
func basisAt(contracts []*publishedv1.Contract, product string, at int64) entitlementv1.Basis {
	var held []entitlementv1.Basis
	for _, c := range contracts {
		mine := product == "" || c.GetProduct() == "" || c.GetProduct() == product
		inForce := c.GetFromUnixS() <= at && at < c.GetToUnixS()
		switch {
		case mine && inForce:
			held = append(held, contract)
		case mine && c.GetFromUnixS() > at:
			held = append(held, notStarted)
		case mine:
			held = append(held, ended)
		case inForce:
			held = append(held, other)
		}
	}
	for _, b := range []entitlementv1.Basis{contract, notStarted, ended, other} {
		if slices.Contains(held, b) {
			return b
		}
	}
	return none
}

func contracts() *rapid.Generator[[]*publishedv1.Contract] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *publishedv1.Contract {
		from := rapid.Int64Range(0, 30).Draw(t, "from")
		to := from + rapid.Int64Range(1, 12).Draw(t, "length")
		if rapid.IntRange(0, 9).Draw(t, "open-ended") == 0 {
			to = entitle.Never
		}
		return bought(rapid.SampledFrom([]string{"", "db", "web"}).Draw(t, "product"), from, to)
	}), 0, 6)
}

func TestJudgeAgreesWithTheRuleSaidAloud(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := contracts().Draw(t, "contracts")
		product := rapid.SampledFrom([]string{"", "db", "web", "mail"}).Draw(t, "line's product")
		at := rapid.Int64Range(-2, 45).Draw(t, "at")
		got := entitle.Judge(list, product, at)
		if want := basisAt(list, product, at); got.Basis != want {
			t.Fatalf("basis %v, want %v", got.Basis, want)
		}
		// Nothing in these lists begins or ends after 45, but what never does.
		want := int64(entitle.Never)
		for later := at + 1; later <= 46; later++ {
			if basisAt(list, product, later) != got.Basis {
				want = later
				break
			}
		}
		if got.UntilUnixS != want {
			t.Fatalf("%v until %d, want %d", got.Basis, got.UntilUnixS, want)
		}
		if (got.Contract >= 0) == (got.Basis == none) {
			t.Fatalf("%v rests on contract %d", got.Basis, got.Contract)
		}
		if got.Contract >= 0 && basisAt(list[got.Contract:got.Contract+1], product, at) != got.Basis {
			t.Fatalf("contract %d is no ground for %v", got.Contract, got.Basis)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	list := []*publishedv1.Contract{bought("web", 0, 20), bought("db", 0, 5), bought("db", 10, 30)}
	b.ReportAllocs()
	for b.Loop() {
		entitle.Judge(list, "db", 15)
	}
}
