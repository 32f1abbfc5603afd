package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const (
	// firstFeedPause and maxFeedPause: how soon tables are asked for again. A way to routing that is there for some seconds is
	// used.
	firstFeedPause = 100 * time.Millisecond
	maxFeedPause   = 2 * time.Second
	// feedSilence is how long a stream may say nothing; routing speaks every 5 s.
	feedSilence = 15 * time.Second
	// maxFeedPages bounds the answers of one moment, of about a mebibyte each.
	maxFeedPages = 128
	// learnInterval is how often endpoints are asked for, firstLearn how soon at first; learnTimeout is how long that may take.
	learnInterval = 30 * time.Second
	firstLearn    = 250 * time.Millisecond
	learnTimeout  = 2 * time.Second
)

// feed keeps the table current, from one process after the other, until the client's life ends.
func (c *Client) feed() {
	pause, said := firstFeedPause, ""
	for {
		e, reached := c.endpoints.anyone()
		if reached {
			heard, err := c.follow(e)
			if c.alive.Err() != nil {
				return
			}
			if heard {
				pause, said = firstFeedPause, ""
			}
			// Processes come and go; what is said of anything else is worth a line, once.
			why := status.Convert(err).Message()
			if status.Code(err) != codes.Unavailable && !errors.Is(err, errOld) && why != said {
				said = why
				c.log.Warn("routing does not tell this gateway where lines forward; its table grows old",
					"address", e.Address, "reason", why)
			}
		}
		select {
		case <-c.alive.Done():
			return
		case <-c.clock.After(jitter(pause)):
		}
		if reached {
			pause = min(2*pause, maxFeedPause)
		}
	}
}

// Why a stream is left.
var (
	// errSilent: it says nothing any more.
	errSilent = errors.New("client: the stream is silent")
	// errOld: its process has not heard from etcd for long, and a neighbour has.
	errOld = errors.New("client: the view is old")
)

// follow takes what one process says, until the stream ends; heard says whether it said anything.
func (c *Client) follow(e endpoint) (heard bool, err error) {
	ctx, cancel := context.WithCancel(c.alive)
	defer cancel()
	stream, err := routingv1.NewRouteTableServiceClient(e.conn).WatchRoutes(ctx, &routingv1.WatchRoutesRequest{
		Lines: c.cfg.Lines, Gateway: c.info,
	})
	if err != nil {
		return false, err
	}
	answers := make(chan told)
	c.work.Go(func() { receive(ctx, stream, answers) })
	f := follower{c: c}
	for {
		select {
		case a := <-answers:
			if a.err == nil {
				a.err = f.take(a.response)
			}
			if a.err != nil {
				return heard, a.err
			}
			heard = true
			if c.outdone(e, a.response.GetViewAge().AsDuration()) {
				return heard, errOld
			}
		case <-f.silence():
			c.endpoints.wasSilent(e)
			return heard, errSilent
		case <-ctx.Done():
			return heard, ctx.Err()
		}
	}
}

// outdone says whether a process has an old view, and another one is to be asked before it.
func (c *Client) outdone(e endpoint, age time.Duration) bool {
	if age < oldAfter {
		return false
	}
	c.endpoints.saw(e.Address, age)
	other, reached := c.endpoints.anyone()
	return reached && c.endpoints.rank(other) < c.endpoints.rank(e)
}

// told is what came of a stream.
type told struct {
	response *routingv1.WatchRoutesResponse
	err      error
}

func receive(ctx context.Context, stream grpc.ServerStreamingClient[routingv1.WatchRoutesResponse], answers chan<- told) {
	for {
		r, err := stream.Recv()
		select {
		case answers <- told{r, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// follower is what one stream has said.
type follower struct {
	c *Client
	// pages are of a moment that is not whole yet.
	pages []*routingv1.WatchRoutesResponse
	// said is the table of this stream alone; nil until its first moment is whole, which has every line.
	said *table
	// speaks: this process says every 5 s that it is there; behind: it knows less than the table.
	speaks, behind bool
}

// silence fires when the stream has been silent for too long. Older releases have nothing to say where nothing changes.
func (f *follower) silence() <-chan time.Time {
	if f.said != nil && !f.speaks {
		return nil
	}
	return f.c.clock.After(feedSilence)
}

// take puts a moment in force once it is whole.
func (f *follower) take(r *routingv1.WatchRoutesResponse) error {
	if f.pages = append(f.pages, r); r.GetMore() {
		if len(f.pages) >= maxFeedPages {
			return fmt.Errorf("client: more than %d answers of one moment", maxFeedPages)
		}
		return nil
	}
	f.speaks = r.GetViewAge() != nil
	heard := f.c.clock.Now().Add(-max(r.GetViewAge().AsDuration(), 0))
	news := f.said == nil
	for _, p := range f.pages {
		news = news || len(p.GetTables())+len(p.GetRemoved()) > 0
	}
	if news {
		f.said = f.said.with(f.pages, f.said == nil, heard)
	} else {
		f.said = f.said.still(heard, r.GetViewRevision())
	}
	f.pages = nil
	f.publish(news)
	return nil
}

// publish has calls answered from what this process says, unless it is behind what the gateway knows.
func (f *follower) publish(news bool) {
	if !f.c.table.Load().yieldsTo(f.said, f.c.clock.Now()) {
		if !f.behind {
			f.c.log.Warn("a process knows less than this gateway was told before; that holds",
				"revision", f.said.revision, "age", f.said.age(f.c.clock.Now()).Round(time.Second).String())
		}
		f.behind = true
		return
	}
	f.c.table.Store(f.said)
	if news || f.behind {
		f.c.change()
	}
	f.behind = false
}

// learn asks the cluster where routing can be asked, now and then. Releases that cannot say leave it at what is known.
func (c *Client) learn() {
	pause := firstLearn
	for {
		select {
		case <-c.alive.Done():
			return
		case <-c.clock.After(jitter(pause)):
		}
		e, reached := c.endpoints.anyone()
		if !reached {
			continue
		}
		pause = learnInterval
		ctx, cancel := context.WithTimeout(c.alive, learnTimeout)
		r, err := rpcv1.NewClusterServiceClient(e.conn).ListEndpoints(ctx, &rpcv1.ListEndpointsRequest{})
		cancel()
		if err == nil {
			c.endpoints.learn(named(r))
			c.change()
		}
	}
}
