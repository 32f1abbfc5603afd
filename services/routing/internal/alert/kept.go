package alert

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// MaxKeptBytes bounds an alert as it is kept: all that a gateway can tell, several times over.
	MaxKeptBytes = 16 << 10
	// maxIDBytes is the API's rule of an alert's name.
	maxIDBytes = 127
)

// Keep is what was seen as bytes, to be kept where etcd takes nothing: the alert that it would be. Read reads them.
func (s Seen) Keep() ([]byte, error) {
	b, err := proto.Marshal(s.fresh())
	if err == nil && len(b) > MaxKeptBytes {
		err = fmt.Errorf("an alert of %d bytes: at most %d are kept", len(b), MaxKeptBytes)
	}
	return b, err
}

// Read is what Keep wrote, by this release or another one: a kind, and fields, that this one does not know stay as they are.
func Read(b []byte) (Seen, error) {
	if len(b) > MaxKeptBytes {
		return Seen{}, fmt.Errorf("%d bytes: an alert has at most %d", len(b), MaxKeptBytes)
	}
	a := &routingv1.Alert{}
	if err := proto.Unmarshal(b, a); err != nil {
		return Seen{}, err
	}
	id, named := strings.CutPrefix(a.GetName(), Names)
	line, lined := strings.CutPrefix(a.GetLine(), "lines/")
	switch {
	case !named || !isID(id):
		return Seen{}, fmt.Errorf("the name %q is no alert's", a.GetName())
	case a.GetKind() == None:
		return Seen{}, errors.New("an alert of no kind")
	case !lined || !isID(line):
		return Seen{}, fmt.Errorf("%s: the line %q is none", a.GetName(), a.GetLine())
	case !a.GetFirstTime().IsValid() || !a.GetLastTime().IsValid():
		return Seen{}, fmt.Errorf("%s: it has no time", a.GetName())
	}
	s := Seen{
		Kind: a.GetKind(), Line: line, Customer: strings.TrimPrefix(a.GetCustomer(), "customers/"),
		CallID: a.GetCallId(), Gateway: a.GetGateway(), At: a.GetFirstTime().AsTime(), kept: a,
	}
	if a.GetRecordingUri() != "" {
		s.Recording = &routingv1.Recording{Uri: a.GetRecordingUri(), Length: a.GetRecordingLength()}
	}
	return s, nil
}

// Late is what was kept, delivered now: it can be read for as long from now on as any other, however long it waited.
func (s Seen) Late(now time.Time) Seen {
	if s.kept == nil || now.Sub(s.kept.GetLastTime().AsTime()) < RefreshEvery {
		return s
	}
	s.kept = proto.CloneOf(s.kept)
	s.kept.LastTime = timestamppb.New(now)
	return s
}

// isID says whether an ID can be part of a key: a slug of at most maxIDBytes.
func isID(id string) bool {
	if id == "" || len(id) > maxIDBytes || id[0] == '-' {
		return false
	}
	return strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
