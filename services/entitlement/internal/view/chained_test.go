package view

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestChainedAgreesWithAList: whatever is added and removed, what has a hash is found, and nothing else, however many share a
// hash or a chain; and places that are free are used again.
func TestChainedAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChained[int](0)
		places := map[uint32]uint64{}
		most := 0
		for i := range rapid.IntRange(1, 100).Draw(t, "changes") {
			if len(places) > 0 && rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				at := slices.Sorted(maps.Keys(places))[rapid.IntRange(0, len(places)-1).Draw(t, "which")]
				c.remove(at)
				delete(places, at)
				continue
			}
			hash := rapid.SampledFrom([]uint64{0, 1, 1 << 40, 7, ^uint64(0), uint64(i)}).Draw(t, "hash")
			at := c.add(hash, i)
			if _, taken := places[at]; taken || at == 0 || *c.at(at) != i {
				t.Fatalf("place %d is taken, or holds %d", at, *c.at(at))
			}
			places[at], most = hash, max(most, len(places)+1)
		}
		byHash := map[uint64][]uint32{}
		for at, hash := range places {
			byHash[hash] = append(byHash[hash], at)
		}
		for _, hash := range []uint64{0, 1, 1 << 40, 7, ^uint64(0), 12345} {
			var got []uint32
			for at := c.first(hash); at != 0; at = c.next(at) {
				got = append(got, at)
			}
			slices.Sort(got)
			if slices.Sort(byHash[hash]); !slices.Equal(got, byHash[hash]) {
				t.Fatalf("hash %d is at %v, want %v", hash, got, byHash[hash])
			}
		}
		if int(c.n) > most {
			t.Fatalf("%d places for %d items at most", c.n, most)
		}
	})
}
