package host

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// knownParameters reads the parameters of a URL, and refuses those that the request has not: a filter that is mistyped must
// not answer with everything. The library passes over them.
type knownParameters struct {
	parser runtime.DefaultQueryParser
}

// Parse is runtime.QueryParameterParser's.
func (k knownParameters) Parse(target proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	for name := range values {
		if !hasField(target.ProtoReflect().Descriptor(), name) {
			return fmt.Errorf("parameter %q: this request has no such field", shortened(name)) // INVALID_ARGUMENT by the caller
		}
	}
	return k.parser.Parse(target, values, filter)
}

// hasField says whether a message has a field of that path, by the names of the proto or of JSON, such as "at" or
// "callerNumber.value". Of a map the rest of the path is a key.
func hasField(message protoreflect.MessageDescriptor, path string) bool {
	path, _, _ = strings.Cut(path, "[") // a map's key
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return false
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			field = message.Fields().ByJSONName(name)
		}
		if field == nil {
			return false
		}
		message = field.Message()
	}
	return true
}

// shortened is a parameter's name as an error repeats it.
func shortened(name string) string {
	const mostBytes = 64
	if len(name) > mostBytes {
		return strings.ToValidUTF8(name[:mostBytes], "") + "..."
	}
	return name
}
