// Package telemetry sets up a process's traces, metrics and logs: OpenTelemetry spans exported by OTLP where an endpoint
// is given, metrics served for Prometheus, and slog lines that carry trace ids. It sets no globals; providers are handed
// to whoever needs them.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config says where signals go.
type Config struct {
	// OTLPEndpoint is the host:port of an OTLP gRPC receiver, in clear; empty: no traces are kept.
	OTLPEndpoint string
	// SampleRatio of new traces, 0 to 1. Support calls are few: the default is 1.
	SampleRatio float64
	// Instance names the process.
	Instance string
	// Version of the program.
	Version string
	// Logger is told where signals could not be sent.
	Logger *slog.Logger
}

const (
	// maxQueuedSpans bounds what waits for the collector; beyond it spans are dropped, never calls.
	maxQueuedSpans = 8192
	// maxBatchSpans bounds one export: some half a MiB: a larger one holds a core long enough for calls to feel it.
	maxBatchSpans = 512
	// maxSpanEvents bounds the rejected sites on a span.
	maxSpanEvents = 32
	// exportInterval is how long a span waits for company.
	exportInterval = time.Second
)

// Telemetry is a process's providers.
type Telemetry struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Metrics serves the Prometheus text format.
	Metrics http.Handler
	close   []func(context.Context) error
}

// New makes the providers. A receiver that does not answer is no error: spans are dropped until it does.
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	res := resource.NewSchemaless(attribute.String("service.name", "dayside"),
		attribute.String("service.instance.id", cfg.Instance), attribute.String("service.version", cfg.Version))
	t := &Telemetry{TracerProvider: noop.NewTracerProvider()}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("prometheus exporter: %w", err)
	}
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res),
		sdkmetric.WithView(microsecondBuckets()))
	t.MeterProvider = mp
	t.close = append(t.close, mp.Shutdown)
	t.Metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
	if cfg.OTLPEndpoint == "" {
		return t, nil
	}
	// OpenTelemetry has one handler a process, and prints where there is none.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		cfg.Logger.WarnContext(ctx, "traces are not delivered", "error", err.Error())
	}))
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(cfg.OTLPEndpoint), otlptracegrpc.WithInsecure())
	if err != nil {
		return nil, fmt.Errorf("OTLP exporter to %s: %w", cfg.OTLPEndpoint, err)
	}
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = maxSpanEvents
	tp := sdktrace.NewTracerProvider(
		sdktrace.WithResource(res), sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.SampleRatio))),
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(maxQueuedSpans),
			sdktrace.WithMaxExportBatchSize(maxBatchSpans), sdktrace.WithBatchTimeout(exportInterval)),
	)
	t.TracerProvider = tp
	t.close = append(t.close, tp.Shutdown)
	return t, nil
}

// microsecondBuckets resolve what is fast: a decision takes microseconds, and the default buckets begin at 5 ms.
func microsecondBuckets() sdkmetric.View {
	return sdkmetric.NewView(
		sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Unit: "s", Scope: instrumentation.Scope{}},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: []float64{
			0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005,
			0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5,
		}}},
	)
}

// Close sends what is waiting, and ends the providers.
func (t *Telemetry) Close(ctx context.Context) error {
	var errs []error
	for _, f := range t.close {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

// LogHandler adds trace_id and span_id to every line logged within a span.
type LogHandler struct{ slog.Handler }

// Handle adds the ids and passes the line on.
func (h LogHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the ids on derived loggers.
func (h LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return LogHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the ids on derived loggers.
func (h LogHandler) WithGroup(name string) slog.Handler { return LogHandler{h.Handler.WithGroup(name)} }
