package validate_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/validate"
)

// TestWhatIsBrokenIsSaidPlainly: field, value where it may be shown, and rule, in words for people.
func TestWhatIsBrokenIsSaidPlainly(t *testing.T) {
	for _, c := range []struct {
		name string
		m    proto.Message
		want []string
		not  string
	}{
		{"what is left out", &schedulev1.Site{}, []string{"display_name: is required", "targets: must have at least one"}, "1 char"},
		{"a number left out", &routingv1.RouteCallRequest{CallId: "1"}, []string{"dialled_number: is required"}, "hidden"},
		{
			"too long", &schedulev1.Site{DisplayName: strings.Repeat("x", 200)},
			[]string{"display_name: \"xxx", "characters"}, "display_name: is required",
		},
		{
			"too short a time", &routingv1.Line{RingBudget: durationpb.New(-3 * time.Minute)},
			[]string{`ring_budget: "-3m0s": must be greater than or equal to 20s`}, "seconds:",
		},
		{"a slug left out", &entitlementv1.Contract{ContractId: "C-1"}, []string{"plan: is required"}, "regex"},
		{
			"what is no slug, or name of something", &entitlementv1.Customer{
				Contracts: []*entitlementv1.Contract{{ContractId: "C-1", Plan: "Gold Support"}}, Parent: "Acme", Language: "German",
				Calendars: []string{"calendars/9to5"},
			},
			[]string{
				`contracts[0].plan: "Gold Support": must be a slug: lower-case letters, digits and hyphens, at most 63`,
				`parent: "Acme": must be customers/ID, where ID is a slug`, `language: "German": must be a language's tag`,
				`calendars[0]: must be calendars/ID, where ID is a slug: a lower-case letter first`,
			}, "regex",
		},
		{
			"numbers", &routingv1.RouteCallRequest{
				DialledNumber: strings.Repeat("61255500100", 9), Caller: &routingv1.Caller{Number: strings.Repeat("13035550101", 9)},
			},
			[]string{"call_id: is required", `dialled_number: "(hidden)": must be`, `caller.number: "130…01": must be`}, "555",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := validate.Message(c.m)
			if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
				t.Fatalf("%v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
			if strings.Contains(err.Error(), c.not) {
				t.Errorf("%q in %v", c.not, err)
			}
		})
	}
}
