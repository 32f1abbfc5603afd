// Package fault is the one typed error of Dayside. Code says what went wrong in its own words; services/internal/rpc maps
// it, in one place, to a gRPC status with google.rpc details. It knows neither gRPC nor a transport.
//
// A refused caller is not a fault: it is a route.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// Violation is one broken rule of a request or a file.
type Violation struct {
	// Field is the path of the field, such as "site.weekly_hours.mon[0].close".
	Field string
	// Value is what stood there, already masked or redacted where the field is sensitive.
	Value string
	// Rule says what would be right.
	Rule string
}

func (v Violation) String() string {
	if v.Value == "" {
		return fmt.Sprintf("%s: %s", v.Field, v.Rule)
	}
	return fmt.Sprintf("%s: %q: %s", v.Field, v.Value, v.Rule)
}

// Fault is an error with a reason that a program can act on. Messages are for people, and hold nothing sensitive.
type Fault struct {
	// Reason is the machine-readable cause.
	Reason rpcv1.Reason
	// Message is one line for people.
	Message string
	// Violations are the broken rules of an INVALID_FIELD or MISSING_REFERENCE, and the gaps of a COVERAGE_GAP.
	Violations []Violation
	// Resource is the name concerned, such as "sites/dublin", where there is one.
	Resource string
	// RetryAfter is how long to wait before another try; 0 says nothing.
	RetryAfter time.Duration
	// Err is the cause. It goes to the log, never to the peer.
	Err error
}

// Error is the message with its violations.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Message)
	for i, v := range f.Violations {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(v.String())
	}
	return b.String()
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Invalid is a request or file that breaks rules. At least one violation.
func Invalid(violations ...Violation) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_INVALID_FIELD, Message: "invalid", Violations: violations}
}

// MissingReference is a resource that names another one that does not exist.
func MissingReference(violations ...Violation) *Fault {
	return &Fault{
		Reason: rpcv1.Reason_REASON_MISSING_REFERENCE, Message: "refers to what does not exist", Violations: violations,
	}
}

// NotFound is a resource that does not exist.
func NotFound(resource string) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_NOT_FOUND, Message: resource + " does not exist", Resource: resource}
}

// AlreadyExists is a resource that cannot be created, since it is there.
func AlreadyExists(resource string) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_ALREADY_EXISTS, Message: resource + " exists already", Resource: resource}
}

// InUse is a resource that others refer to.
func InUse(resource string, by ...string) *Fault {
	return &Fault{
		Reason:   rpcv1.Reason_REASON_IN_USE,
		Message:  fmt.Sprintf("%s is used by %s", resource, strings.Join(by, ", ")),
		Resource: resource,
	}
}

// WrongState is a request that the state a resource is in does not allow. The message says which state, and what would be
// possible.
func WrongState(resource, message string) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_WRONG_STATE, Message: message, Resource: resource}
}

// CoverageGap is a change that would leave lines without a site open and without anybody on duty: one violation a gap,
// whose field is the line. allow_gap makes it all the same.
func CoverageGap(gaps ...Violation) *Fault {
	return &Fault{
		Reason: rpcv1.Reason_REASON_COVERAGE_GAP, Violations: gaps,
		Message: "would leave gaps that nobody covers; allow_gap writes it all the same",
	}
}

// Conflict is a write that lost against a concurrent one, or that was made from an old state.
func Conflict(resource string) *Fault {
	return &Fault{
		Reason: rpcv1.Reason_REASON_CONFLICT, Resource: resource,
		Message: resource + " was changed by somebody else since it was read; read it again and retry",
	}
}

// Unavailable is a backend that did not answer.
func Unavailable(what string, err error) *Fault {
	return &Fault{
		Reason: rpcv1.Reason_REASON_BACKEND_UNAVAILABLE, Message: what + " did not answer", Err: err,
		RetryAfter: time.Second,
	}
}

// LimitExceeded is a limit that protects the process.
func LimitExceeded(message string) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_LIMIT_EXCEEDED, Message: message}
}

// NotInThisRelease is a method that is part of the protocol only.
func NotInThisRelease(message string) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_NOT_IN_THIS_RELEASE, Message: message}
}

// Internal is a defect. The peer learns nothing of the cause.
func Internal(err error) *Fault {
	return &Fault{Reason: rpcv1.Reason_REASON_INTERNAL, Message: "internal error", Err: err}
}

// ReasonOf is the reason of the first Fault in err's chain; UNSPECIFIED where there is none.
func ReasonOf(err error) rpcv1.Reason {
	var f *Fault
	if errors.As(err, &f) {
		return f.Reason
	}
	return rpcv1.Reason_REASON_UNSPECIFIED
}

// Violations gathers broken rules, so that one answer names all of them. The zero value is ready.
type Violations struct{ list []Violation }

// maxViolations bounds one answer; a file with a thousand mistakes is told of the first of them.
const maxViolations = 50

// Add notes a broken rule.
func (v *Violations) Add(field, value, rule string) {
	if len(v.list) < maxViolations {
		v.list = append(v.list, Violation{Field: field, Value: clip(value), Rule: rule})
	}
}

// Append notes several.
func (v *Violations) Append(more ...Violation) {
	for _, m := range more {
		v.Add(m.Field, m.Value, m.Rule)
	}
}

// Err is an INVALID_FIELD fault with all that was noted, or nil.
func (v *Violations) Err() error {
	if len(v.list) == 0 {
		return nil
	}
	return Invalid(v.list...)
}

// clip keeps a value short enough to be read.
func clip(s string) string {
	const maxValueBytes = 100
	if len(s) <= maxValueBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxValueBytes], "") + "…"
}
