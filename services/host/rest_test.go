package host

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// recorder answers no call, and knows which was made last.
type recorder struct{ called string }

var errRecorded = errors.New("recorded")

func (r *recorder) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	r.called = method
	return errRecorded
}

func (r *recorder) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	r.called = method
	return nil, errRecorded
}

// TestEveryRESTPathReachesItsMethod: of two that match, the one registered later wins, and "lines/*" matches "lines/x:coverage".
func TestEveryRESTPathReachesItsMethod(t *testing.T) {
	var conn recorder
	mux := runtime.NewServeMux()
	for _, register := range handlers() {
		if err := register(t.Context(), mux, &conn); err != nil {
			t.Fatal(err)
		}
	}
	tried := 0
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				method := file.Services().Get(i).Methods().Get(j)
				rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
				if !ok || rule == nil || !strings.HasPrefix(string(file.Package()), "dayside.") {
					continue
				}
				tried++
				conn.called = ""
				verb, path := verbAndPath(rule)
				r := httptest.NewRequestWithContext(t.Context(), verb, path, strings.NewReader("{}"))
				mux.ServeHTTP(httptest.NewRecorder(), r)
				want := "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
				if conn.called != want {
					t.Errorf("%s %s reaches %q, not %q", verb, path, conn.called, want)
				}
			}
		}
		return true
	})
	if tried < 30 {
		t.Errorf("%d methods have a path: is one of the API's packages not imported?", tried)
	}
}

// verbAndPath is a request that a rule is meant for: "{line=lines/*}" becomes "lines/x".
func verbAndPath(rule *annotations.HttpRule) (verb, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		verb, path = http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		verb, path = http.MethodPost, p.Post
	case *annotations.HttpRule_Patch:
		verb, path = http.MethodPatch, p.Patch
	case *annotations.HttpRule_Put:
		verb, path = http.MethodPut, p.Put
	case *annotations.HttpRule_Delete:
		verb, path = http.MethodDelete, p.Delete
	}
	path = regexp.MustCompile(`\{[^=}]+\}`).ReplaceAllString(path, "x")
	path = regexp.MustCompile(`\{[^=}]+=([^}]+)\}`).ReplaceAllString(path, "$1")
	return verb, strings.ReplaceAll(path, "*", "x")
}
