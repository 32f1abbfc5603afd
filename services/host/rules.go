package host

import (
	"context"
	"fmt"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// openRules finds the time-zone rules in force. A process that holds schedule adopts the newest it has where there are none
// yet, and never changes those that are; the others wait until one has.
func (h *Host) openRules(ctx context.Context) error {
	var first *tzdata.Rules
	if h.cfg.runs(Schedule) {
		var err error
		if h.candidates, err = tzdata.AtHand(h.cfg.ZoneinfoDir, h.cfg.TZData); err != nil {
			return err
		}
		if !h.away {
			if first, err = tzdata.AdoptFirst(ctx, h.etcd, h.clock, h.candidates); err != nil {
				return fmt.Errorf("time-zone rules: %w", err)
			}
			h.tellOfRules(ctx, first)
		}
	}
	deps := tzdata.Deps{Log: h.log, MeterProvider: h.telemetry.MeterProvider}
	var err error
	h.rules, err = tzdata.New(first, deps) //nolint:contextcheck // a counter's first zero belongs to no request
	return err
}

// tellOfRules says which rules are in force, and where this process has newer ones: those of the cluster change only when
// somebody says so.
func (h *Host) tellOfRules(ctx context.Context, rules *tzdata.Rules) {
	h.log.InfoContext(ctx, "time-zone rules in force", "release", rules.Release(), "source", sourceName(rules.Source))
	for _, c := range h.candidates {
		if c.Bundle == nil {
			h.log.DebugContext(ctx, "time-zone rules that cannot be used", "source", sourceName(c.Source), "problem", c.Problem)
			continue
		}
		if zones.ReleaseLess(rules.Release(), c.Bundle.Release()) {
			h.log.WarnContext(ctx, "newer time-zone rules are at hand: look at what they change with `dayside tzdata status`, "+
				"and put them in force with `dayside tzdata adopt`",
				"in_force", rules.Release(), "at_hand", c.Bundle.Release(), "source", sourceName(c.Source))
			return // newest first
		}
	}
}

// sourceName is such as "embedded".
func sourceName(s schedulev1.TimeZoneSource) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "TIME_ZONE_SOURCE_"))
}
