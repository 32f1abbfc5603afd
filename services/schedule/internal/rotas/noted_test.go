package rotas_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// TestNotedLeaveOutlivesFiles: what was noted stays until it is over, once; what files said goes with them.
func TestNotedLeaveOutlivesFiles(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	on := func(d int32, origin string) *schedulev1.Absence {
		return &schedulev1.Absence{FirstDate: &date.Date{Year: 2026, Month: 11, Day: d}, Origin: origin}
	}
	until := func(at time.Time) *schedulev1.Absence {
		return &schedulev1.Absence{Origin: "noted", Interval: &interval.Interval{
			StartTime: timestamppb.New(noon.Add(-time.Hour)), EndTime: timestamppb.New(at),
		}}
	}
	long := on(1, "noted")
	long.LastDate = &date.Date{Year: 2026, Month: 12, Day: 1}
	for _, c := range []struct {
		what   string
		stored *schedulev1.Absence
		kept   bool
	}{
		{"to come", on(30, "noted"), true},
		{"today", on(22, "noted"), true},
		{"yesterday, which goes on west of Greenwich", on(21, "noted"), true},
		{"the day before", on(20, "noted"), false},
		{"under way for a month", long, true},
		{"of files", on(30, ""), false},
		{"until in a second", until(noon.Add(time.Second)), true},
		{"until now", until(noon), false},
	} {
		next := &schedulev1.Person{Absences: []*schedulev1.Absence{on(29, "")}}
		stored := &schedulev1.Person{Absences: []*schedulev1.Absence{c.stored}}
		for range 2 { // the second time it is there already
			rotas.KeepNoted(next, stored, noon.Unix())
		}
		want := []*schedulev1.Absence{on(29, "")}
		if c.kept {
			want = append(want, c.stored)
		}
		if !proto.Equal(&schedulev1.Person{Absences: want}, next) {
			t.Errorf("%s: %v", c.what, next.GetAbsences())
		}
	}
	rotas.KeepNoted(&schedulev1.Person{}, nil, noon.Unix())
}
