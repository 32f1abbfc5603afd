package cluster

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/cluster/skew"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// heardWithin is how long ago etcd may have been heard and still be there: it is asked every second.
const heardWithin = 4 * time.Second

// livesWithin is how long a heartbeat tells of a process that lives: it says so every two seconds. The lease of one that was
// killed can last much longer, for etcd begins leases anew when it is back.
const livesWithin = 10 * time.Second

// known is what was last heard of the others. It does not lock.
type known struct {
	own       string
	processes map[string]*process // by instance
	announced map[string]string   // addresses, by SERVICE/INSTANCE
	epoch     *rpcv1.ClusterEpoch // nil where there is none
	schema    int32               // what cluster/schema says; 0 where there is none, or nothing was heard
	truth     coord.Truth         // whose the schema is, and at which revision it was listed; 0: it was not
	listed    int64
	heard     time.Time // when etcd was last heard; zero: never
	back      time.Time // when etcd was heard for the first time, or again after it was silent
	began     int64     // microseconds since 1970, as this process's heartbeats say
	strangers int       // heartbeats under this process's name that are not its own
}

// process is one that lives, as its last heartbeat says.
type process struct {
	heartbeat *rpcv1.Heartbeat
	offset    skew.Offset
	// heard is when this heartbeat was first heard.
	heard time.Time
}

func newKnown(own string, began time.Time) known {
	return known{
		own: own, began: began.UnixMicro(),
		processes: map[string]*process{}, announced: map[string]string{},
	}
}

// apply takes up a batch of one of the ranges that are followed, at an instant. It says whether the schema is another
// truth's than before, as after a restored backup: then it may be an older one.
func (k *known) apply(prefix string, b coord.Batch, now time.Time) (another bool) {
	if k.heard.IsZero() || now.Sub(k.heard) > heardWithin {
		k.back = now
	}
	k.heard = now
	switch prefix {
	case processesPrefix:
		k.applyProcesses(b, now)
	case discoveryPrefix:
		if b.Reset {
			k.announced = map[string]string{}
		}
		for _, e := range b.Events {
			k.announce(strings.TrimPrefix(e.Key, discoveryPrefix), e.Value)
		}
	case clusterPrefix:
		if b.Reset {
			another = k.listed == 0 || b.Truth != k.truth || b.Revision < k.listed
			k.epoch, k.schema, k.truth, k.listed = nil, 0, b.Truth, b.Revision
		}
		for _, e := range b.Events {
			k.applyCluster(e)
		}
	}
	return another
}

func (k *known) applyProcesses(b coord.Batch, now time.Time) {
	listed := map[string]bool{}
	for _, e := range b.Events {
		instance := strings.TrimPrefix(e.Key, processesPrefix)
		listed[instance] = e.Value != nil
		if e.Value == nil {
			delete(k.processes, instance)
			continue
		}
		h, ok := readHeartbeat(instance, e.Value)
		if !ok {
			continue
		}
		p := k.processes[instance]
		if p == nil || p.heartbeat.GetStartUnixUs() != h.GetStartUnixUs() { // another process of the same name has another clock
			if p == nil && len(k.processes) >= maxProcesses {
				continue
			}
			p = &process{}
			k.processes[instance] = p
		}
		if p.heartbeat.GetSequence() != h.GetSequence() || p.heard.IsZero() {
			p.heard = now
		}
		p.heartbeat = h
		if !b.Reset && instance == k.own && h.GetStartUnixUs() != k.began {
			k.strangers++
		}
		if !b.Reset { // what is listed was written some time ago: it says nothing of the clock
			p.offset.Add(time.UnixMicro(h.GetWallUnixUs()).Sub(now))
		}
	}
	if b.Reset {
		maps.DeleteFunc(k.processes, func(instance string, _ *process) bool { return !listed[instance] })
	}
}

// readHeartbeat is false where somebody wrote what is none, or another's.
func readHeartbeat(instance string, value []byte) (*rpcv1.Heartbeat, bool) {
	h := &rpcv1.Heartbeat{}
	if proto.Unmarshal(value, h) != nil || h.GetInstance() != instance {
		return nil, false
	}
	return h, true
}

// announce takes up an entry of discovery, as etcd's own naming package writes them.
func (k *known) announce(name string, value []byte) {
	address, ok := readAddress(value)
	if !ok {
		delete(k.announced, name)
		return
	}
	if _, known := k.announced[name]; known || len(k.announced) < maxAnnounced {
		k.announced[name] = address
	}
}

// readAddress is false where nothing can be reached there.
func readAddress(value []byte) (string, bool) {
	var entry struct{ Addr string }
	if json.Unmarshal(value, &entry) != nil || entry.Addr == "" {
		return "", false
	}
	return entry.Addr, true
}

func (k *known) applyCluster(e coord.Event) {
	switch e.Key {
	case epochKey:
		epoch := &rpcv1.ClusterEpoch{}
		if k.epoch = nil; e.Value != nil && proto.Unmarshal(e.Value, epoch) == nil {
			k.epoch = epoch
		}
	case schemaKey:
		if schema, ok := readSchema(e.Value); ok { // one that was deleted, or cannot be read, stays in force
			k.schema = schema
		}
	}
}

// living are the processes whose heartbeat is not too old, in order of instance. While etcd is silent nobody's can be
// renewed, and they are those that lived when it was last heard.
func (k *known) living() []*process {
	all := make([]*process, 0, len(k.processes))
	for _, instance := range slices.Sorted(maps.Keys(k.processes)) {
		p, since := k.processes[instance], k.back
		if p.heard.After(since) {
			since = p.heard
		}
		if k.heard.Sub(since) <= livesWithin {
			all = append(all, p)
		}
	}
	return all
}

// offset is how far a process's clock is ahead of mine; false where that cannot be told.
func (k *known) offset(p *process) (time.Duration, bool) {
	best, ok := p.offset.Best()
	if !ok {
		return 0, false
	}
	if p.heartbeat.GetInstance() == k.own {
		return 0, true
	}
	own := time.Duration(0)
	if me := k.processes[k.own]; me != nil {
		own, _ = me.offset.Best()
	}
	return skew.Corrected(best, own), true
}

// offsets are those of all other processes.
func (k *known) offsets() []time.Duration {
	var all []time.Duration
	for instance, p := range k.processes {
		if o, ok := k.offset(p); ok && instance != k.own {
			all = append(all, o)
		}
	}
	return all
}

// silent is since when etcd was not heard; false while it is.
func (k *known) silent(now, began time.Time) (time.Duration, bool) {
	last := k.heard
	if last.IsZero() {
		last = began
	}
	since := now.Sub(last)
	return since, since > heardWithin
}
