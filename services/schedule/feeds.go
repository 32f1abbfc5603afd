package schedule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/schedule/internal/address"
)

const (
	// maxFeeds bounds the feeds of a cluster. Of several made at once, some may come above it.
	maxFeeds = 10_000
	// maxFeedsMade bounds the files that one process makes at once: each takes some milliseconds of a core.
	maxFeedsMade = 2
	// maxFeedReaders bounds those who read or wait: calendars like to come all together, at the full hour.
	maxFeedReaders = 64
	// maxFeedPages bounds what one request for a subject's feeds reads.
	maxFeedPages = 20
)

// feeds implements FeedService, which owns feeds.
type feeds struct {
	schedulev1.UnimplementedFeedServiceServer
	s *Service
}

// feedBook is what the service knows of feeds without asking etcd.
type feedBook struct {
	index *address.Index
	// readers holds one token a file that is asked for, making one a file that is being made.
	readers, making chan struct{}
}

func newFeedBook() feedBook {
	return feedBook{
		index: address.NewIndex(), readers: make(chan struct{}, maxFeedReaders), making: make(chan struct{}, maxFeedsMade),
	}
}

// followFeeds keeps the book current until ctx ends.
func (s *Service) followFeeds(ctx context.Context) {
	_ = s.cfg.Store.Follow(ctx, address.Range(), func(b coord.Batch) {
		for _, key := range s.feedBook.index.Apply(b) {
			s.cfg.Log.ErrorContext(ctx, "a stored feed or person cannot be read", "key", key, "revision", b.Revision)
		}
	})
}

// CreateFeed makes a new address. NOT_FOUND where the subject does not exist.
func (f feeds) CreateFeed(ctx context.Context, r *schedulev1.CreateFeedRequest) (*schedulev1.Feed, error) {
	if err := f.ready(); err != nil {
		return nil, err
	}
	if f.s.feedBook.index.Feeds() >= maxFeeds {
		return nil, fault.LimitExceeded(fmt.Sprintf("there are %d feeds already, which is all there may be", maxFeeds))
	}
	if err := f.exists(ctx, r.GetSubject()); err != nil {
		return nil, err
	}
	id, token := address.NewID(), address.NewToken()
	made := &schedulev1.Feed{
		Name: "feeds/" + id, Subject: r.GetSubject(), DisplayName: r.GetDisplayName(),
		CreateTime: timestamppb.New(f.s.cfg.Clock.Now()),
	}
	value, err := address.Store(made, token)
	if err != nil {
		return nil, fault.Internal(err)
	}
	_, err = f.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{
		coord.Unchanged(address.Prefix+id, 0), coord.Exists(subjectKey(r.GetSubject())),
	}, []*rpcv1.Write{coord.Put(address.Prefix+id, value)})
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return nil, fault.NotFound(r.GetSubject()) // it was deleted since it was read: no ID comes twice
	}
	if err != nil {
		return nil, err
	}
	shown := proto.CloneOf(made)
	shown.Token, shown.Path = token, "/feeds/"+token+".ics"
	return shown, nil
}

// exists is NOT_FOUND where there is no such site, line, rota or person.
func (f feeds) exists(ctx context.Context, subject string) error {
	_, err := f.s.cfg.Store.Get(ctx, subjectKey(subject))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return fault.NotFound(subject)
	}
	return err
}

// subjectKey is where a subject stands: a line as routing publishes it, everything else as it was written.
func subjectKey(name string) string {
	if id, ok := strings.CutPrefix(name, "lines/"); ok {
		return published.LinePrefix + id
	}
	return sourceKey(name)
}

// ListFeeds reads a page of feeds, without their tokens.
func (f feeds) ListFeeds(ctx context.Context, r *schedulev1.ListFeedsRequest) (*schedulev1.ListFeedsResponse, error) {
	after, err := resource.AfterKey(r.GetPageToken(), address.Prefix)
	if err != nil {
		return nil, err
	}
	out, size := &schedulev1.ListFeedsResponse{}, resource.PageSize(r.GetPageSize())
	for range maxFeedPages {
		page, err := f.s.cfg.Store.List(ctx, address.Prefix, after, size)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			feed, err := address.Load(e.Value)
			if err != nil {
				return nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
			}
			after = e.Key
			if r.GetSubject() == "" || feed.GetSubject() == r.GetSubject() {
				out.Feeds = append(out.Feeds, feed)
			}
			if len(out.GetFeeds()) == size {
				break
			}
		}
		if !page.More && (len(page.Entries) == 0 || after == page.Entries[len(page.Entries)-1].Key) {
			return out, nil
		}
		if len(out.GetFeeds()) == size {
			break
		}
	}
	out.NextPageToken = resource.PageToken(after)
	return out, nil
}

// DeleteFeed revokes a feed. Its address opens nothing from the moment at which a process hears of it.
func (f feeds) DeleteFeed(ctx context.Context, r *schedulev1.DeleteFeedRequest) (*emptypb.Empty, error) {
	id, err := resource.ID(r.GetName(), "feeds")
	if err != nil {
		return nil, err
	}
	key := address.Prefix + id
	_, err = f.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Exists(key)}, []*rpcv1.Write{coord.Delete(key)})
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return nil, fault.NotFound(r.GetName())
	}
	return &emptypb.Empty{}, err
}

// ready is VIEW_NOT_READY until both views have been listed.
func (f feeds) ready() error {
	if f.s.Ready() {
		return nil
	}
	return feedsNotReady("this process has not read its feeds yet")
}

func feedsNotReady(message string) error {
	return &fault.Fault{Reason: rpcv1.Reason_REASON_VIEW_NOT_READY, RetryAfter: time.Second, Message: message}
}
