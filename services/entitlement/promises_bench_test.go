package entitlement_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// cashDesk takes the services that the benchmark asks.
type cashDesk struct {
	promises entitlementv1.PromiseServiceServer
	catalog  entitlementv1.CatalogServiceServer
}

// RegisterService takes what the service registers.
func (d *cashDesk) RegisterService(_ *grpc.ServiceDesc, impl any) {
	switch s := impl.(type) {
	case entitlementv1.PromiseServiceServer:
		d.promises = s
	case entitlementv1.CatalogServiceServer:
		d.catalog = s
	}
}

// BenchmarkAcceptOffer: how long a caller waits for the word that it is recorded, in an etcd that syncs to disk.
func BenchmarkAcceptOffer(b *testing.B) {
	etcd := ownEtcd(b, false)
	d := &cashDesk{}
	entitlement.New(entitlement.Config{
		Store: etcd, Rules: tzdata.Fixed(zonestest.Embedded(b)), Log: slog.New(slog.DiscardHandler), Clock: clock.System{},
	}).Register(d)
	if _, err := d.catalog.CreateOffer(b.Context(), &entitlementv1.CreateOfferRequest{Offer: &entitlementv1.Offer{
		Name: "offers/call", DisplayName: "Help now", Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, Price: euros(90),
		Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "One call and calls back.", Version: "2026-07"}},
	}}); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	var took []time.Duration
	var clk clock.System
	for i := 0; b.Loop(); i++ {
		began := clk.Now()
		_, err := d.promises.AcceptOffer(b.Context(), &entitlementv1.AcceptOfferRequest{
			Offer: "offers/call", RequestId: fmt.Sprint("call-", i, "-of-a-benchmark"), Number: fmt.Sprintf("+6125550%06d", i%1_000_000),
			TermsVersion: "2026-07", How: "pressed 1",
		})
		took = append(took, clk.Now().Sub(began))
		if err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us-p99")
}
