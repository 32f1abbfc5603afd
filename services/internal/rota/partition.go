package rota

// nobody is the index of no person.
const nobody = -1

// holder is who holds a stretch of time and why, with people as indexes, so that comparing is cheap.
type holder struct {
	// person and instead are indexes of names, or nobody.
	person, instead int32
	// via is the index of the absence or override that the reason speaks of; negative without one.
	via    int32
	layer  int16
	reason Reason
}

// empty is a stretch that nobody holds.
func empty(reason Reason, layer int) holder {
	return holder{person: nobody, instead: nobody, via: nobody, layer: int16(layer), reason: reason}
}

// piece is a stretch of a partition, from where the one before it ends.
type piece struct {
	holder
	toS int64
}

// partition is all of [fromS, toS), in pieces that ascend without a hole; neighbours differ.
type partition struct {
	fromS, toS int64
	pieces     []piece
}

// end is how far it reaches by now.
func (p *partition) end() int64 {
	if len(p.pieces) == 0 {
		return p.fromS
	}
	return p.pieces[len(p.pieces)-1].toS
}

// extend lets it reach on, to an instant: what lies outside the range, or was said already, is left out.
func (p *partition) extend(toS int64, h holder) {
	toS = min(toS, p.toS)
	n := len(p.pieces)
	switch {
	case toS <= p.end():
	case n > 0 && p.pieces[n-1].holder == h:
		p.pieces[n-1].toS = toS
	default:
		p.pieces = append(p.pieces, piece{h, toS})
	}
}

// zip joins two whole partitions of the same range, stretch by stretch.
func zip(a, b partition, join func(a, b holder) holder) partition {
	out := partition{fromS: a.fromS, toS: a.toS, pieces: make([]piece, 0, len(a.pieces)+len(b.pieces))}
	for i, k := 0, 0; i < len(a.pieces) && k < len(b.pieces); {
		toS := min(a.pieces[i].toS, b.pieces[k].toS)
		out.extend(toS, join(a.pieces[i].holder, b.pieces[k].holder))
		if a.pieces[i].toS == toS {
			i++
		}
		if b.pieces[k].toS == toS {
			k++
		}
	}
	return out
}

// stack lays a later layer over an earlier one (R6). Where neither holds anybody, the weightier reason stands; of equal
// ones that of the earlier layer, which is there to cover what the later one leaves.
func stack(lower, upper holder) holder {
	if upper.person != nobody || lower.person == nobody && upper.reason > lower.reason {
		return upper
	}
	return lower
}

// shut takes a layer off duty where its restrictions say so (R4).
func shut(h, mask holder) holder {
	if mask.reason == OutsideHours && h.reason != NotRunning {
		return mask
	}
	return h
}
