package rendezvous_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

// A release that hashes otherwise would route the same call otherwise than its neighbours during an upgrade.
func TestValuesAreForEver(t *testing.T) {
	for s, want := range map[string]uint64{
		"":                                    0xe220a8397b1dcdaf, // also the first value of SplitMix64 from 0
		"dublin":                              0x23afc85e7edaddc2,
		"a84b4c76e66710@pc33.atlanta.example": 0xcd1ac8c9d3a0b067,
	} {
		if got := rendezvous.Of(s); got != want {
			t.Errorf("Of(%q) = %#x, want %#x", s, got, want)
		}
	}
}

func TestSharesAreForEver(t *testing.T) {
	call := rendezvous.Of("a84b4c76e66710@pc33.atlanta.example")
	for i, want := range []uint64{0x89a3ea610ec34a, 0x841485ee51942a, 0x75ba48117790af} {
		weight := []uint16{1, 7, 1000}[i]
		if got := rendezvous.Share(call, rendezvous.Of("dublin"), weight); got != want {
			t.Errorf("Share of weight %d = %#x, want %#x", weight, got, want)
		}
	}
}

// Share is the logarithm it says it is, and fills its bits, wherever the hash falls.
func TestShareIsMinusLogarithmByWeight(t *testing.T) {
	check := func(call, site uint64, weight uint16) {
		got := rendezvous.Share(call, site, weight)
		if got>>rendezvous.ShareBits != 0 {
			t.Fatalf("%#x has more than %d bits", got, rendezvous.ShareBits)
		}
		cost := math.Float64frombits(got<<3 + (1023-72)<<52)
		u := (float64(rendezvous.Weight(call, site)>>12) + 0.5) / (1 << 52)
		if want := -math.Log(u) / float64(weight); math.Abs(cost-want) > 1e-12*want {
			t.Fatalf("Share(%#x, %#x, %d) is of %v, want %v", call, site, weight, cost, want)
		}
	}
	for i := range uint64(20000) {
		for _, weight := range []uint16{1, 3, 1000, 10000} {
			check(rendezvous.Mix(i), rendezvous.Mix(^i), weight)
		}
	}
	// The hashes next to none and to all of 2^64: sites found by going backwards through Mix.
	for _, hash := range []uint64{0, 1<<12 - 1, 1 << 12, 1 << 63, ^uint64(0), ^uint64(0) - 1<<12, ^uint64(0) - 1<<40} {
		for _, weight := range []uint16{1, 1000, 10000} {
			if rendezvous.Mix(unmix(hash)) != hash {
				t.Fatal("unmix is wrong")
			}
			check(0, unmix(hash), weight)
		}
	}
}

// unmix is the value that Mix spreads to h.
func unmix(h uint64) uint64 {
	h = unshift(h, 31) * inverse(0x94d049bb133111eb)
	h = unshift(h, 27) * inverse(0xbf58476d1ce4e5b9)
	return unshift(h, 30) - 0x9e3779b97f4a7c15
}

func unshift(h uint64, by uint) uint64 {
	for x := h >> by; x != 0; x >>= by {
		h ^= x
	}
	return h
}

// inverse of an odd number modulo 2^64, by Newton's method.
func inverse(odd uint64) uint64 {
	x := odd
	for range 6 {
		x *= 2 - odd*x
	}
	return x
}

func TestEveryByteCounts(t *testing.T) {
	seen := map[uint64]string{}
	for n := range 40 {
		for i := range n {
			b := make([]byte, n)
			b[i] = 1
			for _, s := range []string{string(b), string(b[:i]) + "\x02" + string(b[i+1:])} {
				if other, ok := seen[rendezvous.Of(s)]; ok {
					t.Fatalf("%q and %q collide", s, other)
				}
				seen[rendezvous.Of(s)] = s
			}
		}
	}
}

func TestCallsSpreadEvenlyAndStayWhenASiteGoes(t *testing.T) {
	const calls, sites = 20000, 5
	var hash [sites]uint64
	for i := range hash {
		hash[i] = rendezvous.Of(fmt.Sprintf("site-%d", i))
	}
	first := func(call uint64, without int) int {
		best := -1
		for i, h := range hash {
			if i != without && (best < 0 || rendezvous.Weight(call, h) < rendezvous.Weight(call, hash[best])) {
				best = i
			}
		}
		return best
	}
	var got [sites]int
	for c := range calls {
		call := rendezvous.Of(fmt.Sprintf("call-%d", c))
		winner := first(call, -1)
		got[winner]++
		if winner != 2 && first(call, 2) != winner {
			t.Fatal("a call moved although its site stayed")
		}
	}
	for i, n := range got {
		if n < calls/sites*9/10 || n > calls/sites*11/10 {
			t.Errorf("site %d takes %d of %d calls, want about %d", i, n, calls, calls/sites)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	for b.Loop() {
		rendezvous.Of("a84b4c76e66710@pc33.atlanta.example")
	}
}

func BenchmarkShare(b *testing.B) {
	i := uint64(0)
	for b.Loop() {
		rendezvous.Share(i, 0x23afc85e7edaddc2, 7)
		i++
	}
}
