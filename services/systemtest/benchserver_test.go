package systemtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/emptypb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
)

const (
	// benchServerEnv makes this test binary a server: its value is the sampling ratio.
	benchServerEnv = "DAYSIDE_BENCH_SERVER"
	// benchProfileEnv names a file for the server's CPU profile.
	benchProfileEnv = "DAYSIDE_BENCH_CPUPROFILE"
	benchCLIEnv     = "DAYSIDE_BENCH_CLI"
	benchFolderEnv  = "DAYSIDE_BENCH_FOLDER"
	echoMethod      = "/bench.Echo/Echo"
	emptyMethod     = "/bench.Empty/Empty"
)

func TestMain(m *testing.M) {
	if ratio := os.Getenv(benchServerEnv); ratio != "" {
		if err := benchServe(ratio); err != nil {
			fmt.Fprintln(os.Stderr, "bench server:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// benchServe serves the whole of Dayside with an echo beside it, and a bare server, until standard input ends.
func benchServe(ratio string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "dayside-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	collector, err := serveBare(ctx, func(s *grpc.Server) {
		coltracepb.RegisterTraceServiceServer(s, discardTraces{})
	}, grpc.ForceServerCodecV2(discardCodec{}))
	if err != nil {
		return err
	}
	cfg := testConfig(dir)
	if _, err := fmt.Sscan(ratio, &cfg.SampleRatio); err != nil {
		return err
	}
	cfg.OTLPEndpoint = collector
	p := benchPKIFromEnv()
	if p.secured() {
		cfg.TLS, cfg.Access.TokenKeys = p.files("service"), filepath.Join(p.dir, "token.pub")
	}
	var canned *routingv1.RouteCallResponse
	cfg.Extra = func(r grpc.ServiceRegistrar) {
		r.RegisterService(unary("bench.Echo", "Echo", func() any { return &routingv1.RouteCallRequest{} },
			func() any { return canned }), struct{}{})
	}
	h, err := host.New(ctx, cfg)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	select {
	case <-h.Ready():
	case err := <-done:
		return err
	}
	apply := exec.CommandContext(ctx, os.Getenv(benchCLIEnv), append(p.adminFlags(), "apply", "--server", h.Addresses().GRPC,
		"-f", os.Getenv(benchFolderEnv))...)
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("apply: %w: %s", err, out)
	}
	// What the echo answers with is what RouteCall answers with: the same size, and no decision.
	canned, err = routingv1.NewRoutingServiceClient(h.Conn()).RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: "bench-0-0", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	if err != nil {
		return err
	}
	secured, err := p.bareCredentials()
	if err != nil {
		return err
	}
	bare, err := serveBare(ctx, func(s *grpc.Server) {
		s.RegisterService(unary("bench.Empty", "Empty", func() any { return &emptypb.Empty{} },
			func() any { return &emptypb.Empty{} }), struct{}{})
	}, secured...)
	if err != nil {
		return err
	}
	if path := os.Getenv(benchProfileEnv); path != "" {
		f, err := os.Create(path + "." + strconv.Itoa(os.Getpid())) //nolint:gosec // the developer's own files, one a server
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(h.Addresses().GRPC, bare)
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	return <-done
}

// unary is a service of one method that answers without looking.
func unary(service, method string, request, answer func() any) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: method,
			Handler: func(srv any, ctx context.Context, dec func(any) error, ic grpc.UnaryServerInterceptor) (any, error) {
				req := request()
				if err := dec(req); err != nil {
					return nil, err
				}
				handler := func(context.Context, any) (any, error) { return answer(), nil }
				if ic == nil {
					return handler(ctx, req)
				}
				return ic(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + service + "/" + method}, handler)
			},
		}},
	}
}

// serveBare is a gRPC server without interceptors on any loopback port.
func serveBare(ctx context.Context, register func(*grpc.Server), opts ...grpc.ServerOption) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := grpc.NewServer(append(opts, grpc.NumStreamWorkers(8))...)
	register(s)
	go func() { _ = s.Serve(l) }()
	context.AfterFunc(ctx, s.Stop)
	return l.Addr().String(), nil
}

// discardCodec reads nothing of what it is sent: a collector is another machine's work.
type discardCodec struct{}

// Name is the codec's.
func (discardCodec) Name() string { return "proto" }

// Unmarshal leaves the message empty.
func (discardCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

// Marshal is an empty message.
func (discardCodec) Marshal(any) (mem.BufferSlice, error) { return nil, nil }

// discardTraces is a collector that keeps nothing.
type discardTraces struct {
	coltracepb.UnimplementedTraceServiceServer
}

// Export takes anything.
func (discardTraces) Export(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse,
	error,
) {
	return &coltracepb.ExportTraceServiceResponse{}, nil
}
