package manifest

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// special takes a key that is no field of the message; false where it is not one either.
type special func(key, value *yaml.Node) bool

// header takes what a document has besides its resource's fields: its kind, which is known already, and the ID as a short
// form of the name.
func (d *document) header(k kind, m protoreflect.Message, n *yaml.Node) special {
	name := m.Descriptor().Fields().ByName("name")
	return func(key, value *yaml.Node) bool {
		switch key.Value {
		case "kind":
			return true
		case "id":
			if stands(n, "name") {
				d.wrong(value, "id", "", "is given besides name; one of them is enough")
			} else if text, ok := d.text(value, "id", rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED); ok {
				m.Set(name, protoreflect.ValueOfString(k.collection+"/"+text))
				d.place.lines["name"] = value.Line
			}
			return true
		}
		return false
	}
}

// fields reads a mapping into a message.
func (d *document) fields(m protoreflect.Message, n *yaml.Node, path string, s rpcv1.Sensitivity, also special) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.wrong(key, path, "", "has a field whose name is no text")
			continue
		}
		at := join(path, key.Value)
		if was, twice := seen[key.Value]; twice {
			d.wrong(key, join(path, shownKey(key.Value)), "", fmt.Sprintf("is given twice; it also stands in line %d", was))
			continue
		}
		seen[key.Value] = key.Line
		fd := fieldOf(m.Descriptor(), key.Value)
		switch {
		case fd == nil && also != nil && also(key, value):
		case fd == nil:
			// The value is not shown: it might belong to a sensitive field whose name was mistyped.
			d.wrong(key, join(path, shownKey(key.Value)), "", unknown(m.Descriptor(), key.Value))
		case filled(fd):
			d.wrong(key, at, "", "is filled by Dayside; leave it out")
		default:
			d.place.lines[at] = value.Line
			d.place.lines[join(path, string(fd.Name()))] = value.Line // what the server calls it
			d.field(m, fd, value, at, sensitivity(fd, s))
		}
	}
}

// fieldKey is how files call a field: by its name, but for a kind of its own, since "kind" says what a document is.
func fieldKey(fd protoreflect.FieldDescriptor) string {
	if fd.FullName() == "dayside.entitlement.v1.Offer.kind" {
		return "offer_kind"
	}
	return string(fd.Name())
}

// fieldOf is the field that files call so; nil where there is none.
func fieldOf(md protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	for i := range md.Fields().Len() {
		if fd := md.Fields().Get(i); fieldKey(fd) == key {
			return fd
		}
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// unknown says which fields there are, or which one was meant.
func unknown(md protoreflect.MessageDescriptor, key string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
	}
	var names []string
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if plain(string(fd.Name())) == plain(key) {
			return fmt.Sprintf("is no field of %s; did you mean %s?", md.Name(), fieldKey(fd))
		}
		if !filled(fd) {
			names = append(names, fieldKey(fd))
		}
	}
	return fmt.Sprintf("is no field of %s, which has %s", md.Name(), strings.Join(names, ", "))
}

func (d *document) field(m protoreflect.Message, fd protoreflect.FieldDescriptor, n *yaml.Node, path string,
	s rpcv1.Sensitivity,
) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.wrong(n, path, "", "must be written out: aliases are not read")
	case isNull(n):
		d.wrong(n, path, "", "has no value; give it one, or leave it out")
	case fd.IsMap():
		d.wrong(n, path, "", "cannot be set in a file")
	case fd.IsList():
		d.list(m, fd, n, path, s)
	default:
		if v, ok := d.value(m, fd, n, path, s); ok {
			m.Set(fd, v)
		}
	}
}

func (d *document) list(m protoreflect.Message, fd protoreflect.FieldDescriptor, n *yaml.Node, path string,
	s rpcv1.Sensitivity,
) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, path, valueOf(n, s), "must be a list")
		return
	}
	list := m.Mutable(fd).List()
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.place.lines[at] = item.Line
		switch {
		case item.Kind == yaml.AliasNode:
			d.wrong(item, at, "", "must be written out: aliases are not read")
		case isNull(item):
			d.wrong(item, at, "", "has no value; give it one, or leave it out")
		default:
			// Appended even where it is wrong: later items keep their index.
			v, ok := d.value(m, fd, item, at, s)
			if !ok {
				v = list.NewElement()
			}
			list.Append(v)
		}
	}
}

// value reads one value of a field; of a list field, one item.
func (d *document) value(m protoreflect.Message, fd protoreflect.FieldDescriptor, n *yaml.Node, path string,
	s rpcv1.Sensitivity,
) (protoreflect.Value, bool) {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		var fresh protoreflect.Message
		if fd.IsList() {
			fresh = m.NewField(fd).List().NewElement().Message()
		} else {
			fresh = m.NewField(fd).Message()
		}
		return d.message(fresh, n, path, s)
	case protoreflect.StringKind:
		text, ok := d.text(n, path, s)
		if collection := refersTo(fd); collection != "" {
			text = fullName(collection, text)
		}
		return protoreflect.ValueOfString(text), ok
	case protoreflect.EnumKind:
		return d.enum(fd.Enum(), n, path, s)
	case protoreflect.BoolKind:
		return d.truth(n, path, s)
	case protoreflect.Int32Kind:
		v, err := strconv.ParseInt(n.Value, 10, 32)
		if n.Kind != yaml.ScalarNode || err != nil {
			d.wrong(n, path, valueOf(n, s), fmt.Sprintf("must be a whole number up to %d", math.MaxInt32))
			return protoreflect.Value{}, false
		}
		return protoreflect.ValueOfInt32(int32(v)), true
	default:
		d.wrong(n, path, "", "cannot be set in a file")
		return protoreflect.Value{}, false
	}
}

func (d *document) message(m protoreflect.Message, n *yaml.Node, path string, s rpcv1.Sensitivity,
) (protoreflect.Value, bool) {
	short, has := shortOf(m.Descriptor().FullName())
	switch {
	case has && n.Kind == yaml.ScalarNode:
		parsed, rule := short.parse(n.Value)
		if rule != "" {
			d.wrong(n, path, valueOf(n, s), rule)
			return protoreflect.Value{}, false
		}
		return protoreflect.ValueOfMessage(parsed.ProtoReflect()), true
	case has && !short.long:
		_, rule := short.parse("")
		d.wrong(n, path, "", rule)
		return protoreflect.Value{}, false
	case n.Kind != yaml.MappingNode:
		d.wrong(n, path, valueOf(n, s), "must be a mapping of "+fieldNames(m.Descriptor()))
		return protoreflect.Value{}, false
	}
	var also special
	if m.Descriptor().FullName() == "dayside.schedule.v1.WeeklyHours" {
		also = d.dayRange(m, n, path, s)
	}
	d.fields(m, n, path, s, also)
	return protoreflect.ValueOfMessage(m), true
}

func fieldNames(md protoreflect.MessageDescriptor) string {
	names := make([]string, md.Fields().Len())
	for i := range names {
		names[i] = string(md.Fields().Get(i).Name())
	}
	return strings.Join(names, ", ")
}

// text reads a string. What YAML takes for something else must be quoted: it would not be what it looks like ("0123").
func (d *document) text(n *yaml.Node, path string, s rpcv1.Sensitivity) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrong(n, path, "", "must be text")
		return "", false
	case n.ShortTag() != "!!str" && n.ShortTag() != "!!merge": // "<<" is but text where a value stands
		d.wrong(n, path, valueOf(n, s), "must be text; put it in quotes")
		return "", false
	}
	return n.Value, true
}

func (d *document) truth(n *yaml.Node, path string, s rpcv1.Sensitivity) (protoreflect.Value, bool) {
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		d.wrong(n, path, valueOf(n, s), "must be true or false")
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfBool(n.Value == "true"), true
}

func (d *document) enum(ed protoreflect.EnumDescriptor, n *yaml.Node, path string, s rpcv1.Sensitivity,
) (protoreflect.Value, bool) {
	prefix := enumPrefix(ed)
	given := strings.TrimPrefix(strings.ReplaceAll(strings.ToUpper(n.Value), "-", "_"), prefix)
	var names []string
	for i := range ed.Values().Len() {
		v := ed.Values().Get(i)
		if v.Number() == 0 {
			continue // what leaving it out means
		}
		short := strings.TrimPrefix(string(v.Name()), prefix)
		if n.Kind == yaml.ScalarNode && (short == given || abbreviates(ed, given, short)) {
			return protoreflect.ValueOfEnum(v.Number()), true
		}
		names = append(names, short)
	}
	d.wrong(n, path, valueOf(n, s), "must be one of "+strings.Join(names, ", "))
	return protoreflect.Value{}, false
}

// abbreviates says whether text is how weekly hours call a day of the week: MON of MONDAY.
func abbreviates(ed protoreflect.EnumDescriptor, text, of string) bool {
	return ed.FullName() == "google.type.DayOfWeek" && len(text) == len("MON") && strings.HasPrefix(of, text)
}

// enumPrefix is what all values of an enum begin with: "STRATEGY_" of STRATEGY_UNSPECIFIED.
func enumPrefix(ed protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(ed.Values().Get(0).Name()), "UNSPECIFIED")
}

// valueOf is a scalar as an error may show it; of anything else nothing is shown.
func valueOf(n *yaml.Node, s rpcv1.Sensitivity) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	return shown(n.Value, s)
}

// dayRange takes "mon-fri" for each day from Monday to Friday. A day that stands alone too is given twice.
func (d *document) dayRange(m protoreflect.Message, n *yaml.Node, path string, s rpcv1.Sensitivity) special {
	days := m.Descriptor().Fields()
	return func(key, value *yaml.Node) bool {
		from, to, _ := strings.Cut(key.Value, "-")
		first, last := days.ByName(protoreflect.Name(from)), days.ByName(protoreflect.Name(to))
		if first == nil || last == nil || first.Index() >= last.Index() {
			return false
		}
		d.place.lines[join(path, key.Value)] = value.Line
		for i := first.Index(); i <= last.Index(); i++ {
			day := days.Get(i)
			if m.Has(day) || stands(n, string(day.Name())) {
				d.wrong(key, join(path, key.Value), "", fmt.Sprintf("has %s, which is given besides", day.Name()))
				return true
			}
			d.place.lines[join(path, string(day.Name()))] = value.Line
			was := len(d.faulty)
			d.field(m, day, value, join(path, string(day.Name())), s)
			if len(d.faulty) > was {
				return true // said once, not once a day
			}
		}
		return true
	}
}

// stands says whether a mapping has a key.
func stands(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}
