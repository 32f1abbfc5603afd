package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// Rules of short forms, as errors say them.
const (
	ruleTime   = `must be a time of day, "HH:MM" or "HH:MM:SS"`
	ruleSpan   = `must be "HH:MM-HH:MM": opens from 00:00, closes at 24:00 at the latest, before the opening for the next date`
	ruleDate   = "must be a date that exists, YYYY-MM-DD"
	ruleNumber = "must be E.164: a plus sign, then 7 to 15 digits that begin with a country code"
	ruleTarget = "must be a sip: or sips: URI, or a number in E.164"
	ruleLength = "must be a length of time, such as 20s, 90s or 2m30s"
	// ISO 8601-1:2019, 5.5, with ".." for a side without a bound as in ISO 8601-2.
	ruleInterval = `must be "START/END", instants such as 2026-11-23T09:00Z, or .. for none; the end comes after the start`
	ruleMoment   = `must be an instant, such as 2026-11-23T09:00Z`
)

// shortForm is how a message is written as one text. parse answers with a rule where the text is not right; format
// answers false where the message has no short form.
type shortForm struct {
	parse  func(text string) (m proto.Message, rule string)
	format func(m proto.Message) (text string, ok bool)
	// long allows the field-by-field form besides.
	long bool
	// tag and style are how it is written: a date without quotes, though YAML sees something else than text in it.
	tag   string
	style yaml.Style
}

// shortOf is the short form of a message type.
func shortOf(name protoreflect.FullName) (shortForm, bool) {
	switch name {
	case "dayside.schedule.v1.Span":
		return shortForm{parse: parseSpan, format: formatSpan, style: yaml.DoubleQuotedStyle}, true
	case "google.type.Date":
		return shortForm{parse: parseDate, format: formatDate, tag: "!!timestamp"}, true
	case "google.type.PhoneNumber":
		return shortForm{parse: parseNumber, format: formatNumber}, true
	case "dayside.schedule.v1.Target":
		return shortForm{parse: parseTarget, format: formatTarget}, true
	case "google.protobuf.Duration":
		return shortForm{parse: parseLength, format: formatLength}, true
	case "google.protobuf.Timestamp":
		return shortForm{parse: parseMoment, format: formatMoment}, true
	case "google.type.Interval":
		return shortForm{parse: parseInterval, format: formatInterval}, true
	case "dayside.routing.v1.LineSite":
		return shortForm{parse: parseLineSite, format: formatLineSite, long: true}, true
	case "google.type.Money":
		return shortForm{parse: parseMoney, format: formatMoney}, true
	case "dayside.entitlement.v1.PlanHours":
		return shortForm{parse: parsePlanHours, format: formatPlanHours, long: true}, true
	case "dayside.entitlement.v1.Allowance":
		return shortForm{parse: parseAllowance, format: formatAllowance, long: true}, true
	case "dayside.routing.v1.Speech":
		return shortForm{parse: parseSpeech, format: formatSpeech, long: true}, true
	}
	return shortForm{}, false
}

func parseTime(s string) (*timeofday.TimeOfDay, bool) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, false
	}
	var v [3]int32
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil || len(p) != 2 {
			return nil, false
		}
		v[i] = int32(n)
	}
	if v[0] > 24 || v[1] > 59 || v[2] > 59 || v[0] == 24 && v[1]+v[2] > 0 {
		return nil, false
	}
	return &timeofday.TimeOfDay{Hours: v[0], Minutes: v[1], Seconds: v[2]}, true
}

func formatTime(t *timeofday.TimeOfDay) string {
	if t.GetSeconds() != 0 {
		return fmt.Sprintf("%02d:%02d:%02d", t.GetHours(), t.GetMinutes(), t.GetSeconds())
	}
	return fmt.Sprintf("%02d:%02d", t.GetHours(), t.GetMinutes())
}

func parseSpan(s string) (proto.Message, string) {
	from, to, _ := strings.Cut(s, "-")
	opens, okFrom := parseTime(strings.TrimSpace(from))
	closes, okTo := parseTime(strings.TrimSpace(to))
	switch {
	case !okFrom || !okTo || opens.GetHours() == 24:
		return nil, ruleSpan
	case proto.Equal(opens, closes):
		return nil, "closes when it opens; the whole date is 00:00-24:00"
	}
	return &schedulev1.Span{Open: opens, Close: closes}, ""
}

func formatSpan(m proto.Message) (string, bool) {
	s, _ := m.(*schedulev1.Span)
	return formatTime(s.GetOpen()) + "-" + formatTime(s.GetClose()), s.GetOpen() != nil && s.GetClose() != nil
}

func parseDate(s string) (proto.Message, string) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() == 0 {
		return nil, ruleDate
	}
	return &date.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())}, ""
}

func formatDate(m proto.Message) (string, bool) {
	d, _ := m.(*date.Date)
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay()), true
}

func parseNumber(s string) (proto.Message, string) {
	const minDigits, maxDigits = 7, 15 // ITU-T E.164 (11/2010), 6.2.1
	digits, plus := strings.CutPrefix(s, "+")
	if !plus || len(digits) < minDigits || len(digits) > maxDigits || digits[0] == '0' ||
		strings.Trim(digits, "0123456789") != "" {
		return nil, ruleNumber
	}
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}, ""
}

func formatNumber(m proto.Message) (string, bool) {
	n, _ := m.(*phone_number.PhoneNumber)
	return n.GetE164Number(), n.GetExtension() == ""
}

func parseTarget(s string) (proto.Message, string) {
	scheme, rest, _ := strings.Cut(s, ":")
	if (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")) && rest != "" {
		return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: s}}, ""
	}
	n, rule := parseNumber(s)
	if rule != "" {
		return nil, ruleTarget
	}
	number, _ := n.(*phone_number.PhoneNumber)
	return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: number}}, ""
}

func formatTarget(m proto.Message) (string, bool) {
	t, _ := m.(*schedulev1.Target)
	if t.GetPhoneNumber() != nil {
		return formatNumber(t.GetPhoneNumber())
	}
	return t.GetSipUri(), true
}

func parseLength(s string) (proto.Message, string) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, ruleLength
	}
	return durationpb.New(d), ""
}

func formatLength(m proto.Message) (string, bool) {
	d, _ := m.(*durationpb.Duration)
	text := d.AsDuration().String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text, true
}

// parseLineSite takes a site by its name or its ID, at tier 0 and with no weight of its own.
func parseLineSite(s string) (proto.Message, string) {
	return &routingv1.LineSite{Site: fullName("sites", s)}, ""
}

func formatLineSite(m proto.Message) (string, bool) {
	s, _ := m.(*routingv1.LineSite)
	return s.GetSite(), s.GetTier() == 0 && s.Weight == nil
}

// parseSpeech takes what is said, in the line's language.
func parseSpeech(s string) (proto.Message, string) {
	if s == "" {
		return nil, "must be what is said; leave it out for the program's own words"
	}
	return &routingv1.Speech{Text: s}, ""
}

func formatSpeech(m proto.Message) (string, bool) {
	s, _ := m.(*routingv1.Speech)
	return s.GetText(), s.GetLanguage() == "" && s.GetMediaUri() == ""
}

// parseInterval takes instants of any offset, to the minute or finer.
func parseInterval(s string) (proto.Message, string) {
	from, to, found := strings.Cut(s, "/")
	start, okStart := parseInstant(from)
	end, okEnd := parseInstant(to)
	if !found || !okStart || !okEnd || start != nil && end != nil && !end.AsTime().After(start.AsTime()) {
		return nil, ruleInterval
	}
	return &interval.Interval{StartTime: start, EndTime: end}, ""
}

func formatInterval(m proto.Message) (string, bool) {
	i, _ := m.(*interval.Interval)
	return formatInstant(i.GetStartTime()) + "/" + formatInstant(i.GetEndTime()), true
}

// parseMoment takes one instant.
func parseMoment(s string) (proto.Message, string) {
	t, ok := parseInstant(s)
	if !ok || t == nil {
		return nil, ruleMoment
	}
	return t, ""
}

func formatMoment(m proto.Message) (string, bool) {
	t, _ := m.(*timestamppb.Timestamp)
	return formatInstant(t), t.CheckValid() == nil
}

// unbounded is a side of an interval without a bound.
const unbounded = ".."

func parseInstant(s string) (*timestamppb.Timestamp, bool) {
	if s == unbounded {
		return nil, true
	}
	for _, layout := range []string{"2006-01-02T15:04Z07:00", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() > 0 && t.UTC().Year() < 10000 {
			return timestamppb.New(t), true
		}
	}
	return nil, false
}

func formatInstant(t *timestamppb.Timestamp) string {
	if t == nil {
		return unbounded
	}
	at := t.AsTime()
	if at.Second() == 0 && at.Nanosecond() == 0 {
		return at.Format("2006-01-02T15:04Z07:00")
	}
	return at.Format(time.RFC3339Nano)
}

// refersTo is the collection that a field names a resource of; empty where it names none. Files may have the ID alone.
func refersTo(fd protoreflect.FieldDescriptor) string {
	switch fd.FullName() {
	case "dayside.routing.v1.LineSite.site", "dayside.entitlement.v1.OpenCase.site":
		return "sites"
	case "dayside.routing.v1.OutOfHours.transfer_line", "dayside.entitlement.v1.Plan.lines":
		return "lines"
	case "dayside.routing.v1.Line.offers":
		return "offers"
	case "dayside.entitlement.v1.Offer.plan":
		return "plans"
	case "dayside.entitlement.v1.Customer.parent", "dayside.entitlement.v1.PartnerAccess.partner":
		return "customers"
	case "dayside.routing.v1.Line.rotas":
		return "rotas"
	case "dayside.schedule.v1.Site.calendars", "dayside.schedule.v1.Person.calendars",
		"dayside.schedule.v1.ServiceHours.calendars", "dayside.entitlement.v1.Customer.calendars":
		return "calendars"
	case "dayside.schedule.v1.RotaLayer.members", "dayside.schedule.v1.CrewChange.members",
		"dayside.schedule.v1.RotaOverride.of", "dayside.schedule.v1.RotaOverride.by":
		return "people"
	}
	return ""
}

// fullName is collection/ID, of that or of the ID alone. Nothing stays nothing: of a rota, it is a turn that nobody holds.
func fullName(collection, s string) string {
	if s == "" || strings.Contains(s, "/") {
		return s
	}
	return collection + "/" + s
}
