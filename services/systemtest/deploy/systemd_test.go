package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// maxExposure is how much systemd-analyze may find to say of a unit: 0 is nothing, 10 all.
const maxExposure = 20

// TestUnits are read by systemd, are hardened as it understands that, and run what exists.
func TestUnits(t *testing.T) {
	analyze := peer(t, "systemd-analyze")
	dir := t.TempDir()
	var names []string
	for _, path := range append(below(t, "systemd", ".service"), below(t, "systemd", ".timer")...) {
		// Where the units expect programs, this machine has none: they are put where it has them.
		text := strings.NewReplacer("/usr/bin/dayside", binary(t), "/usr/bin/etcd", peer(t, "etcd")).Replace(readPath(t, path))
		name := filepath.Base(path)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Join(dir, name))
		if strings.HasSuffix(name, ".service") {
			unitFlags(t, name, text)
			exposure(t, analyze, filepath.Join(dir, name))
		}
	}
	verify := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, names...)...)
	verify.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	out, err := verify.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "dayside") { // others' units of this machine are none of ours
			t.Error(line)
		}
	}
	if err != nil {
		t.Logf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func readPath(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitFlags checks each command of a unit that is ours or etcd's.
func unitFlags(t *testing.T, name, text string) {
	t.Helper()
	text = regexp.MustCompile(`\$\$\([^)]*\)`).ReplaceAllString(strings.ReplaceAll(text, "\\\n", " "), "TIME")
	seen := 0
	for _, m := range regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindAllStringSubmatch(text, -1) {
		var command []string
		for _, word := range strings.Fields(strings.Trim(m[1], "'")) {
			if !strings.HasPrefix(word, "$") { // flags from a file of the environment
				command = append(command, word)
			}
		}
		if command[0] == "/bin/sh" {
			command = strings.Fields(strings.Trim(m[1][strings.Index(m[1], "exec ")+len("exec "):], `'"`))
		}
		knownFlags(t, name, command)
		seen++
	}
	if seen != 1 {
		t.Errorf("%s runs %d commands", name, seen)
	}
}

// exposure is how systemd judges what a unit may do.
func exposure(t *testing.T, analyze, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold="+strconv.Itoa(maxExposure), "--no-pager", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(path), err, out)
	}
}

// TestEnvironmentFilesNameFlagsThatExist: what an operator copies is understood.
func TestEnvironmentFilesNameFlagsThatExist(t *testing.T) {
	for _, path := range below(t, "systemd", ".env") {
		for line := range strings.Lines(readPath(t, path)) {
			if flags, ok := strings.CutPrefix(strings.TrimSpace(line), "DAYSIDE_FLAGS="); ok {
				knownFlags(t, filepath.Base(path), append([]string{"serve"}, strings.Fields(flags)...))
			}
		}
	}
}

// TestTheFoldersOfUnitsAreMade: whatever a unit or etcd's settings read or write stands in a folder that systemd makes.
func TestTheFoldersOfUnitsAreMade(t *testing.T) {
	made := map[string]string{"/etc/dayside": "root"} // made with those below it
	for line := range strings.Lines(readPath(t, below(t, "systemd", ".tmpfiles.conf")[0])) {
		if f := strings.Fields(line); len(f) > 5 && f[0] == "d" {
			made[f[1]] = f[4]
		}
	}
	paths := regexp.MustCompile(`/(?:etc/dayside|var/backups/dayside)/[a-z0-9/.%-]+`)
	seen := 0
	for _, path := range append(below(t, "systemd", ".service"), below(t, "etcd", ".yaml")...) {
		for _, name := range paths.FindAllString(readPath(t, path), -1) {
			seen++
			group, there := made[filepath.Dir(name)]
			if !there {
				t.Errorf("%s names %s, whose folder nobody makes", filepath.Base(path), name)
			}
			if strings.Contains(name, "/etcd/") != (group == "dayside-etcd") {
				t.Errorf("%s names %s, in a folder of the group %s", filepath.Base(path), name, group)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d paths were looked at", seen)
	}
}
