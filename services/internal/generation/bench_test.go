package generation_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/published"
)

// BenchmarkGeneration2000Sites is a change of the records of 2,000 sites, from its commit until a follower has been shown
// all of it, on an etcd that syncs to disk and takes 128 operations. Beside it, on the same etcd and the same watch: one
// plain put, which nothing can be quicker than.
func BenchmarkGeneration2000Sites(b *testing.B) {
	const sites, puts = 2000, 50
	store, e := open(b, false), newEstate(b, sites)
	e.begin(b, store)
	shown := make(chan coord.Batch, 1000)
	ctx, cancel := context.WithCancel(b.Context())
	var done sync.WaitGroup
	big := generation.Through(store, clock.System{})
	done.Go(func() {
		_ = big.Follow(ctx, coord.Prefix(published.SchedulePrefix), func(batch coord.Batch) {
			if len(batch.Events) > 0 {
				shown <- batch
			}
		})
	})
	defer done.Wait()
	defer cancel()
	await.Receive(b, "the list", shown)
	until := func(events int, writes []*rpcv1.Write) time.Duration {
		start := clock.System{}.Now()
		if _, err := big.Commit(ctx, nil, writes); err != nil {
			b.Fatal(err)
		}
		if got := await.Receive(b, "what was written", shown); len(got.Events) != events {
			b.Fatalf("%d events at once, want %d", len(got.Events), events)
		}
		return clock.System{}.Now().Sub(start)
	}
	var plain, whole time.Duration
	for i := range puts {
		plain += until(1, []*rpcv1.Write{coord.Put(ruleKey, fmt.Append(nil, i))})
	}
	plain /= puts
	size, n := 0, 0
	for b.Loop() {
		b.StopTimer()
		writes := e.all(b, 100+n)
		size = 0
		for _, w := range writes {
			size += len(w.GetValue())
		}
		b.StartTimer()
		whole += until(sites+1, append(writes, rule(100+n)))
		n++
		b.StopTimer()
		if _, err := generation.Fold(ctx, store, generation.EtcdLimits()); err != nil { // as Run does, in the background
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric((whole / time.Duration(n)).Seconds(), "s/change")
	b.ReportMetric(float64(size)/sites, "B/record")
	b.ReportMetric(float64(plain.Microseconds()), "put-µs")
	b.ReportMetric(float64(whole/time.Duration(n))/float64(plain), "x-put")
}

// BenchmarkResolve is what a resolver adds to a batch that has nothing to do with it, and to one put of a site.
func BenchmarkResolve(b *testing.B) {
	e := newEstate(b, 2000)
	list := coord.Batch{Revision: 1, Reset: true}
	for _, w := range e.all(b, 1) {
		list.Events = append(list.Events, coord.Event{Key: w.GetKey(), Value: w.GetValue(), ModRevision: 1})
	}
	one := e.put(b, 7, 2)
	for name, batch := range map[string]coord.Batch{
		"heartbeat": {Revision: 2},
		"customer":  {Revision: 2, Events: []coord.Event{{Key: published.CustomerPrefix + "c", Value: []byte("x"), ModRevision: 2}}},
		"site":      {Revision: 2, Events: []coord.Event{{Key: one.GetKey(), Value: one.GetValue(), ModRevision: 2}}},
		"list":      list,
	} {
		b.Run(name, func(b *testing.B) {
			r := generation.NewResolver()
			r.Resolve(list)
			b.ReportAllocs()
			for b.Loop() {
				r.Resolve(batch)
			}
		})
	}
}
