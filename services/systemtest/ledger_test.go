package systemtest

import (
	"strings"
	"testing"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// TestChangesAreKept: who changed what is in the ledger, by whichever process it was done, and none of it is secret.
func TestChangesAreKept(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		if _, err := updateSite(t.Context(), s.grpc); err != nil {
			t.Fatal(err)
		}
		client := ledgerv1.NewAuditServiceClient(s.grpc)
		list := func(resource string) []string {
			l, err := client.ListAuditEntries(t.Context(), &ledgerv1.ListAuditEntriesRequest{Resource: resource})
			if err != nil {
				return nil // not reached yet
			}
			var methods []string
			for _, e := range l.GetEntries() {
				methods = append(methods, e.GetMethod())
				if strings.Contains(e.GetRequest(), exampleHiddenNumber) {
					t.Errorf("the hidden number is in %s", e.GetRequest())
				}
			}
			return methods
		}
		await.True(t, "the change of a site to be kept", func() bool {
			methods := list("sites/dublin")
			return len(methods) > 0 && methods[0] == "dayside.schedule.v1.ScheduleService/UpdateSite"
		})
		await.True(t, "the configuration that was applied to be kept, once", func() bool {
			return len(list(exampleHiddenLine)) == 1
		})
	})
}
