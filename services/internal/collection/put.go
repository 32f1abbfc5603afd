package collection

import (
	"context"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/resource"
)

// Put works out what it takes to make item stand in the place of what was read under its key; over is the zero Entry
// where nothing was. Nothing is read or written: it is for who brings many resources in, and commits several together.
// KIND_UNCHANGED has no effect; item is checked all the same.
func (c *Collection[T]) Put(ctx context.Context, item T, over coord.Entry) (Effect, rpcv1.Change_Kind, error) {
	name := getString(item, "name")
	id, err := resource.ID(name, c.name)
	if err != nil {
		return Effect{}, 0, err
	}
	stands, kind := version[T]{resourceKey: c.prefix + id}, rpcv1.Change_KIND_CREATE
	if over.ModRevision != 0 {
		if stands, err = c.decode(over); err != nil {
			return Effect{}, 0, err
		}
		kind = rpcv1.Change_KIND_UPDATE
	}
	item = clone(item)
	c.keep(stands.item, item)
	if over.ModRevision != 0 && sameButStamp(stands.item, item) {
		kind = rpcv1.Change_KIND_UNCHANGED
	}
	effect, err := c.planWrite(ctx, stands, item)
	if err != nil {
		return Effect{}, 0, err
	}
	if kind == rpcv1.Change_KIND_UNCHANGED {
		return Effect{}, kind, nil
	}
	return effect, kind, c.mayWrite(name, stands)
}

// sameButStamp compares what requests may set.
func sameButStamp(a, b proto.Message) bool {
	a, b = proto.Clone(a), proto.Clone(b)
	for _, m := range []proto.Message{a, b} {
		for _, field := range outputOnly {
			r := m.ProtoReflect()
			r.Clear(r.Descriptor().Fields().ByName(field))
		}
	}
	return proto.Equal(a, b)
}
