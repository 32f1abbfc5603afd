// Package systemtest tests Dayside whole: one process with everything in it, processes of their own on a standalone etcd,
// SIP phones, Jaeger, and the speed of RouteCall. It holds tests only.
//
// TestChaos tries to break eleven processes in three regions, each on a host of its own: in network namespaces where it may
// make them, else with proxies in the way. It writes a history (internal/history), which internal/checker judges; what
// breaks the network is internal/netfault. `make chaos MINUTES=10 SEED=n` and `make soak MINUTES=60` run it long.
//
// Tests that need an outside peer (a standalone etcd, Jaeger) skip with a line that says so where the peer is absent, and
// fail instead where DAYSIDE_REQUIRE_PEERS is set.
package systemtest
