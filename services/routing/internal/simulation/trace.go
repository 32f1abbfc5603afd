package simulation

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// trace is all that happened, as a hash: what is not the same in two runs shows here.
type trace struct {
	h   hash.Hash
	buf []byte
}

func newTrace() trace { return trace{h: sha256.New()} }

// note adds something that happened.
func (t *trace) note(atMS int64, kind string, words ...string) {
	t.begin(atMS, kind)
	for _, w := range words {
		t.buf = binary.AppendUvarint(t.buf, uint64(len(w)))
		t.buf = append(t.buf, w...)
	}
	t.h.Write(t.buf)
}

// bytes adds something that happened, with what it is encoded as.
func (t *trace) bytes(atMS int64, kind string, b []byte) {
	t.begin(atMS, kind)
	t.buf = binary.AppendUvarint(t.buf, uint64(len(b)))
	t.h.Write(t.buf)
	t.h.Write(b)
}

func (t *trace) begin(atMS int64, kind string) {
	t.buf = binary.AppendVarint(t.buf[:0], atMS)
	t.buf = append(t.buf, kind...)
	t.buf = append(t.buf, 0)
}
