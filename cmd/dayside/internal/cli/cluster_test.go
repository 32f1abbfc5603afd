package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// clusterAnswers are what a fake says of the cluster.
type clusterAnswers struct {
	rpcv1.UnimplementedClusterServiceServer
	cluster  *rpcv1.Cluster
	upgrades []*rpcv1.UpgradeClusterRequest
	tooOld   bool
}

func (f *clusterAnswers) GetCluster(context.Context, *rpcv1.GetClusterRequest) (*rpcv1.Cluster, error) {
	return f.cluster, nil
}

func (f *clusterAnswers) UpgradeCluster(_ context.Context, r *rpcv1.UpgradeClusterRequest) (*rpcv1.UpgradeClusterResponse, error) {
	f.upgrades = append(f.upgrades, r)
	if f.tooOld {
		return nil, refusal(codes.FailedPrecondition, "processes that cannot read schema 2: routing-1 (v1, up to schema 1)",
			rpcv1.Reason_REASON_WRONG_STATE)
	}
	answer := &rpcv1.UpgradeClusterResponse{Before: 1, Schema: 2}
	if r.GetSchema() == 1 {
		answer.Schema = 1
	}
	if !r.GetValidateOnly() {
		answer.Revision = 77
	}
	return answer, nil
}

const healthyCluster = `
cluster_id: "e75700c5e2c7c3ee" epoch: "2dafc037ec0a13d4981a02a98864e0ac" schema: 2
processes { heartbeat { instance: "routing-1" services: "routing" services: "sip" address: "10.1.0.1:7400" region: "eu" release: "v2"
  max_schema: 2 wall_unix_us: 1795435200000000 start_unix_us: 1795424100000000 view_revision: 4711 view_heard_unix_us: 1795435199000000 }
  clock_ahead { } view_age { seconds: 1 } }
processes { heartbeat { instance: "schedule-1" services: "schedule" address: "10.1.0.2:7400" release: "v2"
  max_schema: 2 wall_unix_us: 1795435200000000 start_unix_us: 1795435155000000 } }
members { name: "etcd-eu" endpoint: "http://10.1.0.9:2379" version: "3.7.3" leader: true db_bytes: 25165824 db_in_use_bytes: 1048576
  quota_bytes: 8589934592 raft_applied_index: 90210 }
members { name: "etcd-us" endpoint: "http://10.2.0.9:2379" version: "3.7.3" db_bytes: 25165824 db_in_use_bytes: 1048576
  quota_bytes: 8589934592 raft_applied_index: 90208 }`

const ailingCluster = `
cluster_id: "e75700c5e2c7c3ee" schema: 1 etcd_silent { seconds: 4000 }
processes { heartbeat { instance: "routing-1\n" services: "routing" address: "10.1.0.1:7400" release: "v2" max_schema: 2
  wall_unix_us: 1795435200000000 start_unix_us: 1795424100000000 view_revision: 4711 view_heard_unix_us: 1795431600000000
  view_from_disk: true } clock_ahead { seconds: -1 nanos: -500000000 } view_age { seconds: 3600 } }
processes { heartbeat { instance: "routing-2" services: "routing" address: "10.1.0.3:7400" release: "v2" max_schema: 2
  wall_unix_us: 1795435200000000 start_unix_us: 1795424100000000 clock_ahead_us: 61000000 stepped_back: true }
  clock_ahead { seconds: 61 } }
members { name: "etcd-eu" endpoint: "http://10.1.0.9:2379" error: "context deadline exceeded" }
members { name: "etcd-us" endpoint: "http://10.2.0.9:2379" version: "3.7.3" learner: true db_bytes: 900 alarms: "memberID:1 alarm:NOSPACE" }`

func TestClusterStatus(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	term.env.Program = "dayside"
	for name, answer := range map[string]string{"cluster": healthyCluster, "cluster_ailing": ailingCluster} {
		f.cluster = text(t, &rpcv1.Cluster{}, answer)
		if code := term.run(t.Context(), "cluster", "status"); code != 0 {
			t.Fatal(term.err.String())
		}
		golden(t, name, term.out.String())
	}
	f.cluster = text(t, &rpcv1.Cluster{}, `schema: 1 processes { heartbeat { instance: "a" max_schema: 2 } }`)
	if term.run(t.Context(), "cluster", "status"); !strings.Contains(term.out.String(), "can write schema 2: dayside cluster upgrade --dry-run") {
		t.Errorf("of an upgrade that is possible it says %s", term.out.String())
	}
	f.cluster = text(t, &rpcv1.Cluster{}, `etcd_silent { seconds: 7200 } processes { heartbeat { instance: "a" max_schema: 2 } }`)
	if term.run(t.Context(), "cluster", "status"); !strings.Contains(term.out.String(), "writes schema -.") ||
		!strings.Contains(term.out.String(), "etcd has not been heard since this process began, for 2h00m at least") ||
		strings.Contains(term.out.String(), "last heard") || strings.Contains(term.out.String(), "upgrade") {
		t.Errorf("of an etcd that was never heard it says %s", term.out.String())
	}
	var again rpcv1.Cluster
	if code := term.run(t.Context(), "cluster", "status", "-o", "json"); code != 0 || protojson.Unmarshal(term.out.Bytes(), &again) != nil {
		t.Errorf("exit %d: %s", code, term.out.String())
	}
}

func TestClusterUpgrade(t *testing.T) {
	for name, c := range map[string]struct {
		args     []string
		answer   string // of who sits at the terminal; "" nobody
		tooOld   bool
		code     int
		said     string
		upgrades int // requests that would change something
	}{
		"dry run":         {args: []string{"--dry-run"}, said: "would write schema 2 in place of 1"},
		"yes":             {args: []string{"--yes"}, said: "writes schema 2 in place of 1, since revision 77", upgrades: 1},
		"asked":           {answer: "y\n", said: "since revision 77", upgrades: 1},
		"asked, said no":  {answer: "n\n", code: 1, said: "nothing was changed"},
		"nobody to ask":   {code: 1, said: "give --yes"},
		"nothing to do":   {args: []string{"--schema", "1"}, said: "writes schema 1 already"},
		"older processes": {args: []string{"--yes"}, tooOld: true, code: 1, said: "routing-1 (v1, up to schema 1)"},
		"json":            {args: []string{"--yes", "-o", "json"}, said: `"revision": "77"`, upgrades: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.tooOld = c.tooOld
			term := newTerminal(t, f)
			term.env.Interactive = c.answer != ""
			term.in.Reset(c.answer)
			code := term.run(t.Context(), append([]string{"cluster", "upgrade"}, c.args...)...)
			if said := term.out.String() + term.err.String(); code != c.code || !strings.Contains(said, c.said) {
				t.Errorf("exit %d: %s", code, said)
			}
			changed := 0
			for _, r := range f.upgrades {
				if !r.GetValidateOnly() {
					changed++
				}
			}
			if changed != c.upgrades {
				t.Errorf("asked %v", f.upgrades)
			}
		})
	}
}
