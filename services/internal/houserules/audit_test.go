package houserules

import (
	"fmt"
	"regexp"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	_ "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// reading are methods that change nothing, by how their names begin.
var reading = regexp.MustCompile(
	`^(Simulate|(Get|List|Query|Explain|Watch|Check|Diff|Seed|Plan|Read|Await|Identify|Verify|Replay|Export|Tell)[A-Z].*)$`)

// unaudited are methods that change something no operator would ask about, or that is kept elsewhere.
var unaudited = map[protoreflect.FullName]string{
	"dayside.routing.v1.RoutingService.RouteCall":          "a call's own record says it",
	"dayside.routing.v1.RoutingService.ContinueCall":       "a call's own record says it",
	"dayside.routing.v1.RoutingService.ReportCall":         "a call's own record says it",
	"dayside.routing.v1.RoutingService.ConnectGateway":     "live state, which lapses by itself",
	"dayside.routing.v1.LiveService.SetPresence":           "live state, which lapses by itself",
	"dayside.ledger.v1.LedgerService.AppendRecords":        "it is how records come to the ledger",
	"dayside.ledger.v1.BusinessService.EraseCallers":       "ErasePerson, which asks for it, is audited",
	"dayside.entitlement.v1.ContactService.SendLink":       "anybody may ask; what a link leads to is audited",
	"dayside.entitlement.v1.ContactService.OpenSession":    "what is done in a session is audited",
	"dayside.entitlement.v1.ContactService.SelectCustomer": "what is done in a session is audited",
	"dayside.entitlement.v1.ContactService.CloseSession":   "what is done in a session is audited",
}

// TestEveryChangeIsAudited: whatever is not known to change nothing must be told to the auditor, and only that. A stream
// cannot be: the chain tells of unary calls.
func TestEveryChangeIsAudited(t *testing.T) {
	var wrong []string
	seen := map[protoreflect.FullName]bool{}
	for _, file := range daysideFiles() {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				seen[methods.Get(j).FullName()] = true
				if why := auditWrong(methods.Get(j)); why != "" {
					wrong = append(wrong, fmt.Sprintf("%s: %s", methods.Get(j).FullName(), why))
				}
			}
		}
	}
	for name := range unaudited {
		if !seen[name] {
			wrong = append(wrong, string(name)+": is excused here, and does not exist")
		}
	}
	report(t, wrong)
}

func auditWrong(m protoreflect.MethodDescriptor) string {
	audited, _ := proto.GetExtension(m.Options(), rpcv1.E_Audited).(bool)
	_, excused := unaudited[m.FullName()]
	harmless := excused || reading.MatchString(string(m.Name()))
	switch {
	case audited && (m.IsStreamingClient() || m.IsStreamingServer()):
		return "is a stream, of which the auditor is not told"
	case audited && harmless:
		return "is audited, and changes nothing"
	case !audited && !harmless:
		return "changes something, and says no (dayside.rpc.v1.audited)"
	}
	return ""
}

func TestAnAuditThatIsMissingIsFound(t *testing.T) {
	for _, file := range daysideFiles() {
		for i := range file.Services().Len() {
			if m := file.Services().Get(i).Methods().ByName("CreateLine"); m != nil && auditWrong(renamed{m, "GetLine"}) == "" {
				t.Error("an audited method that only reads is not found")
			}
			if m := file.Services().Get(i).Methods().ByName("GetLine"); m != nil && auditWrong(renamed{m, "CreateLine"}) == "" {
				t.Error("a method that changes something and is not audited is not found")
			}
		}
	}
}

// renamed is a method under another name.
type renamed struct {
	protoreflect.MethodDescriptor
	name protoreflect.Name
}

// Name is the other one.
func (r renamed) Name() protoreflect.Name { return r.name }
