package manifest

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Write writes resources as documents that Read gives back as the same resources, without what the server fills. The same
// set always gives the same bytes.
func Write(w io.Writer, resources ...proto.Message) error {
	for i, m := range resources {
		if i > 0 {
			if _, err := io.WriteString(w, "---\n"); err != nil {
				return err
			}
		}
		text, err := marshal(m)
		if err != nil {
			return fmt.Errorf("%s: %w", nameOf(m), err)
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// File is a file to be written.
type File struct {
	Name string
	Data []byte
}

// Files are the files of a set: one a kind, or several where one would be too large to be read.
func Files(s *Set) ([]File, error) {
	var files []File
	for _, k := range kinds {
		var current bytes.Buffer
		parts := 0
		flush := func() {
			if current.Len() == 0 {
				return
			}
			name := k.collection + ".yaml"
			if parts++; parts > 1 {
				name = fmt.Sprintf("%s-%d.yaml", k.collection, parts)
			}
			files = append(files, File{name, bytes.Clone(current.Bytes())})
			current.Reset()
		}
		for _, m := range s.Resources() {
			if of, ok := kindOf(m); !ok || of.name != k.name {
				continue
			}
			text, err := marshal(m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", nameOf(m), err)
			}
			if current.Len()+len(text) >= splitBytes-len("---\n") {
				flush()
			}
			if current.Len() > 0 {
				current.WriteString("---\n")
			}
			current.Write(text)
		}
		flush()
	}
	return files, nil
}

func marshal(m proto.Message) ([]byte, error) {
	k, ok := kindOf(m)
	if !ok {
		return nil, fmt.Errorf("%s is no kind of resource", m.ProtoReflect().Descriptor().FullName())
	}
	n, err := mapping(m.ProtoReflect())
	if err != nil {
		return nil, err
	}
	n.Content = append([]*yaml.Node{str("kind"), str(k.name)}, n.Content...)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// mapping writes the fields that are set, in the order of the proto.
func mapping(m protoreflect.Message) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	if flowed(m.Descriptor().FullName()) {
		n.Style = yaml.FlowStyle
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) || filled(fd) {
			continue
		}
		value, err := fieldNode(fd, m.Get(fd))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fd.Name(), err)
		}
		n.Content = append(n.Content, str(fieldKey(fd)), value)
	}
	return n, nil
}

// flowed are small messages that read better in one line.
func flowed(name protoreflect.FullName) bool {
	return slices.Contains([]protoreflect.FullName{
		"dayside.schedule.v1.Holiday", "dayside.schedule.v1.HoursException", "dayside.routing.v1.LineSite",
		"dayside.routing.v1.LastResort", "dayside.routing.v1.Treatments", "dayside.schedule.v1.CalendarEntry",
		"dayside.schedule.v1.Provenance", "dayside.schedule.v1.Absence", "dayside.schedule.v1.CrewChange",
		"dayside.schedule.v1.RotaOverride", "dayside.entitlement.v1.OpenCase", "dayside.entitlement.v1.ExternalId",
		"dayside.entitlement.v1.PartnerAccess", "dayside.entitlement.v1.Suspension", "dayside.routing.v1.Goodwill",
	}, name)
}

func fieldNode(fd protoreflect.FieldDescriptor, v protoreflect.Value) (*yaml.Node, error) {
	if !fd.IsList() {
		return valueNode(fd, v)
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if refersTo(fd) != "" || slugs(fd) || fd.Message() != nil && fd.Message().FullName() == "dayside.schedule.v1.Span" {
		n.Style = yaml.FlowStyle
	}
	for i := range v.List().Len() {
		item, err := valueNode(fd, v.List().Get(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		n.Content = append(n.Content, item)
	}
	return n, nil
}

// slugs are lists of short names, which read better in one line.
func slugs(fd protoreflect.FieldDescriptor) bool {
	return slices.Contains([]protoreflect.FullName{
		"dayside.schedule.v1.Site.products", "dayside.schedule.v1.Site.languages", "dayside.entitlement.v1.Plan.products",
		"dayside.entitlement.v1.Plan.severities", "dayside.entitlement.v1.Customer.email_domains",
	}, fd.FullName())
}

func valueNode(fd protoreflect.FieldDescriptor, v protoreflect.Value) (*yaml.Node, error) {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		return messageNode(v.Message())
	case protoreflect.StringKind:
		return str(v.String()), nil
	case protoreflect.BoolKind:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}, nil
	case protoreflect.Int32Kind:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}, nil
	case protoreflect.EnumKind:
		value := fd.Enum().Values().ByNumber(v.Enum())
		if value == nil {
			return nil, fmt.Errorf("%d is no value of %s", v.Enum(), fd.Enum().Name())
		}
		return str(strings.TrimPrefix(string(value.Name()), enumPrefix(fd.Enum()))), nil
	default:
		return nil, fmt.Errorf("%s has no form in a file", fd.Kind())
	}
}

func messageNode(m protoreflect.Message) (*yaml.Node, error) {
	short, has := shortOf(m.Descriptor().FullName())
	if !has {
		return mapping(m)
	}
	text, ok := short.format(m.Interface())
	if ok {
		// What does not come back as the same has no short form.
		again, rule := short.parse(text)
		ok = rule == "" && proto.Equal(again, m.Interface())
	}
	switch {
	case !ok && short.long:
		return mapping(m)
	case !ok:
		return nil, fmt.Errorf("holds a %s that has no form in a file", m.Descriptor().Name())
	}
	n := str(text)
	if short.tag != "" {
		n.Tag = short.tag
	}
	n.Style = short.style
	return n, nil
}

func str(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }
