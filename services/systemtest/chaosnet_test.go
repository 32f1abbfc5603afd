package systemtest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/systemtest/internal/netfault"
)

// fabric is the network between the hosts of a cluster that is tried: namespaces where they may be made, so that packets are
// really lost; else loopback, with a proxy in the way of each connection from one host to another.
type fabric struct {
	rules *netfault.Rules
	// joins is nil where there are no namespaces.
	joins *netfault.Switch
	hosts []*chaosHost

	mu      sync.Mutex
	proxies map[[2]string]*netfault.Proxy
}

// chaosHost is one machine of the cluster.
type chaosHost struct {
	name string
	ip   string
	// space is nil on loopback.
	space *netfault.Namespace
}

// newFabric uses namespaces where it may, unless DAYSIDE_CHAOS_PROXIES is set.
func newFabric(t testing.TB, seed uint64, names []string) *fabric {
	t.Helper()
	f := &fabric{rules: netfault.NewRules(seed), proxies: map[[2]string]*netfault.Proxy{}}
	if os.Getenv("DAYSIDE_CHAOS_PROXIES") == "" {
		f.joins = netfault.NewSwitch(f.rules, clock.System{})
	}
	for i, name := range names {
		h := &chaosHost{name: name, ip: "127.0.0.1"}
		if f.joins != nil {
			addr := netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)})
			space, err := netfault.NewNamespace(addr)
			if err != nil {
				t.Logf("no namespaces may be made here, so proxies stand in the way instead: %v", err)
				_ = f.joins.Close()
				t.Setenv("DAYSIDE_CHAOS_PROXIES", "1")
				return newFabric(t, seed, names)
			}
			t.Cleanup(func() { _ = space.Close() })
			h.space, h.ip = space, addr.String()
			f.joins.Attach(name, addr, space.Device())
		}
		f.hosts = append(f.hosts, h)
	}
	t.Cleanup(func() {
		if f.joins != nil {
			_ = f.joins.Close()
		}
		for _, p := range f.proxies {
			_ = p.Close()
		}
	})
	return f
}

// kind names the network, for reports.
func (f *fabric) kind() string {
	if f.joins == nil {
		return "proxies"
	}
	return "namespaces"
}

func (f *fabric) host(name string) *chaosHost {
	for _, h := range f.hosts {
		if h.name == name {
			return h
		}
	}
	panic("no host " + name)
}

// reach is the address at which one host reaches what another listens on.
func (f *fabric) reach(t testing.TB, from, to, addr string) string {
	t.Helper()
	if f.joins != nil || from == to {
		return addr
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := [2]string{from, addr}
	if f.proxies[key] == nil {
		p, err := netfault.NewProxy(context.WithoutCancel(t.Context()), from, to, addr, f.rules, clock.System{})
		if err != nil {
			t.Fatal(err)
		}
		f.proxies[key] = p
	}
	return f.proxies[key].Addr()
}

// listen is an address for a listener of the host; on loopback the port is any free one.
func (h *chaosHost) listen(t testing.TB, port int) string {
	t.Helper()
	if h.space == nil {
		return freeAddr(t)
	}
	return fmt.Sprintf("%s:%d", h.ip, port)
}

// local is an address that only the host itself reaches.
func (h *chaosHost) local(t testing.TB, port int) string {
	t.Helper()
	if h.space == nil {
		return freeAddr(t)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// start starts a process on the host.
func (h *chaosHost) start(cmd *exec.Cmd) error {
	if h.space == nil {
		return cmd.Start()
	}
	return h.space.Do(cmd.Start)
}

// dial connects from the host.
func (h *chaosHost) dial(ctx context.Context, network, addr string) (c net.Conn, err error) {
	do := func() error {
		c, err = (&net.Dialer{}).DialContext(ctx, network, addr)
		return err
	}
	if h.space == nil {
		return c, do()
	}
	return c, h.space.Do(do)
}
