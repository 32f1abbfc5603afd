package view_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// scale is how many customers there are: a million, or DAYSIDE_SCALE.
func scale(b *testing.B) int {
	text := os.Getenv("DAYSIDE_SCALE")
	if text == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("DAYSIDE_SCALE=%q: must be how many customers", text)
	}
	return n
}

// many are customers of three contracts and four numbers each.
func many(b *testing.B) []coord.Event {
	events := make([]coord.Event, scale(b))
	for i := range events {
		c := &publishedv1.Customer{
			Id: fmt.Sprintf("customer-%07d", i), DisplayName: fmt.Sprintf("Customer %d of Example Industries GmbH", i),
			TimeZone: "Europe/Berlin", Locality: "Berlin, Germany", Language: "de",
		}
		for k := range 4 {
			c.Numbers = append(c.Numbers, uint64(4930_000_000_000+i*4+k))
			if k < 3 {
				c.Contracts = append(c.Contracts, &publishedv1.Contract{
					Id: fmt.Sprintf("c-%d", k), Plan: "gold", Product: "database", FromUnixS: 1_700_000_000, ToUnixS: published.OpenEnded,
				})
			}
		}
		events[i] = put(b, published.CustomerPrefix+c.GetId(), c)
	}
	return events
}

// BenchmarkIndex is an index of a million customers, made of a list, and asked who has a number. MB-index is what it takes
// beside the list's own bytes and with them.
func BenchmarkIndex(b *testing.B) {
	events := many(b)
	x := view.NewIndex()
	b.Run("list", func(b *testing.B) {
		bytes := 0
		for _, e := range events {
			bytes += len(e.Key) + len(e.Value)
		}
		before := heap()
		for b.Loop() {
			x.Apply(coord.Batch{Reset: true, Events: events})
		}
		more := heap() - before
		b.ReportMetric(float64(more)/1e6, "MB-beside-list")
		b.ReportMetric((float64(more)+float64(bytes))/1e6, "MB-index")
	})
	b.Run("who-has", func(b *testing.B) {
		x.Apply(coord.Batch{Reset: true, Events: events})
		i := 0
		for b.Loop() {
			i = (i + 7919) % (4 * len(events))
			if len(x.WhoHas(phone.Number(4930_000_000_000+i), 2)) != 1 {
				b.Fatal("nobody has it")
			}
		}
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below
}
