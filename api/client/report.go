package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// firstDelivery and maxDelivery: how soon reports that wait are tried again.
	firstDelivery = 250 * time.Millisecond
	maxDelivery   = 10 * time.Second
)

// Reported is where a report is kept.
type Reported struct {
	// Durability as the process said that took it; UNSPECIFIED where none did.
	Durability routingv1.Durability
	// Queued: no process took it; it waits here and goes later. OnDisk says that it survives this program.
	Queued, OnDisk bool
}

// ReportCall says how a call went: to routing, one process after the other, or, where none takes it, to a queue of this
// client's, from which it goes later. It goes at least once and is merged by (gateway, call_id), so it counts once. Gateway
// is filled in where it is empty.
//
// Errors: a gRPC status where the report is wrong; ErrQueueFull. That ctx has ended is none: the report is queued.
func (c *Client) ReportCall(ctx context.Context, r *routingv1.ReportCallRequest) (Reported, error) {
	in := proto.CloneOf(r)
	if in.GetGateway() == nil {
		in.Gateway = c.info
	}
	durability, err := c.report(ctx, in)
	if err == nil {
		return Reported{Durability: durability}, nil
	}
	if final(err) {
		return Reported{}, err
	}
	onDisk, err := c.reports.put(in)
	if err != nil {
		c.count.reportsRefused.Add(1)
		return Reported{}, err
	}
	select {
	case c.queued <- struct{}{}:
	default:
	}
	return Reported{Queued: true, OnDisk: onDisk}, nil
}

// report tells the processes, one after the other.
func (c *Client) report(ctx context.Context, in *routingv1.ReportCallRequest) (routingv1.Durability, error) {
	order, _ := c.endpoints.order()
	p := plan{
		one: c.limits.ReportTimeout, whole: 2 * c.limits.ReportTimeout, tries: c.limits.MaxTries, once: true, spare: true,
	}
	resp, _, err := try(ctx, c, p, order, func(ctx context.Context, cc grpc.ClientConnInterface) (
		*routingv1.ReportCallResponse, error,
	) {
		return routingv1.NewRoutingServiceClient(cc).ReportCall(ctx, in)
	})
	return resp.GetDurability(), err
}

// deliver sends what waits, oldest first, until the client's life ends.
func (c *Client) deliver() {
	pause := firstDelivery
	for {
		head := c.reports.head()
		if head == nil {
			select {
			case <-c.alive.Done():
				return
			case <-c.queued:
			}
			pause = firstDelivery
		} else if _, reached := c.endpoints.anyone(); reached && c.deliverOne(head) {
			pause = firstDelivery
			continue
		}
		select {
		case <-c.alive.Done():
			return
		case <-c.clock.After(jitter(pause)):
		}
		pause = min(2*pause, maxDelivery)
	}
}

// away says of an error that it is about who was asked, whatever the request.
func away(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

// deliverOne is true where a report waits no longer. One that is refused for what it says would be refused for ever.
func (c *Client) deliverOne(payload []byte) bool {
	in := &routingv1.ReportCallRequest{}
	err := proto.Unmarshal(payload, in)
	if err == nil {
		_, err = c.report(c.alive, in)
		if err != nil && !final(err) {
			if c.alive.Err() == nil && !away(err) {
				c.reports.later() // it may be this one that nobody can take: it must not be in the others' way
			}
			return false
		}
	}
	if err != nil {
		c.count.reportsDropped.Add(1)
		c.log.Error("a report that waited is refused, and dropped", "call_id", in.GetCallId(), "code", status.Code(err).String())
	}
	c.reports.done()
	return true
}
