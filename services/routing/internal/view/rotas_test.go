package view_test

import (
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func dutyWorld() viewtest.World {
	l := viewtest.Line("gold", 61255500100, "dublin")
	l.Rotas = []string{"rotas/nights"}
	nights := viewtest.Rota("nights", 72, viewtest.Turn{From: 0, Person: "anna"}, viewtest.Turn{From: 12, Person: "bob"})
	nights.AcceptWithinS = 900
	return viewtest.World{
		Sites: []*publishedv1.Site{viewtest.Site("dublin")}, Rotas: []*publishedv1.Rota{nights},
		Custody: []viewtest.CustodyOf{viewtest.Custody("nights", "anna", 1, 0)}, Lines: []*routingv1.Line{l},
	}
}

// onDuty is what the line's only rota says at an hour.
func onDuty(t *testing.T, v *view.View, hour float64) view.Duty {
	t.Helper()
	return v.LineByID("gold").Rotas[0].At(viewtest.At(hour).Unix())
}

// next is the view after one record.
func next(t *testing.T, v *view.View, key string, value []byte) (*view.View, []view.Problem) {
	t.Helper()
	b := view.Next(v)
	if value == nil {
		b.Delete(key)
	} else {
		b.Put(key, value)
	}
	return b.View(v.Revision()+1, viewtest.At(0))
}

func TestLinesSeeTheirRotasAndCustodyAsTheyChange(t *testing.T) {
	w := dutyWorld()
	v := w.View()
	if d := onDuty(t, v, 1); !d.Known || d.Person.Name != "people/anna" || !d.Accepted || d.Holder != nil {
		t.Errorf("%+v", d)
	}
	if d := onDuty(t, v, 13); d.Person.ID != "bob" || d.Accepted || d.Holder.ID != "anna" {
		t.Errorf("%+v", d)
	}
	// Custody alone changes.
	records := viewtest.World{Custody: []viewtest.CustodyOf{viewtest.Custody("nights", "bob", 12.5, 12)}}.Records()
	taken, problems := next(t, v, records[0].Key, records[0].Value)
	if d := onDuty(t, taken, 13); len(problems) > 0 || !d.Accepted || d.Holder != nil {
		t.Errorf("%+v, %v", d, problems)
	}
	if d := onDuty(t, v, 13); d.Accepted {
		t.Error("the view before has changed")
	}
	// The rota alone changes, and custody stays.
	w.Rotas[0].People[1].Targets = []string{"+13035550122"}
	changed, _ := next(t, taken, viewtest.RotaRecord(w.Rotas[0]).Key, viewtest.RotaRecord(w.Rotas[0]).Value)
	if d := onDuty(t, changed, 13); !d.Accepted || d.Person.Targets[0].GetTarget().GetPhoneNumber().GetE164Number() != "+13035550122" {
		t.Errorf("%+v", d)
	}
	// It goes, and comes again.
	gone, _ := next(t, changed, published.RotaPrefix+"nights", nil)
	if d := onDuty(t, gone, 13); d.Known || gone.LineByID("gold").Rotas[0].Name != "rotas/nights" || gone.Rota("nights") != nil {
		t.Errorf("%+v", d)
	}
	again, _ := next(t, gone, viewtest.RotaRecord(w.Rotas[0]).Key, viewtest.RotaRecord(w.Rotas[0]).Value)
	if d := onDuty(t, again, 13); !d.Accepted {
		t.Errorf("%+v", d)
	}
	if again.Counts().Rotas != 1 || again.LineByID("gold").TZDataRelease != "2025c" {
		t.Errorf("%+v", again.Counts())
	}
}

func TestRotasThatCannotBeReadKeepWhatWasKnown(t *testing.T) {
	w := dutyWorld()
	v := w.View()
	bad := viewtest.Rota("nights", 24, viewtest.Turn{From: 0, Person: "anna"})
	bad.People[0].Targets = []string{"mailto:anna@example.com"}
	for what, r := range map[string]viewtest.Record{
		"no rota":               {Key: published.RotaPrefix + "nights", Value: []byte{0xff}},
		"a target that is none": viewtest.RotaRecord(bad),
		"no custody":            {Key: published.CustodyPrefix + "nights", Value: []byte{0xff}},
	} {
		for how, b := range map[string]*view.Builder{"watched": view.Next(v), "listed": view.Anew(v)} {
			for _, record := range w.Records() {
				b.Put(record.Key, record.Value)
			}
			b.Put(r.Key, r.Value)
			after, problems := b.View(2, viewtest.At(0))
			if d := onDuty(t, after, 13); len(problems) != 1 || d.Person.ID != "bob" || d.Holder.ID != "anna" {
				t.Errorf("%s, %s: %+v, %v", what, how, d, problems)
			}
		}
	}
	many := viewtest.Line("gold", 61255500100, "dublin")
	for range 9 {
		many.Rotas = append(many.Rotas, "rotas/nights")
	}
	if _, problems := next(t, v, viewtest.LineRecord(many).Key, viewtest.LineRecord(many).Value); len(problems) != 1 {
		t.Error("a line with nine rotas was read")
	}
}
