// Package validate checks messages against the rules written in their protos, and says what is broken as a fault: field,
// value (masked or hidden where the field is sensitive) and rule. Rules that need other resources, zones or dates are
// each service's own.
package validate

import (
	"errors"
	"fmt"
	"strings"

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
	case "string.pattern":
		if text, ok := v.FieldValue.Interface().(string); ok && text == "" {
			return "is required"
		}
		if words := patternText(v.RuleValue.String()); words != "" {
			return words
		}
	}
	return v.Proto.GetMessage()
}

// The patterns that people meet, without what says that a field may be empty.
const (
	slug       = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
	letterSlug = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
	language   = "[a-z]{2,3}(-[A-Za-z0-9]{2,8})*"
	country    = "[A-Z]{2}"
)

// patternText is a pattern in words; empty where there are none for it.
func patternText(pattern string) string {
	body := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	if inner, optional := strings.CutPrefix(body, "("); optional && strings.HasSuffix(inner, ")?") {
		body = strings.TrimSuffix(inner, ")?")
	}
	switch body {
	case language:
		return "must be a language's tag, such as de or pt-BR"
	case country:
		return "must be a country's code, such as DE"
	}
	collection, id := "", body
	if i := strings.Index(body, "/"); i >= 0 {
		collection, id = body[:i+1], body[i+1:]
	}
	what := "a slug"
	if collection != "" {
		what = collection + "ID, where ID is a slug"
	}
	switch {
	case strings.ContainsAny(collection, "([|"): // one of several
		return ""
	case id == slug:
		return "must be " + what + ": lower-case letters, digits and hyphens, at most 63"
	case id == letterSlug:
		return "must be " + what + ": a lower-case letter first, then such, digits and hyphens, at most 63"
	}
	return ""
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
