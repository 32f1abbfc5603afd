package roster_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// TestClashesTravel: who is on duty although they are away is told to those who read the record.
func TestClashesTravel(t *testing.T) {
	bob := &roster.Person{ID: "bob"}
	sheet := roster.Sheet{ID: "apac", People: []*roster.Person{{ID: "alice"}, bob}, Clashes: []roster.Turn{
		{FromUnixS: 100, ToUnixS: 200, Person: bob},
	}}
	record := roster.ToProto(&rota.Roster{FromUnixS: 0, ToUnixS: 1000}, sheet, 0)
	read, err := roster.FromProto(record)
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Sheet().Clashes; len(got) != 1 || got[0].Person.ID != "bob" || got[0].FromUnixS != 100 || got[0].ToUnixS != 200 {
		t.Errorf("read %v", got)
	}
	for what, clash := range map[string]*publishedv1.DutyClash{
		"nobody":           {FromUnixS: 1, ToUnixS: 2},
		"nobody there":     {Holder: 3, FromUnixS: 1, ToUnixS: 2},
		"no time":          {Holder: 1, FromUnixS: 2, ToUnixS: 2},
		"beyond all times": {Holder: 1, FromUnixS: 1, ToUnixS: 1 << 62},
	} {
		wrong := proto.CloneOf(record)
		wrong.Clashes = append(wrong.Clashes, clash)
		if _, err := roster.FromProto(wrong); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%s: %v", what, err)
		}
	}
	record.CreateUnixS = 1 << 62
	if _, err := roster.FromProto(record); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("written after all times: %v", err)
	}
	record.CreateUnixS, record.Clashes = 0, make([]*publishedv1.DutyClash, roster.MaxClashes+1)
	if _, err := roster.FromProto(record); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("too many: %v", err)
	}
}
