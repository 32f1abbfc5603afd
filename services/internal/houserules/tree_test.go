package houserules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the import path of the repository's root, with a slash at its end.
const module = "github.com/daysidehq/dayside/"

// sourceFile is what the rules need of one Go file.
type sourceFile struct {
	// path within the repository, with slashes.
	path string
	// pkg is the name in its package clause.
	pkg string
	// doc is its package comment.
	doc string
	// imports are import paths; those of this module are without the module's prefix ("services/host").
	imports []string
	lines   int
	// generated files begin with the line that go.dev/s/generatedcode asks for.
	generated bool
}

// dir is the folder, which is the import path within the module.
func (f sourceFile) dir() string { return path.Dir(f.path) }

func (f sourceFile) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// root is the repository's, found from the test's own folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// goFiles reads every Go file of the module: what `./...` means, so nothing under testdata or a folder with a dot.
func goFiles(t *testing.T) []sourceFile {
	t.Helper()
	top := root(t)
	var files []sourceFile
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != top && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		file, err := parse(filepath.ToSlash(rel), text)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files in the repository: the rules would hold of nothing", len(files))
	}
	return files
}

func parse(name string, text []byte) (sourceFile, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return sourceFile{}, err
	}
	file := sourceFile{
		path: name, pkg: tree.Name.Name, doc: tree.Doc.Text(), generated: ast.IsGenerated(tree),
		lines: strings.Count(string(text), "\n"),
	}
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return sourceFile{}, err
		}
		file.imports = append(file.imports, strings.TrimPrefix(imported, module))
	}
	return file, nil
}

// under says that an import path is one of the prefixes, or below one.
func under(importPath string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if importPath == prefix || strings.HasPrefix(importPath, prefix+"/") {
			return true
		}
	}
	return false
}

// report fails the test with every violation found.
func report(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}
