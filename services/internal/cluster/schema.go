package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// MaxSchema is the newest schema that this release can read and write. Schema 1 is that of releases that knew of none;
	// since 2 a stored resource says in which schema it was written, and by which release.
	MaxSchema = 2
	// firstSchema is written where cluster/schema says nothing.
	firstSchema = 1
	// upgradeTries bounds how often an upgrade looks again because a process came meanwhile.
	upgradeTries = 5
	// checkTimeout bounds the look at the schema when a process starts.
	checkTimeout = 2 * time.Second
	// maxNamed bounds how many processes an error names.
	maxNamed = 10
)

// Schema is what this process may write. Safe for concurrent use.
type Schema struct {
	inForce atomic.Int32
	heard   atomic.Bool // what the cluster writes was heard once
	max     int32
	release string
}

func newSchema(cfg Config) *Schema {
	s := &Schema{max: cfg.MaxSchema, release: cfg.Release}
	s.inForce.Store(firstSchema)
	return s
}

// InForce is the schema that the cluster writes, as far as this process has heard. It goes down only where a backup from
// before an upgrade was restored.
func (s *Schema) InForce() int32 { return s.inForce.Load() }

// Max is the newest schema that this process can read and write.
func (s *Schema) Max() int32 { return s.max }

// Release is this process's.
func (s *Schema) Release() string { return s.release }

// learn takes up what cluster/schema says; 0 says nothing.
func (s *Schema) learn(ctx context.Context, log *slog.Logger, said int32) {
	first := said > 0 && !s.heard.Swap(true)
	for before := s.InForce(); said > before; before = s.InForce() {
		if s.inForce.CompareAndSwap(before, said) {
			s.tell(ctx, log, first, before, said)
			return
		}
	}
}

// follow takes up what another truth says, which may be less than what was heard before.
func (s *Schema) follow(ctx context.Context, log *slog.Logger, said int32) {
	first := !s.heard.Swap(true)
	if before := s.inForce.Swap(said); before != said {
		s.tell(ctx, log, first, before, said)
	}
}

// tell logs a change, and a schema that cannot be written. What is heard first is no change.
func (s *Schema) tell(ctx context.Context, log *slog.Logger, first bool, before, now int32) {
	if now > s.max {
		log.ErrorContext(ctx, "the cluster writes a newer schema than this release can: calls go on, and nothing is written "+
			"by this process; start a newer release", "schema", now, "max_schema", s.max, "release", s.release)
		return
	}
	if !first {
		log.InfoContext(ctx, "the cluster writes another schema", "schema", now, "before", before)
	}
}

// readSchema is false where there is none.
func readSchema(value []byte) (int32, bool) {
	var c rpcv1.ClusterSchema
	if value == nil || proto.Unmarshal(value, &c) != nil || c.GetSchema() < firstSchema {
		return 0, false
	}
	return c.GetSchema(), true
}

// Begin is for a process that starts: an error where the cluster writes a schema that this release cannot. A cluster that
// holds nothing at all yet starts with the newest. Where etcd does not answer, nothing is known, and that is no error.
func (s *Service) Begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	e, err := s.store.Get(ctx, schemaKey)
	switch {
	case fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND:
		if err := s.beginCluster(ctx); err != nil {
			s.log.DebugContext(ctx, "this process does not tell whether the cluster is new", "error", err.Error())
		}
		return nil
	case err != nil:
		s.log.WarnContext(ctx, "the cluster's schema is not known yet", "error", err.Error())
		return nil
	}
	schema, ok := readSchema(e.Value)
	if !ok {
		return fmt.Errorf("the cluster's schema (etcd key %s) cannot be read: was it written by hand?", schemaKey)
	}
	if schema > s.cfg.MaxSchema {
		return fmt.Errorf("the cluster writes schema %d since `dayside cluster upgrade`, and this release (%s) knows schemas up "+
			"to %d: start a newer release", schema, s.cfg.Release, s.cfg.MaxSchema)
	}
	s.schema.learn(ctx, s.log, schema)
	return nil
}

// sources are what a cluster that is not new holds some of.
func sources() []string {
	return []string{"schedule/", "entitlement/customers/", "routing/lines/", "routing/drains/"}
}

// beginCluster writes the newest schema where there is nothing else, and nobody who could not read it.
func (s *Service) beginCluster(ctx context.Context) error {
	conditions := []*rpcv1.Condition{coord.Unchanged(schemaKey, 0)}
	for _, prefix := range sources() {
		page, err := s.store.List(ctx, prefix, "", 1)
		if err != nil || len(page.Entries) > 0 {
			return err
		}
		conditions = append(conditions, coord.NothingNewUnder(prefix, page.Revision))
	}
	living, err := s.living(ctx)
	if err != nil || len(living.tooOld(s.cfg.MaxSchema)) > 0 {
		return err
	}
	write, err := s.schemaWrite(s.cfg.MaxSchema)
	if err != nil {
		return err
	}
	if _, err = s.store.Commit(ctx, append(conditions, living.conditions...), []*rpcv1.Write{write}); err == nil {
		s.schema.learn(ctx, s.log, s.cfg.MaxSchema)
	}
	return err
}

func (s *Service) schemaWrite(schema int32) (*rpcv1.Write, error) {
	value, err := proto.Marshal(&rpcv1.ClusterSchema{
		Schema: schema, UpdateTime: timestamppb.New(s.clock.Now()), Release: s.cfg.Release,
	})
	if err != nil {
		return nil, fault.Internal(err)
	}
	return coord.Put(schemaKey, value), nil
}

// lives are the processes that live, with the newest schema each can read, and what must hold for there being no others.
type lives struct {
	maxSchema  map[string]int32
	release    map[string]string
	conditions []*rpcv1.Condition
}

// living reads who lives. Releases before this one have no heartbeat, and are known by what they announce.
func (s *Service) living(ctx context.Context) (lives, error) {
	l := lives{maxSchema: map[string]int32{}, release: map[string]string{}}
	for _, prefix := range []string{discoveryPrefix, statusPrefix} {
		keys, revision, err := s.store.Keys(ctx, prefix)
		if err != nil {
			return l, err
		}
		for _, e := range keys {
			l.maxSchema[instanceOf(e.Key)] = firstSchema
		}
		if prefix == discoveryPrefix { // how far routing is, is written all the time
			l.conditions = append(l.conditions, coord.NothingNewUnder(prefix, revision))
		}
	}
	entries, _, err := s.store.ListAll(ctx, processesPrefix)
	if err != nil {
		return l, err
	}
	for _, e := range entries {
		instance := strings.TrimPrefix(e.Key, processesPrefix)
		if h, ok := readHeartbeat(instance, e.Value); ok {
			l.maxSchema[instance], l.release[instance] = h.GetMaxSchema(), h.GetRelease()
		}
	}
	return l, nil
}

// instanceOf is the process that announces a service, discovery/SERVICE/INSTANCE, or how far it is.
func instanceOf(key string) string {
	if instance, ok := strings.CutPrefix(key, statusPrefix); ok {
		return instance
	}
	_, instance, _ := strings.Cut(strings.TrimPrefix(key, discoveryPrefix), "/")
	return instance
}

// newest is the newest schema that all can read; most where there are none.
func (l lives) newest(most int32) int32 {
	for _, schema := range l.maxSchema {
		most = min(most, schema)
	}
	return most
}

// tooOld names the processes that cannot read a schema, in order.
func (l lives) tooOld(schema int32) []string {
	var names []string
	for instance, most := range l.maxSchema {
		if most >= schema {
			continue
		}
		release := l.release[instance]
		if release == "" {
			release = "of a release before heartbeats"
		}
		names = append(names, fmt.Sprintf("%s (%s, up to schema %d)", instance, release, most))
	}
	slices.Sort(names)
	return names
}
