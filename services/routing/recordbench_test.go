package routing

import (
	"log/slog"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// BenchmarkRecord is what the record of a call costs it: an entitled caller of a line with four sites.
func BenchmarkRecord(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	s, err := spool.Open(spool.Config{
		Dir: b.TempDir(), SegmentBytes: 256 << 20, MaxBytes: 4 << 30, Clock: clock.System{}, Logger: log,
	})
	if err != nil {
		b.Fatal(err)
	}
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", 61255500100, "a", "b", "c", "d")}}
	for _, id := range []string{"a", "b", "c", "d"} {
		w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Span{0, 8}))
	}
	w.Customers = []*publishedv1.Customer{
		viewtest.Customer("acme", []phone.Number{13035550100}, viewtest.Contract("db", -100, 100)),
	}
	c := decision{
		d: new(decide.Decision), view: w.View(), gateway: "sip", at: viewtest.At(1), step: 1,
		call: decide.Call{
			ID: "0123456789@gateway.example.com", Dialled: 61255500100, Caller: 13035550100, Gateway: decide.CapabilitiesOf(nil),
		},
	}
	decide.Decide(c.d, c.view, c.call, c.at, decide.MaxSites)
	r := newRecords(journal.New(s, "instance-1", clock.System{}, log), clock.System{})
	b.ReportAllocs()
	for b.Loop() {
		r.decided(b.Context(), &c)
	}
	if n := s.Stats().Dropped; n > 0 {
		b.Fatalf("%d records were dropped: measure fewer", n)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
