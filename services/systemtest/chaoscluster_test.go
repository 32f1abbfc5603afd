package systemtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/pki"
)

// chaosCluster is three regions of a Dayside, each process on a host of its own: three members of etcd, three processes
// that route, two of schedule, one of entitlement and ledger, two of SIP, and the host of those who call.
type chaosCluster struct {
	net   *fabric
	dir   string
	ca    string
	procs []*chaosProcess
	// offset takes the clocks of all to tuesdayTenUTC.
	offset time.Duration
	// client is the host of callers and of whoever changes something.
	client string
	// disks are the data folders that are small file systems of their own, by process.
	disks map[string]smallDisk
}

// chaosProcess is one process, in all of its lives.
type chaosProcess struct {
	name   string
	region int
	host   *chaosHost
	// services it holds; nil: a member of etcd.
	services []string
	path     string
	args     []string
	// grpcAddr is where it listens; of a member, for clients.
	grpcAddr, sipAddr, data string
	log                     *os.File

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
	// offset is the run's, and ahead how far this process's clock is wrong.
	offset, ahead time.Duration
	ready         atomic.Bool
	life          atomic.Int32
}

const (
	callersHost = "callers"
	// maxLogTailBytes of each log are shown where a test fails.
	maxLogTailBytes = 1500
)

// chaosHosts are the hosts by region: the first of three has two regions' worth of what there is only one of.
func chaosHosts() [][]string {
	return [][]string{
		{"etcd-1", "routing-1", "schedule-1", "sip-1"},
		{"etcd-2", "routing-2", "schedule-2", "sip-2"},
		{"etcd-3", "routing-3", "entitlement-1"},
	}
}

// startChaosCluster starts it, and applies its configuration; with disks that can be filled where it may and is asked to.
func startChaosCluster(t testing.TB, seed uint64, disks bool) *chaosCluster {
	t.Helper()
	etcd := peer(t, "etcd")
	c := &chaosCluster{dir: t.TempDir(), client: callersHost, offset: offset()}
	c.net = newFabric(t, seed, append(slices.Concat(chaosHosts()...), callersHost))
	c.ca = filepath.Join(c.dir, "pki")
	if _, err := pki.Init(c.ca, "chaos.test", clock.System{}.Now()); err != nil {
		t.Fatal(err)
	}
	for region, names := range chaosHosts() {
		for _, name := range names {
			kind, _, _ := strings.Cut(name, "-")
			p := &chaosProcess{name: name, region: region + 1, host: c.net.host(name), data: filepath.Join(c.dir, name)}
			log, err := os.Create(filepath.Join(c.dir, name+".log"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = log.Close() })
			p.log = log
			switch kind {
			case "etcd":
				p.path, p.grpcAddr, p.sipAddr = etcd, p.host.listen(t, 2379), p.host.listen(t, 2380)
			case host.Entitlement:
				p.services = []string{host.Entitlement, host.Ledger}
			default:
				p.services = []string{kind}
			}
			c.procs = append(c.procs, p)
		}
	}
	if disks {
		c.disks = smallDisks(t, c)
	}
	c.startAll(t)
	c.apply(t)
	c.startSIP(t)
	return c
}

func (c *chaosCluster) startAll(t testing.TB) {
	t.Helper()
	for _, m := range c.members() {
		c.memberArgs(t, m)
		m.start(t)
	}
	for _, p := range c.daysides() {
		c.daysideArgs(t, p)
	}
	t.Cleanup(func() {
		for _, p := range c.procs {
			p.kill()
			if text, err := os.ReadFile(p.log.Name()); err == nil && t.Failed() {
				t.Logf("%s: %s", p.name, text[max(0, len(text)-maxLogTailBytes):])
			}
		}
	})
	for _, p := range c.daysides() {
		if p.is(host.SIP) {
			continue
		}
		p.start(t)
	}
	c.awaitReady(t, func(p *chaosProcess) bool { return !p.is(host.SIP) })
}

// startSIP starts the SIP gateways when there is a line that they can remember.
func (c *chaosCluster) startSIP(t testing.TB) {
	t.Helper()
	for _, p := range c.holding(host.SIP) {
		p.start(t)
	}
	c.awaitReady(t, func(*chaosProcess) bool { return true })
}

func (c *chaosCluster) awaitReady(t testing.TB, which func(*chaosProcess) bool) {
	t.Helper()
	for _, p := range c.daysides() {
		if which(p) {
			await.True(t, p.name+" to be ready", func() bool { return p.ready.Load() || t.Failed() })
		}
	}
}

// memberArgs: members reach each other by what they advertise, so where proxies stand in the way there is one a member.
func (c *chaosCluster) memberArgs(t testing.TB, m *chaosProcess) {
	t.Helper()
	peerURL := func(of *chaosProcess) string { return "http://" + c.net.reach(t, "peers", of.name, of.sipAddr) }
	var initial []string
	for _, of := range c.members() {
		initial = append(initial, of.name+"="+peerURL(of))
	}
	m.args = []string{
		"--name", m.name, "--data-dir", m.data, "--listen-client-urls", "http://" + m.grpcAddr, "--advertise-client-urls",
		"http://" + m.grpcAddr, "--listen-peer-urls", "http://" + m.sipAddr, "--initial-advertise-peer-urls", peerURL(m),
		"--initial-cluster", strings.Join(initial, ","), "--log-level", "error", "--unsafe-no-fsync",
	}
}

func (c *chaosCluster) daysideArgs(t testing.TB, p *chaosProcess) {
	t.Helper()
	files := c.certificate(t, rpcv1.Role_ROLE_SERVICE, p.name, p.host.ip)
	var etcds []string
	for _, m := range c.members() {
		etcds = append(etcds, c.net.reach(t, p.name, m.name, m.grpcAddr))
	}
	p.path, p.grpcAddr = binary(t), p.host.listen(t, 7400)
	p.args = append([]string{"serve"}, p.services...)
	p.args = append(p.args, "--instance", p.name, "--data", p.data, "--etcd", strings.Join(etcds, ","), "--log-format", "json",
		"--grpc-listen", p.grpcAddr, "--http-listen", p.host.listen(t, 7480), "--zoneinfo", "",
		"--advertise", c.net.reach(t, "anybody", p.name, p.grpcAddr), "--gateway-requests", "100000", "--peer-requests", "100000",
		"--tls-cert", files.Cert, "--tls-key", files.Key, "--tls-ca", files.CA)
	if p.is(host.SIP) {
		p.sipAddr = p.host.local(t, 5060)
		p.args = append(p.args, "--sip-udp", p.sipAddr, "--sip-tcp", "", "--sip-gateway-id", p.name)
	}
	p.offset = c.offset
}

// certificate issues one.
func (c *chaosCluster) certificate(t testing.TB, role rpcv1.Role, name, ip string) host.TLSFiles {
	t.Helper()
	authority, err := pki.Open(c.ca)
	if err != nil {
		t.Fatal(err)
	}
	req := pki.Request{Role: role, Name: name, Days: 30}
	if ip != "" {
		req.IP = []net.IP{net.ParseIP(ip)}
	}
	files, err := authority.Issue(filepath.Join(c.dir, "certificates"), req, clock.System{}.Now())
	if err != nil {
		t.Fatal(err)
	}
	return host.TLSFiles{Cert: files.Cert, Key: files.Key, CA: filepath.Join(c.ca, pki.CACertFile)}
}

// apply puts the world in force: six sites that never close by their hours, one line, one entitled customer.
func (c *chaosCluster) apply(t testing.TB) {
	t.Helper()
	var b strings.Builder
	for i, site := range chaosSites() {
		fmt.Fprintf(&b, "kind: Site\nname: %s\ndisplay_name: %s\ntime_zone: UTC\nweekly_hours:\n  mon-sun: [\"00:00-24:00\"]\n"+
			"targets: [\"%s\"]\nring_timeout: %ds\n---\n", site, site, siteTarget(site), 10+i)
	}
	fmt.Fprintf(&b, "kind: Line\nname: lines/gold\ndisplay_name: Gold\nnumber: \"%s\"\nvisibility: HIDDEN\nproduct: aurora\n"+
		"sites: [%s]\nstrategy: PRIORITY\ntreatments: {entitled: FORWARD, not_entitled: REJECT, unknown: FORWARD}\n"+
		"last_resort: {kind: PERSON, target: \"%s\", display_name: Duty manager}\n---\n", exampleHiddenNumber,
		strings.ReplaceAll(strings.Join(chaosSites(), ", "), "sites/", ""), chaosLastResort)
	fmt.Fprintf(&b, "kind: Customer\nname: customers/acme\ndisplay_name: Acme\nphone_numbers: [\"%s\"]\ncontracts:\n"+
		"  - {contract_id: A-1, plan: gold, product: aurora, start_date: 2025-07-01}\n", exampleCaller)
	file := filepath.Join(c.dir, "world.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := c.certificate(t, rpcv1.Role_ROLE_ADMIN, "applies", "")
	p := c.process("schedule-1")
	cmd := exec.CommandContext(t.Context(), binary(t), append(flags(admin), "apply", "-f", file, "--server",
		c.net.reach(t, c.client, p.name, p.grpcAddr))...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := c.net.host(c.client).start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out.String())
	}
}

const chaosLastResort = "sip:duty@hq.example.com"

func chaosSites() []string {
	return []string{"sites/amber", "sites/birch", "sites/cedar", "sites/delta", "sites/ember", "sites/fjord"}
}

func siteTarget(site string) string {
	return "sip:support@" + strings.TrimPrefix(site, "sites/") + ".example.com"
}

func (c *chaosCluster) process(name string) *chaosProcess {
	for _, p := range c.procs {
		if p.name == name {
			return p
		}
	}
	panic("no process " + name)
}

func (c *chaosCluster) some(which func(*chaosProcess) bool) []*chaosProcess {
	var list []*chaosProcess
	for _, p := range c.procs {
		if which(p) {
			list = append(list, p)
		}
	}
	return list
}

func (c *chaosCluster) members() []*chaosProcess {
	return c.some(func(p *chaosProcess) bool { return p.services == nil })
}

func (c *chaosCluster) daysides() []*chaosProcess {
	return c.some(func(p *chaosProcess) bool { return p.services != nil })
}

func (c *chaosCluster) holding(service string) []*chaosProcess {
	return c.some(func(p *chaosProcess) bool { return p.is(service) })
}

func processNames(list []*chaosProcess) []string {
	var names []string
	for _, p := range list {
		names = append(names, p.name)
	}
	return names
}

// conn is a connection of the callers' host to a process. It comes back soon after the process does.
func (c *chaosCluster) conn(t testing.TB, files host.TLSFiles, p *chaosProcess) *grpc.ClientConn {
	t.Helper()
	creds, err := host.ClientCredentials(files)
	if err != nil {
		t.Fatal(err)
	}
	from := c.net.host(c.client)
	cc, err := grpc.NewClient("passthrough:///"+c.net.reach(t, c.client, p.name, p.grpcAddr), grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return from.dial(ctx, "tcp", addr) }),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func (p *chaosProcess) is(service string) bool { return slices.Contains(p.services, service) }

// start begins another life.
func (p *chaosProcess) start(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	args := p.args
	if p.services != nil {
		args = append(slices.Clone(args), "--clock-offset", (p.offset + p.ahead).String())
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), p.path, args...)
	p.ready.Store(false)
	cmd.Stdout, cmd.Stderr = p.log, &readyWriter{to: p.log, ready: &p.ready}
	if err := p.host.start(cmd); err != nil {
		t.Errorf("%s does not start: %v", p.name, err)
		return
	}
	p.life.Add(1)
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
}

// kill ends the process as a power failure does; nothing where it has ended.
func (p *chaosProcess) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	p.ready.Store(false)
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.cmd = nil
}

func (p *chaosProcess) signal(s os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// readyWriter looks for the line that says that a process is ready.
type readyWriter struct {
	to    *os.File
	ready *atomic.Bool
}

// Write passes everything on.
func (w *readyWriter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"msg":"ready"`)) {
		w.ready.Store(true)
	}
	return w.to.Write(p)
}
