// Package tzdata is the time-zone rules in force in the cluster: which bundle was adopted, kept in etcd, and followed by
// every process that compiles. Reading bundles is package zones'; comparing and adopting them is schedule's.
package tzdata

import (
	"sync/atomic"

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
}

// Current holds the rules in force. It is safe for concurrent use.
type Current struct{ p atomic.Pointer[Rules] }

// Fixed are rules that nobody adopted and that never change: for tests, and for commands without a server.
func Fixed(b *zones.Bundle) *Current {
	var c Current
	c.p.Store(&Rules{Bundle: b})
	return &c
}

// Load is the rules in force; nil before any are known.
func (c *Current) Load() *Rules { return c.p.Load() }
