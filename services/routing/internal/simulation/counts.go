package simulation

import (
	"fmt"
	"strings"
	"time"
)

// Counts are what happened.
type Counts struct {
	// Calls began; Answers were given to them, Continued of which by a continuation, Redelivered of which told twice.
	Calls, Answers, Continued, Redelivered int
	// ToSites, ToPeople and ToLastResort are ladders by whom they ring first; Ended are calls that were ended.
	ToSites, ToPeople, ToLastResort, Ended int
	// Offered is how often something was offered, Accepted how many answers were to callers who had accepted it.
	Offered, Accepted int
	// NoProcess is how often a gateway found no process that routes.
	NoProcess int
	// Replayed answers were decided again from their records; Stale ones were of a view that was not the newest.
	Replayed, Stale int
	// FromDisk is how often a process began with its copy; Resumed and Listed how it went on with etcd.
	FromDisk, Resumed, Listed int
	// Changes were committed, Generations of which in more than one transaction.
	Changes, Generations int
	// Records appended and delivered once; Duplicates were sent again, Lost found no room, Gone went with their disks.
	Appended, Delivered, Duplicates, Lost, Gone int
	// Faults by kind.
	Faults [numFaults]int
	// MaxAge is the greatest age of a view that an answer was made from.
	MaxAge time.Duration
	// MaxCopyBytes and MaxSpoolBytes are the most that stood on a disk.
	MaxCopyBytes, MaxSpoolBytes int64
}

// add adds what happened elsewhere.
func (c *Counts) add(o *Counts) {
	for _, pair := range [][2]*int{
		{&c.Calls, &o.Calls}, {&c.Answers, &o.Answers}, {&c.Continued, &o.Continued}, {&c.Redelivered, &o.Redelivered},
		{&c.ToSites, &o.ToSites}, {&c.ToPeople, &o.ToPeople}, {&c.ToLastResort, &o.ToLastResort}, {&c.Ended, &o.Ended},
		{&c.NoProcess, &o.NoProcess}, {&c.Replayed, &o.Replayed}, {&c.Stale, &o.Stale}, {&c.FromDisk, &o.FromDisk},
		{&c.Resumed, &o.Resumed}, {&c.Listed, &o.Listed}, {&c.Changes, &o.Changes}, {&c.Generations, &o.Generations},
		{&c.Appended, &o.Appended}, {&c.Delivered, &o.Delivered}, {&c.Duplicates, &o.Duplicates}, {&c.Lost, &o.Lost},
		{&c.Gone, &o.Gone}, {&c.Offered, &o.Offered}, {&c.Accepted, &o.Accepted},
	} {
		*pair[0] += *pair[1]
	}
	for f := range c.Faults {
		c.Faults[f] += o.Faults[f]
	}
	c.MaxAge = max(c.MaxAge, o.MaxAge)
	c.MaxCopyBytes, c.MaxSpoolBytes = max(c.MaxCopyBytes, o.MaxCopyBytes), max(c.MaxSpoolBytes, o.MaxSpoolBytes)
}

// String is what happened as some lines.
func (c *Counts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  calls %d, answers %d (%d to sites first, %d to people, %d to the last resort; %d ends), %d told twice\n",
		c.Calls, c.Answers, c.ToSites, c.ToPeople, c.ToLastResort, c.Ended, c.Redelivered)
	fmt.Fprintf(&b, "  offers made %d, answers to callers who had accepted one %d\n", c.Offered, c.Accepted)
	fmt.Fprintf(&b, "  decided again from records %d, on views that were behind %d, oldest view %v, no process there %d\n",
		c.Replayed, c.Stale, c.MaxAge.Round(time.Second), c.NoProcess)
	fmt.Fprintf(&b, "  changes %d, of which by generation %d; watches resumed %d, listed %d, starts from disk %d\n",
		c.Changes, c.Generations, c.Resumed, c.Listed, c.FromDisk)
	fmt.Fprintf(&b, "  records %d, in the ledger once %d, sent again %d, no room for %d, gone with their disks %d\n",
		c.Appended, c.Delivered, c.Duplicates, c.Lost, c.Gone)
	fmt.Fprintf(&b, "  largest copy of a view %d bytes, largest spool %d bytes\n  faults:", c.MaxCopyBytes, c.MaxSpoolBytes)
	for f, n := range c.Faults {
		fmt.Fprintf(&b, " %v %d;", Fault(f), n)
	}
	return strings.TrimSuffix(b.String(), ";")
}
