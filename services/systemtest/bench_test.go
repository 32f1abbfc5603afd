package systemtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	// benchConns is how many connections the callers share, as a busy gateway would.
	benchConns = 4
	// benchRuns of each method, alternated; the median counts.
	benchRuns = 5
	// benchRunTime is how long one run lasts.
	benchRunTime = 700 * time.Millisecond
)

// BenchmarkRouteCall measures RouteCall from a second process beside an echo of messages of the same size, on the same
// server with the same interceptors and no decision, and beside an empty unary RPC on a bare server.
func BenchmarkRouteCall(b *testing.B) {
	for _, ratio := range []string{"0.01", "1"} {
		srv := startBenchServer(b, ratio, benchPKI{})
		srv.compare(b, "sampled="+ratio)
		srv.stop()
	}
}

// BenchmarkRouteCallTLS is BenchmarkRouteCall under mutual TLS, the bare server included: as a gateway with a certificate, and
// as one that shows a token beside it with each call.
func BenchmarkRouteCallTLS(b *testing.B) {
	for _, shows := range []string{"certificate", "token"} {
		p := newBenchPKI(b, shows == "token")
		srv := startBenchServer(b, "0.01", p)
		srv.compare(b, "shows="+shows)
		srv.stop()
	}
}

// compare alternates the methods, and reports the medians and their ratios.
func (s *benchServer) compare(b *testing.B, name string) {
	b.Helper()
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
			runs := map[string][]run{}
			for range benchRuns {
				for _, method := range []string{"route", "echo", "empty"} {
					runs[method] = append(runs[method], s.measure(b, method, callers))
				}
			}
			route, echo, empty := median(runs["route"]), median(runs["echo"]), median(runs["empty"])
			b.ReportMetric(route.perSecond, "route/s")
			b.ReportMetric(echo.perSecond, "echo/s")
			b.ReportMetric(empty.perSecond, "empty/s")
			b.ReportMetric(route.perSecond/echo.perSecond, "route/echo")
			b.ReportMetric(route.perSecond/empty.perSecond, "route/empty")
			b.ReportMetric(float64(route.p99)/float64(echo.p99), "p99-route/echo")
			b.ReportMetric(float64(route.p99.Microseconds()), "p99-us")
			b.ReportMetric(float64(route.cpu.Nanoseconds())/1000, "route-cpu-us")
			b.ReportMetric(float64(echo.cpu.Nanoseconds())/1000, "echo-cpu-us")
			b.ReportMetric(0, "ns/op")
		})
	}
}

type run struct {
	perSecond float64
	p99       time.Duration
	// cpu is the server's processor time a call, which other work on the machine changes little.
	cpu time.Duration
}

// median of throughput, of p99 and of processor time, each for itself.
func median(runs []run) run {
	var m run
	slices.SortFunc(runs, func(a, b run) int { return int(a.perSecond - b.perSecond) })
	m.perSecond = runs[len(runs)/2].perSecond
	slices.SortFunc(runs, func(a, b run) int { return int(a.p99 - b.p99) })
	m.p99 = runs[len(runs)/2].p99
	slices.SortFunc(runs, func(a, b run) int { return int(a.cpu - b.cpu) })
	m.cpu = runs[len(runs)/2].cpu
	return m
}

type benchServer struct {
	conns []*grpc.ClientConn
	bare  []*grpc.ClientConn
	pid   int
	stop  func()
}

// startBenchServer runs this test binary as the server; see TestMain.
func startBenchServer(b *testing.B, ratio string, pki benchPKI) *benchServer {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), benchServerEnv+"="+ratio, benchCLIEnv+"="+binary(b),
		benchFolderEnv+"="+filepath.Join(repo(b), "deploy", "examples", "followthesun"))
	cmd.Env = append(cmd.Env, pki.env()...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatalf("the server did not start: %v", err)
	}
	addrs := strings.Fields(line)
	s := &benchServer{pid: cmd.Process.Pid}
	for range benchConns {
		s.conns = append(s.conns, pki.dial(b, addrs[0], pki.token))
		s.bare = append(s.bare, pki.dial(b, addrs[1], ""))
	}
	s.stop = func() {
		_ = stdin.Close() // the server ends with its standard input
		_ = cmd.Wait()
	}
	return s
}

func dial(tb testing.TB, addr string) *grpc.ClientConn {
	tb.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cc.Close() })
	return cc
}

// measure runs callers for benchRunTime.
func (s *benchServer) measure(b *testing.B, method string, callers int) run {
	b.Helper()
	var (
		clk   clock.System
		wg    sync.WaitGroup
		total atomic.Int64
		mu    sync.Mutex
		all   []time.Duration
	)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	began, worked := clk.Now(), s.worked()
	for i := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var took []time.Duration
			for n := 0; clk.Now().Sub(began) < benchRunTime; n++ {
				start := clk.Now()
				if err := s.call(ctx, method, fmt.Sprintf("bench-%d-%d-%d", began.UnixNano(), i, n), i); err != nil {
					b.Error(err)
					return
				}
				took = append(took, clk.Now().Sub(start))
			}
			total.Add(int64(len(took)))
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		}()
	}
	wg.Wait()
	elapsed := clk.Now().Sub(began)
	slices.Sort(all)
	if len(all) == 0 {
		b.Fatal("no call came back")
	}
	return run{
		float64(total.Load()) / elapsed.Seconds(), all[len(all)*99/100], (s.worked() - worked) / time.Duration(len(all)),
	}
}

// worked is the server's processor time so far, as Linux has it (proc(5), stat, fields 14 and 15); 0 elsewhere.
func (s *benchServer) worked() time.Duration { return workedBy(s.pid) }

// workedBy is a process's.
func workedBy(pid int) time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every platform of Go's
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, ok := strings.Cut(string(text), ") ") // the program's name may hold anything
	fields := strings.Fields(after)
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}

func (s *benchServer) call(ctx context.Context, method, id string, caller int) error {
	if method == "empty" {
		return s.bare[caller%benchConns].Invoke(ctx, emptyMethod, &emptypb.Empty{}, &emptypb.Empty{})
	}
	full := routingv1.RoutingService_RouteCall_FullMethodName
	if method == "echo" {
		full = echoMethod
	}
	return s.conns[caller%benchConns].Invoke(ctx, full, &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber,
		Caller:  &routingv1.Caller{Number: exampleCaller},
		Gateway: &routingv1.GatewayInfo{GatewayId: "bench"},
	}, &routingv1.RouteCallResponse{})
}
