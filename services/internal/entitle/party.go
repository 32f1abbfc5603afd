package entitle

import (
	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// Question is what is asked: may a caller have this line at this instant.
type Question struct {
	// LineID and Product are the line's; an empty product means any.
	LineID, Product string
	// Severity of the case; unset: any.
	Severity entitlementv1.Severity
	// AtUnixS is the instant, Unix seconds.
	AtUnixS int64
}

// Party is one who is asked about: the customer, then its parents, the nearest first; or a number that nobody knows, which
// has grants only. What it holds is read, not changed.
type Party struct {
	// CustomerID is empty of a number.
	CustomerID string
	// Contracts in no particular order. Of a party behind the first those with OwnOnly do not count.
	Contracts []Contract
	// Grants in no particular order. Those of parents do not count.
	Grants []Grant
	// Used counts calls by contract.
	Used []Use
	// Suspended is nil where the party is not, and never will be as far as is known.
	Suspended *Span
	// TimeZone and CalendarIDs are those of the plan's hours.
	TimeZone    string
	CalendarIDs []string
}

// Span is [From, To), Unix seconds.
type Span struct{ FromUnixS, ToUnixS int64 }

// Contract is one contract as instants.
type Contract struct {
	// ID within the customer.
	ID string
	// FromUnixS and ToUnixS are its term; Never where it is open-ended.
	FromUnixS, ToUnixS int64
	// PlanID and Product: an empty product covers all.
	PlanID, Product string
	// GraceS is seconds after the end over which it still counts; PlanGrace where the plan says.
	GraceS int32
	// Shifts are what the clocks of the customer's zone do to the plan's grace.
	Shifts GraceShifts
	// OwnOnly: sub-accounts do not have it.
	OwnOnly bool
	// Suspended is nil where it is not.
	Suspended *Span
}

// PlanGrace is a contract's GraceS where its plan says how long its grace is.
const PlanGrace = -1

// Grant is access besides contracts.
type Grant struct {
	// ID of the grant, and of the plan whose limits it has; none of either kind where empty.
	ID, PlanID string
	// Basis is COMPLIMENTARY, PROMISE or PENDING_PROMISE.
	Basis entitlementv1.Basis
	// LineIDs it gives, and the product it covers; all where empty.
	LineIDs []string
	Product string
	// FromUnixS and ToUnixS are when.
	FromUnixS, ToUnixS int64
}

// Use is calls counted of a contract over a period.
type Use struct {
	ContractID         string
	FromUnixS, ToUnixS int64
	Calls              int32
}

// Plan is the limits of a support level.
type Plan struct {
	ID, DisplayName string
	// HoursID names its hours; empty: round the clock.
	HoursID string
	// Severities, Products and LineIDs it covers; all where empty.
	Severities        []entitlementv1.Severity
	Products, LineIDs []string
	// AllowanceCalls each period; without a limit where Period is unset.
	AllowanceCalls int32
	Period         entitlementv1.AllowancePeriod
	// GraceS is seconds of grace after a contract's end.
	GraceS int32
}

// Catalog is what the rule looks up. What it answers with is not changed.
type Catalog interface {
	// Plan by ID; nil where the catalog has none: then a contract is limited by none.
	Plan(id string) *Plan
	// Hours are those of a plan in a zone with calendars; nil where nothing is known of them (yet): then they limit nothing,
	// for nobody is stranded by what we do not know. The same holds of an instant outside the timeline's horizon.
	Hours(hoursID, timeZone string, calendarIDs []string) *timeline.Timeline
}

// Answer is whether, and on what basis.
type Answer struct {
	// Basis: of several that grant the first of CONTRACT, GRACE, COMPLIMENTARY, PROMISE, PENDING_PROMISE; of several that do
	// not, the one nearest to granting: what is said first to a caller, and put right first by the vendor.
	Basis entitlementv1.Basis
	// Party is whose contract or grant it rests on, by its place in the list; -1 where it rests on none.
	Party int
	// Contract and Grant are places in that party's lists; -1 where it is none of them.
	Contract, Grant int
	// PlanID of the contract or grant it rests on.
	PlanID string
	// UntilUnixS is the first instant after the one asked about at which the answer may be another one by itself: never later
	// than it is. Never where it stays.
	UntilUnixS int64
	// OpensUnixS is when the plan's hours begin next, of OUTSIDE_PLAN_HOURS; else 0.
	OpensUnixS int64
	// HoursUnknown says that it grants since nothing is known of the hours of the plan at that instant.
	HoursUnknown bool
	// Included and UsedCalls are the allowance of the contract it rests on; 0 where its plan counts none.
	Included, UsedCalls int32
}

// Granted says whether the basis is one of those that grant.
func Granted(b entitlementv1.Basis) bool {
	switch b { //nolint:exhaustive // all others do not
	case entitlementv1.Basis_BASIS_CONTRACT, entitlementv1.Basis_BASIS_GRACE, entitlementv1.Basis_BASIS_COMPLIMENTARY,
		entitlementv1.Basis_BASIS_PROMISE, entitlementv1.Basis_BASIS_PENDING_PROMISE:
		return true
	}
	return false
}
