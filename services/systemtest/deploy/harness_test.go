package deploy

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/daysidehq/dayside/services/internal/freeaddr"
)

// root is the root of the checkout, and files a path below deploy/.
func root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

func files(t testing.TB, parts ...string) string {
	t.Helper()
	return filepath.Join(append([]string{root(t), "deploy"}, parts...)...)
}

// read is the text of a file below deploy/.
func read(t testing.TB, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(files(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// below are the files below a folder of deploy/ whose names end so; none is an error.
func below(t testing.TB, folder, ending string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(files(t, folder), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ending) {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("deploy/%s holds no %s: %v", folder, ending, err)
	}
	return found
}

// peer is the path of a program, or the end of the test.
func peer(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("DAYSIDE_PEERS"), filepath.Join(root(t), ".cache", "peers", "bin"), "/usr/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); dir != "" && err == nil && !info.IsDir() {
			return path
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if os.Getenv("DAYSIDE_REQUIRE_PEERS") != "" {
		t.Fatalf("%s is not here, and DAYSIDE_REQUIRE_PEERS is set (make peers installs it)", name)
	}
	t.Skipf("SKIP: %s not found (make peers installs it)", name)
	return ""
}

// built is where the binary under test is made, once for all tests; TestMain makes the folder and removes it.
var built struct { //nolint:gochecknoglobals // built once
	once sync.Once
	dir  string
	err  error
}

// TestMain keeps a folder for all tests.
func TestMain(m *testing.M) {
	if unseenByRace {
		fmt.Println("SKIP: programs of their own are the same under the race detector")
		return
	}
	var err error
	if built.dir, err = os.MkdirTemp("", "dayside-deploytest"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(built.dir)
	os.Exit(code)
}

// binary is the program under test, linked as the image needs it.
func binary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(built.dir, "dayside")
	built.once.Do(func() {
		build := exec.Command("go", "build", "-mod=readonly", "-trimpath", "-o", path, "./cmd/dayside")
		build.Dir, build.Env = root(t), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return path
}

// dayside runs the CLI to its end, and answers with what it printed.
func dayside(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary(t), args...).CombinedOutput()
	return string(out), err
}

// must runs a program to its end, and answers with what it printed.
func must(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// freeAddr is a loopback address nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	return freeaddr.Loopback(t)
}
