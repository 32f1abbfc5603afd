package collection

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// future is a field of a release to come.
func future(number protowire.Number, text string) protoreflect.RawFields {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text)
}

func plant[M proto.Message](m M, text string) M {
	m.ProtoReflect().SetUnknown(future(9000, text))
	return m
}

func sip(uri string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: uri}}
}

// A site is applied whole from a file that an older release wrote: what a newer one added beside what the file says stays,
// wherever that stands. A target that is another one now is not taken for the one that stood there.
func TestWhatANewerReleaseAddedStaysWhereverItStands(t *testing.T) {
	stands := plant(&schedulev1.Site{
		Name: "sites/dublin", RingTimeout: plant(durationpb.New(20e9), "of the time-out"),
		Targets: []*schedulev1.Target{plant(sip("sip:a@example.com"), "of a"), sip("sip:b@example.com"), plant(sip("sip:c@example.com"), "of c")},
	}, "of the site")
	item := &schedulev1.Site{
		Name: "sites/dublin", DisplayName: "Dublin", RingTimeout: durationpb.New(30e9),
		Targets: []*schedulev1.Target{sip("sip:a@example.com"), sip("sip:x@example.com"), sip("sip:c@example.com")},
	}
	keepUnknown(stands.ProtoReflect(), item.ProtoReflect())
	for text, m := range map[string]proto.Message{
		"of the site": item, "of the time-out": item.GetRingTimeout(), "of a": item.GetTargets()[0], "": item.GetTargets()[1],
		"of c": item.GetTargets()[2],
	} {
		want := protoreflect.RawFields{}
		if text != "" {
			want = future(9000, text)
		}
		if got := m.ProtoReflect().GetUnknown(); string(got) != string(want) {
			t.Errorf("%q: %q", text, got)
		}
	}
	if item.GetDisplayName() != "Dublin" || item.GetRingTimeout().GetSeconds() != 30 {
		t.Errorf("what this release knows is changed: %v", item)
	}
	// What a newer client says itself counts.
	mine := plant(&schedulev1.Site{Name: "sites/dublin"}, "said now")
	mine.ProtoReflect().SetUnknown(append(mine.ProtoReflect().GetUnknown(), future(9001, "more")...))
	stands.ProtoReflect().SetUnknown(append(stands.ProtoReflect().GetUnknown(), future(9002, "kept")...))
	keepUnknown(stands.ProtoReflect(), mine.ProtoReflect())
	want := string(future(9000, "said now")) + string(future(9001, "more")) + string(future(9002, "kept"))
	if got := string(mine.ProtoReflect().GetUnknown()); got != want {
		t.Errorf("%q", got)
	}
}

// Whatever stands and whatever comes: what this release knows is as it came, and what stands is not changed; where the same
// comes again, nothing is lost at all.
func TestKeepingChangesNothingThatIsKnownProperty(t *testing.T) {
	draw := func(t *rapid.T, name string) *schedulev1.Site {
		s := &schedulev1.Site{Name: "sites/dublin", DisplayName: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, name)}
		for i := range rapid.IntRange(0, 4).Draw(t, name+" targets") {
			target := sip(fmt.Sprint("sip:", rapid.IntRange(0, 2).Draw(t, name+" target"), "@example.com"))
			if rapid.Bool().Draw(t, name+" planted") {
				plant(target, fmt.Sprint(name, i))
			}
			s.Targets = append(s.Targets, target)
		}
		if rapid.Bool().Draw(t, name+" ring") {
			s.RingTimeout = plant(durationpb.New(1e9), name)
		}
		return plant(s, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		stands, item := draw(t, "stands"), draw(t, "item")
		stood, came := proto.CloneOf(stands), proto.CloneOf(item)
		keepUnknown(stands.ProtoReflect(), item.ProtoReflect())
		if !proto.Equal(stands, stood) || !proto.Equal(knownOf(item.ProtoReflect()), knownOf(came.ProtoReflect())) {
			t.Fatalf("%v over %v came to %v", came, stood, item)
		}
		again, _ := knownOf(stood.ProtoReflect()).(*schedulev1.Site)
		keepUnknown(stands.ProtoReflect(), again.ProtoReflect())
		if !proto.Equal(again, stood) {
			t.Fatalf("%v came again and is %v", stood, again)
		}
	})
}
