package rpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

func limits(t *testing.T, cfg rpc.LimitConfig) *rpc.Limits {
	t.Helper()
	l, err := rpc.NewLimits(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAPeerBeyondItsLimitIsToldWhenToComeBack(t *testing.T) {
	a := newAuthority(t, "ours")
	g := openGate(t, a, false)
	g.Limits = limits(t, rpc.LimitConfig{RequestsPerS: 2, Streams: 1, GatewayRequestsPerS: 1000, GatewayStreams: 10})
	s := startWith(t, rpc.Deps{Door: g.Door, Clock: g.clk}, linesThat(whoAsks))
	rita := []string{bearerHeader, "Bearer " + a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)}
	sam := []string{bearerHeader, "Bearer " + a.token(t, "sam", time.Hour, rpcv1.Role_ROLE_READER)}
	taken, refused := 0, error(nil)
	for range 20 {
		if _, err := asks(t, s.conn, rita...); err == nil {
			taken++
		} else {
			refused = err
		}
	}
	var f *fault.Fault
	if !errors.As(rpc.Fault(refused), &f) || f.Reason != limitExceeded || f.RetryAfter <= 0 || f.RetryAfter > time.Second || taken != 5 {
		t.Errorf("%d of 20 at once, then %v", taken, refused)
	}
	if _, err := asks(t, s.conn, sam...); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	for range 50 {
		if _, err := asks(t, s.conn); err != nil {
			t.Fatalf("this machine's own user: %v", err)
		}
		if _, err := asks(t, s.local); err != nil {
			t.Fatalf("within the process: %v", err)
		}
	}
	g.clk.Set(g.clk.Now().Add(f.RetryAfter))
	if _, err := asks(t, s.conn, rita...); err != nil {
		t.Errorf("after the time to wait: %v", err)
	}
}

func TestAPeerHasSoManyStreams(t *testing.T) {
	a := newAuthority(t, "ours")
	g := openGate(t, a, false)
	g.Limits = limits(t, rpc.LimitConfig{RequestsPerS: 100, Streams: 2, GatewayRequestsPerS: 1000, GatewayStreams: 10})
	var open atomic.Int32
	s := startWith(t, rpc.Deps{Door: g.Door, Clock: g.clk}, registered(watches{watch: func(_ string, s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse]) error {
		open.Add(1)
		defer open.Add(-1)
		if err := s.Send(&schedulev1.WatchCoverageResponse{}); err != nil {
			return err
		}
		<-s.Context().Done()
		return nil
	}}))
	token := "Bearer " + a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)
	watch := func() (func(), error) {
		ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), bearerHeader, token))
		t.Cleanup(cancel)
		stream, err := schedulev1.NewScheduleServiceClient(s.conn).WatchCoverage(ctx, &schedulev1.WatchCoverageRequest{Line: "lines/gold"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		return cancel, err
	}
	end, err := watch()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch(); err != nil {
		t.Fatal(err)
	}
	if _, err := watch(); reasonOf(err) != limitExceeded {
		t.Errorf("a third stream: %v", err)
	}
	end()
	await.True(t, "the first stream to end", func() bool { return open.Load() == 1 })
	await.True(t, "room for another", func() bool { _, err := watch(); return err == nil })
}

func TestBadTokensOfOneAddressAreLimited(t *testing.T) {
	a := newAuthority(t, "ours")
	g := openGate(t, a, false)
	cc := plainConn(t, serveDoor(t, g.Door, linesThat(whoAsks)))
	known := "Bearer " + a.token(t, "known", time.Hour, rpcv1.Role_ROLE_READER)
	for range 100 { // good ones that nobody has seen
		if _, err := asks(t, cc, bearerHeader, "Bearer "+a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := asks(t, cc, bearerHeader, known); err != nil {
		t.Fatal(err)
	}
	reasons := map[rpcv1.Reason]int{}
	for range 100 {
		_, err := asks(t, cc, bearerHeader, "Bearer x.y.z")
		reasons[reasonOf(err)]++
	}
	if reasons[limitExceeded] == 0 || reasons[credentialsRequired] == 0 || len(reasons) != 2 {
		t.Errorf("%v", reasons)
	}
	if _, err := asks(t, cc, bearerHeader, known); err != nil {
		t.Errorf("who is known has to wait for strangers: %v", err)
	}
}

func TestRESTTakesTokensAndLimits(t *testing.T) {
	a := newAuthority(t, "ours")
	for name, secured := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			g := openGate(t, a, secured)
			g.Limits = limits(t, rpc.LimitConfig{RequestsPerS: 3, Streams: 1, GatewayRequestsPerS: 1000, GatewayStreams: 1})
			ask := serveREST(t, a, g)
			reader := "Bearer " + a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)
			without := map[bool]int{false: 200, true: 401}[secured]
			for _, c := range []struct {
				header, path string
				want         int
				body         string
			}{
				{"", "/who", without, ""}, {reader, "/who", 200, "rita"}, {reader, "/admins", 403, ""},
				{"Bearer x", "/who", 401, ""}, {"Basic eDp5", "/who", 401, ""},
			} {
				body, resp := ask(c.header, c.path)
				if resp.StatusCode != c.want || c.body != "" && body != c.body {
					t.Errorf("%q %s: %d %q", c.header, c.path, resp.StatusCode, body)
				}
			}
			for range 10 {
				if _, resp := ask(reader, "/who"); resp.StatusCode == http.StatusTooManyRequests {
					if resp.Header.Get("Retry-After") != "1" {
						t.Errorf("%v", resp.Header)
					}
					return
				}
			}
			t.Error("no limit")
		})
	}
}

// serveREST answers /who with the asker's name, and takes admins at /admins.
func serveREST(t *testing.T, a authority, g *gate) func(header, path string) (string, *http.Response) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/who", g.Identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, p0(r.Context())+strings.Join(r.Header.Values("Authorization"), ""))
	})))
	mux.Handle("/admins", g.RequireRole(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), rpcv1.Role_ROLE_ADMIN))
	l, err := rpc.Listen(t.Context(), "http-listen", "127.0.0.1:0", g.TLS)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go func() { _ = srv.Serve(g.TLS.HTTP(l)) }()
	t.Cleanup(func() { _ = srv.Close() })
	client, scheme := &http.Client{}, "http://"
	if g.TLS != nil {
		scheme = "https://"
		client.Transport = &http.Transport{TLSClientConfig: clientConfig(t, filepath.Join(a.dir, pki.CACertFile), nil)}
	}
	return func(header, path string) (string, *http.Response) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), resp
	}
}
