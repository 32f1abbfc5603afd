package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// object is what these tests look at of a Kubernetes object; deploycheck has decoded the whole of it strictly before.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Selector    json.RawMessage
		Ports       []struct{ TargetPort any }
		Template    podTemplate
		JobTemplate struct {
			Spec struct{ Template podTemplate }
		}
		PodSelector  struct{ MatchLabels map[string]string }
		VolumeClaims []struct{ Metadata struct{ Name string } } `json:"volumeClaimTemplates"`
	}
}

type podTemplate struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		AutomountServiceAccountToken *bool
		SecurityContext              struct {
			RunAsNonRoot bool
			RunAsUser    int
		}
		Containers []container
		Volumes    []struct {
			Name      string
			ConfigMap *struct{ Name string }
			Secret    *struct{ SecretName string }
		}
	}
}

type container struct {
	Name, Image     string
	Command, Args   []string
	Env             []struct{ Name string }
	Ports           []struct{ Name string }
	LivenessProbe   map[string]any
	ReadinessProbe  map[string]any
	Resources       struct{ Limits map[string]string }
	VolumeMounts    []struct{ Name, MountPath string }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool
		ReadOnlyRootFilesystem   bool
		Capabilities             struct{ Drop []string }
	}
}

// pods are the templates of an object.
func (o object) pods() []podTemplate {
	switch o.Kind {
	case "StatefulSet", "Deployment", "DaemonSet", "Job":
		return []podTemplate{o.Spec.Template}
	case "CronJob":
		return []podTemplate{o.Spec.JobTemplate.Spec.Template}
	}
	return nil
}

// rendered is what a region's folder makes.
func rendered(t *testing.T, region string) []object {
	t.Helper()
	return renderedFrom(t, files(t, "kubernetes", "regions", region))
}

func renderedFrom(t *testing.T, folder string) []object {
	t.Helper()
	out := must(t, exec.CommandContext(t.Context(), peer(t, "deploycheck"), "kubernetes", folder))
	var all []object
	for d := yaml.NewDecoder(strings.NewReader(out)); ; {
		var raw map[string]any
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return all
		}
		text, errJSON := json.Marshal(raw)
		var o object
		if err := errors.Join(err, errJSON, json.Unmarshal(text, &o)); err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
}

// TestManifestsDecodeStrictly renders each region as kubectl does, and decodes all of it as the API server does.
func TestManifestsDecodeStrictly(t *testing.T) {
	everywhere := []string{"entitlement", "etcd", "routing", "schedule", "sip"}
	for region, want := range map[string][]string{
		"europe": {"entitlement", "etcd", "ledger", "routing", "schedule", "sip"}, "asia-pacific": everywhere,
		"americas": everywhere, "gulf": everywhere,
	} {
		t.Run(region, func(t *testing.T) {
			var sets []string
			all := rendered(t, region)
			for _, o := range all {
				if o.Kind == "StatefulSet" {
					sets = append(sets, o.Metadata.Name)
				}
				if o.Kind != "Namespace" && o.Metadata.Namespace != "dayside" {
					t.Errorf("%s %s is in %q", o.Kind, o.Metadata.Name, o.Metadata.Namespace)
				}
				for _, p := range o.pods() {
					wholePod(t, o, p)
				}
			}
			if slices.Sort(sets); !slices.Equal(sets, want) {
				t.Errorf("it runs %v, not %v", sets, want)
			}
			servicesAndBudgets(t, all)
		})
	}
}

// TestARestoreInAClusterRestores runs the command of the Job, with a file and folders of this machine: it makes the data of the
// region's member, on a root that cannot be written to, and again in the place of what is there.
func TestARestoreInAClusterRestores(t *testing.T) {
	etcd := freeAddr(t)
	serve(t, "--etcd-listen", etcd)
	file := filepath.Join(t.TempDir(), "monday.dayside")
	if out, err := dayside(t, "backup", "--out", file, "--only", "etcd", "--etcd", etcd); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all := renderedFrom(t, files(t, "kubernetes", "restore"))
	i := slices.IndexFunc(all, func(o object) bool { return o.Kind == "Job" })
	if i < 0 {
		t.Fatal("there is no Job")
	}
	pod := all[i].Spec.Template
	wholePod(t, all[i], pod)
	data := t.TempDir()
	put := strings.NewReplacer("/backup/$(FILE)", file, "$(REGION)", "europe", "$(TOKEN)", "restored", "/var/lib/dayside-etcd", data)
	var args []string
	for _, arg := range pod.Spec.Containers[0].Args {
		args = append(args, put.Replace(arg))
	}
	t.Setenv("DAYSIDE_DATA", "/proc/none") // the image has one, and this pod cannot write to it
	for range 2 {
		if out, err := dayside(t, args...); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		if _, err := os.Stat(filepath.Join(data, "member", "wal")); err != nil {
			t.Error(err)
		}
	}
}

// wholePod checks that a pod keeps to the restricted profile, and that what it refers to is there.
func wholePod(t *testing.T, o object, p podTemplate) {
	t.Helper()
	where := o.Kind + " " + o.Metadata.Name
	if !p.Spec.SecurityContext.RunAsNonRoot || p.Spec.SecurityContext.RunAsUser == 0 ||
		p.Spec.AutomountServiceAccountToken == nil || *p.Spec.AutomountServiceAccountToken {
		t.Errorf("%s: runs as root, or with a token of Kubernetes", where)
	}
	volumes := map[string]bool{}
	for _, v := range p.Spec.Volumes {
		volumes[v.Name] = true
	}
	for _, v := range o.Spec.VolumeClaims {
		volumes[v.Metadata.Name] = true
	}
	for _, c := range p.Spec.Containers {
		s := c.SecurityContext
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem ||
			!slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
			t.Errorf("%s: %s may do more than it needs", where, c.Name)
		}
		if c.Resources.Limits["memory"] == "" {
			t.Errorf("%s: %s may take all memory", where, c.Name)
		}
		if o.Kind == "StatefulSet" && (c.LivenessProbe == nil || c.ReadinessProbe == nil) {
			t.Errorf("%s: nobody asks %s how it is", where, c.Name)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s: %s mounts %s, which is not there", where, c.Name, m.Name)
			}
		}
		variables(t, where, c)
		if c.Name == "proxy" { // Kamailio's flags are checked by running it
			tellsTheProxy(t, where, c.Args)
			continue
		}
		knownFlags(t, where, slices.Concat(c.Command, c.Args))
	}
}

// tellsTheProxy checks that a proxy that is not of this machine alone knows the world: by its own defaults it takes calls
// from loopback only, and sends telephone numbers and who is stranded there, too.
func tellsTheProxy(t *testing.T, where string, args []string) {
	t.Helper()
	for _, key := range []string{"DAYSIDE", "LISTEN", "PUBLIC", "TRUNK", "PSTN", "LAST"} {
		if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, key+"=") }) {
			t.Errorf("%s: the proxy is not told %s", where, key)
		}
	}
}

// variables are replaced where they are defined alone; elsewhere Kubernetes leaves the text as it is.
func variables(t *testing.T, where string, c container) {
	t.Helper()
	defined := map[string]bool{}
	for _, e := range c.Env {
		defined[e.Name] = true
	}
	for _, arg := range c.Args {
		for _, part := range strings.Split(arg, "$(")[1:] {
			if name, _, _ := strings.Cut(part, ")"); !defined[name] {
				t.Errorf("%s: %s uses $(%s), which is not defined", where, c.Name, name)
			}
		}
	}
}

// servicesAndBudgets checks that selectors find pods, and ports have the names that these give them.
func servicesAndBudgets(t *testing.T, all []object) {
	t.Helper()
	for _, o := range all {
		labels, ports := map[string]string{}, []string{}
		switch o.Kind {
		case "Service":
			if err := json.Unmarshal(o.Spec.Selector, &labels); err != nil {
				t.Fatal(err)
			}
			for _, p := range o.Spec.Ports {
				ports = append(ports, fmt.Sprint(p.TargetPort))
			}
		case "PodDisruptionBudget":
			var s struct{ MatchLabels map[string]string }
			if err := json.Unmarshal(o.Spec.Selector, &s); err != nil {
				t.Fatal(err)
			}
			labels = s.MatchLabels
		case "NetworkPolicy":
			labels = o.Spec.PodSelector.MatchLabels
		default:
			continue
		}
		found := 0
		for _, with := range all {
			for _, p := range with.pods() {
				if !within(labels, p.Metadata.Labels) {
					continue
				}
				found++
				for _, port := range ports {
					if !hasPort(p, port) {
						t.Errorf("Service %s: %s has no port %s", o.Metadata.Name, with.Metadata.Name, port)
					}
				}
			}
		}
		if found == 0 && (o.Kind != "NetworkPolicy" || o.Metadata.Name != "upkeep") {
			t.Errorf("%s %s selects nothing by %v", o.Kind, o.Metadata.Name, labels)
		}
	}
}

func within(some, all map[string]string) bool {
	for k := range maps.Keys(some) {
		if some[k] != all[k] {
			return false
		}
	}
	return true
}

func hasPort(p podTemplate, name string) bool {
	if strings.Trim(name, "0123456789") == "" {
		return true // a number needs no name
	}
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			if port.Name == name {
				return true
			}
		}
	}
	return false
}
