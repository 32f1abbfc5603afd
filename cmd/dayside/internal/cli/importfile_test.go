package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAFileThatSomebodyWritesIsNotDone: it is another one by then, which nothing goes on with.
func TestAFileThatSomebodyWritesIsNotDone(t *testing.T) {
	f := &fake{dataAnswers: &dataAnswers{}}
	file := accounts(t, 3)
	f.meanwhile = func() {
		if err := os.WriteFile(file, []byte("name,display_name\nc2,Other\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
	term := newTerminal(t, f)
	code := term.run(t.Context(), "customer", "import", file)
	if said := term.err.String(); code != 1 || !strings.Contains(said, "was changed meanwhile") || strings.Contains(said, "--resume") {
		t.Errorf("exit %d: %s", code, said)
	}
	for id, p := range f.imports {
		if p.GetDone() {
			t.Errorf("%s is done", id)
		}
	}
}

// TestAPathThatNoLineHasIsTold: of JSON there is no header that would.
func TestAPathThatNoLineHasIsTold(t *testing.T) {
	file, mapping := filepath.Join(t.TempDir(), "accounts.jsonl"), filepath.Join(t.TempDir(), "map.yaml")
	for name, text := range map[string]string{
		file:    `{"id":"c2","account":{"name":"Acme"}}` + "\n",
		mapping: "fields: {name: id, display_name: account.name, locality: acount.town}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	term := newTerminal(t, &fake{dataAnswers: &dataAnswers{}})
	if code := term.run(t.Context(), "customer", "import", file, "--mapping", mapping); code != 0 ||
		term.err.String() != "warning: no line has acount.town, which the mapping names\n" {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
}
