// Package wire reads SIP messages as they stand on the wire (RFC 3261, section 7 and 25), and frames them on a stream.
//
// A gateway must answer what it cannot accept, so Scan never fails: it finds every field that an answer has to repeat,
// and notes the first defect of structure it saw. It allocates nothing that it can keep: a Message points into the bytes
// it was scanned from, and is good for as long as those are.
//
// It is not a general SIP stack. It knows only the fields that a redirect server reads, builds no requests, judges no
// values (package check does), and does no I/O.
package wire
