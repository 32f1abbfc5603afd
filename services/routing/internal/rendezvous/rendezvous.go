// Package rendezvous breaks ties between sites by the call: every process gives the same call the same order, calls
// spread evenly over the tied sites, and a site that comes or goes moves no other call (highest random weight hashing,
// Thaler and Ravishankar 1998).
//
// It is a hash for spreading, not for secrets. Its values are part of the decision: changing them changes routes, so a
// test pins them.
package rendezvous

import "encoding/binary"

// Constants of the finalizer of SplitMix64 (Steele, Lea, Flood 2014), whose output is well mixed in every bit.
const (
	golden = 0x9e3779b97f4a7c15
	mixA   = 0xbf58476d1ce4e5b9
	mixB   = 0x94d049bb133111eb
)

// Of is the hash of a call id or a site id. It reads eight bytes at a time, for ids come up to 255 bytes long.
func Of(s string) uint64 {
	h := uint64(len(s)) * golden
	for len(s) >= 8 {
		h = Mix(h ^ word(s))
		s = s[8:]
	}
	if len(s) > 0 {
		var last [8]byte
		copy(last[:], s)
		h = Mix(h ^ binary.LittleEndian.Uint64(last[:]))
	}
	return Mix(h)
}

// Weight is the place of a site for a call, from the hashes of both: the lowest comes first.
func Weight(call, site uint64) uint64 { return Mix(call ^ site) }

func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Mix spreads a value over all 64 bits, one to one.
func Mix(h uint64) uint64 {
	h += golden
	h = (h ^ h>>30) * mixA
	h = (h ^ h>>27) * mixB
	return h ^ h>>31
}
