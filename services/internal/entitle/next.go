package entitle

// Next is the first instant, from the one asked about on, at which the answer grants without anybody doing anything, and the
// answer then; not ok where none does, or only after more changes than are looked through. That nothing is known of a plan's
// hours any more, as beyond their horizon, is nothing to wait for.
func Next(parties []Party, c Catalog, q Question) (a Answer, atUnixS int64, ok bool) {
	r := round{parties: parties, catalog: c, question: q}
	for range maxSteps {
		now := r.at(q.AtUnixS)
		switch {
		case Granted(now.Basis):
			return now.Answer, q.AtUnixS, !now.HoursUnknown
		case now.untilUnixS == Never:
			return Answer{}, 0, false
		}
		q.AtUnixS = now.untilUnixS
	}
	return Answer{}, 0, false
}

// Ends is the first instant, after one asked about that is granted, at which it is granted no more though nobody does
// anything: what grants may be another thing in between. Never where it stays; after more changes than are looked through it
// is said to be nearer than it is.
func Ends(parties []Party, c Catalog, q Question) int64 {
	r := round{parties: parties, catalog: c, question: q}
	for range maxSteps {
		now := r.at(q.AtUnixS)
		if !Granted(now.Basis) {
			break
		}
		if q.AtUnixS = now.grantedUnixS; q.AtUnixS == Never {
			break
		}
	}
	return q.AtUnixS
}
