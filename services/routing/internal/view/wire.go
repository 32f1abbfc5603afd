package view

import (
	"slices"
	"unicode/utf8"
)

// wire reads the fields of a protobuf message (the encoding's specification, "Message Structure") from a string: what it
// takes out of it is a part of that string, and nothing is copied. A view keeps millions of records as they came, and reads
// one when it is looked up.
type wire struct {
	s string
	// strict has text checked; what a view holds was, when it came.
	strict bool
	// bad is set once something was not as it must be; then nothing more comes.
	bad bool
}

// The wire types of fields.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// next is the number and the wire type of the next field; false at the end.
func (w *wire) next() (number uint64, kind uint8, ok bool) {
	if w.s == "" || w.bad {
		return 0, 0, false
	}
	if tag := w.s[0]; tag < 0x80 && tag >= 1<<3 { // as of nearly all fields, read in a line of its own for speed
		w.s = w.s[1:]
		return uint64(tag >> 3), tag & 7, true
	}
	tag := w.varint()
	if number = tag >> 3; number == 0 || number > 1<<29-1 {
		w.fail()
	}
	return number, uint8(tag & 7), !w.bad
}

func (w *wire) fail() { w.s, w.bad = "", true }

func (w *wire) varint() uint64 {
	if len(w.s) > 0 && w.s[0] < 0x80 {
		v := uint64(w.s[0])
		w.s = w.s[1:]
		return v
	}
	v := uint64(0)
	for i := 0; i < len(w.s) && i < 10; i++ {
		c := w.s[i]
		if i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			w.s = w.s[i+1:]
			return v
		}
	}
	w.fail()
	return 0
}

func (w *wire) fixed64() uint64 {
	if len(w.s) < 8 {
		w.fail()
		return 0
	}
	s := w.s[:8]
	w.s = w.s[8:]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// bytes is a field of wire type 2: a message, or what is packed.
func (w *wire) bytes() string {
	if len(w.s) > 0 && w.s[0] < 0x80 && int(w.s[0]) < len(w.s) {
		end := int(w.s[0]) + 1
		s := w.s[1:end]
		w.s = w.s[end:]
		return s
	}
	n := w.varint()
	if n > uint64(len(w.s)) {
		w.fail()
		return ""
	}
	s := w.s[:n]
	w.s = w.s[n:]
	return s
}

// text is a string, which is UTF-8.
func (w *wire) text() string {
	s := w.bytes()
	if w.strict && !utf8.ValidString(s) {
		w.fail()
		return ""
	}
	return s
}

// message is a reader of a message within this one; join takes its failure over.
func (w *wire) message() wire { return wire{s: w.bytes(), strict: w.strict} }

func (w *wire) join(inner wire) {
	if inner.bad {
		w.fail()
	}
}

// skip passes over a field that is not known. Groups are none of proto3's.
func (w *wire) skip(kind uint8) {
	switch kind {
	case wireVarint:
		w.varint()
	case wireFixed64:
		w.fixed64()
	case wireBytes:
		w.bytes()
	case wireFixed32:
		if len(w.s) < 4 {
			w.fail()
			return
		}
		w.s = w.s[4:]
	default:
		w.fail()
	}
}

// without is a message without some of its fields.
func without(value []byte, fields ...uint64) []byte {
	left := make([]byte, 0, len(value))
	w := wire{s: string(value)}
	for {
		before := w.s
		number, kind, ok := w.next()
		if !ok {
			return left
		}
		if w.skip(kind); !slices.Contains(fields, number) {
			left = append(left, before[:len(before)-len(w.s)]...)
		}
	}
}
