package view

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"unicode"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/accessname"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// Clue is what somebody may know of a customer that is the same or is not: no likeness, unlike names.
type Clue uint8

// Kinds of clues.
const (
	AccessName Clue = iota + 1
	Email
	EmailDomain
	ExternalID
	// ContractID is found by how it is typed on a keypad: who has that very number is for whoever asks to see.
	ContractID
	ContactNumber
)

// Holder is a customer of whom a clue speaks, and the contact whose it is; empty of what is nobody's.
type Holder struct{ CustomerID, ContactID string }

// clues finds customers by what is the same. Of each clue its hash is kept alone, 64 bits of a keyed one: so that millions
// take little room, and nobody's address stands in memory for longer than it takes to hash it.
type clues struct {
	mu   sync.RWMutex
	seed maphash.Seed
	// rows are customers, by a hash of their ID; facts are what is said of them, by its hash.
	rows  chained[row]
	facts chained[fact]
	// contacts are the IDs of contacts, each once: most customers have the same few. 0 is none.
	contacts  []string
	contactAt map[string]uint32
}

// row is a customer, and the first of what is said of it.
type row struct {
	id    string
	first uint32
}

// fact is that a clue speaks of a customer, or of its contact, and what is said of the same customer besides.
type fact struct{ row, contact, also uint32 }

// note is a clue as it is heard of a customer.
type note struct {
	hash    uint64
	contact string
}

// cluesEach is how many clues of a customer there is room for at first.
const cluesEach = 4

func newClues(customers int) *clues {
	return &clues{
		seed: maphash.MakeSeed(), rows: newChained[row](customers), facts: newChained[fact](cluesEach * customers),
		contacts: []string{""}, contactAt: map[string]uint32{"": 0},
	}
}

// hash is a clue's. What is compared without regard to case or punctuation is folded by its kind.
func (c *clues) hash(kind Clue, system, text string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_ = h.WriteByte(byte(kind))
	_, _ = h.WriteString(system)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(text)
	return h.Sum64()
}

// folded is the form in which clues of a kind are compared; empty of one that is none.
func folded(kind Clue, text string) string {
	switch kind {
	case AccessName:
		return accessname.Key(text)
	case Email, EmailDomain:
		return strings.ToLower(strings.TrimSpace(text))
	case ExternalID:
		return strings.ToLower(strings.Join(strings.Fields(text), ""))
	case ContractID:
		return Pressed(text)
	case ContactNumber:
		n, _ := phone.Parse(text)
		return n.String()
	}
	return ""
}

// Pressed is a contract's number as it is typed on a keypad (ITU-T E.161): its letters as their keys, and without what is
// neither a letter nor a digit. Several numbers come to the same.
func Pressed(number string) string {
	const keys = "22233344455566677778889999" // a to z
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return rune(keys[r-'a'])
		}
		return r
	}, Written(number))
}

// Written is a contract's number as it is written, whatever the case, blanks and punctuation: nobody says these.
func Written(number string) string {
	number = strings.ToLower(number)
	bare := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, number)
	if bare == "" {
		return strings.Join(strings.Fields(number), "")
	}
	return bare
}

// find is who has a clue, in no particular order, at most limit of them.
func (c *clues) find(kind Clue, system, text string, limit int) (found []Holder) {
	text = folded(kind, text)
	if text == "" {
		return nil
	}
	hash := c.hash(kind, system, text)
	c.mu.RLock()
	defer c.mu.RUnlock()
	for at := c.facts.first(hash); at != 0 && len(found) < limit; at = c.facts.next(at) {
		f := c.facts.at(at)
		found = append(found, Holder{c.rows.at(f.row).id, c.contacts[f.contact]})
	}
	return found
}

// learn takes over what there is of a customer; what is said of it already stays as it is.
func (c *clues) learn(id string, notes []note) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.row(id)
	if at == 0 {
		at = c.rows.add(maphash.String(c.seed, id), row{id: strings.Clone(id)})
	}
	said := c.forget(at, notes)
	for i, n := range notes {
		if i < len(said) && said[i] {
			continue
		}
		r := c.rows.at(at)
		r.first = c.facts.add(n.hash, fact{row: at, contact: c.contact(n.contact), also: r.first})
	}
}

// leave forgets a customer, who is gone.
func (c *clues) leave(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.row(id); at != 0 {
		c.forget(at, nil)
		c.rows.remove(at)
	}
}

// row is where a customer stands; 0 where it does not.
func (c *clues) row(id string) uint32 {
	at := c.rows.first(maphash.String(c.seed, id))
	for at != 0 && c.rows.at(at).id != id {
		at = c.rows.next(at)
	}
	return at
}

// forget forgets of a row what is not among the notes; which of these are said already is the answer.
func (c *clues) forget(at uint32, notes []note) (said []bool) {
	link := &c.rows.at(at).first
	for *link != 0 {
		here := *link
		f := c.facts.at(here)
		i := slices.IndexFunc(notes, func(n note) bool {
			return n.hash == c.facts.hash(here) && n.contact == c.contacts[f.contact]
		})
		if i < 0 {
			*link = f.also
			c.facts.remove(here)
			continue
		}
		if said == nil {
			said = make([]bool, len(notes))
		}
		said[i], link = true, &f.also
	}
	return said
}

// notes are all clues of a customer, each once.
func (c *clues) notes(source *entitlementv1.Customer) (notes []note) {
	add := func(kind Clue, system, text, contact string) {
		if text = folded(kind, text); text == "" {
			return
		}
		hash := c.hash(kind, system, text)
		if !slices.ContainsFunc(notes, func(n note) bool { return n.hash == hash }) {
			notes = append(notes, note{hash, contact})
		}
	}
	add(AccessName, "", source.GetAccessName(), "")
	for _, former := range source.GetFormerAccessNames() {
		add(AccessName, "", former.GetName(), "")
	}
	for _, contact := range source.GetContacts() {
		add(Email, "", contact.GetEmail(), contact.GetContactId())
		for _, n := range contact.GetPhoneNumbers() {
			add(ContactNumber, "", n.GetE164Number(), contact.GetContactId())
		}
	}
	for _, domain := range source.GetEmailDomains() {
		add(EmailDomain, "", domain, "")
	}
	for _, external := range source.GetExternalIds() {
		add(ExternalID, external.GetSystem(), external.GetId(), "")
	}
	for _, k := range source.GetContracts() {
		add(ContractID, "", k.GetContractId(), "")
	}
	return notes
}

func (c *clues) contact(id string) uint32 {
	at, known := c.contactAt[id]
	if !known {
		id = strings.Clone(id)
		at = uint32(len(c.contacts)) //nolint:gosec // far fewer
		c.contacts = append(c.contacts, id)
		c.contactAt[id] = at
	}
	return at
}
