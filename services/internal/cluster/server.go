package cluster

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// routing is the service that gateways ask.
	routing = "routing"
	// maxEndpoints bounds what a gateway remembers.
	maxEndpoints = 100
)

// GetCluster tells of the processes, of etcd's members, and of the schema.
func (s *Service) GetCluster(ctx context.Context, _ *rpcv1.GetClusterRequest) (*rpcv1.Cluster, error) {
	members, id, err := s.store.Members(ctx) // an etcd that does not answer takes a second to be told of
	now, self := s.clock.Now(), s.self()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &rpcv1.Cluster{}
	if s.schema.heard.Load() {
		c.Schema = max(s.known.schema, s.schema.InForce())
	}
	if e := s.known.epoch; e != nil {
		c.ClusterId, c.Epoch = fmt.Sprintf("%016x", e.GetClusterId()), hex.EncodeToString(e.GetEpoch())
	}
	if err == nil {
		c.Members, c.ClusterId = members, fmt.Sprintf("%016x", id)
	}
	c.Processes = s.known.tellAll(self)
	since, silent := s.known.silent(now, s.began)
	if s.known.heard.IsZero() {
		silent = silent || err != nil
		if heard := self.GetViewHeardUnixUs(); heard != 0 { // by the process before this one
			since = max(since, now.Sub(time.UnixMicro(heard)))
		}
	}
	if silent {
		c.EtcdSilent = durationpb.New(since)
	}
	return c, nil
}

// tellAll is every process that lives, in order of instance. This one does, whether or not etcd heard it.
func (k *known) tellAll(self *rpcv1.Heartbeat) []*rpcv1.Process {
	all, here := []*rpcv1.Process{}, false
	for _, p := range k.living() {
		all, here = append(all, k.tell(p)), here || p.heartbeat.GetInstance() == k.own
	}
	if !here {
		all = append(all, k.tell(&process{heartbeat: self}))
		slices.SortFunc(all, func(a, b *rpcv1.Process) int {
			return cmp.Compare(a.GetHeartbeat().GetInstance(), b.GetHeartbeat().GetInstance())
		})
	}
	return all
}

// tell is a process as it says of itself, and as its clock compares with mine.
func (k *known) tell(p *process) *rpcv1.Process {
	out := &rpcv1.Process{Heartbeat: p.heartbeat}
	if o, ok := k.offset(p); ok {
		out.ClockAhead = durationpb.New(o)
	}
	if h := p.heartbeat; h.GetViewHeardUnixUs() != 0 {
		age := time.UnixMicro(h.GetWallUnixUs()).Sub(time.UnixMicro(h.GetViewHeardUnixUs()))
		out.ViewAge = durationpb.New(max(age, 0))
	}
	return out
}

// ListEndpoints tells where routing can be asked: who lets itself be found, those first whose clock is right.
func (s *Service) ListEndpoints(context.Context, *rpcv1.ListEndpointsRequest) (*rpcv1.ListEndpointsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &rpcv1.ListEndpointsResponse{Endpoints: s.known.endpoints()}, nil
}

func (k *known) endpoints() []*rpcv1.RoutingEndpoint {
	type endpoint struct {
		*rpcv1.RoutingEndpoint
		back bool
	}
	var all []endpoint
	for name, address := range k.announced {
		instance, ok := strings.CutPrefix(name, routing+"/")
		if !ok {
			continue
		}
		e := endpoint{RoutingEndpoint: &rpcv1.RoutingEndpoint{Address: address, Instance: instance}}
		if p := k.processes[instance]; p != nil {
			e.Region, e.back = p.heartbeat.GetRegion(), p.heartbeat.GetSteppedBack()
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b endpoint) int {
		if a.back != b.back {
			return map[bool]int{false: -1, true: 1}[a.back]
		}
		return cmp.Compare(a.GetInstance(), b.GetInstance())
	})
	out := make([]*rpcv1.RoutingEndpoint, 0, min(len(all), maxEndpoints))
	for _, e := range all[:min(len(all), maxEndpoints)] {
		out = append(out, e.RoutingEndpoint)
	}
	return out
}

// UpgradeCluster raises the schema that is written, where every process that lives can read it.
func (s *Service) UpgradeCluster(ctx context.Context, r *rpcv1.UpgradeClusterRequest) (
	*rpcv1.UpgradeClusterResponse, error,
) {
	var err error
	for range upgradeTries {
		var out *rpcv1.UpgradeClusterResponse
		if out, err = s.upgrade(ctx, r); err == nil {
			return out, nil
		}
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return nil, err
		}
	}
	return nil, err // processes come and go all the time
}

func (s *Service) upgrade(ctx context.Context, r *rpcv1.UpgradeClusterRequest) (*rpcv1.UpgradeClusterResponse, error) {
	before, revision, err := s.readSchema(ctx)
	if err != nil {
		return nil, err
	}
	living, err := s.living(ctx)
	if err != nil {
		return nil, err
	}
	schema := r.GetSchema()
	if schema == 0 {
		schema = max(before, living.newest(s.cfg.MaxSchema))
		if old := living.tooOld(s.cfg.MaxSchema); schema == before && len(old) > 0 {
			return nil, tooOld(s.cfg.MaxSchema, old)
		}
	}
	if err := s.mayUpgrade(before, schema, living); err != nil {
		return nil, err
	}
	out := &rpcv1.UpgradeClusterResponse{Before: before, Schema: schema}
	if schema == before || r.GetValidateOnly() {
		return out, nil
	}
	write, err := s.schemaWrite(schema)
	if err != nil {
		return nil, err
	}
	conditions := append(living.conditions, &rpcv1.Condition{Key: schemaKey, ModRevision: revision})
	if out.Revision, err = s.store.Commit(ctx, conditions, []*rpcv1.Write{write}); err != nil {
		return nil, err
	}
	s.schema.learn(ctx, s.log, schema)
	return out, nil
}

// readSchema is the schema in force and the revision of its key; 0 where there is none.
func (s *Service) readSchema(ctx context.Context) (schema int32, revision int64, err error) {
	e, err := s.store.Get(ctx, schemaKey)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return firstSchema, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	schema, ok := readSchema(e.Value)
	if !ok {
		return 0, 0, fault.WrongState(schemaKey, "the cluster's schema cannot be read: was it written by hand?")
	}
	return schema, e.ModRevision, nil
}

func (s *Service) mayUpgrade(before, schema int32, living lives) error {
	switch {
	case schema > s.cfg.MaxSchema:
		return fault.Invalid(fault.Violation{
			Field: "schema", Value: strconv.Itoa(int(schema)),
			Rule: fmt.Sprintf("must be at most %d, which is the newest that this release (%s) knows", s.cfg.MaxSchema, s.cfg.Release),
		})
	case schema < before:
		return fault.WrongState(schemaKey, fmt.Sprintf(
			"the cluster writes schema %d; an upgrade cannot be taken back (a backup from before it can be restored)", before))
	case schema == before:
		return nil
	}
	if old := living.tooOld(schema); len(old) > 0 {
		return tooOld(schema, old)
	}
	return nil
}

// tooOld says which processes are in the way.
func tooOld(schema int32, names []string) error {
	more := ""
	if len(names) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(names)-maxNamed)
		names = names[:maxNamed]
	}
	return fault.WrongState(schemaKey, fmt.Sprintf("processes that cannot read schema %d: %s%s; start a newer release in "+
		"their place (one that was stopped is gone after some seconds)", schema, strings.Join(names, ", "), more))
}
