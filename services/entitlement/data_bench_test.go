package entitlement_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// BenchmarkImport brings in rows of customers with a contract and a number each, in one process beside an etcd that
// syncs every write, as a cluster of one machine does; and says what an urgent change of a customer takes meanwhile,
// beside one on a quiet system.
func BenchmarkImport(b *testing.B) {
	const rows = 20_000
	var clk clock.System
	for range b.N {
		w := dataProcess(b, ownEtcd(b, false), nil)
		if _, err := w.CreateCustomer(context.Background(), &entitlementv1.CreateCustomerRequest{
			Customer: &entitlementv1.Customer{Name: "customers/urgent", DisplayName: "Urgent"},
		}); err != nil {
			b.Fatal(err)
		}
		quiet := w.urgentWrites(b, 50, nil)
		alone := w.importAll(b, "alone", 0, rows)
		again := w.importAll(b, "again", 0, rows)

		over := make(chan struct{})
		var beside time.Duration
		go func() {
			defer close(over)
			beside = w.importAll(b, "beside", rows, rows)
		}()
		busy := w.urgentWrites(b, 0, over)
		perMin := func(d time.Duration) float64 { return rows / d.Minutes() }
		b.ReportMetric(perMin(alone), "rows/min")
		b.ReportMetric(perMin(again), "same-again-rows/min")
		b.ReportMetric(perMin(beside), "rows/min-beside-writers")
		b.ReportMetric(float64(quiet[len(quiet)/2].Microseconds()), "quiet-write-p50-us")
		b.ReportMetric(float64(busy[len(busy)/2].Microseconds()), "urgent-write-p50-us")
		b.ReportMetric(float64(busy[len(busy)*99/100].Microseconds()), "urgent-write-p99-us")
		_ = clk
	}
	b.ReportMetric(0, "ns/op")
}

// importAll brings in n rows in parts of a thousand.
func (w *dataWorld) importAll(b *testing.B, id string, after, n int) time.Duration {
	b.Helper()
	var clk clock.System
	began := clk.Now()
	for line := 1; line <= n; line += 1000 {
		part := rowsOf(line, min(line+999, n))
		for _, row := range part {
			row.Key.Id = fmt.Sprint("A", int(row.GetLine())+after)
		}
		w.bring(b, importOf(id, int64(line-1), part...))
	}
	return clk.Now().Sub(began)
}

// urgentWrites changes a customer every few milliseconds, n times or until over, and answers with how long each took,
// ascending.
func (w *dataWorld) urgentWrites(b *testing.B, n int, over <-chan struct{}) (took []time.Duration) {
	b.Helper()
	var clk clock.System
	for i := 0; n == 0 || i < n; i++ {
		select {
		case <-over:
			slices.Sort(took)
			return took
		case <-clk.After(20 * time.Millisecond):
		}
		began := clk.Now()
		if _, err := w.UpdateCustomer(context.Background(), &entitlementv1.UpdateCustomerRequest{Customer: &entitlementv1.Customer{
			Name: "customers/urgent", Locality: fmt.Sprint("Berlin ", i),
		}}); err != nil {
			b.Fatal(err)
		}
		took = append(took, clk.Now().Sub(began))
	}
	slices.Sort(took)
	return took
}
