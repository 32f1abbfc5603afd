// Package tzdata is the time-zone rules in force in the cluster: which bundle was adopted, kept in etcd under one key, and
// followed by every process that compiles (follow.go); what bundles a process has at hand (candidates.go), and which of
// them a new cluster begins with (adopt.go).
//
// Reading and comparing bundles is package zones'; changing the rules of a cluster that has some is schedule's.
package tzdata

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// Key is where the adopted bundle stands: publishedv1.TimeZoneRules, written by schedule.
const Key = "pub/schedule/tzdata"

// Rules are the rules at one revision.
type Rules struct {
	*zones.Bundle
	// Revision is that of Key; 0 where nothing was adopted. What was compiled with these rules is committed on the
	// condition that it still is.
	Revision int64
	// AdoptUnixS is when they were adopted, Unix seconds; 0 where they were not.
	AdoptUnixS int64
	// Source is where they came from.
	Source schedulev1.TimeZoneSource
}

// Current holds the rules in force. It is safe for concurrent use.
type Current struct {
	p       atomic.Pointer[Rules]
	signals signals

	mu      sync.Mutex
	changed chan struct{} // closed with the next change; nil where none can come
}

// Fixed are rules that nobody adopted and that never change: for tests, and for commands without a server.
func Fixed(b *zones.Bundle) *Current {
	var c Current
	c.p.Store(&Rules{Bundle: b, Source: schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_EMBEDDED})
	return &c
}

// New begins with the rules that are known to be in force; nil: Run will find them. Errors are of metrics that cannot be
// made.
func New(first *Rules, deps Deps) (*Current, error) {
	c := &Current{changed: make(chan struct{})}
	c.p.Store(first)
	var err error
	c.signals, err = newSignals(deps, c)
	return c, err
}

// Load is the rules in force; nil before any are known, and where an etcd that was replaced holds none.
func (c *Current) Load() *Rules { return c.p.Load() }

// Changed is closed once other rules are in force than at the time of this call. Ask for it before Load, or a change
// between the two goes unnoticed.
func (c *Current) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// set puts rules in force in this process; nil: none.
func (c *Current) set(r *Rules) {
	c.p.Store(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Encode is the value under Key. LIMIT_EXCEEDED where the bundle is larger than one value may be.
func Encode(b *zones.Bundle, source schedulev1.TimeZoneSource, adopted time.Time) ([]byte, error) {
	var packed bytes.Buffer
	if err := b.Pack(&packed); err != nil {
		return nil, fault.Internal(err)
	}
	value, err := published.Marshal(&publishedv1.TimeZoneRules{
		Release: b.Release(), Bundle: packed.Bytes(), AdoptUnixS: adopted.Unix(), Source: int32(source),
	})
	if err != nil {
		return nil, fault.LimitExceeded(fmt.Sprintf("time-zone rules %s: %v", b.Release(), err))
	}
	return value, nil
}

// Decode reads a value under Key that stands at a revision.
func Decode(value []byte, revision int64) (*Rules, error) {
	var p publishedv1.TimeZoneRules
	if err := proto.Unmarshal(value, &p); err != nil {
		return nil, fmt.Errorf("key %s: %w", Key, err)
	}
	b, err := zones.Read(bytes.NewReader(p.GetBundle()))
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", Key, err)
	}
	if b.Release() != p.GetRelease() {
		return nil, fmt.Errorf("key %s: says %.20q and holds %s", Key, p.GetRelease(), b.Release())
	}
	return &Rules{
		Bundle: b, Revision: revision, AdoptUnixS: p.GetAdoptUnixS(), Source: schedulev1.TimeZoneSource(p.GetSource()),
	}, nil
}
