package entitlement_test

import (
	"log/slog"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/types/known/durationpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// TestWhatLapsesSoonIsAMetric: of a promise that a clerk recorded nobody is told otherwise.
func TestWhatLapsesSoonIsAMetric(t *testing.T) {
	w := newShop(t)
	w.offer(t, "call", func(o *entitlementv1.Offer) { o.ConfirmWithin = durationpb.New(48 * time.Hour) })
	w.accept(t, acme("c1"))
	w.clock.Advance(25 * time.Hour)
	later := acme("c2")
	later.Customer, later.Number = "", "+61255500222"
	w.accept(t, later)
	reader := sdkmetric.NewManualReader()
	s := entitlement.New(entitlement.Config{
		Store: w.etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: w.clock,
		Meters: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	})
	world{s, w.etcd, w.clock}.follow(t)
	soon := func() int64 {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if gauge, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "dayside.promises.lapsing" {
					return gauge.DataPoints[0].Value
				}
			}
		}
		return -1
	}
	await.True(t, "one of two lapses within a day", func() bool { return soon() == 1 })
}
