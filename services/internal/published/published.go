// Package published names the etcd keys that services publish for the views of other services, and reads their values.
// What stands there is compiled, free of secrets, and made of instants; who writes it is said beside each key. A
// service's private state has its keys in that service's own store.
package published

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// Prefixes of published records; the rest of the key is the resource's ID.
const (
	// SitePrefix: publishedv1.Site, by schedule.
	SitePrefix = "pub/schedule/sites/"
	// CustomerPrefix: publishedv1.Customer, by entitlement.
	CustomerPrefix = "pub/entitlement/customers/"
	// PlanPrefix: publishedv1.Plan, by entitlement; so are the next four.
	PlanPrefix = "pub/entitlement/plans/"
	// PlanTimelinePrefix: publishedv1.PlanTimeline.
	PlanTimelinePrefix = "pub/entitlement/timelines/"
	// OfferPrefix: publishedv1.Offer.
	OfferPrefix = "pub/entitlement/offers/"
	// GrantPrefix: publishedv1.Grant.
	GrantPrefix = "pub/entitlement/grants/"
	// UsagePrefix: publishedv1.Usage; the ID is "c-" and a customer's, or "n-" and a keyed hash of a number.
	UsagePrefix = "pub/entitlement/usage/"
	// LinePrefix: publishedv1.Line, by routing.
	LinePrefix = "pub/routing/lines/"
	// RotaPrefix: publishedv1.Rota, by schedule.
	RotaPrefix = "pub/schedule/rotas/"
	// CustodyPrefix: publishedv1.Custody, by schedule; the ID is the rota's.
	CustodyPrefix = "pub/schedule/custody/"
	// EventPrefix: schedulev1.ScheduleEvent, by schedule, for whoever alerts people.
	EventPrefix = "pub/schedule/events/"
	// AlertPrefix: routingv1.Alert, by routing, for whoever alerts people.
	AlertPrefix = "pub/routing/alerts/"
	// SchedulePrefix covers all that schedule publishes.
	SchedulePrefix = "pub/schedule/"
	// AllPrefix covers every published record.
	AllPrefix = "pub/"
)

// OpenEnded is the end of what never ends.
const OpenEnded = math.MaxInt64

// DefaultGoodwillDays is over how many days goodwill is counted where a line does not say: the same for whoever decides,
// whoever counts, and whoever is asked.
const DefaultGoodwillDays = 90

// maxRecordBytes bounds one published record: etcd's own limit of a request is 1.5 MiB.
const maxRecordBytes = 1 << 20

// Site reads a value under SitePrefix.
func Site(value []byte) (*publishedv1.Site, error) {
	m := &publishedv1.Site{}
	return m, read(value, m)
}

// Customer reads a value under CustomerPrefix.
func Customer(value []byte) (*publishedv1.Customer, error) {
	m := &publishedv1.Customer{}
	return m, read(value, m)
}

// Plan reads a value under PlanPrefix.
func Plan(value []byte) (*publishedv1.Plan, error) {
	m := &publishedv1.Plan{}
	return m, read(value, m)
}

// PlanTimeline reads a value under PlanTimelinePrefix.
func PlanTimeline(value []byte) (*publishedv1.PlanTimeline, error) {
	m := &publishedv1.PlanTimeline{}
	return m, read(value, m)
}

// Offer reads a value under OfferPrefix.
func Offer(value []byte) (*publishedv1.Offer, error) {
	m := &publishedv1.Offer{}
	return m, read(value, m)
}

// Grant reads a value under GrantPrefix.
func Grant(value []byte) (*publishedv1.Grant, error) {
	m := &publishedv1.Grant{}
	return m, read(value, m)
}

// Usage reads a value under UsagePrefix.
func Usage(value []byte) (*publishedv1.Usage, error) {
	m := &publishedv1.Usage{}
	return m, read(value, m)
}

// Line reads a value under LinePrefix.
func Line(value []byte) (*publishedv1.Line, error) {
	m := &publishedv1.Line{}
	return m, read(value, m)
}

// Rota reads a value under RotaPrefix.
func Rota(value []byte) (*publishedv1.Rota, error) {
	m := &publishedv1.Rota{}
	return m, read(value, m)
}

// Custody reads a value under CustodyPrefix.
func Custody(value []byte) (*publishedv1.Custody, error) {
	m := &publishedv1.Custody{}
	return m, read(value, m)
}

// Event reads a value under EventPrefix.
func Event(value []byte) (*schedulev1.ScheduleEvent, error) {
	m := &schedulev1.ScheduleEvent{}
	return m, read(value, m)
}

// Alert reads a value under AlertPrefix.
func Alert(value []byte) (*routingv1.Alert, error) {
	m := &routingv1.Alert{}
	return m, read(value, m)
}

// Marshal is the value of a record; the same record always gives the same bytes, so that an unchanged one is seen as
// such.
func Marshal(m proto.Message) ([]byte, error) {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("published %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	if len(value) > maxRecordBytes {
		return nil, fmt.Errorf("published %s: %d bytes, at most %d", m.ProtoReflect().Descriptor().Name(), len(value),
			maxRecordBytes)
	}
	return value, nil
}

func read(value []byte, m proto.Message) error {
	if err := proto.Unmarshal(value, m); err != nil {
		return fmt.Errorf("published %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// ID is the resource's ID in a key under prefix; false where the key is not under it.
func ID(key, prefix string) (string, bool) {
	id, ok := strings.CutPrefix(key, prefix)
	return id, ok && id != ""
}

// promiseMarkChars are of a request's hash: 75 bits.
const promiseMarkChars = 15

// PromiseMark is what the IDs of the promise that a request made, and of its grant, end with, after a hyphen.
func PromiseMark(requestID string) string {
	sum := sha256.Sum256([]byte("dayside promise\x00" + requestID))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))[:promiseMarkChars]
}
