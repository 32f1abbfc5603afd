package lines_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/lines"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	number    = phone.Number(61255500100)
	published = routingv1.Visibility_VISIBILITY_PUBLISHED
)

func TestCheckNamesFieldValueAndRule(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*routingv1.Line)
		want   string // field "value"; several by blanks; empty: fine
	}{
		"a sound line":            {func(*routingv1.Line) {}, ""},
		"no number":               {func(l *routingv1.Line) { l.Number = nil }, `number ""`},
		"a national number":       {func(l *routingv1.Line) { l.Number = e164("0255500100") }, `number "(hidden)"`},
		"a number with text":      {func(l *routingv1.Line) { l.Number = e164("+61255500100x") }, `number "(hidden)"`},
		"a number of 16 digits":   {func(l *routingv1.Line) { l.Number = e164("+6125550010012345") }, `number "(hidden)"`},
		"a number with extension": {func(l *routingv1.Line) { l.Number.Extension = "7" }, `number "(hidden)"`},
		"no sites":                {func(l *routingv1.Line) { l.Sites = nil }, `sites "0"`},
		"1,001 sites": {func(l *routingv1.Line) {
			l.Sites = slices.Repeat(l.GetSites()[:1], 1001)
		}, `sites "1001"`},
		"a site twice":      {func(l *routingv1.Line) { l.Sites[1].Site = "sites/dublin" }, `sites[1].site "sites/dublin"`},
		"no site's name":    {func(l *routingv1.Line) { l.Sites[1].Site = "dublin" }, `sites[1].site "dublin"`},
		"a name with parts": {func(l *routingv1.Line) { l.Sites[1].Site = "sites/a/b" }, `sites[1].site "sites/a/b"`},
		"tiers": {func(l *routingv1.Line) {
			l.Sites[0].Tier, l.Sites[1].Tier = -1, 100
		}, `sites[0].tier "-1" sites[1].tier "100"`},
		"weights": {func(l *routingv1.Line) {
			l.Sites[0].Weight, l.Sites[1].Weight = proto.Int32(-1), proto.Int32(1001)
		}, `sites[0].weight "-1" sites[1].weight "1001"`},
		"a weight of none":         {func(l *routingv1.Line) { l.Sites[0].Weight = proto.Int32(0) }, ""},
		"no last resort":           {func(l *routingv1.Line) { l.LastResort = nil }, `last_resort ""`},
		"a last resort of no kind": {func(l *routingv1.Line) { l.LastResort.Kind = 0 }, `last_resort.kind "0"`},
		"a last resort nowhere":    {func(l *routingv1.Line) { l.LastResort.Target = nil }, `last_resort.target ""`},
		"a last resort by mail": {func(l *routingv1.Line) {
			l.LastResort.Target = uri("mailto:a@example.com")
		}, `last_resort.target.sip_uri "mailto:a@example.com"`},
		"the last resort is the line": {func(l *routingv1.Line) {
			l.LastResort.Target = &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: e164(number.String())}}
		}, `last_resort.target.phone_number "(hidden)"`},
		"min_remaining of 13 h": {remaining(13 * time.Hour), `min_remaining "13h0m0s"`},
		"min_remaining below 0": {remaining(-time.Second), `min_remaining "-1s"`},
		"half a second":         {remaining(time.Second / 2), `min_remaining "500ms"`},
		"min_remaining of 12 h": {remaining(12 * time.Hour), ""},
		"a rota twice": {func(l *routingv1.Line) {
			l.Rotas = []string{"rotas/a", "rotas/b", "rotas/a"}
		}, `rotas[2] "rotas/a"`},
		"no rota's name": {func(l *routingv1.Line) { l.Rotas = []string{"people/anna", "rotas/a"} }, `rotas[0] "people/anna"`},
		"nine rotas":     {func(l *routingv1.Line) { l.Rotas = slices.Repeat([]string{"rotas/a"}, 9) }, `rotas "9"`},
		"service hours of nothing": {
			func(l *routingv1.Line) { l.ServiceHours = &schedulev1.ServiceHours{} },
			`service_hours.time_zone "" service_hours.weekly_hours ""`,
		},
		"opening soon within two hours": {func(l *routingv1.Line) { l.OpeningSoon = durationpb.New(2 * time.Hour) }, `opening_soon "2h0m0s"`},
		"opening soon":                  {func(l *routingv1.Line) { l.OpeningSoon = durationpb.New(time.Hour) }, ""},
		"a budget of nothing":           {func(l *routingv1.Line) { l.RingBudget = &durationpb.Duration{} }, `ring_budget "0s"`},
		"a budget of 31 minutes":        {func(l *routingv1.Line) { l.RingBudget = durationpb.New(31 * time.Minute) }, `ring_budget "31m0s"`},
		"a budget of 90 s":              {func(l *routingv1.Line) { l.RingBudget = durationpb.New(90 * time.Second) }, ""},
		"a bell in what is said": {func(l *routingv1.Line) {
			l.Announcement = &routingv1.Speech{Text: "Hello\a"}
		}, `announcement.text ""`},
		"two lines are said": {func(l *routingv1.Line) { l.Announcement = &routingv1.Speech{Text: "Hello.\nHold on."} }, ""},
		"the hidden number is told to agents": {func(l *routingv1.Line) {
			l.Guidance = &routingv1.Guidance{Unknown: "They may call +61 (255) 500-100 themselves."}
		}, `guidance.unknown "(hidden)"`},
		"a published number may be said": {func(l *routingv1.Line) {
			l.Visibility, l.Refusal = published, &routingv1.Speech{Text: "You have called +61 255 500 100."}
		}, ""},
		"out of hours on a hidden line": {func(l *routingv1.Line) { l.OutOfHours = &routingv1.OutOfHours{} }, `out_of_hours ""`},
		"out of hours": {func(l *routingv1.Line) {
			l.Visibility, l.OutOfHours = published, &routingv1.OutOfHours{TransferLine: "lines/urgent", Reveal: 2}
		}, ""},
		"transfer to itself": {func(l *routingv1.Line) {
			l.Visibility, l.OutOfHours = published, &routingv1.OutOfHours{TransferLine: "lines/gold"}
		}, `out_of_hours.transfer_line "lines/gold"`},
		"transfer to a site": {func(l *routingv1.Line) {
			l.Visibility, l.OutOfHours = published, &routingv1.OutOfHours{TransferLine: "sites/dublin"}
		}, `out_of_hours.transfer_line "sites/dublin"`},
		"a number told of no line": {func(l *routingv1.Line) {
			l.Visibility, l.OutOfHours = published, &routingv1.OutOfHours{Reveal: routingv1.Reveal_REVEAL_VERIFIED_ENTITLED}
		}, `out_of_hours.transfer_line ""`},
		"several at once": {func(l *routingv1.Line) { l.Number, l.LastResort = nil, nil }, `number "" last_resort ""`},
	} {
		t.Run(what, func(t *testing.T) {
			l := viewtest.Line("gold", number, "dublin", "sydney")
			c.change(l)
			err := lines.Check(l)
			var got []string
			var f *fault.Fault
			if errors.As(err, &f) {
				for _, v := range f.Violations {
					got = append(got, fmt.Sprintf("%s %q", v.Field, v.Value))
					if v.Rule == "" {
						t.Errorf("%s: no rule", v.Field)
					}
				}
			}
			if strings.Join(got, " ") != c.want || (err != nil) != (c.want != "") {
				t.Errorf("%v, want %s", err, c.want)
			}
			if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
				t.Errorf("reason of %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "5550100") {
				t.Errorf("the number is in the error: %v", err)
			}
		})
	}
}

func remaining(d time.Duration) func(*routingv1.Line) {
	return func(l *routingv1.Line) { l.MinRemaining = durationpb.New(d) }
}

func e164(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

func uri(s string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: s}}
}

func TestPublishLeavesTheNumberOut(t *testing.T) {
	l := viewtest.Line("gold", number, "dublin", "sydney")
	l.Product, l.Rotas = "db", []string{"rotas/nights"}
	l.ServiceHours = &schedulev1.ServiceHours{TimeZone: "UTC"}
	p := lines.Publish(l)
	if strings.Join(p.GetRotas(), " ") != "nights" || p.GetServiceHours().GetTimeZone() != "UTC" {
		t.Errorf("published %v", p)
	}
	if p.GetId() != "gold" || p.GetProduct() != "db" || strings.Join(p.GetSites(), " ") != "dublin sydney" {
		t.Errorf("published %v", p)
	}
	if strings.Contains(p.String(), "5550100") {
		t.Errorf("the number is published: %v", p)
	}
}

func TestCoverageDiffers(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*routingv1.Line)
		want   bool
	}{
		"nothing":            {func(*routingv1.Line) {}, false},
		"a name":             {func(l *routingv1.Line) { l.DisplayName = "x" }, false},
		"the order of sites": {func(l *routingv1.Line) { slices.Reverse(l.GetSites()) }, false},
		"a tier":             {func(l *routingv1.Line) { l.Sites[0].Tier = 4 }, false},
		"a site":             {func(l *routingv1.Line) { l.Sites = l.GetSites()[:1] }, true},
		"a rota":             {func(l *routingv1.Line) { l.Rotas = nil }, true},
		"service hours":      {func(l *routingv1.Line) { l.ServiceHours = &schedulev1.ServiceHours{TimeZone: "UTC"} }, true},
	} {
		before := viewtest.Line("gold", number, "dublin", "sydney")
		before.Rotas = []string{"rotas/a"}
		after := proto.CloneOf(before)
		c.change(after)
		if got := lines.CoverageDiffers(before, after); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	if !lines.CoverageDiffers(nil, viewtest.Line("gold", number)) {
		t.Error("a new line has the coverage of none")
	}
}

func TestRulesBetweenLines(t *testing.T) {
	all := map[string]*routingv1.Line{
		"lines/a": viewtest.Line("a", number, "dublin"), "lines/b": viewtest.Line("b", number+1, "cork", "dublin"),
		"lines/c": viewtest.Line("c", number, "cork"), "lines/d": {Name: "lines/d"}, "lines/e": {Name: "lines/e"},
	}
	if got := lines.Sharing(all, 0); len(got) != 1 || got["lines/c"] != "lines/a" {
		t.Errorf("sharing %v", got)
	}
	got := lines.Among(all["lines/b"], "lines/b: ", map[string]bool{"sites/dublin": true}, "rule")
	if len(got) != 1 || got[0] != (fault.Violation{Field: "lines/b: sites[1].site", Value: "sites/dublin", Rule: "rule"}) {
		t.Errorf("places %v", got)
	}
}
