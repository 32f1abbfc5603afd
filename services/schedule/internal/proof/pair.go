package proof

// pairWithinS is how far something may move, seconds, to be the same thing still: less than a day, so that what vanishes
// today is not taken for what appears tomorrow.
const pairWithinS = 86400

// move is a span that moved, vanished (after < 0) or appeared (before < 0): indexes of the lists given to pair.
type move struct{ before, after int }

// pair says which of the spans that were became which of those that are: the nearest, in order. Both lists ascend, and
// have nothing in common.
func pair(before, after []span) []move {
	var moves []move
	vanish := func(i int) { moves = append(moves, move{i, -1}) }
	appear := func(j int) { moves = append(moves, move{-1, j}) }
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		b, a := before[i], after[j]
		d := apart(b, a)
		switch {
		case d >= pairWithinS && b.fromS < a.fromS, i+1 < len(before) && apart(before[i+1], a) < d:
			vanish(i)
			i++
		case d >= pairWithinS, j+1 < len(after) && apart(b, after[j+1]) < d:
			appear(j)
			j++
		default:
			moves = append(moves, move{i, j})
			i, j = i+1, j+1
		}
	}
	for ; i < len(before); i++ {
		vanish(i)
	}
	for ; j < len(after); j++ {
		appear(j)
	}
	return moves
}

// apart is how far two spans are from being the same, seconds; those that overlap are never too far from it.
func apart(b, a span) int64 {
	d := max(abs(a.fromS-b.fromS), abs(a.toS-b.toS))
	if a.fromS < b.toS && b.fromS < a.toS {
		return min(d, pairWithinS-1)
	}
	return d
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
