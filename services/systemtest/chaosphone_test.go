package systemtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// phone rings a SIP gateway again and again, from the gateway's own host, as the proxy beside it does.
func (l *chaosLoad) phone(ctx context.Context, p *chaosProcess) {
	for n := 0; pause(ctx, 150*time.Millisecond+rand.N(150*time.Millisecond)); n++ {
		h := &history.Call{
			ID: fmt.Sprintf("sip-%s-%d", p.name, n), Asked: history.Route, Over: "sip", Tries: []string{p.name}, Life: int(p.life.Load()),
		}
		h.Begin = l.rec.now()
		answer, err := ringUDP(ctx, p, h.ID)
		h.End = l.rec.now()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.Error = err.Error()
		case !strings.HasPrefix(answer, "SIP/2.0 302"):
			h.Error, _, _ = strings.Cut(answer, "\r\n")
		default:
			h.Step, h.StepNumber = "forward", 1
			h.Targets = redirectTargets(answer)
		}
		l.remember(h.ID)
		l.rec.Add(history.Event{Call: h})
	}
}

// ringUDP sends an INVITE as RFC 3261, 17.1.1.2, has it sent again, and reads the final response.
func ringUDP(ctx context.Context, p *chaosProcess, id string) (string, error) {
	conn, err := p.host.dial(ctx, "udp", p.sipAddr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	var clk clock.System
	own := conn.LocalAddr().String()
	invite := strings.Join([]string{
		"INVITE sip:" + exampleHiddenNumber + "@" + p.sipAddr + " SIP/2.0", "Via: SIP/2.0/UDP " + own + ";branch=z9hG4bK" + id + ";rport",
		"Max-Forwards: 70", "From: <sip:" + exampleCaller + "@phone.example.com>;tag=t" + id, "To: <sip:" + exampleHiddenNumber + "@" + p.sipAddr + ">",
		"Call-ID: " + id, "CSeq: 1 INVITE", "Contact: <sip:phone@" + own + ">", "Content-Length: 0", "", "",
	}, "\r\n")
	end, again := clk.Now().Add(chaosPatience), 500*time.Millisecond
	buf := make([]byte, 65535)
	for clk.Now().Before(end) && ctx.Err() == nil {
		if _, err := conn.Write([]byte(invite)); err != nil {
			_ = pause(ctx, 100*time.Millisecond) // nobody listens, for now
		}
		until := clk.Now().Add(again)
		for {
			if err := conn.SetReadDeadline(until); err != nil {
				return "", err
			}
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			var refused *net.OpError
			if errors.As(err, &refused) {
				_ = pause(ctx, 100*time.Millisecond)
				break
			}
			if err != nil {
				return "", err
			}
			if answer := string(buf[:n]); !strings.HasPrefix(answer, "SIP/2.0 1") {
				return answer, nil
			}
		}
		again = min(2*again, 2*time.Second)
	}
	return "", errors.New("no final response")
}

var chaosContact = regexp.MustCompile(`<(sip:[^>;]+)[^>]*>`)

// redirectTargets are the rungs of a redirect.
func redirectTargets(answer string) []history.Target {
	bySite := map[string]string{}
	for _, s := range chaosSites() {
		bySite[siteTarget(s)] = s
	}
	var targets []history.Target
	for line := range strings.SplitSeq(answer, "\r\n") {
		if !strings.HasPrefix(line, "Contact:") {
			continue
		}
		for _, m := range chaosContact.FindAllStringSubmatch(line, -1) {
			targets = append(targets, history.Target{Site: bySite[m[1]], LastResort: m[1] == chaosLastResort})
		}
	}
	return targets
}
