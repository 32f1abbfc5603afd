// Package client is how a gateway asks Dayside where a call goes, and gets an answer whatever is away.
//
// A Client knows several processes of the cluster, and learns of the others. It asks the one that is well and near; asks
// a second one where the first is slow; goes on with the next where one fails; and keeps a table of where the lines forward,
// in memory and in a file, so that a gateway that reaches nobody still has an ordered list of targets for every call: then
// Route.Source is SourceTable, and Route.Age says how old that is. Reports of calls that nobody takes wait, and go later.
//
// It decides nothing: what a table says, routing said. It carries no calls, and knows no SIP.
package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// Config is what a gateway says of itself, and of where Dayside is.
type Config struct {
	// Endpoints are host:port of processes of the cluster's, at most 100. Any process will do, those that route are best. More
	// are learned from them, and remembered in StateFile.
	Endpoints []string
	// Discover tells of endpoints as they come and go, until ctx ends; each call replaces the one before, and an empty one is
	// passed over. Nil: there are those of Endpoints, and those that are learned.
	Discover func(ctx context.Context, found func([]Endpoint))
	// Credentials of every connection; nil: plain text, to addresses of this machine only.
	Credentials credentials.TransportCredentials
	// Token is shown with every request, as `dayside token issue` makes it; empty: none.
	Token string
	// GatewayID is the gateway's name, a slug; with the call's id it names the call.
	GatewayID string
	// Capabilities are what it can carry out; REDIRECT alone where empty. The table is made for them.
	Capabilities []routingv1.Capability
	// Region the gateway is in: endpoints of the same one are asked first. Empty: all are alike.
	Region string
	// Lines to keep tables of, lines/ID, at most 100; every line where empty, up to 1,000.
	Lines []string
	// StateFile keeps the table and the endpoints, and StateFile.reports the reports that wait; 0600, for they hold numbers of
	// lines. Empty: they are kept in memory. One client at a time uses a file.
	StateFile string
	// Limits bound what a call may wait for, and what is kept.
	Limits Limits
	// Clock tells the time; nil: the machine's.
	Clock Clock
	// Logger is told of what an operator should know, never of numbers; nil: nobody is told.
	Logger *slog.Logger
	// DialOptions are added to those of every connection, such as interceptors that trace.
	DialOptions []grpc.DialOption
}

// Limits of a client. 0 takes the default.
type Limits struct {
	// HedgeAfter is how long RouteCall waits for one process before it asks another one, too. Default 100 ms.
	HedgeAfter time.Duration
	// TryTimeout is how long one process has for RouteCall. Default 500 ms.
	TryTimeout time.Duration
	// CallTimeout is how long RouteCall asks in all, before the table answers. Default 900 ms: callers hear nothing meanwhile.
	CallTimeout time.Duration
	// UnreachedTimeout takes its place where no process is connected and the table has the line. Default 250 ms.
	UnreachedTimeout time.Duration
	// StepTimeout is how long one process has for ContinueCall, which may ask other services; twice as long is asked in all.
	// Default 2 s.
	StepTimeout time.Duration
	// ReportTimeout is how long one process has for ReportCall, which waits for a disk; twice as long is asked in all.
	// Default 6 s.
	ReportTimeout time.Duration
	// MaxTries of one request at processes that can be reached. Default 4.
	MaxTries int
	// MaxHedges may be made in a burst; each ten calls that are answered give one back. Default 100. A cluster that is slow
	// since it is busy, or says that it is (RESOURCE_EXHAUSTED), is not asked twice for long where there is a table.
	MaxHedges int
	// MaxQueuedReports wait while nobody takes them; further ones are refused. Default 10,000.
	MaxQueuedReports int
	// MaxQueuedBytes of them. Default 16 MiB.
	MaxQueuedBytes int
}

const (
	// maxEndpoints bounds the processes that are known.
	maxEndpoints = 100
	// maxLines is what routing takes of a request for tables.
	maxLines = 100
	// maxTokenBytes bounds a token: more than headers may have.
	maxTokenBytes = 16 << 10
)

func (l Limits) withDefaults() Limits {
	for v, d := range map[*time.Duration]time.Duration{
		&l.HedgeAfter: 100 * time.Millisecond, &l.TryTimeout: 500 * time.Millisecond, &l.CallTimeout: 900 * time.Millisecond,
		&l.UnreachedTimeout: 250 * time.Millisecond, &l.StepTimeout: 2 * time.Second, &l.ReportTimeout: 6 * time.Second,
	} {
		if *v == 0 {
			*v = d
		}
	}
	for v, d := range map[*int]int{
		&l.MaxTries: 4, &l.MaxHedges: 100, &l.MaxQueuedReports: 10_000, &l.MaxQueuedBytes: 16 << 20,
	} {
		if *v == 0 {
			*v = d
		}
	}
	return l
}

// Clock tells the time and makes timers. Safe for concurrent use.
type Clock interface {
	// Now is the present instant.
	Now() time.Time
	// After sends the instant once, after d has passed.
	After(d time.Duration) <-chan time.Time
}

// machineClock is the clock of whoever gives none: a program that uses this package need not know that tests have others.
type machineClock struct{}

// Now is the machine's time.
func (machineClock) Now() time.Time { return time.Now() } //nolint:forbidigo // see machineClock

// After waits on the machine's clock.
func (machineClock) After(d time.Duration) <-chan time.Time {
	return time.After(d) //nolint:forbidigo // see machineClock
}

// Client asks Dayside. Make one with New, share it among all calls, and Close it at the end. Safe for concurrent use.
type Client struct {
	cfg       Config
	limits    Limits
	clock     Clock
	log       *slog.Logger
	info      *routingv1.GatewayInfo
	endpoints *endpoints
	hedges    *budget
	table     atomic.Pointer[table]
	reports   *queue
	count     counters
	// cutOff: the last call was answered from the table.
	cutOff atomic.Bool
	// changed has the state written, queued the reports delivered.
	changed, queued chan struct{}
	unlock          func()

	// alive ends with Close; work are the goroutines that it ends.
	alive context.Context //nolint:containedctx // the life of the client's own goroutines, not of a request
	stop  context.CancelFunc
	work  sync.WaitGroup
}

// New checks the configuration, and begins to connect; it waits for nobody. Errors name field, value and rule.
func New(cfg Config) (*Client, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, limits: cfg.Limits, clock: cfg.Clock, log: cfg.Logger, hedges: newBudget(cfg.Limits.MaxHedges),
		info:    &routingv1.GatewayInfo{GatewayId: cfg.GatewayID, Capabilities: cfg.Capabilities},
		changed: make(chan struct{}, 1), queued: make(chan struct{}, 1),
	}
	if c.clock == nil {
		c.clock = machineClock{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := c.open(); err != nil {
		return nil, err
	}
	c.alive, c.stop = context.WithCancel(context.Background())
	c.endpoints = newEndpoints(c.alive, cfg, c.clock, c.log, &c.work)
	c.recall()
	if cfg.Discover != nil {
		c.work.Go(func() { cfg.Discover(c.alive, c.endpoints.discovered) })
	}
	if cfg.StateFile != "" {
		c.work.Go(c.keep)
	}
	c.work.Go(c.feed)
	c.work.Go(c.learn)
	c.work.Go(c.deliver)
	return c, nil
}

// open takes the state file, and reads the reports that wait. A disk that fails is no reason not to answer calls; that two
// use one file is.
func (c *Client) open() error {
	path := c.cfg.StateFile
	if path == "" {
		c.reports, _ = openQueue("", c.limits.MaxQueuedReports, c.limits.MaxQueuedBytes)
		return nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		c.unlock, err = lockFile(path + ".lock")
	}
	if errors.Is(err, errInUse) {
		return fmt.Errorf("%w: %s", err, path)
	}
	c.reports, err = openQueue(path+".reports", c.limits.MaxQueuedReports, c.limits.MaxQueuedBytes)
	if err != nil {
		c.count.stateFailures.Add(1)
		c.log.Error("reports that wait are kept in memory only", "reason", err.Error())
	}
	return nil
}

// Close ends what the client does by itself, and its connections. Requests under way fail.
func (c *Client) Close() error {
	c.stop()
	err := c.endpoints.close() // before the wait: calls under way begin no more probes then
	c.work.Wait()
	err = errors.Join(err, c.reports.close())
	if c.unlock != nil {
		c.unlock()
	}
	return err
}

// slug is what the API takes as a gateway's name.
var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// lineName is what the API takes as a line's.
var lineName = regexp.MustCompile(`^lines/[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// check names every rule that the configuration breaks.
func (c *Config) check() error {
	var broken []error
	bad := func(field, value, rule string) {
		broken = append(broken, fmt.Errorf("client: %s %q: %s", field, value, rule))
	}
	if len(c.Endpoints) == 0 && c.Discover == nil && c.StateFile == "" {
		bad("Endpoints", "", "must hold host:port of at least one process")
	}
	if len(c.Endpoints) > maxEndpoints {
		bad("Endpoints", fmt.Sprint(len(c.Endpoints)), fmt.Sprintf("must be at most %d", maxEndpoints))
	}
	for _, address := range c.Endpoints {
		if err := checkAddress(address, c.Credentials != nil); err != nil {
			bad("Endpoints", address, err.Error())
		}
	}
	if !slug.MatchString(c.GatewayID) {
		bad("GatewayID", c.GatewayID, "must be a slug: lower-case letters, digits and hyphens, at most 63")
	}
	if len(c.Lines) > maxLines {
		bad("Lines", fmt.Sprint(len(c.Lines)), fmt.Sprintf("must be at most %d", maxLines))
	}
	for _, line := range c.Lines {
		if !lineName.MatchString(line) {
			bad("Lines", line, "must be lines/ID")
		}
	}
	if len(c.Token) > maxTokenBytes || strings.ContainsAny(c.Token, " \t\r\n") {
		bad("Token", "", "must be a token as it was issued, without blanks")
	}
	for _, l := range []struct {
		field string
		value int64
	}{
		{"HedgeAfter", int64(c.Limits.HedgeAfter)}, {"TryTimeout", int64(c.Limits.TryTimeout)},
		{"CallTimeout", int64(c.Limits.CallTimeout)}, {"UnreachedTimeout", int64(c.Limits.UnreachedTimeout)},
		{"StepTimeout", int64(c.Limits.StepTimeout)}, {"ReportTimeout", int64(c.Limits.ReportTimeout)},
		{"MaxTries", int64(c.Limits.MaxTries)}, {"MaxHedges", int64(c.Limits.MaxHedges)},
		{"MaxQueuedReports", int64(c.Limits.MaxQueuedReports)}, {"MaxQueuedBytes", int64(c.Limits.MaxQueuedBytes)},
	} {
		if l.value < 0 {
			bad("Limits."+l.field, fmt.Sprint(l.value), "must not be negative")
		}
	}
	return errors.Join(broken...)
}

// checkAddress is why requests cannot be sent to an address; nil where they can.
func checkAddress(address string, secured bool) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil || host == "" || port == "":
		return errors.New("must be host:port")
	case secured || host == "localhost":
		return nil
	}
	// What is asked holds numbers that nobody on the way may see.
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return errors.New("must be an address of this machine, or Credentials be given")
	}
	return nil
}

// bearer shows a token with each request (RFC 6750, section 2.1).
type bearer struct {
	token   string
	secured bool
}

// GetRequestMetadata is credentials.PerRPCCredentials'.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

// RequireTransportSecurity is credentials.PerRPCCredentials'; without TLS, requests stay on this machine.
func (b bearer) RequireTransportSecurity() bool { return b.secured }
