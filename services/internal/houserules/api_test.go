package houserules

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	_ "github.com/daysidehq/dayside/api/dayside/published/v1"
	_ "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	_ "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// delicateNames say how a field must at least be treated whose name looks like a secret or like somebody's number.
var delicateNames = []struct {
	name  *regexp.Regexp
	least rpcv1.Sensitivity
}{
	{regexp.MustCompile(`(^|_)(pin|pins|phrase|passphrase|password|secret|secrets|token|credential|credentials|verifier)$`), rpcv1.Sensitivity_SENSITIVITY_SECRET},
	{regexp.MustCompile(`^(continuation|dialled_number|digits|speech|recording_uri)$`), rpcv1.Sensitivity_SENSITIVITY_SECRET},
	{regexp.MustCompile(`(^|_)(number|numbers|ani|dnis|msisdn|email)$`), rpcv1.Sensitivity_SENSITIVITY_MASKED},
}

// secretFields are secret whatever their name says.
var secretFields = []protoreflect.FullName{
	"dayside.entitlement.v1.Contact.display_name", // the audit keeps who changed a customer, not the names of its people
	"dayside.routing.v1.Line.number",
	"dayside.routing.v1.Recording.uri",
	"dayside.rpc.v1.Write.value",
}

// harmlessFields look delicate by their name, and are not.
var harmlessFields = map[protoreflect.FullName]string{
	"dayside.ledger.v1.Step.number":             "which step it is",
	"dayside.routing.v1.Route.step_number":      "which step it is",
	"dayside.routing.v1.Identification.ask_pin": "what callers hear when they are asked for a PIN",
	"dayside.routing.v1.OutOfHours.speech":      "what callers hear",
	"dayside.entitlement.v1.OfferTerms.speech":  "what callers hear",
	"dayside.schedule.v1.Target.phone_number":   "where a site is reached; its callers hear it in a redirect anyway",
}

// pageToken is opaque, but gives no right: whoever shows it needs the role all the same.
var pageToken = regexp.MustCompile(`^((next_)?page|resume)_token$`)

func daysideFiles() []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), "dayside.") {
			files = append(files, file)
		}
		return true
	})
	return files
}

func methodsWithoutRoles(files []protoreflect.FileDescriptor) []string {
	var wrong []string
	for _, file := range files {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if why := rolesWrong(methods.Get(j)); why != "" {
					wrong = append(wrong, fmt.Sprintf("%s: %s", methods.Get(j).FullName(), why))
				}
			}
		}
	}
	return wrong
}

func rolesWrong(method protoreflect.MethodDescriptor) string {
	roles, _ := proto.GetExtension(method.Options(), rpcv1.E_Roles).([]rpcv1.Role)
	if len(roles) == 0 {
		return "says no (dayside.rpc.v1.roles): nobody could call it"
	}
	seen := map[rpcv1.Role]bool{}
	for _, role := range roles {
		if role == rpcv1.Role_ROLE_UNSPECIFIED || seen[role] {
			return fmt.Sprintf("%s twice, or a role that nobody is given", role)
		}
		seen[role] = true
	}
	return ""
}

func exposedSecrets(files []protoreflect.FileDescriptor) []string {
	var wrong []string
	for _, file := range files {
		wrong = append(wrong, exposedIn(file.Messages())...)
	}
	return wrong
}

func exposedIn(messages protoreflect.MessageDescriptors) []string {
	var wrong []string
	for i := range messages.Len() {
		message := messages.Get(i)
		wrong = append(wrong, exposedIn(message.Messages())...)
		for j := range message.Fields().Len() {
			field := message.Fields().Get(j)
			has, _ := proto.GetExtension(field.Options(), rpcv1.E_Sensitive).(rpcv1.Sensitivity)
			if want := leastSensitivity(field); !atLeast(has, want) {
				wrong = append(wrong, fmt.Sprintf("%s: (dayside.rpc.v1.sensitive) is %s, and must be at least %s", field.FullName(), has, want))
			}
		}
	}
	return wrong
}

// leastSensitivity judges a field by its name. What holds no text or digits (a count, a flag, a time) is not delicate.
func leastSensitivity(field protoreflect.FieldDescriptor) rpcv1.Sensitivity {
	for _, name := range secretFields {
		if field.FullName() == name {
			return rpcv1.Sensitivity_SENSITIVITY_SECRET
		}
	}
	name := string(field.Name())
	if _, harmless := harmlessFields[field.FullName()]; harmless || pageToken.MatchString(name) {
		return rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED
	}
	if field.Kind() == protoreflect.BoolKind || field.Kind() == protoreflect.EnumKind {
		return rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED
	}
	for _, delicate := range delicateNames {
		if delicate.name.MatchString(name) {
			return delicate.least
		}
	}
	return rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED
}

func atLeast(has, want rpcv1.Sensitivity) bool {
	return want == rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED || has == want || has == rpcv1.Sensitivity_SENSITIVITY_SECRET
}

func TestEveryMethodSaysWhoMayCallIt(t *testing.T) { report(t, methodsWithoutRoles(daysideFiles())) }

func TestSecretsAreMarked(t *testing.T) { report(t, exposedSecrets(daysideFiles())) }

// TestWholeAPIIsJudged fails where a generated package is not imported above, so that its protos would pass unseen.
func TestWholeAPIIsJudged(t *testing.T) {
	protos, err := filepath.Glob(filepath.Join(root(t), "proto/dayside/*/*/*.proto"))
	if err != nil || len(protos) == 0 {
		t.Fatalf("no protos found: %v", err)
	}
	for _, name := range protos {
		rel, err := filepath.Rel(filepath.Join(root(t), "proto"), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := protoregistry.GlobalFiles.FindFileByPath(filepath.ToSlash(rel)); err != nil {
			t.Errorf("%s is not judged: import its generated package in this test (%v)", rel, err)
		}
	}
}

func TestTablesNameFieldsThatExist(t *testing.T) {
	names := append([]protoreflect.FullName{}, secretFields...)
	for name, why := range harmlessFields {
		if why == "" {
			t.Errorf("%s: say why it is harmless", name)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if _, err := protoregistry.GlobalFiles.FindDescriptorByName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPIRulesCanFail(t *testing.T) {
	files := []protoreflect.FileDescriptor{madeUpAPI(t)}
	want := map[string]bool{"open": true, "nobody": true, "twice": true, "call": false}
	judge(t, methodsWithoutRoles(files), "dayside.test.v1.Test.", want)
	want = map[string]bool{
		"pin": true, "access_phrase": true, "api_token": true, "numbers": true, "dialled_number": true, "inner_password": true,
		"page_token": false, "masked_number": false, "secret_number": false, "has_pin": false, "spin": false, "name": false,
	}
	judge(t, exposedSecrets(files), "dayside.test.v1.", want)
}

// judge compares the violations with what should be violated, by the last part of the name.
func judge(t *testing.T, wrong []string, prefix string, want map[string]bool) {
	t.Helper()
	for name, broken := range want {
		found := false
		for _, w := range wrong {
			full, _, _ := strings.Cut(w, ":")
			found = found || strings.HasPrefix(full, prefix) && strings.HasSuffix(full, "."+name)
		}
		if found != broken {
			t.Errorf("%s: reported %v, want %v: %q", name, found, broken, wrong)
		}
	}
}

// madeUpAPI has methods and fields that are wrong in each way that the rules know, and some that are right.
func madeUpAPI(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	number := int32(0)
	field := func(name string, kind descriptorpb.FieldDescriptorProto_Type, sensitivity rpcv1.Sensitivity) *descriptorpb.FieldDescriptorProto {
		number++
		options := &descriptorpb.FieldOptions{}
		if sensitivity != 0 {
			proto.SetExtension(options, rpcv1.E_Sensitive, sensitivity)
		}
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: proto.Int32(number), Type: &kind, Options: options,
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	method := func(name string, roles ...rpcv1.Role) *descriptorpb.MethodDescriptorProto {
		options := &descriptorpb.MethodOptions{}
		proto.SetExtension(options, rpcv1.E_Roles, roles)
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, Options: options, InputType: proto.String(".dayside.test.v1.Fields"), OutputType: proto.String(".dayside.test.v1.Fields"),
		}
	}
	const text, integer, flag = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_FIXED64,
		descriptorpb.FieldDescriptorProto_TYPE_BOOL
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test.proto"), Package: proto.String("dayside.test.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Fields"),
			Field: []*descriptorpb.FieldDescriptorProto{
				field("pin", text, 0), field("access_phrase", text, rpcv1.Sensitivity_SENSITIVITY_MASKED), field("api_token", text, 0),
				field("numbers", integer, 0), field("dialled_number", text, rpcv1.Sensitivity_SENSITIVITY_MASKED),
				field("page_token", text, 0), field("masked_number", text, rpcv1.Sensitivity_SENSITIVITY_MASKED),
				field("secret_number", text, rpcv1.Sensitivity_SENSITIVITY_SECRET), field("has_pin", flag, 0), field("spin", text, 0),
				field("name", text, 0),
			},
			NestedType: []*descriptorpb.DescriptorProto{{
				Name: proto.String("Inner"), Field: []*descriptorpb.FieldDescriptorProto{field("inner_password", text, 0)},
			}},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Test"),
			Method: []*descriptorpb.MethodDescriptorProto{
				method("open"), method("nobody", rpcv1.Role_ROLE_UNSPECIFIED), method("twice", rpcv1.Role_ROLE_SITE, rpcv1.Role_ROLE_SITE),
				method("call", rpcv1.Role_ROLE_GATEWAY),
			},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
