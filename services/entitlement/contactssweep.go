package entitlement

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// maxSwept is how many records one commit removes.
const maxSwept = 100

// keepSwept sweeps now and then, until ctx ends.
func (d *contactDesk) keepSwept(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.s.cfg.Clock.After(sweepEvery):
			d.sweep(ctx)
		}
	}
}

// sweep removes links, sessions and reveals whose time is over; any process may, and none need. What fails is left to the
// next time.
func (d *contactDesk) sweep(ctx context.Context) {
	now := d.s.cfg.Clock.Now()
	d.remove(ctx, linkPrefix, "", func(value []byte) bool {
		link := &entitlementv1.StoredLink{}
		return proto.Unmarshal(value, link) == nil && over(link.GetExpireTime().AsTime(), now)
	})
	d.remove(ctx, sessionPrefix, "", func(value []byte) bool {
		session := &entitlementv1.StoredSession{}
		return proto.Unmarshal(value, session) == nil && over(session.GetExpireTime().AsTime(), now)
	})
	d.remove(ctx, tallyPrefix, "", func(value []byte) bool {
		times, err := tallied(coord.Entry{Value: value})
		return err == nil && !slices.ContainsFunc(times, func(at time.Time) bool { return !over(at.Add(maxTallyWindow), now) })
	})
	d.remove(ctx, revealCountPrefix, "", func(value []byte) bool {
		count := &entitlementv1.StoredRevealCount{}
		if proto.Unmarshal(value, count) != nil {
			return false
		}
		for _, r := range count.GetReveals() {
			if !over(r.GetTime().AsTime().Add(selfservice.RevealWindow), now) {
				return false
			}
		}
		return true
	})
	d.remove(ctx, revealPrefix, revealPrefix+selfservice.ExpiredReveals(now), func([]byte) bool { return true })
}

func over(until, now time.Time) bool { return !now.Before(until) }

// remove deletes what is gone of the keys under a prefix that come after one, unless somebody writes them meanwhile.
func (d *contactDesk) remove(ctx context.Context, prefix, after string, gone func(value []byte) bool) {
	for more := true; more && ctx.Err() == nil; {
		page, err := d.s.cfg.Store.List(ctx, prefix, after, maxSwept)
		if err != nil {
			return
		}
		var conditions []*rpcv1.Condition
		var writes []*rpcv1.Write
		for _, e := range page.Entries {
			after = e.Key
			if gone(e.Value) {
				conditions, writes = append(conditions, coord.Unchanged(e.Key, e.ModRevision)), append(writes, coord.Delete(e.Key))
			}
		}
		if len(writes) > 0 {
			if _, err := d.s.cfg.Store.Commit(ctx, conditions, writes); err != nil &&
				fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
				return
			}
		}
		more = page.More
	}
}

// contactCounts are the meters of self-service.
type contactCounts struct{ links, sessions, reveals metric.Int64Counter }

func newContactCounts(provider metric.MeterProvider, log *slog.Logger) (c contactCounts) {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	m := provider.Meter("github.com/daysidehq/dayside/services/entitlement")
	var errs [3]error
	c.links, errs[0] = m.Int64Counter("dayside.contacts.links", metric.WithDescription(
		"Links to sign in that were asked for, by what came of it: sent, nobody (no contact's), limited (too many), failed, lost "+
			"(the process stopped)."))
	c.sessions, errs[1] = m.Int64Counter("dayside.contacts.sessions", metric.WithDescription(
		"Sessions of contacts, by how they were opened: link, oidc."))
	c.reveals, errs[2] = m.Int64Counter("dayside.contacts.reveals", metric.WithDescription(
		"Numbers of lines that contacts asked for, by what came of it: told, refused (not entitled), limited (too many)."))
	if err := errors.Join(errs[:]...); err != nil && log != nil {
		log.Warn("meters of self-service", "error", err.Error())
	}
	return c
}

func (c contactCounts) link(ctx context.Context, outcome string) {
	add(ctx, c.links, "outcome", outcome)
}

func (c contactCounts) session(ctx context.Context, method string) {
	add(ctx, c.sessions, "method", method)
}

func (c contactCounts) reveal(ctx context.Context, outcome string) {
	add(ctx, c.reveals, "outcome", outcome)
}

func add(ctx context.Context, counter metric.Int64Counter, key, value string) {
	counter.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value))))
}

func outcomeIs(outcome string) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", outcome)))
}
