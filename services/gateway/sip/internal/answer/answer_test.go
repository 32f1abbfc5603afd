package answer

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

func sipTarget(uri string) *routingv1.RouteTarget {
	return &routingv1.RouteTarget{Target: &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: uri}}}
}

func phoneTarget(number string) *routingv1.RouteTarget {
	return &routingv1.RouteTarget{Target: &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{
		PhoneNumber: &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: number}},
	}}}
}

func route(targets ...*routingv1.RouteTarget) *routingv1.Route {
	return &routingv1.Route{Step: &routingv1.Route_Forward{Forward: &routingv1.Forward{Targets: targets}}}
}

// Whatever the route and the room: the first target is first, the last resort last, preference falls with every contact,
// and the room is kept wherever two contacts leave it.
func TestContacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100).Draw(t, "targets")
		targets := make([]*routingv1.RouteTarget, 0, n)
		for i := range n {
			pad := strings.Repeat("x", rapid.IntRange(0, 200).Draw(t, "pad"))
			targets = append(targets, sipTarget("sip:t"+strconv.Itoa(i)+"@"+pad+".example.com"))
		}
		budget := rapid.SampledFrom([]int{0, 1, 300, 1300, 4000}).Draw(t, "budget")
		r := FromRoute(route(targets...), nil)
		var m wire.Message
		wire.Scan([]byte("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b\r\nFrom: <sip:c@d>\r\nTo: <sip:a@b>\r\n\r\n"), &m)
		var req check.Request
		check.Inspect(&m, false, &req)
		out := string(Append(nil, &Envelope{
			Message: &m, Request: &req, Source: netip.MustParseAddrPort("192.0.2.1:5060"), BudgetBytes: budget,
		}, &r))
		var kept []int
		lastQ := 2.0
		for line := range strings.SplitSeq(out, "\r\n") {
			rest, ok := strings.CutPrefix(line, "Contact: <sip:t")
			if !ok {
				continue
			}
			number, _, _ := strings.Cut(rest, "@")
			_, q, _ := strings.Cut(rest, ">;q=")
			value, err := strconv.ParseFloat(q, 64)
			i, err2 := strconv.Atoi(number)
			if err != nil || err2 != nil || value <= 0 || value >= lastQ || len(q) > len("0.000") {
				t.Fatalf("q=%q after %v in\n%s", q, lastQ, out)
			}
			kept, lastQ = append(kept, i), value
		}
		if len(kept) == 0 || kept[0] != 0 || kept[len(kept)-1] != n-1 || len(kept) > maxTargets {
			t.Fatalf("contacts %v of %d", kept, n)
		}
		for i, k := range kept[:len(kept)-1] {
			if k != i {
				t.Fatalf("contacts %v: only the ones before the last resort may be left out", kept)
			}
		}
		if budget > 0 && len(out) > budget && len(kept) > 2 {
			t.Fatalf("%d bytes of %d with %d contacts", len(out), budget, len(kept))
		}
		if budget == 0 && len(kept) != min(n, maxTargets) {
			t.Fatalf("%d contacts of %d, without a limit", len(kept), n)
		}
	})
}

// written is the response to a plain INVITE.
func written(r Response, budget int) string {
	var m wire.Message
	wire.Scan([]byte("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b\r\nFrom: <sip:c@d>\r\nTo: <sip:a@b>\r\n\r\n"), &m)
	var req check.Request
	check.Inspect(&m, false, &req)
	return string(Append(nil, &Envelope{
		Message: &m, Request: &req, Source: netip.MustParseAddrPort("192.0.2.1:5060"), BudgetBytes: budget,
	}, &r))
}

// A token never costs a target its place: with it the same contacts stand in the same order, with the same preference; the
// first ones carry it, as many as there is room for.
func TestTargetsComeBeforeTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var targets []*routingv1.RouteTarget
		for i := range rapid.IntRange(1, 30).Draw(t, "targets") {
			pad := strings.Repeat("x", rapid.IntRange(1, 60).Draw(t, "pad"))
			targets = append(targets, rapid.SampledFrom([]*routingv1.RouteTarget{
				sipTarget("sip:t" + strconv.Itoa(i) + "@" + pad + ".example.com"), phoneTarget("+1303555010" + strconv.Itoa(i%10)),
				sipTarget("sip:t" + strconv.Itoa(i) + "@" + pad + ".example.com;transport=tcp"),
			}).Draw(t, "target"))
		}
		budget := rapid.SampledFrom([]int{0, 1, 500, 1300, 4000}).Draw(t, "budget")
		token := rapid.StringMatching(`[A-Za-z0-9_-]{1,256}`).Draw(t, "token")
		plain := written(FromRoute(route(targets...), nil), budget)
		with := route(targets...)
		with.BriefToken = token
		out := written(FromRoute(with, nil), budget)
		header := "?User-to-User=" + token + "%3Bpurpose%3Ddayside"
		if strings.ReplaceAll(out, header, "") != plain {
			t.Fatalf("without the token it is another answer:\n%s\n%s", out, plain)
		}
		if budget > 0 && len(plain) <= budget && len(out) > budget {
			t.Fatalf("%d bytes of %d for the token's sake", len(out), budget)
		}
		left := false
		for line := range strings.SplitSeq(out, "\r\n") {
			if uri, ok := strings.CutPrefix(line, "Contact: <"); ok {
				has := strings.Contains(line, header+">")
				if isSIP := strings.HasPrefix(uri, "sip:"); has && (!isSIP || left) {
					t.Fatalf("%s in\n%s", line, out)
				} else if isSIP && !has {
					left = true
				}
			}
		}
		if left && (budget == 0 || len(out)+len(header) <= budget) {
			t.Fatalf("room for one more in\n%s", out)
		}
	})
}

func TestWhatIsNoToken(t *testing.T) {
	for token, want := range map[string]bool{
		"AQEx_-9": true, strings.Repeat("a", 256): true, "": false, strings.Repeat("a", 257): false, "a%3B": false, "a>b": false,
		"a\r\nX: y": false, "a=": false, "ä": false,
	} {
		r := route(sipTarget("sip:a@b"))
		r.BriefToken = token
		if out := written(FromRoute(r, nil), 0); strings.Contains(out, "User-to-User") != want {
			t.Errorf("%q: %s", token, out)
		}
	}
	r := route(sipTarget("sip:a@b?Subject=x"))
	r.BriefToken = "AQE"
	if out := written(FromRoute(r, nil), 0); !strings.Contains(out, "<sip:a@b?Subject=x>") {
		t.Errorf("a URI with headers: %s", out)
	}
}

func TestWhatAContactCanHold(t *testing.T) {
	for target, want := range map[*routingv1.RouteTarget]bool{
		sipTarget("sip:a@b"): true, sipTarget("SIPS:a@b;transport=tls"): true, phoneTarget("+13035550100"): true,
		sipTarget("tel:+1"): false, sipTarget("sip:"): false, sipTarget(""): false, sipTarget("sip:a@b>\r\nX: y"): false,
		sipTarget("sip:a@b c"): false, sipTarget("sip:ä@b"): false, sipTarget(`sip:"a"@b`): false,
		phoneTarget("911"): false, phoneTarget(""): false, {}: false,
	} {
		if r := FromRoute(route(target), nil); (r.Status == 302) != want || (r.Skipped == 0) != want {
			t.Errorf("%v: %+v", target, r)
		}
	}
	if r := FromRoute(route(sipTarget("bad"), sipTarget("sip:a@b")), nil); r.Skipped != 1 || len(r.Targets) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAppendQuoted(t *testing.T) {
	for in, want := range map[string]string{
		`a"b\c`: `"a\"b\\c"`, "a\r\nb": `"a..b"`, "": `""`, strings.Repeat("x", 300): `"` + strings.Repeat("x", 128) + `"`,
	} {
		if got := string(appendQuoted(nil, []byte(in), maxTextBytes)); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}
