package houserules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pureCores are data in, data out: no I/O, no clock, no global. Add a package here as soon as it deserves it.
var pureCores = []string{
	"services/entitlement/internal/accessname",
	"services/internal/card",
	"services/entitlement/internal/check",
	"services/entitlement/internal/contracts",
	"services/entitlement/internal/erasure",
	"services/entitlement/internal/feed",
	"services/entitlement/internal/imports",
	"services/entitlement/internal/names",
	"services/entitlement/internal/offer",
	"services/entitlement/internal/pin",
	"services/entitlement/internal/plans",
	"services/entitlement/internal/promise",
	"services/entitlement/internal/selfservice",
	"services/entitlement/internal/throttle",
	"services/gateway/sip/internal/answer",
	"services/gateway/sip/internal/caller",
	"services/gateway/sip/internal/check",
	"services/gateway/sip/internal/wire",
	"services/internal/calendar",
	"services/internal/calendar/ical",
	"services/internal/calendar/resource",
	"services/internal/calendar/seed",
	"services/internal/cluster/skew",
	"services/internal/contacttext",
	"services/internal/entitle",
	"services/internal/fault",
	"services/internal/hours",
	"api/money",
	"services/internal/phone",
	"services/internal/published",
	"services/internal/resource",
	"services/internal/roman",
	"services/internal/rota",
	"services/internal/roster",
	"services/internal/target",
	"services/internal/target",
	"services/internal/timeline",
	"services/internal/zones",
	"services/ledger/internal/erase",
	"services/ledger/internal/mark",
	"services/ledger/internal/merge",
	"services/routing/internal/alert",
	"services/routing/internal/brief",
	"services/routing/internal/continuation",
	"services/routing/internal/decide",
	"services/routing/internal/record",
	"services/routing/internal/reach",
	"services/routing/internal/rendezvous",
	"services/routing/internal/table",
	"services/schedule/internal/answer",
	"services/schedule/internal/estate",
	"services/schedule/internal/rules",
	"services/schedule/internal/custody",
	"services/schedule/internal/events",
	"services/schedule/internal/feed",
	"services/schedule/internal/proof",
	"services/schedule/internal/rotas",
	"services/schedule/internal/calendars",
	"services/internal/wallclock",
	"services/schedule/internal/sites",
	"services/routing/internal/view",
	"services/systemtest/internal/checker",
	"services/systemtest/internal/history",
	"services/schedule/internal/sites",
}

// testSupport are packages for tests that several packages' tests import.
var testSupport = []string{
	"services/internal/await", "services/internal/freeaddr", "services/internal/zones/zonestest", "services/routing/internal/viewtest",
}

// pureLibraries are what a core may import from outside: messages and their types, no transport; what computes dates
// from text; and functions of their arguments.
var pureLibraries = []string{
	"github.com/anyascii/go",
	"github.com/emersion/go-ical",
	"github.com/rickar/cal/v2",
	"github.com/teambition/rrule-go",
	"golang.org/x/crypto/argon2",
	"golang.org/x/text/language",
	"golang.org/x/text/unicode/norm",
	"google.golang.org/protobuf",
	"google.golang.org/genproto/googleapis/type",
	"google.golang.org/genproto/googleapis/rpc",
}

// impureStandard are the parts of the standard library through which the world comes in. (time is lint's: time.Now.)
var impureStandard = []string{
	"crypto/rand", "database/sql", "io/ioutil", "log", "math/rand", "net/http", "net/rpc", "net/smtp", "os", "syscall",
}

// notServices are the folders of services/ that are no service of their own.
var notServices = []string{"console", "gateway", "host", "internal", "systemtest"}

// importRule forbids imports by path. Paths mean what is below them as well.
type importRule struct {
	why string
	// from are the importing packages, all where empty; except are those among them that may.
	from, except []string
	// deny is what they must not import, but for allow.
	deny, allow []string
	// testsMay frees test files, which other rules bind too.
	testsMay bool
}

func (r importRule) broken(file sourceFile, imported string) bool {
	dir := file.dir()
	bound := (len(r.from) == 0 || under(dir, r.from...)) && !under(dir, r.except...) && !(r.testsMay && file.test())
	return bound && under(imported, r.deny...) && !under(imported, r.allow...)
}

// directions are the rules between parts of the house, given the names of its services.
func directions(services []string) []importRule {
	folders := make([]string, len(services))
	for i, name := range services {
		folders[i] = "services/" + name
	}
	rules := []importRule{
		{why: "only services/internal/coord speaks to etcd", except: []string{"services/internal/coord"}, deny: []string{"go.etcd.io"}},
		{why: "edges ask the API, never etcd", from: []string{"services/gateway", "services/console", "cmd", "api"},
			deny: []string{"services/internal/coord"}},
		{why: "an edge translates a protocol to the API, and imports no service", from: []string{"services/gateway", "services/console"},
			deny: []string{"services", "cmd"}, allow: []string{"services/internal", "services/gateway", "services/console"}},
		{why: "what services share knows none of them", from: []string{"services/internal"},
			deny: []string{"services", "cmd"}, allow: []string{"services/internal"}},
		{why: "the API is what everybody imports, and imports nobody", from: []string{"api"}, deny: []string{"services", "cmd", "deploy"}},
		{why: "deploy holds files for operators, no code", from: []string{"deploy"}, deny: []string{"services", "cmd"}},
		{why: "cmd starts the host and asks the API", from: []string{"cmd"},
			deny: []string{"services"}, allow: append([]string{"services/host", "services/gateway"}, folders...)},
		{why: "only cmd and the system tests put a process together", except: []string{"cmd", "services/systemtest", "services/host"},
			deny: []string{"services/host"}},
		{why: "tests of the whole are imported by nobody", except: []string{"services/systemtest"}, deny: []string{"services/systemtest"}},
		{why: "the product imports nothing that is for tests", except: testSupport, deny: append([]string{"testing"}, testSupport...),
			testsMay: true},
		{why: "commands are imported by nobody", except: []string{"cmd"}, deny: []string{"cmd"}},
	}
	for _, folder := range folders {
		rules = append(rules, importRule{why: "a service never imports another one: it calls its API, or follows what it publishes",
			from: []string{folder}, deny: []string{"services", "cmd"}, allow: []string{folder, "services/internal"}})
	}
	return rules
}

// wrongImports lists the imports that break a direction or the purity of a core.
func wrongImports(files []sourceFile, rules []importRule, cores []string) []string {
	var wrong []string
	for _, file := range files {
		for _, imported := range file.imports {
			for _, rule := range rules {
				if rule.broken(file, imported) {
					wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", file.path, imported, rule.why))
				}
			}
			if slices.Contains(cores, file.dir()) && !file.test() && !pure(imported, cores) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: a pure core imports the standard library without I/O, "+
					"the API's messages and other pure cores", file.path, imported))
			}
		}
	}
	return wrong
}

func pure(imported string, cores []string) bool {
	switch {
	case slices.Contains(cores, imported), under(imported, "api/dayside"), under(imported, pureLibraries...):
		return true
	case under(imported, "api", "cmd", "deploy", "services"), strings.Contains(strings.Split(imported, "/")[0], "."):
		return false
	default: // the standard library; net itself opens sockets, net/netip and net/url do not
		return imported != "net" && !under(imported, impureStandard...)
	}
}

func serviceNames(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root(t), "services"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && !slices.Contains(notServices, entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names
}

func TestImportsGoOneWay(t *testing.T) {
	report(t, wrongImports(goFiles(t), directions(serviceNames(t)), pureCores))
}

func TestTablesNamePackagesThatExist(t *testing.T) {
	files := goFiles(t)
	for _, core := range slices.Concat(pureCores, testSupport) {
		if !slices.ContainsFunc(files, func(f sourceFile) bool { return f.dir() == core }) {
			t.Errorf("a table of these rules names %s, which does not exist", core)
		}
	}
}

func TestImportRulesCanFail(t *testing.T) {
	rules := directions([]string{"schedule", "routing"})
	cores := []string{"services/internal/timeline", "services/routing/internal/decide"}
	for _, c := range []struct {
		file, imports string
		allowed       bool
	}{
		{"services/routing/service.go", "services/schedule", false},
		{"services/routing/service_test.go", "services/schedule", false},
		{"services/routing/service.go", "services/schedule/internal/store", false},
		{"services/routing/service.go", "services/routing/internal/decide", true},
		{"services/routing/service.go", "services/internal/coord", true},
		{"services/routing/service.go", "services/gateway/sip", false},
		{"services/routing/service.go", "services/host", false},
		{"services/host/assemble.go", "services/schedule", true},
		{"services/systemtest/cluster_test.go", "services/host", true},
		{"services/systemtest/cluster_test.go", "go.etcd.io/etcd/client/v3", false},
		{"services/internal/coord/embed/embed.go", "go.etcd.io/etcd/server/v3/embed", true},
		{"services/internal/collection/collection.go", "go.etcd.io/etcd/client/v3", false},
		{"services/internal/collection/collection.go", "services/schedule", false},
		{"services/gateway/sip/gateway.go", "services/internal/coord", false},
		{"services/gateway/sip/gateway.go", "services/internal/coord/embed", false},
		{"services/gateway/sip/gateway.go", "services/internal/coordinates", true},
		{"services/gateway/sip/gateway.go", "services/routing", false},
		{"services/gateway/sip/gateway.go", "services/gateway/sip/internal/wire", true},
		{"cmd/dayside/main.go", "services/host", true},
		{"cmd/dayside/main.go", "services/systemtest", false},
		{"cmd/dayside/main.go", "go.etcd.io/etcd/client/v3", false},
		{"api/client/client.go", "services/internal/rpc", false},
		{"services/schedule/service.go", "services/systemtest", false},
		{"services/schedule/service.go", "cmd/dayside", false},
		{"services/schedule/service.go", "testing", false},
		{"services/schedule/service.go", "services/internal/await", false},
		{"services/schedule/service_test.go", "services/internal/await", true},
		{"services/internal/await/await.go", "testing", true},
		{"services/internal/timeline/timeline.go", "time", true},
		{"services/internal/timeline/timeline.go", "net/netip", true},
		{"services/internal/timeline/timeline.go", "net", false},
		{"services/internal/timeline/timeline.go", "os", false},
		{"services/internal/timeline/timeline_test.go", "os", true},
		{"services/internal/timeline/timeline.go", "math/rand/v2", false},
		{"services/internal/timeline/timeline.go", "api/dayside/published/v1", true},
		{"services/internal/timeline/timeline.go", "api/client", false},
		{"services/internal/timeline/timeline.go", "google.golang.org/protobuf/proto", true},
		{"services/internal/timeline/timeline.go", "google.golang.org/grpc", false},
		{"services/internal/timeline/timeline.go", "services/internal/clock", false},
		{"services/routing/internal/decide/stages.go", "services/internal/timeline", true},
		{"services/routing/internal/decide/stages.go", "services/routing/internal/view", false},
		{"services/routing/internal/decide/stages_test.go", "pgregory.net/rapid", true},
	} {
		wrong := wrongImports([]sourceFile{{path: c.file, imports: []string{c.imports}}}, rules, cores)
		if allowed := len(wrong) == 0; allowed != c.allowed {
			t.Errorf("%s importing %s: allowed %v, want %v: %q", c.file, c.imports, allowed, c.allowed, wrong)
		}
	}
}
