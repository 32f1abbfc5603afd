// Package erase takes people's numbers and e-mail addresses out of messages, whatever their fields: out of text wherever
// they stand in it, and out of fields that hold nothing else. What happened is left.
//
// It is pure, and knows no database. Fields that this program does not know are left as they are.
package erase

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/resource"
)

const (
	// Erased stands in text where a number or an address was.
	Erased = "(erased)"
	// ErasedNumber stands where a number was that is kept as an integer: nobody has it, and it is not the same as none.
	ErasedNumber = 1
	// erasedURI stands where a recording was of a caller who is erased: that there was one happened.
	erasedURI = "erased:"
)

// Eraser finds what is to be erased.
type Eraser struct {
	numbers map[phone.Number]bool
	text    *regexp.Regexp
	// traces are bytes without which a message as it is encoded holds none of it; in lower case where folded is set.
	traces [][]byte
	folded [][]byte
	// recordings are where those were that From took out.
	recordings []string
}

// maxRecordings bounds how many recordings are told of.
const maxRecordings = 1000

// Recordings are where those are that From took out of what it was shown, each once, in that order, at most 1000: nobody
// else knows by then.
func (e *Eraser) Recordings() []string { return e.recordings }

// New is one for numbers in E.164 and e-mail addresses, whatever their case; what is no number is passed over.
func New(numbers, emails []string) *Eraser {
	e := &Eraser{numbers: map[phone.Number]bool{}}
	var either []string
	for _, s := range numbers {
		n, ok := phone.Parse(s)
		if !ok {
			continue
		}
		e.numbers[n] = true
		digits := strings.TrimPrefix(n.String(), "+")
		e.traces = append(e.traces, []byte(digits), binary.LittleEndian.AppendUint64(nil, uint64(n)))
		either = append(either, `(^|[^0-9A-Za-z+])\+?`+digits+`\b`)
	}
	for _, s := range emails {
		e.folded = append(e.folded, []byte(strings.ToLower(s)))
		either = append(either, `(^|[^0-9A-Za-z._%+\-])(?i:`+regexp.QuoteMeta(s)+`)(?:\b|$)`)
	}
	if len(either) > 0 {
		e.text = regexp.MustCompile(strings.Join(either, "|"))
	}
	return e
}

// MayHold says whether an encoded message may hold any of it. It costs little, and is wrong in this direction only.
func (e *Eraser) MayHold(encoded []byte) bool {
	for _, t := range e.traces {
		if bytes.Contains(encoded, t) {
			return true
		}
	}
	if len(e.folded) == 0 {
		return false
	}
	lower := bytes.ToLower(encoded)
	for _, t := range e.folded {
		if bytes.Contains(lower, t) {
			return true
		}
	}
	return false
}

// From erases it from a message, and says whether there was any. Of a decision about such a caller the recording goes, too.
func (e *Eraser) From(m proto.Message) bool {
	return e.from(m.ProtoReflect())
}

func (e *Eraser) from(m protoreflect.Message) bool {
	found := false
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			found = e.fromMap(fd, v.Map()) || found
		case fd.IsList():
			found = e.fromList(fd, v.List()) || found
		case fd.Message() != nil:
			found = e.from(v.Message()) || found
		default:
			if left, had := e.scalar(fd, v); had {
				m.Set(fd, left)
				found = true
			}
		}
		return true
	})
	if d, ok := m.Interface().(*routingv1.DecisionRecord); ok && d.GetCaller() == ErasedNumber {
		if uri := d.GetRecording().GetUri(); uri != "" && uri != erasedURI {
			d.Recording.Uri, found = erasedURI, true
			if len(e.recordings) < maxRecordings && !slices.Contains(e.recordings, uri) {
				e.recordings = append(e.recordings, uri)
			}
		}
	}
	return found
}

func (e *Eraser) fromList(fd protoreflect.FieldDescriptor, l protoreflect.List) bool {
	found := false
	for i := range l.Len() {
		if fd.Message() != nil {
			found = e.from(l.Get(i).Message()) || found
			continue
		}
		if left, had := e.scalar(fd, l.Get(i)); had {
			l.Set(i, left)
			found = true
		}
	}
	return found
}

func (e *Eraser) fromMap(fd protoreflect.FieldDescriptor, values protoreflect.Map) bool {
	found := false
	values.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if fd.MapValue().Message() != nil {
			found = e.from(v.Message()) || found
		} else if left, had := e.scalar(fd.MapValue(), v); had {
			values.Set(k, left)
			found = true
		}
		return true
	})
	return found
}

// scalar is what is left of a value, and whether there was anything to erase.
func (e *Eraser) scalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) (protoreflect.Value, bool) {
	masked := resource.SensitivityOf(fd) == rpcv1.Sensitivity_SENSITIVITY_MASKED
	switch fd.Kind() { //nolint:exhaustive // others hold neither
	case protoreflect.Fixed64Kind, protoreflect.Uint64Kind:
		if masked && e.numbers[phone.Number(v.Uint())] {
			return protoreflect.ValueOfUint64(ErasedNumber), true
		}
	case protoreflect.StringKind:
		if left, had := e.Text(v.String()); had {
			if masked && left == Erased {
				left = ""
			}
			return protoreflect.ValueOfString(left), true
		}
	}
	return v, false
}

// Text is what is left of a text, and whether there was anything to erase.
func (e *Eraser) Text(s string) (string, bool) {
	if e.text == nil || !e.text.MatchString(s) {
		return s, false
	}
	return e.text.ReplaceAllStringFunc(s, func(match string) string {
		// Each alternative keeps what stands before: the groups that took no part are empty.
		return strings.Join(e.text.FindStringSubmatch(match)[1:], "") + Erased
	}), true
}
