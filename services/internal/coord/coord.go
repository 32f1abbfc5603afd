// Package coord is Dayside's use of etcd, and the only package that imports it: reading and compare-and-swap writing of
// keys (coord.go), following a range of keys at one revision (follow.go), telling one etcd's truth from another's
// (truth.go), finding processes (discovery.go), and saying how this one is (hold.go).
//
// It moves bytes and knows no resource; what the keys mean is said in services/internal/published and in each service's
// own store. Keys are relative to the cluster's prefix, so that several clusters can share one etcd.
package coord

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// defaultPrefix is where a cluster keeps its keys.
	defaultPrefix = "/dayside/"
	// requestTimeout bounds one etcd request where the caller's context has no earlier deadline.
	requestTimeout = 5 * time.Second
	// tryTimeout is how long the first member is given to answer a read before another is asked, and twice that the next: one
	// that is paused keeps its connections, and gRPC takes 13 s to see that nothing comes of them.
	tryTimeout = 500 * time.Millisecond
	// idleTimeout is how long a stream of a list may stand still.
	idleTimeout = 5 * time.Second
	// keepAlive is above the 5 s below which etcd takes pings for an attack, and hangs up (too_many_pings).
	keepAlive = 7 * time.Second
	// dialTimeout bounds the first connection.
	dialTimeout = 5 * time.Second
	// maxMessageBytes bounds what etcd may answer at once.
	maxMessageBytes = 64 << 20
	// maxChangeBytes bounds a transaction, as the embedded member does; another etcd may take less.
	maxChangeBytes = 8 << 20
	// maxReconnectDelay is how long after etcd's return it may go unnoticed: gRPC's own two minutes are too long.
	maxReconnectDelay = 2 * time.Second
	// maxListPage bounds List.
	maxListPage = 1000
)

// Config says where etcd is.
type Config struct {
	// Endpoints are host:port or URLs of etcd members. Required.
	Endpoints []string
	// Prefix of the cluster's keys; "/dayside/" where empty.
	Prefix string
	// TLS of the connections; nil: plain text.
	TLS *tls.Config
	// Clock is the process's clock. Required.
	Clock clock.Clock
	// Logger is told when etcd is lost and when it is back; nil: nobody is.
	Logger *slog.Logger
}

// Client reads and writes the cluster's keys. Safe for concurrent use. Errors are faults: BACKEND_UNAVAILABLE where etcd
// does not answer, CONFLICT where a condition of a commit does not hold.
type Client struct {
	etcd   *clientv3.Client
	prefix string
	clock  clock.Clock
	log    *slog.Logger
	// endpoints are for people.
	endpoints string
	// streams counts the streams that watches were given.
	streams atomic.Int64
	// maxMissed is how many revisions may have passed for a watch to be resumed.
	maxMissed int64
	// mayNotWriteEpoch is set once etcd has refused that.
	mayNotWriteEpoch atomic.Bool
}

// Open begins to connect to etcd, and goes on trying: it does not wait for an answer. Reach does.
func Open(_ context.Context, cfg Config) (*Client, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, fault.Invalid(fault.Violation{Field: "etcd.endpoints", Rule: "at least one endpoint is needed"})
	}
	prefix := cfg.Prefix
	if prefix == "" {
		prefix = defaultPrefix
	}
	etcd, err := clientv3.New(clientv3.Config{
		Endpoints:            cfg.Endpoints,
		TLS:                  cfg.TLS,
		DialTimeout:          dialTimeout,
		DialKeepAliveTime:    keepAlive,
		DialKeepAliveTimeout: 3 * time.Second,
		PermitWithoutStream:  true,
		MaxCallRecvMsgSize:   maxMessageBytes,
		MaxCallSendMsgSize:   maxChangeBytes,
		// The client's own log repeats what our errors say, and cannot be joined with a trace.
		Logger: zap.NewNop(),
		// Its own service config stays enabled: it has requests go to all members in turn. Without it gRPC stays with the first
		// one, though that be paused.
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(reconnect())},
	})
	if err != nil {
		return nil, fault.Unavailable("etcd at "+strings.Join(cfg.Endpoints, ","), err)
	}
	c := &Client{
		etcd: etcd, prefix: prefix, clock: cfg.Clock, log: cfg.Logger, endpoints: strings.Join(cfg.Endpoints, ","),
		maxMissed: maxMissed,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// where is etcd, for people.
func (c *Client) where() string { return "etcd at " + c.endpoints }

func reconnect() grpc.ConnectParams {
	p := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: maxReconnectDelay}
	p.Backoff.BaseDelay, p.Backoff.MaxDelay = 100*time.Millisecond, maxReconnectDelay
	return p
}

// Close ends all requests, watches and leases of the client.
func (c *Client) Close() error { return c.etcd.Close() }

// Entry is one key as stored.
type Entry struct {
	Key   string
	Value []byte
	// ModRevision is the revision of the last write, CreateRevision that of the first one.
	ModRevision, CreateRevision int64
}

// Get reads one key, linearizably. NOT_FOUND where it does not exist.
func (c *Client) Get(ctx context.Context, key string) (Entry, error) {
	resp, err := c.read(ctx, c.prefix+key)
	if err != nil {
		return Entry{}, err
	}
	if len(resp.Kvs) == 0 {
		return Entry{}, fault.NotFound(key)
	}
	kv := resp.Kvs[0]
	return Entry{key, kv.Value, kv.ModRevision, kv.CreateRevision}, nil
}

// read asks one member after another until the request's time is over.
func (c *Client) read(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for patience := tryTimeout; ; patience *= 2 {
		try, cancel := context.WithTimeout(ctx, patience)
		resp, err := c.etcd.Get(try, key, opts...)
		late := try.Err() != nil
		cancel()
		switch {
		case err == nil:
			return resp, nil
		case !late || ctx.Err() != nil:
			return nil, wrap(err)
		}
	}
}

// Page is a part of a list.
type Page struct {
	Entries []Entry
	// More is true where keys follow the last entry.
	More bool
	// Revision is the one the page was read at.
	Revision int64
}

// List reads up to limit keys (at most 1,000) that begin with prefix and come after the key `after` ("" from the first),
// in order of key, linearizably.
func (c *Client) List(ctx context.Context, prefix, after string, limit int) (Page, error) {
	from := c.prefix + prefix
	if after != "" {
		from = c.prefix + after + "\x00"
	}
	resp, err := c.read(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(c.prefix+prefix)),
		clientv3.WithLimit(int64(min(max(limit, 1), maxListPage))))
	if err != nil {
		return Page{}, err
	}
	page := Page{More: resp.More, Revision: resp.Header.Revision, Entries: make([]Entry, 0, len(resp.Kvs))}
	for _, kv := range resp.Kvs {
		page.Entries = append(page.Entries, Entry{
			strings.TrimPrefix(string(kv.Key), c.prefix), kv.Value, kv.ModRevision, kv.CreateRevision,
		})
	}
	return page, nil
}

// ListAll reads every key that begins with prefix, at one revision.
func (c *Client) ListAll(ctx context.Context, prefix string) (entries []Entry, revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	revision, _, err = c.stream(ctx, Prefix(prefix), func(e Entry) { entries = append(entries, e) })
	return entries, revision, err
}

// Keys reads every key that begins with prefix, with its revisions and without its value, at one revision.
func (c *Client) Keys(ctx context.Context, prefix string) (entries []Entry, revision int64, err error) {
	resp, err := c.read(ctx, c.prefix+prefix, clientv3.WithRange(clientv3.GetPrefixRangeEnd(c.prefix+prefix)),
		clientv3.WithKeysOnly())
	if err != nil {
		return nil, 0, err
	}
	entries = make([]Entry, 0, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		entries = append(entries, Entry{
			Key: strings.TrimPrefix(string(kv.Key), c.prefix), ModRevision: kv.ModRevision, CreateRevision: kv.CreateRevision,
		})
	}
	return entries, resp.Header.Revision, nil
}

// Commit writes all of the plan, if all of its conditions hold, in one transaction; CONFLICT where one does not, with
// nothing written. It answers with the revision that put it in force. A plan of another order than etcd's limits (128
// operations and 1.5 MiB unless etcd is told otherwise) is LIMIT_EXCEEDED. Not retried: the caller knows whether its plan
// is still true.
func (c *Client) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	cmps := make([]clientv3.Cmp, 0, len(conditions))
	for _, cond := range conditions {
		cmps = append(cmps, c.compare(cond))
	}
	ops := make([]clientv3.Op, 0, len(writes))
	for _, w := range writes {
		if w.GetDelete() {
			ops = append(ops, clientv3.OpDelete(c.prefix+w.GetKey()))
			continue
		}
		ops = append(ops, clientv3.OpPut(c.prefix+w.GetKey(), string(w.GetValue())))
	}
	resp, err := c.etcd.Txn(ctx).If(cmps...).Then(ops...).Commit()
	switch {
	case errors.Is(err, rpctypes.ErrTooManyOps), errors.Is(err, rpctypes.ErrRequestTooLarge),
		status.Code(err) == codes.ResourceExhausted && !errors.Is(err, rpctypes.ErrNoSpace):
		return 0, fault.LimitExceeded(fmt.Sprintf(
			"a change of %d keys under %d conditions is more than etcd takes in one transaction (--max-txn-ops, "+
				"--max-request-bytes); make it in parts", len(writes), len(conditions)))
	case err != nil:
		return 0, wrap(err)
	case !resp.Succeeded:
		return 0, fault.Conflict("the configuration")
	}
	return resp.Header.Revision, nil
}

func (c *Client) compare(cond *rpcv1.Condition) clientv3.Cmp {
	key := c.prefix + cond.GetKey()
	switch {
	case cond.GetPrefix():
		// etcd compares every key of the range; an empty range holds.
		return clientv3.Compare(clientv3.ModRevision(key), "<", cond.GetModRevision()+1).WithPrefix()
	case cond.GetExists():
		return clientv3.Compare(clientv3.CreateRevision(key), ">", 0)
	default:
		return clientv3.Compare(clientv3.ModRevision(key), "=", cond.GetModRevision())
	}
}

// Unchanged holds while the key stands at that revision; 0 while it does not exist.
func Unchanged(key string, modRevision int64) *rpcv1.Condition {
	return &rpcv1.Condition{Key: key, ModRevision: modRevision}
}

// Exists holds while the key exists.
func Exists(key string) *rpcv1.Condition { return &rpcv1.Condition{Key: key, Exists: true} }

// NothingNewUnder holds while no key with the prefix was written after the revision. Deletions go unnoticed.
func NothingNewUnder(prefix string, revision int64) *rpcv1.Condition {
	return &rpcv1.Condition{Key: prefix, Prefix: true, ModRevision: revision}
}

// Distinct leaves out conditions that were stated before: etcd counts them.
func Distinct(all []*rpcv1.Condition) []*rpcv1.Condition {
	type said struct {
		key            string
		prefix, exists bool
		revision       int64
	}
	var out []*rpcv1.Condition
	seen := map[said]bool{}
	for _, c := range all {
		what := said{c.GetKey(), c.GetPrefix(), c.GetExists(), c.GetModRevision()}
		if !seen[what] {
			seen[what] = true
			out = append(out, c)
		}
	}
	return out
}

// Put writes a key.
func Put(key string, value []byte) *rpcv1.Write { return &rpcv1.Write{Key: key, Value: value} }

// Delete removes a key.
func Delete(key string) *rpcv1.Write { return &rpcv1.Write{Key: key, Delete: true} }

// wrap makes a fault of etcd's error. The caller's own cancellation stays what it is.
func wrap(err error) error {
	switch {
	case errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled:
		return context.Canceled
	case errors.Is(err, rpctypes.ErrNoSpace):
		f := fault.Unavailable("etcd", err)
		f.Message = "etcd takes no writes: its database has reached its quota (compact, defragment, disarm the alarm)"
		return f
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		f := fault.Unavailable("etcd", err)
		f.Message = "etcd does not let this process do that: ask one of another service, or see dayside etcd grants"
		return f
	}
	return fault.Unavailable("etcd", err)
}
