// Package contracts checks a customer and compiles it to what views need: numbers as integers, contract dates as instants
// of the customer's zone, and the cases being worked on. It also reads dates back from instants, for people.
//
// It is pure, and judges one customer: whether somebody is entitled is package check's, over what is compiled here.
package contracts

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// Zones finds the rules of a time zone by its IANA name; an INVALID_FIELD fault says what is wrong with a name.
type Zones interface {
	Location(name string) (*time.Location, error)
}

// customerNames is what names of customers begin with.
const customerNames = "customers/"

// Compile is the record to publish for a customer, or an INVALID_FIELD fault that names every broken rule. The name is
// known to be customers/ID.
func Compile(c *entitlementv1.Customer, zones Zones) (*publishedv1.Customer, error) {
	k := compiler{loc: time.UTC}
	k.zone(c.GetTimeZone(), zones)
	out := &publishedv1.Customer{
		Id:          strings.TrimPrefix(c.GetName(), customerNames),
		DisplayName: c.GetDisplayName(),
		Numbers:     k.numbers("", c.GetPhoneNumbers()),
		Contracts:   k.contracts(c.GetContracts()),
		TimeZone:    c.GetTimeZone(),
		OpenCases:   k.cases(c.GetOpenCases()),
		HasPin:      c.GetHasPin(),
		HasPhrase:   c.GetHasPhrase(),
		Parent:      strings.TrimPrefix(c.GetParent(), customerNames),
		Partners:    k.partners(c),
		Calendars:   ids(c.GetCalendars(), "calendars/"),
		Locality:    c.GetLocality(),
		Language:    c.GetLanguage(),
	}
	out.SuspendedFromUnixS, out.SuspendedToUnixS = k.suspension("suspension", c.GetSuspension())
	out.Numbers = k.contacts(c.GetContacts(), out.Numbers)
	k.names(c)
	k.identities(c)
	if err := k.broken.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// compiler gathers what is wrong on its way, so that one answer names all of it.
type compiler struct {
	broken fault.Violations
	loc    *time.Location
}

func (k *compiler) names(c *entitlementv1.Customer) {
	k.name("display_name", c.GetDisplayName())
	first := map[string]string{}
	for i, a := range c.GetAliases() {
		path := fmt.Sprintf("aliases[%d]", i)
		k.name(path, a)
		folded := strings.ToLower(strings.TrimSpace(a))
		if was, ok := first[folded]; ok {
			k.broken.Add(path, a, "is "+was+" again; each alias once, whatever its case")
			continue
		}
		first[folded] = path
	}
}

// name checks text that people read and callers say.
func (k *compiler) name(path, s string) {
	switch {
	case strings.TrimSpace(s) == "":
		k.broken.Add(path, s, "is required")
	default:
		k.text(path, s)
	}
}

// text checks what people read: any script, in either direction, but nothing that changes how the text around it looks.
func (k *compiler) text(path, s string) {
	if strings.ContainsFunc(s, steers) {
		k.broken.Add(path, strings.Map(visible, s), "must hold no control characters, and none that turn the direction of text")
	}
}

// steers says whether a character controls a terminal, or embeds, overrides or isolates a direction (UAX #9): with those a
// name can be made to look like another one. Marks that letters of some scripts need (ZWJ, ZWNJ, RLM) are not among them.
func steers(r rune) bool {
	return unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// visible keeps an error from carrying to a terminal what it complains of.
func visible(r rune) rune {
	if steers(r) {
		return unicode.ReplacementChar
	}
	return r
}

func (k *compiler) zone(name string, zones Zones) {
	if name == "" {
		return
	}
	loc, err := zones.Location(name)
	if err == nil {
		k.loc = loc
		return
	}
	var f *fault.Fault
	if errors.As(err, &f) && len(f.Violations) > 0 {
		k.broken.Append(f.Violations...)
		return
	}
	k.broken.Add("time_zone", name, "cannot be used")
}

// numbers are those of a list; each path begins with the given one.
func (k *compiler) numbers(within string, list []*phone_number.PhoneNumber) []uint64 {
	out := make([]uint64, 0, len(list))
	first := make(map[phone.Number]int, len(list))
	for i, p := range list {
		path := fmt.Sprintf("%sphone_numbers[%d]", within, i)
		n, ok := phone.Parse(p.GetE164Number())
		switch was, again := first[n]; {
		case p.GetExtension() != "":
			k.broken.Add(path, "", "must be E.164 without an extension")
		case !ok:
			k.broken.Add(path, phone.Mask(p.GetE164Number()),
				"must be E.164: a plus sign, then 7 to 15 digits that begin with a country code")
		case again:
			k.broken.Add(path, n.Masked(), fmt.Sprintf("is %sphone_numbers[%d] again; each number once", within, was))
		default:
			first[n] = i
			out = append(out, uint64(n))
		}
	}
	return out
}

func (k *compiler) contracts(list []*entitlementv1.Contract) []*publishedv1.Contract {
	out := make([]*publishedv1.Contract, 0, len(list))
	first := make(map[string]int, len(list))
	for i, c := range list {
		path := fmt.Sprintf("contracts[%d]", i)
		k.name(path+".contract_id", c.GetContractId())
		if was, again := first[c.GetContractId()]; again {
			k.broken.Add(path+".contract_id", c.GetContractId(), fmt.Sprintf("is that of contracts[%d]; each id once", was))
		} else {
			first[c.GetContractId()] = i
		}
		from, to := k.term(path, c)
		p := &publishedv1.Contract{
			Id: c.GetContractId(), Plan: c.GetPlan(), Product: c.GetProduct(), FromUnixS: from, ToUnixS: to,
			OwnOnly: c.GetExcludesSubAccounts(), GraceS: k.grace(c, to),
			GraceShifts: k.shifts(c, to),
		}
		p.SuspendedFromUnixS, p.SuspendedToUnixS = k.suspension(path+".suspension", c.GetSuspension())
		out = append(out, p)
	}
	return out
}

// cases are those being worked on, in the same order. Whether a site exists is not asked: a case comes from another system,
// and one of a site that is gone prefers none.
func (k *compiler) cases(list []*entitlementv1.OpenCase) []*publishedv1.OpenCase {
	out := make([]*publishedv1.OpenCase, 0, len(list))
	first := make(map[string]int, len(list))
	for i, c := range list {
		path := fmt.Sprintf("open_cases[%d]", i)
		k.name(path+".case_id", c.GetCaseId())
		if was, again := first[c.GetCaseId()]; again {
			k.broken.Add(path+".case_id", c.GetCaseId(), fmt.Sprintf("is that of open_cases[%d]; each case once", was))
		} else {
			first[c.GetCaseId()] = i
		}
		k.text(path+".title", c.GetTitle())
		out = append(out, &publishedv1.OpenCase{
			Id: c.GetCaseId(), Site: strings.TrimPrefix(c.GetSite(), "sites/"), Title: c.GetTitle(),
		})
	}
	return out
}

// term is the time over which a contract is in force: from the first instant of its first date to that of the date after
// its last one.
func (k *compiler) term(path string, c *entitlementv1.Contract) (fromUnixS, toUnixS int64) {
	start := k.date(path+".start_date", c.GetStartDate())
	if c.GetEndDate() == nil {
		if !start {
			return 0, 0
		}
		return hours.Begins(k.loc, civil(c.GetStartDate())), published.OpenEnded
	}
	end := k.date(path+".end_date", c.GetEndDate())
	if !start || !end {
		return 0, 0
	}
	fromUnixS = hours.Begins(k.loc, civil(c.GetStartDate()))
	toUnixS = hours.Begins(k.loc, civil(c.GetEndDate()).AddDays(1))
	if fromUnixS >= toUnixS {
		k.broken.Add(path+".end_date", text(c.GetEndDate()), "must not be before start_date, "+text(c.GetStartDate()))
	}
	return fromUnixS, toUnixS
}

func (k *compiler) date(path string, d *date.Date) bool {
	if d == nil {
		k.broken.Add(path, "", "is required")
		return false
	}
	if !exists(d) {
		k.broken.Add(path, text(d), fmt.Sprintf("must be a date that exists, %d to %d", minYear, maxYear))
		return false
	}
	return true
}
