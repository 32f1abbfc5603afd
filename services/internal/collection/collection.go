// Package collection keeps the resources of one kind in etcd as AIP wants them kept: read, listed, created, updated and
// deleted with etags, request ids and validate_only, singly or as a plan of many. The owner says how a resource is
// checked and compiled; source and compiled record are committed together or not at all.
//
// It holds no cache: views do (see services/routing/internal/view), and it judges nothing about what a resource means.
package collection

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/validate"
)

// Store is the part of coord.Client a collection needs, with its contracts.
type Store interface {
	Get(ctx context.Context, key string) (coord.Entry, error)
	List(ctx context.Context, prefix, after string, limit int) (coord.Page, error)
	ListAll(ctx context.Context, prefix string) ([]coord.Entry, int64, error)
	Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error)
}

// Owner knows the resources of a collection. Its methods write nothing and may be called any number of times.
type Owner[T proto.Message] interface {
	// Compile checks a resource, with its name set, and answers with what is written beside it, and with what must hold
	// then. A broken rule is a fault whose fields are paths within the resource.
	Compile(ctx context.Context, item T) (Effect, error)
	// Remove answers the same for the resource's deletion; IN_USE where something refers to it.
	Remove(ctx context.Context, id string) (Effect, error)
}

// Keeper is an Owner of resources with fields that no request changes once they are set. Keep takes them from what stands
// into what is to be written; stands is nil where nothing does.
type Keeper[T proto.Message] interface{ Keep(stands, item T) }

// Effect is what goes with a write of the source.
type Effect struct {
	Conditions []*rpcv1.Condition
	Writes     []*rpcv1.Write
}

// Collection is the resources of one kind.
type Collection[T proto.Message] struct {
	store  Store
	clock  clock.Clock
	owner  Owner[T]
	name   string // such as "sites", the first part of names
	prefix string // of the keys of sources
	schema Schema // nil: the first one
}

// New is the collection called name ("sites") under prefix ("schedule/sites/").
func New[T proto.Message](store Store, clk clock.Clock, name, prefix string, owner Owner[T]) *Collection[T] {
	return &Collection[T]{store: store, clock: clk, owner: owner, name: name, prefix: prefix}
}

// WithOwner is the same collection, judged by another owner: one that knows more of the request at hand.
func (c *Collection[T]) WithOwner(owner Owner[T]) *Collection[T] {
	other := *c
	other.owner = owner
	return &other
}

// outputOnly are the fields that the collection itself fills. Others that are OUTPUT_ONLY (AIP-203) are Amend's.
var outputOnly = []protoreflect.Name{"etag", "create_time", "update_time"}

// Get reads one resource by name.
func (c *Collection[T]) Get(ctx context.Context, name string) (T, error) {
	v, err := c.read(ctx, name)
	return v.item, err
}

// version is a resource as it stands in the store.
type version[T proto.Message] struct {
	item        T
	revision    int64
	requestID   string
	resourceKey string
	envelope    *rpcv1.Stored // without the resource; nil where it does not exist
}

func (c *Collection[T]) read(ctx context.Context, name string) (version[T], error) {
	id, err := resource.ID(name, c.name)
	if err != nil {
		return version[T]{}, err
	}
	e, err := c.store.Get(ctx, c.prefix+id)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return version[T]{resourceKey: c.prefix + id}, fault.NotFound(name)
	}
	if err != nil {
		return version[T]{}, err
	}
	return c.decode(e)
}

func (c *Collection[T]) decode(e coord.Entry) (version[T], error) {
	item, envelope, err := open[T](e.Value, e.ModRevision)
	if err != nil {
		return version[T]{}, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	return version[T]{item, e.ModRevision, envelope.GetCreateRequestId(), e.Key, envelope}, nil
}

// Decode reads a stored resource, with its etag, and the id of the request that created it.
func Decode[T proto.Message](value []byte, modRevision int64) (item T, requestID string, err error) {
	item, envelope, err := open[T](value, modRevision)
	return item, envelope.GetCreateRequestId(), err
}

// open reads a stored resource, with its etag, and the envelope it was in, now empty.
func open[T proto.Message](value []byte, modRevision int64) (item T, envelope *rpcv1.Stored, err error) {
	stored := &rpcv1.Stored{}
	if err := proto.Unmarshal(value, stored); err != nil {
		return item, nil, err
	}
	var zero T
	item, _ = zero.ProtoReflect().New().Interface().(T)
	if err := proto.Unmarshal(stored.GetResource(), item); err != nil {
		return item, nil, err
	}
	setString(item, "etag", resource.Etag(modRevision))
	stored.Resource = nil
	return item, stored, nil
}

// List reads a page in order of name, and the token of the next one.
func (c *Collection[T]) List(ctx context.Context, pageSize int32, pageToken string) ([]T, string, error) {
	after, err := resource.AfterKey(pageToken, c.prefix)
	if err != nil {
		return nil, "", err
	}
	page, err := c.store.List(ctx, c.prefix, after, resource.PageSize(pageSize))
	if err != nil {
		return nil, "", err
	}
	items := make([]T, 0, len(page.Entries))
	for _, e := range page.Entries {
		v, err := c.decode(e)
		if err != nil {
			return nil, "", err
		}
		items = append(items, v.item)
	}
	next := ""
	if page.More && len(page.Entries) > 0 {
		next = resource.PageToken(page.Entries[len(page.Entries)-1].Key)
	}
	return items, next, nil
}

// Create adds a resource, named by its own name or by id. ALREADY_EXISTS where the name is taken, unless the request is
// a repetition of the one that made it: then the stored one is the answer.
func (c *Collection[T]) Create(ctx context.Context, item T, idField, id, requestID string, validateOnly bool) (T, error) {
	var zero T
	item = clone(item)
	name, err := resource.NewName(c.name, idField, id, getString(item, "name"))
	if err != nil {
		return zero, err
	}
	setString(item, "name", name)
	stored, err := c.read(ctx, name)
	switch {
	case err == nil && requestID != "" && stored.requestID == requestID:
		return stored.item, nil
	case err == nil:
		return zero, fault.AlreadyExists(name)
	case fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND:
		return zero, err
	}
	c.keep(zero, item)
	return c.write(ctx, version[T]{resourceKey: stored.resourceKey, requestID: requestID}, item, validateOnly)
}

// Update changes the masked fields of a resource (see resource.Merge).
func (c *Collection[T]) Update(ctx context.Context, item T, mask *fieldmaskpb.FieldMask, allowMissing, validateOnly bool,
) (T, error) {
	var zero T
	name := getString(item, "name")
	stored, err := c.read(ctx, name)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND && allowMissing {
		item = clone(item)
		c.keep(zero, item)
		return c.write(ctx, stored, item, validateOnly)
	}
	if err != nil {
		return zero, err
	}
	if err := resource.CheckEtag(name, getString(item, "etag"), stored.revision); err != nil {
		return zero, err
	}
	merged, err := resource.Merge(stored.item, item, mask)
	if err != nil {
		return zero, err
	}
	next, _ := merged.(T)
	setString(next, "name", name)
	c.keep(stored.item, next)
	return c.write(ctx, stored, next, validateOnly)
}

// Amend changes what no request may set: fields that only methods of the owner's service fill. They are kept by every
// other write. CONFLICT where somebody else wrote the resource meanwhile.
func (c *Collection[T]) Amend(ctx context.Context, name string, change func(item T)) (T, error) {
	return c.Change(ctx, name, "", false, func(item T) error {
		change(item)
		return nil
	})
}

// Change is Amend for a method that asks as others do: etag, where it is set, must be the stored one, and with validateOnly
// nothing is written. An error of change is the answer.
func (c *Collection[T]) Change(ctx context.Context, name, etag string, validateOnly bool, change func(item T) error,
) (T, error) {
	var zero T
	stored, err := c.read(ctx, name)
	if err != nil {
		return zero, err
	}
	if err := resource.CheckEtag(name, etag, stored.revision); err != nil {
		return zero, err
	}
	next := clone(stored.item)
	if err := change(next); err != nil {
		return zero, err
	}
	return c.write(ctx, stored, next, validateOnly)
}

// write commits item over what stood there, source and compiled record together.
func (c *Collection[T]) write(ctx context.Context, over version[T], item T, validateOnly bool) (T, error) {
	var zero T
	if err := c.mayWrite(getString(item, "name"), over); err != nil {
		return zero, err
	}
	plan, err := c.planWrite(ctx, over, item)
	if err != nil {
		return zero, err
	}
	if validateOnly {
		return item, nil
	}
	revision, err := c.store.Commit(ctx, plan.Conditions, plan.Writes)
	if err != nil {
		return zero, named(err, getString(item, "name"))
	}
	setString(item, "etag", resource.Etag(revision))
	return item, nil
}

func (c *Collection[T]) planWrite(ctx context.Context, over version[T], item T) (Effect, error) {
	c.stamp(over, item)
	// An update brings some fields only; what counts is the whole that would stand.
	if err := validate.Message(item); err != nil {
		return Effect{}, err
	}
	effect, err := c.owner.Compile(ctx, item)
	if err != nil {
		return Effect{}, err
	}
	value, err := c.encode(over, item)
	if err != nil {
		return Effect{}, err
	}
	return Effect{
		Conditions: append([]*rpcv1.Condition{coord.Unchanged(over.resourceKey, over.revision)}, effect.Conditions...),
		Writes:     append([]*rpcv1.Write{coord.Put(over.resourceKey, value)}, effect.Writes...),
	}, nil
}

// stamp fills the output-only fields, whatever the request said there.
func (c *Collection[T]) stamp(over version[T], item T) {
	now := timestamppb.New(c.clock.Now())
	created := now
	if over.revision != 0 {
		created = getTime(over.item, "create_time")
	}
	setString(item, "etag", "")
	setTime(item, "create_time", created)
	setTime(item, "update_time", now)
}

// keep takes the output-only fields that the collection does not fill from what stands, and clears them where nothing
// does: they are Amend's, whatever a request says there. What the owner keeps besides is its own to say.
func (c *Collection[T]) keep(stands, item T) {
	if k, ok := c.owner.(Keeper[T]); ok {
		k.Keep(stands, item)
	}
	from, to := stands.ProtoReflect(), item.ProtoReflect()
	fields := to.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if slices.Contains(outputOnly, fd.Name()) || !isOutputOnly(fd) {
			continue
		}
		if from.Has(fd) {
			to.Set(fd, from.Get(fd))
		} else {
			to.Clear(fd)
		}
	}
}

func isOutputOnly(fd protoreflect.FieldDescriptor) bool {
	behavior, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behavior, annotations.FieldBehavior_OUTPUT_ONLY)
}

// Delete removes a resource.
func (c *Collection[T]) Delete(ctx context.Context, name, etag string, validateOnly bool) error {
	stored, err := c.read(ctx, name)
	if err != nil {
		return err
	}
	if err := resource.CheckEtag(name, etag, stored.revision); err != nil {
		return err
	}
	if err := c.mayWrite(name, stored); err != nil {
		return err
	}
	effect, err := c.owner.Remove(ctx, strings.TrimPrefix(stored.resourceKey, c.prefix))
	if err != nil || validateOnly {
		return err
	}
	_, err = c.store.Commit(ctx,
		append(effect.Conditions, coord.Unchanged(stored.resourceKey, stored.revision)),
		append(effect.Writes, coord.Delete(stored.resourceKey)))
	return named(err, name)
}

// named says which resource a conflict is about.
func named(err error, name string) error {
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return fault.Conflict(name)
	}
	return err
}

// sortedNames are the names of a set.
func sortedNames(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func clone[T proto.Message](item T) T {
	c, _ := proto.Clone(item).(T)
	return c
}

func getString(m proto.Message, field protoreflect.Name) string {
	r := m.ProtoReflect()
	return r.Get(r.Descriptor().Fields().ByName(field)).String()
}

func setString(m proto.Message, field protoreflect.Name, v string) {
	r := m.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName(field), protoreflect.ValueOfString(v))
}

func getTime(m proto.Message, field protoreflect.Name) *timestamppb.Timestamp {
	r := m.ProtoReflect()
	ts, _ := r.Get(r.Descriptor().Fields().ByName(field)).Message().Interface().(*timestamppb.Timestamp)
	return ts
}

func setTime(m proto.Message, field protoreflect.Name, ts *timestamppb.Timestamp) {
	r := m.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName(field), protoreflect.ValueOfMessage(ts.ProtoReflect()))
}
