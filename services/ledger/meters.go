package ledger

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// meters report what the ledger does.
type meters struct {
	appended, repeated, failed, dropped metric.Int64Counter
	duration                            metric.Float64Histogram
}

// newMeters are those of a service; nobody reads them where provider is nil.
func newMeters(provider metric.MeterProvider, s *Service) (meters, error) {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	m := provider.Meter("github.com/daysidehq/dayside/services/ledger")
	var made meters
	var errs [9]error
	made.appended, errs[0] = m.Int64Counter("dayside.ledger.records", metric.WithDescription("Records kept."))
	made.repeated, errs[1] = m.Int64Counter("dayside.ledger.records.repeated",
		metric.WithDescription("Records that were there already, or were dropped."))
	made.failed, errs[2] = m.Int64Counter("dayside.ledger.append.failures",
		metric.WithDescription("Appends that were not kept; spools send them again."))
	made.dropped, errs[3] = m.Int64Counter("dayside.ledger.records.dropped",
		metric.WithDescription("Records that make no sense, and were dropped."))
	made.duration, errs[4] = m.Float64Histogram("dayside.ledger.append.duration", metric.WithUnit("s"),
		metric.WithDescription("Time until records were synced to disk."))
	_, errs[5] = m.Int64ObservableGauge("dayside.ledger.size", metric.WithUnit("By"),
		metric.WithDescription("Size of the ledger's file."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(s.store.SizeBytes())
			return nil
		}))
	_, errs[6] = m.Int64ObservableGauge("dayside.ledger.watchers", metric.WithDescription("Who follows calls."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(s.watchers.count()))
			return nil
		}))
	errs[7] = counted(m, "dayside.ledger.follow_ups.overdue", "Follow-ups that are open, and should be done by now.",
		s.store.Overdue)
	errs[8] = counted(m, "dayside.ledger.charges.to_bill", "Charges of which billing is to be told something.",
		s.store.ToHandOver)
	for _, c := range []metric.Int64Counter{made.appended, made.failed, made.dropped} {
		if c != nil {
			c.Add(context.Background(), 0) // alerts need a first value
		}
	}
	return made, errors.Join(errs[:]...)
}

// counted reports how many there are of something; nothing while that is not known, as appending tells then.
func counted(m metric.Meter, name, says string, count func(context.Context) (int64, error)) error {
	_, err := m.Int64ObservableGauge(name, metric.WithDescription(says),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			if n, err := count(ctx); err == nil {
				o.Observe(n)
			}
			return nil
		}))
	return err
}

func (m meters) append(ctx context.Context, appended, asked int, took time.Duration, err error) {
	if err != nil {
		m.failed.Add(ctx, 1)
		return
	}
	m.appended.Add(ctx, int64(appended))
	m.repeated.Add(ctx, int64(asked-appended))
	m.duration.Record(ctx, took.Seconds())
}

func (m meters) drop() { m.dropped.Add(context.Background(), 1) }
