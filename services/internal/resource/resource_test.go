package resource_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
)

func number(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

func TestDiffShowsFieldsAndHidesNumbers(t *testing.T) {
	a := &routingv1.Line{Name: "lines/gold", Number: number("+61255501000"), DisplayName: "Gold", Etag: "1"}
	b := proto.Clone(a).(*routingv1.Line)
	b.Number, b.DisplayName, b.Etag = number("+61255502000"), "Gold line", "2"
	got := ""
	for _, c := range resource.Diff(a, b, "etag") {
		got += c.GetPath() + ":" + c.GetBefore() + ">" + c.GetAfter() + ";"
	}
	if want := "display_name:Gold>Gold line;number:(hidden)>(hidden);"; got != want {
		t.Errorf("diff %q, want %q", got, want)
	}

	c := &entitlementv1.Customer{PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550101")}}
	d := resource.Diff(nil, c)
	if len(d) != 1 || d[0].GetAfter() != "+13…01" {
		t.Errorf("a caller's number is shown as %v", d)
	}
}

func TestDiffWritesTimesAsFilesDo(t *testing.T) {
	s := &schedulev1.Site{WeeklyHours: &schedulev1.WeeklyHours{Mon: []*schedulev1.Span{{
		Open: &timeofday.TimeOfDay{Hours: 9}, Close: &timeofday.TimeOfDay{Hours: 24},
	}}}}
	d := resource.Diff(nil, s)
	if len(d) != 2 || d[0].GetPath() != "weekly_hours.mon[0].close" || d[0].GetAfter() != "24:00" {
		t.Errorf("diff %v", d)
	}
}

func TestRedactLeavesNoNumber(t *testing.T) {
	for _, m := range []proto.Message{
		&routingv1.RouteCallRequest{
			CallId: "x", DialledNumber: "+61255501000", Caller: &routingv1.Caller{Number: "+61255501000"},
		},
		&routingv1.Line{Number: number("+61255501000")},
		&entitlementv1.Customer{PhoneNumbers: []*phone_number.PhoneNumber{number("+61255501000")}},
		&routingv1.ContinueCallRequest{Continuation: []byte("61255501000")},
	} {
		if text := resource.Redact(m).ProtoReflect().Interface(); strings.Contains(
			prototext(text), "255501") {
			t.Errorf("%T still shows a number: %s", m, prototext(text))
		}
	}
}

func prototext(m proto.Message) string {
	return strings.ReplaceAll(m.(interface{ String() string }).String(), " ", "")
}

func TestMerge(t *testing.T) {
	stored := &schedulev1.Site{Name: "sites/a", DisplayName: "A", TimeZone: "Europe/Dublin"}
	update := &schedulev1.Site{Name: "sites/a", DisplayName: "B"}
	for _, c := range []struct {
		mask []string
		want *schedulev1.Site
	}{
		{nil, &schedulev1.Site{Name: "sites/a", DisplayName: "B", TimeZone: "Europe/Dublin"}},
		{[]string{"time_zone"}, &schedulev1.Site{Name: "sites/a", DisplayName: "A"}},
		{[]string{"display_name"}, &schedulev1.Site{Name: "sites/a", DisplayName: "B", TimeZone: "Europe/Dublin"}},
		{[]string{"*"}, update},
	} {
		got, err := resource.Merge(stored, update, &fieldmaskpb.FieldMask{Paths: c.mask})
		if err != nil || !proto.Equal(got, c.want) {
			t.Errorf("mask %v: %v, %v; want %v", c.mask, got, err, c.want)
		}
	}
	if _, err := resource.Merge(stored, update, &fieldmaskpb.FieldMask{Paths: []string{"colour"}}); fault.ReasonOf(err) !=
		rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("an unknown field in the mask: %v", err)
	}
}

func TestPageTokensOpenNothingElse(t *testing.T) {
	token := resource.PageToken("schedule/sites/x")
	if key, err := resource.AfterKey(token, "schedule/sites/"); err != nil || key != "schedule/sites/x" {
		t.Errorf("own token: %q, %v", key, err)
	}
	for _, bad := range []string{resource.PageToken("entitlement/customers/x"), "%%%"} {
		if _, err := resource.AfterKey(bad, "schedule/sites/"); err == nil {
			t.Errorf("token %q was taken", bad)
		}
	}
}
