package systemtest

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
	"github.com/daysidehq/dayside/services/systemtest/internal/netfault"
)

// readyWithin is how long a process may take to be ready again after its start, under all the load there is.
const readyWithin = 60 * time.Second

// maxPause is as long as whoever is in doubt about a change waits for a paused process to have done it.
const maxPause = doubtLasts - changeTry - time.Second

// nemesis makes faults.
type nemesis struct {
	t   testing.TB
	l   *chaosLoad
	c   *chaosCluster
	rng *rand.Rand
	mu  sync.Mutex
	// busy are the processes that a fault is on: one fault at a time each.
	busy  map[string]bool
	tried map[string]*faultCount
}

// chaosFault is one kind. It makes the fault, keeps it up for a while, heals it, and answers with what there is to note; nil
// where it could not be made now.
type chaosFault struct {
	name string
	make func(n *nemesis, last time.Duration) *history.Fault
	// needs says why it cannot be made here; empty where it can.
	needs func(n *nemesis) string
}

// chaosFaults are all kinds.
func chaosFaults() []chaosFault {
	none := func(*nemesis) string { return "" }
	return []chaosFault{
		{"kill a routing process", func(n *nemesis, d time.Duration) *history.Fault { return n.kill(n.one(host.Routing), d) }, none},
		{"kill a process that writes", func(n *nemesis, d time.Duration) *history.Fault { return n.kill(n.one(host.Schedule), d) }, none},
		{"kill entitlement and ledger", func(n *nemesis, d time.Duration) *history.Fault { return n.kill(n.one(host.Ledger), d) }, none},
		{"kill a SIP gateway", func(n *nemesis, d time.Duration) *history.Fault { return n.kill(n.one(host.SIP), d) }, none},
		{"kill a member of etcd", func(n *nemesis, d time.Duration) *history.Fault { return n.kill(n.one(""), d) }, none},
		{"pause a routing process", func(n *nemesis, d time.Duration) *history.Fault { return n.pause(n.one(host.Routing), d) }, none},
		{"pause entitlement and ledger", func(n *nemesis, d time.Duration) *history.Fault { return n.pause(n.one(host.Ledger), d) }, none},
		{"pause a member of etcd", func(n *nemesis, d time.Duration) *history.Fault { return n.pause(n.one(""), d) }, none},
		{"cut routing from etcd", (*nemesis).cutBoth, none},
		{"cut what etcd sends to routing", (*nemesis).cutFromEtcd, none},
		{"cut what routing sends to etcd", (*nemesis).cutToEtcd, none},
		{"cut a member from the others", (*nemesis).cutMember, none},
		{"slow link of 300 ms", (*nemesis).slow, none},
		{"lose a fifth of the packets", (*nemesis).lose, func(n *nemesis) string {
			if n.c.net.joins == nil {
				return "proxies lose no packets"
			}
			return ""
		}},
		{"etcd's quorum lost", (*nemesis).quorum, none},
		{"compaction behind a cut", (*nemesis).compactBehind, none},
		{"a clock 30 s ahead", func(n *nemesis, d time.Duration) *history.Fault { return n.skew(d, 30*time.Second) }, none},
		{"a clock 30 s behind", func(n *nemesis, d time.Duration) *history.Fault { return n.skew(d, -30*time.Second) }, none},
		{"a full disk", (*nemesis).fullDisk, func(n *nemesis) string {
			if len(n.c.disks) == 0 {
				return "no small file system may be mounted here"
			}
			return ""
		}},
		{"a region lost", (*nemesis).region, none},
		{"cut gateways from all routing", (*nemesis).cutGateways, none},
	}
}

// one takes a process that holds a service ("": a member of etcd) and has no fault; nil where none is free. Two members at
// once would be a lost quorum, which is a fault of its own.
func (n *nemesis) one(service string) *chaosProcess {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.c.members()
	if service != "" {
		list = n.c.holding(service)
	} else if slices.ContainsFunc(list, func(p *chaosProcess) bool { return n.busy[p.name] }) {
		return nil
	}
	list = slices.DeleteFunc(slices.Clone(list), func(p *chaosProcess) bool { return n.busy[p.name] })
	if len(list) == 0 {
		return nil
	}
	p := list[n.rng.IntN(len(list))]
	n.busy[p.name] = true
	return p
}

// draw is below limit.
func (n *nemesis) draw(limit int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rng.IntN(limit)
}

func (n *nemesis) free(names ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range names {
		delete(n.busy, name)
	}
}

// take takes all of them; false where one is busy.
func (n *nemesis) take(names ...string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range names {
		if n.busy[name] {
			return false
		}
	}
	for _, name := range names {
		n.busy[name] = true
	}
	return true
}

func (n *nemesis) wait(d time.Duration) { _ = pause(context.Background(), d) }

// begin notes a fault before it is made. What a member does may touch whoever hears etcd through it.
func (n *nemesis) begin(on ...*chaosProcess) *history.Fault {
	f := &history.Fault{Begin: n.l.rec.now(), On: processNames(on)}
	for _, p := range on {
		if p.services == nil {
			f.Slow = processNames(n.c.daysides())
		} else {
			f.Slow = append(f.Slow, p.name)
		}
	}
	return f
}

// awaitReady waits for a process that was started.
func (n *nemesis) awaitReady(p *chaosProcess, f *history.Fault) {
	if p.services == nil {
		return
	}
	for began := n.l.rec.now(); !p.ready.Load(); n.wait(20 * time.Millisecond) {
		if n.l.rec.now()-began > readyWithin {
			n.t.Errorf("%s is not ready %v after its start", p.name, readyWithin)
			f.Note = "not ready again"
			return
		}
	}
}

// kill ends a process as a power failure does, and starts it again.
func (n *nemesis) kill(p *chaosProcess, d time.Duration) *history.Fault {
	if p == nil {
		return nil
	}
	defer n.free(p.name)
	f := n.begin(p)
	f.Unreachable = f.On
	p.kill()
	n.wait(d)
	p.start(n.t)
	n.awaitReady(p, f)
	f.End = n.l.rec.now()
	return f
}

// pause stops a process as a machine that swaps does, and lets it go on.
func (n *nemesis) pause(p *chaosProcess, d time.Duration) *history.Fault {
	if p == nil {
		return nil
	}
	defer n.free(p.name)
	f := n.begin(p)
	f.Unreachable = f.On
	p.signal(syscall.SIGSTOP)
	n.wait(min(d, maxPause))
	p.signal(syscall.SIGCONT)
	f.End = n.l.rec.now()
	return f
}

// cut cuts links between one routing process and all of etcd. What is done before it heals is done by last.
func (n *nemesis) cut(d time.Duration, which func(host string, others ...string) []netfault.Link, last func()) *history.Fault {
	p := n.one(host.Routing)
	if p == nil {
		return nil
	}
	defer n.free(p.name)
	f := &history.Fault{On: []string{p.name}, Cut: []string{p.name}}
	heal := n.c.net.rules.Add(netfault.Rule{Cut: true}, which(p.name, processNames(n.c.members())...)...)
	f.Begin = n.l.rec.now()
	n.wait(d)
	last()
	f.End = n.l.rec.now()
	heal()
	return f
}

func (n *nemesis) cutBoth(d time.Duration) *history.Fault { return n.cut(d, netfault.Both, func() {}) }

func (n *nemesis) cutFromEtcd(d time.Duration) *history.Fault {
	return n.cut(d, netfault.To, func() {})
}

// cutToEtcd: etcd goes on sending as far as its window goes, whether or not that is acknowledged. So the process may hear
// news, and is slow rather than cut off.
func (n *nemesis) cutToEtcd(d time.Duration) *history.Fault {
	f := n.cut(d, netfault.From, func() {})
	if f != nil {
		f.Cut, f.Slow = nil, f.Cut
	}
	return f
}

// cutMember takes one member from the others, and leaves it to its clients.
func (n *nemesis) cutMember(d time.Duration) *history.Fault {
	return n.links(n.one(""), append(processNames(n.c.members()), "peers"), netfault.Rule{Cut: true}, d)
}

func (n *nemesis) slow(d time.Duration) *history.Fault {
	return n.links(n.one(host.Routing), n.allHosts(), netfault.Rule{Delay: 150 * time.Millisecond, Jitter: 20 * time.Millisecond}, d)
}

func (n *nemesis) lose(d time.Duration) *history.Fault {
	return n.links(n.one(host.Routing), n.allHosts(), netfault.Rule{Loss: 0.2}, d)
}

func (n *nemesis) allHosts() []string { return append(processNames(n.c.procs), callersHost, "anybody") }

func (n *nemesis) links(p *chaosProcess, others []string, rule netfault.Rule, d time.Duration) *history.Fault {
	if p == nil {
		return nil
	}
	defer n.free(p.name)
	f := n.begin(p)
	heal := n.c.net.rules.Add(rule, netfault.Both(p.name, others...)...)
	n.wait(d)
	heal()
	f.End = n.l.rec.now()
	return f
}

// quorum stops two of three members.
func (n *nemesis) quorum(d time.Duration) *history.Fault {
	members := n.c.members()
	i := n.draw(len(members))
	members = slices.Delete(slices.Clone(members), i, i+1)
	names := processNames(members)
	if !n.take(names...) {
		return nil
	}
	defer n.free(names...)
	for _, m := range members {
		m.kill()
	}
	f := &history.Fault{Begin: n.l.rec.now(), On: names, Cut: processNames(n.c.daysides())}
	n.wait(d)
	f.End = n.l.rec.now()
	for _, m := range members {
		m.start(n.t)
	}
	return f
}

// compactBehind cuts a routing process, changes things meanwhile (the load does), and compacts what it would have heard.
func (n *nemesis) compactBehind(d time.Duration) *history.Fault {
	return n.cut(d, netfault.Both, n.compact)
}

// compact compacts up to what some process has; a member that does not answer now spares everybody.
func (n *nemesis) compact() {
	revision := int64(0)
	for _, p := range n.c.holding(host.Routing) {
		ctx, cancel := context.WithTimeout(context.Background(), chaosTry)
		r, err := routingv1.NewRoutingServiceClient(n.l.gateway[p.name]).RouteCall(ctx, &routingv1.RouteCallRequest{
			CallId: "compacts", DialledNumber: exampleHiddenNumber,
		})
		if cancel(); err == nil {
			revision = max(revision, r.GetRoute().GetExplanation().GetViewRevision())
		}
	}
	m := n.c.members()[0]
	ctx, cancel := context.WithTimeout(context.Background(), changeTry)
	defer cancel()
	cmd := exec.CommandContext(ctx, peer(n.t, "etcdctl"), "--endpoints", n.c.net.reach(n.t, callersHost, m.name, m.grpcAddr), "compaction",
		strconv.FormatInt(revision, 10))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	err := n.c.net.host(callersHost).start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		n.t.Logf("no compaction at %d: %v %s", revision, err, out.String())
	}
}

// skew starts a routing process with a wrong clock, and later with the right one.
func (n *nemesis) skew(d, skew time.Duration) *history.Fault {
	p := n.one(host.Routing)
	if p == nil {
		return nil
	}
	defer n.free(p.name)
	f := n.begin(p)
	f.Unreachable, f.Skewed = f.On, f.On
	for _, ahead := range []time.Duration{skew, 0} {
		p.kill()
		p.mu.Lock()
		p.ahead = ahead
		p.mu.Unlock()
		p.start(n.t)
		n.awaitReady(p, f)
		if ahead != 0 {
			n.wait(d)
		}
	}
	f.End = n.l.rec.now()
	return f
}

// cutGateways leaves gateways and SIP alone with what they remember.
func (n *nemesis) cutGateways(d time.Duration) *history.Fault {
	if !n.take(callersHost) {
		return nil
	}
	defer n.free(callersHost)
	routers, gateways := n.c.holding(host.Routing), append(processNames(n.c.holding(host.SIP)), callersHost, "anybody")
	f := &history.Fault{Begin: n.l.rec.now(), On: gateways, Unreachable: processNames(routers)}
	var links []netfault.Link
	for _, p := range routers {
		links = append(links, netfault.Both(p.name, gateways...)...)
	}
	heal := n.c.net.rules.Add(netfault.Rule{Cut: true}, links...)
	n.wait(d)
	heal()
	f.End = n.l.rec.now()
	return f
}

// region cuts everything in one region from everything outside: its callers too, but for those at its SIP gateway.
func (n *nemesis) region(d time.Duration) *history.Fault {
	region := 1 + n.draw(len(chaosHosts()))
	in := n.c.some(func(p *chaosProcess) bool { return p.region == region })
	if !n.take(append(processNames(in), processNames(n.c.members())...)...) {
		return nil
	}
	defer n.free(append(processNames(in), processNames(n.c.members())...)...)
	out := n.c.some(func(p *chaosProcess) bool { return p.region != region })
	others := append(processNames(out), callersHost, "anybody", "peers")
	f := n.begin(n.c.members()[region-1])
	f.On, f.Cut, f.Unreachable = processNames(in), nil, nil
	for _, p := range in {
		if p.is(host.Routing) {
			f.Unreachable = append(f.Unreachable, p.name)
		}
	}
	var links []netfault.Link
	for _, p := range in {
		links = append(links, netfault.Both(p.name, others...)...)
	}
	heal := n.c.net.rules.Add(netfault.Rule{Cut: true}, links...)
	n.wait(d)
	heal()
	f.End = n.l.rec.now()
	return f
}
