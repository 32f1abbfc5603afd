// Package generation puts changes in force that are more than one etcd transaction holds: a calendar that two thousand
// sites use, a new release of the time-zone rules. Published records of sites and rotas are first staged, in as many
// transactions as it takes, where nobody reads them; then one transaction writes the sources and a pointer, and from that
// revision on all of the staged records are in force. A view never shows a half.
//
// What is in force at a revision is a function of the keys at that revision, and of nothing else: at a stageable key K
// (published.Stageable) stands the record staged for K in the generation that the pointer names, if there is one and K's
// own record is older than the pointer; else K's own record, and nothing where K does not exist. So a record written
// later wins, and a deleted one is gone.
//
//	store.go     Through: a store whose Commit stages what is too large, and whose Follow shows what is in force
//	resolver.go  raw batches of etcd to batches of what is in force, pure
//	stage.go     staging, and the commit of the pointer
//	fold.go      afterwards: staged records are copied to their own keys, and what never came in force is removed
//
// It knows nothing of what the records say, and judges no plan: the plan's own conditions do.
package generation

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// Limits are what one transaction takes.
type Limits struct {
	// MaxOps bounds its writes, and its conditions.
	MaxOps int
	// MaxBytes bounds what they weigh together. Not below what one record may weigh, 1 MiB.
	MaxBytes int
}

// EtcdLimits are those of an etcd that was not told otherwise, 128 operations and 1.5 MiB, with room for the envelope.
func EtcdLimits() Limits { return Limits{MaxOps: 128, MaxBytes: 5 << 18} }

const (
	// maxStagedRecords and maxStagedBytes bound one generation, and with it what every follower must keep of it.
	maxStagedRecords = 50_000
	maxStagedBytes   = 128 << 20
	// opBytes is more than what an operation weighs beside its key and value.
	opBytes = 128
	// abandonedAfter is how long a generation may stay without coming in force. The commit of one that was removed fails.
	abandonedAfter = 10 * time.Minute
)

// fits says whether a plan is within limits. etcd counts writes and conditions each for themselves.
func (l Limits) fits(conditions []*rpcv1.Condition, writes []*rpcv1.Write) bool {
	size := 0
	for _, c := range conditions {
		size += opBytes + len(c.GetKey())
	}
	for _, w := range writes {
		size += weight(w)
	}
	return max(len(conditions), len(writes)) <= l.MaxOps && size <= l.MaxBytes
}

func weight(w *rpcv1.Write) int { return opBytes + len(w.GetKey()) + len(w.GetValue()) }

// timeFormat begins a generation's name.
const timeFormat = "20060102T150405Z"

// newName names a generation: when it was staged, and something that nobody else has.
func newName(now time.Time) string {
	var unique [8]byte
	_, _ = rand.Read(unique[:]) // it never fails
	return now.UTC().Format(timeFormat) + "-" + hex.EncodeToString(unique[:])
}

// stagedAt is when a generation of that name was staged; false where the name is none that newName gives.
func stagedAt(name string) (time.Time, bool) {
	when, _, _ := strings.Cut(name, "-")
	t, err := time.Parse(timeFormat, when)
	return t, err == nil
}
