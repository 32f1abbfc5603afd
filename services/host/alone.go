package host

import "time"

// Known is what a process answers calls from that began while etcd was away.
type Known struct {
	// Heard is when etcd was last heard; zero where that is not told: a gateway asks others, or its own table.
	Heard time.Time
	// Member is why the embedded etcd cannot start; nil where etcd is elsewhere, and may come back by itself.
	Member error
}

// Alone receives once, as soon as a process that began while etcd was away answers calls. Ready is closed later, or never.
func (h *Host) Alone() <-chan Known { return h.alone }

// tellAlone is for each of the process's services once it can answer.
func (h *Host) tellAlone(service string) {
	if !h.away {
		return
	}
	known := Known{Member: h.memberErr}
	switch {
	case service == Routing:
		state := h.routing.ViewState()
		if !state.FromDisk {
			return // etcd has come back
		}
		known.Heard = state.Heard
	case service != SIP || h.cfg.runs(Routing):
		return
	}
	h.alone <- known // it holds one
}
