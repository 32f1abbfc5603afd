// Package resource holds what every AIP resource does alike: names, etags, pages, field masks, and the difference of two
// versions as people read it. It is pure; stores and services use it. See https://google.aip.dev/general.
package resource

import (
	"encoding/base64"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	defaultPageSize = 100
	maxPageSize     = 1000
)

// ID is the last part of a name such as "sites/dublin"; an error where the name is not of that collection.
func ID(name, collection string) (string, error) {
	id, ok := strings.CutPrefix(name, collection+"/")
	if !ok || id == "" || strings.Contains(id, "/") {
		return "", fault.Invalid(fault.Violation{Field: "name", Value: name, Rule: "must be " + collection + "/ID"})
	}
	return id, nil
}

// NewName is the name of a resource about to be created: its own name and the request's ID must agree where both are
// given.
func NewName(collection, idField, id, name string) (string, error) {
	switch {
	case name == "" && id == "":
		return "", fault.Invalid(fault.Violation{Field: idField, Rule: "is required"})
	case name == "":
		return collection + "/" + id, nil
	case id != "" && name != collection+"/"+id:
		return "", fault.Invalid(fault.Violation{Field: idField, Value: id, Rule: "does not agree with the name " + name})
	}
	return name, nil
}

// Etag of a modification revision (AIP-154). 0 has none.
func Etag(modRevision int64) string {
	if modRevision == 0 {
		return ""
	}
	return strconv.FormatInt(modRevision, 36)
}

// Revision is the modification revision that an Etag is of; 0 of none.
func Revision(etag string) int64 {
	revision, err := strconv.ParseInt(etag, 36, 64)
	if err != nil {
		return 0
	}
	return revision
}

// CheckEtag is a CONFLICT where an etag was given and is not that of the stored revision.
func CheckEtag(name, given string, modRevision int64) error {
	if given != "" && given != Etag(modRevision) {
		return fault.Conflict(name)
	}
	return nil
}

// PageSize is how many to answer with: the default where 0, never more than the limit (AIP-158).
func PageSize(asked int32) int {
	if asked <= 0 {
		return defaultPageSize
	}
	return min(int(asked), maxPageSize)
}

// PageToken continues after a key.
func PageToken(lastKey string) string { return base64.RawURLEncoding.EncodeToString([]byte(lastKey)) }

// AfterKey reads a page token; the key must be under the prefix, so that a token opens nothing else.
func AfterKey(token, prefix string) (string, error) {
	if token == "" {
		return "", nil
	}
	key, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || !strings.HasPrefix(string(key), prefix) {
		return "", fault.Invalid(fault.Violation{Field: "page_token", Rule: "is not one that this method gave"})
	}
	return string(key), nil
}

// Merge is stored with the masked fields taken from update (AIP-134): all fields that update sets where the mask is
// empty, the whole of update where it is "*". Only top-level fields may be named; names of output-only and identifier
// fields are refused by the caller's own rules.
func Merge(stored, update proto.Message, mask *fieldmaskpb.FieldMask) (proto.Message, error) {
	paths := mask.GetPaths()
	if len(paths) == 1 && paths[0] == "*" {
		return proto.Clone(update), nil
	}
	merged := proto.Clone(stored)
	from, to := update.ProtoReflect(), merged.ProtoReflect()
	if len(paths) == 0 {
		from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			to.Set(fd, v)
			return true
		})
		return merged, nil
	}
	var broken fault.Violations
	fields := from.Descriptor().Fields()
	for _, p := range paths {
		fd := fields.ByName(protoreflect.Name(p))
		switch {
		case fd == nil:
			broken.Add("update_mask", p, "is no field of "+string(from.Descriptor().Name()))
		case !from.Has(fd):
			to.Clear(fd)
		default:
			to.Set(fd, from.Get(fd))
		}
	}
	return merged, broken.Err()
}
