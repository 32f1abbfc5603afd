package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// stopTimeout bounds how long requests under way are waited for.
	stopTimeout = 5 * time.Second
	// readyPoll is how often readiness is looked at while starting.
	readyPoll = 5 * time.Millisecond
)

// Run serves until ctx ends or something fails that the process cannot live without; then it stops in order: first it says
// so and is found no longer, then it lingers, then requests under way end, then what they needed is closed.
func (h *Host) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	// Services and listeners live on a context of their own, so that they outlast the announcement that leads to them.
	g, failed := errgroup.WithContext(background)
	for _, u := range h.units {
		g.Go(func() error { return ended(background, u.name, u.run(background)) })
	}
	g.Go(func() error { return ended(background, "gRPC", h.server.Serve(h.grpcL)) })
	g.Go(func() error {
		if err := h.http.Serve(h.tls.HTTP(h.httpL)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("HTTP: %w", err)
		}
		return nil
	})
	g.Go(h.servePortal)
	g.Go(func() error { return h.sendMail(background) })
	g.Go(func() error { return h.watchMember(background) })
	g.Go(func() error { return h.deliver(background) })
	g.Go(func() error { return ended(background, "cluster", h.cluster.Run(background)) })
	g.Go(func() error { return ended(background, "time-zone rules", h.rules.Run(background, h.etcd)) })
	g.Go(func() error { return h.adoptRules(background) })
	announced, withdraw := context.WithCancel(background)
	defer withdraw()
	found := make(chan struct{}) // closed once the process is found no longer
	g.Go(func() error {
		defer close(found)
		return h.becomeReady(announced)
	})

	var cause error
	select {
	case <-ctx.Done():
	case <-failed.Done():
		cause = context.Cause(failed)
	}
	h.log.Info("stopping")
	h.stopping.Store(true)
	h.server.Health.Shutdown()
	withdraw()
	<-found
	if cause == nil {
		h.linger(failed)
	}
	h.server.EndStreams()
	h.stopServers(background)
	stop()
	if err := g.Wait(); cause == nil {
		cause = err
	}
	return errors.Join(ignoreCanceled(cause), h.close(context.WithoutCancel(ctx)))
}

// ended is how a part's end is seen: while the process is stopping, as it should.
func ended(ctx context.Context, name string, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil //nolint:nilerr // it ended because it was told to
	}
	return fmt.Errorf("%s: %w", name, err)
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// becomeReady lets each service be found as soon as it can answer, and waits until all can; then it seeds an empty cluster.
// What is found stays so until ctx ends.
func (h *Host) becomeReady(ctx context.Context) (err error) {
	var announcements sync.WaitGroup
	defer announcements.Wait()
	ctx, giveUp := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			giveUp() // else the announcements, and whoever is to hear of the error, wait for each other
		}
	}()
	for _, u := range h.units {
		announcements.Go(func() {
			if !h.until(ctx, u.ready) {
				return
			}
			h.serves(u.name)
			h.tellAlone(u.name)
			if isGRPC(u.name) {
				_ = h.cluster.Announce(ctx, u.name)
			}
		})
	}
	if !h.until(ctx, func() bool { return len(h.waiting()) == 0 }) {
		return nil
	}
	for _, u := range h.units {
		h.serves(u.name) // whoever is told that the process is ready finds each of them so
	}
	h.server.Health.SetServingStatus("", healthv1.HealthCheckResponse_SERVING)
	if err = h.seed(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while starting
		}
		return fmt.Errorf("example configuration: %w", err)
	}
	close(h.ready)
	h.log.Info("ready", "addresses", h.Addresses())
	return nil
}

// until waits for something; false where ctx ends before.
func (h *Host) until(ctx context.Context, is func() bool) bool {
	for !is() {
		select {
		case <-ctx.Done():
			return false
		case <-h.clock.After(readyPoll):
		}
	}
	return ctx.Err() == nil
}

// serves says of a service that can answer that it does, by the names of its gRPC services. A process that routes is well as
// soon as it can do that, whatever else it still waits for: a call that rings comes before all else.
func (h *Host) serves(name string) {
	if !isGRPC(name) {
		return
	}
	for _, desc := range descriptions(name) {
		h.server.Health.SetServingStatus(desc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	}
	if name == Routing {
		h.server.Health.SetServingStatus("", healthv1.HealthCheckResponse_SERVING)
	}
}

// linger answers whoever has not noticed yet that this process stops: clients that watch its health ask others by then, and
// balancers that ask /readyz.
func (h *Host) linger(ctx context.Context) {
	if h.cfg.StopLinger <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-h.clock.After(h.cfg.StopLinger):
	}
}

func (h *Host) stopServers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() { h.server.GracefulStop(); close(done) }()
	h.stopPortal(ctx)
	_ = h.http.Shutdown(ctx)
	select {
	case <-done:
	case <-ctx.Done():
		h.server.Stop()
		<-done
	}
}
