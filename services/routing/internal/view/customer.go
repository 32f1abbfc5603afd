package view

import (
	"errors"
	"fmt"
	"slices"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// Case is being worked on.
type Case struct {
	// ID is the case's in the system that keeps it.
	ID string
	// SiteID is the ID of the site that works on it; empty where none does.
	SiteID string
	// Title is for people.
	Title string
}

// Partner is a customer that may call for another one.
type Partner struct {
	// ID is the partner's.
	ID string
	// Product it may call about; any where empty.
	Product string
	// ToUnixS is until when, Unix seconds; entitle.Never where it is open-ended.
	ToUnixS int64
}

// Customer is who pays, as decisions see it. It is read from its record when it is looked up: two look-ups answer with two
// of them. What it holds is read, not changed.
type Customer struct {
	// Name is "customers/ID".
	Name string
	// DisplayName is for people, and so is Locality: town and country, to tell it from others.
	DisplayName, Locality string
	// LanguageTag is the BCP 47 tag of the language its people speak; empty where not known.
	LanguageTag string
	// TimeZone (IANA) and CalendarIDs are those of its plans' hours.
	TimeZone    string
	CalendarIDs []string
	// Contracts in no particular order.
	Contracts []entitle.Contract
	// Suspended is nil where it is not.
	Suspended *entitle.Span
	// ParentID is the customer whose contracts it has, too; empty where there is none.
	ParentID string
	// Partners may call for it.
	Partners []Partner
	// Cases being worked on, the latest first.
	Cases []Case
	// HasPIN and HasPhrase say whether callers can show a PIN, or a phrase.
	HasPIN, HasPhrase bool

	// strict has text checked, and numbers read, each once.
	strict  bool
	numbers []phone.Number
	// said is how many numbers there were, with those that were said twice.
	said int
	// grants and used are room for what the customer has besides.
	grants []entitle.Grant
	used   []entitle.Use
}

// fewContracts is how many contracts of a customer there is room for at first.
const fewContracts = 4

// ID is the last part of its name.
func (c *Customer) ID() string { return c.Name[min(len(customerNames), len(c.Name)):] }

// CaseSite is the ID of the site that works on the latest of the open cases that a site works on; empty where there is none.
func (c *Customer) CaseSite() string {
	for _, k := range c.Cases {
		if k.SiteID != "" {
			return k.SiteID
		}
	}
	return ""
}

// customerAt reads a record of a view into c.
func customerAt(all *records, which ref, c *Customer) *Customer {
	c.unpack(all.at(which))
	return c
}

// again empties it, but for the memory of its lists, so that a published one can be read.
func (c *Customer) again() {
	calendars, partners, cases, contracts := c.CalendarIDs[:0], c.Partners[:0], c.Cases[:0], c.Contracts[:0]
	*c = Customer{
		CalendarIDs: calendars, Partners: partners, Cases: cases, Contracts: contracts,
		strict: c.strict, numbers: c.numbers[:0],
	}
}

// The fields of publishedv1.Customer; a test compares what is read with what proto.Unmarshal reads.
const (
	customerDisplayName   = 2
	customerNumbers       = 3
	customerContracts     = 4
	customerTimeZone      = 5
	customerOpenCases     = 6
	customerHasPIN        = 7
	customerParent        = 8
	customerPartners      = 9
	customerCalendars     = 10
	customerHasPhrase     = 11
	customerSuspendedFrom = 12
	customerSuspendedTo   = 13
	customerLocality      = 14
	customerLanguage      = 15
)

// read reads a publishedv1.Customer.
func (c *Customer) read(value string) error {
	w := wire{s: value, strict: c.strict}
	var suspended entitle.Span
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number <= customerLanguage:
			c.readBytes(&w, number)
		case kind == wireVarint && number == customerHasPIN:
			c.HasPIN = w.varint() != 0
		case kind == wireVarint && number == customerHasPhrase:
			c.HasPhrase = w.varint() != 0
		case kind == wireVarint && number == customerSuspendedFrom:
			suspended.FromUnixS = int64(w.varint()) //nolint:gosec // two's complement, as the encoding says
		case kind == wireVarint && number == customerSuspendedTo:
			suspended.ToUnixS = int64(w.varint()) //nolint:gosec // see above
		case kind == wireFixed64 && number == customerNumbers:
			c.addNumber(w.fixed64())
		default:
			w.skip(kind)
		}
	}
	c.Suspended = spanOf(suspended)
	return c.check(w.bad)
}

func (c *Customer) readBytes(w *wire, number uint64) {
	switch number {
	case customerDisplayName:
		c.DisplayName = w.text()
	case customerNumbers:
		packed := w.message()
		for c.strict && packed.s != "" {
			c.addNumber(packed.fixed64())
		}
		w.join(packed)
	case customerContracts:
		if cap(c.Contracts) == 0 {
			c.Contracts = make([]entitle.Contract, 0, fewContracts)
		}
		k := w.message()
		c.Contracts = append(c.Contracts, readContract(&k))
		w.join(k)
	case customerTimeZone:
		c.TimeZone = w.text()
	case customerOpenCases:
		k := w.message()
		c.Cases = append(c.Cases, readCase(&k))
		w.join(k)
	case customerParent:
		c.ParentID = w.text()
	case customerPartners:
		k := w.message()
		c.Partners = append(c.Partners, readPartner(&k))
		w.join(k)
	case customerCalendars:
		c.CalendarIDs = append(c.CalendarIDs, w.text())
	case customerLocality:
		c.Locality = w.text()
	case customerLanguage:
		c.LanguageTag = w.text()
	case 1:
		w.text() // the ID, which its name has
	default:
		w.skip(wireBytes)
	}
}

// addNumber notes a number that the customer calls from.
func (c *Customer) addNumber(digits uint64) {
	c.said++
	if n := phone.Number(digits); c.strict && n != 0 && c.said <= maxCustomerNumbers && !slices.Contains(c.numbers, n) {
		c.numbers = append(c.numbers, n)
	}
}

func (c *Customer) check(bad bool) error {
	switch {
	case bad:
		return errors.New("published Customer: cannot be parsed")
	case c.said > maxCustomerNumbers:
		return fmt.Errorf("%d numbers, at most %d", c.said, maxCustomerNumbers)
	case len(c.Contracts) > maxContracts:
		return fmt.Errorf("%d contracts, at most %d", len(c.Contracts), maxContracts)
	case len(c.Cases) > maxCases:
		return fmt.Errorf("%d open cases, at most %d", len(c.Cases), maxCases)
	case len(c.Partners) > maxPartners || len(c.CalendarIDs) > maxCalendars:
		return fmt.Errorf("%d partners and %d calendars, at most %d and %d",
			len(c.Partners), len(c.CalendarIDs), maxPartners, maxCalendars)
	}
	return nil
}

// readContract reads a publishedv1.Contract.
func readContract(w *wire) entitle.Contract {
	k := entitle.Contract{GraceS: entitle.PlanGrace}
	var suspended entitle.Span
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number == 1:
			k.ID = w.text()
		case kind == wireBytes && number == 2:
			k.PlanID = w.text()
		case kind == wireBytes && number == 3:
			k.Product = w.text()
		case kind != wireVarint:
			w.skip(kind)
		default:
			v := int64(w.varint()) //nolint:gosec // two's complement, as the encoding says
			switch number {
			case 4:
				k.FromUnixS = v
			case 5:
				k.ToUnixS = v
			case 6:
				k.GraceS = max(int32(v), 0) //nolint:gosec // as the encoding says
			case 7:
				suspended.FromUnixS = v
			case 8:
				suspended.ToUnixS = v
			case 9:
				k.OwnOnly = v != 0
			case 10:
				k.Shifts = entitle.GraceShifts(v) //nolint:gosec // as the encoding says
			}
		}
	}
	k.Suspended = spanOf(suspended)
	return k
}

// readCase reads a publishedv1.OpenCase.
func readCase(w *wire) (k Case) {
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number == 1:
			k.ID = w.text()
		case kind == wireBytes && number == 2:
			k.SiteID = w.text()
		case kind == wireBytes && number == 3:
			k.Title = w.text()
		default:
			w.skip(kind)
		}
	}
	return k
}

// readPartner reads a publishedv1.PartnerAccess.
func readPartner(w *wire) (p Partner) {
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number == 1:
			p.ID = w.text()
		case kind == wireBytes && number == 2:
			p.Product = w.text()
		case kind == wireVarint && number == 3:
			p.ToUnixS = int64(w.varint()) //nolint:gosec // as the encoding says
		default:
			w.skip(kind)
		}
	}
	return p
}

// spanOf is none where both ends are 0.
func spanOf(s entitle.Span) *entitle.Span {
	if s == (entitle.Span{}) {
		return nil
	}
	own := s // so that the parameter stays off the heap
	return &own
}
