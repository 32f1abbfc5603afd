package coord

import (
	"bytes"
	"fmt"
	"testing"
)

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

// What is copied is as it came, whatever becomes of what it came in, and nobody who adds to it changes another.
func TestGatheredCopies(t *testing.T) {
	var g Gathered
	const n = 3000
	valueOf := func(i int) []byte {
		switch i % 100 {
		case 0:
			return nil
		case 1:
			return []byte{}
		case 2:
			return bytes.Repeat([]byte{byte(i)}, 2*maxShared)
		}
		return bytes.Repeat([]byte{byte(i)}, i%200)
	}
	for i := range n {
		value := valueOf(i)
		if value != nil {
			value = bytes.Clone(value)
		}
		g.AddCopy(Event{Key: fmt.Sprint("key-", i), Value: value})
		if len(value) <= maxShared {
			clear(value)
		}
	}
	if g.Len() != n {
		t.Errorf("%d of %d", g.Len(), n)
	}
	all := g.All()
	for i := range all {
		_ = append(all[i].Value, "spoils what is behind"...)
	}
	for i, e := range all {
		if want := valueOf(i); e.Key != fmt.Sprint("key-", i) || !bytes.Equal(e.Value, want) || (e.Value == nil) != (want == nil) {
			t.Fatalf("%d: %q %v, want %v", i, e.Key, e.Value, want)
		}
	}
	if g.Len() != 0 || len(g.All()) != 0 {
		t.Errorf("%d are left", g.Len())
	}
}
