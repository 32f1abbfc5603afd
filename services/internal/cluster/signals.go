package cluster

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const instrumentation = "github.com/daysidehq/dayside/services/internal/cluster"

// membership is what etcd's members last said; it does not lock.
type membership struct {
	all []*rpcv1.EtcdMember
	// asked is false until they were asked once.
	asked bool
}

// askMembers asks etcd's members how they are, until ctx ends. Where none answers, those known are told of as silent.
func (s *Service) askMembers(ctx context.Context) {
	for ctx.Err() == nil {
		members, _, err := s.store.Members(ctx)
		s.mu.Lock()
		s.members = s.members.next(members, err)
		s.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-s.clock.After(membersEvery):
		}
	}
}

func (m membership) next(members []*rpcv1.EtcdMember, err error) membership {
	if err == nil {
		return membership{all: members, asked: true}
	}
	silent := membership{asked: true}
	for _, known := range m.all {
		silent.all = append(silent.all, &rpcv1.EtcdMember{
			Name: known.GetName(), Endpoint: known.GetEndpoint(), Learner: known.GetLearner(), Error: "etcd does not answer",
		})
	}
	return silent
}

// observe reports the clock, the cluster, and etcd's members whenever metrics are read.
func (s *Service) observe(provider metric.MeterProvider) error {
	m := provider.Meter(instrumentation)
	ahead, err1 := m.Float64ObservableGauge("dayside.clock.ahead", metric.WithUnit("s"), metric.WithDescription(
		"How far this process's clock is ahead of the majority's, or, without one, of the middle of the others'. Alert over 1."))
	back, err2 := m.Int64ObservableGauge("dayside.clock.stepped_back", metric.WithDescription(
		"1 while this process is not found, since its clock is wrong."))
	processes, err3 := m.Int64ObservableGauge("dayside.cluster.processes", metric.WithDescription(
		"Processes that live, as this one last heard."))
	schema, err4 := m.Int64ObservableGauge("dayside.cluster.schema", metric.WithDescription("The schema that is written."))
	silent, err5 := m.Float64ObservableGauge("dayside.etcd.silent", metric.WithUnit("s"), metric.WithDescription(
		"Since when etcd was not heard by this process; 0 while it is."))
	err := errors.Join(err1, err2, err3, err4, err5)
	if err == nil {
		_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			now := s.clock.Now()
			s.mu.Lock()
			defer s.mu.Unlock()
			o.ObserveFloat64(ahead, s.place.judgement.Ahead.Seconds())
			o.ObserveInt64(back, one(s.place.anyBack()))
			o.ObserveInt64(processes, int64(len(s.known.living())))
			o.ObserveInt64(schema, int64(s.schema.InForce()))
			since, is := s.known.silent(now, s.began)
			if !is {
				since = 0
			}
			o.ObserveFloat64(silent, since.Seconds())
			return nil
		}, ahead, back, processes, schema, silent)
	}
	if err = errors.Join(err, s.observeMembers(m)); err != nil {
		return fmt.Errorf("cluster: metric: %w", err)
	}
	return nil
}

func (s *Service) observeMembers(m metric.Meter) error {
	size, err1 := m.Int64ObservableGauge("dayside.etcd.db.size", metric.WithUnit("By"), metric.WithDescription(
		"Size of each etcd member's database."))
	used, err2 := m.Int64ObservableGauge("dayside.etcd.db.in_use", metric.WithUnit("By"), metric.WithDescription(
		"What of that is used; the rest is given back by defragmentation."))
	quota, err3 := m.Int64ObservableGauge("dayside.etcd.db.quota", metric.WithUnit("By"), metric.WithDescription(
		"Size beyond which etcd takes no writes. Alert before it is reached."))
	members, err4 := m.Int64ObservableGauge("dayside.etcd.members", metric.WithDescription(
		"etcd's members, by whether they answer: state is answers or silent."))
	alarms, err5 := m.Int64ObservableGauge("dayside.etcd.alarms", metric.WithDescription(
		"Alarms and errors that etcd's members tell of, such as NOSPACE. Alert on any."))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	state := func(name string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("state", name)))
	}
	answers, silent := state("answers"), state("silent")
	_, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		known := s.members
		s.mu.Unlock()
		if !known.asked {
			return nil
		}
		answering, alarmed := int64(0), int64(0)
		for _, one := range known.all {
			if one.GetError() != "" {
				continue
			}
			answering++
			alarmed += int64(len(one.GetAlarms()))
			of := metric.WithAttributeSet(attribute.NewSet(attribute.String("member", one.GetName())))
			o.ObserveInt64(size, one.GetDbBytes(), of)
			o.ObserveInt64(used, one.GetDbInUseBytes(), of)
			o.ObserveInt64(quota, one.GetQuotaBytes(), of)
		}
		o.ObserveInt64(members, answering, answers)
		o.ObserveInt64(members, int64(len(known.all))-answering, silent)
		o.ObserveInt64(alarms, alarmed)
		return nil
	}, size, used, quota, members, alarms)
	return err
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
