package answer

import (
	"strings"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Explained is why a site is open or closed at an instant.
type Explained struct {
	Site     *schedulev1.Site
	Location *time.Location
	Reason   hours.Reason
	// AtUnixS is the instant; [FromUnixS, ToUnixS) is the range that the reason looked at.
	AtUnixS, FromUnixS, ToUnixS int64
	TZDataRelease               string
}

// Explain is the answer, with the sentence.
func Explain(e Explained) *schedulev1.ExplainSiteResponse {
	out := &schedulev1.ExplainSiteResponse{
		Site: e.Site.GetName(), At: stamp(e.AtUnixS), Open: e.Reason.Open, RuleKind: ruleKind(e.Reason.Kind),
		Rule: e.Reason.Rule, TimeZone: e.Site.GetTimeZone(), TzdataRelease: e.TZDataRelease,
	}
	if e.Reason.SinceUnixS > e.FromUnixS {
		out.Since = stamp(e.Reason.SinceUnixS)
	}
	if e.Reason.UntilUnixS < e.ToUnixS {
		out.Until = stamp(e.Reason.UntilUnixS)
	}
	out.Sentence = sentence(e, out)
	return out
}

// sentence is such as "Dublin is closed at Tue 24 Nov 13:00 GMT: between 12:30 and 13:30 by weekly hours, Tue
// 08:00-12:30, 13:30-17:00; opens at 13:30".
func sentence(e Explained, r *schedulev1.ExplainSiteResponse) string {
	at := time.Unix(e.AtUnixS, 0).In(e.Location)
	name := e.Site.GetDisplayName()
	if name == "" {
		name = e.Site.GetName()
	}
	state, then := "closed", "opens"
	if r.GetOpen() {
		state, then = "open", "closes"
	}
	var b strings.Builder
	b.WriteString(name + " is " + state + " at " + at.Format("Mon 2 Jan "+clockLayout(at)+" MST") + ": ")
	since, until := moment(r.GetSince().GetSeconds(), at), moment(r.GetUntil().GetSeconds(), at)
	switch {
	case r.GetSince() != nil && r.GetUntil() != nil:
		b.WriteString("between " + since + " and " + until + " ")
	case r.GetSince() != nil:
		b.WriteString("since " + since + " ")
	case r.GetUntil() != nil:
		b.WriteString("until " + until + " ")
	}
	b.WriteString("by " + r.GetRule() + "; ")
	if r.GetUntil() == nil {
		return b.String() + "it is not known to change"
	}
	return b.String() + then + " at " + until
}

// moment is an instant beside another one on the same clock, in as few words as leave no doubt.
func moment(unixS int64, beside time.Time) string {
	t := time.Unix(unixS, 0).In(beside.Location())
	layout := clockLayout(t)
	y1, m1, d1 := t.Date()
	y2, m2, d2 := beside.Date()
	if y1 != y2 {
		layout = "Mon 2 Jan 2006 " + layout
	} else if m1 != m2 || d1 != d2 {
		layout = "Mon 2 Jan " + layout
	}
	// The clock changed in between: the same time may come twice.
	if t.Format("MST -0700") != beside.Format("MST -0700") {
		layout += " MST"
	}
	return t.Format(layout)
}

func clockLayout(t time.Time) string {
	if t.Second() != 0 {
		return "15:04:05"
	}
	return "15:04"
}

func ruleKind(k hours.Kind) schedulev1.HoursRule {
	switch k {
	case hours.ByWeekly:
		return schedulev1.HoursRule_HOURS_RULE_WEEKLY
	case hours.ByHoliday:
		return schedulev1.HoursRule_HOURS_RULE_HOLIDAY
	case hours.ByException:
		return schedulev1.HoursRule_HOURS_RULE_EXCEPTION
	case hours.ByCalendar:
		return schedulev1.HoursRule_HOURS_RULE_CALENDAR
	}
	return schedulev1.HoursRule_HOURS_RULE_UNSPECIFIED
}
