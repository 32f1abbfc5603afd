package client

import (
	"sync/atomic"
	"time"
)

// counters count from New on.
type counters struct {
	routed, fromTable, unanswered, refused, retries, hedges atomic.Int64
	stateFailures, reportsRefused, reportsDropped           atomic.Int64
}

// Stats are what a client did since New, and how it stands.
type Stats struct {
	// Routed calls and steps were answered by routing, FromTable by the table; Unanswered by nobody. Refused requests were
	// wrong, or given up by their caller.
	Routed, FromTable, Unanswered, Refused int64
	// Retries asked another process since one had failed, Hedges since one was slow.
	Retries, Hedges int64
	// EndpointsReady of the EndpointsKnown serve.
	EndpointsReady, EndpointsKnown int
	// TableLines are in the table; TableAge is how long ago it was known to hold, 0 where there is none.
	TableLines int
	TableAge   time.Duration
	// ReportsWaiting for a process that takes them. ReportsRefused found no room in the queue, ReportsDropped were wrong.
	ReportsWaiting                 int
	ReportsRefused, ReportsDropped int64
	// StateFailures: how often what is kept on disk could not be read or written.
	StateFailures int64
}

// Stats are cheap: read them as often as metrics are.
func (c *Client) Stats() Stats {
	s := Stats{
		Routed: c.count.routed.Load(), FromTable: c.count.fromTable.Load(), Unanswered: c.count.unanswered.Load(),
		Refused: c.count.refused.Load(), Retries: c.count.retries.Load(), Hedges: c.count.hedges.Load(),
		ReportsRefused: c.count.reportsRefused.Load(), ReportsDropped: c.count.reportsDropped.Load(),
		ReportsWaiting: c.reports.len(), StateFailures: c.count.stateFailures.Load(),
	}
	s.EndpointsReady, s.EndpointsKnown = c.endpoints.ready()
	if t := c.table.Load(); t != nil {
		s.TableLines, s.TableAge = len(t.byLine), t.age(c.clock.Now())
	}
	return s
}
