// Command deploycheck reads what deploy/ holds as its readers do, strictly: manifests as Kubernetes, a compose file as
// Compose, queries as Prometheus. It is a module of its own, so that the product does not depend on theirs.
//
//	deploycheck kubernetes FOLDER   renders a kustomization, and prints it; fails where an object has a field that does not exist
//	deploycheck compose FILE        fails where the file is not a compose file
//	deploycheck promql              reads lines of {"where","expr"}, and prints a line of {"where","metrics"} for each
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxLineBytes bounds a query and where it stands.
const maxLineBytes = 1 << 20

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deploycheck:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "kubernetes":
		return kubernetes(args[1], out)
	case len(args) == 2 && args[0] == "compose":
		return compose(args[1])
	case len(args) == 1 && args[0] == "promql":
		return promql(in, out)
	}
	return errors.New("usage: deploycheck kubernetes FOLDER | compose FILE | promql")
}

// compose loads a file with its schema and its references; a variable without a value and a default is an error there.
func compose(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	details := types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: text}},
		Environment: types.Mapping{},
	}
	project, err := loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SetProjectName("deploycheck", true)
	})
	if err != nil {
		return err
	}
	return project.CheckContainerNameUnicity()
}

// query is one expression, and where it stands.
type query struct {
	Where string `json:"where"`
	Expr  string `json:"expr"`
}

// found is which metrics it names.
type found struct {
	Where   string   `json:"where"`
	Metrics []string `json:"metrics"`
}

func promql(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLineBytes)
	answers := json.NewEncoder(out)
	var broken []error
	for lines.Scan() {
		var q query
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		metrics, err := metricsOf(q.Expr)
		if err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", q.Where, err))
			continue
		}
		if err := answers.Encode(found{q.Where, metrics}); err != nil {
			return err
		}
	}
	return errors.Join(append(broken, lines.Err())...)
}

// metricsOf are the names in a query, each once, in order.
func metricsOf(expr string) ([]string, error) {
	tree, err := parser.ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	var names []string
	var unnamed error
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		name := selector.Name
		for _, m := range selector.LabelMatchers {
			if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
				name = m.Value
			}
		}
		if name == "" {
			unnamed = fmt.Errorf("%s names no metric", selector)
		}
		names = append(names, name)
		return nil
	})
	slices.Sort(names)
	return slices.Compact(names), unnamed
}
