package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

const rotatedTo = "+61255550101"

func (f *fake) RotateLineNumber(_ context.Context, r *routingv1.RotateLineNumberRequest) (*routingv1.Line, error) {
	f.asked = r
	if f.err != nil {
		return nil, f.err
	}
	return &routingv1.Line{
		Name: r.GetName(), Number: r.GetNumber(),
		FormerNumbers: []*routingv1.FormerNumber{
			{Number: r.GetNumber(), EndTime: timestamppb.New(now.Add(-time.Hour))},
			{Number: r.GetNumber(), EndTime: &timestamppb.Timestamp{Seconds: 1795438800}},
		},
	}, nil
}

func TestRotateIsWhatWasTyped(t *testing.T) {
	number := `number: {e164_number: "` + rotatedTo + `"}`
	for args, want := range map[string]string{
		"gold --number " + rotatedTo:                        `name: "lines/gold" ` + number,
		"lines/gold --stdin --overlap 2d":                   `name: "lines/gold" overlap: {seconds: 172800} ` + number,
		"gold --number " + rotatedTo + " --overlap 0":       `name: "lines/gold" overlap: {} ` + number,
		"gold --dry-run --number " + rotatedTo + " -o json": `name: "lines/gold" validate_only: true ` + number,
	} {
		t.Run(args, func(t *testing.T) {
			f := &fake{}
			term := newTerminal(t, f)
			term.in.Reset(rotatedTo + "\n")
			if code := term.run(t.Context(), append([]string{"line", "rotate"}, strings.Fields(args)...)...); code != 0 {
				t.Fatalf("exit %d: %s", code, &term.err)
			}
			if r := text(t, &routingv1.RotateLineNumberRequest{}, want); !proto.Equal(f.asked, r) {
				t.Errorf("asked for %v, want %v", f.asked, r)
			}
			if said := term.out.String() + term.err.String(); strings.Contains(said, rotatedTo[1:]) || !strings.Contains(said, "2026-11-23") ||
				strings.Count(said, "works until") > 1 {
				t.Errorf("tells the number, or not until when the one before works: %s", said)
			}
		})
	}
}

func TestRotateRefusesWhatItCannotMean(t *testing.T) {
	for _, args := range []string{"", "gold", "gold silver --stdin", "gold --stdin --number " + rotatedTo} {
		f := &fake{}
		term := newTerminal(t, f)
		if code := term.run(t.Context(), append([]string{"line", "rotate"}, strings.Fields(args)...)...); code != 2 || f.asked != nil {
			t.Errorf("%q: exit %d, asked %v", args, code, f.asked)
		}
	}
}

// TestFormerShowsWhoIsToBeTold: by customer, the latest first; of strangers by number.
func TestFormerShowsWhoIsToBeTold(t *testing.T) {
	f := &fake{ledgerAnswers: heard(t)}
	f.calls = nil
	for i, c := range []string{
		`customer: "customers/acme" caller_number: "+13…01" outcome: OUTCOME_NUMBER_CHANGED`, `caller_number: "+44…09" outcome: OUTCOME_REFUSED`,
		`customer: "customers/acme" caller_number: "+13…02" outcome: OUTCOME_ANSWERED`,
	} {
		call := text(t, &ledgerv1.Call{}, c)
		call.FormerNumber, call.StartTime = true, timestamppb.New(now.Add(-time.Duration(i)*time.Hour))
		f.calls = append(f.calls, call)
	}
	f.set = &manifest.Set{Lines: []*routingv1.Line{{
		Name: "lines/gold", Number: &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: rotatedTo}},
		FormerNumbers: []*routingv1.FormerNumber{
			{EndTime: timestamppb.New(now.Add(50 * time.Hour))}, {EndTime: timestamppb.New(now.Add(-time.Hour))},
		},
	}, {Name: "lines/hidden"}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "line", "former", "gold"); code != 0 {
		t.Fatalf("exit %d: %s", code, &term.err)
	}
	golden(t, "line-former", term.out.String())
	if r := f.askedCalls; r.GetLine() != "lines/gold" || !r.GetFormerNumber() || !r.GetStartTime().AsTime().Equal(now.AddDate(0, 0, -30)) {
		t.Errorf("asked for %v", r)
	}
	f.calls = nil
	if code := term.run(t.Context(), "line", "former", "lines/hidden", "--since", "now-1d"); code != 0 ||
		!strings.Contains(term.out.String(), "not shown to you") || !strings.Contains(term.out.String(), "Nobody called a former number since") {
		t.Errorf("exit %d: %s", code, &term.out)
	}
}
