package selfservice

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

const (
	// RevealWindow is over which reveals are counted.
	RevealWindow = time.Hour
	// MaxContactReveals is how many numbers one contact is shown in a window.
	MaxContactReveals = 10
	// MaxCustomerReveals is likewise of all contacts of a customer.
	MaxCustomerReveals = 30
	// RevealRetention is how long it is kept who was shown what.
	RevealRetention = 400 * 24 * time.Hour
	// RevealSuffixBytes tell apart what happened at the same instant.
	RevealSuffixBytes = 8
)

// Count counts a reveal with those of the same customer before it: what is to be kept then, or how long to wait, more
// than 0. Neither argument is changed.
func Count(before *entitlementv1.StoredRevealCount, reveal *entitlementv1.NumberReveal) (
	after *entitlementv1.StoredRevealCount, wait time.Duration,
) {
	now := reveal.GetTime().AsTime()
	left := func(r *entitlementv1.NumberReveal) time.Duration {
		return r.GetTime().AsTime().Add(RevealWindow).Sub(now)
	}
	var all, own []*entitlementv1.NumberReveal
	for _, r := range before.GetReveals() {
		if left(r) <= 0 {
			continue
		}
		all = append(all, r)
		if r.GetContactId() == reveal.GetContactId() {
			own = append(own, r)
		}
	}
	// A clock that was set back leaves reveals of the future, which count until they have passed.
	if len(all) >= MaxCustomerReveals {
		wait = left(all[len(all)-MaxCustomerReveals])
	}
	if len(own) >= MaxContactReveals {
		wait = max(wait, left(own[len(own)-MaxContactReveals]))
	}
	if wait > 0 {
		return nil, wait
	}
	kept := &entitlementv1.NumberReveal{Time: reveal.GetTime(), ContactId: reveal.GetContactId()}
	all = append(all, kept)
	slices.SortStableFunc(all, func(a, b *entitlementv1.NumberReveal) int {
		return a.GetTime().AsTime().Compare(b.GetTime().AsTime())
	})
	return &entitlementv1.StoredRevealCount{Reveals: all}, 0
}

// RevealID names a reveal, so that later ones come first.
func RevealID(at *timestamppb.Timestamp, random [RevealSuffixBytes]byte) string {
	return revealTime(at.AsTime()) + "-" + hex.EncodeToString(random[:])
}

// ExpiredReveals is what the IDs of reveals that are kept no longer come after.
func ExpiredReveals(now time.Time) string { return revealTime(now.Add(-RevealRetention)) + "." }

func revealTime(at time.Time) string {
	const signed = 1 << 63 // times before 1970 in order, too
	return fmt.Sprintf("%016x", ^(uint64(at.UnixMicro()) ^ signed))
}
