package cluster_test

import (
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/cluster"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func (m *memory) release(t *testing.T, release string, most int32) (*cluster.Service, *buffer) {
	t.Helper()
	log := &buffer{}
	return m.service(t, cluster.Config{Instance: "x-" + release, Release: release, MaxSchema: most}, clock.System{}, log), log
}

func (m *memory) schema(t *testing.T, schema int32) {
	t.Helper()
	m.put("cluster/schema", encode(t, &rpcv1.ClusterSchema{Schema: schema}))
}

func TestAClusterThatIsNewBeginsWithTheNewestSchema(t *testing.T) {
	for name, c := range map[string]struct {
		key  string
		want int32
	}{
		"new":                    {"", 2},
		"with a site":            {"schedule/sites/dublin", 1},
		"with a customer":        {"entitlement/customers/acme", 1},
		"with a line":            {"routing/lines/gold", 1},
		"with an older process":  {"discovery/schedule/old", 1},
		"with older routing":     {"status/routing/old", 1},
		"with what is no source": {"cluster/epoch", 2},
		"with what is derived":   {"pub/schedule/tzdata", 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			if c.key != "" {
				m.put(c.key, []byte("{}"))
			}
			s, _ := m.release(t, "v2", 2)
			if err := s.Begin(t.Context()); err != nil || s.Schema().InForce() != c.want {
				t.Errorf("it begins with schema %d, %v; want %d", s.Schema().InForce(), err, c.want)
			}
			other, _ := m.release(t, "v3", 3)
			if err := other.Begin(t.Context()); err != nil || other.Schema().InForce() != c.want && c.want == 2 {
				t.Errorf("the next one begins with schema %d, %v; want %d", other.Schema().InForce(), err, c.want)
			}
		})
	}
}

// TestWhoMayNotWriteTheSchemaBeginsAllTheSame: etcd's users of the edges may not.
func TestWhoMayNotWriteTheSchemaBeginsAllTheSame(t *testing.T) {
	m := newMemory()
	m.denied = "cluster/"
	s, _ := m.release(t, "v2", 2)
	if err := s.Begin(t.Context()); err != nil || s.Schema().InForce() != 1 {
		t.Errorf("it begins with schema %d, %v", s.Schema().InForce(), err)
	}
}

func TestAReleaseThatCannotWriteTheSchemaDoesNotStart(t *testing.T) {
	m := newMemory()
	m.schema(t, 3)
	s, _ := m.release(t, "v2", 2)
	err := s.Begin(t.Context())
	if err == nil || !strings.Contains(err.Error(), "schema 3") || !strings.Contains(err.Error(), "(v2)") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("it says %v", err)
	}
	m.away.Store(true) // it cannot know, and serves
	if err := s.Begin(t.Context()); err != nil {
		t.Errorf("with etcd away it says %v", err)
	}
	m.away.Store(false)
	m.put("cluster/schema", []byte("9"))
	if err := s.Begin(t.Context()); err == nil {
		t.Error("a schema that cannot be read is passed over")
	}
}

func TestUpgrade(t *testing.T) {
	m := newMemory()
	m.put("routing/lines/gold", nil)
	m.put("discovery/routing/old-1", []byte(`{"Addr":"old.example:7400"}`))
	m.put("status/routing/old-1", nil)
	m.put("status/processes/mid-1", encode(t, &rpcv1.Heartbeat{Instance: "mid-1", Release: "v1.9", MaxSchema: 1}))
	m.put("status/processes/new-1", encode(t, &rpcv1.Heartbeat{Instance: "new-1", Release: "v3", MaxSchema: 3}))
	m.put("discovery/routing/new-1", []byte(`{"Addr":"new.example:7400"}`))
	s, _ := m.release(t, "v3", 3)
	upgrade := func(schema int32, dry bool) (*rpcv1.UpgradeClusterResponse, error) {
		return s.UpgradeCluster(t.Context(), &rpcv1.UpgradeClusterRequest{Schema: schema, ValidateOnly: dry})
	}
	for _, schema := range []int32{0, 2, 3} {
		_, err := upgrade(schema, true)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE || !strings.Contains(err.Error(),
			"mid-1 (v1.9, up to schema 1), old-1 (of a release before heartbeats, up to schema 1); ") {
			t.Errorf("to %d, with older processes: %v", schema, err)
		}
	}
	if _, err := upgrade(4, false); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("to a schema that nobody knows: %v", err)
	}
	m.remove("discovery/routing/old-1")
	m.remove("status/routing/old-1")
	m.put("status/processes/mid-1", encode(t, &rpcv1.Heartbeat{Instance: "mid-1", Release: "v2", MaxSchema: 2}))
	if r, err := upgrade(0, true); err != nil || r.GetBefore() != 1 || r.GetSchema() != 2 || r.GetRevision() != 0 {
		t.Errorf("a dry run to what all can read: %v, %v", r, err)
	}
	if _, err := m.Get(t.Context(), "cluster/schema"); err == nil {
		t.Error("a dry run wrote")
	}
	r, err := upgrade(0, false)
	if err != nil || r.GetBefore() != 1 || r.GetSchema() != 2 || r.GetRevision() == 0 || s.Schema().InForce() != 2 {
		t.Errorf("to what all can read: %v, %v", r, err)
	}
	if r, err := upgrade(2, false); err != nil || r.GetSchema() != 2 || r.GetRevision() != 0 {
		t.Errorf("the same again: %v, %v", r, err)
	}
	if _, err := upgrade(1, false); fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE {
		t.Errorf("back: %v", err)
	}
}

// TestAnUpgradeIsHeardByAll, also by those that cannot go along any more.
func TestAnUpgradeIsHeardByAll(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a, b := m.start(t, "a", 0, "routing"), m.start(t, "b", 0, "schedule")
		pass(time.Second)
		if _, err := a.UpgradeCluster(t.Context(), &rpcv1.UpgradeClusterRequest{}); err != nil {
			t.Fatal(err)
		}
		pass(time.Millisecond)
		if a.Schema().InForce() != 2 || b.Schema().InForce() != 2 {
			t.Errorf("in force are %d and %d", a.Schema().InForce(), b.Schema().InForce())
		}
		m.remove("cluster/schema") // by hand: nothing is taken back
		m.schema(t, 1)
		pass(time.Millisecond)
		if b.Schema().InForce() != 2 {
			t.Errorf("it went down to %d", b.Schema().InForce())
		}
		m.schema(t, 3)
		pass(time.Millisecond)
		if b.Schema().InForce() != 3 || b.Schema().Max() != 2 || b.log.says("level=ERROR") != 1 {
			t.Errorf("left behind: %d, %s", b.Schema().InForce(), b.log.b.String())
		}
	})
}

// TestTheSchemaIsThatOfTheTruth: what was restored may be from before an upgrade, and then the release before must be able to
// come back, whatever a process that ran on has heard.
func TestTheSchemaIsThatOfTheTruth(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		p := m.start(t, "a", 0, "schedule")
		for _, step := range []struct {
			name string
			does func()
			want int32
		}{
			{"upgraded", func() { m.schema(t, 2) }, 2},
			{"restored from before the upgrade", func() { m.restore(map[string][]byte{"schedule/sites/a": nil}) }, 1},
			{"upgraded again", func() { m.schema(t, 2) }, 2},
			{"removed by hand", func() { m.remove("cluster/schema") }, 2},
			{"compacted meanwhile", m.listAnew, 2},
			{"restored from after it", func() {
				m.restore(map[string][]byte{"cluster/schema": encode(t, &rpcv1.ClusterSchema{Schema: 3})})
			}, 3},
			{"restored from before that", func() {
				m.restore(map[string][]byte{"cluster/schema": encode(t, &rpcv1.ClusterSchema{Schema: 2})})
			}, 2},
		} {
			step.does()
			pass(time.Second)
			if got := p.Schema().InForce(); got != step.want || p.cluster(t).GetSchema() != step.want {
				t.Errorf("%s: in force is schema %d, and told is %d; want %d", step.name, got, p.cluster(t).GetSchema(), step.want)
			}
		}
	})
}
