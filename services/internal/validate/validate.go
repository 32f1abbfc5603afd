// Package validate checks messages against the rules written in their protos, and says what is broken as a fault: field,
// value (masked or hidden where the field is sensitive) and rule. Rules that need other resources, zones or dates are
// each service's own.
package validate

import (
	"errors"
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/resource"
)

// Message checks the rules of a message's proto. All that are broken come as one INVALID_FIELD fault.
func Message(m proto.Message) error {
	err := protovalidate.Validate(m)
	if err == nil {
		return nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return fault.Internal(err)
	}
	var broken fault.Violations
	for _, violation := range invalid.Violations {
		broken.Add(protovalidate.FieldPathString(violation.Proto.GetField()), shownValue(m, violation),
			ruleText(violation))
	}
	return broken.Err()
}

// ruleText is what a rule asks for. "must be at least 1 characters" is how the library says that a field is required.
func ruleText(v *protovalidate.Violation) string {
	one := v.RuleValue.IsValid() && v.RuleValue.Interface() == any(uint64(1))
	switch v.Proto.GetRuleId() {
	case "string.min_len":
		if one {
			return "is required"
		}
	case "repeated.min_items":
		if one {
			return "must have at least one"
		}
	}
	return v.Proto.GetMessage()
}

// shownValue is the broken value as text, if it is a scalar that may be shown.
func shownValue(m proto.Message, v *protovalidate.Violation) string {
	if v.FieldDescriptor == nil || !v.FieldValue.IsValid() {
		return ""
	}
	text := ""
	switch value := v.FieldValue.Interface().(type) {
	case protoreflect.Message:
		d, ok := value.Interface().(*durationpb.Duration)
		if !ok || !d.IsValid() {
			return ""
		}
		text = d.AsDuration().String()
	case protoreflect.List, protoreflect.Map, []byte:
		return ""
	case protoreflect.EnumNumber:
		text = fmt.Sprint(int32(value))
	default:
		text = fmt.Sprint(value)
	}
	if text == "" { // nothing to hide; and the rule says that it is missing
		return ""
	}
	switch pathSensitivity(m.ProtoReflect().Descriptor(), v.Proto.GetField()) {
	case rpcv1.Sensitivity_SENSITIVITY_SECRET:
		return "(hidden)"
	case rpcv1.Sensitivity_SENSITIVITY_MASKED:
		return phone.Mask(text)
	default:
		return text
	}
}

// pathSensitivity is the strongest sensitivity on the way to a field: a number within a hidden message is hidden.
func pathSensitivity(d protoreflect.MessageDescriptor, path *validate.FieldPath) rpcv1.Sensitivity {
	for _, e := range path.GetElements() {
		if d == nil {
			break
		}
		fd := d.Fields().ByNumber(protoreflect.FieldNumber(e.GetFieldNumber()))
		if fd == nil {
			break
		}
		if s := resource.SensitivityOf(fd); s != rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED {
			return s
		}
		d = fd.Message()
	}
	return rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED
}
