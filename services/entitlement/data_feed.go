package entitlement

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/feed"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxExported and maxExportedBytes bound one answer of an export.
	maxExported, maxExportedBytes = 500, 256 << 10
	// maxWatchers bounds who may follow changes of customers at one process.
	maxWatchers = 64
	// maxBehind and maxBehindBytes are how many changes a watcher may be behind, and how much they take.
	maxBehind, maxBehindBytes = 10_000, 4 << 20
	// lastWord is how long a watcher who is cut off is left to take what waits for it.
	lastWord = time.Second
	// signOfLife is how often a watcher hears that nothing happened.
	signOfLife = 10 * time.Second
)

// ExportCustomers sends all customers as they are at one revision.
func (d *dataDesk) ExportCustomers(_ *entitlementv1.ExportCustomersRequest,
	stream grpc.ServerStreamingServer[entitlementv1.ExportCustomersResponse],
) error {
	ctx := stream.Context()
	truth, revision, err := d.s.cfg.Store.Head(ctx)
	if err != nil {
		return err
	}
	token := feed.Token{ClusterID: truth.ClusterID, Epoch: truth.Epoch, Revision: revision}.String()
	answer, bytes, sent := &entitlementv1.ExportCustomersResponse{ResumeToken: token}, 0, false
	send := func() error {
		err := stream.Send(answer)
		answer, bytes, sent = &entitlementv1.ExportCustomersResponse{ResumeToken: token}, 0, true
		return err
	}
	err = d.s.cfg.Store.Each(ctx, coord.Prefix(sourcePrefix), revision, func(e coord.Entry) error {
		c, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
		if err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		answer.Customers = append(answer.Customers, c)
		if bytes += len(e.Value); len(answer.Customers) < maxExported && bytes < maxExportedBytes {
			return nil
		}
		return send()
	})
	if err == nil && (len(answer.GetCustomers()) > 0 || !sent) {
		err = send()
	}
	return err
}

// WatchCustomers sends changes as they come. What a watcher has not taken yet waits here, up to a limit; beyond, it is cut
// off, also where it takes nothing at all.
func (d *dataDesk) WatchCustomers(r *entitlementv1.WatchCustomersRequest,
	stream grpc.ServerStreamingServer[entitlementv1.WatchCustomersResponse],
) error {
	select {
	case d.watching <- struct{}{}:
		defer func() { <-d.watching }()
	default:
		return fault.LimitExceeded(fmt.Sprintf("%d already follow the customers at this process", maxWatchers))
	}
	from, err := d.from(stream.Context(), r.GetResumeToken())
	if err != nil {
		return err
	}
	// Whoever begins now hears at once where it goes on from.
	if err := stream.Send(&entitlementv1.WatchCustomersResponse{ResumeToken: from.String()}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	w := &watcher{
		d: d, from: from, token: from, queue: make(chan *entitlementv1.WatchCustomersResponse, maxBehind),
		said: d.s.cfg.Clock.Now(),
	}
	followed, sent := make(chan error, 1), make(chan error, 1)
	go func() {
		truth := coord.Truth{ClusterID: from.ClusterID, Epoch: from.Epoch}
		err := d.s.cfg.Store.Changes(ctx, coord.Prefix(sourcePrefix), truth, from.Revision, w.take)
		close(w.queue)
		followed <- err
	}()
	// It ends with the stream at the latest, which does when this method has returned.
	go func() { sent <- w.send(stream) }()
	select {
	case err := <-sent:
		if err != nil {
			return err
		}
		return unfollowed(<-followed)
	case err := <-followed:
		var gone error
		select {
		case gone = <-sent:
		case <-d.s.cfg.Clock.After(lastWord):
		}
		if gone != nil {
			return gone
		}
		return unfollowed(err)
	}
}

// unfollowed is the end of what was followed in the words of whoever watches customers.
func unfollowed(err error) error {
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE {
		return err
	}
	f := fault.WrongState("",
		"what came after the resume token is not known any more: export the customers, and watch from there")
	f.Err = err
	return f
}

// from is where a watch begins.
func (d *dataDesk) from(ctx context.Context, token string) (feed.Token, error) {
	if token != "" {
		return feed.Parse(token)
	}
	truth, revision, err := d.s.cfg.Store.Head(ctx)
	return feed.Token{ClusterID: truth.ClusterID, Epoch: truth.Epoch, Revision: revision}, err
}

// watcher is one who follows.
type watcher struct {
	d *dataDesk
	// from is where it began, of whose part so many were skipped; token is up to where changes are in the queue.
	from, token feed.Token
	skipped     uint32
	// queue is what waits to be sent, and bytes how much that is.
	queue chan *entitlementv1.WatchCustomersResponse
	bytes atomic.Int64
	said  time.Time
}

// send sends what comes into the queue, to its end.
func (w *watcher) send(stream grpc.ServerStreamingServer[entitlementv1.WatchCustomersResponse]) error {
	for change := range w.queue {
		size := int64(proto.Size(change)) // before whoever has it may change it
		if err := stream.Send(change); err != nil {
			return err
		}
		w.bytes.Add(-size)
	}
	return nil
}

// errSlow is a watcher who takes too little.
var errSlow = errors.New("the watcher is too slow")

// take queues a batch of changes.
func (w *watcher) take(b coord.Batch) error {
	now := w.d.s.cfg.Clock.Now()
	for i, e := range b.Events {
		if e.ModRevision == w.from.Revision+1 && w.skipped < w.from.Part {
			w.skipped++ // heard before
			w.token.Part = w.skipped
			continue
		}
		w.token = w.token.Heard(e.ModRevision, i+1 == len(b.Events) || b.Events[i+1].ModRevision != e.ModRevision)
		change := &entitlementv1.WatchCustomersResponse{ResumeToken: w.token.String()}
		if e.Value == nil {
			change.Customer, change.Deleted = &entitlementv1.Customer{Name: customerNames + e.Key[len(sourcePrefix):]}, true
		} else {
			c, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
			if err != nil {
				return fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
			}
			change.Customer = c
		}
		if err := w.put(change); err != nil {
			return err
		}
		w.said = now
	}
	if b.Revision > w.token.Revision {
		w.token.Revision, w.token.Part = b.Revision, 0
	}
	if now.Sub(w.said) >= signOfLife {
		w.said = now
		return w.put(&entitlementv1.WatchCustomersResponse{ResumeToken: w.token.String()})
	}
	return nil
}

func (w *watcher) put(change *entitlementv1.WatchCustomersResponse) error {
	size := int64(proto.Size(change))
	if w.bytes.Load() == 0 || w.bytes.Load()+size <= maxBehindBytes {
		w.bytes.Add(size)
		select {
		case w.queue <- change:
			return nil
		default:
		}
	}
	f := fault.LimitExceeded(fmt.Sprintf("the watcher is %d changes behind: go on from the last resume token", len(w.queue)))
	f.Err = errSlow
	return f
}
