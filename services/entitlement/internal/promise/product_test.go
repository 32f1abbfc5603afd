package promise_test

import (
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
)

// TestBillingIsToldForWhichProduct: the offer's own, else that of the line that was called; also of what is settled, or was
// not taken.
func TestBillingIsToldForWhichProduct(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*promise.Facts)
		want   string
	}{
		"the line's":       {func(*promise.Facts) {}, "db"},
		"the offer's":      {func(f *promise.Facts) { f.Offer.Product = "web" }, "web"},
		"nobody says":      {func(f *promise.Facts) { f.Line.Product = "" }, ""},
		"no line is known": {func(f *promise.Facts) { f.Line = nil }, ""},
		"of what is gone":  {func(f *promise.Facts) { f.Offer = nil }, "db"},
	} {
		f, r := facts(start()), request(nobody)
		c.change(&f)
		r.Kept, r.CallId = true, "c1"
		p := promise.Accept(r, f).Promise
		if p.GetProduct() != c.want || promise.Charge(p, 1).GetProduct() != c.want {
			t.Errorf("%s: %q, %q charged, want %q", what, p.GetProduct(), promise.Charge(p, 1).GetProduct(), c.want)
		}
		settled, err := promise.Settle(p, promise.Settlement{
			What: entitlementv1.Settlement_SETTLEMENT_WAIVE, Reason: "a gift", By: "mary", At: start(),
		})
		if err != nil || promise.Charge(settled, 2).GetProduct() != c.want {
			t.Errorf("%s, waived: %v, %v", what, settled, err)
		}
	}
}
