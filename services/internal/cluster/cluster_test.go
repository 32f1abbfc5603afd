package cluster_test

import (
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

func TestProcessesKnowEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a := m.start(t, "a", 0, "routing", "sip")
		b := m.start(t, "b", 0, "routing")
		m.put("cluster/epoch", encode(t, &rpcv1.ClusterEpoch{ClusterId: 0x99, Epoch: []byte("0123456789abcdef")}))
		pass(5 * time.Second)
		c := a.cluster(t)
		if len(c.GetProcesses()) != 2 || c.GetClusterId() != "0000000000001234" || c.GetEpoch() != "30313233343536373839616263646566" ||
			c.GetSchema() != 1 || c.GetEtcdSilent() != nil || len(c.GetMembers()) != 1 {
			t.Errorf("the cluster is %v", c)
		}
		p := of(t, c, "b")
		h := p.GetHeartbeat()
		if strings.Join(h.GetServices(), " ") != "routing" || h.GetAddress() != "b.example:7400" || h.GetRegion() != "eu-b" ||
			h.GetRelease() != "v2" || h.GetMaxSchema() != 2 || h.GetSequence() < 2 || h.GetViewRevision() != 7 ||
			p.GetViewAge().AsDuration() != 3*time.Second || p.GetClockAhead().AsDuration().Abs() > 100*time.Millisecond {
			t.Errorf("b is %v", p)
		}
		b.kill()
		pass(time.Millisecond)
		if c := a.cluster(t); len(c.GetProcesses()) != 1 {
			t.Errorf("one that is gone is still among %v", c.GetProcesses())
		}
	})
}

// TestAWrongClockStepsBack from discovery, and comes back when it has been right for ten seconds.
func TestAWrongClockStepsBack(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a, b := m.start(t, "a", 0, "routing"), m.start(t, "b", 0, "routing", "schedule")
		c := m.start(t, "c", 0, "routing", "schedule", "ledger")
		pass(10 * time.Second)
		if got := m.announced("routing"); got != "a b c" {
			t.Fatalf("found are %s", got)
		}
		c.clock.by.Store(int64(3 * time.Second))
		pass(15 * time.Second) // the best of five heartbeats still says that all is well for some
		if got := m.announced("routing"); got != "a b" {
			t.Errorf("with c ahead by 3 s found are %s", got)
		}
		if got := m.announced("schedule") + ", " + m.announced("ledger"); got != "b, c" {
			t.Errorf("of schedule and ledger found are %s", got) // nobody else has the ledger
		}
		h := of(t, a.cluster(t), "c").GetHeartbeat()
		if ahead := time.Duration(h.GetClockAheadUs()) * time.Microsecond; !h.GetSteppedBack() || ahead < 2900*time.Millisecond || ahead > 3*time.Second {
			t.Errorf("c says %v", h)
		}
		if ahead := of(t, a.cluster(t), "c").GetClockAhead().AsDuration(); ahead.Round(time.Millisecond) != 3*time.Second {
			t.Errorf("a says c is ahead by %v", ahead)
		}
		if c.log.says("clock is wrong") != 1 || a.log.says("clock")+b.log.says("clock") != 0 {
			t.Errorf("logs: %s%s%s", a.log.b.String(), b.log.b.String(), c.log.b.String())
		}
		c.clock.by.Store(0)
		pass(5 * time.Second)
		if got := m.announced("routing"); got != "a b" {
			t.Errorf("right for less than ten seconds, found are %s", got)
		}
		pass(20 * time.Second)
		if got := m.announced("routing"); got != "a b c" {
			t.Errorf("right again, found are %s", got)
		}
		if of(t, a.cluster(t), "c").GetHeartbeat().GetSteppedBack() || c.log.says("agrees with the others' again") != 1 {
			t.Errorf("c: %s", c.log.b.String())
		}
	})
}

// TestAWrongClockIsThereWhereNobodyElseIs: those whose clocks are right go, and the one that stepped back is found again.
func TestAWrongClockIsThereWhereNobodyElseIs(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		m.start(t, "a", 0, "schedule")
		m.start(t, "b", 0, "ledger")
		right := m.start(t, "c", 0, "routing")
		m.start(t, "d", -time.Minute, "routing")
		pass(15 * time.Second)
		if got := m.announced("routing"); got != "c" {
			t.Fatalf("found are %s", got)
		}
		right.kill()
		pass(3 * time.Second)
		if got := m.announced("routing"); got != "d" {
			t.Errorf("alone, found are %q", got)
		}
	})
}

func TestWithoutAMajorityNobodyStepsBack(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a, b := m.start(t, "a", 0, "routing"), m.start(t, "b", time.Hour, "routing")
		pass(30 * time.Second)
		if got := m.announced("routing"); got != "a b" {
			t.Errorf("found are %s", got)
		}
		for _, p := range []*process{a, b} {
			if p.log.says("no majority") != 1 {
				t.Errorf("a difference is told %d times: %s", p.log.says("no majority"), p.log.b.String())
			}
		}
		if h := of(t, a.cluster(t), "b").GetHeartbeat(); h.GetClockAheadUs() != 0 || h.GetSteppedBack() {
			t.Errorf("b says %v", h)
		}
	})
}

// TestAnEtcdThatIsAwayAccusesNobody, and what was known of the others is still told.
func TestAnEtcdThatIsAwayAccusesNobody(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a := m.start(t, "a", 0, "routing")
		m.start(t, "b", 0, "routing")
		m.start(t, "c", 0, "routing")
		pass(10 * time.Second)
		m.away.Store(true)
		pass(time.Hour)
		c := a.cluster(t)
		if silent := c.GetEtcdSilent().AsDuration(); silent < time.Hour-2*time.Second || silent > time.Hour+time.Second {
			t.Errorf("etcd is silent for %v", silent)
		}
		if len(c.GetProcesses()) != 3 || len(c.GetMembers()) != 0 {
			t.Errorf("told is %v", c)
		}
		r, err := a.ListEndpoints(t.Context(), nil)
		if err != nil || len(r.GetEndpoints()) != 3 {
			t.Errorf("endpoints are %v, %v", r, err)
		}
		m.away.Store(false)
		pass(time.Second)
		if a.log.says("clock") != 0 || m.announced("routing") != "a b c" {
			t.Errorf("back again: %s, found are %s", a.log.b.String(), m.announced("routing"))
		}
		if c := a.cluster(t); c.GetEtcdSilent() != nil {
			t.Errorf("back again, it is silent for %v", c.GetEtcdSilent())
		}
	})
}

// TestAProcessThatBeganWithoutEtcd tells of itself, and claims nothing that it has not heard.
func TestAProcessThatBeganWithoutEtcd(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		m.schema(t, 2)
		m.away.Store(true)
		a := m.start(t, "a", 0, "routing")
		pass(time.Minute)
		c := a.cluster(t)
		if len(c.GetProcesses()) != 1 || of(t, c, "a").GetHeartbeat().GetViewRevision() != 7 || c.GetSchema() != 0 ||
			c.GetEtcdSilent().AsDuration() < time.Minute {
			t.Errorf("told is %v", c)
		}
		m.away.Store(false)
		m.listAnew()
		pass(5 * time.Second)
		if c := a.cluster(t); len(c.GetProcesses()) != 1 || c.GetSchema() != 2 || c.GetEtcdSilent() != nil {
			t.Errorf("with etcd told is %v", c)
		}
		if a.log.says("another schema") != 0 {
			t.Errorf("what is heard first is no change: %s", a.log.b.String())
		}
		m.schema(t, 3)
		m.restore(map[string][]byte{"cluster/schema": encode(t, &rpcv1.ClusterSchema{Schema: 1})})
		pass(time.Second)
		if a.log.says("another schema") != 1 {
			t.Errorf("a change is told %d times: %s", a.log.says("another schema"), a.log.b.String())
		}
	})
}

// TestTheDeadAreNotListed: the heartbeat of a process that was killed outlives it in etcd, and does not change any more.
func TestTheDeadAreNotListed(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		dead := encode(t, &rpcv1.Heartbeat{Instance: "dead", Sequence: 5, MaxSchema: 2})
		m.put("status/processes/dead", dead)
		a := m.start(t, "a", 0, "routing")
		m.start(t, "b", 0, "routing")
		pass(5 * time.Second)
		if n := len(a.cluster(t).GetProcesses()); n != 3 {
			t.Errorf("%d processes at first, want 3", n)
		}
		pass(8 * time.Second)
		if n := len(a.cluster(t).GetProcesses()); n != 2 {
			t.Errorf("%d processes live, want 2", n)
		}
		m.listAnew() // tells the same once more
		pass(5 * time.Second)
		if n := len(a.cluster(t).GetProcesses()); n != 2 {
			t.Errorf("listed anew: %d processes live, want 2", n)
		}
		m.away.Store(true)
		pass(time.Hour)
		if n := len(a.cluster(t).GetProcesses()); n != 2 {
			t.Errorf("while etcd is away: %d processes lived, want 2", n)
		}
		m.away.Store(false)
		pass(13 * time.Second)
		if n := len(a.cluster(t).GetProcesses()); n != 2 {
			t.Errorf("back again: %d processes live, want 2", n)
		}
		m.put("status/processes/dead", encode(t, &rpcv1.Heartbeat{Instance: "dead", Sequence: 6, MaxSchema: 2}))
		pass(time.Second)
		if n := len(a.cluster(t).GetProcesses()); n != 3 {
			t.Errorf("it lives after all: %d processes, want 3", n)
		}
	})
}

func TestEndpointsAreThoseThatRoute(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a := m.start(t, "a", 0, "schedule")
		m.start(t, "c", 0, "routing")
		m.start(t, "b", 0, "routing", "sip")
		m.put("discovery/routing/older", []byte(`{"Op":0,"Addr":"older.example:7400","Metadata":null}`)) // no heartbeat
		m.put("discovery/routing/broken", []byte(`{"Op"`))
		pass(3 * time.Second)
		r, err := a.ListEndpoints(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range r.GetEndpoints() {
			got = append(got, e.GetInstance()+"="+e.GetAddress()+"@"+e.GetRegion())
		}
		if want := "b=b.example:7400@eu-b c=c.example:7400@eu-c older=older.example:7400@"; strings.Join(got, " ") != want {
			t.Errorf("endpoints are %s, want %s", got, want)
		}
	})
}

// TestEndpointsWithARightClockComeFirst: one whose clock is wrong is told of where it could not step back yet.
func TestEndpointsWithARightClockComeFirst(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		z := m.start(t, "z", 0, "routing")
		m.put("status/processes/a", encode(t, &rpcv1.Heartbeat{Instance: "a", SteppedBack: true}))
		m.put("discovery/routing/a", []byte(`{"Addr":"a.example:7400"}`))
		pass(time.Second)
		r, err := z.ListEndpoints(t.Context(), nil)
		if err != nil || len(r.GetEndpoints()) != 2 || r.GetEndpoints()[0].GetInstance() != "z" {
			t.Errorf("endpoints are %v, %v", r, err)
		}
	})
}

// TestWhatOthersWriteIsBelievedOfThemselvesOnly: a heartbeat says whose it is, and one that is none is passed over.
func TestWhatOthersWriteIsBelievedOfThemselvesOnly(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		a := m.start(t, "a", 0, "routing")
		m.put("status/processes/b", encode(t, &rpcv1.Heartbeat{Instance: "a", WallUnixUs: 1}))
		m.put("status/processes/c", []byte{0xff})
		m.put("cluster/schema", []byte{0xff})
		m.put("cluster/epoch", []byte{0xff})
		pass(3 * time.Second)
		if c := a.cluster(t); len(c.GetProcesses()) != 1 || c.GetSchema() != 1 {
			t.Errorf("told is %v", c)
		}
	})
}

// TestTwoOfOneNameAreToldOf, and one that is started anew under its name is not.
func TestTwoOfOneNameAreToldOf(t *testing.T) {
	bubble(t, func(t *testing.T, m *memory) {
		first := m.start(t, "a", 0, "routing")
		pass(5 * time.Second)
		first.kill()
		second := m.start(t, "a", 0, "routing")
		pass(time.Minute)
		if second.log.says("same name") != 0 {
			t.Errorf("started anew it says %s", second.log.b.String())
		}
		third := m.start(t, "a", 0, "routing")
		pass(time.Minute)
		if second.log.says("same name") != 1 || third.log.says("same name") != 1 {
			t.Errorf("two of one name say %s%s", second.log.b.String(), third.log.b.String())
		}
	})
}
