package host

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// way is an address that leads to another one, or nowhere.
type way struct {
	net.Listener

	mu    sync.Mutex
	to    string // empty: nowhere
	conns []net.Conn
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{Listener: l, to: to}
	t.Cleanup(func() { _ = l.Close(); w.lead("") })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(in)
		}
	}()
	return w
}

// lead cuts what goes this way, and leads elsewhere from now on.
func (w *way) lead(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.to, w.conns = to, nil
}

func (w *way) carry(in net.Conn) {
	defer func() { _ = in.Close() }()
	w.mu.Lock()
	to := w.to
	w.conns = append(w.conns, in)
	w.mu.Unlock()
	if to == "" {
		return
	}
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
	_, _ = io.Copy(out, in)
}

// TestAnEtcdThatWasReplaced: where nothing was saved, an empty etcd takes the place of the one before. Processes that ran on
// take a configuration again, without being started again: nothing that they knew of the truth before stands in its way.
func TestAnEtcdThatWasReplaced(t *testing.T) {
	start := func() *embed.Server {
		srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		return srv
	}
	first := start()
	way := newWay(t, first.Endpoint()) // the one address of both, which nobody else takes between them
	p, stopped := run(t, house{way.Addr().String()}.config(t, "one", Schedule, Entitlement, Routing))
	defer stopped()
	apply := func() (*routingv1.ApplyConfigurationResponse, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return routingv1.NewConfigurationServiceClient(p.Conn()).ApplyConfiguration(ctx, oneLineOneSite())
	}
	if _, err := apply(); err != nil {
		t.Fatal(err)
	}
	way.lead("")
	first.Close()
	second := start()
	defer second.Close()
	way.lead(second.Endpoint())
	var err error
	await.True(t, "the configuration to be taken", func() bool {
		var r *routingv1.ApplyConfigurationResponse
		r, err = apply()
		if err != nil {
			t.Log(err)
			await.Receive(t, "half a second", p.clock.After(500*time.Millisecond))
		}
		return err == nil && len(r.GetChanges()) > 0
	})
	await.True(t, "a call to be answered", func() bool { return ring(t, p.Conn()).GetLine() == "lines/gold" })
}
