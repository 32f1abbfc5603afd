package cli

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

// rejects is the file of rejected lines, and of warnings; nil: none is kept. Each broken rule of a line stands in it once,
// however often the line is told of.
type rejects struct {
	file *os.File
	csv  *csv.Writer
	said map[string]bool
}

// openRejects begins a file, or goes on with one that an interrupted import left.
func openRejects(name string, resume bool) (*rejects, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // none is kept
	}
	if err := isReport(name); err != nil {
		return nil, err
	}
	r := &rejects{said: map[string]bool{}}
	if resume {
		if err := r.goOn(name); err != nil {
			return nil, err
		}
	}
	how := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if !resume {
		how |= os.O_TRUNC
	}
	file, err := os.OpenFile(name, how, 0o600)
	if err != nil {
		return nil, err
	}
	r.file, r.csv = file, csv.NewWriter(file)
	if info, err := file.Stat(); err == nil && info.Size() == 0 {
		_ = r.csv.Write([]string{"line", "field", "value", "rule", "kind"})
	}
	return r, r.flush()
}

// reportHead is with what the header of a report begins.
const reportHead = "line,field,value,rule"

// isReport refuses a file that holds anything else: it would be written over, and might be what is imported.
func isReport(name string) error {
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, len(reportHead))
	n, err := io.ReadFull(file, head)
	if n > 0 && string(head) != reportHead || err != nil && !errors.Is(err, io.EOF) {
		return usagef("--report %s: is no report of an import, and is not written over; name another file", name)
	}
	return nil
}

// goOn reads what is there, and takes away a last line that was not written to its end.
func (r *rejects) goOn(name string) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	in := csv.NewReader(bytes.NewReader(whole))
	in.FieldsPerRecord = 5
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s is no report of an import: %w", name, err)
		}
		r.said[record[0]+"\x00"+record[1]+"\x00"+record[3]] = true
	}
	if len(whole) < len(text) {
		return os.Truncate(name, int64(len(whole)))
	}
	return nil
}

// add writes what is said of the lines of a part.
func (r *rejects) add(answer *entitlementv1.ImportCustomersResponse) error {
	if r == nil {
		return nil
	}
	for _, l := range answer.GetRejections() {
		if err := r.write(l, "rejected"); err != nil {
			return err
		}
	}
	for _, l := range answer.GetWarnings() {
		if err := r.write(l, "warning"); err != nil {
			return err
		}
	}
	return r.flush()
}

func (r *rejects) write(l judgement, kind string) error {
	number := fmt.Sprint(l.GetLine())
	key := number + "\x00" + l.GetField() + "\x00" + l.GetRule()
	if r.said[key] {
		return nil
	}
	r.said[key] = true
	// What others wrote into the file must not run in a spreadsheet either.
	return r.csv.Write([]string{number, l.GetField(), bulk.Guarded(visible(l.GetValue())), visible(l.GetRule()), kind})
}

func (r *rejects) flush() error {
	r.csv.Flush()
	return r.csv.Error()
}

func (r *rejects) close() error {
	if r == nil {
		return nil
	}
	err := r.flush()
	if closing := r.file.Close(); err == nil {
		err = closing
	}
	return err
}
