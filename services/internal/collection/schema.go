package collection

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// stampedSince is the first schema in which a stored resource says which one it is.
const stampedSince = 2

// Schema says what may be written. Safe for concurrent use.
type Schema interface {
	// InForce is the schema that the cluster writes; it goes down only where a backup is restored.
	InForce() int32
	// Max is the newest schema that this process can write without losing anything.
	Max() int32
	// Release is this process's, for those who cannot.
	Release() string
}

// WithSchema is the same collection, whose resources are written as the schema says; nil writes them in the first one.
func (c *Collection[T]) WithSchema(schema Schema) *Collection[T] {
	other := *c
	other.schema = schema
	return &other
}

// mayWrite refuses to write over what a newer release wrote: what this one does not know would be lost.
func (c *Collection[T]) mayWrite(name string, over version[T]) error {
	if c.schema == nil {
		return nil
	}
	most := c.schema.Max()
	if stands := over.envelope.GetSchema(); stands > most {
		return fault.WrongState(name, fmt.Sprintf("%s was written in schema %d by release %s, and this process (release %s) "+
			"knows schemas up to %d: ask one of the newer release", name, stands, over.envelope.GetRelease(), c.schema.Release(),
			most))
	}
	if writes := c.schema.InForce(); writes > most {
		return fault.WrongState(name, fmt.Sprintf("the cluster writes schema %d, and this process (release %s) knows schemas up "+
			"to %d: ask one of a newer release", writes, c.schema.Release(), most))
	}
	return nil
}

// encode puts a resource in the envelope in which it stood, so that nothing is lost which a newer release put there.
func (c *Collection[T]) encode(over version[T], item T) ([]byte, error) {
	body := proto.Clone(item)
	setString(body, "etag", "")
	envelope := &rpcv1.Stored{}
	if over.envelope != nil {
		envelope = proto.CloneOf(over.envelope)
		if stands := over.item.ProtoReflect(); hasUnknown(stands) {
			keepUnknown(stands, body.ProtoReflect())
		}
	}
	envelope.CreateRequestId = over.requestID
	if c.schema != nil {
		if schema := max(envelope.GetSchema(), c.schema.InForce()); schema >= stampedSince {
			envelope.Schema, envelope.Release = schema, c.schema.Release()
		}
	}
	var err error
	if envelope.Resource, err = (proto.MarshalOptions{Deterministic: true}).Marshal(body); err != nil {
		return nil, fault.Internal(err)
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(envelope)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return value, nil
}
