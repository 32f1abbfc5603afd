package money_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	amounts "github.com/daysidehq/dayside/api/money"
)

func of(code string, units int64, nanos int32) *money.Money {
	return &money.Money{CurrencyCode: code, Units: units, Nanos: nanos}
}

// TestAmounts: what is right, how it is shown, and what is said of what is not.
func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		m           *money.Money
		shown, rule string
		minor       int64
	}{
		{of("EUR", 90, 0), "EUR 90.00", "", 9000},
		{of("EUR", 0, 990_000_000), "EUR 0.99", "", 99},
		{of("JPY", 9000, 0), "JPY 9000", "", 9000},
		{of("KWD", 1, 5_000_000), "KWD 1.005", "", 1005},
		{of("HUF", 12, 340_000_000), "HUF 12.34", "", 1234}, // CLDR says 0: people leave them out
		{of("EUR", 0, 0), "EUR 0.00", "", 0},
		{of("EUR", amounts.MaxUnits, 0), "EUR 1000000000.00", "", amounts.MaxUnits * 100},
		{of("EUR", 90, 5_000_000), "EUR 90.005", "at most 2 decimals", 0},
		{of("JPY", 90, 500_000_000), "JPY 90.5", "at most no decimals", 0},
		{of("EUR", 90, 1), "EUR 90.000000001", "at most 2 decimals", 0},
		{of("EUR", -1, 0), "EUR -1.00", "must not be negative", 0},
		{of("EUR", 0, -10_000_000), "EUR -0.01", "must not be negative", 0},
		{of("EUR", 1, -10_000_000), "", "same sign", 0},
		{of("EUR", 1, 1_000_000_000), "", "nanos", 0},
		{of("EUR", amounts.MaxUnits, 10_000_000), "", "at most 1000000000", 0},
		{of("EUR", math.MinInt64, 0), "EUR -9223372036854775808.00", "must not be negative", 0},
		{of("DEM", 1, 0), "DEM 1", "ISO 4217", 0},
		{of("eur", 1, 0), "", "ISO 4217", 0},
		{of("XAU", 1, 0), "", "ISO 4217", 0},
		{of("", 1, 0), "1", "ISO 4217", 0},
		{of("R U", 1, 0), "", "ISO 4217", 0},
		{nil, "", "ISO 4217", 0},
	} {
		if got := amounts.String(c.m); c.shown != "" && got != c.shown {
			t.Errorf("%v is shown as %q, want %q", c.m, got, c.shown)
		}
		got := amounts.Rule(c.m)
		if (got == "") != (c.rule == "") || !strings.Contains(got, c.rule) {
			t.Errorf("%v: %q, want %q", c.m, got, c.rule)
		}
		minor, err := amounts.Minor(c.m)
		if minor != c.minor || (err != nil) != (c.rule != "") || err != nil && !errors.Is(err, amounts.ErrAmount) {
			t.Errorf("%v: %d, %v", c.m, minor, err)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"90 EUR": "EUR 90.00", "EUR 90.5": "EUR 90.50", " 0.99  usd ": "USD 0.99", "JPY 100": "JPY 100", "1.005 KWD": "KWD 1.005",
		"EUR 1.001": "EUR 1.001", "0.5 JPY": "JPY 0.5", "1 XXX": "XXX 1", // for Rule
	} {
		if m, rule := amounts.Parse(text); rule != "" || amounts.String(m) != want {
			t.Errorf("%q: %v, %q", text, m, rule)
		}
	}
	for _, text := range []string{
		"", "90", "EUR", "90 EUR 1", "-1 EUR", "1,50 EUR", "1.000,50 EUR", "1'000 CHF", "1. EUR", ".5 EUR", "99999999999999999999 EUR",
		"1e3 EUR", "+1 EUR", "EUR USD", "1 2", "90 EURO", "€90", "1.1234567890 EUR", strings.Repeat("1", 100) + " EUR", "١ EUR",
	} {
		if m, rule := amounts.Parse(text); rule == "" {
			t.Errorf("%q: %v", text, m)
		}
	}
}

// TestThereAndBack: what is counted in smallest units is the same amount.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "USD", "CLP"}).Draw(t, "currency")
		minor := rapid.Int64Range(0, amounts.MaxUnits).Draw(t, "minor")
		m := amounts.FromMinor(code, minor)
		back, err := amounts.Minor(m)
		if err != nil || back != minor {
			t.Fatalf("%d of %s is %v, and back %d, %v", minor, code, m, back, err)
		}
		read, rule := amounts.Parse(amounts.String(m))
		if rule != "" || !proto.Equal(read, m) || !amounts.Same(read, m) {
			t.Fatalf("%q is %v: %s", amounts.String(m), read, rule)
		}
	})
}

// FuzzParse: whatever is typed, an amount or a rule; and what is read is shown so that it is read again.
func FuzzParse(f *testing.F) {
	f.Add("90.00 EUR")
	f.Add("JPY 1")
	f.Fuzz(func(t *testing.T, text string) {
		m, rule := amounts.Parse(text)
		if (m == nil) == (rule == "") {
			t.Fatalf("%q: %v and %q", text, m, rule)
		}
		if m == nil {
			return
		}
		if again, rule := amounts.Parse(amounts.String(m)); rule != "" || !amounts.Same(m, again) {
			t.Fatalf("%q: %v is %v again: %s", text, m, again, rule)
		}
	})
}
