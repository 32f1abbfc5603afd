package view

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/phone"
)

func TestNumberTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table numberTable
		model := map[phone.Number]ref{}
		// Few numbers, so that they meet; some share a home whatever the size.
		number := rapid.Map(rapid.IntRange(1, 60), func(i int) phone.Number { return phone.Number(i) << (i % 5 * 10) })
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			n := number.Draw(t, "number")
			if rapid.Bool().Draw(t, "remove") {
				table.remove(n)
				delete(model, n)
			} else {
				c := ref(rapid.Uint32().Draw(t, "customer"))
				table.put(n, c)
				model[n] = c
			}
			if table.used != len(model) {
				t.Fatalf("%d numbers, want %d", table.used, len(model))
			}
		}
		for i := range phone.Number(61) {
			n := i << (i % 5 * 10)
			got, found := table.get(n)
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
			var tables [numShards]numberTable
			c := ref(1)
			const n = 60_000
			for i := range phone.Number(n) {
				num := 61255500000 + i*stride
				tables[numberShard(num)].put(num, c)
			}
			total, longest := 0, 0
			for s := range tables {
				table := &tables[s]
				for i, slot := range table.slots {
					if slot.number != 0 {
						probes := (i-table.home(slot.number))&(len(table.slots)-1) + 1
						total += probes
						longest = max(longest, probes)
					}
				}
			}
			if total > 3*n || longest > 100 {
				t.Errorf("%.2f probes a number, at most %d", float64(total)/n, longest)
			}
		})
	}
}
