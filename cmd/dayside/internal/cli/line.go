package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

func newLine(a *app) *cobra.Command {
	return newGroup("line", "Give a line another number, and see who still calls the one before",
		"Lines are written with \"dayside apply\"; what is here is done to one that is there.",
		newLineRotate(a), newLineFormer(a))
}

// rotation is what a line's number can be told to become.
type rotation struct {
	number             string
	overlap            time.Duration
	stdin, check, wait bool
}

func newLineRotate(a *app) *cobra.Command {
	var f rotation
	c := &cobra.Command{
		Use: "rotate LINE", Short: "Give a line another number, and let the one before work for a while",
		Long: "Both numbers lead to the line until the overlap ends; \"dayside line former\" shows who still calls the one\n" +
			"before. Who calls it after that is told that it has changed. Change it in the file of the line, too: \"dayside\n" +
			"apply\" refuses one that the line had before. With --overlap 0 the one before stops at once; with the line's own\n" +
			"number and --overlap 0 all that it had before do. Other users of a machine can see arguments: a number that is\n" +
			"hidden from them is read with --stdin, or asked for.",
		Example: "  dayside line rotate gold-emergency --number +61255550101 --overlap 30d --wait\n" +
			"  dayside line rotate gold-emergency --stdin < number.txt",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.idsOf(cmd.Context(), collectionLines), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r := &routingv1.RotateLineNumberRequest{
				Name: collectionLines + "/" + strings.TrimPrefix(args[0], collectionLines+"/"), ValidateOnly: f.check,
			}
			if cmd.Flags().Changed("overlap") {
				r.Overlap = durationpb.New(f.overlap)
			}
			number, err := a.newNumber(cmd.Context(), r.GetName(), f)
			if err != nil {
				return err
			}
			r.Number = &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: number}}
			return a.rotate(cmd.Context(), r, f.wait)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.number, "number", "", "the new number, in E.164")
	flags.BoolVar(&f.stdin, "stdin", false, "read the number from the first line of standard input")
	f.overlap = 30 * 24 * time.Hour
	spanVar(flags, &f.overlap, "overlap", "how long the number before goes on working")
	flags.BoolVar(&f.check, "dry-run", false, "check only; nothing is changed")
	flags.BoolVar(&f.wait, "wait", false, waitHelp)
	return c
}

// newNumber is the number that somebody gave, where others cannot see it if they liked.
func (a *app) newNumber(ctx context.Context, line string, f rotation) (string, error) {
	given := shownSecret{noun: "number", maxLineBytes: 64}
	switch {
	case f.stdin && f.number != "":
		return "", usagef("give --number or --stdin, not both")
	case f.number != "":
		return f.number, nil
	case f.stdin:
		return given.firstLine(a.In)
	}
	return a.askFor(ctx, given.noun, line)
}

func (a *app) rotate(ctx context.Context, r *routingv1.RotateLineNumberRequest, wait bool) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	line, err := ask(ctx, a, func(ctx context.Context) (*routingv1.Line, error) {
		return client.lines.RotateLineNumber(ctx, r)
	})
	if err != nil {
		return err
	}
	err = a.show(withoutNumbers(line), func(w io.Writer) error {
		rotatedText(w, line, r.GetValidateOnly(), a.Now())
		return nil
	})
	if err != nil || !wait || r.GetValidateOnly() {
		return err
	}
	return a.awaitInForce(ctx, client, 0)
}

// withoutNumbers is the line for a terminal that others may see: whoever rotated it knows the number.
func withoutNumbers(l *routingv1.Line) *routingv1.Line {
	l = proto.CloneOf(l)
	l.Number = nil
	for _, f := range l.GetFormerNumbers() {
		f.Number = nil
	}
	return l
}

func rotatedText(w io.Writer, l *routingv1.Line, checked bool, now time.Time) {
	verb := "has another number"
	if checked {
		verb = "could have that number; nothing was changed"
	}
	linef(w, "%s %s.", l.GetName(), verb)
	for _, f := range l.GetFormerNumbers() {
		if f.GetEndTime().AsTime().After(now) {
			linef(w, "One that it had before works until %s.", instant(f.GetEndTime()))
		}
	}
	if !checked {
		linef(w, "Change it in the file of the line, too: \"dayside apply\" refuses the old one.")
		id := strings.TrimPrefix(l.GetName(), collectionLines+"/")
		linef(w, "\"dayside line former %s\" shows who still calls the old one.", id)
	}
}
