package decide_test

import (
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// FuzzDecideOnAnyRecords: whatever stands in etcd, a call to a line that can be read has a next step.
func FuzzDecideOnAnyRecords(f *testing.F) {
	w := followTheSun()
	duty := accepting(ahead("anna", "bob", 12))
	w.Lines[0].Rotas = duty.Lines[0].Rotas
	rota := viewtest.RotaRecord(duty.Rotas[0])
	custody := viewtest.World{Custody: duty.Custody}.Records()[0]
	f.Add(viewtest.SiteRecord(w.Sites[0]).Value, viewtest.CustomerRecord(w.Customers[0]).Value,
		viewtest.LineRecord(w.Lines[0]).Value, rota.Value, custody.Value, viewtest.Base, "call-1")
	f.Add([]byte{}, []byte{}, []byte{}, []byte{}, []byte{}, int64(0), "")
	f.Add([]byte{0xff}, []byte{0xff}, []byte{0xff}, []byte{0xff}, []byte{0xff}, int64(-1)<<63, "\x00")
	f.Fuzz(func(t *testing.T, site, customer, line, onDuty, accepted []byte, unixS int64, id string) {
		b := view.Anew(nil)
		b.Put(viewtest.SiteRecord(w.Sites[0]).Key, site)
		b.Put(viewtest.CustomerRecord(w.Customers[0]).Key, customer)
		b.Put("routing/lines/gold", line)
		b.Put(rota.Key, onDuty)
		b.Put(custody.Key, accepted)
		v, _ := b.View(1, viewtest.At(0))
		c := decide.Call{ID: id, LineID: "gold", Caller: firstANI, Gateway: decide.CapabilitiesOf(nil)}
		var d decide.Decision
		decide.Decide(&d, v, c, time.Unix(unixS, 0), decide.MaxSites)
		l := v.LineByID("gold")
		switch {
		case l == nil:
			if d.End != routingv1.EndCause_END_CAUSE_UNKNOWN_LINE {
				t.Fatalf("no line, and %v", d.End)
			}
		case l.Treatment(d.Class) == routingv1.Treatment_TREATMENT_REJECT:
		case len(d.Targets()) == 0 || d.Targets()[len(d.Targets())-1] != l.LastResort:
			t.Fatalf("no next step: %s", ladder(&d))
		}
	})
}
