package routing

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
)

// ListAlerts reads alerts, the latest first, as this process knows them: with etcd gone too, and those among them that wait
// for etcd here.
func (a *alerts) ListAlerts(ctx context.Context, r *routingv1.ListAlertsRequest) (*routingv1.ListAlertsResponse, error) {
	after, err := readAlertToken(r.GetPageToken())
	if err != nil {
		return nil, err
	}
	found := a.listed(func(x *routingv1.Alert) bool {
		return (r.GetIncludeResolved() || x.GetResolveTime() == nil) && (after == nil || alert.Latest(x, after) > 0)
	})
	slices.SortFunc(found, func(x, y listedAlert) int { return alert.Latest(x.alert, y.alert) })
	out := &routingv1.ListAlertsResponse{}
	if size := resource.PageSize(r.GetPageSize()); len(found) > size {
		found = found[:size]
		out.NextPageToken = alertToken(found[size-1].alert)
	}
	for _, l := range found {
		out.Alerts = append(out.Alerts, shownAlert(ctx, l.alert, l.durability))
	}
	return out, nil
}

// listedAlert is an alert, and where it is kept as it is.
type listedAlert struct {
	alert      *routingv1.Alert // never changed
	durability routingv1.Durability
}

// listed are the alerts of which keep holds, in no order: as they stand in etcd, and as they will once that takes what waits
// for it here.
func (a *alerts) listed(keep func(*routingv1.Alert) bool) []listedAlert {
	a.mu.Lock()
	ahead := make(map[string]listedAlert, len(a.pending))
	for id, p := range a.pending {
		stands, _ := a.known.get(id)
		if next := alert.Note(stands, p.seen); next != nil {
			how := routingv1.Durability_DURABILITY_UNSPECIFIED
			if p.spooled {
				how = routingv1.Durability_DURABILITY_SPOOLED
			}
			ahead[id] = listedAlert{next, how}
		}
	}
	a.mu.Unlock()
	var out []listedAlert
	for _, s := range a.known.all(keep) {
		if _, there := ahead[strings.TrimPrefix(s.alert.GetName(), alert.Names)]; !there {
			out = append(out, listedAlert{s.alert, routingv1.Durability_DURABILITY_COMMITTED})
		}
	}
	for _, l := range ahead {
		if keep(l.alert) {
			out = append(out, l)
		}
	}
	return out
}

// ResolveAlert says that somebody has taken care of it.
func (a *alerts) ResolveAlert(ctx context.Context, r *routingv1.ResolveAlertRequest) (*routingv1.Alert, error) {
	id, err := resource.ID(r.GetName(), strings.TrimSuffix(alert.Names, "/"))
	if err != nil {
		return nil, err
	}
	by := r.GetResolvedBy()
	if by == "" {
		by = rpc.PeerFrom(ctx).ID
	}
	a.mu.Lock()
	waits, there := a.pending[id]
	a.mu.Unlock()
	if there { // it is taken care of before etcd has it
		if err := a.write(ctx, waits.seen); err != nil {
			return nil, err
		}
	}
	before, after, err := a.change(ctx, id, func(stands *routingv1.Alert) (*routingv1.Alert, error) {
		if stands == nil {
			return nil, fault.NotFound(r.GetName())
		}
		return alert.Resolve(stands, by, a.clock.Now()), nil
	})
	if err != nil {
		return nil, err
	}
	if after == nil { // somebody did before
		return shownAlert(ctx, before, routingv1.Durability_DURABILITY_COMMITTED), nil
	}
	a.log.InfoContext(ctx, "an alert is resolved", "alert", after.GetName(), "line", after.GetLine(), "by", by)
	return shownAlert(ctx, after, routingv1.Durability_DURABILITY_COMMITTED), nil
}

// shownAlert is an alert as peers see it: with where it is kept, and without where a message is for peers who may not hear
// it; they may know that it waits.
func shownAlert(ctx context.Context, x *routingv1.Alert, kept routingv1.Durability) *routingv1.Alert {
	x = proto.CloneOf(x)
	x.Durability = kept
	may := rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_ADMIN, rpcv1.Role_ROLE_SUPERVISOR, rpcv1.Role_ROLE_SITE,
		rpcv1.Role_ROLE_SERVICE)
	if !may {
		x.RecordingUri = ""
	}
	return x
}

// alertToken continues behind an alert: its time and its name say where that is, whatever came since.
func alertToken(last *routingv1.Alert) string {
	return resource.PageToken(fmt.Sprintf("%d %s", last.GetLastTime().AsTime().UnixNano(), last.GetName()))
}

// readAlertToken is what an alert must come behind; nil where there is no token.
func readAlertToken(token string) (*routingv1.Alert, error) {
	text, err := resource.AfterKey(token, "")
	if err != nil || token == "" {
		return nil, err
	}
	ns, name, _ := strings.Cut(text, " ")
	at, err := strconv.ParseInt(ns, 10, 64)
	if err != nil || !strings.HasPrefix(name, alert.Names) {
		return nil, fault.Invalid(fault.Violation{Field: "page_token", Rule: "must be one from the answer before"})
	}
	return &routingv1.Alert{Name: name, LastTime: timestamppb.New(time.Unix(0, at))}, nil
}

// kinds are those that there are.
func alertKinds() []routingv1.AlertKind {
	return []routingv1.AlertKind{alert.NobodyThere, alert.MessageLeft, alert.NobodyAnswered, alert.NotCarried}
}

func kindOption(k routingv1.AlertKind) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", alert.Word(k))))
}

func (a *alerts) instrument(m metric.Meter) error {
	var err error
	if a.raised, err = m.Int64Counter("dayside.alerts.raised",
		metric.WithDescription("Alerts that this process raised, by kind.")); err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	if a.dropped, err = m.Int64Counter("dayside.alerts.dropped",
		metric.WithDescription("Alerts that this process could not keep, by kind. Alert on any.")); err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	if a.spooled, err = m.Int64Counter("dayside.alerts.spooled", metric.WithDescription("Messages that callers were told are "+
		"taken while they are on this host's disk alone, by kind. Alert on any.")); err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	open, err := m.Int64ObservableGauge("dayside.alerts.open", metric.WithDescription("Alerts of the cluster that nobody has "+
		"resolved, by kind; the same at every process, but for what waits for etcd at one."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	pending, err := m.Int64ObservableGauge("dayside.alerts.pending",
		metric.WithDescription("Alerts that this process has raised and etcd did not take yet."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	// An increase is seen from a value that was there before.
	for _, k := range alertKinds() {
		a.raised.Add(context.Background(), 0, kindOption(k))
		a.dropped.Add(context.Background(), 0, kindOption(k))
		a.spooled.Add(context.Background(), 0, kindOption(k))
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		counts := map[routingv1.AlertKind]int64{}
		for _, l := range a.listed(func(x *routingv1.Alert) bool { return x.GetResolveTime() == nil }) {
			counts[l.alert.GetKind()]++
		}
		for _, k := range alertKinds() {
			o.ObserveInt64(open, counts[k], kindOption(k))
		}
		a.mu.Lock()
		waiting := len(a.pending)
		a.mu.Unlock()
		o.ObserveInt64(pending, int64(waiting+len(a.queue)))
		return nil
	}, open, pending)
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	return nil
}
