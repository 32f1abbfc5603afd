package view

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/phone"
)

func TestNumberTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newNumbers()
		table := (*numberTable)(nil).clone()
		model := map[phone.Number]ref{}
		// Few numbers, so that they meet; some share a home whatever the size.
		number := rapid.Map(rapid.IntRange(1, 60), func(i int) phone.Number { return phone.Number(i) << (i % 5 * 10) })
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			n := number.Draw(t, "number")
			if rapid.Bool().Draw(t, "remove") {
				table.remove(x, n, x.hash(n))
				delete(model, n)
			} else {
				c := ref(rapid.Uint32().Draw(t, "customer"))
				table.put(x, n, x.hash(n), c)
				model[n] = c
			}
			if table.used != len(model) {
				t.Fatalf("%d numbers, want %d", table.used, len(model))
			}
		}
		for i := phone.Number(1); i < 61; i++ {
			n := i << (i % 5 * 10)
			s := table.slots[table.find(n, x.hash(n))]
			got, found := s.customer, s.number != 0
			if want, known := model[n]; found != known || got != want {
				t.Fatalf("number %d: found %v, %d, want %d", n, found, got, want)
			}
		}
	})
}

// Numbers come in blocks: of a hundred, of a thousand, one an extension. None of them may fill one corner of the table.
func TestProbesStayShort(t *testing.T) {
	for _, stride := range []phone.Number{1, 2, 10, 64, 100, 1000, 1024, 4096, 10000, 1 << 20} {
		t.Run(fmt.Sprint(stride), func(t *testing.T) {
			b := numbersBuilder{next: newNumbers()}
			const n = 60_000
			for i := range phone.Number(n) {
				b.put(61255500000+i*stride, 1)
			}
			x := b.finish()
			total, longest, fullest := 0, 0, 0
			for _, table := range x.shards {
				if table == nil {
					continue
				}
				fullest = max(fullest, table.used)
				for i, slot := range table.slots {
					if slot.number != 0 {
						home := int(x.hash(slot.number)) & (len(table.slots) - 1)
						probes := (i-home)&(len(table.slots)-1) + 1
						total += probes
						longest = max(longest, probes)
					}
				}
			}
			if total > 3*n || longest > 100 || fullest > 100 {
				t.Errorf("%.2f probes a number, at most %d; %d numbers in one shard", float64(total)/n, longest, fullest)
			}
		})
	}
}

// Numbers that meet in one place by one process's hash do not by another's: nobody can choose such, for all of them.
func TestNobodyChoosesWhereNumbersStand(t *testing.T) {
	one, other := newNumbers(), newNumbers()
	meet := map[uint64]int{}
	for n, found := phone.Number(1), 0; found < 200; n++ {
		if one.hash(n)>>(64-shardBits) == 0 {
			found++
			meet[other.hash(n)>>(64-shardBits)]++
		}
	}
	for shard, n := range meet {
		if n > 10 {
			t.Errorf("%d of 200 meet in shard %d of another process", n, shard)
		}
	}
}

// What is gone takes no memory.
func TestNumbersLeaveNoGarbage(t *testing.T) {
	b := numbersBuilder{next: newNumbers()}
	const n = 100_000
	for i := phone.Number(1); i <= n; i++ {
		b.put(i, 1)
	}
	b = numbersBuilder{next: b.finish()}
	for i := phone.Number(1); i <= n; i++ {
		if i%10 != 0 {
			b.remove(i)
		}
	}
	x, slots := b.finish(), 0
	for _, t := range x.shards {
		if t != nil {
			slots += len(t.slots)
		}
	}
	if slots > numShards*16 {
		t.Errorf("%d places for %d numbers", slots, n/10)
	}
	b = numbersBuilder{next: x}
	for i := phone.Number(10); i <= n; i += 10 {
		if _, ok := x.get(i); !ok {
			t.Fatalf("%d is gone", i)
		}
		b.remove(i)
	}
	if x = b.finish(); slices.ContainsFunc(x.shards[:], func(t *numberTable) bool { return t != nil }) {
		t.Error("there are tables without a number")
	}
}
