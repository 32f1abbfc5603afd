package bulk

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// Format is how a file is written.
type Format int

// The formats.
const (
	// CSV is RFC 4180, with a header.
	CSV Format = iota + 1
	// JSONL is a JSON object a line (https://jsonlines.org).
	JSONL
)

const (
	// maxRecordLines is over how many lines one record may go, for its quotes hold ends of lines. A quote that is not
	// closed by then never was meant to be.
	maxRecordLines = 50
	// maxDepth is how deep objects of foreign JSON are looked into.
	maxDepth = 4
)

// Reader reads rows. Not for concurrent use.
type Reader struct {
	lines   *lines
	builder *builder
	// header are the columns of CSV; nil of JSON.
	header []string
	at     map[string]int
	comma  rune
	// last is the last line that belongs to what was read.
	last int64
	// decoded says that the file was of another encoding than UTF-8, and so what is lost of it is U+FFFD.
	decoded bool
	// plain says that lines are customers as the API writes them.
	plain bool
	// unseen are the columns of a mapping that no line of JSON had so far; there is no header to tell it.
	unseen map[string]bool
}

// NewReader reads the header, where there is one. The error names what is wrong with that, or with the mapping.
func NewReader(in io.Reader, format Format, m *Mapping) (*Reader, error) {
	if m == nil {
		m = &Mapping{}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	text, decoded, err := Text(in, m)
	if err != nil {
		return nil, err
	}
	r := &Reader{lines: newLines(text), decoded: decoded}
	if format == JSONL {
		r.plain = len(m.Fields) == 0
		fields := m.Fields
		if r.plain {
			fields = map[string]Source{externalIDs: {Columns: []string{externalIDs}}}
		}
		if r.builder, err = newBuilder(m, fields); err == nil && !r.plain {
			r.unseen = map[string]bool{}
			for _, name := range r.builder.columns() {
				r.unseen[name] = true
			}
		}
		return r, err
	}
	return r, r.readHeader(m)
}

func (r *Reader) readHeader(m *Mapping) error {
	given := m.Delimiter
	first, err := r.headLine()
	if err == nil && separatorLine(first.text) { // Excel's word for what is between columns
		given = string(first.text[len(first.text)-1:])
		first, err = r.headLine()
	}
	if err != nil {
		return err
	}
	r.last = first.number
	r.comma = delimiter(given, string(first.text))
	if r.header, err = r.record(string(first.text)); err != nil {
		return fmt.Errorf("line %d: %w", first.number, err)
	}
	if len(r.header) > maxColumns {
		return fmt.Errorf("line %d has %d columns; at most %d", first.number, len(r.header), maxColumns)
	}
	return r.nameColumns(m, first.number)
}

// headLine is a line that can be a header.
func (r *Reader) headLine() (line, error) {
	l, err := r.lines.next()
	switch {
	case errors.Is(err, io.EOF):
		return l, errors.New("the file is empty: its first line must name the columns")
	case err != nil:
		return l, err
	case bytes.IndexByte(l.text, '\r') >= 0:
		return l, errors.New("lines must end with LF, or CR and LF; these end with CR alone")
	case l.long || !r.readable(l.text):
		return l, fmt.Errorf("line %d must name the columns, in %s", l.number, notText)
	}
	return l, nil
}

// notText says what a file must be.
const notText = "UTF-8; or a mapping must say its encoding, such as windows-1252"

// readable says whether a line is text.
func (r *Reader) readable(text []byte) bool {
	return utf8.Valid(text) && (!r.decoded || !bytes.ContainsRune(text, utf8.RuneError))
}

// separatorLine says whether a line is of the form sep=;
func separatorLine(text []byte) bool {
	return len(text) == len("sep=;") && bytes.HasPrefix(bytes.ToLower(text), []byte("sep="))
}

// nameColumns takes the header's columns for fields, as the mapping says.
func (r *Reader) nameColumns(m *Mapping, headLine int64) (err error) {
	r.at = map[string]int{}
	fields := map[string]Source{}
	for i, name := range r.header {
		name = strings.TrimSpace(name)
		if _, again := r.at[name]; again && name != "" {
			return fmt.Errorf("line %d: two columns are called %q", headLine, name)
		}
		r.at[name] = i
		if name != m.Key.Column && name != "" {
			fields[name] = Source{Columns: []string{name}}
		}
	}
	if len(m.Fields) > 0 {
		fields = m.Fields
	}
	if r.builder, err = newBuilder(m, fields); err != nil {
		return err
	}
	for _, name := range r.builder.columns() {
		if _, ok := r.at[name]; !ok {
			return fmt.Errorf("there is no column %q; there are %s", name, strings.Join(r.header, ", "))
		}
	}
	return nil
}

// delimiter is the one given, else the one that makes most columns of the header.
func delimiter(given, header string) rune {
	if given != "" {
		comma, _ := utf8.DecodeRuneInString(given)
		return comma
	}
	best := ','
	for _, c := range ";\t|" {
		if strings.Count(header, string(c)) > strings.Count(header, string(best)) {
			best = c
		}
	}
	return best
}

// Next is the next row; io.EOF after the last. A line that cannot be read is a row that says so; blank lines are none.
func (r *Reader) Next() (*entitlementv1.ImportRow, error) {
	for {
		l, err := r.lines.next()
		if err != nil {
			return nil, err
		}
		r.last = l.number
		switch {
		case l.long:
			return unreadable(l.number, fmt.Sprintf("is longer than %d KiB", MaxLineBytes>>10)), nil
		case len(bytes.TrimSpace(l.text)) == 0:
			continue
		case !r.readable(l.text):
			return unreadable(l.number, "must be "+notText), nil
		case r.header == nil:
			return r.object(l), nil
		}
		return r.csvRow(l)
	}
}

// Last is the last line that belongs to what was read so far.
func (r *Reader) Last() int64 { return r.last }

// Unseen are the columns that a mapping names and no line read so far had, in order: it may have them mistyped.
func (r *Reader) Unseen() []string { return sorted(r.unseen) }

// csvRow reads a record, of several lines where its quotes hold ends of lines. What is broken takes no line after it
// along.
func (r *Reader) csvRow(first line) (*entitlementv1.ImportRow, error) {
	text, more := string(first.text), []line(nil)
	for strings.Count(text, `"`)%2 == 1 && len(more) < maxRecordLines && len(text) < MaxLineBytes {
		l, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		more = append(more, l)
		if l.long || !r.readable(l.text) {
			break
		}
		text += "\n" + string(l.text)
	}
	cells, err := r.record(text)
	if err == nil && len(cells) != len(r.header) {
		err = fmt.Errorf("has %d columns, and the header has %d", len(cells), len(r.header))
	}
	if err != nil {
		r.lines.giveBack(more)
		return unreadable(first.number, err.Error()), nil
	}
	if len(more) > 0 {
		r.last = more[len(more)-1].number
	}
	return r.builder.row(first.number, func(column string) []string {
		return []string{unguarded(cells[r.at[column]])}
	}), nil
}

// record reads one record, which must be all of the text.
func (r *Reader) record(text string) ([]string, error) {
	c := csv.NewReader(strings.NewReader(text))
	c.Comma, c.FieldsPerRecord = r.comma, -1
	cells, err := c.Read()
	if err == nil && c.InputOffset() < int64(len(text)) {
		err = csv.ErrQuote
	}
	switch {
	case errors.Is(err, csv.ErrQuote) || errors.Is(err, csv.ErrBareQuote):
		return nil, errors.New("a quote is not closed, or stands in the middle of a value")
	case err != nil:
		return nil, errors.New("is no CSV")
	}
	return cells, nil
}

// object reads a line of JSON.
func (r *Reader) object(l line) *entitlementv1.ImportRow {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(l.text, &object); err != nil || object == nil {
		return unreadable(l.number, "is no JSON object")
	}
	if r.plain {
		return r.customer(l, object)
	}
	columns := map[string][]string{}
	flatten(columns, "", object, maxDepth)
	maps.DeleteFunc(r.unseen, func(name string, _ bool) bool { return columns[name] != nil })
	return r.builder.row(l.number, func(column string) []string { return columns[column] })
}

// apiOnly are fields that the API fills: what an export holds of them is passed over.
var apiOnly = []string{
	"etag", "createTime", "create_time", "updateTime", "update_time", "hasPin", "has_pin", "hasPhrase", "has_phrase",
	"formerAccessNames", "former_access_names",
}

// customer is a line that holds one as the API writes it.
func (r *Reader) customer(l line, object map[string]json.RawMessage) *entitlementv1.ImportRow {
	for _, name := range apiOnly {
		delete(object, name)
	}
	text, err := json.Marshal(object)
	if err != nil {
		return unreadable(l.number, "is no JSON object")
	}
	row := &entitlementv1.ImportRow{Line: l.number, Customer: &entitlementv1.Customer{}}
	if err := protojson.Unmarshal(text, row.GetCustomer()); err != nil {
		return noCustomer(l.number, object, err)
	}
	fields := row.GetCustomer().ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		_, camel := object[fd.JSONName()]
		_, snake := object[string(fd.Name())]
		if (camel || snake) && fd.Name() != "name" && (r.builder.clearEmpty || row.GetCustomer().ProtoReflect().Has(fd)) {
			row.Fields = append(row.Fields, string(fd.Name()))
		}
	}
	row.Key = r.builder.keyOf(row.GetCustomer(), func(column string) []string {
		columns := map[string][]string{}
		flatten(columns, "", object, maxDepth)
		return columns[column]
	})
	return checked(row)
}

// noCustomer is an object that is none as the API writes it: which of its fields is not, where that can be said. What
// protojson says besides is of places in another text than the file's, and holds values.
func noCustomer(line int64, object map[string]json.RawMessage, all error) *entitlementv1.ImportRow {
	const no = "is no customer as the API writes it"
	fields := (&entitlementv1.Customer{}).ProtoReflect().Descriptor().Fields()
	for _, name := range sorted(object) {
		fd := fields.ByJSONName(name)
		if fd == nil {
			fd = fields.ByTextName(name)
		}
		if fd == nil {
			return unreadable(line, fmt.Sprintf("%s: unknown field %q", no, shown(name)))
		}
		one, err := json.Marshal(map[string]json.RawMessage{name: object[name]})
		if err != nil {
			return unreadable(line, no)
		}
		if err := protojson.Unmarshal(one, &entitlementv1.Customer{}); err != nil {
			row := unreadable(line, "is not as the API writes it"+unknownIn(err))
			row.UnreadableField = string(fd.Name())
			return row
		}
	}
	return unreadable(line, no+": "+duplicate(all))
}

// unknownIn is the word on a field that an object within has, and nobody knows; empty where that is not what is wrong.
func unknownIn(err error) string {
	_, name, ok := strings.Cut(strings.ReplaceAll(err.Error(), "\u00a0", " "), "unknown field ")
	if !ok {
		return ""
	}
	return ": unknown field " + shown(name)
}

// duplicate is what is left to be wrong where each field by itself is right: it stands there in both of its writings.
func duplicate(err error) string {
	_, name, ok := strings.Cut(strings.ReplaceAll(err.Error(), "\u00a0", " "), "duplicate field ")
	if !ok {
		return "its fields do not agree"
	}
	return "duplicate field " + shown(name)
}

// flatten gives each value of an object a column, called by its path with dots.
func flatten(columns map[string][]string, prefix string, object map[string]json.RawMessage, deeper int) {
	for _, name := range sorted(object) {
		flattenValue(columns, prefix+name, object[name], deeper)
	}
}

func flattenValue(columns map[string][]string, path string, raw json.RawMessage, deeper int) {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	var text string
	switch {
	case bytes.Equal(raw, []byte("null")):
	case json.Unmarshal(raw, &text) == nil:
		columns[path] = append(columns[path], text)
	case deeper > 0 && json.Unmarshal(raw, &object) == nil:
		flatten(columns, path+".", object, deeper-1)
	case deeper > 0 && json.Unmarshal(raw, &list) == nil:
		for _, v := range list {
			flattenValue(columns, path, v, deeper-1)
		}
	default: // a number, true or false
		columns[path] = append(columns[path], string(raw))
	}
}

// Fields are those that a row can have, as an export's header has them.
func Fields() []string {
	var names []string
	for _, p := range paths() {
		names = append(names, p.name)
	}
	return slices.Clip(names)
}
