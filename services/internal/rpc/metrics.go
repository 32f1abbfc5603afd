package rpc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc/codes"
)

// durations is the histogram of served requests by method and code (names as OpenTelemetry's semantic conventions have
// them). Attribute sets are made once: building one costs more than recording.
type durations struct {
	histogram metric.Float64Histogram
	options   sync.Map // durationKey -> []metric.RecordOption
}

type durationKey struct {
	method string
	code   codes.Code
}

func newDurations(m metric.Meter) (*durations, error) {
	h, err := m.Float64Histogram("rpc.server.duration", metric.WithUnit("s"),
		metric.WithDescription("Time to answer a gRPC request."))
	if err != nil {
		return nil, fmt.Errorf("metric rpc.server.duration: %w", err)
	}
	return &durations{histogram: h}, nil
}

func (d *durations) record(ctx context.Context, method string, code codes.Code, took time.Duration) {
	key := durationKey{method, code}
	opts, ok := d.options.Load(key)
	if !ok {
		opts, _ = d.options.LoadOrStore(key, []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(
			attribute.String("rpc.method", method[1:]), attribute.String("rpc.grpc.status_code", code.String())))})
	}
	list, _ := opts.([]metric.RecordOption)
	d.histogram.Record(ctx, took.Seconds(), list...)
}
