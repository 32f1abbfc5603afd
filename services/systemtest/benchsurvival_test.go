package systemtest

import (
	"context"
	"slices"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// BenchmarkStartFromDisk is a killed process, started while etcd is gone, until it has answered a call: the program's own
// start, the copy read, and no more of a wait than until the connection to etcd is refused.
func BenchmarkStartFromDisk(b *testing.B) {
	etcd := startEtcd(b)
	v := startSurvivor(b, etcd.client)
	etcd.kill(b)
	var took []time.Duration
	for b.Loop() {
		took = append(took, v.restart(b))
	}
	b.ReportMetric(quantile(took, 0.5).Seconds()*1000, "ms-median")
	b.ReportMetric(quantile(took, 1).Seconds()*1000, "ms-max")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkInForce is a change, from before its commit until each of three routing processes decides by it, beside a watch in
// this process that does nothing but hear of it.
func BenchmarkInForce(b *testing.B) {
	etcd := startEtcd(b)
	v := startSurvivor(b, etcd.client)
	routers := []routingv1.RoutingServiceClient{routingv1.NewRoutingServiceClient(v.grpc)}
	for range 2 {
		r := release(b, binary(b), b.TempDir(), "routing", "--etcd", etcd.client).ready(b)
		routers = append(routers, routingv1.NewRoutingServiceClient(r.grpc))
	}
	if _, stderr, err := dayside(b, "drain", "sites/dublin", "--reason", "bench", "--wait", "--server", v.rest.addr.GRPC); err != nil {
		b.Fatalf("drain: %v\n%s", err, stderr)
	}
	store, err := coord.Open(b.Context(), coord.Config{Endpoints: []string{etcd.client}, Clock: clock.System{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	drains, _, err := store.ListAll(b.Context(), "routing/drains/")
	if err != nil || len(drains) != 1 {
		b.Fatal(drains, err)
	}
	heard := make(chan time.Time, 1)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		_ = store.Follow(ctx, coord.Prefix("routing/drains/"), func(batch coord.Batch) {
			if len(batch.Events) > 0 {
				heard <- clock.System{}.Now()
			}
		})
	}()
	await.Receive(b, "the list", heard)
	var raw, all []time.Duration
	for b.Loop() {
		began := clock.System{}.Now()
		revision, err := store.Commit(b.Context(), nil, []*rpcv1.Write{coord.Put(drains[0].Key, drains[0].Value)})
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range routers {
			for decidesAt(b, r) < revision {
			}
		}
		all = append(all, clock.System{}.Now().Sub(began))
		raw = append(raw, await.Receive(b, "the watch", heard).Sub(began))
	}
	for name, of := range map[string][]time.Duration{"raw": raw, "in-force": all} {
		b.ReportMetric(quantile(of, 0.5).Seconds()*1000, "ms-"+name+"-median")
		b.ReportMetric(quantile(of, 0.99).Seconds()*1000, "ms-"+name+"-p99")
	}
	b.ReportMetric((quantile(all, 0.5)-quantile(raw, 0.5)).Seconds()*1000, "ms-more-than-raw")
	b.ReportMetric(0, "ns/op")
}

// decidesAt is the revision that a process decides by.
func decidesAt(b *testing.B, r routingv1.RoutingServiceClient) int64 {
	b.Helper()
	resp, err := r.RouteCall(b.Context(), &routingv1.RouteCallRequest{
		CallId: "bench", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	if err != nil {
		b.Fatal(err)
	}
	return resp.GetRoute().GetExplanation().GetViewRevision()
}

// quantile is the q-th, 0 to 1, of durations.
func quantile(of []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[int(q*float64(len(sorted)-1))]
}
