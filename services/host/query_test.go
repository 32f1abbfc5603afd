package host

import (
	"net/url"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// A parameter that is mistyped is refused, and never passed over.
func TestKnownParameters(t *testing.T) {
	for query, ok := range map[string]bool{
		"customer=customers/acme&outcome=OUTCOME_ANSWERED": true, "page_size=3": true, "pageSize=3": true,
		"start_time=2026-11-24T10:00:00Z": true, "": true,
		"filter=nonsense": false, "bogus=1": false, "customer.name=x": false, "=": false,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var request ledgerv1.ListCallsRequest
		if err := (knownParameters{}).Parse(&request, values, utilities.NewDoubleArray(nil)); (err == nil) != ok {
			t.Errorf("%q: %v", query, err)
		}
	}
	nested := url.Values{"site.display_name": {"Dublin"}, "siteId": {"dublin"}}
	var request schedulev1.CreateSiteRequest
	if err := (knownParameters{}).Parse(&request, nested, utilities.NewDoubleArray(nil)); err != nil ||
		request.GetSite().GetDisplayName() != "Dublin" {
		t.Errorf("a field of a field: %v", err)
	}
}
