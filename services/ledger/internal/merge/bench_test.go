package merge_test

import (
	"testing"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

// BenchmarkBrief is of a call of one step, as most that are redirected are.
func BenchmarkBrief(b *testing.B) {
	list := []merge.Event{{UnixUS: 1, Record: &ledgerv1.Record{
		Id: make([]byte, 16), Instance: "p1", Event: &ledgerv1.Record_Decision{Decision: &routingv1.DecisionRecord{
			GatewayId: "pbx", CallId: "c1", Step: 1, DecidedUnixUs: 1e15, Line: "gold", Caller: 13035550101, TraceId: make([]byte, 16),
			FirstSite: "dublin", Customers: []*routingv1.CustomerFact{{Id: "acme", DisplayName: "Acme"}},
		}},
	}}}
	b.ReportAllocs()
	for b.Loop() {
		merge.Brief(list)
	}
}
