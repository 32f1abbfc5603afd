package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

// failure is an error with more lines below its first one.
type failure struct {
	message string
	details []string
	// more is how many lines are left out.
	more int
}

// maxViolationLines bounds what is shown of a server's refusal: more would push its first line off the screen.
const maxViolationLines = 20

func (f *failure) Error() string {
	lines := append([]string{f.message}, f.details...)
	if f.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", f.more))
	}
	return strings.Join(lines, "\n  ")
}

// report writes an error for people, and is the exit code.
func report(w io.Writer, cmd *cobra.Command, err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		_, _ = fmt.Fprintf(w, "error: %s\nSee `%s --help`.\n", visible(err.Error()), cmd.CommandPath())
		return exitUsage
	}
	var problems *manifest.Problems
	if errors.As(err, &problems) {
		n := len(problems.List) + problems.Left
		err = &failure{
			message: count(n, "problem") + " in the files; nothing was written", details: strings.Split(problems.Error(), "\n"),
		}
	}
	_, _ = fmt.Fprintf(w, "error: %s\n", visible(err.Error()))
	return exitFailed
}

// notTaken is how the library tells of a connection that came about, and was ended before an answer.
var notTaken = regexp.MustCompile(`handshake failed|server preface|tls: |x509: |EOF|broken pipe|connection reset`)

// failed makes an answer for people of an RPC's error: what went wrong, and what to do.
func (a *app) failed(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	reason, violations := details(s)
	switch {
	case s.Code() == codes.Unavailable && reason == "" && notTaken.MatchString(s.Message()):
		return &failure{message: fmt.Sprintf("%s listens, but the connection ended before an answer. Does it want certificates "+
			"(--tls-cert, --tls-key and --tls-ca) or a token (--tls-ca and --token-file), or are those shown expired, revoked "+
			"or of another authority?", a.server), details: []string{s.Message()}}
	case s.Code() == codes.Unavailable && reason == "":
		return &failure{message: fmt.Sprintf(
			"no Dayside answers at %s: start one with `dayside serve`, or name another with --server", a.server)}
	case s.Code() == codes.DeadlineExceeded:
		return &failure{message: fmt.Sprintf("no answer from %s within %v (--timeout)", a.server, a.timeout)}
	case s.Code() == codes.Canceled:
		return &failure{message: "interrupted"}
	case s.Code() == codes.Unimplemented && reason == "":
		return &failure{message: fmt.Sprintf(
			"%s answers, but does not know this request: it is no Dayside, or one of another version", a.server)}
	case len(violations) > 0:
		// The message repeats the violations.
		head, _, _ := strings.Cut(s.Message(), ":")
		// The API's word for it is another one than ours.
		f := &failure{message: strings.ReplaceAll(head, "allow_gap", "--allow-gap")}
		f.more = max(len(violations)-maxViolationLines, 0)
		for _, v := range violations[:len(violations)-f.more] {
			f.details = append(f.details, v.GetField()+": "+v.GetDescription())
		}
		return f
	}
	return &failure{message: s.Message()}
}

// details are the parts of a status that programs read.
func details(s *status.Status) (reason string, violations []*errdetails.BadRequest_FieldViolation) {
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.BadRequest:
			violations = d.GetFieldViolations()
		}
	}
	return reason, violations
}

// ask makes one request with the time allowed for it.
func ask[T any](ctx context.Context, a *app, request func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	answer, err := request(ctx)
	if err != nil {
		return answer, a.failed(err)
	}
	return answer, nil
}

// count is "1 problem", "2 problems".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shortSpan is a length of time as people say it: "45s", "3h05m", "2d4h".
func shortSpan(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}
