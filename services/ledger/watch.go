package ledger

import (
	"sync"

	"google.golang.org/grpc"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxWatchers bounds who follows calls at once.
	maxWatchers = 256
	// maxUnsentCalls bounds what waits for a watcher, who is cut off where it is more.
	maxUnsentCalls = 1024
)

// watchers are who follows calls. The zero value is ready.
type watchers struct {
	mu   sync.Mutex
	each map[*watcher]bool
}

// watcher is one of them. calls is closed where it was too slow.
type watcher struct {
	line  string // all lines where empty
	calls chan *ledgerv1.Call
}

func (w *watchers) add(line string) (*watcher, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.each) >= maxWatchers {
		return nil, fault.LimitExceeded("as many already follow calls as may")
	}
	if w.each == nil {
		w.each = map[*watcher]bool{}
	}
	one := &watcher{line: line, calls: make(chan *ledgerv1.Call, maxUnsentCalls)}
	w.each[one] = true
	return one, nil
}

func (w *watchers) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.each, one)
}

// tell tells every watcher of calls that changed; it waits for none of them.
func (w *watchers) tell(calls []*ledgerv1.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.each {
		for _, c := range calls {
			if one.line != "" && one.line != c.GetLine() {
				continue
			}
			select {
			case one.calls <- c:
				continue
			default:
			}
			close(one.calls)
			delete(w.each, one)
			break
		}
	}
}

// count is how many follow calls.
func (w *watchers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.each)
}

// WatchCalls is ledgerv1.LedgerServiceServer's.
func (s *Service) WatchCalls(
	r *ledgerv1.WatchCallsRequest, stream grpc.ServerStreamingServer[ledgerv1.WatchCallsResponse],
) error {
	one, err := s.watchers.add(r.GetLine())
	if err != nil {
		return err
	}
	defer s.watchers.remove(one)
	// Tells the client that what comes from now on is heard.
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	ctx := stream.Context()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c, ok := <-one.calls:
			if !ok {
				return fault.LimitExceeded("this watcher is too slow, and was left behind; begin again")
			}
			if err := stream.Send(&ledgerv1.WatchCallsResponse{Call: shown(ctx, c)}); err != nil {
				return err
			}
		}
	}
}
