package client

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func tables(lines int) *table {
	var one *table
	all := said()
	for i := range lines {
		all[0].Tables = append(all[0].Tables, hours(fmt.Sprintf("lines/l%d", i), fmt.Sprintf("+612555%05d", i), "dublin cork", "end"))
	}
	return one.with(all, true, noon())
}

// same says whether two states say the same.
func same(a, b state) bool {
	if fmt.Sprint(a.endpoints) != fmt.Sprint(b.endpoints) || (a.table == nil) != (b.table == nil) {
		return false
	}
	if a.table == nil {
		return true
	}
	for line, t := range a.table.byLine {
		if !proto.Equal(t, b.table.byLine[line]) {
			return false
		}
	}
	return len(a.table.byLine) == len(b.table.byLine) && a.table.heard.Equal(b.table.heard) && a.table.revision == b.table.revision &&
		len(a.table.byNumber) == len(b.table.byNumber)
}

func TestAStateIsReadAsItWasWritten(t *testing.T) {
	for _, lines := range []int{0, 1, 31, 32, 33, 1000} {
		s := state{table: tables(lines), endpoints: []Endpoint{{"127.0.0.1:7400", "emea"}, {"[::1]:7400", ""}}}
		data, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeState(data)
		if err != nil || !same(s, got) {
			t.Errorf("%d lines: %v", lines, err)
		}
	}
	data, err := state{}.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeState(data); err != nil || got.table != nil || len(got.endpoints) != 0 {
		t.Errorf("nothing at all: %+v, %v", got, err)
	}
}

// A state that was altered anywhere, or cut off, is no state: better none than a wrong one.
func TestAStateThatWasAlteredIsNone(t *testing.T) {
	whole, err := state{table: tables(40), endpoints: []Endpoint{{"127.0.0.1:7400", ""}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Clone(whole)
		if rapid.Bool().Draw(t, "cut") {
			data = data[:rapid.IntRange(0, len(data)-1).Draw(t, "length")]
		} else {
			data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		}
		if s, err := decodeState(data); err == nil {
			t.Fatalf("it is read, with %d lines", len(s.table.byLine))
		}
	})
}

func TestRecordsOfTheNextReleaseArePassedOver(t *testing.T) {
	data, err := state{table: tables(3)}.encode()
	if err != nil {
		t.Fatal(err)
	}
	newer := appendFrame(fileHeader(), 77, []byte("what nobody knows yet"))
	newer = append(newer, data[headerBytes:]...)
	newer = appendFrame(newer, 78, nil)
	if s, err := decodeState(newer); err != nil || len(s.table.byLine) != 3 {
		t.Errorf("%v", err)
	}
	data[len(fileMagic)]++
	if _, err := decodeState(data); !errors.Is(err, errForeign) {
		t.Errorf("another version of the file: %v", err)
	}
}

func TestReadStateSaysWhatAFileHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes")
	if _, err := ReadState(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	data, err := state{table: tables(2), endpoints: []Endpoint{{"127.0.0.1:7400", ""}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, data); err != nil {
		t.Fatal(err)
	}
	got, err := ReadState(path)
	if err != nil || got.Lines != 2 || got.Endpoints != 1 || !got.Heard.Equal(noon()) {
		t.Errorf("%+v, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: it holds numbers", info.Mode(), err)
	}
	if err := os.WriteFile(path, data[:len(data)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadState(path); !errors.Is(err, errDamaged) {
		t.Errorf("cut off: %v", err)
	}
}

// FuzzDecodeState: no file makes it fail otherwise than by an error, and what is read can answer calls.
func FuzzDecodeState(f *testing.F) {
	for _, lines := range []int{0, 2} {
		data, err := state{table: tables(lines), endpoints: []Endpoint{{"127.0.0.1:1", "x"}}}.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[headerBytes:])
	}
	f.Add(appendFrame(nil, stateEnd, nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = decodeState(body)
		// Sums that are right let the fuzzer come further.
		data := fileHeader()
		for kind := stateTables; kind <= stateEnd; kind++ {
			data = appendFrame(data, kind, body)
		}
		s, err := decodeState(data)
		if err != nil || s.table == nil {
			return
		}
		for _, one := range s.table.byLine {
			if _, err := s.table.route("a", one.GetDialledNumber(), noon().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Lines with as many spans and targets as there may be, and long addresses, are kept as others are.
func TestLargeTablesAreKept(t *testing.T) {
	var none *table
	all := said()
	for i := range 40 {
		one := hours(fmt.Sprintf("lines/l%d", i), fmt.Sprintf("+612555%05d", i))
		for n := range 64 {
			s := hours("", "", "").GetSpans()[0]
			s.StartTime.Seconds += int64(n) * 3600
			s.EndTime.Seconds += int64(n) * 3600
			for range 16 {
				s.Targets = append(s.Targets, target(strings.Repeat("x", 150)))
			}
			one.Spans = append(one.Spans, s)
		}
		all[0].Tables = append(all[0].Tables, one)
	}
	s := state{table: none.with(all, true, noon())}
	data, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeState(data); err != nil || !same(s, got) {
		t.Errorf("%v", err)
	}
}
