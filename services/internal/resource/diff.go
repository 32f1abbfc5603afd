package resource

import (
	"fmt"
	"sort"
	"time"

	datepb "google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// maxFieldChanges bounds one resource's difference; the last entry then says how many were left out.
const maxFieldChanges = 200

// Diff is how b differs from a, field by field, in order of path; either may be nil. Sensitive fields are masked or
// redacted as their proto option says. Fields in `ignore` (top-level names, such as etag) are passed over.
func Diff(a, b proto.Message, ignore ...protoreflect.Name) []*rpcv1.FieldChange {
	before, after := flatten(a, ignore), flatten(b, ignore)
	paths := make([]string, 0, len(before)+len(after))
	for p := range before {
		paths = append(paths, p)
	}
	for p := range after {
		if _, ok := before[p]; !ok {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	var changes []*rpcv1.FieldChange
	left := 0
	for _, p := range paths {
		was, is := before[p], after[p]
		if was.raw == is.raw {
			continue
		}
		if len(changes) == maxFieldChanges {
			left++
			continue
		}
		changes = append(changes, &rpcv1.FieldChange{Path: p, Before: was.shown, After: is.shown})
	}
	if left > 0 {
		changes = append(changes, &rpcv1.FieldChange{Path: "…", After: fmt.Sprintf("and %d more fields", left)})
	}
	return changes
}

// leaf is one scalar: compared by its raw text, shown by the other.
type leaf struct{ raw, shown string }

func flatten(m proto.Message, ignore []protoreflect.Name) map[string]leaf {
	out := map[string]leaf{}
	if m == nil || !m.ProtoReflect().IsValid() {
		return out
	}
	skip := map[protoreflect.Name]bool{}
	for _, n := range ignore {
		skip[n] = true
	}
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !skip[fd.Name()] {
			flattenField(out, string(fd.Name()), fd, v)
		}
		return true
	})
	return out
}

func flattenField(out map[string]leaf, path string, fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	sensitivity := SensitivityOf(fd)
	switch {
	case fd.IsList():
		for i := range v.List().Len() {
			flattenValue(out, fmt.Sprintf("%s[%d]", path, i), fd, v.List().Get(i), sensitivity)
		}
	case fd.IsMap():
		v.Map().Range(func(k protoreflect.MapKey, mv protoreflect.Value) bool {
			flattenValue(out, path+"["+k.String()+"]", fd.MapValue(), mv, sensitivity)
			return true
		})
	default:
		flattenValue(out, path, fd, v, sensitivity)
	}
}

func flattenValue(out map[string]leaf, path string, fd protoreflect.FieldDescriptor, v protoreflect.Value,
	sensitivity rpcv1.Sensitivity,
) {
	if fd.Message() == nil {
		out[path] = shown(scalar(fd, v), sensitivity)
		return
	}
	m := v.Message()
	if text, ok := civil(m.Interface()); ok {
		out[path] = shown(text, sensitivity)
		return
	}
	empty := true
	m.Range(func(sub protoreflect.FieldDescriptor, sv protoreflect.Value) bool {
		empty = false
		flattenField(out, path+"."+string(sub.Name()), sub, sv)
		return true
	})
	if empty {
		out[path] = leaf{"{}", "{}"}
	}
}

func shown(text string, s rpcv1.Sensitivity) leaf {
	switch s {
	case rpcv1.Sensitivity_SENSITIVITY_SECRET:
		return leaf{text, "(hidden)"}
	case rpcv1.Sensitivity_SENSITIVITY_MASKED:
		return leaf{text, phone.Mask(text)}
	default:
		return leaf{text, text}
	}
}

func scalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if fd.Kind() == protoreflect.EnumKind {
		if ev := fd.Enum().Values().ByNumber(v.Enum()); ev != nil {
			return string(ev.Name())
		}
	}
	return v.String()
}

// civil writes the small value types as files do.
func civil(m proto.Message) (string, bool) {
	switch m := m.(type) {
	case *timeofday.TimeOfDay:
		if m.GetSeconds() != 0 {
			return fmt.Sprintf("%02d:%02d:%02d", m.GetHours(), m.GetMinutes(), m.GetSeconds()), true
		}
		return fmt.Sprintf("%02d:%02d", m.GetHours(), m.GetMinutes()), true
	case *datepb.Date:
		return fmt.Sprintf("%04d-%02d-%02d", m.GetYear(), m.GetMonth(), m.GetDay()), true
	case *phone_number.PhoneNumber:
		return m.GetE164Number(), true
	case *durationpb.Duration:
		return m.AsDuration().String(), true
	case *timestamppb.Timestamp:
		return m.AsTime().Format(time.RFC3339), true
	default:
		return "", false
	}
}

// SensitivityOf is the field's own option.
func SensitivityOf(fd protoreflect.FieldDescriptor) rpcv1.Sensitivity {
	if fd.Options() == nil {
		return rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED
	}
	s, _ := proto.GetExtension(fd.Options(), rpcv1.E_Sensitive).(rpcv1.Sensitivity)
	return s
}

// Redact is a copy of m in which secret fields are cleared or "(hidden)" and masked ones masked: what a log, a trace or
// an error may show.
func Redact(m proto.Message) proto.Message {
	c := proto.Clone(m)
	redact(c.ProtoReflect(), rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED)
	return c
}

func redact(m protoreflect.Message, inherited rpcv1.Sensitivity) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		s := SensitivityOf(fd)
		if s == rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED {
			s = inherited
		}
		switch {
		case fd.IsMap():
			if s != rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED {
				m.Clear(fd)
			}
		case fd.IsList():
			redactList(m, fd, v.List(), s)
		case fd.Message() != nil:
			redact(v.Message(), s)
		case s != rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED:
			redactScalar(m, fd, v, s)
		}
		return true
	})
}

func redactList(m protoreflect.Message, fd protoreflect.FieldDescriptor, l protoreflect.List, s rpcv1.Sensitivity) {
	if fd.Message() != nil {
		for i := range l.Len() {
			redact(l.Get(i).Message(), s)
		}
		return
	}
	if s != rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED {
		m.Clear(fd)
	}
}

func redactScalar(m protoreflect.Message, fd protoreflect.FieldDescriptor, v protoreflect.Value, s rpcv1.Sensitivity) {
	if fd.Kind() != protoreflect.StringKind {
		m.Clear(fd)
		return
	}
	m.Set(fd, protoreflect.ValueOfString(shown(v.String(), s).shown))
}
