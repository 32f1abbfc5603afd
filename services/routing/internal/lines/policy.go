package lines

import (
	"math"
	"slices"
	"strings"
	"unicode"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const transferLine = "out_of_hours.transfer_line"

// text is something that a line has said or shown, and where it stands.
type text struct{ field, value string }

// texts are all of a line's, in order.
func texts(l *routingv1.Line) []text {
	var all []text
	speech := func(field string, s *routingv1.Speech) {
		all = append(all, text{field + ".text", s.GetText()}, text{field + ".media_uri", s.GetMediaUri()})
	}
	id, guide := l.GetIdentification(), l.GetGuidance()
	speech("identification.ask_name", id.GetAskName())
	speech("identification.ask_again", id.GetAskAgain())
	speech("identification.ask_pin", id.GetAskPin())
	speech("announcement", l.GetAnnouncement())
	speech("message_greeting", l.GetMessageGreeting())
	speech("refusal", l.GetRefusal())
	speech("out_of_hours.speech", l.GetOutOfHours().GetSpeech())
	return append(all,
		text{"display_name", l.GetDisplayName()},
		text{"follow_up_owner", l.GetFollowUpOwner()},
		text{"guidance.entitled", guide.GetEntitled()}, text{"guidance.not_entitled", guide.GetNotEntitled()},
		text{"guidance.unknown", guide.GetUnknown()}, text{"guidance.supervisor", guide.GetSupervisor()})
}

// checkPolicy checks what a line says to callers, and to whoever answers.
func checkPolicy(l *routingv1.Line, broken *fault.Violations) {
	hides := l.GetVisibility() != routingv1.Visibility_VISIBILITY_PUBLISHED
	own := Numbers(l, math.MinInt64)
	for _, t := range texts(l) {
		switch {
		case strings.ContainsFunc(t.value, isControl):
			broken.Add(t.field, "", "must hold no control characters but line ends")
		case hides && slices.ContainsFunc(own, func(n phone.Number) bool { return tells(t.value, n) }):
			broken.Add(t.field, Hidden, "must not hold the line's own number, which is hidden")
		}
	}
	checkOutOfHours(l, broken)
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' }

// tells says whether a text has a number in it, however its digits are grouped.
func tells(value string, n phone.Number) bool {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, value)
	return strings.Contains(digits, strings.TrimPrefix(n.String(), "+"))
}

func checkOutOfHours(l *routingv1.Line, broken *fault.Violations) {
	o := l.GetOutOfHours()
	if o == nil {
		return
	}
	if l.GetVisibility() != routingv1.Visibility_VISIBILITY_PUBLISHED {
		broken.Add("out_of_hours", "", "is for lines whose visibility is PUBLISHED; a hidden line goes to its ladder at once")
	}
	reveals := o.GetReveal() == routingv1.Reveal_REVEAL_VERIFIED_ENTITLED
	switch to := o.GetTransferLine(); {
	case to == "" && reveals:
		broken.Add(transferLine, "", "is required where reveal tells its number")
	case to == "":
	case !strings.HasPrefix(to, lineNames) || strings.Count(to, "/") != 1 || to == lineNames:
		broken.Add(transferLine, to, "must be lines/ID")
	case to == l.GetName():
		broken.Add(transferLine, to, "must be another line: the call would go round")
	}
}
