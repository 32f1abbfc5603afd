package history_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

func sample() []history.Event {
	return []history.Event{
		{Run: &history.Run{Seed: 7, Network: "namespaces", Sites: []string{"sites/one"}, Routing: []string{"routing-1"}}},
		{Call: &history.Call{
			ID: "c-1", Asked: history.Route, Begin: time.Second, End: 2 * time.Second, Over: "grpc", Tries: []string{"routing-1"},
			Step: "forward", StepNumber: 1, Targets: []history.Target{{Site: "sites/one"}, {LastResort: true}}, Revision: 12,
		}},
		{Change: &history.Change{Switch: "drains/d", Site: "sites/one", Drain: true, On: true, Outcome: history.Done, Revision: 13}},
		{Fault: &history.Fault{Kind: "kill", On: []string{"routing-1"}, Unreachable: []string{"routing-1"}}},
		{Kept: &history.Kept{ID: "c-1", Found: true, Steps: []int32{1}}},
		{Stall: &history.Stall{Begin: 1, End: 2}},
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	var b bytes.Buffer
	w := history.NewWriter(&b)
	for _, e := range sample() {
		w.Add(e)
	}
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	b.WriteString(`{"call":{"id":"cut of`) // a killed run
	got, err := history.Read(&b)
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("%v\n%+v", err, got)
	}
}

func TestWhatIsNoHistoryIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no event":      "{}\n",
		"two events":    `{"stall":{"begin":1,"end":2},"kept":{"id":"x","found":true}}` + "\n",
		"another field": `{"calls":{}}` + "\n",
		"no JSON":       "route\n",
		"endless":       strings.Repeat("x", 2<<20),
	} {
		if _, err := history.Read(strings.NewReader("{\"stall\":{\"begin\":1,\"end\":2}}\n" + text)); err == nil ||
			!strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	w := history.NewWriter(&b)
	for _, e := range sample() {
		w.Add(e)
	}
	f.Add(b.Bytes())
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := history.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		w := history.NewWriter(&again)
		for _, e := range events {
			w.Add(e)
		}
		if second, err := history.Read(&again); err != nil || !reflect.DeepEqual(second, events) {
			t.Errorf("read again: %v", err)
		}
	})
}
