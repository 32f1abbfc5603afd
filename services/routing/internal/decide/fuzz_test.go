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
		case len(d.Targets()) == 0 || !isLastResort(l, d.Targets()[len(d.Targets())-1]):
			t.Fatalf("no next step: %s", ladder(&d))
		}
	})
}

// FuzzDecideOnAnyLiveState: whatever reporters and supervisors wrote, and whatever a call says it has tried, the site that
// is open comes first, and the last resort last.
func FuzzDecideOnAnyLiveState(f *testing.F) {
	calls := viewtest.LiveRecord(viewtest.Calls("a", map[string]int32{"dublin": 9}))
	nobody := viewtest.LiveRecord(viewtest.Presence("dublin", 0, 9))
	drain := viewtest.DrainRecord(viewtest.Closure("flood", "gold", 0, 4))
	f.Add("gateways/a@here", calls.Value, "presence/dublin/site", nobody.Value, drain.Value, "dublin.1", int32(2))
	f.Add("", []byte{}, "presence//", []byte{0xff}, []byte{}, "last-resort", int32(-1))
	w := threeSites()
	f.Fuzz(func(t *testing.T, key string, value []byte, other string, second, closed []byte, tried string, how int32) {
		b := view.Next(w.View())
		b.Put(view.LivePrefix+key, value)
		b.Put(view.LivePrefix+other, second)
		b.Put(view.DrainPrefix+"flood", closed)
		v, _ := b.View(2, viewtest.At(0))
		c := call()
		d := run(v, c, viewtest.At(1))
		targets := d.Targets()
		if len(targets) == 0 || !targets[len(targets)-1].GetLastResort() || d.Open() > 0 && targets[0].GetSite() == "" {
			t.Fatalf("%d sites are open, and the ladder is %s", d.Open(), ladder(d))
		}
		c.Gateway = carrier()
		c.State = &routingv1.ContinuationState{Line: "gold", Tried: []*routingv1.TriedTarget{
			{TargetId: tried, Disposition: routingv1.Disposition(how)},
		}}
		for _, target := range run(v, c, viewtest.At(1)).Targets() {
			if target.GetTargetId() == tried && tried != view.LastResortID {
				t.Fatalf("%s is rung again", tried)
			}
		}
	})
}
