package netfault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/systemtest/internal/netfault"
)

// pair is a listener that echoes at "server", and a way to reach it from "client".
type pair struct {
	rules *netfault.Rules
	dial  func() (net.Conn, error)
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
	}
}

func namespaces(t *testing.T) pair {
	t.Helper()
	rules := netfault.NewRules(1)
	s := netfault.NewSwitch(rules, clock.System{})
	t.Cleanup(func() { _ = s.Close() })
	var spaces []*netfault.Namespace
	for i, name := range []string{"server", "client"} {
		n, err := netfault.NewNamespace(netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}))
		if err != nil {
			t.Skipf("SKIP: namespaces may not be made here: %v", err)
		}
		t.Cleanup(func() { _ = n.Close() })
		s.Attach(name, n.Addr, n.Device())
		spaces = append(spaces, n)
	}
	var l net.Listener
	if err := spaces[0].Do(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "10.77.0.1:7")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go echo(l)
	return pair{rules, func() (c net.Conn, err error) {
		err = spaces[1].Do(func() error {
			c, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", "10.77.0.1:7")
			return err
		})
		return c, err
	}}
}

func proxied(t *testing.T) pair {
	t.Helper()
	rules := netfault.NewRules(1)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go echo(l)
	p, err := netfault.NewProxy(context.WithoutCancel(t.Context()), "client", "server", l.Addr().String(), rules, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return pair{rules, func() (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", p.Addr())
	}}
}

// said sends a line and waits for its echo, at most for a time.
func said(t *testing.T, c net.Conn, text string, within time.Duration) (time.Duration, error) {
	t.Helper()
	var clk clock.System
	began := clk.Now()
	if err := c.SetDeadline(began.Add(within)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(c, text); err != nil {
		return 0, err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil {
		return 0, err
	}
	if string(got) != text {
		t.Errorf("heard %q, not %q", got, text)
	}
	return clk.Now().Sub(began), nil
}

func both(t *testing.T, test func(t *testing.T, p pair, lossy bool)) {
	for name, make := range map[string]func(*testing.T) pair{"namespaces": namespaces, "proxy": proxied} {
		t.Run(name, func(t *testing.T) { test(t, make(t), name == "namespaces") })
	}
}

func TestALinkDelaysCutsAndHeals(t *testing.T) {
	both(t, func(t *testing.T, p pair, lossy bool) {
		c, err := p.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := said(t, c, "hello", await.Limit); err != nil {
			t.Fatal(err)
		}
		back := netfault.From("server", "client")
		fast := p.rules.Add(netfault.Rule{Delay: 150 * time.Millisecond, Jitter: 10 * time.Millisecond}, back...)
		if took, err := said(t, c, "slowly", await.Limit); err != nil || took < 150*time.Millisecond {
			t.Errorf("a slow link took %v (%v)", took, err)
		}
		// One way only: what is said arrives, its echo does not until the link has healed.
		heal := p.rules.Add(netfault.Rule{Cut: true}, back...)
		p.rules.Add(netfault.Rule{Cut: true}, back...)() // another one comes and goes
		fast()
		if _, err := said(t, c, "lost", 200*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("over a cut link: %v", err)
		}
		heal()
		if err := c.SetDeadline(clock.System{}.Now().Add(await.Limit)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, len("lost"))); err != nil {
			t.Errorf("after it healed: %v", err)
		}
		if !lossy {
			return
		}
		there := netfault.To("server", "client")
		p.rules.Add(netfault.Rule{Loss: 0.3}, there...)
		for i := range 5 { // TCP sends again
			if _, err := said(t, c, fmt.Sprint("again ", i), await.Limit); err != nil {
				t.Errorf("over a lossy link: %v", err)
			}
		}
		p.rules.Add(netfault.Rule{Loss: 1}, there...)
		if _, err := said(t, c, "never", 200*time.Millisecond); err == nil {
			t.Error("all is lost, and heard")
		}
	})
}

func TestStrangePacketsAreDropped(t *testing.T) {
	rules := netfault.NewRules(1)
	s := netfault.NewSwitch(rules, clock.System{})
	in, out := newDevice(), newDevice()
	s.Attach("in", netip.MustParseAddr("10.0.0.1"), in)
	s.Attach("out", netip.MustParseAddr("10.0.0.2"), out)
	good := make([]byte, 40)
	good[0] = 0x45
	copy(good[16:], []byte{10, 0, 0, 2})
	nowhere := append([]byte(nil), good...)
	nowhere[19] = 9
	six := append([]byte(nil), good...)
	six[0] = 0x60
	for _, p := range [][]byte{{}, {0x45}, six, nowhere, good} {
		in.packets <- p
	}
	if got := await.Receive(t, "the good packet", out.out); len(got) != len(good) {
		t.Errorf("got %v", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// device is a port whose packets a test makes.
type device struct {
	packets chan []byte
	out     chan []byte
	closed  chan struct{}
}

func newDevice() *device {
	return &device{packets: make(chan []byte, 8), out: make(chan []byte, 8), closed: make(chan struct{})}
}

// Read is the next packet.
func (d *device) Read(p []byte) (int, error) {
	select {
	case b := <-d.packets:
		return copy(p, b), nil
	case <-d.closed:
		return 0, io.EOF
	}
}

// Write keeps the packet for the test.
func (d *device) Write(p []byte) (int, error) {
	d.out <- append([]byte(nil), p...)
	return len(p), nil
}

// Close ends reads.
func (d *device) Close() error { close(d.closed); return nil }
