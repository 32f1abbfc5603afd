package view

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/daysidehq/dayside/services/internal/phone"
)

// held are records of customers, and of numbers that nobody knows: as many as a million, kept as customers are, and read
// when their holder is looked up. A holder is a customer's ID, or a number as E.164 says it; that begins with a plus, and no
// ID does.
type held struct {
	// of are the records of a holder, in order of ID: of each the length of the ID, the ID, the length of the rest, the rest.
	of *records
	// byID are the holders of records whose ID does not say it.
	byID *records
}

func newHeld() held { return held{newRecords(""), newRecords("")} }

// holderOf is a customer, or a number; false where it is neither, or both.
func holderOf(customerID string, n phone.Number) (holder string, ok bool) {
	switch {
	case (customerID == "") == (n == 0), strings.HasPrefix(customerID, "+"):
		return "", false
	case n != 0:
		return n.String(), true
	}
	return customerID, true
}

// heldReader reads the records of a holder, one after the other.
type heldReader struct{ w wire }

func (h *held) reader(holder string) heldReader { return heldReader{wire{s: h.of.get(holder)}} }

// next is the next record; false at the end.
func (r *heldReader) next() (id, value string, ok bool) {
	if r.w.s == "" {
		return "", "", false
	}
	id = r.w.bytes()
	return id, r.w.bytes(), true
}

// heldBuilder is the next state of held.
type heldBuilder struct {
	before   held
	of, byID recordsBuilder
	// says is the holder that a record's ID says; empty where it says none.
	says func(id string) (holder string)
	buf  []byte
}

func buildHeld(from, before held, says func(string) string) heldBuilder {
	return heldBuilder{
		before: before, of: recordsBuilder{next: from.of}, byID: recordsBuilder{next: from.byID}, says: says,
	}
}

var errFull = errors.New("there are too many of them")

// put sets a record, and whose it is. It changes nothing where it fails.
func (b *heldBuilder) put(id, holder string, value []byte) error {
	had := b.holder(id)
	which, ok := b.write(holder, id, value)
	if !ok {
		return errFull
	}
	if b.says(id) == holder {
		b.of.listed.mark(which)
		b.byID.remove(id)
	} else {
		if stands, at, known := b.byID.get(id); !known || stands != holder {
			if which, ok = b.byID.put(id, []byte(holder)); !ok {
				b.take(holder, id)
				return errFull
			}
		} else {
			which = at
		}
		b.byID.listed.mark(which)
	}
	if had != holder {
		b.take(had, id)
	}
	return nil
}

// holder is whose a record is; empty where it is nobody's.
func (b *heldBuilder) holder(id string) string {
	if holder, _, known := b.byID.get(id); known {
		return holder
	}
	return b.says(id)
}

func (b *heldBuilder) remove(id string) {
	holder := b.holder(id)
	b.byID.remove(id)
	b.take(holder, id)
}

// write puts a record among its holder's, in order of ID.
func (b *heldBuilder) write(holder, id string, value []byte) (which ref, ok bool) {
	stands, which, known := b.of.get(holder)
	b.buf = b.buf[:0]
	written := false
	for r := (heldReader{wire{s: stands}}); ; {
		other, its, more := r.next()
		if !written && (!more || other >= id) {
			b.buf, written = appendText(appendText(b.buf, id), string(value)), true
		}
		if !more {
			break
		}
		if other != id {
			b.buf = appendText(appendText(b.buf, other), its)
		}
	}
	if known && stands == string(b.buf) {
		return which, true
	}
	return b.of.put(holder, b.buf)
}

// take removes a record from its holder's.
func (b *heldBuilder) take(holder, id string) {
	stands, _, known := b.of.get(holder)
	if !known {
		return
	}
	b.buf = b.buf[:0]
	r := heldReader{wire{s: stands}}
	for other, its, more := r.next(); more; other, its, more = r.next() {
		if other != id {
			b.buf = appendText(appendText(b.buf, other), its)
		}
	}
	switch {
	case len(b.buf) == 0:
		b.of.remove(holder)
	case len(b.buf) < len(stands):
		b.of.put(holder, b.buf) // it has its place
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (b *heldBuilder) keep(id string) {
	holder := b.says(id)
	if said := b.before.byID.get(id); said != "" {
		holder = said
	}
	r := b.before.reader(holder)
	for other, value, more := r.next(); more; other, value, more = r.next() {
		if other == id {
			_ = b.put(id, holder, []byte(value)) // it was put before
		}
	}
}

// list begins a list.
func (b *heldBuilder) list() {
	b.of.list()
	b.byID.list()
}

// drop removes what a list did not say.
func (b *heldBuilder) drop() {
	for _, id := range b.byID.unlisted() {
		b.remove(id)
	}
	for _, holder := range b.of.unlisted() {
		stands, _, _ := b.of.get(holder)
		r := heldReader{wire{s: stands}}
		for id, _, more := r.next(); more; id, _, more = r.next() {
			if b.says(id) == holder {
				b.take(holder, id)
			}
		}
	}
}

// finish is the next state; changed is false where it is the one begun with.
func (b *heldBuilder) finish() (h held, changed bool) {
	b.drop()
	changed = b.of.changed() || b.byID.changed()
	return held{b.of.finish(), b.byID.finish()}, changed
}
