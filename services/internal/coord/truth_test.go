package coord_test

import (
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// Who can go on without etcd hears at once that nobody listens there, and waits for one that does.
func TestKnockHearsARefusalAtOnce(t *testing.T) {
	nobody, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{"127.0.0.1:1"}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Close() }()
	refused := make(chan error, 1)
	began := clock.System{}.Now()
	go func() { refused <- nobody.Knock(t.Context()) }()
	if err := await.Receive(t, "the refusal", refused); err == nil {
		t.Error("nobody listens, and somebody answers")
	}
	if took := (clock.System{}).Now().Sub(began); took > 3*time.Second {
		t.Errorf("it took %v, as long as a request may", took)
	}
	if err := open(t).Knock(t.Context()); err != nil {
		t.Errorf("etcd is there: %v", err)
	}
}
