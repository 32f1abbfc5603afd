package contacttext

import (
	"strconv"
	"strings"
	"time"

	moneypb "google.golang.org/genproto/googleapis/type/money"

	"github.com/daysidehq/dayside/api/money"
)

// When is an instant as the language writes it, on the wall clock of a zone, whose abbreviation it says. A zone that has
// none is said by its offset.
func (t *Text) When(at time.Time, zone *time.Location) string {
	at = at.In(zone)
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		day = t.First
	}
	return Fill(t.Moment, "day", day, "month", t.Months[at.Month()-1], "year", strconv.Itoa(at.Year()),
		"time", at.Format("15:04"), "zone", ZoneName(at))
}

// ZoneName is what an instant's zone is called then: its abbreviation, or, where the zone rules have only an offset in its
// place, such as -03, that from UTC.
func ZoneName(at time.Time) string {
	name, _ := at.Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		return "UTC" + name
	}
	return name
}

// noBreak is the blank at which no line ends (U+00A0).
const noBreak = "\u00a0"

// Amount is an amount of money as the language writes it.
func (t *Text) Amount(m *moneypb.Money) string {
	if m == nil {
		return t.NoAmount
	}
	text := money.String(m)
	code, amount, ok := strings.Cut(text, " ")
	if !t.Comma || !ok {
		return text
	}
	return strings.Replace(amount, ".", ",", 1) + noBreak + code
}
