package alert_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// What is kept comes to the same alert as what was seen, whatever stands by then.
func TestWhatIsKeptIsWhatWasSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := seen(routingv1.AlertKind(rapid.IntRange(1, 4).Draw(t, "kind")), rapid.Float64Range(0, 24).Draw(t, "at"))
		s.Customer = rapid.SampledFrom([]string{"", "acme"}).Draw(t, "customer")
		s.CallID, s.Gateway = rapid.String().Draw(t, "call"), rapid.SampledFrom([]string{"", "edge-1"}).Draw(t, "gateway")
		if s.Kind == alert.MessageLeft {
			s.Recording = &routingv1.Recording{Uri: rapid.StringN(1, 99, -1).Draw(t, "uri"), Length: &durationpb.Duration{
				Seconds: rapid.Int64Range(-1, 100_000).Draw(t, "length"),
			}}
		}
		b, err := s.Keep()
		if err != nil {
			t.Fatal(err)
		}
		read, err := alert.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if read.ID() != s.ID() || !read.At.Equal(s.At) || read.Line != s.Line || read.Kind != s.Kind || read.Customer != s.Customer ||
			read.Recording.GetUri() != s.Recording.GetUri() {
			t.Fatalf("kept %+v, read %+v", s, read)
		}
		var stands *routingv1.Alert
		if rapid.Bool().Draw(t, "stands") {
			stands = alert.Note(nil, seen(s.Kind, rapid.Float64Range(0, 24).Draw(t, "stands at")))
		}
		if a, b := alert.Note(stands, s), alert.Note(stands, read); !proto.Equal(a, b) {
			t.Fatalf("seen %v, kept %v", a, b)
		}
	})
}

// A message that waited longer for etcd than alerts are kept must not be forgotten at once.
func TestWhatIsDeliveredLateCanBeReadForAWeek(t *testing.T) {
	message := seen(alert.MessageLeft, 1)
	message.Recording = &routingv1.Recording{Uri: "u"}
	b, err := message.Keep()
	if err != nil {
		t.Fatal(err)
	}
	s, err := alert.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	weeks := viewtest.At(30 * 24)
	if a := alert.Note(nil, s); !alert.Gone(a, weeks) {
		t.Errorf("not late: %v", a)
	}
	a := alert.Note(nil, s.Late(weeks))
	if alert.Gone(a, weeks.Add(6*24*time.Hour)) || !a.GetFirstTime().AsTime().Equal(viewtest.At(1)) || alert.Note(a, s.Late(weeks)) != nil {
		t.Errorf("late: %v", a)
	}
	if a := alert.Note(nil, s.Late(viewtest.At(1).Add(59*time.Second))); !a.GetLastTime().AsTime().Equal(viewtest.At(1)) {
		t.Errorf("within a minute: %v", a)
	}
}

// A process that is taken back to the release before delivers what the newer one kept, unchanged.
func TestWhatANewerReleaseKeptStaysWhole(t *testing.T) {
	newer := &routingv1.Alert{
		Name: "alerts/flood-gold", Kind: 99, Line: "lines/gold", Text: "of a newer release",
		FirstTime: timestamppb.New(viewtest.At(1)), LastTime: timestamppb.New(viewtest.At(1)),
	}
	newer.ProtoReflect().SetUnknown([]byte{0x9a, 0x3f, 3, 'a', 'b', 'c'}) // field 1011
	b, err := proto.Marshal(newer)
	if err != nil {
		t.Fatal(err)
	}
	s, err := alert.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if a := alert.Note(nil, s); !proto.Equal(a, newer) || s.ID() != "flood-gold" {
		t.Errorf("%v", a)
	}
}

// FuzzRead: whatever stands on a disk is refused, or is an alert under a name that can be part of a key.
func FuzzRead(f *testing.F) {
	good, err := seen(alert.NobodyThere, 1).Keep()
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{good, nil, good[:9], []byte("alerts/"), append(good, 0xff)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := alert.Read(b)
		if err != nil {
			return
		}
		a := alert.Note(nil, s)
		id := strings.TrimPrefix(a.GetName(), "alerts/")
		if id != s.ID() || id == "" || len(id) > 127 || strings.ContainsAny(id, "/.\x00 ") || a.GetKind() == alert.None || s.At.IsZero() {
			t.Fatalf("%v", a)
		}
		again, err := s.Keep()
		if err != nil && len(b) < alert.MaxKeptBytes/2 {
			t.Fatalf("read, and cannot be kept: %v", err)
		}
		if other, err2 := alert.Read(again); err == nil && (err2 != nil || !proto.Equal(alert.Note(nil, other), a)) {
			t.Fatalf("%v, kept again %v", a, err2)
		}
	})
}
