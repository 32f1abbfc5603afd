package spool_test

import (
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/spool"
)

// What a process left is shown to the one after it, but for what was delivered; and is delivered all the same.
func TestWhatEarlierProcessesLeftIsShown(t *testing.T) {
	eachMemory(t, func(t *testing.T, cfg spool.Config) {
		s := open(t, cfg)
		var k sink
		stop := run(t, s, k.deliver)
		last := appendAll(t, s, 0, 100)
		await.True(t, "some are delivered", func() bool { return s.Delivered(t.Context(), last) == nil })
		stop()
		appendAll(t, s, 100, 200)
		closeSpool(t, s)
		s = open(t, cfg)
		var shown []string
		if err := s.Earlier(func(entry []byte) { shown = append(shown, string(entry)) }); err != nil {
			t.Fatal(err)
		}
		wantNumbers(t, shown, 100, 200)
		appendAll(t, s, 200, 201)
		if err := s.Earlier(func([]byte) { t.Error("shown after an entry of this process") }); err == nil {
			t.Error("shown too late")
		}
		closeSpool(t, s)
		wantNumbers(t, drain(t, cfg), 100, 201)
	})
}
