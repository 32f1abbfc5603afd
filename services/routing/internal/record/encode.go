package record

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// Append writes a record behind buf as the library's Marshal would, to the same message. It is on the path of every ringing
// phone, and takes a third of the time: the library goes through all of a message's fields twice, and most are not set.
func Append(buf []byte, r *routingv1.DecisionRecord) ([]byte, error) {
	w := writer{buf: buf}
	w.text(1, r.GetGatewayId())
	w.text(2, r.GetCallId())
	w.number(3, uint64(int64(r.GetStep())))
	w.number(4, uint64(r.GetDecidedUnixUs()))
	w.text(5, r.GetLine())
	w.fixed(6, r.GetCaller())
	w.flag(7, r.GetAttested())
	w.number(8, uint64(r.GetCapabilities()))
	if r.GetState() != nil {
		w.message(9, r.GetState())
	}
	w.number(10, enum(r.GetFate()))
	w.number(11, uint64(r.GetViewRevision()))
	w.number(12, uint64(r.GetViewAgeMs()))
	w.text(13, r.GetTzdataRelease())
	for _, id := range r.GetFacts() {
		w.bytes(14, id)
	}
	if len(r.GetFactList()) > 0 {
		w.bytes(15, r.GetFactList())
	}
	messages(&w, 16, r.GetCustomers())
	messages(&w, 17, r.GetLive())
	messages(&w, 18, r.GetAttempts())
	if r.GetStranger() != nil {
		w.message(19, r.GetStranger())
	}
	w.flag(20, r.GetFormerNumber())
	w.number(21, uint64(r.GetFormerUntilUnixS()))
	w.outcome(r)
	if len(r.GetTraceId()) > 0 {
		w.bytes(44, r.GetTraceId())
	}
	w.number(45, uint64(r.GetTookUs()))
	if r.GetRecording() != nil {
		w.message(46, r.GetRecording())
	}
	w.number(47, enum(r.GetMessageDurability()))
	w.business(r)
	return w.buf, w.err
}

// outcome writes what came out of the decision.
func (w *writer) outcome(r *routingv1.DecisionRecord) {
	w.number(30, enum(r.GetCallerClass()))
	w.number(31, enum(r.GetTreatment()))
	enums(w, 32, r.GetVerdicts())
	w.number(33, enum(r.GetStepKind()))
	w.number(34, enum(r.GetPrompt()))
	w.number(35, enum(r.GetEnd()))
	for _, id := range r.GetTargets() {
		w.buf = protowire.AppendString(protowire.AppendTag(w.buf, 36, protowire.BytesType), id)
	}
	enums(w, 37, r.GetSiteReasons())
	enums(w, 38, r.GetSiteRanks())
	w.text(39, r.GetFirstSite())
	w.number(40, uint64(r.GetValidUntilUnixS()))
	w.flag(41, r.GetFollowUp())
	w.text(42, r.GetTransferredFrom())
	w.flag(43, r.GetNumberRevealed())
}

// business writes on what the caller was entitled, and what was offered.
func (w *writer) business(r *routingv1.DecisionRecord) {
	w.number(50, enum(r.GetBasis()))
	w.text(51, r.GetRestsOn())
	w.text(52, r.GetVia())
	w.text(53, r.GetPlan())
	w.text(54, r.GetCustomer())
	w.text(55, r.GetPartner())
	w.number(56, uint64(int64(r.GetGoodwillCalls())))
	for _, id := range r.GetOffers() {
		w.buf = protowire.AppendString(protowire.AppendTag(w.buf, 57, protowire.BytesType), id)
	}
	w.number(58, enum(r.GetOffer()))
	w.text(59, r.GetPromise())
}

// enum is a number as it is written: one of a newer release may be negative.
func enum[E ~int32](e E) uint64 { return uint64(int64(e)) }

// writer writes fields that are set: those of proto3 that are not the zero value.
type writer struct {
	buf []byte
	err error
}

func (w *writer) number(field protowire.Number, v uint64) {
	if v != 0 {
		w.buf = protowire.AppendVarint(protowire.AppendTag(w.buf, field, protowire.VarintType), v)
	}
}

func (w *writer) flag(field protowire.Number, set bool) { w.number(field, protowire.EncodeBool(set)) }

func (w *writer) fixed(field protowire.Number, v uint64) {
	if v != 0 {
		w.buf = protowire.AppendFixed64(protowire.AppendTag(w.buf, field, protowire.Fixed64Type), v)
	}
}

func (w *writer) text(field protowire.Number, s string) {
	if s != "" {
		w.buf = protowire.AppendString(protowire.AppendTag(w.buf, field, protowire.BytesType), s)
	}
}

func (w *writer) bytes(field protowire.Number, b []byte) {
	w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, field, protowire.BytesType), b)
}

// message writes another message, by the library.
func (w *writer) message(field protowire.Number, m proto.Message) {
	options := proto.MarshalOptions{}
	w.buf = protowire.AppendTag(w.buf, field, protowire.BytesType)
	w.buf = protowire.AppendVarint(w.buf, uint64(options.Size(m)))
	options.UseCachedSize = true
	var err error
	if w.buf, err = options.MarshalAppend(w.buf, m); err != nil {
		w.err = err
	}
}

func messages[M interface{ ProtoReflect() protoreflect.Message }](w *writer, field protowire.Number, list []M) {
	for _, m := range list {
		w.message(field, m)
	}
}

// enums writes numbers packed.
func enums[E ~int32](w *writer, field protowire.Number, list []E) {
	if len(list) == 0 {
		return
	}
	n := 0
	for _, e := range list {
		n += protowire.SizeVarint(enum(e))
	}
	w.buf = protowire.AppendVarint(protowire.AppendTag(w.buf, field, protowire.BytesType), uint64(n))
	for _, e := range list {
		w.buf = protowire.AppendVarint(w.buf, enum(e))
	}
}
