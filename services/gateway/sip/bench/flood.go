package bench

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// SIPp cannot saturate a gateway on the same machine: it takes more CPU time a call than what it loads, and loses answers
// first. flood sends INVITEs in batches, counts answers, and repeats nothing.

// Flood is what a flood was answered with.
type Flood struct {
	// Rate asked for, INVITEs a second; Sent in all.
	Rate, Sent int
	// Redirected and Shed answers. What is missing was lost in a full queue, the gateway's or ours.
	Redirected, Shed int
	// PerSecond is answers a second.
	PerSecond float64
}

// String is one line.
func (f Flood) String() string {
	return fmt.Sprintf("%6d/s offered: %6.0f answered/s (%d redirected, %d shed with 503 of %d)", f.Rate, f.PerSecond,
		f.Redirected, f.Shed, f.Sent)
}

// floodBatch is how many INVITEs one system call sends.
const floodBatch = 64

// flood offers rate INVITEs a second, each of a call of its own.
func flood(ctx context.Context, clk clock.Clock, to Target, rate, seconds int) (Flood, error) {
	f := Flood{Rate: rate}
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", to.Addr)
	if err != nil {
		return f, err
	}
	udp, ok := c.(*net.UDPConn)
	if !ok {
		return f, net.UnknownNetworkError("udp")
	}
	defer func() { _ = udp.Close() }()
	_ = udp.SetReadBuffer(8 << 20)
	var redirected, shed atomic.Int64
	ended := make(chan struct{})
	go func() { defer close(ended); countAnswers(udp, &redirected, &shed) }()
	began := clk.Now()
	f.Sent, err = sendFlood(ctx, clk, udp, to, rate, time.Duration(seconds)*time.Second)
	// The last answers are on their way.
	<-clk.After(500 * time.Millisecond)
	took := clk.Now().Sub(began) - 500*time.Millisecond
	_ = udp.SetReadDeadline(time.Unix(1, 0))
	<-ended
	f.Redirected, f.Shed = int(redirected.Load()), int(shed.Load())
	f.PerSecond = float64(f.Redirected+f.Shed) / took.Seconds()
	return f, err
}

func sendFlood(ctx context.Context, clk clock.Clock, udp *net.UDPConn, to Target, rate int, d time.Duration) (sent int,
	err error,
) {
	conn := ipv4.NewPacketConn(udp)
	batch, names := make([]ipv4.Message, floodBatch), make([][][]byte, floodBatch)
	for i := range batch {
		text := []byte(floodInvite(udp.LocalAddr().String(), to))
		batch[i].Buffers = [][]byte{text}
		names[i] = places(text)
	}
	began := clk.Now()
	for {
		took := clk.Now().Sub(began)
		if took >= d || ctx.Err() != nil {
			return sent, ctx.Err()
		}
		for due := int(took.Seconds()*float64(rate)) - sent; due > 0; {
			n := min(due, floodBatch)
			for i := range n {
				name(names[i], sent+i)
			}
			for out := batch[:n]; len(out) > 0; {
				m, err := conn.WriteBatch(out, 0)
				if err != nil {
					return sent, err
				}
				out = out[m:]
			}
			sent, due = sent+n, due-n
		}
		<-clk.After(time.Millisecond)
	}
}

// mark stands where the number of the call goes.
const mark = "##########"

func floodInvite(local string, to Target) string {
	return "INVITE sip:" + to.Number + "@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP " + local + ";branch=z9hG4bK" + mark +
		";rport\r\nFrom: <sip:" + to.Caller + "@" + local + ">;tag=f" + mark + "\r\nTo: <sip:" + to.Number +
		"@127.0.0.1>\r\nCall-ID: " + mark + "@flood\r\nCSeq: 1 INVITE\r\nContact: <sip:flood@" + local +
		">\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
}

// places are the marks in a text.
func places(text []byte) (list [][]byte) {
	for at := 0; ; {
		i := strings.Index(string(text[at:]), mark)
		if i < 0 {
			return list
		}
		at += i + len(mark)
		list = append(list, text[at-len(mark):at])
	}
}

// name writes the number of a call into its marks.
func name(places [][]byte, n int) {
	for _, p := range places {
		v := n
		for i := len(p) - 1; i >= 0; i-- {
			p[i] = byte('0' + v%10)
			v /= 10
		}
	}
}

// countAnswers reads until the socket's deadline.
func countAnswers(udp *net.UDPConn, redirected, shed *atomic.Int64) {
	conn := ipv4.NewPacketConn(udp)
	batch := make([]ipv4.Message, floodBatch)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 2048)}
	}
	for {
		n, err := conn.ReadBatch(batch, 0)
		if err != nil {
			return
		}
		for _, m := range batch[:n] {
			switch b := m.Buffers[0][:m.N]; {
			case len(b) > 11 && string(b[:11]) == "SIP/2.0 302":
				redirected.Add(1)
			case len(b) > 11 && string(b[:11]) == "SIP/2.0 503":
				shed.Add(1)
			}
		}
	}
}
