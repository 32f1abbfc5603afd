package collection

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// hasUnknown says whether a message holds fields that this release does not know; hardly any does.
func hasUnknown(m protoreflect.Message) bool {
	return !proto.Equal(m.Interface(), knownOf(m))
}

// keepUnknown takes over, into item, the fields of what stands that this release does not know, at every depth, where the
// request brings none of the same number: who changes a resource does not know them either, and does not mean to delete
// them. An entry of a list that was changed is another entry.
func keepUnknown(stands, item protoreflect.Message) {
	item.SetUnknown(withMissing(item.GetUnknown(), stands.GetUnknown()))
	item.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !stands.Has(fd) {
			return true
		}
		was := stands.Get(fd)
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(k protoreflect.MapKey, entry protoreflect.Value) bool {
					if was.Map().Has(k) {
						keepUnknown(was.Map().Get(k).Message(), entry.Message())
					}
					return true
				})
			}
		case fd.Message() == nil:
		case fd.IsList():
			keepInList(was.List(), v.List())
		default:
			keepUnknown(was.Message(), v.Message())
		}
		return true
	})
}

// keepInList does so for the entries that are the same but for what this release does not know; of several such, in their
// order.
func keepInList(stands, items protoreflect.List) {
	same := map[string][]protoreflect.Message{}
	for i := range stands.Len() {
		was := stands.Get(i).Message()
		known := inKnownWords(was)
		same[known] = append(same[known], was)
	}
	for i := range items.Len() {
		item := items.Get(i).Message()
		known := inKnownWords(item)
		if left := same[known]; len(left) > 0 {
			keepUnknown(left[0], item)
			same[known] = left[1:]
		}
	}
}

// inKnownWords is what this release knows of a message, as bytes to compare.
func inKnownWords(m protoreflect.Message) string {
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(knownOf(m)) // what cannot be written is refused later
	return string(b)
}

// knownOf is a message without what this release does not know.
func knownOf(m protoreflect.Message) proto.Message {
	known := proto.Clone(m.Interface())
	discardUnknown(known.ProtoReflect())
	return known
}

func discardUnknown(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
					discardUnknown(entry.Message())
					return true
				})
			}
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				discardUnknown(v.List().Get(i).Message())
			}
		default:
			discardUnknown(v.Message())
		}
		return true
	})
}

// withMissing is raw fields, and behind them those of others whose numbers are not among them.
func withMissing(has, others protoreflect.RawFields) protoreflect.RawFields {
	if len(others) == 0 {
		return has
	}
	numbers := map[protowire.Number]bool{}
	for rest := has; len(rest) > 0; {
		number, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			return has
		}
		numbers[number], rest = true, rest[n:]
	}
	out := append(protoreflect.RawFields(nil), has...)
	for rest := others; len(rest) > 0; {
		number, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			break
		}
		if !numbers[number] {
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	return out
}
