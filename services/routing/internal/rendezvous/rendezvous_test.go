package rendezvous_test

import (
	"fmt"
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
