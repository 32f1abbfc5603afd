package bulk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// maxUnreadableBytes is how long the word on a line that cannot be read may be.
const maxUnreadableBytes = 400

// unreadable is a line as a row that says what is wrong with it.
func unreadable(line int64, why string) *entitlementv1.ImportRow {
	if len(why) > maxUnreadableBytes {
		why = why[:maxUnreadableBytes]
	}
	return &entitlementv1.ImportRow{Line: line, Unreadable: strings.ToValidUTF8(why, "\ufffd")}
}

// wrong is a value that a field cannot have.
type wrong struct{ value, rule string }

// Error shows the value as far as that may be.
func (w *wrong) Error() string { return fmt.Sprintf("%q: %s", shown(w.value), w.rule) }

// misread is a line one field of which cannot be read.
func misread(line int64, name string, err error) *entitlementv1.ImportRow {
	const maxNameBytes = 128
	var w *wrong
	if !errors.As(err, &w) || len(name) > maxNameBytes {
		return unreadable(line, name+": "+err.Error())
	}
	row := unreadable(line, w.rule)
	row.UnreadableField, row.UnreadableValue = name, shown(w.value)
	return row
}

// builder makes rows of what columns hold.
type builder struct {
	fields     []field
	key        Key
	layout     string
	clearEmpty bool
}

type field struct {
	path
	source Source
}

func newBuilder(m *Mapping, fields map[string]Source) (*builder, error) {
	layout, err := dateLayout(m.Dates)
	if err != nil {
		return nil, err
	}
	b := &builder{key: m.Key, layout: layout, clearEmpty: m.ClearEmpty}
	for _, name := range sorted(fields) {
		p, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("%q is no field of a customer, and no mapping says what it is; there are %s", name, allPaths())
		}
		b.fields = append(b.fields, field{p, fields[name]})
	}
	if b.key.System != "" && b.key.Column == "" && !slices.ContainsFunc(b.fields, func(f field) bool {
		return f.name == externalIDs || f.name == externalIDs+"."+b.key.System
	}) {
		return nil, fmt.Errorf("the key's column is not known: say it, or map %s.%s", externalIDs, b.key.System)
	}
	return b, nil
}

// columns are those that are asked for.
func (b *builder) columns() (names []string) {
	for _, f := range b.fields {
		names = append(names, f.source.Columns...)
	}
	if b.key.Column != "" {
		names = append(names, b.key.Column)
	}
	return names
}

// row makes a row of what columns hold; a column may hold several values, or none.
func (b *builder) row(line int64, lookup func(column string) []string) *entitlementv1.ImportRow {
	values, said := make([][]string, len(b.fields)), map[string]bool{}
	for i, f := range b.fields {
		var err error
		if values[i], err = f.values(lookup); err != nil {
			return misread(line, f.name, err)
		}
		if len(values[i]) > 0 && len(f.source.Columns) > 0 {
			said[f.top()], said[f.part()] = true, true
		}
	}
	made := &building{
		customer: &entitlementv1.Customer{}, contract: &entitlementv1.Contract{}, contact: &entitlementv1.Contact{},
		suspend: &entitlementv1.Suspension{}, hold: &entitlementv1.Suspension{}, layout: b.layout,
	}
	row := &entitlementv1.ImportRow{Line: line, Customer: made.customer}
	for i, f := range b.fields {
		grouped := f.top() != f.name && f.top() != externalIDs
		switch {
		case len(values[i]) > 0 && (!grouped || said[f.top()]):
			if err := f.set(made, values[i]); err != nil {
				return misread(line, f.name, err)
			}
		case !b.clearEmpty || f.keep:
			continue
		}
		if top := f.top(); top != "name" && !slices.Contains(row.GetFields(), top) {
			row.Fields = append(row.Fields, top)
		}
	}
	for _, f := range b.fields { // of a contract or contact that stands, what has no column is left as it is
		top := f.top()
		if said[top] && (top == "contracts" || top == "contacts") && !slices.Contains(row.GetFields(), f.part()) {
			row.Fields = append(row.Fields, f.part())
		}
	}
	if said[contractSuspension] {
		made.contract.Suspension = made.hold
	}
	if said["contracts"] {
		made.customer.Contracts = []*entitlementv1.Contract{made.contract}
	}
	if said["contacts"] {
		made.customer.Contacts = []*entitlementv1.Contact{made.contact}
	}
	if said["suspension"] {
		made.customer.Suspension = made.suspend
	}
	row.Key = b.keyOf(made.customer, lookup)
	return checked(row)
}

// keyOf is the external id by which the row's customer is found.
func (b *builder) keyOf(c *entitlementv1.Customer, lookup func(column string) []string) *entitlementv1.ExternalId {
	if b.key.System == "" {
		return nil
	}
	key := &entitlementv1.ExternalId{System: b.key.System}
	if b.key.Column != "" {
		for _, v := range lookup(b.key.Column) {
			key.Id = strings.TrimSpace(v)
		}
		return key
	}
	for _, e := range c.GetExternalIds() {
		if e.GetSystem() == b.key.System {
			key.Id = e.GetId()
		}
	}
	return key
}

// values are what a field's columns hold.
func (f field) values(lookup func(column string) []string) (out []string, err error) {
	if len(f.source.Columns) == 0 {
		return f.split(f.source.Value), nil
	}
	for _, column := range f.source.Columns {
		for _, cell := range lookup(column) {
			out = append(out, f.split(cell)...)
		}
	}
	for i, v := range out {
		if out[i], err = f.translated(v); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 && f.source.Default != "" {
		out = []string{f.source.Default}
	}
	if !f.list && len(out) > 1 {
		out = out[:1]
	}
	return out, nil
}

// split are the values in a cell that are not empty.
func (f field) split(cell string) (out []string) {
	parts := []string{cell}
	if f.list {
		separator := f.source.Separator
		if separator == "" {
			separator = defaultSeparator
		}
		parts = separated(cell, separator)
	}
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (f field) translated(v string) (string, error) {
	if f.source.Values == nil {
		return v, nil
	}
	if to, ok := f.source.Values[v]; ok {
		return to, nil
	}
	if f.source.Default != "" {
		return f.source.Default, nil
	}
	return "", &wrong{v, "is not among the values of the mapping"}
}

// separated cuts a cell; a backslash before a separator, or before another one, is none.
func separated(cell, separator string) (parts []string) {
	var part strings.Builder
	for len(cell) > 0 {
		switch {
		case strings.HasPrefix(cell, `\`+separator):
			part.WriteString(separator)
			cell = cell[1+len(separator):]
		case strings.HasPrefix(cell, `\\`):
			part.WriteByte('\\')
			cell = cell[2:]
		case strings.HasPrefix(cell, separator):
			parts = append(parts, part.String())
			part.Reset()
			cell = cell[len(separator):]
		default:
			_, n := utf8.DecodeRuneInString(cell)
			part.WriteString(cell[:n])
			cell = cell[n:]
		}
	}
	return append(parts, part.String())
}

// shown is a value as others may see it: what may be a number or an address is masked.
func shown(v string) string {
	const maxShownBytes, maxDigits, dateBytes = 60, 6, len("31.12.2026")
	digits := 0
	for _, r := range v {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	switch {
	case len(v) <= dateBytes && isDate(v):
	case len(v) > 5 && (digits > maxDigits && digits != len("20261231") || strings.Contains(v, "@")):
		v = strings.ToValidUTF8(v[:3], "") + "…" + strings.ToValidUTF8(v[len(v)-2:], "")
	case len(v) > maxShownBytes:
		v = strings.ToValidUTF8(v[:maxShownBytes], "") + "…"
	}
	return strings.ToValidUTF8(v, "\ufffd")
}

// isDate says whether it is three numbers, one of them a year, with something between.
func isDate(v string) bool {
	parts := strings.FieldsFunc(v, func(r rune) bool { return r < '0' || r > '9' })
	return len(parts) == 3 && len(parts[1]) <= 2 &&
		(len(parts[0]) == 4 && len(parts[2]) <= 2 || len(parts[0]) <= 2 && len(parts[2]) == 4)
}

// checked is a row that can be sent: what a key must be is said here, since a server refuses the request that holds
// another.
func checked(row *entitlementv1.ImportRow) *entitlementv1.ImportRow {
	const maxIDBytes, maxFields = 128, 64
	switch key := row.GetKey(); {
	case len(key.GetId()) > maxIDBytes:
		return unreadable(row.GetLine(), fmt.Sprintf("the id in %s is longer than %d characters", key.GetSystem(), maxIDBytes))
	case len(row.GetFields()) > maxFields:
		return unreadable(row.GetLine(), "has too many fields")
	}
	return row
}
