package coord_test

import (
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

func TestMembersSayHowTheyAre(t *testing.T) {
	c := open(t)
	members, id, err := c.Members(t.Context())
	if err != nil || len(members) != 1 || id == 0 {
		t.Fatalf("members %v of %x, %v; want one", members, id, err)
	}
	m := members[0]
	if !m.GetLeader() || m.GetLearner() || m.GetError() != "" || len(m.GetAlarms()) != 0 ||
		!strings.HasPrefix(m.GetVersion(), "3.") || m.GetDbBytes() == 0 || m.GetDbInUseBytes() == 0 ||
		m.GetQuotaBytes() != 8<<30 || m.GetRaftAppliedIndex() == 0 {
		t.Errorf("the member says %v", m)
	}
}

func TestMembersOfAnEtcdThatIsGone(t *testing.T) {
	t.Parallel() // it waits, and does nothing meanwhile

	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	srv.Close()
	if members, _, err := c.Members(t.Context()); err == nil {
		t.Errorf("an etcd that is gone says it has %v", members)
	}
}
