// Package money reads, checks and shows the amounts of the API, google.type.Money, for services, edges, commands and
// gateways alike: one way to write them. Sums are made of integers, in the smallest unit of a currency (cents), never of
// floating-point numbers. It converts no currency into another, and is pure.
//
// Decimals are those of ISO 4217. The tables of golang.org/x/text/currency are CLDR's, which says what people usually
// write, and differs for a dozen currencies: so they are not taken.
package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	moneypb "google.golang.org/genproto/googleapis/type/money"
)

const (
	// MaxUnits is the most that an amount may be, in whole units: far above any price, and a million of them can be added.
	MaxUnits = 1_000_000_000
	// nanosInUnit are nanos in one unit; nanoDigits are the decimals that make them.
	nanosInUnit = 1_000_000_000
	nanoDigits  = 9
	// codeLetters of a currency (ISO 4217).
	codeLetters = 3
	// maxTextBytes of an amount as it is written.
	maxTextBytes = 64
	// usualDecimals are those of a currency that the table does not name.
	usualDecimals = 2
)

// Codes of currencies in use, ISO 4217 list one (2026), without funds, metals and codes for tests.
const codes = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF " +
	"CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD " +
	"HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD " +
	"LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK " +
	"PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS " +
	"TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"

// Decimals of a currency, by its ISO 4217 code in capitals; false where it is none in use.
func Decimals(code string) (decimals int, ok bool) {
	if len(code) != 3 || !strings.Contains(" "+codes+" ", " "+code+" ") {
		return 0, false
	}
	switch code {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0, true
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3, true
	}
	return usualDecimals, true
}

// Rule is what is wrong with an amount, "" where nothing is: a currency in use, not negative, no more decimals than it
// has, at most MaxUnits.
func Rule(m *moneypb.Money) string {
	decimals, ok := Decimals(m.GetCurrencyCode())
	units, nanos := m.GetUnits(), m.GetNanos()
	switch {
	case !ok:
		return "must be in a currency of ISO 4217, such as EUR"
	case nanos >= nanosInUnit || nanos <= -nanosInUnit:
		return "must have nanos between -999,999,999 and 999,999,999"
	case units > 0 && nanos < 0, units < 0 && nanos > 0:
		return "must have units and nanos of the same sign"
	case units < 0 || nanos < 0:
		return "must not be negative"
	case units > MaxUnits, units == MaxUnits && nanos > 0:
		return fmt.Sprintf("must be at most %d", int64(MaxUnits))
	case int64(nanos)%nanosOf(decimals) != 0:
		return fmt.Sprintf("must have at most %s: %s has no more", decimalsInWords(decimals), m.GetCurrencyCode())
	}
	return ""
}

func decimalsInWords(n int) string {
	switch n {
	case 0:
		return "no decimals"
	default:
		return strconv.Itoa(n) + " decimals"
	}
}

// nanosOf is what one smallest unit is.
func nanosOf(decimals int) int64 {
	nanos := int64(nanosInUnit)
	for range decimals {
		nanos /= 10
	}
	return nanos
}

// ErrAmount is an amount that breaks Rule.
var ErrAmount = errors.New("is no amount of money")

// Minor is an amount in the smallest unit of its currency, such as cents; ErrAmount where it breaks Rule.
func Minor(m *moneypb.Money) (int64, error) {
	if rule := Rule(m); rule != "" {
		return 0, fmt.Errorf("%w: %s", ErrAmount, rule)
	}
	decimals, _ := Decimals(m.GetCurrencyCode())
	one := nanosOf(decimals)
	return m.GetUnits()*(nanosInUnit/one) + int64(m.GetNanos())/one, nil
}

// FromMinor is minor smallest units of a currency; nil of one that is not in use.
func FromMinor(code string, minor int64) *moneypb.Money {
	decimals, ok := Decimals(code)
	if !ok {
		return nil
	}
	one := nanosOf(decimals)
	in := nanosInUnit / one
	return &moneypb.Money{CurrencyCode: code, Units: minor / in, Nanos: int32(minor % in * one)}
}

// Same says whether two amounts are the same, of the same currency.
func Same(a, b *moneypb.Money) bool {
	return a.GetCurrencyCode() == b.GetCurrencyCode() && a.GetUnits() == b.GetUnits() && a.GetNanos() == b.GetNanos()
}

// String is an amount as programs and people write it: "EUR 90.00", "JPY 9000". Of one that breaks Rule it shows all
// decimals.
func String(m *moneypb.Money) string {
	if m == nil {
		return ""
	}
	decimals, ok := Decimals(m.GetCurrencyCode())
	units, nanos, sign := m.GetUnits(), int64(m.GetNanos()), ""
	if units < 0 || nanos < 0 {
		sign = "-"
	}
	all := fmt.Sprintf("%09d", magnitude(nanos))
	if !ok || len(strings.TrimRight(all, "0")) > decimals {
		decimals = len(strings.TrimRight(all, "0"))
	}
	fraction := ""
	if decimals > 0 {
		fraction = "." + all[:min(decimals, len(all))]
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s%d%s", m.GetCurrencyCode(), sign, magnitude(units), fraction))
}

// magnitude is without the sign; of the smallest number, too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Parse reads an amount as people and files write it: "EUR 90.00", or "90 EUR"; else it says how amounts are written. What
// is right to ask of one, such as how many decimals its currency has, is Rule's.
func Parse(text string) (m *moneypb.Money, rule string) {
	const form = `must be a currency and an amount, such as "EUR 90.00"`
	fields := strings.Fields(text)
	if len(fields) != 2 || len(text) > maxTextBytes {
		return nil, form
	}
	code, amount := fields[0], fields[1]
	if !isCode(code) {
		code, amount = amount, code
	}
	whole, part, pointed := strings.Cut(amount, ".")
	if !isCode(code) || !isNumber(whole) || pointed && (!isNumber(part) || len(part) > nanoDigits) {
		return nil, form
	}
	units, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return nil, fmt.Sprintf("must be at most %d", int64(MaxUnits))
	}
	nanos, err := strconv.ParseInt(part+strings.Repeat("0", nanoDigits-len(part)), 10, 32)
	if err != nil {
		return nil, form
	}
	return &moneypb.Money{CurrencyCode: strings.ToUpper(code), Units: units, Nanos: int32(nanos)}, ""
}

func isCode(s string) bool {
	return len(s) == codeLetters && strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
