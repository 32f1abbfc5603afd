package coord

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const (
	// memberTimeout is how long one member may take to say how it is: a connection is opened for that, which is three round
	// trips, and continents are 300 ms apart.
	memberTimeout = 2 * time.Second
	// listMembersTimeout is how long it may take to learn which there are.
	listMembersTimeout = 3 * time.Second
	// maxMembers bounds how many are asked.
	maxMembers = 50
)

// Members is what each of etcd's members says of itself, in order of name, and the cluster's id. Members are asked each for
// itself and all at once: one that does not answer within two seconds is told of with the error. Where none says which
// members there are, it is BACKEND_UNAVAILABLE, within three.
func (c *Client) Members(ctx context.Context) (members []*rpcv1.EtcdMember, clusterID uint64, err error) {
	listing, cancel := context.WithTimeout(ctx, listMembersTimeout)
	defer cancel()
	list, err := hedged(listing, c, func(ctx context.Context) (*clientv3.MemberListResponse, error) {
		// Without quorum the list is still known to each member: it is asked for as that one knows it.
		return c.etcd.MemberList(ctx, clientv3.WithSerializable())
	})
	if err != nil {
		return nil, 0, wrap(err)
	}
	found := list.Members[:min(len(list.Members), maxMembers)]
	members = make([]*rpcv1.EtcdMember, len(found))
	var asking sync.WaitGroup
	for i, m := range found {
		members[i] = &rpcv1.EtcdMember{Name: m.GetName(), Learner: m.GetIsLearner()}
		if len(m.GetClientURLs()) == 0 {
			members[i].Error = "it has not started"
			continue
		}
		members[i].Endpoint = m.GetClientURLs()[0]
		if known := c.etcd.Endpoints(); len(found) == 1 && len(known) == 1 {
			members[i].Endpoint = known[0] // a single one is where it is reached, whatever it says of that
		}
		asking.Go(func() { c.askMember(ctx, members[i]) })
	}
	asking.Wait()
	slices.SortFunc(members, func(a, b *rpcv1.EtcdMember) int {
		return cmp.Or(strings.Compare(a.GetName(), b.GetName()), strings.Compare(a.GetEndpoint(), b.GetEndpoint()))
	})
	return members, list.Header.GetClusterId(), nil
}

// askMember fills in what the member itself says.
func (c *Client) askMember(ctx context.Context, m *rpcv1.EtcdMember) {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	s, err := c.etcd.Status(ctx, m.GetEndpoint())
	if err != nil {
		m.Error = err.Error()
		return
	}
	m.Version, m.Leader, m.Learner = s.Version, s.Leader == s.Header.GetMemberId(), s.IsLearner
	m.DbBytes, m.DbInUseBytes, m.QuotaBytes = s.DbSize, s.DbSizeInUse, s.DbSizeQuota
	m.RaftAppliedIndex, m.Alarms = s.RaftAppliedIndex, s.Errors
}
