package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

const (
	// maxPartRows and maxPartBytes bound one request.
	maxPartRows, maxPartBytes = 1000, 1 << 20
	// maxTold is how many rejected lines are told of where no report is kept.
	maxTold = 20
	// minImportWait and maxImportWait bound the wait before a server that does not answer is asked again, importPatience all
	// such waits of one part together.
	minImportWait, maxImportWait, importPatience = 500 * time.Millisecond, 5 * time.Second, 5 * time.Minute
	// barEvery is how often the bar is drawn at most.
	barEvery = 100 * time.Millisecond
)

// importRun is an import under way.
type importRun struct {
	a       *app
	client  entitlementv1.DataServiceClient
	file    importFile
	request *entitlementv1.ImportCustomersRequest
	report  *rejects
	bar     *progressbar.ProgressBar
	// progress is what the server said last.
	progress *entitlementv1.ImportProgress
	// told are the first rejected lines, and untold how many more there are.
	told   []string
	untold int
	// unknown are plans that are not in the catalog, and were told of.
	unknown []string
	// warnings are the first ones, and warned how many there are, of lines up to warnedThrough.
	warnings              []string
	warned, warnedThrough int64
	// forgotten says that a dry run does not know all that lines before make, and that this was told.
	forgotten bool
	// answered says that the server is there: then it is waited for.
	answered bool
}

// filePart is rows, and the last line that belongs to them.
type filePart struct {
	rows    []*entitlementv1.ImportRow
	through int64
	err     error
}

// all sends the file part by part, and reads the next one meanwhile.
func (run *importRun) all(ctx context.Context) error {
	if run.a.ErrTerminal {
		run.bar = progressbar.NewOptions64(run.file.lines, progressbar.OptionSetWriter(run.a.Err),
			progressbar.OptionSetDescription(run.request.GetImportId()), progressbar.OptionShowCount(),
			progressbar.OptionThrottle(barEvery), progressbar.OptionSetItsString("lines"), progressbar.OptionShowIts(),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
		defer func() { _ = run.bar.Finish() }()
	}
	in, err := os.Open(run.file.name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := run.file.unchanged(in); err != nil {
		return err
	}
	reader, err := bulk.NewReader(in, run.file.format, run.file.mapping)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := make(chan filePart, 1)
	go cut(ctx, reader, run.progress.GetLine(), parts)
	for part := range parts {
		if part.err != nil {
			return part.err
		}
		if err := run.send(ctx, part); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := run.file.unchanged(in); err != nil {
		return err
	}
	for _, name := range reader.Unseen() {
		run.sayf("warning: no line has %s, which the mapping names", visible(name))
	}
	if run.request.GetDryRun() {
		return nil
	}
	return run.send(ctx, filePart{through: run.file.lines}) // it is done
}

// cut makes parts of the file behind a line, and one of the last rows before it: whoever was interrupted may not have
// heard what became of them.
func cut(ctx context.Context, reader *bulk.Reader, behind int64, parts chan<- filePart) {
	defer close(parts)
	put := func(p filePart) bool {
		select {
		case parts <- p:
			return p.err == nil
		case <-ctx.Done():
			return false
		}
	}
	var part filePart
	bytes := 0
	for {
		row, err := reader.Next()
		if err == nil && row.GetLine() <= behind {
			if part.rows = append(part.rows, row); len(part.rows) > maxPartRows {
				part.rows = part.rows[1:]
			}
			part.through = behind
			continue
		}
		size := proto.Size(row)
		first := part.through == behind && behind > 0 && len(part.rows) > 0 // those before the line go alone
		full := len(part.rows) == maxPartRows || bytes+size > maxPartBytes
		if len(part.rows) > 0 && (first || full || err != nil) {
			for _, half := range halves(part) {
				if !put(half) {
					return
				}
			}
			part, bytes = filePart{}, 0
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			put(filePart{err: err})
			return
		}
		part.rows, part.through, bytes = append(part.rows, row), reader.Last(), bytes+size
	}
}

// halves are a part in pieces that are not too large for a request.
func halves(p filePart) []filePart {
	bytes := 0
	for _, row := range p.rows {
		bytes += proto.Size(row)
	}
	if bytes <= 2*maxPartBytes || len(p.rows) == 1 {
		return []filePart{p}
	}
	middle := len(p.rows) / 2
	first := filePart{rows: p.rows[:middle], through: p.rows[middle-1].GetLine()}
	return append(halves(first), halves(filePart{rows: p.rows[middle:], through: p.through})...)
}

// send has a part brought in, again and again until all of it is: a server that is busy with others brings in some of it.
func (run *importRun) send(ctx context.Context, part filePart) error {
	r := proto.CloneOf(run.request)
	r.Rows, r.ThroughLine = part.rows, part.through
	r.AfterLine = run.progress.GetLine()
	if len(part.rows) > 0 {
		r.AfterLine = min(r.GetAfterLine(), part.rows[0].GetLine()-1)
	}
	before := proto.CloneOf(run.progress)
	for {
		answer, err := run.patiently(ctx, r)
		if err != nil {
			return err
		}
		run.hear(answer, before)
		if err := run.report.add(answer); err != nil {
			return err
		}
		left := r.GetRows()
		for len(left) > 0 && left[0].GetLine() <= answer.GetProgress().GetLine() {
			left = left[1:]
		}
		if len(left) == 0 {
			return nil
		}
		r.Rows, r.AfterLine = left, answer.GetProgress().GetLine()
		before = proto.CloneOf(run.progress)
	}
}

// hear takes over an answer. A dry run is counted part by part.
func (run *importRun) hear(answer *entitlementv1.ImportCustomersResponse, before *entitlementv1.ImportProgress) {
	run.progress = answer.GetProgress()
	if run.request.GetDryRun() {
		run.progress.Created += before.GetCreated()
		run.progress.Updated += before.GetUpdated()
		run.progress.Unchanged += before.GetUnchanged()
		run.progress.Rejected += before.GetRejected()
	}
	for _, plan := range answer.GetUnknownPlans() {
		if !slices.Contains(run.unknown, plan) && len(run.unknown) < maxTold {
			run.unknown = append(run.unknown, plan)
			run.sayf("warning: plan %s is not in the catalog: it limits nothing", visible(plan))
		}
	}
	run.hearWarnings(answer)
	for _, r := range answer.GetRejections() {
		if run.report == nil && len(run.told) == maxTold {
			run.untold++
			continue
		}
		if run.report == nil {
			run.told = append(run.told, rejectedLine(r))
		}
	}
	if run.bar != nil {
		_ = run.bar.Set64(run.progress.GetLine())
	}
}

// sayf tells something while the bar is drawn: in its place, and the bar below it.
func (run *importRun) sayf(format string, args ...any) {
	if run.bar != nil {
		_ = run.bar.Clear()
	}
	linef(run.a.Err, format, args...)
}

// hearWarnings takes warnings over, those of a line once; plans are told of by themselves.
func (run *importRun) hearWarnings(answer *entitlementv1.ImportCustomersResponse) {
	if from := answer.GetForgottenFromLine(); from > 0 && !run.forgotten {
		run.forgotten = true
		run.sayf("warning: this dry run does not remember what lines from %d on would make: what refers to them may be "+
			"rejected here, and brought in all the same", from)
	}
	for _, w := range answer.GetWarnings() {
		if w.GetLine() <= run.warnedThrough {
			continue
		}
		run.warned++
		if !strings.HasSuffix(w.GetField(), ".plan") && len(run.warnings) < maxTold {
			run.warnings = append(run.warnings, rejectedLine(w))
		}
	}
	run.warnedThrough = max(run.warnedThrough, answer.GetProgress().GetLine())
}

// showWarnings tells of lines that are in, and want a look.
func (run *importRun) showWarnings(f bulkFlags) {
	switch {
	case run.warned == 0:
	case f.report != "":
		linef(run.a.Err, "%s; see %s", count(int(run.warned), "warning"), f.report)
	default:
		for _, text := range run.warnings {
			linef(run.a.Err, "warning: %s", text)
		}
		if more := run.warned - int64(len(run.warnings)); more > 0 {
			linef(run.a.Err, "%s more; --report keeps all of them", count(int(more), "warning"))
		}
	}
}

// judgement is what is said of a line: a rejection, or a warning.
type judgement interface {
	GetLine() int64
	GetField() string
	GetValue() string
	GetRule() string
}

func rejectedLine(r judgement) string {
	text := fmt.Sprintf("line %d: ", r.GetLine())
	if r.GetField() != "" {
		text += r.GetField() + ": "
	}
	if r.GetValue() != "" {
		text += fmt.Sprintf("%q: ", r.GetValue())
	}
	return text + r.GetRule()
}

// patiently asks, and waits for a server that was there and does not answer for now. What it may have done is no
// matter: a part told twice does nothing twice.
func (run *importRun) patiently(ctx context.Context, r *entitlementv1.ImportCustomersRequest,
) (*entitlementv1.ImportCustomersResponse, error) {
	wait, waited := minImportWait, time.Duration(0)
	for {
		try, cancel := context.WithTimeout(ctx, run.a.timeout)
		answer, err := run.client.ImportCustomers(try, r)
		cancel()
		if err == nil {
			run.answered = true
			return answer, nil
		}
		passes := []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted}
		if !run.answered || !slices.Contains(passes, status.Code(err)) || waited >= importPatience || ctx.Err() != nil {
			return nil, err
		}
		if waited == 0 {
			run.sayf("%s does not bring in line %d and those after it for now; asking again", run.a.server,
				r.GetAfterLine()+1)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-run.a.After(wait):
		}
		waited, wait = waited+wait, min(2*wait, maxImportWait)
	}
}

// stopped says how to go on.
func (run *importRun) stopped(ctx context.Context, err error) error {
	f := &failure{message: err.Error()}
	if _, ok := status.FromError(err); ok {
		_ = errors.As(run.a.failed(err), &f)
	}
	if ctx.Err() != nil {
		f = &failure{message: "interrupted"}
	}
	var changed *changedFile // is another one
	if line := run.progress.GetLine(); line > 0 && !run.request.GetDryRun() && !errors.As(err, &changed) {
		f.details = append(f.details, fmt.Sprintf(
			"the import stands at line %d of %d; the same command with --resume goes on", line, run.file.lines))
	}
	return f
}
