package systemtest

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// TestWhoIsHelpedFirstIsFollowedUp: a customer whose contract has ended calls twice, is connected at once, and the business
// side has one task for the next morning in the customer's calendar, by whoever answers for the line.
func TestWhoIsHelpedFirstIsFollowedUp(t *testing.T) {
	s := startOne(t, options{})
	if _, err := routingv1.NewLineServiceClient(s.grpc).UpdateLine(t.Context(), &routingv1.UpdateLineRequest{
		Line: &routingv1.Line{
			Name: exampleHiddenLine, FollowUpOwner: "renewals@vendor.example",
			Treatments: &routingv1.Treatments{NotEntitled: routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP},
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"treatments", "follow_up_owner"}},
	}); err != nil {
		t.Fatal(err)
	}
	client, calls := routingv1.NewRoutingServiceClient(s.grpc), 0
	call := func() *routingv1.Route {
		calls++
		r, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: fmt.Sprint("helped-", calls), DialledNumber: exampleHiddenNumber,
			Caller: &routingv1.Caller{Number: exampleRefusedCaller}, Gateway: &routingv1.GatewayInfo{GatewayId: "sbc"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetRoute()
	}
	await.True(t, "the caller to be forwarded", func() bool {
		return call().GetExplanation().GetTreatment() == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
	})
	business := ledgerv1.NewBusinessServiceClient(s.grpc)
	var tasks []*ledgerv1.FollowUp
	list := func() []*ledgerv1.FollowUp {
		r, err := business.ListFollowUps(t.Context(), &ledgerv1.ListFollowUpsRequest{Customer: "customers/cormorant-bank"})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetFollowUps()
	}
	await.True(t, "a follow-up to be open", func() bool { tasks = list(); return len(tasks) > 0 })
	f := tasks[0]
	// It is a Tuesday, at ten in Dublin: due is Wednesday, at nine.
	if d := f.GetDueDate(); f.GetKind() != ledgerv1.FollowUpKind_FOLLOW_UP_KIND_PROPOSE || f.GetOwner() != "renewals@vendor.example" ||
		f.GetReason() != "called after the contract ended" || d.GetDay() != int32(tuesdayTenUTC().Day()+1) || f.GetDueTime().AsTime().Hour() != 9 {
		t.Errorf("left to be done: %v", f)
	}
	call()
	await.True(t, "the second call to join it, and to be known as such", func() bool {
		tasks = list()
		return len(tasks) == 1 && len(tasks[0].GetCalls()) == 2 && strings.HasPrefix(tasks[0].GetReason(), "second call in 90 days")
	})
	if stdout, stderr, err := s.cli(t, "follow-up", "done", f.GetName(), "--note", "renewed"); err != nil || !strings.Contains(stdout, "is done") {
		t.Errorf("done (%v): %s%s", err, stdout, stderr)
	}
	if stdout, stderr, err := s.cli(t, "follow-up", "list"); err != nil || !strings.Contains(stdout, "no such follow-ups") {
		t.Errorf("open (%v): %s%s", err, stdout, stderr)
	}
}
