package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const roomy = 1 << 20

func queueAt(t interface{ Fatal(...any) }, path string) *queue {
	q, err := openQueue(path, 100, roomy)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func reportOf(id string) *routingv1.ReportCallRequest {
	return &routingv1.ReportCallRequest{CallId: id}
}

// ids are the calls that wait, in order.
func ids(payloads [][]byte) []string {
	var list []string
	for _, p := range payloads {
		r := &routingv1.ReportCallRequest{}
		if err := proto.Unmarshal(p, r); err != nil {
			return append(list, err.Error())
		}
		list = append(list, r.GetCallId())
	}
	return list
}

func TestReportsOutliveTheProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "routes.reports")
	q := queueAt(t, path)
	for _, id := range []string{"a", "b", "c"} {
		if onDisk, err := q.put(reportOf(id)); !onDisk || err != nil {
			t.Fatalf("%v, %v", onDisk, err)
		}
	}
	q.done()
	// Not closed: the program was killed.
	again := queueAt(t, path)
	if got := ids(again.waiting); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("%v wait", got)
	}
	again.done()
	again.done()
	if got := queueAt(t, path); got.len() != 0 {
		t.Errorf("%d wait, and all were taken", got.len())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != int64(headerBytes) {
		t.Errorf("%v, %v", info, err)
	}
}

func TestATornEndCostsNothingBeforeIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.reports")
	q := queueAt(t, path)
	for _, id := range []string{"a", "b"} {
		if _, err := q.put(reportOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	again := queueAt(t, path)
	if got := ids(again.waiting); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v wait", got)
	}
	if _, err := again.put(reportOf("c")); err != nil {
		t.Fatal(err)
	}
	if got := ids(queueAt(t, path).waiting); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("%v wait", got)
	}
}

func TestAFullQueueRefuses(t *testing.T) {
	q, err := openQueue("", 2, 20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.put(reportOf("a name that is too long")); !errors.Is(err, ErrQueueFull) {
		t.Errorf("bytes: %v", err)
	}
	for _, id := range []string{"a", "b"} {
		if onDisk, err := q.put(reportOf(id)); onDisk || err != nil {
			t.Errorf("%v, %v", onDisk, err)
		}
	}
	if _, err := q.put(reportOf("c")); !errors.Is(err, ErrQueueFull) {
		t.Errorf("count: %v", err)
	}
	q.done()
	if _, err := q.put(reportOf("c")); err != nil || !slices.Equal(ids(q.waiting), []string{"b", "c"}) {
		t.Errorf("%v, %v", ids(q.waiting), err)
	}
}

// A disk that fails loses no report while the program lives, and takes them all once it is well.
func TestADiskThatFailsLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "routes.reports")
	q := queueAt(t, path)
	if _, err := q.put(reportOf("a")); err != nil {
		t.Fatal(err)
	}
	// The file does not take another byte, and none can be made in its place.
	_ = q.file.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"b", "c"} {
		if onDisk, err := q.put(reportOf(id)); onDisk || err != nil {
			t.Fatalf("%v, %v", onDisk, err)
		}
	}
	q.done()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if onDisk, err := q.put(reportOf("d")); !onDisk || err != nil {
		t.Fatalf("%v, %v", onDisk, err)
	}
	if got := ids(queueAt(t, path).waiting); !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("%v wait", got)
	}
}

func TestAFileOfSomebodyElseIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.reports")
	if err := os.WriteFile(path, []byte("somebody else's"), 0o600); err != nil {
		t.Fatal(err)
	}
	q, err := openQueue(path, 10, roomy)
	if !errors.Is(err, errForeign) || q == nil {
		t.Fatalf("%v, %v", q, err)
	}
	if onDisk, err := q.put(reportOf("a")); !onDisk || err != nil {
		t.Errorf("%v, %v", onDisk, err)
	}
	if kept, err := os.ReadFile(path + ".unusable"); err != nil || string(kept) != "somebody else's" {
		t.Errorf("%q, %v", kept, err)
	}
}

// Whatever is put, taken and put off, and whenever the program is killed: what waits is what was put and not taken, in order.
func TestAQueueIsWhatWasPutAndNotTaken(t *testing.T) {
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, fmt.Sprint(runs), "q")
		q := queueAt(t, path)
		var want []string
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"put", "put", "done", "later", "kill"}).Draw(t, "step") {
			case "put":
				id := fmt.Sprintf("%d-%s", i, rapid.StringN(0, 200, 400).Draw(t, "id"))
				if _, err := q.put(&routingv1.ReportCallRequest{CallId: id}); err != nil {
					t.Fatal(err)
				}
				want = append(want, id)
			case "done":
				if len(want) > 0 {
					q.done()
					want = want[1:]
				}
			case "later":
				q.later()
				if len(want) > 0 {
					want = append(want[1:len(want):len(want)], want[0])
				}
			case "kill":
				_ = q.file.Close()
				q = queueAt(t, path)
			}
			if got := ids(q.waiting); !slices.Equal(got, want) {
				t.Fatalf("%v wait, want %v", got, want)
			}
		}
		_ = q.close()
	})
}

// FuzzDecodeQueue: no file makes it fail otherwise than by an error, and what waits are reports.
func FuzzDecodeQueue(f *testing.F) {
	report, err := proto.Marshal(reportOf("a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(appendFrame(appendFrame(nil, queueReport, report), queueTaken, binary.LittleEndian.AppendUint64(nil, 1)))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<63))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, data := range [][]byte{
			append(fileHeader(), body...), appendFrame(appendFrame(fileHeader(), queueReport, body), queueTaken, body),
		} {
			waiting, _ := decodeQueue(data)
			for _, payload := range waiting {
				if err := proto.Unmarshal(payload, &routingv1.ReportCallRequest{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
