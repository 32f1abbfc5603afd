package manifest

import (
	"errors"
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// rules checks the rules of the resource's proto, as the server will. What was found wrong already is not said again.
func (d *document) rules(m proto.Message) {
	err := protovalidate.Validate(m)
	var invalid *protovalidate.ValidationError
	if err != nil && !errors.As(err, &invalid) {
		d.problems.add(Problem{File: d.file, Line: d.place.line(""), Rule: "cannot be checked: " + err.Error()})
		d.faulty = append(d.faulty, "")
		return
	}
	if err == nil {
		return
	}
	for i, v := range invalid.Violations {
		if len(d.faulty) > maxProblems {
			// Enough was said; comparing each with all that was said would take long.
			d.problems.Left += len(invalid.Violations) - i
			return
		}
		path := protovalidate.FieldPathString(v.Proto.GetField())
		if fd := m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(path)); fd != nil {
			path = fieldKey(fd)
		}
		if d.broken(path) {
			continue
		}
		d.faulty = append(d.faulty, path)
		d.problems.add(Problem{
			File: d.file, Line: d.place.line(path), Field: path,
			Value: brokenValue(m, v), Rule: v.Proto.GetMessage(),
		})
	}
}

// brokenValue is the value as text, if it is a scalar that may be shown.
func brokenValue(m proto.Message, v *protovalidate.Violation) string {
	if v.FieldDescriptor == nil || !v.FieldValue.IsValid() {
		return ""
	}
	switch value := v.FieldValue.Interface().(type) {
	case string, int32:
		return shown(fmt.Sprint(value), pathSensitivity(m.ProtoReflect().Descriptor(), v.Proto.GetField()))
	}
	return ""
}

// pathSensitivity is that of a field at the end of a path.
func pathSensitivity(md protoreflect.MessageDescriptor, path *validate.FieldPath) rpcv1.Sensitivity {
	s := rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED
	for _, e := range path.GetElements() {
		if md == nil {
			break
		}
		fd := md.Fields().ByNumber(protoreflect.FieldNumber(e.GetFieldNumber()))
		if fd == nil {
			break
		}
		s = sensitivity(fd, s)
		md = fd.Message()
	}
	return s
}
