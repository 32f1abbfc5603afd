package host

import (
	"log/slog"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/telemetry"
)

// NewLogger is a process's logger: lines logged within a span carry its ids.
func NewLogger(h slog.Handler) *slog.Logger { return slog.New(telemetry.LogHandler{Handler: h}) }

// Skewed is the machine's clock, ahead by offset.
func Skewed(offset time.Duration) clock.Clock {
	return clock.Skewed{Base: clock.System{}, Offset: offset}
}
