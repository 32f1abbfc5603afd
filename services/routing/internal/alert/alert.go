// Package alert is what somebody must know at once because of a call: which alert a decision raises, under which ID, and
// what becomes of one that is seen again.
//
// It is pure: times are arguments, and the same thing has the same ID whoever sees it, so that any number of processes can
// raise it at once. It keeps nothing and tells nobody.
package alert

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
)

// The kinds, for brevity.
const (
	None           = routingv1.AlertKind_ALERT_KIND_UNSPECIFIED
	NobodyThere    = routingv1.AlertKind_ALERT_KIND_NOBODY_THERE
	MessageLeft    = routingv1.AlertKind_ALERT_KIND_MESSAGE_LEFT
	NobodyAnswered = routingv1.AlertKind_ALERT_KIND_NOBODY_ANSWERED
	NotCarried     = routingv1.AlertKind_ALERT_KIND_NOT_CARRIED
)

const (
	// Names is the first part of an alert's name.
	Names = "alerts/"
	// RefreshEvery is how often it is noted at most that one is seen again.
	RefreshEvery = time.Minute
	// keepFor is how long after it was last seen an alert can be read.
	keepFor = 7 * 24 * time.Hour
	// maxRecordingS bounds the length of a message that is believed of a gateway.
	maxRecordingS = 86400
)

// Of is the alert that a decision raises; None of most. It is on the path of a ringing phone.
func Of(d *decide.Decision, tried int) routingv1.AlertKind {
	switch d.Step {
	case routingv1.StepKind_STEP_KIND_END:
		switch d.End { //nolint:exhaustive // all other causes are as the line wants it
		case routingv1.EndCause_END_CAUSE_UNAVAILABLE:
			return NotCarried
		case routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED:
			return NobodyAnswered
		}
	case routingv1.StepKind_STEP_KIND_FORWARD:
		// Where something was tried before, somebody was there.
		if targets := d.Targets(); tried == 0 && len(targets) == 1 && targets[0].GetLastResort() && !meant(d) {
			return NobodyThere
		}
	case routingv1.StepKind_STEP_KIND_UNSPECIFIED, routingv1.StepKind_STEP_KIND_PROMPT, routingv1.StepKind_STEP_KIND_RECORD:
	}
	return None
}

// meant says that nobody is there as the line means it: it is closed by hours, and says when it is served. A site that is
// drained, or has not the skill, is there by hours.
func meant(d *decide.Decision) bool {
	return d.Line.Unserved() && slices.Contains(d.Verdicts(), routingv1.Verdict_VERDICT_SITES_NONE_OPEN)
}

// Seen is one call's reason for an alert.
type Seen struct {
	Kind routingv1.AlertKind
	// Line is the ID of the line, Customer that of the customer; empty where nobody knows.
	Line, Customer string
	// CallID is the gateway's id of the call, Gateway the gateway's own.
	CallID, Gateway string
	// At is when it was seen.
	At time.Time
	// Recording is the message of a MessageLeft.
	Recording *routingv1.Recording
	// kept is the alert as it was kept, where it was: it may hold what this release does not know.
	kept *routingv1.Alert
}

// ID is the last part of the alert's name: of a message one for each message, else one for each kind and line.
func (s Seen) ID() string {
	if s.kept != nil {
		return strings.TrimPrefix(s.kept.GetName(), Names)
	}
	if s.Kind == MessageLeft {
		of := fmt.Sprintf("%d %s%d %s%s", len(s.Gateway), s.Gateway, len(s.CallID), s.CallID, s.Recording.GetUri())
		sum := sha256.Sum256([]byte(of))
		return "message-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	}
	return strings.ReplaceAll(Word(s.Kind), "_", "-") + "-" + s.Line
}

// Word is a kind in metrics and logs: "nobody_there".
func Word(k routingv1.AlertKind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "ALERT_KIND_"))
}

// Note is what is to stand once something was seen, given what stands (nil: nothing). It is nil where that is as it
// should be: the message is known, it was noted within the last minute, or somebody has taken care of it since. One that
// is seen after it was resolved is new again.
func Note(stands *routingv1.Alert, s Seen) *routingv1.Alert {
	switch {
	case stands == nil:
		return s.fresh()
	case s.Kind == MessageLeft:
		return nil
	case stands.GetResolveTime() != nil:
		if s.At.After(stands.GetResolveTime().AsTime()) {
			return s.fresh()
		}
		return nil
	case s.At.Before(stands.GetLastTime().AsTime().Add(RefreshEvery)):
		return nil
	}
	next := proto.CloneOf(stands)
	next.LastTime = timestamppb.New(s.At)
	return next
}

func (s Seen) fresh() *routingv1.Alert {
	if s.kept != nil {
		return proto.CloneOf(s.kept)
	}
	at := timestamppb.New(s.At)
	a := &routingv1.Alert{
		Name: Names + s.ID(), Kind: s.Kind, Line: "lines/" + s.Line, FirstTime: at, LastTime: at,
		// A gateway of this process may bring an id that is no text.
		CallId: strings.ToValidUTF8(s.CallID, "?"), Gateway: strings.ToValidUTF8(s.Gateway, "?"),
	}
	if s.Customer != "" {
		a.Customer = "customers/" + s.Customer
	}
	if s.Kind == MessageLeft {
		a.RecordingUri, a.RecordingLength = s.Recording.GetUri(), length(s.Recording)
	}
	a.Text = text(a)
	return a
}

// length is what a gateway says, as far as it can be believed.
func length(r *routingv1.Recording) *durationpb.Duration {
	l := r.GetLength()
	if !l.IsValid() || l.GetSeconds() < 0 || l.GetNanos() < 0 || l.GetSeconds() > maxRecordingS {
		return nil
	}
	return l
}

func text(a *routingv1.Alert) string {
	switch a.GetKind() {
	case NobodyThere:
		return "A call to " + a.GetLine() + " found no site to ring and nobody on duty: it went to the last resort alone."
	case NobodyAnswered:
		return "Nobody answered a call to " + a.GetLine() + ", the last resort neither."
	case NotCarried:
		by := "A gateway"
		if a.GetGateway() != "" {
			by = "Gateway " + a.GetGateway()
		}
		return by + " could carry nothing that " + a.GetLine() + " has; its callers hear an error."
	case MessageLeft:
		what, by := "A message", "somebody unknown"
		if l := a.GetRecordingLength(); l != nil {
			what = "A message of " + l.AsDuration().Round(time.Second).String()
		}
		if a.GetCustomer() != "" {
			by = a.GetCustomer()
		}
		return what + " was left on " + a.GetLine() + " by " + by + "."
	case None:
	}
	return ""
}

// Resolve is an alert that somebody has taken care of; nil where somebody has already.
func Resolve(stands *routingv1.Alert, by string, now time.Time) *routingv1.Alert {
	if stands.GetResolveTime() != nil {
		return nil
	}
	next := proto.CloneOf(stands)
	next.ResolvedBy, next.ResolveTime = by, timestamppb.New(now)
	return next
}

// Gone says whether an alert is old enough to be forgotten.
func Gone(a *routingv1.Alert, now time.Time) bool {
	return now.After(a.GetLastTime().AsTime().Add(keepFor))
}

// Latest orders alerts, the latest first, those of one instant by name.
func Latest(a, b *routingv1.Alert) int {
	if c := b.GetLastTime().AsTime().Compare(a.GetLastTime().AsTime()); c != 0 {
		return c
	}
	return strings.Compare(a.GetName(), b.GetName())
}
