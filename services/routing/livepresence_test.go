package routing_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

func TestPresenceAddsUpAndLapses(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := liveHouse(t)
	client := routingv1.NewLiveServiceClient(h.conn)
	set := func(reporter string, agents int32, ttl time.Duration) *routingv1.SetPresenceResponse {
		t.Helper()
		r := &routingv1.SetPresenceRequest{Site: "sites/dublin", Reporter: reporter, Agents: agents}
		if ttl > 0 {
			r.Ttl = durationpb.New(ttl)
		}
		answer, err := client.SetPresence(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.GetRevision() == 0 {
			t.Errorf("no revision: %v", answer)
		}
		return answer
	}
	if got := set("", 2, 0).GetExpireTime().AsTime(); !got.Equal(h.clock.Now().Add(time.Minute).Truncate(time.Second)) {
		t.Errorf("holds until %v, and it is %v", got, h.clock.Now())
	}
	set("desk", 1, 10*time.Second)
	h.awaitLive(t, "dublin 0 calls 3 agents")
	h.clock.Advance(10 * time.Second)
	h.awaitLive(t, "dublin 0 calls 2 agents")
	set("", 0, 0)
	h.awaitLive(t, "dublin 0 calls 0 agents")
	h.clock.Advance(time.Minute)
	h.awaitLive(t, "")
	// A clock is not believed alone: the keys go too, and with them what would be read anew.
	set("", 5, 5*time.Second)
	await.True(t, "the key to go", func() bool {
		keys, _, err := h.etcd.Keys(t.Context(), "routing/live/presence/dublin/site")
		return err == nil && len(keys) == 0
	})
}

func TestPresenceIsOfASiteThatExistsAndOfFewReporters(t *testing.T) {
	h := liveHouse(t)
	client := routingv1.NewLiveServiceClient(h.conn)
	_, err := client.SetPresence(t.Context(), &routingv1.SetPresenceRequest{Site: "sites/atlantis", Agents: 1})
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	for _, bad := range []*routingv1.SetPresenceRequest{
		{Site: "dublin"}, {Site: "sites/dublin", Agents: -1}, {Site: "sites/dublin", Reporter: "A desk"},
		{Site: "sites/dublin", Ttl: durationpb.New(time.Second)}, {Site: "sites/dublin", Ttl: durationpb.New(2 * time.Hour)},
	} {
		_, err := client.SetPresence(t.Context(), bad)
		wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	for i := range 33 {
		_, err = client.SetPresence(t.Context(), &routingv1.SetPresenceRequest{Site: "sites/dublin", Reporter: fmt.Sprintf("desk-%d", i), Agents: 1})
		if i < 32 && err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, err, rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	if _, err := client.SetPresence(t.Context(), &routingv1.SetPresenceRequest{Site: "sites/dublin", Reporter: "desk-7", Agents: 2}); err != nil {
		t.Errorf("one that speaks already: %v", err)
	}
}
