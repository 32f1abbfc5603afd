package rpc_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// cable can be cut: what is written to it is lost then, and nobody is told.
type cable struct {
	net.Conn
	cut *atomic.Bool
}

func (c cable) Write(p []byte) (int, error) {
	if c.cut.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// TestAClientThatIsGoneWithoutAWordIsNoticed: its stream ends, though nothing ever closed the connection.
func TestAClientThatIsGoneWithoutAWordIsNoticed(t *testing.T) {
	t.Parallel() // it waits for a quarter of a minute
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	s := start(t, registered(watches{watch: func(_ string, s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse]) error {
		began <- struct{}{}
		<-s.Context().Done()
		ended <- s.Context().Err()
		return s.Context().Err()
	}}))
	var cut atomic.Bool
	conn, err := grpc.NewClient("passthrough:///"+s.conn.Target(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, "tcp", addr)
			return cable{c, &cut}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := schedulev1.NewScheduleServiceClient(conn).WatchCoverage(t.Context(), &schedulev1.WatchCoverageRequest{Line: "lines/gold"}); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, "the stream to begin", began)
	cut.Store(true)
	if err := await.Receive(t, "the end to be noticed", ended); err == nil {
		t.Error("the stream goes on")
	}
}
