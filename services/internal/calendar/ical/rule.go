package ical

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/daysidehq/dayside/services/internal/hours"
)

// Limits of rules. With them, and with shiftS, the library behind them needs at most some milliseconds to find out that a
// rule never happens.
const (
	maxInterval    = 1000
	maxRuleBytes   = 2000
	maxTimesPerDay = 24
	maxRules       = 2000 // of one file
)

// shiftS is 7600 years. The library looks for a date that does not come up to the year 9999, which takes long. The
// calendar repeats every 400 years, weekdays and all; so rules are expanded that much later, and looked for up to 2399.
const shiftS = 19 * 146_097 * hours.DayS

// rule is an RRULE (RFC 5545, 3.3.10), checked, whose dates and times are those of a clock that never changes.
type rule struct {
	text string
	made *rrule.RRule
	// endless rules have neither COUNT nor UNTIL.
	endless bool
}

// times gives what the rule names, one by one: seconds on that clock since 1970, and false at the end.
func (r *rule) times() func() (wallS int64, more bool) {
	next := r.made.Iterator()
	return func() (int64, bool) {
		at, more := next()
		return at.Unix() - shiftS, more
	}
}

// parseRule checks a rule. Broken says which rule of the house, or of the RFC, it breaks; empty where all is well.
func parseRule(text string, start moment, utc *zone) (r rule, broken string) {
	if len(text) > maxRuleBytes {
		return r, fmt.Sprintf("must have at most %d bytes", maxRuleBytes)
	}
	parts := map[string]string{}
	var known []string
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.ToUpper(text), ";"), ";") {
		name, value, found := strings.Cut(part, "=")
		if _, twice := parts[name]; twice || !found || value == "" {
			return r, "must be NAME=VALUE parts between semicolons, each name once"
		}
		if !strings.Contains(allParts, " "+name+" ") {
			return r, name + " is not a part of a rule that is known here (RFC 5545, 3.3.10)"
		}
		parts[name] = value
		if name != "UNTIL" { // whose meaning depends on a zone that the library must not see
			known = append(known, part)
		}
	}
	if broken := checkParts(parts, start); broken != "" {
		return r, broken
	}
	option, err := rrule.StrToROption(strings.Join(known, ";"))
	if err != nil {
		return r, "must be a rule of RFC 5545, 3.3.10: " + err.Error()
	}
	option.Dtstart = time.Unix(start.wallS+shiftS, 0).UTC()
	if until := parts["UNTIL"]; until != "" {
		if option.Until, broken = parseUntil(until, start, utc); broken != "" {
			return r, broken
		}
		if !option.Until.IsZero() {
			option.Until = time.Unix(option.Until.Unix()+shiftS, 0).UTC()
		}
	}
	if broken := checkOption(*option, parts); broken != "" {
		return r, broken
	}
	made, err := rrule.NewRRule(*option)
	if err != nil {
		return r, "must be a rule of RFC 5545, 3.3.10: " + err.Error()
	}
	return rule{text, made, parts["COUNT"] == "" && parts["UNTIL"] == ""}, ""
}

const (
	allParts = " FREQ UNTIL COUNT INTERVAL BYSECOND BYMINUTE BYHOUR BYDAY BYMONTHDAY BYYEARDAY BYWEEKNO BYMONTH BYSETPOS WKST "
	// oftener are frequencies within a day, of which a calendar of dates has no use and a machine much work.
	oftener = " SECONDLY MINUTELY HOURLY "
)

// checkParts are the rules of the house, and those of RFC 5545 that the library does not check.
func checkParts(parts map[string]string, start moment) string {
	freq := parts["FREQ"]
	has := func(name string) bool { return parts[name] != "" }
	switch {
	case strings.Contains(oftener, " "+freq+" "):
		return "FREQ=" + freq + " must not be used: events repeat at most daily here"
	case has("UNTIL") && has("COUNT"):
		return "must not have both UNTIL and COUNT"
	case start.date && (has("BYHOUR") || has("BYMINUTE") || has("BYSECOND")):
		return "must have no BYHOUR, BYMINUTE or BYSECOND where DTSTART is a date"
	case has("BYWEEKNO") && freq != "YEARLY":
		return "must have BYWEEKNO only with FREQ=YEARLY"
	case has("BYYEARDAY") && freq != "YEARLY":
		return "must have BYYEARDAY only with FREQ=YEARLY"
	case has("BYMONTHDAY") && freq == "WEEKLY":
		return "must not have BYMONTHDAY with FREQ=WEEKLY"
	case has("BYSETPOS") && freq == "DAILY":
		return "must not have BYSETPOS with FREQ=DAILY"
	case strings.ContainsAny(parts["BYDAY"], "123456789") && ((freq != "MONTHLY" && freq != "YEARLY") || has("BYWEEKNO")):
		return "must have numbers in BYDAY only with FREQ=MONTHLY or FREQ=YEARLY, and without BYWEEKNO"
	}
	for name, most := range map[string]int{"COUNT": 1_000_000, "INTERVAL": maxInterval} {
		if n, err := strconv.Atoi(parts[name]); has(name) && (err != nil || n < 1 || n > most) {
			return fmt.Sprintf("must have %s from 1 to %d", name, most)
		}
	}
	return ""
}

// checkOption refuses what would keep the library busy for nothing.
func checkOption(o rrule.ROption, parts map[string]string) string {
	times := max(len(o.Byhour), 1) * max(len(o.Byminute), 1) * max(len(o.Bysecond), 1)
	if times > maxTimesPerDay {
		return fmt.Sprintf("must not happen more than %d times a day", maxTimesPerDay)
	}
	if o.Freq == rrule.WEEKLY && slices.ContainsFunc(o.Bysetpos, func(n int) bool {
		return max(n, -n) > max(len(o.Byweekday), 1)*times
	}) {
		return "must have BYSETPOS within what happens in one week"
	}
	if len(o.Bymonth) > 0 && len(o.Bymonthday) > 0 && !anyDate(o.Bymonth, o.Bymonthday) {
		return "must name a date that exists: no month of BYMONTH=" + parts["BYMONTH"] + " has a day of BYMONTHDAY=" +
			parts["BYMONTHDAY"]
	}
	return ""
}

// anyDate says whether any of the months has any of the days, in a leap year.
func anyDate(months, days []int) bool {
	for _, m := range months {
		for _, d := range days {
			if max(d, -d) <= time.Date(2028, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
				return true
			}
		}
	}
	return false
}

// parseUntil is the last second at which the rule may happen, on the clock of the event's zone. A date is the whole date,
// also where the event has times: then the last day counts.
func parseUntil(text string, start moment, utc *zone) (time.Time, string) {
	until, broken := parseMoment(text, start.zone, utc)
	if broken == ruleYears && len(text) >= 8 && text[:4] > "2100" {
		return time.Time{}, "" // as if it had no end: 99991231 is common
	}
	if broken != "" {
		return time.Time{}, "UNTIL " + broken
	}
	wallS := until.wallS
	switch {
	case start.date:
		wallS = until.day() * hours.DayS
	case until.date:
		wallS += hours.DayS - 1
	default:
		wallS = until.in(start.zone).wallS
	}
	if wallS < start.wallS {
		return time.Time{}, "must have UNTIL not before DTSTART"
	}
	return time.Unix(wallS, 0).UTC(), ""
}
