package cli

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// whenHelp says how times are written.
const whenHelp = `RFC 3339, "2026-12-25 09:00 Europe/Dublin", a date, or now+3h`

const ruleWhen = `must be a time: 2026-12-25T09:00:00Z, "2026-12-25 09:00 Europe/Dublin", 2026-12-25, now, now+3h or now-2d`

// when reads a time that somebody typed; wall-clock times without a zone are those of loc. Errors are usage errors that
// name the flag.
func (a *app) when(flag, text string, loc *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		d, ok := offset(rest)
		if !ok {
			return time.Time{}, usagef("--%s %q: %s", flag, text, ruleWhen)
		}
		return a.Now().Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	wall, zone := text, ""
	if i := strings.LastIndexByte(text, ' '); i >= 0 && !strings.Contains(text[i:], ":") {
		wall, zone = strings.TrimSpace(text[:i]), text[i+1:]
	}
	if zone != "" {
		named, err := a.Location(zone)
		if err != nil {
			return time.Time{}, usagef("--%s %q: %q is no time zone: give an IANA name such as Europe/Dublin", flag, text, zone)
		}
		loc = named
	}
	if _, err := time.Parse(time.DateOnly, wall); err == nil {
		return begins(wall, loc), nil
	}
	for _, layout := range []string{layoutMinute, time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		t, err := time.ParseInLocation(layout, wall, loc)
		if err != nil {
			continue
		}
		if t.Format(layout) != wall {
			return time.Time{}, usagef("--%s %q: is skipped in %s, where the clock is put forward then", flag, text, loc)
		}
		return first(t, layout), nil
	}
	return time.Time{}, usagef("--%s %q: %s", flag, text, ruleWhen)
}

// through reads where something ends: as when, but a bare date, alone or with a zone, includes that day.
func (a *app) through(flag, text string, loc *time.Location) (time.Time, error) {
	date, zone, _ := strings.Cut(strings.TrimSpace(text), " ")
	day, err := time.Parse(time.DateOnly, date)
	if err != nil || strings.Contains(zone, ":") {
		return a.when(flag, text, loc)
	}
	return a.when(flag, day.AddDate(0, 0, 1).Format(time.DateOnly)+" "+zone, loc)
}

// lastOf reads a time that is the last to count; of a date that is the end of the day.
func (a *app) lastOf(flag, text string) (time.Time, error) {
	at, err := a.when(flag, text, time.UTC)
	if err != nil {
		return at, err
	}
	if end, err := a.through(flag, text, time.UTC); err == nil && end.After(at) {
		return end.Add(-time.Microsecond), nil
	}
	return at, nil
}

// spanFlag is a flag's value: how long, in days, too, each of 24 hours.
type spanFlag struct{ d *time.Duration }

func spanVar(flags *pflag.FlagSet, d *time.Duration, name, usage string) {
	flags.Var(spanFlag{d}, name, usage)
}

// Type is how help calls it.
func (spanFlag) Type() string { return "duration" }

// Set reads 48h, 1h30m or 3d.
func (s spanFlag) Set(text string) error {
	if len(text) > 0 && text[0] != '+' && text[0] != '-' {
		text = "+" + text
	}
	d, ok := offset(text)
	if !ok || text == "" {
		return errors.New("must be a duration such as 90m, 48h or 3d")
	}
	*s.d = d
	return nil
}

func (s spanFlag) String() string {
	const day = 24 * time.Hour
	switch {
	case s.d == nil || *s.d == 0:
		return ""
	case *s.d%day == 0:
		return strconv.Itoa(int(*s.d/day)) + "d"
	}
	return s.d.String()
}

const layoutMinute = "2006-01-02 15:04"

// begins is the first instant of a date: midnight, or where the clock skips it the end of the change.
func begins(date string, loc *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, date, loc)
	for range 4 {
		if err != nil || t.Format(time.DateOnly) == date {
			break
		}
		t = t.Add(30 * time.Minute) // of a skipped time, ParseInLocation may take the one before it
	}
	return first(t, layoutMinute)
}

// first is the first instant at which the clock shows what it shows at t.
func first(t time.Time, layout string) time.Time {
	for _, back := range []time.Duration{2 * time.Hour, time.Hour, 30 * time.Minute} {
		if earlier := t.Add(-back); earlier.Format(layout) == t.Format(layout) {
			return earlier
		}
	}
	return t
}

// offset reads what follows "now": "", "+3h", "-2d", "+1h30m".
func offset(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	if m := regexp.MustCompile(`^([+-]\d{1,5})d$`).FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

// at reads --at; nil where it is not given: the server's own now.
func (a *app) at(text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // an unset field of the request
	}
	t, err := a.when("at", text, time.UTC)
	if err != nil {
		return nil, err
	}
	return timestamppb.New(t), nil
}

// utc shows an instant to the minute, or to the second where it has any.
func utc(t time.Time) string { return wallClock(t.UTC()) + " UTC" }

// local shows an instant in its zone.
func local(t time.Time) string { return wallClock(t) + t.Format(" MST") }

func wallClock(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("Mon 2006-01-02 15:04:05")
	}
	return t.Format("Mon 2006-01-02 15:04")
}

// instant shows a timestamp in UTC; a dash where it is unset.
func instant(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return "-"
	}
	return utc(ts.AsTime())
}

// onClock shows a timestamp on a zone's clock as the server reads it, whose rules need not be those of this program: where
// they differ, the offset is shown instead of an abbreviation. Without an offset it is inZone.
func (a *app) onClock(ts *timestamppb.Timestamp, zone string, offset *durationpb.Duration) string {
	if ts == nil || offset == nil {
		return a.inZone(ts, zone)
	}
	if loc, err := a.Location(zone); err == nil {
		if _, east := ts.AsTime().In(loc).Zone(); int64(east) == offset.GetSeconds() {
			return a.inZone(ts, zone)
		}
	}
	return wallClock(ts.AsTime().In(time.FixedZone("", int(offset.GetSeconds())))) + " " + offsetText(offset)
}

// inZone shows a timestamp on a zone's clock; a dash where it is unset, and in UTC where the zone is not known here.
func (a *app) inZone(ts *timestamppb.Timestamp, zone string) string {
	if ts == nil {
		return "-"
	}
	loc, err := a.Location(zone)
	if err != nil || zone == "" {
		return utc(ts.AsTime())
	}
	return local(ts.AsTime().In(loc))
}
