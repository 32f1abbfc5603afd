package rpc

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/resource"
)

const (
	// maxAuditRequestBytes bounds the request as an audit record keeps it.
	maxAuditRequestBytes = 4096
	// maxAuditResources bounds the names that one names.
	maxAuditResources = 64
)

// Auditor keeps who changed what. Audit is called after each call of an audited method (option dayside.rpc.v1.audited)
// that succeeded, by the process that did it and by none that passed it on, before the answer goes out; not for one that
// only checked (validate_only). So it is after a call that told what few may read (Disclosed). The
// record is the auditor's own; nothing sensitive is in it. It must not block, and has nobody to tell of an error.
type Auditor interface {
	Audit(record *rpcv1.AuditRecord)
}

// audit tells the auditor of a call that succeeded.
func (c *Chain) audit(ctx context.Context, method string, req, resp any, at time.Time, told *disclosure) {
	asked, ok := req.(proto.Message)
	if !ok || c.auditor == nil || onlyChecked(asked.ProtoReflect()) {
		return
	}
	p := PeerFrom(ctx)
	record := &rpcv1.AuditRecord{
		UnixUs: at.UnixMicro(), Peer: p.ID, Roles: p.list(), Method: method[1:], Resources: namedBy(told, asked, resp),
		Request: redactedJSON(asked), Instance: c.instance,
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		id := sc.TraceID()
		record.TraceId = id[:]
	}
	c.auditor.Audit(record)
}

// onlyChecked says whether a request asks for a check, by which nothing changes.
func onlyChecked(req protoreflect.Message) bool {
	fd := req.Descriptor().Fields().ByName("validate_only")
	return fd != nil && fd.Kind() == protoreflect.BoolKind && !fd.IsList() && req.Get(fd).Bool()
}

// redactedJSON is a request as JSON without what is sensitive, and without its end where it is long.
func redactedJSON(req proto.Message) string {
	text, err := protojson.MarshalOptions{}.Marshal(resource.Redact(req))
	if err != nil {
		return "{}" // a string in it is no UTF-8: what it names is said beside it
	}
	if len(text) <= maxAuditRequestBytes {
		return string(text)
	}
	const cut = "…"
	return strings.ToValidUTF8(string(text[:maxAuditRequestBytes-len(cut)]), "") + cut
}

// resourceName is what a name of one of our resources looks like, so that a note is not taken for one.
var resourceName = regexp.MustCompile(
	`^(alerts|calendars|calls|cases|charges|customers|drains|feeds|followUps|grants|lines|offers|people|plans|promises|rotas|` +
		`sites)(/[A-Za-z0-9._~-]{1,128}){1,5}$`)

// namedBy are the resources of which was told what few may read, then those that a request names, itself or in the resource
// that it holds, then those that the answer names as changed, and the customer that it says whose it was, with the
// contact who did it.
func namedBy(told *disclosure, req proto.Message, resp any) []string {
	n := &named{}
	if told != nil {
		for _, name := range told.of {
			n.add(name)
		}
	}
	n.all(req.ProtoReflect(), 1)
	if answer, ok := resp.(proto.Message); ok {
		n.answer(answer.ProtoReflect(), 1)
		n.customer(answer.ProtoReflect())
	}
	return n.list
}

type named struct{ list []string }

func (n *named) add(text string) {
	if len(n.list) < maxAuditResources && resourceName.MatchString(text) && !slices.Contains(n.list, text) {
		n.list = append(n.list, text)
	}
}

// all takes names wherever they stand, down to `deeper` levels of messages. Secret fields hold none.
func (n *named) all(m protoreflect.Message, deeper int) {
	inOrder(m, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
		switch {
		case fd.IsMap() || resource.SensitivityOf(fd) != rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED:
		case fd.Kind() == protoreflect.StringKind && fd.IsList():
			for i := range v.List().Len() {
				n.add(v.List().Get(i).String())
			}
		case fd.Kind() == protoreflect.StringKind:
			n.add(v.String())
		case fd.Message() != nil && !fd.IsList() && deeper > 0:
			n.all(v.Message(), deeper-1)
		}
	})
}

// answer takes the name of what was written, and of each change that is one.
func (n *named) answer(m protoreflect.Message, deeper int) {
	inOrder(m, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
		switch {
		case fd.IsMap():
		case fd.Name() == "name" && fd.Kind() == protoreflect.StringKind && !fd.IsList():
			n.add(v.String())
		case fd.Message() != nil && fd.IsList():
			for i := range v.List().Len() {
				if change, ok := v.List().Get(i).Message().Interface().(*rpcv1.Change); ok &&
					change.GetKind() != rpcv1.Change_KIND_UNCHANGED {
					n.add(change.GetName())
				}
			}
		case fd.Message() != nil && deeper > 0:
			n.answer(v.Message(), deeper-1)
		}
	})
}

// customer takes whose it was, and who did it, where the answer says so: who asks by a session of theirs names nobody.
func (n *named) customer(m protoreflect.Message) {
	for _, name := range []protoreflect.Name{"customer", "contact"} {
		fd := m.Descriptor().Fields().ByName(name)
		if fd != nil && fd.Kind() == protoreflect.StringKind && !fd.IsList() {
			n.add(m.Get(fd).String())
		}
	}
}

// inOrder visits the fields that are set, in order of declaration: Range has none.
func inOrder(m protoreflect.Message, visit func(protoreflect.FieldDescriptor, protoreflect.Value)) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); m.Has(fd) {
			visit(fd, m.Get(fd))
		}
	}
}
