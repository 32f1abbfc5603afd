package view

import (
	"encoding/binary"
	"math"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// A view keeps a customer so that a look-up reads it in a straight line, and from as little memory as can be: each line of a
// processor's cache that it must wait for costs as much as reading all of the rest. Integers are little endian:
//
//	1 byte    flags
//	1 byte    how many contracts
//	2 bytes   how many numbers
//	5 bytes   the lengths of time zone, language, parent, display name, locality
//	24 bytes  each contract: from, to, grace; the lengths of its ID, plan, product; whether it is its own alone
//	          the contracts' texts, behind those of each 8 bytes of shifts of its grace where there are any; the texts of the
//	          lengths above, the numbers of 8 bytes each
//	          what has no place here, field by field as it was published: cases, partners, calendars, suspensions, and
//	          whatever is longer than its length can say
const (
	packedHead     = 9
	packedContract = 24
	packedNumber   = 8
	// packedShiftsBytes is of one contract's.
	packedShiftsBytes = 8
	// maxPackedText is what a length says at most.
	maxPackedText = math.MaxUint8
)

// Flags of a packed customer.
const (
	packedPIN = 1 << iota
	packedPhrase
	packedOwnOnly = 1 // of a contract
	packedShifts  = 2 // of a contract
)

// packer packs customers, one after the other.
type packer struct{ buf, rest []byte }

// pack packs a customer that was read from a value; the answer holds until the next one.
func (p *packer) pack(c *Customer, value string) []byte {
	flags := byte(0)
	if c.HasPIN {
		flags |= packedPIN
	}
	if c.HasPhrase {
		flags |= packedPhrase
	}
	left := leftOver{contracts: !packable(c.Contracts)}
	contracts := c.Contracts
	if left.contracts {
		contracts = nil
	}
	texts := [...]struct {
		text   string
		number uint64
	}{
		{c.TimeZone, customerTimeZone}, {c.LanguageTag, customerLanguage}, {c.ParentID, customerParent},
		{c.DisplayName, customerDisplayName}, {c.Locality, customerLocality},
	}
	b := append(p.buf[:0], flags, byte(len(contracts)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(c.numbers))) //nolint:gosec // maxCustomerNumbers at most
	for i := range texts {
		if len(texts[i].text) > maxPackedText {
			texts[i].text, left.texts = "", left.texts|1<<texts[i].number
		}
		b = append(b, byte(len(texts[i].text)))
	}
	for i := range contracts {
		b = packContract(b, &contracts[i])
	}
	for i := range contracts {
		k := &contracts[i]
		b = append(append(append(b, k.ID...), k.PlanID...), k.Product...)
		if k.Shifts != 0 {
			b = binary.LittleEndian.AppendUint64(b, uint64(k.Shifts))
		}
	}
	for i := range texts {
		b = append(b, texts[i].text...)
	}
	for _, n := range c.numbers {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	p.rest = left.of(p.rest[:0], value)
	p.buf = append(b, p.rest...)
	return p.buf
}

// packable says whether contracts have their place.
func packable(contracts []entitle.Contract) bool {
	for i := range contracts {
		k := &contracts[i]
		if k.Suspended != nil || max(len(k.ID), len(k.PlanID), len(k.Product)) > maxPackedText {
			return false
		}
	}
	return true
}

func packContract(b []byte, k *entitle.Contract) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(k.FromUnixS)) //nolint:gosec // two's complement
	b = binary.LittleEndian.AppendUint64(b, uint64(k.ToUnixS))   //nolint:gosec // see above
	b = binary.LittleEndian.AppendUint32(b, uint32(k.GraceS))    //nolint:gosec // see above
	flags := byte(0)
	if k.OwnOnly {
		flags = packedOwnOnly
	}
	if k.Shifts != 0 {
		flags |= packedShifts
	}
	return append(b, byte(len(k.ID)), byte(len(k.PlanID)), byte(len(k.Product)), flags)
}

// leftOver is what has no place in a packed customer, besides what never has one.
type leftOver struct {
	contracts bool
	// texts are fields, a bit each.
	texts uint64
}

// of adds these fields of a customer as they are.
func (l leftOver) of(rest []byte, value string) []byte {
	w := wire{s: value}
	for {
		before := w.s
		number, kind, ok := w.next()
		if !ok {
			return rest
		}
		w.skip(kind)
		if l.has(number) {
			rest = append(rest, before[:len(before)-len(w.s)]...)
		}
	}
}

func (l leftOver) has(number uint64) bool {
	switch number {
	case customerContracts:
		return l.contracts
	case customerOpenCases, customerPartners, customerCalendars, customerSuspendedFrom, customerSuspendedTo:
		return true
	case customerDisplayName, customerTimeZone, customerParent, customerLocality, customerLanguage:
		return l.texts&(1<<number) != 0
	}
	return false
}

// unpack reads a packed customer into c, whose lists are used again.
func (c *Customer) unpack(name, packed string) {
	head, s := packed[:packedHead], packed[packedHead:]
	n := int(head[1])
	fixed, s := s[:n*packedContract], s[n*packedContract:]
	if cap(c.Contracts) < n {
		c.Contracts = make([]entitle.Contract, max(n, fewContracts))
	}
	c.Contracts = c.Contracts[:n]
	for i := range c.Contracts {
		f := fixed[i*packedContract:][:packedContract]
		id, plan := int(f[20]), int(f[20])+int(f[21])
		end := plan + int(f[22])
		text := s[:end]
		s = s[end:]
		c.Contracts[i] = entitle.Contract{
			ID: text[:id], PlanID: text[id:plan], Product: text[plan:],
			FromUnixS: int64(unpack64(f)), ToUnixS: int64(unpack64(f[8:])), //nolint:gosec // two's complement
			GraceS: int32(unpack32(f[16:])), OwnOnly: f[23]&packedOwnOnly != 0, //nolint:gosec // see above
		}
		if f[23]&packedShifts != 0 {
			c.Contracts[i].Shifts, s = entitle.GraceShifts(unpack64(s)), s[packedShiftsBytes:]
		}
	}
	c.Name, c.HasPIN, c.HasPhrase, c.Suspended = name, head[0]&packedPIN != 0, head[0]&packedPhrase != 0, nil
	c.TimeZone, s = s[:head[4]], s[head[4]:]
	c.LanguageTag, s = s[:head[5]], s[head[5]:]
	c.ParentID, s = s[:head[6]], s[head[6]:]
	c.DisplayName, s = s[:head[7]], s[head[7]:]
	c.Locality, s = s[:head[8]], s[head[8]:]
	c.CalendarIDs, c.Partners, c.Cases = c.CalendarIDs[:0], c.Partners[:0], c.Cases[:0]
	if rest := s[packedNumber*(int(head[2])|int(head[3])<<8):]; rest != "" {
		_ = c.read(rest) // it was read without an error when it came
	}
}

// numbersOf are the numbers of a packed customer, packed.
func numbersOf(packed string) string {
	if packed == "" {
		return ""
	}
	n, size := int(packed[1]), 0
	for _, length := range []byte(packed[4:packedHead]) {
		size += int(length)
	}
	for i := range n {
		f := packed[packedHead+i*packedContract:][:packedContract]
		size += int(f[20]) + int(f[21]) + int(f[22]) + int(f[23]&packedShifts)/packedShifts*packedShiftsBytes
	}
	from := packedHead + n*packedContract + size
	return packed[from : from+packedNumber*(int(packed[2])|int(packed[3])<<8)]
}

// numberAt is the i-th of packed numbers.
func numberAt(packed string, i int) phone.Number {
	return phone.Number(unpack64(packed[i*packedNumber:]))
}

func unpack64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func unpack32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
