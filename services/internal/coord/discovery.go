package coord

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	grpcresolver "google.golang.org/grpc/resolver"
)

// Announce makes the process at addr found as one of the named service, until ctx ends; then it is found no longer. It
// keeps trying while etcd is away, and announces anew when a lease was lost. It returns only ctx's error.
func (c *Client) Announce(ctx context.Context, service, instance, addr string) error {
	manager, err := endpoints.NewManager(c.etcd, c.discoveryTarget(service))
	if err != nil {
		return wrap(err)
	}
	key := c.discoveryTarget(service) + "/" + instance
	for ctx.Err() == nil {
		c.announceOnce(ctx, manager, key, addr)
		select {
		case <-ctx.Done():
		case <-c.clock.After(retryAfter()):
		}
	}
	return ctx.Err()
}

// announceOnce holds one lease until it is lost or ctx ends.
func (c *Client) announceOnce(ctx context.Context, manager endpoints.Manager, key, addr string) {
	id, err := c.lease(ctx)
	if err != nil {
		return
	}
	defer c.drop(ctx, id)
	_, err = hedged(ctx, c, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, manager.AddEndpoint(ctx, key, endpoints.Endpoint{Addr: addr}, clientv3.WithLease(id))
	})
	if err == nil {
		<-c.kept(ctx, id)
	}
}

// Resolver finds processes for gRPC: dial Target(service) with it.
func (c *Client) Resolver() (grpcresolver.Builder, error) {
	b, err := resolver.NewBuilder(c.etcd)
	if err != nil {
		return nil, wrap(err)
	}
	return b, nil
}

// Target is the gRPC target of a service, for use with Resolver.
func (c *Client) Target(service string) string { return "etcd:///" + c.discoveryTarget(service) }

func (c *Client) discoveryTarget(service string) string { return c.prefix + "discovery/" + service }
