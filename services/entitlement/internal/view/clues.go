package view

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"

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
	// rows are the customers' IDs; free ones are used again.
	rows []string
	free []uint32
	keys map[string]entry
	// one is who has a clue; several is who has one that more than one have, the first of them being in one.
	one     map[uint64]holder
	several map[uint64][]holder
	// contacts are the IDs of contacts, each once: most customers have the same few. 0 is none.
	contacts  []string
	contactAt map[string]uint32
}

// entry is a customer's row, and the hashes that lead to it.
type entry struct {
	row    uint32
	hashes []uint64
}

type holder struct{ row, contact uint32 }

func newClues(customers int) *clues {
	return &clues{
		seed: maphash.MakeSeed(), keys: make(map[string]entry, customers), one: map[uint64]holder{},
		several: map[uint64][]holder{}, contacts: []string{""}, contactAt: map[string]uint32{"": 0},
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
	case ContractID, ExternalID:
		return strings.ToLower(strings.Join(strings.Fields(text), ""))
	case ContactNumber:
		n, _ := phone.Parse(text)
		return n.String()
	}
	return ""
}

// find is who has a clue, in no particular order, at most limit of them.
func (c *clues) find(kind Clue, system, text string, limit int) []Holder {
	text = folded(kind, text)
	if text == "" {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	hash := c.hash(kind, system, text)
	first, ok := c.one[hash]
	if !ok || limit <= 0 {
		return nil
	}
	found := []Holder{{c.rows[first.row], c.contacts[first.contact]}}
	others := c.several[hash]
	for _, h := range others[:min(len(others), limit-1)] {
		found = append(found, Holder{c.rows[h.row], c.contacts[h.contact]})
	}
	return found
}

// learn takes over what there is of a customer; nil: it is gone.
func (c *clues) learn(id string, source *entitlementv1.Customer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, had := c.keys[id]
	for _, hash := range known.hashes {
		c.drop(hash, known.row)
	}
	if source == nil {
		if had {
			c.rows[known.row] = ""
			c.free = append(c.free, known.row)
			delete(c.keys, id)
		}
		return
	}
	if !had {
		known.row = c.row(id)
	}
	known.hashes = c.add(source, known.row)
	c.keys[id] = known
}

func (c *clues) row(id string) uint32 {
	if last := len(c.free) - 1; last >= 0 {
		row := c.free[last]
		c.free = c.free[:last]
		c.rows[row] = id
		return row
	}
	c.rows = append(c.rows, id)
	return uint32(len(c.rows) - 1)
}

// add notes all clues of a customer, each once.
func (c *clues) add(source *entitlementv1.Customer, row uint32) (hashes []uint64) {
	note := func(kind Clue, system, text, contact string) {
		if text = folded(kind, text); text == "" {
			return
		}
		hash := c.hash(kind, system, text)
		if slices.Contains(hashes, hash) {
			return
		}
		hashes = append(hashes, hash)
		c.put(hash, holder{row, c.contact(contact)})
	}
	note(AccessName, "", source.GetAccessName(), "")
	for _, former := range source.GetFormerAccessNames() {
		note(AccessName, "", former.GetName(), "")
	}
	for _, contact := range source.GetContacts() {
		note(Email, "", contact.GetEmail(), contact.GetContactId())
		for _, n := range contact.GetPhoneNumbers() {
			note(ContactNumber, "", n.GetE164Number(), contact.GetContactId())
		}
	}
	for _, domain := range source.GetEmailDomains() {
		note(EmailDomain, "", domain, "")
	}
	for _, external := range source.GetExternalIds() {
		note(ExternalID, external.GetSystem(), external.GetId(), "")
	}
	for _, k := range source.GetContracts() {
		note(ContractID, "", k.GetContractId(), "")
	}
	return slices.Clip(hashes)
}

func (c *clues) contact(id string) uint32 {
	at, known := c.contactAt[id]
	if !known {
		at = uint32(len(c.contacts))
		c.contacts = append(c.contacts, id)
		c.contactAt[id] = at
	}
	return at
}

func (c *clues) put(hash uint64, h holder) {
	if _, taken := c.one[hash]; taken {
		c.several[hash] = append(c.several[hash], h)
		return
	}
	c.one[hash] = h
}

func (c *clues) drop(hash uint64, row uint32) {
	others := slices.DeleteFunc(c.several[hash], func(h holder) bool { return h.row == row })
	if first, ok := c.one[hash]; ok && first.row == row {
		delete(c.one, hash)
		if len(others) > 0 {
			c.one[hash], others = others[0], others[1:]
		}
	}
	if len(others) == 0 {
		delete(c.several, hash)
		return
	}
	c.several[hash] = others
}
