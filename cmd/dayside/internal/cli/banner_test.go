package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/daysidehq/dayside/services/host"
)

// bare is a process whose API answers each request with an empty message, or an error.
type bare struct {
	grpc string
	err  error
}

func (p bare) Addresses() host.Addresses { return host.Addresses{GRPC: p.grpc, HTTP: "127.0.0.1:7480"} }

func (p bare) Conn() grpc.ClientConnInterface { return p }

func (p bare) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return p.err }

func (p bare) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams here")
}

// TestABannerWithoutLines: none is one thing, not known another; what is suggested works as it stands.
func TestABannerWithoutLines(t *testing.T) {
	away := status.Error(codes.Unavailable, "etcd did not answer")
	for _, c := range []struct {
		name, want, not string
		process         bare
	}{
		{
			"none", "There is no line yet. Apply a configuration:\n\n  bin/dayside apply -f deploy/examples/followthesun\n", "--server",
			bare{grpc: defaultServer},
		},
		{
			"none, elsewhere", "  bin/dayside apply -f deploy/examples/followthesun --server 127.0.0.1:8400\n", "not known",
			bare{grpc: "127.0.0.1:8400"},
		},
		{
			"not known", "The lines are not known yet: etcd did not answer. Ask again in another terminal:\n\n" +
				"  bin/dayside list lines --server 127.0.0.1:8400\n", "no line yet", bare{grpc: "127.0.0.1:8400", err: away},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			banner{&app{Env: Env{Program: "bin/dayside"}, timeout: time.Minute}, c.process, host.Config{}}.write(t.Context(), &out)
			if !strings.Contains(out.String(), c.want) || strings.Contains(out.String(), c.not) {
				t.Errorf("got\n%s\nwant in it\n%s\nand no %q", out.String(), c.want, c.not)
			}
		})
	}
}

// TestABannerWithoutEtcd: whoever starts a process while etcd is away sees that calls are answered, from what, and what to do.
func TestABannerWithoutEtcd(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		cfg   host.Config
		known host.Known
		want  []string
		not   string
	}{
		{
			"elsewhere", host.Config{EtcdEndpoints: []string{"192.0.2.1:2379", "192.0.2.2:2379"}},
			host.Known{Heard: now.Add(-200 * time.Minute)},
			[]string{
				"Dayside answers calls, and nothing else yet", "gRPC      127.0.0.1:7400", "what was known 3 h 20 min ago",
				"once etcd at 192.0.2.1:2379, 192.0.2.2:2379 answers",
			}, "restore",
		},
		{
			"embedded", host.Config{DataDir: "data"}, host.Known{Heard: now.Add(-7 * time.Second), Member: errors.New("it is damaged")},
			[]string{
				"what was known 7 s ago", "The embedded etcd cannot start: it is damaged.\n",
				"\n\n  bin/dayside restore FILE --data data --only etcd --force\n",
			}, "by itself",
		},
		{
			"a gateway", host.Config{EtcdEndpoints: []string{"192.0.2.1:2379"}}, host.Known{},
			[]string{"answered with what routing says elsewhere, or the table that it told last."}, "ago",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			banner{&app{Env: Env{Program: "bin/dayside"}}, bare{grpc: defaultServer}, c.cfg}.alone(&out, c.known, now)
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), c.not) {
				t.Errorf("%q in\n%s", c.not, out.String())
			}
		})
	}
}
