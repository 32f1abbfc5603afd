// Package entitle holds the one rule of entitlement: may these parties have this line at this instant, on what basis, and
// until when does that stay so (ask.go, over the words of party.go), or when does it come by itself (next.go). Entitlement's
// own answers and routing's decisions follow it.
//
// It is pure: it is given contracts, grants and plans, reads published ones (published.go), and finds nobody by itself.
package entitle

import "math"

// Never is the end of an answer that does not change by itself, and of a contract without an end.
const Never = math.MaxInt64
