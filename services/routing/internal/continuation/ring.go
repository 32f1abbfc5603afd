package continuation

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"slices"
)

// maxKeys bounds a ring: three are there at most while keys change as they should. Of more the latest count.
const maxKeys = 16

// Ring is the keys that a process knows. It is immutable and safe for concurrent use. The zero value has none: it opens
// nothing, and cannot seal.
type Ring struct {
	keys []ringKey // by number, ascending
}

type ringKey struct {
	Key
	aead cipher.AEAD
}

// Format writes which keys there are.
func (r *Ring) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "ring")
	for _, k := range r.Keys() {
		_, _ = fmt.Fprintf(f, " [%v]", k)
	}
}

// NewRing is the ring of some keys, in any order. Of two with the same number the first counts.
func NewRing(keys ...Key) *Ring {
	r := &Ring{}
	for _, k := range keys {
		if k.Number == 0 || slices.ContainsFunc(r.keys, func(has ringKey) bool { return has.Number == k.Number }) {
			continue
		}
		r.keys = append(r.keys, ringKey{k, newAEAD(k.secret)})
	}
	slices.SortFunc(r.keys, func(a, b ringKey) int { return cmp.Compare(a.Number, b.Number) })
	if len(r.keys) > maxKeys {
		r.keys = r.keys[len(r.keys)-maxKeys:]
	}
	return r
}

// newAEAD is AES-256-GCM with a random nonce of 96 bits before each message: at most 2^32 messages a key (NIST SP 800-38D,
// section 8.3), which a key's day reaches at 49,000 a second.
func newAEAD(secret [SecretBytes]byte) cipher.AEAD {
	block, err := aes.NewCipher(secret[:])
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCMWithRandomNonce(block); err == nil {
			return aead
		}
	}
	panic("continuation: " + err.Error()) // neither fails for a key of 32 bytes
}

// Keys are the keys, by number.
func (r *Ring) Keys() []Key {
	keys := make([]Key, len(r.keys))
	for i := range r.keys {
		keys[i] = r.keys[i].Key
	}
	return keys
}

// Sealing is the number of the key that seals at an instant: the latest that has begun, however long ago, for a cluster
// that cannot make another one goes on; where none has, the earliest. 0 where there are no keys.
func (r *Ring) Sealing(unixS int64) uint64 {
	if k := r.sealing(unixS); k != nil {
		return k.Number
	}
	return 0
}

func (r *Ring) sealing(unixS int64) *ringKey {
	for i := len(r.keys) - 1; i >= 0; i-- {
		if r.keys[i].NotBeforeUnixS <= unixS {
			return &r.keys[i]
		}
	}
	if len(r.keys) > 0 {
		return &r.keys[0]
	}
	return nil
}

// key is one by its number; nil where it is not known.
func (r *Ring) key(number uint64) *ringKey {
	for i := range r.keys {
		if r.keys[i].Number == number {
			return &r.keys[i]
		}
	}
	return nil
}
