package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestComposeFile is read as Compose does, and each process in it is given flags that it has.
func TestComposeFile(t *testing.T) {
	path := files(t, "compose", "compose.yaml")
	must(t, exec.CommandContext(t.Context(), peer(t, "deploycheck"), "compose", path))
	var project struct {
		Services map[string]struct {
			Image    string
			Command  []string
			ReadOnly bool     `yaml:"read_only"`
			CapDrop  []string `yaml:"cap_drop"`
			Volumes  []string
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose", "compose.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	if len(project.Services) < 12 {
		t.Errorf("%d services", len(project.Services))
	}
	for name, s := range project.Services {
		if !s.ReadOnly || len(s.CapDrop) != 1 {
			t.Errorf("%s may do more than it needs", name)
		}
		if strings.Contains(s.Image, "DAYSIDE") || strings.Contains(s.Image, "ETCD") {
			knownFlags(t, name, s.Command)
		}
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, ".") {
				if _, err := os.Stat(filepath.Join(filepath.Dir(path), from)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
