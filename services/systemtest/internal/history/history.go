// Package history is what a run that tries to break Dayside writes down: every call with its answers, every change with its
// acknowledgement, what was found at the end, and which faults there were, as JSON lines. Instants are counted from the
// beginning of the run, on the one clock of whoever writes; so nothing in a history depends on the clocks of the processes
// that are tried.
//
// It judges nothing (services/systemtest/internal/checker does), and is no format for other programs.
package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// maxLineBytes bounds one event.
const maxLineBytes = 1 << 20

// Event is one line: exactly one of its fields is set.
type Event struct {
	Call   *Call   `json:"call,omitempty"`
	Change *Change `json:"change,omitempty"`
	Fault  *Fault  `json:"fault,omitempty"`
	Kept   *Kept   `json:"kept,omitempty"`
	Stall  *Stall  `json:"stall,omitempty"`
	Run    *Run    `json:"run,omitempty"`
}

// Run is the first line: what the world was made of.
type Run struct {
	Seed    uint64   `json:"seed"`
	Network string   `json:"network"`
	Sites   []string `json:"sites"`
	// Routing are the instances that decide.
	Routing []string `json:"routing"`
}

// Asked is what a call asked for.
type Asked string

// The requests of a gateway.
const (
	Route    Asked = "route"
	Continue Asked = "continue"
	Report   Asked = "report"
	// Probe is a RouteCall to one process, without trying another one: it shows how far that one is.
	Probe Asked = "probe"
)

// Call is one request about a call, with all tries of it, and its answer.
type Call struct {
	ID    string        `json:"id"`
	Asked Asked         `json:"asked"`
	Begin time.Duration `json:"begin"`
	End   time.Duration `json:"end"`
	// Over is "grpc", "sip", or "client": gRPC by the client that gateways use.
	Over string `json:"over"`
	// Tries are the instances asked, in order; the last one answered where Error is empty.
	Tries []string `json:"tries"`
	// Life counts the starts of the instance that answered; 0 where it began another one meanwhile.
	Life int `json:"life,omitempty"`
	// Error is why nobody answered.
	Error string `json:"error,omitempty"`
	// Step is "forward", "prompt", "record", "end", or "nothing"; of a route.
	Step string `json:"step,omitempty"`
	// StepNumber is the route's.
	StepNumber int32 `json:"stepNumber,omitempty"`
	// Follows says that a continuation came with the step.
	Follows bool `json:"follows,omitempty"`
	// Targets of a forward, in order.
	Targets []Target `json:"targets,omitempty"`
	// Revision and Age are the view's; over SIP they are not told.
	Revision int64         `json:"revision,omitempty"`
	Age      time.Duration `json:"age,omitempty"`
	// Table says that the answer came from what a gateway's client remembered, without asking anybody.
	Table bool `json:"table,omitempty"`
	// Reported is what a report was acknowledged with: "COMMITTED", "SPOOLED", or "QUEUED" where the gateway's client keeps it.
	Reported string `json:"reported,omitempty"`
}

// Target is one rung.
type Target struct {
	// Site is sites/ID, empty where it is nobody of a site.
	Site       string `json:"site,omitempty"`
	LastResort bool   `json:"lastResort,omitempty"`
}

// Outcome of a change.
type Outcome string

// How a change ended, as far as its author knows.
const (
	// Done was acknowledged.
	Done Outcome = "done"
	// Refused did not happen, and never will.
	Refused Outcome = "refused"
	// Doubtful may happen, or have happened.
	Doubtful Outcome = "doubtful"
)

// Change is one write of a switch, or a reading of it. A switch is something that takes a site out of calls while it is on.
// Changes of one switch follow one another; each is settled before the next one, or Doubtful.
type Change struct {
	// Switch is its name, such as drains/ID or closed/sites/ID.
	Switch string `json:"switch"`
	// Site is sites/ID.
	Site string `json:"site"`
	// Drain says that the site then gets no call at all; else it is closed, and may be rung behind open ones.
	Drain bool          `json:"drain,omitempty"`
	Begin time.Duration `json:"begin"`
	End   time.Duration `json:"end"`
	// On is what it was set to, or read as.
	On      bool    `json:"on"`
	Outcome Outcome `json:"outcome"`
	// Read says that it was read after a doubtful change, so that the doubt is over.
	Read bool `json:"read,omitempty"`
	// Final says that it was read at the end of the run.
	Final bool `json:"final,omitempty"`
	// Revision of etcd at which it came to be; 0 where it is not known.
	Revision int64 `json:"revision,omitempty"`
	// By is the instance that was asked.
	By    string `json:"by,omitempty"`
	Error string `json:"error,omitempty"`
}

// Fault is one that was made.
type Fault struct {
	Kind  string        `json:"kind"`
	Begin time.Duration `json:"begin"`
	End   time.Duration `json:"end"`
	// On are the instances it was made on.
	On []string `json:"on"`
	// Cut are the instances that could not hear etcd at all while it lasted; Slow those that may have heard it late.
	Cut  []string `json:"cut,omitempty"`
	Slow []string `json:"slow,omitempty"`
	// Unreachable are the instances that could not answer callers while it lasted.
	Unreachable []string `json:"unreachable,omitempty"`
	// Lossy are the instances whose disk took nothing: their decisions may be missing from the ledger.
	Lossy []string `json:"lossy,omitempty"`
	// Skewed are the instances that began with another clock than they had before.
	Skewed []string `json:"skewed,omitempty"`
	Note   string   `json:"note,omitempty"`
}

// Kept is a call as the ledger has it at the end.
type Kept struct {
	ID string `json:"id"`
	// Found is false where it has none.
	Found bool `json:"found"`
	// Steps are the numbers of the steps it holds, in its order.
	Steps []int32 `json:"steps,omitempty"`
	// Attempts counts what reports said of it; Answered says whether one said so.
	Attempts int  `json:"attempts,omitempty"`
	Answered bool `json:"answered,omitempty"`
}

// Stall is a while in which the machine itself stood still, as whoever writes noticed by its own timers.
type Stall struct {
	Begin time.Duration `json:"begin"`
	End   time.Duration `json:"end"`
}

// Writer appends events; safe for concurrent use. The first error is kept, and told by Err.
type Writer struct {
	mu  sync.Mutex
	to  *json.Encoder
	err error
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: json.NewEncoder(w)} }

// Add appends an event.
func (w *Writer) Add(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.to.Encode(e); err != nil && w.err == nil {
		w.err = err
	}
}

// Err is the first error of writing.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// errNotOne is an event of no kind, or of two.
var errNotOne = errors.New("must hold exactly one of call, change, fault, kept, stall and run")

// Read reads a history. An error names the line, from 1. A last line without its end, as a killed run leaves, is left out.
func Read(r io.Reader) ([]Event, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	var events []Event
	for number := 1; ; number++ {
		line, err := readLine(in)
		switch {
		case errors.Is(err, io.EOF):
			return events, nil
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		var e Event
		strict := json.NewDecoder(bytes.NewReader(line))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&e); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if e.kinds() != 1 {
			return nil, fmt.Errorf("line %d: %w", number, errNotOne)
		}
		events = append(events, e)
	}
}

// readLine is the next whole line; io.EOF where there is none.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLineBytes {
			return nil, fmt.Errorf("longer than %d bytes", maxLineBytes)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (e Event) kinds() int {
	n := 0
	for _, set := range []bool{e.Call != nil, e.Change != nil, e.Fault != nil, e.Kept != nil, e.Stall != nil, e.Run != nil} {
		if set {
			n++
		}
	}
	return n
}
