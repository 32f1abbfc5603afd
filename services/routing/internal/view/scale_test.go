package view_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// scale is how many customers a benchmark has: a million, or DAYSIDE_SCALE.
func scale(b *testing.B) int {
	if text := os.Getenv("DAYSIDE_SCALE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			b.Fatalf("DAYSIDE_SCALE=%q: must be how many customers", text)
		}
		return n
	}
	return 1_000_000
}

const firstNumber = phone.Number(4930_000_000_000)

// many are customers of three contracts and four numbers each.
func many(n int) []viewtest.Record {
	records := make([]viewtest.Record, n)
	for i := range records {
		c := viewtest.Customer(fmt.Sprintf("customer-%07d", i), nil, viewtest.Contract("database", -1000, 1000),
			viewtest.Contract("network", -1000, -10), viewtest.Contract("storage", 10, 1000))
		c.DisplayName, c.TimeZone = fmt.Sprintf("Customer %d of Example Industries GmbH", i), "Europe/Berlin"
		c.Locality, c.Language = "Berlin, Germany", "de"
		for k := range 4 {
			c.Numbers = append(c.Numbers, uint64(firstNumber)+uint64(4*i+k))
		}
		records[i] = viewtest.CustomerRecord(c)
	}
	return records
}

func list(before *view.View, records []viewtest.Record) *view.View {
	build := view.Anew(before)
	for _, r := range records {
		build.Expect(r.Key, len(r.Value))
	}
	for _, r := range records {
		build.Put(r.Key, r.Value)
	}
	v, _ := build.View(1, viewtest.At(0))
	return v
}

// BenchmarkManyCustomers is a view of a million customers: made of a list, and of the same list again, changed by one of them,
// and asked who has a number, with and without the rule's parties. Each number asked for is another one, as of callers.
func BenchmarkManyCustomers(b *testing.B) {
	n := scale(b)
	records := many(n)
	var v *view.View
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			v = list(nil, records)
		}
	})
	if v == nil {
		v = list(nil, records)
	}
	b.Run("same-list", func(b *testing.B) {
		for b.Loop() {
			list(v, records)
		}
	})
	b.Run("change", func(b *testing.B) {
		c := &publishedv1.Customer{Id: "customer-0000007", Numbers: []uint64{uint64(firstNumber) + 28, 7}}
		for i := 0; b.Loop(); i++ {
			c.DisplayName = fmt.Sprint(i)
			r := viewtest.CustomerRecord(c)
			build := view.Next(v)
			build.Put(r.Key, r.Value)
			v, _ = build.View(2, viewtest.At(0))
		}
	})
	b.Run("who", func(b *testing.B) { // whose a number is, without what they have
		b.ReportAllocs()
		defer processorTime(b)()
		for b.Loop() {
			if v.OnlyOne(firstNumber+100+phone.Number(rand.IntN(4*n-100)), "somebody-else") {
				b.Fatal("somebody else has it")
			}
		}
	})
	b.Run("number", func(b *testing.B) {
		var room view.Customer
		b.ReportAllocs()
		defer processorTime(b)()
		for b.Loop() {
			if h := v.CustomersByNumberInto(firstNumber+100+phone.Number(rand.IntN(4*n-100)), &room); h.Len() != 1 {
				b.Fatal("nobody has it")
			}
		}
	})
	b.Run("parties", func(b *testing.B) { benchParties(b, v, n, 0) })
	b.Run("parties-with-use", func(b *testing.B) { benchParties(b, used(b, v, n), n, 1) })
}

func benchParties(b *testing.B, v *view.View, n, uses int) {
	var room view.Customer
	var buf [5]entitle.Party
	b.ReportAllocs()
	b.ResetTimer()
	defer processorTime(b)()
	for b.Loop() {
		h := v.CustomersByNumberInto(firstNumber+100+phone.Number(rand.IntN(4*n-100)), &room)
		if p := v.Parties(h.At(0), buf[:0]); len(p) != 1 || len(p[0].Used) != uses {
			b.Fatal("no party")
		}
	}
}

// used is a view with what was counted of a contract of each customer.
func used(b *testing.B, v *view.View, n int) *view.View {
	b.Helper()
	build := view.Next(v)
	for i := range n {
		r := viewtest.UsageRecord(&publishedv1.Usage{
			Customer: fmt.Sprintf("customer-%07d", i), GoodwillUnixS: []int64{1_750_000_000},
			Contracts: []*publishedv1.ContractUsage{{Contract: "database", FromUnixS: 1, ToUnixS: 1_752_600_000, Calls: 3}},
		})
		build.Put(r.Key, r.Value)
	}
	v, _ = build.View(3, viewtest.At(0))
	return v
}

// processorTime reports what an operation takes of a processor: on a machine that others share, that and not the time that
// passes is what it costs.
func processorTime(b *testing.B) (end func()) {
	runtime.LockOSThread()
	began := threadTime(b)
	return func() {
		b.ReportMetric(float64((threadTime(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
		runtime.UnlockOSThread()
	}
}

func threadTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
