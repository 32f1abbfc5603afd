package coord

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func TestTheLeaderIsDefragmentedLast(t *testing.T) {
	order := defragOrder([]*rpcv1.EtcdMember{
		{Name: "europe", Leader: true}, {Name: "gulf", Learner: true}, {Name: "americas"}, {Name: "asia-pacific"},
	})
	var names []string
	for _, m := range order {
		names = append(names, m.GetName())
	}
	if got := strings.Join(names, " "); got != "americas asia-pacific gulf europe" {
		t.Errorf("the order is %s", got)
	}
}

func TestNoMemberIsTakenOutWhileAnotherIsUnwell(t *testing.T) {
	leads := &rpcv1.EtcdMember{Name: "a", Leader: true}
	for name, c := range map[string]struct {
		members []*rpcv1.EtcdMember
		says    string // empty: nothing is in the way
	}{
		"all are well":       {[]*rpcv1.EtcdMember{leads, {Name: "b"}, {Name: "c"}}, ""},
		"no room":            {[]*rpcv1.EtcdMember{leads, {Name: "b", Alarms: []string{"memberID:1 alarm:NOSPACE "}}}, ""},
		"one is away":        {[]*rpcv1.EtcdMember{leads, {Name: "b", Error: "refused"}}, "b does not answer: refused"},
		"data is corrupt":    {[]*rpcv1.EtcdMember{leads, {Name: "b", Alarms: []string{"alarm:CORRUPT"}}}, "b says alarm:CORRUPT"},
		"nobody leads":       {[]*rpcv1.EtcdMember{{Name: "b"}, {Name: "c"}}, "0 members say that they lead"},
		"an election is on":  {[]*rpcv1.EtcdMember{leads, {Name: "b", Leader: true}}, "2 members say that they lead"},
		"it knows no leader": {[]*rpcv1.EtcdMember{leads, {Name: "b", Alarms: []string{"etcdserver: no leader"}}}, "b says etcdserver: no leader"},
	} {
		if got := unfit(c.members); got != c.says {
			t.Errorf("%s: %q, not %q", name, got, c.says)
		}
	}
}

func TestDefragmentGivesBackWhatIsUnused(t *testing.T) {
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(srv.Close)
	t.Cleanup(end)
	c, err := Open(t.Context(), Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	value := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 8 {
		if _, err := c.Commit(t.Context(), nil, []*rpcv1.Write{Put("k/"+fmt.Sprint(i%2), value)}); err != nil {
			t.Fatal(err)
		}
	}
	e, err := c.Get(t.Context(), "k/1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.etcd.Compact(t.Context(), e.ModRevision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	await.True(t, "etcd to have let go of what was compacted", func() bool {
		// What is free is counted when something is written.
		_, _ = c.Commit(t.Context(), nil, []*rpcv1.Write{Put("k/again", nil)})
		members, _, err := c.Members(t.Context())
		return err == nil && members[0].GetDbBytes()-members[0].GetDbInUseBytes() > 4<<20
	})
	defragment := func(ctx context.Context, minFree int64) (told []Defragmented, err error) {
		err = c.Defragment(ctx, minFree, func(d Defragmented) { told = append(told, d) })
		return told, err
	}
	told, err := defragment(t.Context(), 1<<30)
	if err != nil || len(told) != 1 || told[0].Skipped == "" {
		t.Errorf("what is not worth it is skipped: %+v, %v", told, err)
	}
	told, err = defragment(t.Context(), 1<<20)
	if err != nil || len(told) != 1 || told[0].Skipped != "" || told[0].AfterBytes > told[0].BeforeBytes-(4<<20) {
		t.Errorf("four of eight megabytes are unused: %+v, %v", told, err)
	}
	if after, err := c.Get(t.Context(), "k/0"); err != nil || !bytes.Equal(after.Value, value) {
		t.Errorf("what was there is there: %d bytes, %v", len(after.Value), err)
	}
	end()
	if told, err := defragment(t.Context(), 0); fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || len(told) != 0 {
		t.Errorf("with etcd gone: %+v, %v", told, err)
	}
}
