package view_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// keyRecord is a key whose secret is its number, as 32 bytes of a letter.
func keyRecord(t *testing.T, number uint64) viewtest.Record {
	t.Helper()
	var secret [continuation.SecretBytes]byte
	copy(secret[:], strings.Repeat(string(rune('A'+number%26)), len(secret)))
	value, err := continuation.Addition{Number: number, NotBeforeUnixS: viewtest.Base}.Value(secret)
	if err != nil {
		t.Fatal(err)
	}
	return viewtest.Record{Key: continuation.EtcdKey(number), Value: value}
}

func keyNumbers(v *view.View) string {
	var all []string
	for _, k := range v.Ring().Keys() {
		all = append(all, fmt.Sprint(k.Number))
	}
	return strings.Join(all, " ")
}

func TestKeysComeAndGo(t *testing.T) {
	var v *view.View
	empty, _ := view.Anew(nil).View(1, viewtest.At(0))
	if keyNumbers(empty) != "" {
		t.Errorf("a view of nothing has keys %s", keyNumbers(empty))
	}
	apply := func(b *view.Builder, changes ...viewtest.Record) []view.Problem {
		for _, c := range changes {
			if c.Value == nil {
				b.Delete(c.Key)
				continue
			}
			b.Put(c.Key, c.Value)
		}
		var problems []view.Problem
		v, problems = b.View(2, viewtest.At(0))
		return problems
	}
	apply(view.Anew(nil), keyRecord(t, 1), keyRecord(t, 2))
	if keyNumbers(v) != "1 2" {
		t.Errorf("keys %s", keyNumbers(v))
	}
	before := v.Ring()
	if apply(view.Next(v)); v.Ring() != before {
		t.Error("a change of nothing made another ring")
	}
	apply(view.Next(v), viewtest.Record{Key: keyRecord(t, 1).Key}, keyRecord(t, 3))
	if keyNumbers(v) != "2 3" {
		t.Errorf("keys %s", keyNumbers(v))
	}
	bad := keyRecord(t, 3)
	bad.Value = append([]byte{0xff}, "CCCCCCCC"...)
	problems := apply(view.Anew(v), keyRecord(t, 2), bad)
	if keyNumbers(v) != "2 3" || len(problems) != 1 || strings.Contains(fmt.Sprint(problems), "CCC") {
		t.Errorf("keys %s, %v", keyNumbers(v), problems)
	}
}

// A view with a ring opens what another one with the same keys has sealed.
func TestViewsShareKeys(t *testing.T) {
	of := continuation.Of{Gateway: "g", CallID: "1"}
	views := [2]*view.View{}
	for i := range views {
		b := view.Anew(nil)
		b.Put(keyRecord(t, 1).Key, keyRecord(t, 1).Value)
		views[i], _ = b.View(int64(i), viewtest.At(0))
	}
	now := viewtest.At(1)
	token, err := views[0].Ring().Seal(of, 1, &routingv1.ContinuationState{Line: "gold"}, now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := views[1].Ring().Open(of, token, now); err != nil || opened.State.GetLine() != "gold" {
		t.Errorf("%v %v", opened, err)
	}
	if s := fmt.Sprintf("%v %+v", views[0].Ring(), views[0].Ring()); strings.Contains(s, "BBB") {
		t.Errorf("a secret is printed: %s", s)
	}
}

// Rungs are found by what gateways call them.
func TestTargetsByID(t *testing.T) {
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", 61255500100, "dublin")}}
	w.Sites = append(w.Sites, viewtest.Site("dublin"), viewtest.Site("denver"))
	w.Rotas = append(w.Rotas, viewtest.Rota("nights", 72, viewtest.Turn{From: -24, Person: "anna"}))
	w.Lines[0].Rotas = []string{"rotas/nights"}
	l := w.View().LineByID("gold")
	for id, want := range map[string]bool{
		"dublin.1": true, "person.anna.1": true, view.LastResortID: true, "denver.1": false, "": false, "dublin.2": false,
	} {
		if got := l.Target(id); (got != nil) != want || got != nil && got.GetTargetId() != id {
			t.Errorf("%q: %v", id, got)
		}
	}
}
