// Package imports is what bulk import decides: which customer a row is of, what that customer is with what the row
// says, and how much is written at once beside others who write. It is pure: reading, checking against the rules of
// customers, and writing are the service's.
package imports

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// Numbers reads a telephone number as somebody wrote it; the error is the rule that it breaks.
type Numbers func(text string) (phone.Number, error)

// notImported are the fields of a customer that no row may set.
var notImported = []protoreflect.Name{
	"name", "etag", "create_time", "update_time", "has_pin", "has_phrase", "former_access_names",
}

// Merge is a customer with what a row says of it; stands is not changed, and is without a name alone where the customer
// is new. Of the fields that the row names nothing else is changed: single values are set, or cleared where they are
// empty; numbers, aliases, domains and external ids are added; contracts, contacts, partners and cases are added, or
// replaced by their id, where the row names no fields of theirs ("contracts.plan"), else changed in these; calendars are
// replaced as a whole; a list that is empty is cleared. The row's key becomes one of the external ids. An access name that
// the customer has, or had, is left as it is: notes say so. An INVALID_FIELD fault names the fields of the row that break a
// rule; whether the customer keeps its own is not asked.
func Merge(stands *entitlementv1.Customer, row *entitlementv1.ImportRow, numbers Numbers,
) (next *entitlementv1.Customer, notes []fault.Violation, err error) {
	says := proto.CloneOf(row.GetCustomer())
	if says == nil {
		says = &entitlementv1.Customer{}
	}
	var broken fault.Violations
	says.PhoneNumbers = readNumbers(&broken, "phone_numbers", says.GetPhoneNumbers(), numbers)
	for i, c := range says.GetContacts() {
		c.PhoneNumbers = readNumbers(&broken, fmt.Sprintf("contacts[%d].phone_numbers", i), c.GetPhoneNumbers(), numbers)
	}
	next = proto.CloneOf(stands)
	for _, fd := range named(&broken, row, says) {
		mergeField(next, says, fd, within(row, fd))
	}
	chosen := stands.GetAccessName() != "" || len(stands.GetFormerAccessNames()) > 0
	if chosen && stands.GetAccessName() != next.GetAccessName() {
		notes = append(notes, fault.Violation{
			Field: "access_name", Value: next.GetAccessName(),
			Rule: "is left as it is: the customer has chosen another one, or none; renaming changes it, and keeps its history",
		})
		next.AccessName = stands.GetAccessName()
	}
	if key := row.GetKey(); key != nil {
		next.ExternalIds = added(next.GetExternalIds(), []*entitlementv1.ExternalId{key}, externalKey)
	}
	return next, notes, broken.Err()
}

// named are the fields that a row has columns for; all that it sets where it does not say.
func named(broken *fault.Violations, row *entitlementv1.ImportRow, says *entitlementv1.Customer,
) []protoreflect.FieldDescriptor {
	from := says.ProtoReflect()
	fields := from.Descriptor().Fields()
	var out []protoreflect.FieldDescriptor
	if len(row.GetFields()) == 0 {
		for i := range fields.Len() {
			if fd := fields.Get(i); from.Has(fd) && !slices.Contains(notImported, fd.Name()) {
				out = append(out, fd)
			}
		}
		return out
	}
	for _, name := range row.GetFields() {
		fd := fields.ByName(protoreflect.Name(name))
		switch {
		case name == "name": // it says which customer the row is of
		case fd == nil && !isPart(fields, name):
			broken.Add("fields", name, "is no field of a customer")
		case fd == nil: // it says what of the contract or contact, see within
		case slices.Contains(notImported, fd.Name()):
			broken.Add("fields", name, "cannot be imported")
		case !slices.Contains(out, fd):
			out = append(out, fd)
		}
	}
	return out
}

// isPart says whether a name is that of a field of contracts or contacts, with a dot between.
func isPart(fields protoreflect.FieldDescriptors, name string) bool {
	list, part, ok := strings.Cut(name, ".")
	if !ok || list != "contracts" && list != "contacts" {
		return false
	}
	return fields.ByName(protoreflect.Name(list)).Message().Fields().ByName(protoreflect.Name(part)) != nil
}

// within are the fields of a list's elements that a row has columns for; none: it has all of them.
func within(row *entitlementv1.ImportRow, list protoreflect.FieldDescriptor) (parts []protoreflect.Name) {
	for _, name := range row.GetFields() {
		if part, ok := strings.CutPrefix(name, string(list.Name())+"."); ok {
			parts = append(parts, protoreflect.Name(part))
		}
	}
	return parts
}

// inPart takes over of `from` what parts name, and of `have` the rest.
func inPart[T proto.Message](parts []protoreflect.Name) func(have, from T) T {
	return func(have, from T) T {
		if len(parts) == 0 {
			return from
		}
		next := proto.CloneOf(have)
		fields := from.ProtoReflect().Descriptor().Fields()
		for _, name := range parts {
			switch fd := fields.ByName(name); {
			case fd == nil: // was told of
			case from.ProtoReflect().Has(fd):
				next.ProtoReflect().Set(fd, from.ProtoReflect().Get(fd))
			default:
				next.ProtoReflect().Clear(fd)
			}
		}
		return next
	}
}

// mergeField takes one field over, of contracts and contacts the parts, where there are some.
func mergeField(next, says *entitlementv1.Customer, fd protoreflect.FieldDescriptor, parts []protoreflect.Name) {
	to, from := next.ProtoReflect(), says.ProtoReflect()
	if !from.Has(fd) {
		to.Clear(fd)
		return
	}
	switch fd.Name() {
	case "aliases":
		next.Aliases = added(next.GetAliases(), says.GetAliases(), folded)
	case "email_domains":
		next.EmailDomains = added(next.GetEmailDomains(), says.GetEmailDomains(), folded)
	case "phone_numbers":
		next.PhoneNumbers = added(next.GetPhoneNumbers(), says.GetPhoneNumbers(), (*phone_number.PhoneNumber).GetE164Number)
	case "external_ids":
		next.ExternalIds = added(next.GetExternalIds(), says.GetExternalIds(), externalKey)
	case "contracts":
		next.Contracts = replaced(next.GetContracts(), says.GetContracts(), (*entitlementv1.Contract).GetContractId,
			inPart[*entitlementv1.Contract](parts))
	case "contacts":
		next.Contacts = replaced(next.GetContacts(), says.GetContacts(), (*entitlementv1.Contact).GetContactId,
			inPart[*entitlementv1.Contact](parts))
	case "open_cases":
		next.OpenCases = replaced(next.GetOpenCases(), says.GetOpenCases(), (*entitlementv1.OpenCase).GetCaseId,
			inPart[*entitlementv1.OpenCase](nil))
	case "partners":
		next.Partners = replaced(next.GetPartners(), says.GetPartners(), func(p *entitlementv1.PartnerAccess) string {
			return p.GetPartner() + " " + p.GetProduct()
		}, inPart[*entitlementv1.PartnerAccess](nil))
	default:
		to.Set(fd, from.Get(fd))
	}
}

// added is a list with what it does not hold yet.
func added[T any](have, more []T, key func(T) string) []T {
	held := make(map[string]bool, len(have)+len(more))
	for _, h := range have {
		held[key(h)] = true
	}
	for _, m := range more {
		if !held[key(m)] {
			held[key(m)] = true
			have = append(have, m)
		}
	}
	return have
}

// replaced is a list with others, brought together with it, in the place of those of the same key, and behind it where
// there are none. Of two others of one key both are taken, so that the rule against it is told.
func replaced[T any](have, others []T, key func(T) string, together func(have, other T) T) []T {
	at := make(map[string]int, len(have))
	for i, h := range have {
		at[key(h)] = i
	}
	for _, o := range others {
		if i, ok := at[key(o)]; ok {
			have[i] = together(have[i], o)
			delete(at, key(o))
			continue
		}
		have = append(have, o)
	}
	return have
}

func folded(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// externalKey tells external ids apart: case counts in them.
func externalKey(e *entitlementv1.ExternalId) string { return e.GetSystem() + " " + e.GetId() }

// readNumbers are numbers in E.164; those that are none are named.
func readNumbers(broken *fault.Violations, path string, list []*phone_number.PhoneNumber, numbers Numbers,
) []*phone_number.PhoneNumber {
	out := make([]*phone_number.PhoneNumber, 0, len(list))
	for i, p := range list {
		text := p.GetE164Number()
		n, err := numbers(text)
		switch {
		case p.GetExtension() != "":
			broken.Add(fmt.Sprintf("%s[%d]", path, i), "", "must be a number without an extension")
		case err != nil:
			broken.Add(fmt.Sprintf("%s[%d]", path, i), phone.Mask(text), err.Error())
		default:
			out = append(out, &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: n.String()}})
		}
	}
	return out
}
