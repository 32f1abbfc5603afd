// Package deploy tests what deploy/ holds as those who use it do: it builds and runs the image, renders and decodes
// manifests, starts etcd with its settings, and hands units, rules, dashboards and gateways' configurations to the programs
// they are for. It holds tests only; whether Dayside behaves is systemtest's.
//
// A test whose program is absent skips with a line that says so, and fails where DAYSIDE_REQUIRE_PEERS is set.
package deploy
