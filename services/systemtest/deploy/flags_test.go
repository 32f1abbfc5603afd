package deploy

import (
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// helps are the flags that were read already, by command.
var helps sync.Map //nolint:gochecknoglobals // asked once

// flagsOf are the flags that a program's help names.
func flagsOf(t *testing.T, program string, args ...string) map[string]bool {
	t.Helper()
	key := strings.Join(append(args, program), " ")
	if known, ok := helps.Load(key); ok {
		return maps.Clone(known.(map[string]bool)) //nolint:forcetypeassert // it is what was stored
	}
	// etcd prints its help and says 0 or 2, as its release likes.
	out, _ := exec.CommandContext(t.Context(), program, append(args, "--help")...).CombinedOutput()
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s+(?:-\w, )?(--[a-z][a-z0-9-]*)`).FindAllStringSubmatch(string(out), -1) {
		known[m[1]] = true
	}
	if len(known) < 5 {
		t.Fatalf("%s %v --help names %d flags:\n%s", program, args, len(known), out)
	}
	helps.Store(key, maps.Clone(known))
	return known
}

// knownFlags says what of a command line the program does not know. It begins with what is run, and is dayside's own where
// that is a path of it.
func knownFlags(t *testing.T, where string, command []string) {
	t.Helper()
	program, sub := binary(t), []string{}
	if strings.HasSuffix(command[0], "etcd") && strings.HasPrefix(command[1], "-") { // and not `dayside etcd`
		program, command = peer(t, "etcd"), command[1:]
	} else if strings.HasSuffix(command[0], "dayside") {
		command = command[1:]
	}
	for _, arg := range command {
		if strings.HasPrefix(arg, "-") || len(sub) == 2 || len(sub) == 1 && sub[0] == "serve" {
			break
		}
		sub = append(sub, arg)
	}
	if program != binary(t) {
		sub = nil
	} else if len(sub) == 0 {
		t.Errorf("%s: no command in %v", where, command)
		return
	}
	known := flagsOf(t, program, sub...)
	known["--config-file"] = program != binary(t) // etcd's help tells of it apart
	for _, arg := range command {
		name, _, _ := strings.Cut(arg, "=")
		if strings.HasPrefix(name, "-") && !known[name] {
			t.Errorf("%s: %v has no flag %s", where, sub, name)
		}
	}
}
