package zones

import (
	"encoding/binary"
	"hash/fnv"
	"sort"
	"time"
)

// Offset is how far a zone's wall clock stands from UTC, from an instant on.
type Offset struct {
	// FromUnixS is the first instant, Unix seconds.
	FromUnixS int64
	// EastS is local time minus UTC, seconds.
	EastS int64
}

// probeS is the distance between probes. Two changes within it that cancel each other out would go unseen; no zone has
// ever changed its clock twice within a day.
const probeS = 86400

// Offsets are the zone's offsets over [fromUnixS, toUnixS), ascending; the first stands at fromUnixS, and neighbours
// differ. It probes and bisects: Time.ZoneBounds answers year ends that are no change and, with slim data, bounds that
// lie on the wrong side of the instant (golang/go issue 81583), so that a loop over it may not end.
func Offsets(loc *time.Location, fromUnixS, toUnixS int64) []Offset {
	list := []Offset{{fromUnixS, eastOf(loc, fromUnixS)}}
	for at := fromUnixS; at < toUnixS; {
		next := min(at+probeS, toUnixS)
		last := list[len(list)-1].EastS
		if eastOf(loc, next) == last {
			at = next
			continue
		}
		// The first instant in (at, next] at which the offset is another one; bisecting finds a change though there
		// might be several, and the search goes on from there.
		n := sort.Search(int(next-at-1), func(i int) bool { return eastOf(loc, at+1+int64(i)) != last })
		at += 1 + int64(n)
		if at < toUnixS {
			list = append(list, Offset{at, eastOf(loc, at)})
		}
	}
	return list
}

func eastOf(loc *time.Location, unixS int64) int64 {
	_, east := time.Unix(unixS, 0).In(loc).Zone()
	return int64(east)
}

// Fingerprint identifies a zone's behaviour: equal for equal offsets, whatever release and form of data they came from.
func Fingerprint(offsets []Offset) uint64 {
	h := fnv.New64a()
	var b [16]byte
	for _, o := range offsets {
		binary.BigEndian.PutUint64(b[:8], uint64(o.FromUnixS))
		binary.BigEndian.PutUint64(b[8:], uint64(o.EastS))
		_, _ = h.Write(b[:])
	}
	return h.Sum64()
}
