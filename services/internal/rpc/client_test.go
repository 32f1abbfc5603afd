package rpc //nolint:testpackage // what is tried again is nobody's to change

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	_ "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	_ "github.com/daysidehq/dayside/api/dayside/routing/v1"
	_ "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// TestWhatIsTriedAgain: every read, so that the loss of a process is not noticed; and no write but a call's own reports.
func TestWhatIsTriedAgain(t *testing.T) {
	var config struct {
		MethodConfig []struct {
			Name []struct{ Service, Method string }
		}
	}
	if err := json.Unmarshal([]byte(serviceConfig), &config); err != nil {
		t.Fatal(err)
	}
	again := map[string]bool{}
	for _, n := range config.MethodConfig[0].Name {
		again[n.Service+"."+n.Method] = true
	}
	reads := regexp.MustCompile(
		`^(Simulate|(Get|List|Query|Explain|Watch|Check|Diff|Seed|Plan|Read|Identify|Replay)[A-Z].*|(Route|Continue|Report)Call|HandOverCharges)$`)
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			s := file.Services().Get(i)
			for j := range s.Methods().Len() {
				m := s.Methods().Get(j)
				name := string(s.FullName()) + "." + string(m.Name())
				if strings.HasPrefix(name, "dayside.") && reads.MatchString(string(m.Name())) != again[name] {
					t.Errorf("%s: tried again: %v", name, again[name])
				}
				delete(again, name)
			}
		}
		return true
	})
	for name := range again {
		t.Errorf("%s is tried again, and does not exist", name)
	}
}
