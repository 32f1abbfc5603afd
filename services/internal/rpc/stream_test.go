package rpc_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// watches answers WatchCoverage with what the test wants.
type watches struct {
	schedulev1.UnimplementedScheduleServiceServer
	watch func(string, grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse]) error
}

func (w watches) WatchCoverage(r *schedulev1.WatchCoverageRequest,
	s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse],
) error {
	return w.watch(r.GetLine(), s)
}

// edgeOf is a process that forwards to the owner, over a connection as processes have it.
func edgeOf(t *testing.T, owner server) server {
	t.Helper()
	found := manual.NewBuilderWithScheme("test")
	found.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: owner.conn.Target()}}})
	cc, err := rpc.Dial("test:///owner", found, owner.tp, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return start(t, func(r grpc.ServiceRegistrar) {
		for _, desc := range []*grpc.ServiceDesc{&schedulev1.ScheduleService_ServiceDesc, &routingv1.RoutingService_ServiceDesc} {
			if err := rpc.Forward(r, desc, cc); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func registered(w watches) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) { schedulev1.RegisterScheduleServiceServer(r, w) }
}

// TestStreamsAnswerWhereverTheyAreAsked: at a process that forwards, and within the process.
func TestStreamsAnswerWhereverTheyAreAsked(t *testing.T) {
	ended := make(chan struct{}, 2)
	owner := start(t, registered(watches{watch: func(line string, s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse]) error {
		if _, limited := s.Context().Deadline(); limited {
			return fault.LimitExceeded("a stream has a time limit")
		}
		for _, site := range []string{"sites/a", "sites/b"} {
			if err := s.Send(&schedulev1.WatchCoverageResponse{Line: line, Sites: []string{site}}); err != nil {
				return err
			}
		}
		switch line {
		case "lines/gone":
			return fault.NotFound(line)
		case "lines/endless":
			<-s.Context().Done()
			ended <- struct{}{}
			return s.Context().Err()
		}
		return nil
	}}))
	for name, conn := range map[string]grpc.ClientConnInterface{"forwarded": edgeOf(t, owner).conn, "within": owner.local} {
		t.Run(name, func(t *testing.T) { checkStreams(t, schedulev1.NewScheduleServiceClient(conn), ended) })
	}
}

func checkStreams(t *testing.T, edge schedulev1.ScheduleServiceClient, ended <-chan struct{}) {
	t.Helper()
	for line, want := range map[string]func(error) bool{
		"lines/short": func(err error) bool { return errors.Is(err, io.EOF) },
		"lines/gone":  func(err error) bool { return status.Code(err) == codes.NotFound },
	} {
		stream, err := edge.WatchCoverage(t.Context(), &schedulev1.WatchCoverageRequest{Line: line})
		if err != nil {
			t.Fatal(err)
		}
		for _, site := range []string{"sites/a", "sites/b"} {
			if r, err := stream.Recv(); err != nil || r.GetLine() != line || r.GetSites()[0] != site {
				t.Errorf("%s: %v, %v", line, r, err)
			}
		}
		if _, err := stream.Recv(); !want(err) {
			t.Errorf("%s ended with %v", line, err)
		}
	}
	stream, err := edge.WatchCoverage(t.Context(), &schedulev1.WatchCoverageRequest{Line: "?"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the edge did not validate: %v", err)
	}
	// The owner hears that the client went away.
	ctx, cancel := context.WithCancel(t.Context())
	stream, err = edge.WatchCoverage(ctx, &schedulev1.WatchCoverageRequest{Line: "lines/endless"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	await.Receive(t, "the owner's stream to end", ended)
}

func TestAStreamOfRequestsIsNotForwarded(t *testing.T) {
	edge := edgeOf(t, start(t, func(grpc.ServiceRegistrar) {}))
	stream, err := routingv1.NewRoutingServiceClient(edge.conn).ConnectGateway(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v", err)
	}
	if _, err := routingv1.NewRoutingServiceClient(edge.local).ConnectGateway(t.Context()); status.Code(err) != codes.Unimplemented {
		t.Errorf("within the process: %v", err)
	}
}

func TestAServerThatStopsEndsItsStreams(t *testing.T) {
	owner := start(t, registered(watches{watch: func(_ string, s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse]) error {
		if err := s.Send(&schedulev1.WatchCoverageResponse{}); err != nil {
			return err
		}
		<-s.Context().Done()
		return s.Context().Err()
	}}))
	var streams []grpc.ServerStreamingClient[schedulev1.WatchCoverageResponse]
	for _, conn := range []grpc.ClientConnInterface{owner.conn, edgeOf(t, owner).conn, owner.local} {
		stream, err := schedulev1.NewScheduleServiceClient(conn).WatchCoverage(t.Context(),
			&schedulev1.WatchCoverageRequest{Line: "lines/gold"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stream)
	}
	owner.grpc.EndStreams()
	for _, stream := range streams {
		if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
			t.Errorf("ended with %v", err)
		}
	}
	stopped := make(chan struct{})
	go func() { owner.grpc.GracefulStop(); close(stopped) }()
	await.Receive(t, "the server to stop", stopped)
}
