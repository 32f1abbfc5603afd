package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestHowACommandIsUsed: what was not understood says how to say it.
func TestHowACommandIsUsed(t *testing.T) {
	term := newTerminal(t, newFake(t))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"coverage"}, "error: wrong number of arguments; usage: dayside coverage LINE\nSee `dayside coverage --help`.\n"},
		{[]string{"version", "now"}, "error: wrong number of arguments; usage: dayside version\n"},
		{[]string{"help", "xyzzy"}, "error: there is no help topic \"xyzzy\"\nSee `dayside help --help`.\n"},
		{[]string{"help", "hurs"}, "error: there is no help topic \"hurs\"; did you mean hours?\n"},
		{[]string{"help", "open", "gold"}, "error: there is no help topic \"open gold\""},
		{
			[]string{"hours", "-f", "testdata/cork.yaml", "--to", "9026-01-05"},
			"error: --to \"9026-01-05\": must be at most ten years after --from\n",
		},
		{[]string{"hours", "-f", "testdata/cork.yaml", "--to", "2025-01-05"}, "error: --to \"2025-01-05\": must be after --from\n"},
		{[]string{"export", "-o", "json"}, "error: --output json: export writes YAML"},
		{[]string{"export", "-o", "backup/"}, "error: --output \"backup/\": must be table, json or yaml\n"},
	} {
		if code := term.run(t.Context(), c.args...); code != 2 || term.out.Len() > 0 || !strings.HasPrefix(term.err.String(), c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, code, term.out.String(), term.err.String())
		}
	}
	for _, args := range [][]string{{"help"}, {"help", "open"}, {"open", "--help"}} {
		if code := term.run(t.Context(), args...); code != 0 || !strings.Contains(term.out.String(), "Usage:") ||
			!strings.Contains(term.out.String(), "--help") {
			t.Errorf("%v: exit %d, %s%s", args, code, term.out.String(), term.err.String())
		}
	}
}

// TestEveryAnswerIsJSONWhereItIsAskedFor: a program need not know which commands have little to say.
func TestEveryAnswerIsJSONWhereItIsAskedFor(t *testing.T) {
	term := newTerminal(t, newFake(t))
	for _, c := range []struct {
		args  []string
		field string
	}{{[]string{"version"}, "version"}, {[]string{"delete", "customers/acme"}, ""}} {
		code := term.run(t.Context(), append(c.args, "-o", "json")...)
		var answer map[string]string
		if err := json.Unmarshal(term.out.Bytes(), &answer); code != 0 || err != nil || c.field != "" && answer[c.field] != "v1" {
			t.Errorf("%v: exit %d, %v, %s", c.args, code, err, term.out.String())
		}
	}
	if code := term.run(t.Context(), "delete", "customers/acme"); code != 0 || term.out.Len() > 0 ||
		term.err.String() != "customers/acme is deleted\n" {
		t.Errorf("for people: exit %d, %s%s", code, term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "version"); code != 0 || !strings.HasPrefix(term.out.String(), "dayside v1 go") {
		t.Errorf("for people: exit %d, %s", code, term.out.String())
	}
}
