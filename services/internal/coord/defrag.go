package coord

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// defragTimeout is how long one member may take to write its database anew.
	defragTimeout = 15 * time.Minute
	// healthyTimeout is how long all members may take to answer again after that, and healthyPoll how often they are asked.
	healthyTimeout = time.Minute
	healthyPoll    = time.Second
)

// Defragmented is what one member gave back; Skipped says why it was left alone, where it was.
type Defragmented struct {
	Member                  string
	BeforeBytes, AfterBytes int64
	Skipped                 string
}

// Defragment has etcd's members give back to the disk what their databases hold unused, where that is minFreeBytes or more:
// one after the other, since a member answers nobody meanwhile, the leader last, since it then steps down, and each only
// while all members answer. Where one does not, or data is corrupt, nothing (more) is done, and it is BACKEND_UNAVAILABLE
// with the reason. Once there is room again, an alarm that there was none is taken back.
//
// With etcd's roles in force it needs a user with the role root. Each member is told of as it is done with.
func (c *Client) Defragment(ctx context.Context, minFreeBytes int64, tell func(Defragmented)) error {
	members, err := c.healthy(ctx)
	if err != nil {
		return err
	}
	for _, m := range defragOrder(members) {
		done := Defragmented{Member: m.GetName(), BeforeBytes: m.GetDbBytes(), AfterBytes: m.GetDbBytes()}
		if m.GetLearner() {
			done.Skipped = "a learner does not take the request; it is defragmented as it starts, where its settings say so"
			tell(done)
			continue
		}
		if free := m.GetDbBytes() - m.GetDbInUseBytes(); free < minFreeBytes {
			done.Skipped = fmt.Sprintf("%d bytes of its database are unused, fewer than %d", free, minFreeBytes)
			tell(done)
			continue
		}
		if err := c.defragMember(ctx, m); err != nil {
			return err
		}
		now, err := c.healthyAgain(ctx)
		if err != nil {
			return err
		}
		for _, n := range now {
			if n.GetName() == m.GetName() {
				done.AfterBytes = n.GetDbBytes()
			}
		}
		tell(done)
	}
	return c.disarmNoSpace(ctx)
}

func (c *Client) defragMember(ctx context.Context, m *rpcv1.EtcdMember) error {
	ctx, cancel := context.WithTimeout(ctx, defragTimeout)
	defer cancel()
	if _, err := c.etcd.Defragment(ctx, m.GetEndpoint()); err != nil {
		return fmt.Errorf("defragmenting %s: %w", m.GetName(), wrap(err))
	}
	return nil
}

// defragOrder is the members by name, the leader last.
func defragOrder(members []*rpcv1.EtcdMember) []*rpcv1.EtcdMember {
	order := slices.Clone(members)
	slices.SortFunc(order, func(a, b *rpcv1.EtcdMember) int {
		switch {
		case a.GetLeader() == b.GetLeader():
			return strings.Compare(a.GetName(), b.GetName())
		case a.GetLeader():
			return 1
		}
		return -1
	})
	return order
}

// unfit says why no member may be taken out for a while; empty: nothing is in the way.
func unfit(members []*rpcv1.EtcdMember) string {
	leaders := 0
	for _, m := range members {
		if m.GetError() != "" {
			return m.GetName() + " does not answer: " + m.GetError()
		}
		for _, alarm := range m.GetAlarms() {
			// No room is what this is the remedy of; anything else is for a person to look at.
			if !strings.Contains(alarm, "NOSPACE") {
				return m.GetName() + " says " + alarm
			}
		}
		if m.GetLeader() {
			leaders++
		}
	}
	if leaders != 1 {
		return fmt.Sprintf("%d members say that they lead", leaders)
	}
	return ""
}

func (c *Client) healthy(ctx context.Context) ([]*rpcv1.EtcdMember, error) {
	members, _, err := c.Members(ctx)
	if err != nil {
		return nil, err
	}
	if why := unfit(members); why != "" {
		f := fault.Unavailable("etcd", nil)
		f.Message = "etcd is not defragmented while not all of its members are well: " + why
		return nil, f
	}
	return members, nil
}

// healthyAgain waits until all members answer, and one leads.
func (c *Client) healthyAgain(ctx context.Context) ([]*rpcv1.EtcdMember, error) {
	ctx, cancel := context.WithTimeout(ctx, healthyTimeout)
	defer cancel()
	for {
		members, err := c.healthy(ctx)
		if err == nil {
			return members, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-c.clock.After(healthyPoll):
		}
	}
}

// disarmNoSpace takes the alarm back where each member has a tenth of its quota free again: until then etcd takes no write.
func (c *Client) disarmNoSpace(ctx context.Context) error {
	members, err := c.healthyAgain(ctx)
	if err != nil {
		return err
	}
	alarmed := false
	for _, m := range members {
		alarmed = alarmed || len(m.GetAlarms()) > 0
		if m.GetDbBytes() > m.GetQuotaBytes()/10*9 {
			return nil
		}
	}
	if !alarmed {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := c.etcd.AlarmDisarm(ctx, &clientv3.AlarmMember{}); err != nil {
		return fmt.Errorf("taking back the alarm: %w", wrap(err))
	}
	return nil
}
