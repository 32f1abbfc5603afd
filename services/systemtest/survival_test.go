package systemtest

import (
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// A cluster of three takes writes while a member is paused or dead, none while two are, and again when one is back.
func TestTheEtcdOfTestsSurvivesAMember(t *testing.T) {
	e := startEtcdCluster(t)
	c := e.client(t)
	write := func() bool {
		_, err := c.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("survival", nil)})
		return err == nil
	}
	e.members[0].pause(t)
	await.True(t, "a write with a member paused", write)
	e.members[0].resume(t)
	e.members[1].kill(t)
	await.True(t, "a write with a member killed", write)
	e.members[2].kill(t)
	if write() {
		t.Error("a write without a quorum")
	}
	e.members[1].run(t)
	await.True(t, "a write with the quorum back", write)
}
