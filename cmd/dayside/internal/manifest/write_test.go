package manifest_test

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
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
	}
}

func drawLine(t *rapid.T) *routingv1.Line {
	l := &routingv1.Line{
		Name: "lines/" + slug(t), DisplayName: display(t), Number: drawNumber(t),
		Visibility: routingv1.Visibility(rapid.IntRange(0, 2).Draw(t, "visibility")),
		Strategy:   routingv1.Strategy(rapid.IntRange(0, 2).Draw(t, "strategy")),
		Sites: []*routingv1.LineSite{
			{Site: "sites/" + slug(t)}, {Site: "sites/" + slug(t), Tier: rapid.Int32Range(0, 99).Draw(t, "tier")},
		},
		LastResort: &routingv1.LastResort{Kind: routingv1.LastResort_KIND_PERSON, Target: drawTarget(t)},
	}
	if rapid.Bool().Draw(t, "treatments") {
		l.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment(rapid.IntRange(0, 2).Draw(t, "unknown"))}
	}
	if rapid.Bool().Draw(t, "min_remaining") {
		l.MinRemaining = durationpb.New(0)
	}
	return l
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
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			m = drawSite(t)
		case 1:
			m = drawCustomer(t)
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
	files, err := manifest.Files(manifest.NewSet(set.Sites, set.Customers, set.Lines))
	if err != nil {
		t.Fatal(err)
	}
	var back []manifest.Source
	names := ""
	for _, f := range files {
		back = append(back, manifest.Source(f))
		names += f.Name + " "
	}
	if names != "sites.yaml customers.yaml lines.yaml " {
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
	var many []*entitlementv1.Customer
	for i := range 500 {
		c := &entitlementv1.Customer{Name: fmt.Sprintf("customers/c%03d", i), DisplayName: "C"}
		for j := range 110 {
			c.PhoneNumbers = append(c.PhoneNumbers, &phone_number.PhoneNumber{
				Kind: &phone_number.PhoneNumber_E164Number{E164Number: fmt.Sprintf("+1303555%04d%03d", j, i)},
			})
		}
		many = append(many, c)
	}
	files, err := manifest.Files(manifest.NewSet(nil, many, nil))
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
		"no number":      &routingv1.Line{Number: &phone_number.PhoneNumber{}},
		"no date":        &schedulev1.Site{Holidays: []*schedulev1.Holiday{{Date: &date.Date{Year: 2026}}}},
		"not a resource": &schedulev1.Span{},
	} {
		if err := manifest.Write(&bytes.Buffer{}, m); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(goodSite))
	for _, name := range []string{"sites", "customers", "lines"} {
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
