package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// drainAnswers are what a fake says of drains, and of what is in force where.
type drainAnswers struct {
	routingv1.UnimplementedDrainServiceServer
	routingv1.UnimplementedInForceServiceServer
	drains  []*routingv1.Drain
	inForce *routingv1.AwaitInForceResponse
	// drained is the last request to drain, or to end a drain; awaited the last one to wait.
	drained proto.Message
	awaited *routingv1.AwaitInForceRequest
}

func (f *drainAnswers) CreateDrain(_ context.Context, r *routingv1.CreateDrainRequest) (*routingv1.Drain, error) {
	f.drained = r
	d := proto.CloneOf(r.GetDrain())
	d.Name = "drains/dublin-abcdefgh"
	return d, nil
}

func (f *drainAnswers) ListDrains(_ context.Context, r *routingv1.ListDrainsRequest) (*routingv1.ListDrainsResponse, error) {
	items, next := page(f.drains, r.GetPageToken())
	return &routingv1.ListDrainsResponse{Drains: items, NextPageToken: next}, nil
}

func (f *drainAnswers) DeleteDrain(_ context.Context, r *routingv1.DeleteDrainRequest) (*emptypb.Empty, error) {
	f.drained = r
	return &emptypb.Empty{}, nil
}

func (f *drainAnswers) AwaitInForce(_ context.Context, r *routingv1.AwaitInForceRequest) (*routingv1.AwaitInForceResponse, error) {
	f.awaited = r
	return f.inForce, nil
}

func TestDrainIsWhatWasTyped(t *testing.T) {
	for args, want := range map[string]string{
		"sites/dublin":                                     `site: "sites/dublin"`,
		"site dublin --reason fire --by ann":               `site: "sites/dublin" reason: "fire" requested_by: "ann"`,
		"sites/dublin --line gold --for 2h":                `site: "sites/dublin" line: "lines/gold" end_time: {seconds: 1795442400}`,
		"sites/dublin --from now+1h --for 2h":              `site: "sites/dublin" start_time: {seconds: 1795438800} end_time: {seconds: 1795446000}`,
		"sites/dublin --until 2026-11-23T13:00:00Z":        `site: "sites/dublin" end_time: {seconds: 1795438800}`,
		"line gold --reason flood":                         `all_sites: true line: "lines/gold" reason: "flood"`,
		"lines/gold --until 2026-11-23T13:00:00Z":          `all_sites: true line: "lines/gold" end_time: {seconds: 1795438800}`,
		"people/anna --target +13035550141":                `person: "people/anna" target: {phone_number: {e164_number: "+13035550141"}}`,
		"sites/dublin --target sip:support@dublin.example": `site: "sites/dublin" target: {sip_uri: "sip:support@dublin.example"}`,
	} {
		t.Run(args, func(t *testing.T) {
			f := &fake{}
			term := newTerminal(t, f)
			if code := term.run(t.Context(), append([]string{"drain"}, strings.Fields(args)...)...); code != 0 {
				t.Fatalf("exit %d: %s", code, &term.err)
			}
			r, _ := f.drained.(*routingv1.CreateDrainRequest)
			if d := text(t, &routingv1.Drain{}, want); !proto.Equal(r.GetDrain(), d) {
				t.Errorf("asked for %v, want %v", r.GetDrain(), d)
			}
			if !strings.Contains(term.out.String(), "dayside drain end dublin-abcdefgh") || strings.Contains(term.out.String(), "+13035550141") {
				t.Error(term.out.String())
			}
		})
	}
}

func TestDrainRefusesWhatItCannotMean(t *testing.T) {
	for args, want := range map[string]string{
		"dublin":                               "sites/dublin",
		"rotas/nights":                         "cannot be drained",
		"lines/gold --target sip:a@b.example":  "leave --line and --target out",
		"line gold --line silver":              "leave --line and --target out",
		"":                                     "usage",
		"sites/dublin --for 2h --until now+3h": "either --until or --for",
		"sites/dublin --from tomorrowish":      "--from",
		"sites/dublin --for -1h":               "--for",
		"end":                                  "usage",
	} {
		t.Run(args, func(t *testing.T) {
			f := &fake{}
			term := newTerminal(t, f)
			if code := term.run(t.Context(), append([]string{"drain"}, strings.Fields(args)...)...); code != 2 || f.drained != nil {
				t.Errorf("exit %d, asked %v", code, f.drained)
			}
			if !strings.Contains(term.err.String(), want) {
				t.Errorf("says %s, not %s", &term.err, want)
			}
		})
	}
}

func TestDrainList(t *testing.T) {
	f := &fake{drainAnswers: drainAnswers{drains: []*routingv1.Drain{
		text(t, &routingv1.Drain{}, `name: "drains/a" site: "sites/dublin" reason: "fire alarm" create_time: {seconds: 1795431600}`),
		text(t, &routingv1.Drain{}, `name: "drains/b" person: "people/anna" target: {phone_number: {e164_number: "+13035550141"}}
			line: "lines/gold" start_time: {seconds: 1795438800} end_time: {seconds: 1795446000}`),
		text(t, &routingv1.Drain{}, `name: "drains/c" site: "sites/denver" start_time: {seconds: 1795000000} end_time: {seconds: 1795000060}`),
		text(t, &routingv1.Drain{}, `name: "drains/d" all_sites: true line: "lines/gold" reason: "flood" create_time: {seconds: 1795431600}`),
	}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "drain", "list"); code != 0 {
		t.Fatal(code, &term.err)
	}
	golden(t, "drain-list", term.out.String())
}

func TestOpenTellsWhoIsDrained(t *testing.T) {
	f := &fake{open: text(t, &schedulev1.QueryOpenSitesResponse{}, `at: {seconds: 1795435200}
		sites: {site: "sites/dublin" display_name: "Dublin" open: true}`)}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "open"); code != 0 || strings.Contains(term.out.String(), "Drained") {
		t.Error(code, &term.out, &term.err)
	}
	f.drains = []*routingv1.Drain{
		text(t, &routingv1.Drain{}, `name: "drains/a" site: "sites/dublin" reason: "fire alarm"`),
		text(t, &routingv1.Drain{}, `name: "drains/b" site: "sites/denver" line: "lines/web"`),
		text(t, &routingv1.Drain{}, `name: "drains/c" site: "sites/denver" end_time: {seconds: 1795435200}`),
		text(t, &routingv1.Drain{}, `name: "drains/d" person: "people/anna"`),
		text(t, &routingv1.Drain{}, `name: "drains/e" all_sites: true line: "lines/silver"`),
	}
	for line, want := range map[string]string{
		"": "calls: sites/dublin (fire alarm), sites/denver on lines/web, every site of lines/silver.\n", "gold": "calls: sites/dublin (fire alarm).\n",
	} {
		args := []string{"open", line}
		if line == "" {
			args = args[:1]
		}
		if code := term.run(t.Context(), args...); code != 0 || !strings.Contains(term.out.String(), want) {
			t.Error(code, &term.out, &term.err)
		}
	}
}

func TestWaitSaysWhoIsMissing(t *testing.T) {
	f := &fake{drainAnswers: drainAnswers{inForce: text(t, &routingv1.AwaitInForceResponse{}, `in_force: 2
		processes: {instance: "r-1" in_force: true} processes: {instance: "r-2" in_force: true}`)}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "drain", "end", "drains/a", "--wait"); code != 0 || !strings.Contains(term.out.String(), "in force at 2 of 2") {
		t.Error(code, &term.out, &term.err)
	}
	if r, _ := f.drained.(*routingv1.DeleteDrainRequest); r.GetName() != "drains/a" {
		t.Errorf("ended %v", f.drained)
	}
	f.inForce.InForce, f.inForce.Processes[1].InForce = 1, false
	if code := term.run(t.Context(), "drain", "sites/dublin", "--wait", "--timeout", "5s"); code != 1 ||
		!strings.Contains(term.err.String(), "in force at 1 of 2; not at r-2") {
		t.Error(code, &term.out, &term.err)
	}
	if f.awaited.GetTimeout().GetSeconds() != 4 {
		t.Errorf("asked to wait %v", f.awaited.GetTimeout())
	}
	f.applied = &routingv1.ApplyConfigurationResponse{Revision: 7}
	f.inForce.Processes = f.inForce.Processes[:1]
	if code := term.run(t.Context(), "apply", "-f", "../../../../deploy/examples/followthesun", "--wait"); code != 0 ||
		f.awaited.GetRevision() != 7 || !strings.Contains(term.out.String(), "in force at 1 of 1") {
		t.Error(code, f.awaited, &term.out, &term.err)
	}
}
