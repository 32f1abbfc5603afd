// Package bulk reads and writes customers as files have them: CSV, and JSON a line. A mapping says which column is
// which field, and rows come out as bulk import takes them; a line that cannot be read comes out as a row that says so,
// and the next one is read. It knows no server, and asks none of the rules of customers: those are the service's.
package bulk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// maxColumns is how many columns a file may have.
	maxColumns = 500
	// defaultSeparator is between the values of a list in one cell; a backslash before it makes it a part of one.
	defaultSeparator = ";"
	// isoDate is how dates are written where nothing else is said.
	isoDate = "2006-01-02"
)

// Mapping says how columns become fields of customers. Its zero value takes columns that are called as the fields are.
type Mapping struct {
	// Key finds customers by an external id; none: by name.
	Key Key `yaml:"key"`
	// Fields are by the path of a field, such as "contracts.plan" or "external_ids.billing".
	Fields map[string]Source `yaml:"fields"`
	// Dates is how they are written: DD.MM.YYYY, or M/D/YYYY without zeros; ISO 8601 where it is empty.
	Dates string `yaml:"dates"`
	// Encoding of the file, such as windows-1252; UTF-8 where it is empty, or UTF-16 where it begins with that's mark.
	Encoding string `yaml:"encoding"`
	// Delimiter is between columns; found out by the header where it is empty.
	Delimiter string `yaml:"delimiter"`
	// ClearEmpty says that an empty cell clears a field; else it leaves it as it is.
	ClearEmpty bool `yaml:"clear_empty"`
}

// Key is an external id by which customers are found.
type Key struct {
	// System, such as crm.
	System string `yaml:"system"`
	// Column that holds the id; the one of external_ids.SYSTEM where it is empty.
	Column string `yaml:"column"`
}

// ParseKey reads "crm" or "crm:Account ID".
func ParseKey(text string) (Key, error) {
	system, column, _ := strings.Cut(text, ":")
	if system == "" {
		return Key{}, fmt.Errorf("%q: must be SYSTEM or SYSTEM:COLUMN, such as crm:AccountId", text)
	}
	return Key{System: system, Column: column}, nil
}

// UnmarshalYAML takes no other words than these two.
func (k *Key) UnmarshalYAML(n *yaml.Node) error {
	type plain Key
	if err := known(n, "system", "column"); err != nil {
		return err
	}
	return n.Decode((*plain)(k))
}

// Source is where the values of a field come from.
type Source struct {
	// Columns hold them; of a field that is no list, the first that is not empty does.
	Columns []string `yaml:"columns"`
	// Value is that of all rows, where there is no column.
	Value string `yaml:"value"`
	// Values translate what a column holds; what they do not name is an error, unless Default says otherwise.
	Values map[string]string `yaml:"values"`
	// Default is taken for what is empty, and for what Values do not name.
	Default string `yaml:"default"`
	// Separator is between the values of a list in one cell; ";" where it is empty.
	Separator string `yaml:"separator"`
}

// UnmarshalYAML takes a column's name, a list of them, or all that there is to say.
func (s *Source) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		s.Columns = []string{n.Value}
		return nil
	}
	if n.Kind == yaml.SequenceNode {
		return n.Decode(&s.Columns)
	}
	type plain Source
	if err := known(n, "columns", "value", "values", "default", "separator", "column"); err != nil {
		return err
	}
	var one struct {
		Column string `yaml:"column"`
	}
	if err := n.Decode(&one); err != nil {
		return err
	}
	if err := n.Decode((*plain)(s)); err != nil {
		return err
	}
	if one.Column != "" {
		s.Columns = append(s.Columns, one.Column)
	}
	return nil
}

// known refuses words that mean nothing here: they are mistyped ones that do.
func known(n *yaml.Node, words ...string) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; n.Kind == yaml.MappingNode && !slices.Contains(words, key.Value) {
			return fmt.Errorf("line %d: %q: must be one of %s", key.Line, key.Value, strings.Join(words, ", "))
		}
	}
	return nil
}

// ParseMapping reads a mapping file, YAML.
func ParseMapping(text []byte) (*Mapping, error) {
	m := &Mapping{}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("the mapping cannot be read: %w", err)
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the mapping is empty")
	}
	err := known(root.Content[0], "key", "fields", "dates", "encoding", "delimiter", "clear_empty")
	if err == nil {
		err = root.Decode(m)
	}
	if err != nil {
		return nil, fmt.Errorf("the mapping cannot be read: %w", err)
	}
	return m, m.check()
}

func (m *Mapping) check() error {
	var wrong []error
	for _, path := range sorted(m.Fields) {
		p, ok := find(path)
		s := m.Fields[path]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("fields: %q is no field; there are %s", path, allPaths()))
		case len(s.Columns) == 0 && s.Value == "":
			wrong = append(wrong, fmt.Errorf("fields: %s: needs a column or a value", path))
		case len(s.Columns) > 0 && s.Value != "":
			wrong = append(wrong, fmt.Errorf("fields: %s: has columns and a value; for what is empty there is default", path))
		case s.Separator != "" && !p.list:
			wrong = append(wrong, fmt.Errorf("fields: %s: is no list, and has no separator", path))
		}
	}
	if m.Delimiter != "" && (utf8.RuneCountInString(m.Delimiter) != 1 || strings.ContainsAny(m.Delimiter, "\"\r\n\ufffd")) {
		wrong = append(wrong, fmt.Errorf("delimiter: %q: must be one character, and no quote or line's end", m.Delimiter))
	}
	if _, err := dateLayout(m.Dates); err != nil {
		wrong = append(wrong, err)
	}
	if _, err := encodingOf(m.Encoding); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// dateLayout is Go's word for a form such as DD.MM.YYYY.
func dateLayout(form string) (string, error) {
	if form == "" {
		return isoDate, nil
	}
	parts := strings.FieldsFunc(form, func(r rune) bool { return r < 'A' || r > 'Z' })
	slices.Sort(parts)
	known := slices.ContainsFunc([]string{"DD MM YYYY", "D MM YYYY", "DD M YYYY", "D M YYYY"}, func(want string) bool {
		return want == strings.Join(parts, " ")
	})
	if !known || strings.ContainsAny(form, "0123456789") {
		return "", fmt.Errorf("dates: %q: must hold YYYY, MM and DD once each, such as DD.MM.YYYY, or M/D/YYYY", form)
	}
	return strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "M", "1", "D", "2").Replace(form), nil
}
