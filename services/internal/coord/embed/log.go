package embed

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// failure is how the member tells that it cannot go on. etcd would end the whole process then, without a word; but
// Dayside answers calls without etcd, so only the member ends.
type failure struct {
	once sync.Once
	ch   chan struct{}
	mu   sync.Mutex
	last string
	// closing is true once the member is told to stop: what it complains of then is its stop.
	closing atomic.Bool
}

// OnWrite ends the goroutine that logged a fatal line, instead of the process.
func (f *failure) OnWrite(ce *zapcore.CheckedEntry, fields []zapcore.Field) {
	f.mu.Lock()
	f.last = describe(ce.Entry, fields)
	f.mu.Unlock()
	f.once.Do(func() { close(f.ch) })
	zapcore.WriteThenGoexit.OnWrite(ce, fields)
}

func (f *failure) reason() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == "" {
		return "it says nothing"
	}
	return f.last
}

func describe(e zapcore.Entry, fields []zapcore.Field) string {
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Key == "error" {
			return e.Message + ": " + err.Error()
		}
	}
	return e.Message
}

// newLogger hands etcd's errors to the process's log. Its warnings are about how it was set up, which is our doing.
func newLogger(log *slog.Logger, f *failure) *zap.Logger {
	return zap.New(&core{log: log, closing: &f.closing}, zap.WithFatalHook(f), zap.WithPanicHook(f))
}

// core is a zapcore.Core that writes to slog.
type core struct {
	log     *slog.Logger
	closing *atomic.Bool
	fields  []zapcore.Field
}

// Enabled is true of errors.
func (c *core) Enabled(l zapcore.Level) bool { return l >= zapcore.ErrorLevel && !c.closing.Load() }

// With adds fields to every line.
func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{log: c.log, closing: c.closing, fields: append(slices.Clip(c.fields), fields...)}
}

// Check takes part in what is enabled.
func (c *core) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write is one line.
func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clip(c.fields), fields...) {
		f.AddTo(enc)
	}
	attrs := make([]slog.Attr, 0, len(enc.Fields))
	for k, v := range enc.Fields {
		attrs = append(attrs, slog.Any(k, v))
	}
	c.log.LogAttrs(context.Background(), slog.LevelError, "embedded etcd: "+e.Message, attrs...)
	return nil
}

// Sync has nothing to do.
func (c *core) Sync() error { return nil }
