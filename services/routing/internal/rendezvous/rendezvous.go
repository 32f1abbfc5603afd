// Package rendezvous breaks ties between sites by the call: every process gives the same call the same order, calls
// spread evenly over the tied sites, and a site that comes or goes moves no other call (highest random weight hashing,
// Thaler and Ravishankar 1998).
//
// Share does the same in proportion to weights: the logarithmic method of Schindelhauer and Schomaker, Weighted
// Distributed Hash Tables (2005). -ln(u)/w of a uniform u is exponentially distributed with rate w, and the lowest of
// several such is each one's in proportion to its rate; so of those left, and so on.
//
// It is a hash for spreading, not for secrets. Its values are part of the decision: changing them changes routes, so a
// test pins them.
package rendezvous

import (
	"encoding/binary"
	"math"
)

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

// ShareBits is how many bits Share fills.
const ShareBits = 56

// Share is the place of a site of a weight from 1 to 10,000 for a call, in 56 bits: the lowest comes first.
func Share(call, site uint64, weight uint16) uint64 {
	u := Weight(call, site)>>12<<1 | 1 // of 2^53, so that it is neither none nor all
	cost := negLog(u) / float64(weight)
	// It is above 2^-67 and below 2^6: seven bits of exponent are enough. Positive numbers are in the order of their bits.
	return (math.Float64bits(cost) - (1023-72)<<52) >> 3
}

// negLog is -ln(u/2^53) for an odd u below 2^53, to 13 digits. math.Log is not the same on every processor, and products
// that are not rounded by themselves may be fused with sums on some.
func negLog(u uint64) float64 {
	bits := math.Float64bits(float64(u))
	exponent := float64(int(bits>>52) - 1023 - 53)
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // 1 to 2
	if m > math.Sqrt2 {
		m /= 2
		exponent++
	}
	s := (m - 1) / (m + 1) // ln m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...), |s| < 0.172
	z := float64(s * s)
	sum := 1.0 / 15
	for _, term := range [...]float64{1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1} {
		sum = float64(sum*z) + term
	}
	return float64(-exponent*math.Ln2) - float64(2*s*sum)
}

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
