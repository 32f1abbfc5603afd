package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const rotatedTo = "+61255550101"

func (f *fake) RotateLineNumber(_ context.Context, r *routingv1.RotateLineNumberRequest) (*routingv1.Line, error) {
	f.asked = r
	if f.err != nil {
		return nil, f.err
	}
	return &routingv1.Line{
		Name: r.GetName(), Number: r.GetNumber(),
		FormerNumbers: []*routingv1.FormerNumber{{Number: r.GetNumber(), EndTime: &timestamppb.Timestamp{Seconds: 1795438800}}},
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
			if said := term.out.String() + term.err.String(); strings.Contains(said, rotatedTo[1:]) || !strings.Contains(said, "2026-11-23") {
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
