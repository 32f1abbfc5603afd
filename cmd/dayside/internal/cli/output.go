package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Values of --output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

// show writes an answer in the format asked for; text writes it for people.
func (a *app) show(m proto.Message, text func(io.Writer) error) error {
	switch a.output {
	case formatJSON:
		return writeJSON(a.Out, m)
	case formatYAML:
		return writeYAML(a.Out, m)
	}
	var b bytes.Buffer
	if err := text(&b); err != nil {
		return err
	}
	_, err := a.Out.Write(b.Bytes())
	return err
}

// writeJSON writes the API's JSON, indented always alike: protojson varies its blanks on purpose.
func writeJSON(w io.Writer, m proto.Message) error {
	compact, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// writeYAML writes the same as YAML, fields in the same order.
func writeYAML(w io.Writer, m proto.Message) error {
	text, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return err
	}
	unquote(&n)
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return err
	}
	return e.Close()
}

// unquote takes the style of JSON away.
func unquote(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		unquote(c)
	}
}

// grid is a table without lines, for people and for cut and awk.
type grid struct{ t table.Writer }

func newGrid(header ...string) *grid {
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	t := table.NewWriter()
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	g := &grid{t}
	t.AppendHeader(cells(header))
	return g
}

func (g *grid) row(values ...string) { g.t.AppendRow(cells(values)) }

func (g *grid) write(w io.Writer) error {
	for line := range strings.Lines(g.t.Render()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func cells(values []string) table.Row {
	row := make(table.Row, len(values))
	for i, v := range values {
		row[i] = oneLine(v)
	}
	return row
}

// oneLine keeps text from elsewhere to its cell.
func oneLine(s string) string { return strings.ReplaceAll(visible(s), "\n", " ") }

// visible keeps text from elsewhere from steering a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// dash is what stands where there is nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// linef writes one line.
func linef(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintln(w, visible(fmt.Sprintf(format, args...)))
}
