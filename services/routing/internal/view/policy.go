package view

import (
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// What a line says to callers, and of whom it asks what, is answered with as the line's owner wrote it. Never change it.

// Dialled is the line's number. Where the line is hidden it must be in no log, trace, metric, error, key or URL, and only
// a caller who has the right to it is told.
func (l *Line) Dialled() phone.Number { return l.number }

// Published is true where the number may be shown to anybody.
func (l *Line) Published() bool {
	return l.source.GetVisibility() == routingv1.Visibility_VISIBILITY_PUBLISHED
}

// LanguageTag is the BCP 47 tag of the line's language, such as "pt-BR"; empty where it names none.
func (l *Line) LanguageTag() string { return l.source.GetLanguage() }

// Identification is how callers are asked who they are; nil where the line says nothing.
func (l *Line) Identification() *routingv1.Identification { return l.source.GetIdentification() }

// Announcement is what is said where a treatment is ANNOUNCE or FORWARD_AND_FOLLOW_UP; nil where the line says nothing.
func (l *Line) Announcement() *routingv1.Speech { return l.source.GetAnnouncement() }

// MessageGreeting is said before a message is recorded; nil where the line says nothing.
func (l *Line) MessageGreeting() *routingv1.Speech { return l.source.GetMessageGreeting() }

// Refusal is said before a caller is refused; nil where the line says nothing.
func (l *Line) Refusal() *routingv1.Speech { return l.source.GetRefusal() }

// OutOfHours is what callers of a published line hear while no site is open; nil where they hear nothing.
func (l *Line) OutOfHours() *routingv1.OutOfHours { return l.source.GetOutOfHours() }

// Unserved says that the line has hours of its own, or tells callers when nobody is there: that no site is open then is as
// it is meant.
func (l *Line) Unserved() bool {
	return l.source.GetServiceHours() != nil || l.source.GetOutOfHours() != nil
}

// Guidance is what the answering person is told; nil where the line says nothing.
func (l *Line) Guidance() *routingv1.Guidance { return l.source.GetGuidance() }

// PrimaryLanguage is the primary subtag of a BCP 47 tag in lower case (RFC 5646, section 2.2.1): "pt" of "pt-BR". Empty of
// an empty one.
func PrimaryLanguage(tag string) string {
	primary, _, _ := strings.Cut(tag, "-")
	return strings.ToLower(primary)
}
