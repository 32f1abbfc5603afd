package host

import (
	"context"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// TestAnEtcdThatWasReplaced: where nothing was saved, an empty etcd takes the place of the one before. Processes that ran on
// take a configuration again, without being started again: nothing that they knew of the truth before stands in its way.
func TestAnEtcdThatWasReplaced(t *testing.T) {
	start := func(listen string) *embed.Server {
		srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: listen, Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		return srv
	}
	first := start("127.0.0.1:0")
	endpoint := first.Endpoint()
	p, stopped := run(t, house{endpoint}.config(t, "one", Schedule, Entitlement, Routing))
	defer stopped()
	apply := func() (*routingv1.ApplyConfigurationResponse, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return routingv1.NewConfigurationServiceClient(p.Conn()).ApplyConfiguration(ctx, oneLineOneSite())
	}
	if _, err := apply(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := start(endpoint)
	defer second.Close()
	var err error
	await.True(t, "the configuration to be taken", func() bool {
		var r *routingv1.ApplyConfigurationResponse
		r, err = apply()
		if err != nil {
			t.Log(err)
			await.Receive(t, "half a second", p.clock.After(500*time.Millisecond))
		}
		return err == nil && len(r.GetChanges()) > 0
	})
	await.True(t, "a call to be answered", func() bool { return ring(t, p.Conn()).GetLine() == "lines/gold" })
}
