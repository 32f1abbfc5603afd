package manifest_test

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/dayofweek"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/deploy/examples"
)

func slug(t *rapid.T) string {
	return rapid.StringMatching(`[a-z]([a-z0-9-]{0,20}[a-z0-9])?`).Draw(t, "slug")
}

// display is any text a proto string can hold, and what YAML makes something else of.
func display(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringN(1, 50, 100),
		rapid.SampledFrom([]string{
			"true", "null", "~", "12", "1e3", "0x1f", "2026-12-25", "09:00", "- a", "a: b", "# c", "'", `"`, "\n", " x ", "a\r\nb",
			"\ufeff", "\u0085", "\u2028", "\t", "!tag", "&a", "*a", "<<", "=", "yes", "|", ">", "%", "@", "`", "\x7f", "…",
		})).Draw(t, "display name")
}

func drawDate(t *rapid.T) *date.Date {
	return &date.Date{
		Year: rapid.Int32Range(1900, 9999).Draw(t, "year"), Month: rapid.Int32Range(1, 12).Draw(t, "month"),
		Day: rapid.Int32Range(1, 28).Draw(t, "day"),
	}
}

func drawNumber(t *rapid.T) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{
		Kind: &phone_number.PhoneNumber_E164Number{E164Number: rapid.StringMatching(`\+[1-9][0-9]{6,14}`).Draw(t, "number")},
	}
}

func drawTarget(t *rapid.T) *schedulev1.Target {
	if rapid.Bool().Draw(t, "a number") {
		return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: drawNumber(t)}}
	}
	uri := rapid.StringMatching(`sips?:[a-z0-9.+-]{1,20}@[a-z0-9.-]{1,30}(;transport=tcp)?`).Draw(t, "uri")
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: uri}}
}

func drawSpans(t *rapid.T) []*schedulev1.Span {
	var spans []*schedulev1.Span
	for range rapid.IntRange(0, 3).Draw(t, "spans") {
		open := &timeofday.TimeOfDay{
			Hours: rapid.Int32Range(0, 23).Draw(t, "hours"), Minutes: rapid.Int32Range(0, 59).Draw(t, "minutes"),
		}
		last := &timeofday.TimeOfDay{Hours: 24}
		if open.GetMinutes()%2 == 0 {
			last = &timeofday.TimeOfDay{Hours: open.GetHours(), Minutes: open.GetMinutes(), Seconds: 1}
		}
		spans = append(spans, &schedulev1.Span{Open: open, Close: last})
	}
	return spans
}

// some is a list of up to three, nil where there is none.
func some[T any](t *rapid.T, label string, draw func(*rapid.T) T) []T {
	var list []T
	for range rapid.IntRange(0, 3).Draw(t, label) {
		list = append(list, draw(t))
	}
	return list
}

func drawSite(t *rapid.T) *schedulev1.Site {
	s := &schedulev1.Site{
		Name: "sites/" + slug(t), DisplayName: display(t), TimeZone: "Europe/Dublin",
		Ownership:  schedulev1.Ownership(rapid.IntRange(0, 2).Draw(t, "ownership")),
		Targets:    append(some(t, "targets", drawTarget), drawTarget(t)),
		Etag:       "x",
		CreateTime: &timestamppb.Timestamp{Seconds: 1},
		Holidays: some(t, "holidays", func(t *rapid.T) *schedulev1.Holiday {
			return &schedulev1.Holiday{Date: drawDate(t), DisplayName: display(t)}
		}),
		Exceptions: some(t, "exceptions", func(t *rapid.T) *schedulev1.HoursException {
			return &schedulev1.HoursException{
				Date: drawDate(t), Spans: drawSpans(t), Mode: schedulev1.HoursException_Mode(rapid.IntRange(0, 2).Draw(t, "mode")),
			}
		}),
	}
	s.Calendars = names(t, "calendars")
	s.Capacity = rapid.Int32Range(0, 50).Draw(t, "capacity")
	s.Products = rapid.SampledFrom([][]string{nil, {"db"}, {"web", "0", "on", "1e3"}}).Draw(t, "products")
	s.Languages = rapid.SampledFrom([][]string{nil, {"no"}, {"de", "pt-BR"}}).Draw(t, "languages")
	if rapid.Bool().Draw(t, "hours") {
		s.WeeklyHours = &schedulev1.WeeklyHours{Mon: drawSpans(t), Thu: drawSpans(t), Sun: drawSpans(t)}
	}
	if rapid.Bool().Draw(t, "time-out") {
		s.RingTimeout = &durationpb.Duration{
			Seconds: rapid.Int64Range(1, 179).Draw(t, "s"), Nanos: rapid.SampledFrom([]int32{0, 1, 500000000}).Draw(t, "ns"),
		}
	}
	return s
}

func drawCustomer(t *rapid.T) *entitlementv1.Customer {
	return &entitlementv1.Customer{
		Name: "customers/" + slug(t), DisplayName: display(t), Aliases: some(t, "aliases", display),
		PhoneNumbers: some(t, "numbers", drawNumber), TimeZone: rapid.SampledFrom([]string{"", "Asia/Kolkata"}).Draw(t, "zone"),
		Contracts: some(t, "contracts", func(t *rapid.T) *entitlementv1.Contract {
			c := &entitlementv1.Contract{
				ContractId: "c" + slug(t), Plan: slug(t), StartDate: drawDate(t),
				Product: rapid.SampledFrom([]string{"", "db"}).Draw(t, "product"),
			}
			if rapid.Bool().Draw(t, "ends") {
				c.EndDate = drawDate(t)
			}
			return c
		}),
		OpenCases: some(t, "cases", func(t *rapid.T) *entitlementv1.OpenCase {
			return &entitlementv1.OpenCase{
				CaseId: "CS-" + slug(t), Title: display(t), Site: rapid.SampledFrom([]string{"", "sites/dublin"}).Draw(t, "at"),
			}
		}),
	}
}

func drawSpeech(t *rapid.T) *routingv1.Speech {
	if rapid.Bool().Draw(t, "nothing is said") {
		return nil
	}
	return &routingv1.Speech{
		Text:     rapid.OneOf(rapid.Just(""), rapid.Custom(display)).Draw(t, "said"),
		Language: rapid.SampledFrom([]string{"", "", "no"}).Draw(t, "in"), MediaUri: rapid.SampledFrom([]string{"", "a.wav"}).Draw(t, "media"),
	}
}

// drawPolicy is what a line says and asks.
func drawPolicy(t *rapid.T, l *routingv1.Line) {
	l.Language = rapid.SampledFrom([]string{"", "de", "no", "pt-BR"}).Draw(t, "language")
	l.Announcement, l.MessageGreeting, l.Refusal = drawSpeech(t), drawSpeech(t), drawSpeech(t)
	if rapid.Bool().Draw(t, "identifies") {
		l.Identification = &routingv1.Identification{
			MaxTries: rapid.Int32Range(0, 5).Draw(t, "tries"), Pin: routingv1.PinPolicy(rapid.IntRange(0, 3).Draw(t, "pin")),
			AskName: drawSpeech(t), AskPin: drawSpeech(t),
		}
	}
	if rapid.Bool().Draw(t, "out of hours") {
		l.OutOfHours = &routingv1.OutOfHours{
			Speech: drawSpeech(t), TransferLine: rapid.SampledFrom([]string{"", "lines/gold"}).Draw(t, "transfer"),
			Reveal: routingv1.Reveal(rapid.IntRange(0, 2).Draw(t, "reveal")),
		}
	}
	if rapid.Bool().Draw(t, "guides") {
		l.Guidance = &routingv1.Guidance{Entitled: display(t), Supervisor: display(t)}
	}
	if rapid.Bool().Draw(t, "rings for so long") {
		l.RingBudget, l.OpeningSoon = durationpb.New(95e9), durationpb.New(600e9)
	}
}

func drawLine(t *rapid.T) *routingv1.Line {
	l := &routingv1.Line{
		Name: "lines/" + slug(t), DisplayName: display(t), Number: drawNumber(t),
		Visibility: routingv1.Visibility(rapid.IntRange(0, 2).Draw(t, "visibility")),
		Strategy:   routingv1.Strategy(rapid.IntRange(0, 5).Draw(t, "strategy")),
		Sites: []*routingv1.LineSite{
			{Site: "sites/" + slug(t)}, {Site: "sites/" + slug(t), Tier: rapid.Int32Range(0, 99).Draw(t, "tier")},
		},
		LastResort: &routingv1.LastResort{Kind: routingv1.LastResort_KIND_PERSON, Target: drawTarget(t)},
	}
	if rapid.Bool().Draw(t, "weights") {
		for _, s := range l.GetSites() { // 0 and 1 are other things than none
			s.Weight = proto.Int32(rapid.Int32Range(0, 2).Draw(t, "weight"))
		}
	}
	if rapid.Bool().Draw(t, "treatments") {
		l.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment(rapid.IntRange(0, 6).Draw(t, "unknown"))}
	}
	drawPolicy(t, l)
	l.Rotas = names(t, "rotas")
	if rapid.Bool().Draw(t, "service hours") {
		l.ServiceHours = &schedulev1.ServiceHours{
			TimeZone: "Asia/Kolkata", WeeklyHours: &schedulev1.WeeklyHours{Tue: drawSpans(t)}, Calendars: names(t, "calendars"),
		}
	}
	if rapid.Bool().Draw(t, "min_remaining") {
		l.MinRemaining = durationpb.New(0)
	}
	return l
}

// names are up to three different ones.
func names(t *rapid.T, collection string) []string {
	var out []string
	for _, id := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9]{0,9}`), 0, 3, rapid.ID).Draw(t, collection) {
		out = append(out, collection+"/"+id)
	}
	return out
}

// members are people, some of them nobody.
func members(t *rapid.T) []string {
	return append([]string{"people/" + slug(t)}, some(t, "members", func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "people/anna", "people/on"}).Draw(t, "member")
	})...)
}

// drawInterval has sides without a bound, and instants to the nanosecond.
func drawInterval(t *rapid.T) *interval.Interval {
	start := &timestamppb.Timestamp{
		Seconds: rapid.Int64Range(-2e9, 4e9).Draw(t, "start"), Nanos: rapid.SampledFrom([]int32{0, 0, 1, 5e8}).Draw(t, "ns"),
	}
	if rapid.Bool().Draw(t, "whole minutes") {
		start = &timestamppb.Timestamp{Seconds: start.GetSeconds() / 60 * 60}
	}
	i := &interval.Interval{
		StartTime: start,
		EndTime:   &timestamppb.Timestamp{Seconds: start.GetSeconds() + rapid.Int64Range(1, 1e8).Draw(t, "length")},
	}
	if rapid.IntRange(0, 3).Draw(t, "without a start") == 0 {
		i.StartTime = nil
	}
	if rapid.IntRange(0, 3).Draw(t, "without an end") == 0 {
		i.EndTime = nil
	}
	return i
}

func drawCalendar(t *rapid.T) *schedulev1.Calendar {
	return &schedulev1.Calendar{
		Name: "calendars/" + slug(t), DisplayName: display(t),
		Entries: some(t, "entries", func(t *rapid.T) *schedulev1.CalendarEntry {
			e := &schedulev1.CalendarEntry{
				Date: drawDate(t), Verdict: schedulev1.CalendarEntry_Verdict(rapid.IntRange(0, 4).Draw(t, "verdict")),
				Spans: drawSpans(t), LikeWeekday: dayofweek.DayOfWeek(rapid.IntRange(0, 7).Draw(t, "weekday")),
				DisplayName: display(t),
			}
			if rapid.Bool().Draw(t, "several dates") {
				e.LastDate, e.Observes = drawDate(t), drawDate(t)
			}
			if rapid.Bool().Draw(t, "provenance") {
				e.Provenance = &schedulev1.Provenance{
					Origin: schedulev1.Provenance_Origin(rapid.IntRange(0, 3).Draw(t, "origin")),
					Source: display(t), Uid: display(t), Review: rapid.Bool().Draw(t, "review"),
				}
			}
			return e
		}),
	}
}

func drawPerson(t *rapid.T) *schedulev1.Person {
	p := &schedulev1.Person{
		Name: "people/" + slug(t), DisplayName: display(t), Targets: some(t, "targets", drawTarget),
		TimeZone: rapid.SampledFrom([]string{"", "Asia/Kolkata"}).Draw(t, "zone"), Calendars: names(t, "calendars"),
		Absences: some(t, "absences", func(t *rapid.T) *schedulev1.Absence {
			if rapid.Bool().Draw(t, "dates") {
				return &schedulev1.Absence{FirstDate: drawDate(t), LastDate: drawDate(t)}
			}
			return &schedulev1.Absence{Interval: drawInterval(t), DisplayName: display(t)}
		}),
	}
	if rapid.Bool().Draw(t, "time-out") {
		p.RingTimeout = durationpb.New(25e9)
	}
	return p
}

func drawRota(t *rapid.T) *schedulev1.Rota {
	r := &schedulev1.Rota{
		Name: "rotas/" + slug(t), DisplayName: display(t), TimeZone: "Europe/Dublin",
		NoAcceptance: rapid.Bool().Draw(t, "no acceptance"),
		Overrides: some(t, "overrides", func(t *rapid.T) *schedulev1.RotaOverride {
			return &schedulev1.RotaOverride{
				Kind: schedulev1.RotaOverride_Kind(rapid.IntRange(1, 3).Draw(t, "kind")), Of: "people/" + slug(t),
				By: rapid.SampledFrom([]string{"", "people/bob"}).Draw(t, "by"), Interval: drawInterval(t), DisplayName: display(t),
			}
		}),
	}
	for range rapid.IntRange(1, 3).Draw(t, "layers") {
		l := &schedulev1.RotaLayer{
			Start: "2026-11-23T09:00",
			Unit:  schedulev1.TurnUnit(rapid.IntRange(1, 4).Draw(t, "unit")), Members: members(t),
			Changes: some(t, "changes", func(t *rapid.T) *schedulev1.CrewChange {
				c := &schedulev1.CrewChange{From: "2027-01-04T09:00:00", Members: members(t)}
				if rapid.Bool().Draw(t, "first is named") {
					c.First = proto.Int32(rapid.Int32Range(0, 2).Draw(t, "first"))
				}
				return c
			}),
		}
		if rapid.Bool().Draw(t, "every is given") {
			l.Every = proto.Int32(rapid.Int32Range(1, 1000).Draw(t, "every"))
		}
		if rapid.Bool().Draw(t, "restricted") {
			l.Restrictions = &schedulev1.WeeklyHours{Sat: drawSpans(t)}
		}
		r.Layers = append(r.Layers, l)
	}
	return r
}

// bare is a resource without what the server fills, which no file holds.
func bare(m proto.Message) proto.Message {
	if s, ok := proto.Clone(m).(*schedulev1.Site); ok {
		s.Etag, s.CreateTime = "", nil
		return s
	}
	return m
}

func TestWhatIsWrittenReadsBackTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m proto.Message
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			m = drawSite(t)
		case 1:
			m = drawCustomer(t)
		case 2:
			m = drawCalendar(t)
		case 3:
			m = drawPerson(t)
		case 4:
			m = drawRota(t)
		case 5:
			m = drawPlan(t)
		case 6:
			m = drawOffer(t)
		default:
			m = drawLine(t)
		}
		var b, again bytes.Buffer
		if err := manifest.Write(&b, m); err != nil {
			t.Fatal(err)
		}
		set, err := manifest.Read([]manifest.Source{{Name: "f", Data: b.Bytes()}})
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if set.Len() != 1 || !proto.Equal(set.Resources()[0], bare(m)) {
			t.Fatalf("wrote %v\nread %v\nthrough\n%s", m, set.Resources(), b.String())
		}
		if err := manifest.Write(&again, set.Resources()...); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Fatalf("written again it is another text: %v\n%s\n%s", err, b.String(), again.String())
		}
	})
}

func TestFilesAreDeterministicAndReadable(t *testing.T) {
	sources, err := manifest.LoadFS(examples.Files, examples.FollowTheSun)
	if err != nil {
		t.Fatal(err)
	}
	set, err := manifest.Read(sources)
	if err != nil {
		t.Fatal(err)
	}
	files, err := manifest.Files(manifest.NewSet(set.Resources()...))
	if err != nil {
		t.Fatal(err)
	}
	var back []manifest.Source
	names := ""
	for _, f := range files {
		back = append(back, manifest.Source(f))
		names += f.Name + " "
	}
	if names != "calendars.yaml people.yaml rotas.yaml sites.yaml plans.yaml offers.yaml customers.yaml lines.yaml " {
		t.Errorf("files %s", names)
	}
	again, err := manifest.Read(back)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range set.Resources() {
		if !proto.Equal(m, again.Resources()[i]) {
			t.Errorf("%v came back as %v", m, again.Resources()[i])
		}
	}
}

func TestLargeSetsAreSplitIntoReadableFiles(t *testing.T) {
	var many []proto.Message
	for i := range 500 {
		c := &entitlementv1.Customer{Name: fmt.Sprintf("customers/c%03d", i), DisplayName: "C"}
		for j := range 110 {
			c.PhoneNumbers = append(c.PhoneNumbers, &phone_number.PhoneNumber{
				Kind: &phone_number.PhoneNumber_E164Number{E164Number: fmt.Sprintf("+1303555%04d%03d", j, i)},
			})
		}
		many = append(many, c)
	}
	files, err := manifest.Files(manifest.NewSet(many...))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var back []manifest.Source
	for _, f := range files {
		if len(f.Data) > 1<<20 {
			t.Errorf("%s has %d bytes", f.Name, len(f.Data))
		}
		back = append(back, manifest.Source(f))
	}
	if set, err := manifest.Read(back); err != nil || len(set.Customers) != 500 {
		t.Errorf("read back: %v", err)
	}
}

func TestWhatHasNoFormIsNotWritten(t *testing.T) {
	for name, m := range map[string]proto.Message{
		"an extension": &entitlementv1.Customer{PhoneNumbers: []*phone_number.PhoneNumber{{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+13035550101"}, Extension: "1",
		}}},
		"no number": &routingv1.Line{Number: &phone_number.PhoneNumber{}},
		"no date":   &schedulev1.Site{Holidays: []*schedulev1.Holiday{{Date: &date.Date{Year: 2026}}}},
		"an interval that ends before it starts": &schedulev1.Person{Absences: []*schedulev1.Absence{{
			Interval: &interval.Interval{StartTime: &timestamppb.Timestamp{Seconds: 2}, EndTime: &timestamppb.Timestamp{Seconds: 1}},
		}}},
		"not a resource": &schedulev1.Span{},
	} {
		if err := manifest.Write(&bytes.Buffer{}, m); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(goodSite))
	f.Add([]byte(rotaInFull))
	f.Add([]byte(calendarInFull))
	f.Add([]byte(personInFull))
	for _, name := range []string{"calendars", "people", "rotas", "sites", "customers", "lines"} {
		data, err := examples.Files.ReadFile(examples.FollowTheSun + "/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		for _, doc := range bytes.Split(data, []byte("---\n")) {
			f.Add(doc)
		}
	}
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := manifest.Read([]manifest.Source{{Name: "f", Data: data}})
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := manifest.Write(&b, set.Resources()...); err != nil {
			t.Fatalf("read, but cannot be written: %v", err)
		}
		again, err := manifest.Read([]manifest.Source{{Name: "f", Data: b.Bytes()}})
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		for i, m := range set.Resources() {
			if !proto.Equal(m, again.Resources()[i]) {
				t.Fatalf("%v came back as %v", m, again.Resources()[i])
			}
		}
	})
}
