package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keysFolder is a folder of keys to back up.
func keysFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	term := newTerminal(t, newFake(t))
	if code := term.run(t.Context(), "pki", "init", "--dir", dir); code != 0 {
		t.Fatal(term.err.String())
	}
	return dir
}

func TestABackupIsMadeVerifiedAndRestored(t *testing.T) {
	term, pki := newTerminal(t, newFake(t)), keysFolder(t)
	file, to := filepath.Join(t.TempDir(), "monday.dayside"), filepath.Join(t.TempDir(), "restored")
	save := []string{"backup", "--out", file, "--pki", pki, "--only", "keys"}
	restore := []string{"restore", file, "--pki", to}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{save, 0, file + "  "},
		{save, 1, "no backup was made: " + file + " exists already, and is not replaced"},
		{[]string{"restore", file, "--verify"}, 0, "whole; made at "},
		{[]string{"restore", file, "--verify"}, 0, "keys       "},
		{restore, 0, "restored keys as of "},
		{restore, 1, "is there already: with --force it is moved aside"},
		{append(restore, "--force"), 0, "moved aside  " + filepath.Join(to, "ca.crt.before-restore-")},
		{[]string{"backup"}, 2, "--out is needed"},
		{[]string{"backup", "--out", file + "2", "--pki", pki, "--only", ""}, 2, `--only "": must be of etcd, ledger, keys`},
		{append(restore, "--only", ""), 2, `--only "": must be of etcd, ledger, keys`},
		{append(save, "--etcd-cert", "x"), 2, "--etcd-ca is needed with --etcd-cert"},
		{[]string{"backup", "--out", file + "2", "--etcd-ca", "none", "--etcd", "x:1"}, 1, "--etcd-ca none"},
		{[]string{"backup", "--out", file + "2", "--only", "spool"}, 1, `--only "spool": must be of etcd, ledger, keys`},
		{[]string{"backup", "--out", file + "2", "--data", to}, 1, "holds no etcd: name the one to back up with --etcd"},
		{[]string{"restore"}, 2, "wrong number of arguments; usage: dayside restore FILE"},
		{[]string{"restore", file}, 1, "--data, --etcd-data and --pki say where to"},
		{[]string{"restore", file, "--etcd-data", to}, 2, "are needed together"},
		{[]string{"restore", filepath.Join(pki, "ca.crt"), "--verify"}, 1, "this is no backup of Dayside"},
	} {
		code := term.run(t.Context(), c.args...)
		said := term.out.String() + term.err.String()
		if code != c.code || !strings.Contains(said, c.want) || strings.Contains(said, "PRIVATE") {
			t.Errorf("%v: exit %d, %s", c.args, code, said)
		}
	}
	for _, name := range []string{"ca.crt", "ca.key", "token.key"} {
		was, err := os.ReadFile(filepath.Join(pki, name))
		if err != nil {
			t.Fatal(err)
		}
		if is, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(is) != string(was) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestARestoreSaysWhatIsNext, of an etcd that held nothing yet.
func TestARestoreSaysWhatIsNext(t *testing.T) {
	term, data, to := newTerminal(t, newFake(t)), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "restored")
	if err := os.MkdirAll(filepath.Join(data, "etcd", "member-data", "member"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b")
	if code := term.run(t.Context(), "backup", "--out", file, "--data", data, "--only", "etcd"); code != 0 {
		t.Fatal(term.err.String())
	}
	code := term.run(t.Context(), "restore", file, "--data", to, "--pki", filepath.Join(to, "pki"))
	for _, want := range []string{
		": processes that run on see another cluster or epoch, and list it anew\n",
		"not restored keys: the backup holds no keys; nothing was put into ", "start it now: the process of " + to + "\n",
	} {
		if said := term.out.String() + term.err.String(); code != 0 || !strings.Contains(said, want) {
			t.Errorf("exit %d, %s, want %q", code, said, want)
		}
	}
}

func TestABackupTellsPrograms(t *testing.T) {
	term, file := newTerminal(t, newFake(t)), filepath.Join(t.TempDir(), "b")
	for _, args := range [][]string{
		{"backup", "--out", file, "--pki", keysFolder(t), "--only", "keys"}, {"restore", file, "--verify"},
		{"restore", file, "--pki", filepath.Join(t.TempDir(), "restored")},
	} {
		code := term.run(t.Context(), append(args, "-o", "json")...)
		var answer struct {
			Release string
			Holds   map[string]struct{ Files, Bytes int }
		}
		if err := json.Unmarshal(term.out.Bytes(), &answer); code != 0 || err != nil || answer.Release != "v1" ||
			answer.Holds["keys"].Files != 4 || answer.Holds["keys"].Bytes == 0 {
			t.Errorf("%v: exit %d, %v, %s%s", args, code, err, term.out.String(), term.err.String())
		}
	}
}
