package zones

import (
	"encoding/binary"
	"hash/fnv"
	"strings"
	"time"
)

// Difference is a zone that behaves differently by the rules of two bundles.
type Difference struct {
	// Zone is its IANA name.
	Zone string
	// FromUnixS is the first instant of the range at which the offsets differ, Unix seconds.
	FromUnixS int64
	// BeforeEastS and AfterEastS are local time minus UTC from then on, seconds, by either bundle.
	BeforeEastS, AfterEastS int64
	// Missing says that the other bundle does not know the zone; there is no offset after then.
	Missing bool
}

// Compare lists the zones of a whose clocks show another time by b's rules at some instant of [fromUnixS, toUnixS),
// ascending by name. Bytes say nothing: the same rules are written fat or slim (RFC 9636, section 4), and data of long ago
// is mended all the time. Zones of b that a does not know are no difference: nothing can use them yet.
func Compare(a, b *Bundle, fromUnixS, toUnixS int64) []Difference {
	memo := newMemo(fromUnixS, toUnixS)
	var list []Difference
	for _, name := range a.Names() {
		before := memo.offsets(a.zones[name])
		data, known := b.zones[name]
		if !known {
			list = append(list, Difference{Zone: name, FromUnixS: fromUnixS, BeforeEastS: before[0].EastS, Missing: true})
			continue
		}
		if d, differs := firstDifference(before, memo.offsets(data)); differs {
			d.Zone = name
			list = append(list, d)
		}
	}
	return list
}

// firstDifference walks two lists of offsets over one range.
func firstDifference(a, b []Offset) (Difference, bool) {
	for i, j := 0, 0; ; {
		if a[i].EastS != b[j].EastS {
			return Difference{
				FromUnixS: max(a[i].FromUnixS, b[j].FromUnixS), BeforeEastS: a[i].EastS, AfterEastS: b[j].EastS,
			}, true
		}
		moreA, moreB := i+1 < len(a), j+1 < len(b)
		switch {
		case !moreA && !moreB:
			return Difference{}, false
		case moreA && moreB && a[i+1].FromUnixS == b[j+1].FromUnixS:
			i, j = i+1, j+1
		case moreA && (!moreB || a[i+1].FromUnixS < b[j+1].FromUnixS):
			i++
		default:
			j++
		}
	}
}

// BehaviourFingerprint identifies how all zones of a bundle behave over [fromUnixS, toUnixS): equal for equal names and
// offsets, whatever release and form of data they came from.
func BehaviourFingerprint(b *Bundle, fromUnixS, toUnixS int64) uint64 {
	memo := newMemo(fromUnixS, toUnixS)
	h := fnv.New64a()
	var sum [8]byte
	for _, name := range b.Names() {
		_, _ = h.Write([]byte(name))
		binary.BigEndian.PutUint64(sum[:], Fingerprint(memo.offsets(b.zones[name])))
		_, _ = h.Write(sum[:])
	}
	return h.Sum64()
}

// memo knows the offsets of rules it was asked about before: a third of all names are other names of the same rules.
type memo struct {
	fromUnixS, toUnixS int64
	known              map[string][]Offset
}

func newMemo(fromUnixS, toUnixS int64) memo {
	return memo{fromUnixS, toUnixS, make(map[string][]Offset, 400)}
}

func (m memo) offsets(data []byte) []Offset {
	if list, ok := m.known[string(data)]; ok {
		return list
	}
	loc, err := time.LoadLocationFromTZData("", data)
	if err != nil {
		loc = time.UTC // cannot be: it was parsed when the bundle was made
	}
	list := Offsets(loc, m.fromUnixS, m.toUnixS)
	m.known[string(data)] = list
	return list
}

// ReleaseLess says whether release a is older than b: "2025c" than "2026a", "2026z" than "2026za".
func ReleaseLess(a, b string) bool {
	const yearBytes = 4
	if len(a) > yearBytes && len(b) > yearBytes && a[:yearBytes] == b[:yearBytes] && len(a) != len(b) {
		return len(a) < len(b)
	}
	return strings.Compare(a, b) < 0
}
