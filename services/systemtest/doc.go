// Package systemtest tests Dayside whole: one process with everything in it, processes of their own on a standalone etcd,
// SIP phones, Jaeger, and the speed of RouteCall. It holds tests only.
//
// Tests that need an outside peer (a standalone etcd, Jaeger) skip with a line that says so where the peer is absent, and
// fail instead where DAYSIDE_REQUIRE_PEERS is set.
package systemtest
