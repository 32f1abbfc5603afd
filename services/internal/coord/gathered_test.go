package coord

import "testing"

func TestGatheredIsInOrder(t *testing.T) {
	for _, n := range []int{0, 1, chunkEvents, chunkEvents + 1, 3*chunkEvents - 1} {
		var g Gathered
		for i := range n {
			g.Add(Event{ModRevision: int64(i)})
		}
		all := g.All()
		if len(all) != n {
			t.Fatalf("%d of %d", len(all), n)
		}
		for i, e := range all {
			if e.ModRevision != int64(i) {
				t.Fatalf("of %d, at %d is %d", n, i, e.ModRevision)
			}
		}
	}
}
