package cluster_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/cluster"
)

// measured are the gauges as they stand, by name, and by the value of their attribute where they have one.
func measured(t *testing.T, reader *sdkmetric.ManualReader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					out[labelled(m.Name, p.Attributes.ToSlice())] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					out[labelled(m.Name, p.Attributes.ToSlice())] = p.Value
				}
			}
		}
	}
	return out
}

// TestMetricsTellOfTheClockAndOfEtcd.
func TestMetricsTellOfTheClockAndOfEtcd(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		reader := sdkmetric.NewManualReader()
		clk, log := &shifting{}, &buffer{}
		clk.by.Store(int64(-4 * time.Second))
		etcd := &ailing{memory: m}
		s, err := cluster.New(cluster.Config{Instance: "x", Services: []string{"routing"}, Address: "x:1", MaxSchema: 2}, cluster.Deps{
			Store: etcd, Clock: clk, Log: slog.New(slog.NewTextHandler(log, nil)),
			MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
		})
		if err != nil {
			t.Fatal(err)
		}
		m.start(t, "a", 0, "routing")
		m.start(t, "b", 0, "routing")
		go func() { _ = s.Run(t.Context()) }()
		go func() { _ = s.Announce(t.Context(), "routing") }()
		pass(10 * time.Second)
		want(t, measured(t, reader), map[string]float64{
			"dayside.clock.ahead": -4, "dayside.clock.stepped_back": 1, "dayside.cluster.processes": 3, "dayside.cluster.schema": 1,
			"dayside.etcd.silent": 0, "dayside.etcd.members answers": 2, "dayside.etcd.members silent": 1, "dayside.etcd.alarms": 1,
			"dayside.etcd.db.size one": 300, "dayside.etcd.db.in_use one": 200, "dayside.etcd.db.quota one": 1000,
			"dayside.etcd.db.size two": 301,
		})
		m.away.Store(true)
		pass(time.Minute)
		got := measured(t, reader)
		want(t, got, map[string]float64{"dayside.etcd.members answers": 0, "dayside.etcd.members silent": 3})
		if got["dayside.etcd.silent"] < 59 {
			t.Errorf("etcd is silent for %v s", got["dayside.etcd.silent"])
		}
		if _, told := got["dayside.etcd.db.size one"]; told {
			t.Error("the size of what does not answer is told")
		}
	})
}

// ailing is an etcd of three members, one of which is silent and one of which raises an alarm.
type ailing struct{ *memory }

func (a *ailing) Members(context.Context) ([]*rpcv1.EtcdMember, uint64, error) {
	return []*rpcv1.EtcdMember{
		{Name: "one", DbBytes: 300, DbInUseBytes: 200, QuotaBytes: 1000}, {Name: "three", Error: errors.ErrUnsupported.Error()},
		{Name: "two", DbBytes: 301, Alarms: []string{"NOSPACE"}},
	}, 1, a.answers()
}

func want(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if is, ok := got[name]; !ok || is < value-0.1 || is > value+0.1 {
			t.Errorf("%s is %v, want %v", name, is, value)
		}
	}
}

func labelled(name string, attributes []attribute.KeyValue) string {
	for _, a := range attributes {
		name += " " + a.Value.AsString()
	}
	return name
}
