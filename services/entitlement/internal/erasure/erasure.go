// Package erasure is what is erased of a person, and what is kept: which contact of a customer they are, which numbers
// and addresses are theirs and not the company's, and what is left of each record without them. It is pure; finding the
// records and writing them is the service's.
package erasure

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// erased stands where somebody was named that nobody may know of any more.
const erased = "erased"

// contactNames is what contacts are called by, where it stands who did something, before their id.
const contactNames = "contacts/"

// contact is a contact of a customer, by its name.
type contact struct{ customer, id string }

// Person is who is erased. Make one with Of, and show it all customers that may know the person before anything is
// erased.
type Person struct {
	numbers  map[phone.Number]bool
	emails   map[string]bool
	contacts map[contact]bool
	// learned are the numbers that were not asked for, each with the customer at which it is the person's.
	learned map[phone.Number]string
	// names are what the person is called at a customer, folded.
	names map[contact]bool
	// written are names and addresses as they are looked for in text.
	written map[string]*regexp.Regexp
}

// Of is the person of a request. The error is an INVALID_FIELD fault.
func Of(r *entitlementv1.ErasePersonRequest) (*Person, error) {
	p := &Person{
		numbers: map[phone.Number]bool{}, emails: map[string]bool{}, contacts: map[contact]bool{},
		names: map[contact]bool{}, learned: map[phone.Number]string{},
	}
	var broken fault.Violations
	for i, text := range r.GetNumbers() {
		n, ok := phone.Parse(text)
		if !ok {
			broken.Add(fmt.Sprintf("numbers[%d]", i), phone.Mask(text), "must be E.164")
		}
		p.numbers[n] = true
	}
	for i, text := range r.GetEmails() {
		if !strings.Contains(text, "@") {
			broken.Add(fmt.Sprintf("emails[%d]", i), phone.Mask(text), "must be an e-mail address")
		}
		p.emails[folded(text)] = true
	}
	switch {
	case r.GetContactId() != "" && r.GetCustomer() == "":
		broken.Add("customer", "", "is required: a contact's id is of a customer")
	case r.GetContactId() == "" && len(r.GetNumbers()) == 0 && len(r.GetEmails()) == 0:
		broken.Add("contact_id", "", "is required where there are no numbers and no addresses: say whose data")
	}
	if r.GetContactId() != "" {
		p.contacts[contact{r.GetCustomer(), r.GetContactId()}] = true
	}
	return p, broken.Err()
}

// Numbers are the person's, E.164, ascending; Emails their addresses, folded.
func (p *Person) Numbers() (out []string) {
	for n := range p.numbers {
		out = append(out, n.String())
	}
	slices.Sort(out)
	return out
}

// Emails are the person's addresses, in lower case.
func (p *Person) Emails() (out []string) {
	for e := range p.emails {
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}

// Named is what the person is called at customers.
type Named struct {
	// Customer is customers/ID, and Folded the name as names are compared.
	Customer, Folded string
}

// NamedAs is who a name is said of.
func NamedAs(customer, name string) Named { return Named{customer, folded(name)} }

// Names are what the person is called, in no order.
func (p *Person) Names() (out []Named) {
	for n := range p.names {
		out = append(out, Named{n.customer, n.id})
	}
	return out
}

// Learn takes from a customer which of its contacts the person is, and their numbers and addresses. A number that is
// the customer's own as well, or another contact's, is not the person's alone: it is kept unless it was asked for, and
// counted.
func (p *Person) Learn(c *entitlementv1.Customer) (shared int) {
	for _, k := range c.GetContacts() {
		if !p.is(c, k) {
			continue
		}
		at := contact{c.GetName(), k.GetContactId()}
		p.contacts[at] = true
		if name := folded(k.GetDisplayName()); name != "" {
			p.names[contact{c.GetName(), name}] = true
		}
		if k.GetEmail() != "" {
			p.emails[folded(k.GetEmail())] = true
		}
		for _, n := range k.GetPhoneNumbers() {
			number, ok := phone.Parse(n.GetE164Number())
			switch {
			case !ok || p.numbers[number]:
			case p.others(c, number):
				shared++
			default:
				p.numbers[number], p.learned[number] = true, c.GetName()
			}
		}
	}
	return shared
}

// Learned are the person's numbers that were not asked for, ascending.
func (p *Person) Learned() []phone.Number { return slices.Sorted(maps.Keys(p.learned)) }

// Spare leaves a number out that was learned, where a customer has it as its own: who calls from it is not the person alone.
// It answers with the customer at which it is the person's.
func (p *Person) Spare(n phone.Number, c *entitlementv1.Customer) (at string, spared bool) {
	if at, spared = p.learned[n]; !spared || !has(c.GetPhoneNumbers(), n) {
		return "", false
	}
	delete(p.numbers, n)
	delete(p.learned, n)
	return at, true
}

func (p *Person) is(c *entitlementv1.Customer, k *entitlementv1.Contact) bool {
	return p.contacts[contact{c.GetName(), k.GetContactId()}] || k.GetEmail() != "" && p.emails[folded(k.GetEmail())]
}

// others says whether somebody else at a customer has a number, too.
func (p *Person) others(c *entitlementv1.Customer, n phone.Number) bool {
	if has(c.GetPhoneNumbers(), n) {
		return true
	}
	return slices.ContainsFunc(c.GetContacts(), func(k *entitlementv1.Contact) bool {
		return !p.is(c, k) && has(k.GetPhoneNumbers(), n)
	})
}

func has(list []*phone_number.PhoneNumber, n phone.Number) bool {
	return slices.ContainsFunc(list, func(x *phone_number.PhoneNumber) bool { return x.GetE164Number() == n.String() })
}

// Customer takes the person out of a customer, and says how often.
func (p *Person) Customer(c *entitlementv1.Customer) (times int64) {
	before := len(c.GetContacts())
	c.Contacts = slices.DeleteFunc(c.GetContacts(), func(k *entitlementv1.Contact) bool { return p.is(c, k) })
	times = int64(before - len(c.GetContacts()))
	without := func(list []*phone_number.PhoneNumber) []*phone_number.PhoneNumber {
		return slices.DeleteFunc(list, func(x *phone_number.PhoneNumber) bool {
			n, _ := phone.Parse(x.GetE164Number())
			if p.numbers[n] {
				times++
			}
			return p.numbers[n]
		})
	}
	c.PhoneNumbers = without(c.GetPhoneNumbers())
	for _, k := range c.GetContacts() {
		k.PhoneNumbers = without(k.GetPhoneNumbers())
	}
	for _, u := range c.GetFormerAccessNames() {
		if p.acted(c.GetName(), u.GetReplacedBy()) {
			u.ReplacedBy = contactNames + erased
			times++
		}
	}
	return times
}

// Stays are the ids of a customer's contacts who had a number of the person, and are left without it: somebody else, or the
// person under another name.
func (p *Person) Stays(c *entitlementv1.Customer) (ids []string) {
	for _, k := range c.GetContacts() {
		if !p.is(c, k) && slices.ContainsFunc(k.GetPhoneNumbers(), func(x *phone_number.PhoneNumber) bool {
			n, _ := phone.Parse(x.GetE164Number())
			return p.numbers[n]
		}) {
			ids = append(ids, k.GetContactId())
		}
	}
	return ids
}

// acted says whether somebody who did something at a customer is the person; peers have names without the prefix.
func (p *Person) acted(customer, by string) bool {
	id, ok := strings.CutPrefix(by, contactNames)
	return ok && p.contacts[contact{customer, id}]
}

// Promise takes the person out of a promise; what is owed, agreed to and when stays. What people wrote in it is Reasons'.
// The names are what the person is called in it.
func (p *Person) Promise(x *entitlementv1.Promise) (changed bool, names []string) {
	a := x.GetAcceptance()
	if a != nil && p.spoke(a.GetCustomer(), a.GetNumber(), a.GetPerson()) {
		names = append(names, a.GetPerson())
		a.Person, a.Number, a.RecordingUri, x.Erased, changed = "", "", "", true, true
	}
	for _, e := range x.GetTrail() {
		if p.acted(a.GetCustomer(), e.GetBy()) {
			e.By, x.Erased, changed = contactNames+erased, true, true
		}
		if p.spoke(a.GetCustomer(), e.GetNumber(), e.GetPerson()) {
			names = append(names, e.GetPerson())
			e.Person, e.Number, e.RecordingUri, x.Erased, changed = "", "", "", true, true
		}
	}
	return changed, names
}

// Late takes somebody who was erased meanwhile out of a promise that comes in late, and out of what it gave: nil where that
// is nothing.
func Late(x *entitlementv1.Promise, g *entitlementv1.Grant, now *timestamppb.Timestamp) {
	a := x.GetAcceptance()
	who := &Person{numbers: map[phone.Number]bool{}}
	if n, ok := phone.Parse(a.GetNumber()); ok {
		who.numbers[n] = true
	}
	name := a.GetPerson()
	a.Person, a.Number, a.RecordingUri, x.Erased = "", "", "", true
	who.Reasons(x, name)
	if g == nil {
		return
	}
	g.Number = ""
	if g.GetCustomer() == "" { // nobody has it
		g.RevokeTime, g.RevokedBy, g.EndTime = proto.CloneOf(now), erased, proto.CloneOf(now)
	}
}

// Grant takes the person out of a grant, which gives nothing from then on: a number was all that it was by.
func (p *Person) Grant(g *entitlementv1.Grant, now *timestamppb.Timestamp) (changed bool) {
	n, _ := phone.Parse(g.GetNumber())
	if !p.numbers[n] {
		return false
	}
	g.Number = ""
	if g.GetRevokeTime() == nil {
		g.RevokeTime, g.RevokedBy = proto.CloneOf(now), erased
	}
	if g.GetEndTime().AsTime().After(now.AsTime()) {
		g.EndTime = proto.CloneOf(now)
	}
	return true
}

// Reveal takes the person out of what was shown to them; that it was shown stays.
func (p *Person) Reveal(r *entitlementv1.NumberReveal) (changed bool) {
	if r.GetContactId() == "" || !p.contacts[contact{r.GetCustomer(), r.GetContactId()}] {
		return false
	}
	r.ContactId, r.Client = erased, ""
	return true
}

func folded(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
