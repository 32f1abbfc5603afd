package routing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	instrumentation = "github.com/daysidehq/dayside/services/routing"
	// maxRejectedEvents bounds the sites told of on a span.
	maxRejectedEvents = 32
	// maxSpanAttributes is how many a decision's span has.
	maxSpanAttributes = 10
	// maxSeries bounds the combinations of line, action and class that have their own counter; others share one without a
	// line.
	maxSeries = 5000
	// callerHashBytes is enough to tell the callers of a day apart.
	callerHashBytes = 8
)

// signals is what the service tells operators: metrics of every decision, spans of sampled ones, and a log line of those
// that somebody should look at. No number is in any of them but a caller's masked, or as a keyed hash.
type signals struct {
	clock  clock.Clock
	log    *slog.Logger
	tracer trace.Tracer
	// key of the caller hash; of this process alone, so hashes of two processes differ.
	key [32]byte

	lines [len(actionNames)]lineLimit

	decisions metric.Int64Counter
	former    metric.Int64Counter
	duration  metric.Float64Histogram
	problems  metric.Int64Counter
	fates     map[routingv1.ContinuationFate]metric.MeasurementOption
	tokens    metric.Int64Counter
	refusals  lineLimit
	lookUps   lineLimit
	// inForce are the drains that were told of as being in force. Only applied touches it, which is called by one goroutine.
	inForce map[string]*view.Drain
	// series are attribute sets made once: making one costs more than a decision.
	series   atomic.Pointer[map[seriesKey][]metric.AddOption]
	seriesMu sync.Mutex
}

func newSignals(deps Deps, current *view.Current) (*signals, error) {
	s := &signals{clock: deps.Clock, log: deps.Logger, tracer: deps.TracerProvider.Tracer(instrumentation)}
	if _, err := rand.Read(s.key[:]); err != nil {
		return nil, fmt.Errorf("routing: key of the caller hash: %w", err)
	}
	s.series.Store(&map[seriesKey][]metric.AddOption{})
	m := deps.MeterProvider.Meter(instrumentation)
	var err error
	if s.decisions, err = m.Int64Counter("dayside.route.decisions",
		metric.WithDescription("Calls decided, by line, action and class of caller.")); err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	if s.former, err = m.Int64Counter("dayside.route.former_number",
		metric.WithDescription("Calls that came in on a number that the line had before, by line.")); err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	if s.duration, err = m.Float64Histogram("dayside.route.duration", metric.WithUnit("s"),
		metric.WithDescription("Time to decide a call and to write the answer.")); err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	if s.problems, err = m.Int64Counter("dayside.view.problems",
		metric.WithDescription("Records that the view could not read. Alert on any.")); err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	if s.tokens, err = m.Int64Counter("dayside.continuations",
		metric.WithDescription("Continuations handed in, by what became of them.")); err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	s.fates = fateOptions()
	// An increase is seen from a value that was there before.
	s.problems.Add(context.Background(), 0)
	s.former.Add(context.Background(), 0)
	for _, fate := range s.fates {
		s.tokens.Add(context.Background(), 0, fate)
	}
	return s, s.observeView(m, current)
}

// observeView reports the view whenever metrics are read. Nothing is reported before there is one.
func (s *signals) observeView(m metric.Meter, current *view.Current) error {
	revision, err := m.Int64ObservableGauge("dayside.view.revision", metric.WithDescription("etcd revision of the view."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	age, err := m.Float64ObservableGauge("dayside.view.age", metric.WithUnit("s"),
		metric.WithDescription("Time since the view last heard from etcd, changes or not."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	records, err := m.Int64ObservableGauge("dayside.view.records", metric.WithDescription("Records in the view, by kind."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	drains, err := m.Int64ObservableGauge("dayside.drains.active", metric.WithDescription("Drains in force now."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	former, err := m.Int64ObservableGauge("dayside.line.former_number.end", metric.WithUnit("s"), metric.WithDescription(
		"When the last number stops working that the line had before, seconds since 1970, by line; 0 where none does."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	kind := func(k string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", k)))
	}
	sites, rotas, customers, lines := kind("sites"), kind("rotas"), kind("customers"), kind("lines")
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		v := current.Load()
		if v == nil {
			return nil
		}
		n := v.Counts()
		o.ObserveInt64(revision, v.Revision())
		o.ObserveFloat64(age, v.Age(s.clock.Now()).Seconds())
		o.ObserveInt64(records, int64(n.Sites), sites)
		o.ObserveInt64(records, int64(n.Rotas), rotas)
		o.ObserveInt64(records, int64(n.Customers), customers)
		o.ObserveInt64(records, int64(n.Lines), lines)
		o.ObserveInt64(drains, int64(len(drainsInForce(v, s.clock.Now()))))
		ends := v.FormerEnds(s.clock.Now().Unix())
		if len(ends) == 0 {
			o.ObserveInt64(former, 0)
		}
		for line, end := range ends {
			o.ObserveInt64(former, end, metric.WithAttributeSet(attribute.NewSet(attribute.String("dayside.line", line))))
		}
		return nil
	}, revision, age, records, drains, former)
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	return nil
}

// applied tells of a batch that became a view.
func (s *signals) applied(ctx context.Context, b coord.Batch, before, v *view.View, problems []view.Problem) {
	for _, p := range problems {
		s.problems.Add(ctx, 1)
		s.log.ErrorContext(ctx, "a record cannot be read; what was known before stays in force", "key", p.Key,
			"revision", b.Revision, "error", p.Err)
	}
	s.tellDrains(ctx, v)
	if b.Reset {
		n := v.Counts()
		if n.Lines == 0 && before != nil && before.Counts().Lines > 0 {
			s.log.ErrorContext(ctx, "etcd holds no line any more: every call is refused as unknown. Was etcd replaced by an "+
				"empty one?", "lines_before", before.Counts().Lines, "revision_before", before.Revision(), "revision", v.Revision())
		}
		message := "view listed"
		if !b.Heard.IsZero() {
			message = "view taken from the disk"
		}
		s.log.InfoContext(ctx, message, "revision", v.Revision(), "sites", n.Sites, "customers", n.Customers,
			"lines", n.Lines, "rotas", n.Rotas, "tzdata", strings.Join(v.TZDataReleases(), ","))
	}
}

// tellDrains logs drains that came in force since the last batch, by being written or by their time, and those that are
// so no longer; heartbeats come every second.
func (s *signals) tellDrains(ctx context.Context, v *view.View) {
	now := drainsInForce(v, s.clock.Now())
	for id, d := range now {
		if s.inForce[id] == nil {
			attrs := drainAttrs(d)
			if d.ToUnixS != math.MaxInt64 {
				attrs = append(attrs, slog.Time("until", time.Unix(d.ToUnixS, 0).UTC()))
			}
			s.log.LogAttrs(ctx, slog.LevelWarn, "a drain is in force", attrs...)
		}
	}
	for id, d := range s.inForce {
		if now[id] == nil {
			s.log.LogAttrs(ctx, slog.LevelInfo, "a drain is over", drainAttrs(d)...)
		}
	}
	s.inForce = now
}

func drainAttrs(d *view.Drain) []slog.Attr {
	return []slog.Attr{
		slog.String("drain", d.Name), slog.String("subject", d.Subject), slog.String("line", d.LineID),
		slog.String("reason", d.Reason),
	}
}

// drainsInForce are those at an instant, by ID; nil where there are none.
func drainsInForce(v *view.View, now time.Time) map[string]*view.Drain {
	var found map[string]*view.Drain
	for _, d := range v.Drains() {
		if !d.At(now.Unix()) {
			continue
		}
		if found == nil {
			found = map[string]*view.Drain{}
		}
		found[d.ID] = d
	}
	return found
}

// action is what a decision came to.
type action uint8

const (
	actionForward action = iota
	actionOnDuty
	actionLastResort
	actionRefused
	actionUnknownLine
	actionUnavailable
	actionPrompt
	actionRecord
	actionMessageTaken
	actionNobodyAnswered
	actionOver
	actionNumberChanged
)

var actionNames = [...]string{
	"forward", "on_duty", "last_resort", "refused", "unknown_line", "unavailable", "prompt", "record", "message_taken",
	"nobody_answered", "over", "number_changed",
}

func (a action) String() string { return actionNames[a] }

func actionOf(d *decide.Decision) action {
	switch d.End {
	case routingv1.EndCause_END_CAUSE_UNKNOWN_LINE:
		return actionUnknownLine
	case routingv1.EndCause_END_CAUSE_REFUSED:
		return actionRefused
	case routingv1.EndCause_END_CAUSE_NUMBER_CHANGED:
		return actionNumberChanged
	case routingv1.EndCause_END_CAUSE_UNAVAILABLE:
		return actionUnavailable
	case routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN:
		return actionMessageTaken
	case routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED:
		return actionNobodyAnswered
	case routingv1.EndCause_END_CAUSE_OVER:
		return actionOver
	case routingv1.EndCause_END_CAUSE_UNSPECIFIED:
	}
	switch {
	case d.Step == routingv1.StepKind_STEP_KIND_PROMPT:
		return actionPrompt
	case d.Step == routingv1.StepKind_STEP_KIND_RECORD:
		return actionRecord
	case d.FirstSite() != nil:
		return actionForward
	case d.Targets()[0].GetLastResort():
		return actionLastResort
	}
	return actionOnDuty
}

// decided tells of one call. It is on the path of a ringing phone: a span is made only within one that is recorded.
func (s *signals) decided(ctx context.Context, c *decision) {
	did := actionOf(c.d)
	s.decisions.Add(ctx, 1, s.options(c.d, did)...)
	if c.d.FormerNumber && c.call.State == nil { // once a call
		s.former.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("dayside.line", c.d.Line.Name))))
	}
	s.duration.Record(ctx, c.took.Seconds())
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		s.span(span, c, did)
	}
	if level, message := worthALine(did); message != "" && s.log.Enabled(ctx, level) {
		s.line(ctx, level, message, c, did)
	}
}

// line logs a decision, unless too many of its kind were logged in this second.
func (s *signals) line(ctx context.Context, level slog.Level, message string, c *decision, did action) {
	ok, dropped := s.lines[did].allow(c.at)
	if !ok {
		return
	}
	attrs := s.attrs(c, did)
	if dropped > 0 {
		attrs = append(attrs, slog.Int("lines_dropped", dropped))
	}
	s.log.LogAttrs(ctx, level, message, attrs...)
}

// worthALine is how loudly a decision is told. An unknown number is what strangers dial, so it must not fill a log.
func worthALine(did action) (slog.Level, string) {
	switch did {
	case actionUnavailable:
		return slog.LevelError, "call cannot be carried: its gateway can neither redirect nor forward"
	case actionLastResort:
		return slog.LevelWarn, "call goes to the last resort: no site is open"
	case actionOnDuty:
		return slog.LevelInfo, "call goes to somebody on duty: no site is open"
	case actionRefused:
		return slog.LevelInfo, "call refused"
	case actionNumberChanged:
		return slog.LevelInfo, "call to a number that the line has no longer"
	case actionUnknownLine:
		return slog.LevelDebug, "call to a number of no line"
	case actionNobodyAnswered:
		return slog.LevelError, "nobody answered a call, the last resort neither"
	case actionMessageTaken:
		return slog.LevelInfo, "a message was taken"
	case actionForward, actionPrompt, actionRecord, actionOver:
	}
	return 0, ""
}

func (s *signals) attrs(c *decision, did action) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("action", did.String()), slog.String("call_id", c.call.ID), slog.String("gateway", c.gateway),
		slog.String("caller", c.call.Caller.Masked()), slog.String("class", className(c.d.Class)),
		slog.String("reason", reason(c.d)),
	}
	if c.d.Line != nil {
		attrs = append(attrs, slog.String("line", c.d.Line.Name))
	}
	return attrs
}

// reason is the verdict that settled it: why a refused caller is not entitled, else that of the last stage.
func reason(d *decide.Decision) string {
	verdicts := d.Verdicts()
	last := verdicts[len(verdicts)-1]
	if last == routingv1.Verdict_VERDICT_TREATMENT_REJECT {
		last = verdicts[len(verdicts)-2]
	}
	return strings.TrimPrefix(last.String(), "VERDICT_")
}

func className(c routingv1.CallerClass) string {
	switch c { // String looks its answer up in the descriptor, which costs as much as the decision
	case routingv1.CallerClass_CALLER_CLASS_ENTITLED:
		return "ENTITLED"
	case routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED:
		return "NOT_ENTITLED"
	case routingv1.CallerClass_CALLER_CLASS_UNKNOWN:
		return "UNKNOWN"
	case routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED:
	}
	return "UNSPECIFIED"
}

// span tells of the decision on the request's own span, which is the route's: a span of its own would double the price of
// a sampled call and say nothing more. Rejected sites are events whose names say it all, and attributes are those of the
// design alone: each one takes off the throughput at full sampling.
func (s *signals) span(span trace.Span, c *decision, did action) {
	attrs := make([]attribute.KeyValue, 0, maxSpanAttributes)
	attrs = append(attrs,
		attribute.String("dayside.call_id", c.call.ID),
		attribute.String("dayside.action", did.String()), attribute.String("dayside.reason", reason(c.d)),
		attribute.Int64("dayside.view.revision", c.view.Revision()),
		attribute.Float64("dayside.view.age", c.view.Age(c.at).Seconds()))
	if c.call.Caller != 0 {
		attrs = append(attrs, attribute.String("dayside.caller.hash", s.callerHash(c.call.Caller)))
	}
	if c.d.Line != nil {
		attrs = append(attrs, attribute.String("dayside.line", c.d.Line.Name),
			attribute.String("dayside.tzdata", c.d.Line.TZDataRelease))
	}
	if c.call.Fate != routingv1.ContinuationFate_CONTINUATION_FATE_UNSPECIFIED {
		attrs = append(attrs, attribute.String("dayside.continuation", fateName(c.call.Fate)))
	}
	if site := c.d.FirstSite(); site != nil {
		attrs = append(attrs, attribute.String("dayside.site", site.Name))
	}
	span.SetAttributes(attrs...)
	told := 0
	for _, site := range c.d.Sites() {
		if site.Rank > 0 || told == maxRejectedEvents {
			continue
		}
		told++
		span.AddEvent("rejected " + site.At.Site.Name + " " + strings.TrimPrefix(site.Reason.String(), "SITE_REASON_"))
	}
}

// callerHash finds the calls of one caller without saying who it is: numbers are few enough to try them all, so it is
// keyed. Key and number have fixed lengths and the hash is cut short, so a plain hash of both is as good as an HMAC, and
// costs a fifth.
func (s *signals) callerHash(n phone.Number) string {
	var text [len(s.key) + 8]byte
	copy(text[:], s.key[:])
	binary.BigEndian.PutUint64(text[len(s.key):], uint64(n))
	sum := sha256.Sum256(text[:])
	return hex.EncodeToString(sum[:callerHashBytes])
}

// seriesKey is a counter's attributes.
type seriesKey struct {
	line   string
	action action
	class  routingv1.CallerClass
}

func (s *signals) options(d *decide.Decision, did action) []metric.AddOption {
	key := seriesKey{action: did, class: d.Class}
	if d.Line != nil {
		key.line = d.Line.Name
	}
	if opts, ok := (*s.series.Load())[key]; ok {
		return opts
	}
	return s.newSeries(key)
}

func (s *signals) newSeries(key seriesKey) []metric.AddOption {
	s.seriesMu.Lock()
	defer s.seriesMu.Unlock()
	known := *s.series.Load()
	if len(known) >= maxSeries {
		key.line = ""
	}
	opts, ok := known[key]
	if !ok {
		opts = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(
			attribute.String("dayside.line", key.line), attribute.String("dayside.action", key.action.String()),
			attribute.String("dayside.caller.class", className(key.class))))}
		next := maps.Clone(known)
		next[key] = opts
		s.series.Store(&next)
	}
	return opts
}
