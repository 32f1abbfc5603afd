package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// Read makes resources of files, or answers with *Problems: everything that is wrong with all of them. It refuses what it
// does not know (fields, kinds, tags), what is written twice, and aliases; an empty set is refused too, since with pruning
// it would delete everything.
func Read(sources []Source) (*Set, error) {
	r := reader{set: &Set{places: map[string]place{}}, problems: &Problems{}}
	for _, s := range sources {
		r.source(s)
	}
	if r.set.Len() == 0 && len(r.problems.List) == 0 {
		name := ""
		if len(sources) == 1 {
			name = sources[0].Name
		}
		r.problems.add(Problem{File: name, Rule: "holds no resource: a document begins with kind: " + kindNames()})
	}
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	r.set.sort()
	return r.set, nil
}

type reader struct {
	set      *Set
	problems *Problems
}

func (r *reader) source(s Source) {
	if !utf8.Valid(s.Data) || bytes.IndexByte(s.Data, 0) >= 0 {
		r.problems.add(Problem{File: s.Name, Rule: "is not text in UTF-8"})
		return
	}
	decoder := yaml.NewDecoder(bytes.NewReader(s.Data))
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.problems.add(syntax(s.Name, err))
			return
		}
		if r.set.Len() >= maxResources {
			r.problems.add(Problem{File: s.Name, Line: n.Line, Rule: fmt.Sprintf(
				"more than %d resources; apply them in parts", maxResources)})
			return
		}
		if len(n.Content) == 1 && !isNull(n.Content[0]) {
			r.document(s.Name, n.Content[0])
		}
	}
}

// syntax is a parser's error. Its text says where by itself, and quotes nothing but names of anchors.
func syntax(file string, err error) Problem {
	p := Problem{File: file, Rule: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := regexp.MustCompile(`^yaml: line (\d+): (.*)$`).FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Rule = "is not YAML: " + m[2]
	}
	if strings.Contains(p.Rule, "anchor") {
		p.Rule = "is not YAML: refers to an anchor that does not exist"
	}
	return p
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// document reads one resource.
func (r *reader) document(file string, n *yaml.Node) {
	d := &document{file: file, problems: r.problems, place: place{file: file, lines: map[string]int{"": n.Line}}}
	if n.Kind != yaml.MappingNode {
		d.wrong(n, "", "", "must be a resource: kind: "+kindNames()+", and its fields")
		return
	}
	k, ok := d.kind(n)
	if !ok {
		return
	}
	fresh := k.empty.ProtoReflect().New()
	d.fields(fresh, n, "", rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED, d.header(k, fresh, n))
	m := fresh.Interface()
	name := nameOf(m)
	if name == "" && !d.broken("name") && !d.broken("id") {
		d.wrong(n, "name", "", "is required: "+k.collection+"/ID")
	}
	d.rules(m)
	if was, twice := r.set.places[name]; twice {
		d.wrong(n, "name", name, "is given twice; it also stands at "+at(was.file, was.line("")))
		return
	}
	if name != "" {
		r.set.places[name] = d.place
	}
	if len(d.faulty) == 0 {
		r.set.add(m)
	}
}

func nameOf(m proto.Message) string {
	if named, ok := m.(interface{ GetName() string }); ok {
		return named.GetName()
	}
	return ""
}

// document is one document being read.
type document struct {
	file     string
	problems *Problems
	place    place
	// faulty are the paths about which something was said already.
	faulty []string
}

func (d *document) wrong(n *yaml.Node, path, value, rule string) {
	d.faulty = append(d.faulty, path)
	d.problems.add(Problem{File: d.file, Line: n.Line, Field: path, Value: value, Rule: rule})
}

// broken says whether something was said about a path, or about what is around or within it.
func (d *document) broken(path string) bool {
	return slices.ContainsFunc(d.faulty, func(f string) bool { return within(f, path) || within(path, f) })
}

func within(path, around string) bool {
	rest, ok := strings.CutPrefix(path, around)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// kind is the document's kind; without one, nothing else of it can be judged.
func (d *document) kind(n *yaml.Node) (kind, bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value != "kind" {
			continue
		}
		j := slices.IndexFunc(kinds, func(k kind) bool { return value.Kind == yaml.ScalarNode && k.name == value.Value })
		if j < 0 {
			d.wrong(value, "kind", shownKey(value.Value), "must be one of "+kindNames())
			return kind{}, false
		}
		return kinds[j], true
	}
	d.wrong(n, "kind", "", "is required: one of "+kindNames())
	return kind{}, false
}
