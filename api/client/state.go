package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// Kinds of records of the state file.
const (
	// stateTables: a WatchRoutesResponse, some of the lines.
	stateTables byte = 1
	// stateEndpoints: a ListEndpointsResponse.
	stateEndpoints byte = 2
	// stateEnd: heard, microseconds since 1970, and the view's revision; 8 bytes each, little endian. A file without it is
	// not whole.
	stateEnd byte = 3
)

const (
	// maxStateBytes of a file: a thousand lines of 64 spans of 17 targets.
	maxStateBytes = 256 << 20
	// tablesBytes is what a record holds of tables before the next one begins; one line's are below a mebibyte.
	tablesBytes = 1 << 20
	// saveDelay lets changes that come together be written together; a disk is busy with it a twentieth of the time at most.
	saveDelay, saveShare = time.Second, 20
	// saveInterval is how far the age in the file may be behind while nothing changes.
	saveInterval = 30 * time.Second
	// saveRetry is how long a disk that failed is left alone.
	saveRetry = 10 * time.Second
)

// state is what a client knows, as it is kept on disk.
type state struct {
	// table is nil where routing has never told one.
	table     *table
	endpoints []Endpoint
}

// encode is the file's content.
func (s state) encode() ([]byte, error) {
	data := fileHeader()
	add := func(kind byte, m proto.Message) error {
		payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err == nil && len(payload) > maxRecordBytes {
			err = fmt.Errorf("a record of %d bytes", len(payload))
		}
		data = appendFrame(data, kind, payload)
		return err
	}
	known := &rpcv1.ListEndpointsResponse{}
	for _, e := range s.endpoints {
		known.Endpoints = append(known.Endpoints, &rpcv1.RoutingEndpoint{Address: e.Address, Region: e.Region})
	}
	if err := add(stateEndpoints, known); err != nil {
		return nil, err
	}
	if s.table == nil {
		return appendFrame(data, stateEnd, nil), nil
	}
	page, bytes := &routingv1.WatchRoutesResponse{}, 0
	for _, t := range s.table.byLine {
		page.Tables = append(page.Tables, t)
		if bytes += proto.Size(t); bytes >= tablesBytes {
			if err := add(stateTables, page); err != nil {
				return nil, err
			}
			page, bytes = &routingv1.WatchRoutesResponse{}, 0
		}
	}
	if err := add(stateTables, page); err != nil {
		return nil, err
	}
	var end [16]byte
	binary.LittleEndian.PutUint64(end[:8], uint64(s.table.heard.UnixMicro()))
	binary.LittleEndian.PutUint64(end[8:], uint64(s.table.revision))
	return appendFrame(data, stateEnd, end[:]), nil
}

// decodeState reads what encode wrote, of this release or the next. What it answers with can be used without a further look.
func decodeState(data []byte) (state, error) {
	var s state
	var said []*routingv1.WatchRoutesResponse
	whole := false
	_, err := frames(data, func(kind byte, payload []byte) error {
		switch kind {
		case stateTables:
			r := &routingv1.WatchRoutesResponse{}
			if err := proto.Unmarshal(payload, r); err != nil {
				return errDamaged
			}
			said = append(said, &routingv1.WatchRoutesResponse{Tables: r.GetTables()})
		case stateEndpoints:
			r := &rpcv1.ListEndpointsResponse{}
			if err := proto.Unmarshal(payload, r); err != nil {
				return errDamaged
			}
			s.endpoints = named(r)
		case stateEnd:
			whole = true
			if len(payload) >= 16 {
				heard := time.UnixMicro(int64(binary.LittleEndian.Uint64(payload)))
				s.table = s.table.with(said, true, heard)
				s.table.revision = int64(binary.LittleEndian.Uint64(payload[8:]))
			}
		}
		return nil
	})
	if err == nil && !whole {
		err = errDamaged
	}
	if err != nil {
		return state{}, err
	}
	return s, nil
}

// named are the endpoints of an answer.
func named(r *rpcv1.ListEndpointsResponse) []Endpoint {
	var list []Endpoint
	for _, e := range r.GetEndpoints() {
		if len(list) < maxEndpoints {
			list = append(list, Endpoint{Address: e.GetAddress(), Region: e.GetRegion()})
		}
	}
	return list
}

// Remembered is what a state file holds.
type Remembered struct {
	// Lines are in its table, as it held at Heard; 0 and the zero time where there is none.
	Lines int
	Heard time.Time
	// Endpoints are known.
	Endpoints int
}

// ReadState says what a state file holds, such as to know whether a gateway can answer with nobody to be asked. The error
// is fs.ErrNotExist where there is none, and says otherwise why it cannot be used.
func ReadState(path string) (Remembered, error) {
	s, err := loadState(path)
	if err != nil {
		return Remembered{}, err
	}
	r := Remembered{Endpoints: len(s.endpoints)}
	if s.table != nil {
		r.Lines, r.Heard = len(s.table.byLine), s.table.heard
	}
	return r, nil
}

func loadState(path string) (state, error) {
	data, err := readBounded(path, maxStateBytes)
	if err != nil {
		return state{}, err
	}
	s, err := decodeState(data)
	if err != nil {
		return state{}, fmt.Errorf("%s %w", path, err)
	}
	return s, nil
}

// recall begins with what was known when the client was closed, or its process killed.
func (c *Client) recall() {
	if c.cfg.StateFile == "" {
		return
	}
	s, err := loadState(c.cfg.StateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		c.count.stateFailures.Add(1)
		c.log.Warn("what this gateway remembered cannot be used; it begins anew", "reason", err.Error())
		return
	}
	if s.table != nil {
		c.table.Store(s.table)
	}
	c.endpoints.learn(s.endpoints)
	c.log.Info("routes are remembered", "lines", c.Stats().TableLines, "age", c.Stats().TableAge.Round(time.Second).String(),
		"endpoints", len(s.endpoints))
}

// keep writes the state whenever it has changed, until the client's life ends; then once more.
func (c *Client) keep() {
	failing := false
	var kept *table
	save := func() bool {
		kept = c.table.Load()
		err := c.save(kept)
		if err != nil {
			c.count.stateFailures.Add(1)
			if !failing {
				c.log.Error("what this gateway remembers cannot be written; it goes on", "reason", err.Error())
			}
		}
		failing = err != nil
		return !failing
	}
	for {
		select {
		case <-c.alive.Done():
			save()
			return
		case <-c.changed:
		case <-c.clock.After(saveInterval):
			if c.table.Load() == kept {
				continue
			}
		}
		began := c.clock.Now()
		ok := save()
		pause := max(saveDelay, saveShare*c.clock.Now().Sub(began))
		if !ok {
			pause = saveRetry
			c.change()
		}
		select {
		case <-c.alive.Done():
		case <-c.clock.After(pause):
		}
	}
}

// change has the state written soon.
func (c *Client) change() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *Client) save(t *table) error {
	data, err := state{table: t, endpoints: c.endpoints.remembered()}.encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.cfg.StateFile), 0o700); err != nil {
		return err
	}
	return replaceFile(c.cfg.StateFile, data)
}
