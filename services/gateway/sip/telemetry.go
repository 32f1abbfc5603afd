package sip

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// shedReason is why a call was shed.
type shedReason uint8

const (
	// shedQueue: more than half of the kernel's receive buffer is full. Beyond it calls would be dropped in silence.
	shedQueue shedReason = iota
	// shedInFlight: too many calls wait for routing.
	shedInFlight
	shedReasons
)

func (r shedReason) String() string {
	if r == shedQueue {
		return "receive_queue"
	}
	return "in_flight"
}

func transportName(stream bool) string {
	if stream {
		return "tcp"
	}
	return "udp"
}

const (
	methods    = int(check.Known) + 1
	transports = 2
)

// statuses are all that the gateway answers with; 0 is no answer.
func statuses() []int {
	return []int{0, 200, 302, 400, 403, 404, 405, 416, 420, 480, 483, 500, 501, 503, 505, 513}
}

// series are the options of one attribute set: making a set costs more than recording.
type series struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

// metrics are counted on every packet.
type metrics struct {
	requests  metric.Int64Counter
	duration  metric.Float64Histogram
	sheds     metric.Int64Counter
	noCarry   metric.Int64Counter
	failures  metric.Int64Counter
	conns     metric.Int64UpDownCounter
	lostFrame metric.Int64Counter

	byRequest [methods][transports]map[int]series
	byReason  [shedReasons][]metric.AddOption
}

func newMetrics(m metric.Meter) (*metrics, error) {
	var errs []error
	counter := func(name, description string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	t := &metrics{
		requests:  counter("dayside.sip.requests", "SIP requests by method, transport and status; status 0 got no answer."),
		sheds:     counter("dayside.sip.shed", "Calls answered 503 to shed load, by reason."),
		noCarry:   counter("dayside.sip.unavailable", "Calls answered 480: nothing the line has can be carried. Alert on any."),
		failures:  counter("dayside.sip.routing_failures", "Calls answered 503 since routing did not answer."),
		lostFrame: counter("dayside.sip.lost_framing", "Streams on which the end of a message could not be known."),
	}
	var err error
	t.duration, err = m.Float64Histogram("dayside.sip.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from reading a SIP request to its answer."))
	errs = append(errs, err)
	t.conns, err = m.Int64UpDownCounter("dayside.sip.connections", metric.WithDescription("Open TCP connections."))
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t.fill()
	t.appear()
	return t, nil
}

// appear shows what alerts look at from the start: an increase from nothing to 1 is none.
func (t *metrics) appear() {
	ctx := context.Background()
	for _, c := range []metric.Int64Counter{t.noCarry, t.failures, t.lostFrame} {
		c.Add(ctx, 0)
	}
	for _, o := range t.byReason {
		t.sheds.Add(ctx, 0, o...)
	}
}

func (t *metrics) fill() {
	for method := range methods {
		for transport := range transports {
			t.byRequest[method][transport] = map[int]series{}
			for _, status := range statuses() {
				o := metric.WithAttributeSet(attribute.NewSet(
					attribute.String("method", check.Method(method).Name()),
					attribute.String("transport", transportName(transport == 1)),
					attribute.String("status", strconv.Itoa(status))))
				t.byRequest[method][transport][status] = series{[]metric.AddOption{o}, []metric.RecordOption{o}}
			}
		}
	}
	for r := range shedReasons {
		t.byReason[r] = []metric.AddOption{
			metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", r.String()))),
		}
	}
}

func (t *metrics) of(x *exchange, status int) series {
	transport := 0
	if x.stream {
		transport = 1
	}
	return t.byRequest[x.req.Method][transport][status]
}

func (t *metrics) answered(ctx context.Context, x *exchange, status int, took time.Duration) {
	s := t.of(x, status)
	t.requests.Add(ctx, 1, s.add...)
	t.duration.Record(ctx, took.Seconds(), s.record...)
}

func (t *metrics) ignored(ctx context.Context, x *exchange) {
	t.requests.Add(ctx, 1, t.of(x, 0).add...)
}

func (t *metrics) shed(ctx context.Context, r shedReason) { t.sheds.Add(ctx, 1, t.byReason[r]...) }

func (t *metrics) unavailable(ctx context.Context) { t.noCarry.Add(ctx, 1) }

func (t *metrics) routingFailed(ctx context.Context) { t.failures.Add(ctx, 1) }

// limitedLog writes what is worth a person's look, at a rate that strangers cannot raise: what was left out is counted on
// the next line.
type limitedLog struct {
	log   *slog.Logger
	clock clock.Clock
	// maxLinesPerSecond are written.
	maxLinesPerSecond int

	mu         sync.Mutex
	window     time.Time
	written    int
	suppressed int
}

func newLimitedLog(deps Deps, maxLinesPerSecond int) *limitedLog {
	return &limitedLog{log: deps.Logger, clock: deps.Clock, maxLinesPerSecond: maxLinesPerSecond}
}

// attributes are made for a line that is written only.
type attributes func() []slog.Attr

func (l *limitedLog) warn(ctx context.Context, msg string, attrs attributes) {
	l.line(ctx, slog.LevelWarn, msg, attrs)
}

func (l *limitedLog) error(ctx context.Context, msg string, attrs attributes) {
	l.line(ctx, slog.LevelError, msg, attrs)
}

func (l *limitedLog) line(ctx context.Context, level slog.Level, msg string, attrs attributes) {
	suppressed, ok := l.take(l.clock.Now())
	if !ok {
		return
	}
	list := attrs()
	if suppressed > 0 {
		list = append(list, slog.Int("lines_suppressed", suppressed))
	}
	l.log.LogAttrs(ctx, level, msg, list...)
}

func (l *limitedLog) take(now time.Time) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := now.Sub(l.window); d >= time.Second || d < 0 {
		l.window, l.written = now, 0
	}
	if l.written == l.maxLinesPerSecond {
		l.suppressed++
		return 0, false
	}
	l.written++
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}
