package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

// bulkFlags are what an import is told beside its file.
type bulkFlags struct {
	mapping, key, region, report, id, format string
	dryRun, resume                           bool
}

func newCustomerImport(a *app) *cobra.Command {
	var f bulkFlags
	c := &cobra.Command{
		Use: "import FILE", Short: "Bring in customers and contracts from CSV or JSON lines",
		Long: "Makes customers, and changes those that exist: what a line says nothing of stays. A customer is found by an\n" +
			"external id (--key) or by its name; several lines may be of one, each with a contract or a contact. A line that\n" +
			"breaks a rule is rejected and told of, and all others are in. Numbers, aliases and domains are added.\n\n" +
			"Columns are called as fields are (`customer export` shows them), or a mapping file says what they are:\n\n" +
			"  key: {system: crm, column: Account ID}\n" +
			"  dates: DD.MM.YYYY             # or M/D/YYYY\n" +
			"  encoding: windows-1252        # UTF-8 or UTF-16 where left out\n" +
			"  clear_empty: false            # an empty cell leaves a field as it is\n" +
			"  fields:\n" +
			"    display_name: Account Name  # a column; of JSON the path, such as account.name\n" +
			"    phone_numbers: [Phone, Mobile]\n" +
			"    aliases: {column: AKA, separator: \"|\"}\n" +
			"    contracts.contract_id: Contract\n" +
			"    contracts.plan: {column: Level, values: {Gold Support: gold}}\n" +
			"    contracts.product: {value: db}\n" +
			"    contracts.start_date: From\n\n" +
			"An import that was interrupted, on either side, goes on with --resume and the same file. It gives way to whoever\n" +
			"else writes. A dry run judges each line as if those before were in, some 150,000 customers of them, and says where\n" +
			"it no longer can. Warnings are of lines that are in: a number that another customer has, too, a plan that is not\n" +
			"in the catalog, an access name that is kept. Exit code 1 where a line was rejected.",
		Example: "  dayside customer import accounts.csv --mapping crm.yaml --default-region DE --dry-run\n" +
			"  dayside customer import accounts.csv --mapping crm.yaml --default-region DE --report rejects.csv\n" +
			"  dayside customer import accounts.csv --mapping crm.yaml --default-region DE --report rejects.csv --resume",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.importCustomers(cmd.Context(), args[0], f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.mapping, "mapping", "", "YAML file that says which column is which field")
	flags.StringVar(&f.key, "key", "", "find customers by an external id: SYSTEM, or SYSTEM:COLUMN, such as crm:AccountId")
	flags.StringVar(&f.region, "default-region", "", "country of numbers that are not in E.164, such as DE")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check only; write nothing")
	flags.StringVar(&f.report, "report", "",
		"file for rejected lines and warnings, CSV: line, field, value (masked), rule, kind")
	flags.BoolVar(&f.resume, "resume", false, "go on with an import that was interrupted")
	flags.StringVar(&f.id, "id", "", "what the import is called; made of the file's name and what it holds where left out")
	flags.StringVar(&f.format, "format", "", "csv or jsonl; by the file's name where left out")
	_ = c.MarkFlagFilename("mapping", "yaml", "yml")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(
		[]string{"csv", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// importFile is a file that is to be imported.
type importFile struct {
	name        string
	format      bulk.Format
	mapping     *bulk.Mapping
	fingerprint string
	lines       int64
	// looked is the file as it was when it was looked at.
	looked os.FileInfo
}

// changedFile is a file that somebody writes: its rows would be of two, and its lines others.
type changedFile struct{ name string }

// Error says what to do.
func (c *changedFile) Error() string {
	return c.name + " was changed meanwhile: import it again once nobody writes it"
}

// unchanged is nil where the file is still what was looked at.
func (f importFile) unchanged(in *os.File) error {
	now, err := in.Stat()
	if err != nil {
		return err
	}
	if now.Size() != f.looked.Size() || !now.ModTime().Equal(f.looked.ModTime()) || !os.SameFile(now, f.looked) {
		return &changedFile{f.name}
	}
	return nil
}

// importCustomers runs an import from its first line, or from where it was, to its end.
func (a *app) importCustomers(ctx context.Context, name string, f bulkFlags) error {
	file, err := f.read(name)
	if err != nil {
		return err
	}
	if f.dryRun && f.resume {
		return usagef("--dry-run and --resume: give one of the two")
	}
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	run := &importRun{
		a: a, client: entitlementv1.NewDataServiceClient(client.conn), file: file,
		request: &entitlementv1.ImportCustomersRequest{
			ImportId: f.id, Fingerprint: file.fingerprint, DryRun: f.dryRun, TotalLines: file.lines, DefaultRegion: f.region,
		},
		progress: &entitlementv1.ImportProgress{},
	}
	if f.id == "" {
		run.request.ImportId = importID(name, file.fingerprint)
	}
	if !f.dryRun {
		over, err := run.stands(ctx, f)
		if err != nil {
			return err
		}
		if over {
			linef(a.Err, "This import was done before; nothing was created or changed now. What it did then:")
			return a.importText(run, f)
		}
	}
	if run.report, err = openRejects(f.report, f.resume); err != nil {
		return err
	}
	run.warnedThrough = run.progress.GetLine()
	err = run.all(ctx)
	if closing := run.report.close(); err == nil {
		err = closing
	}
	if err != nil {
		return run.stopped(ctx, err)
	}
	return a.importText(run, f)
}

// stands asks how far the import is already; over where there is nothing left to do.
func (run *importRun) stands(ctx context.Context, f bulkFlags) (over bool, err error) {
	id := run.request.GetImportId()
	soon, cancel := context.WithTimeout(ctx, run.a.timeout)
	defer cancel()
	progress, err := run.client.GetImport(soon, &entitlementv1.GetImportRequest{Name: "imports/" + id})
	run.answered = err == nil || status.Code(err) == codes.NotFound
	switch {
	case status.Code(err) == codes.NotFound:
		if f.resume {
			linef(run.a.Err, "There is no import of this file to go on with: it begins.")
		}
		return false, nil
	case err != nil:
		return false, run.a.failed(err)
	case progress.GetFingerprint() != run.request.GetFingerprint():
		return false, usagef("--id %s is of another file, mapping or region; name this one otherwise", id)
	case f.resume:
		run.progress = progress
		return progress.GetDone(), nil
	case !progress.GetDone():
		return false, usagef("an import of this file stands at line %d of %d; --resume goes on with it", progress.GetLine(),
			progress.GetTotalLines())
	case f.id != "":
		return false, usagef("--id %s is done; name another one, or none", id)
	}
	// Once more: what is as it was is not written again.
	run.request.ImportId = id + "-" + run.a.Now().UTC().Format("20060102150405")
	return false, nil
}

// read looks at the file and its mapping, once through.
func (f bulkFlags) read(name string) (file importFile, err error) {
	file = importFile{name: name, mapping: &bulk.Mapping{}}
	switch ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), ".")); {
	case f.format == "csv", f.format == "" && (ext == "csv" || ext == "tsv" || ext == "txt"):
		file.format = bulk.CSV
	case f.format == "jsonl", f.format == "" && (ext == "jsonl" || ext == "ndjson"):
		file.format = bulk.JSONL
	default:
		return file, usagef("--format: must be csv or jsonl, where the file's name does not say it")
	}
	sum := sha256.New()
	if f.mapping != "" {
		text, err := os.ReadFile(f.mapping)
		if err != nil {
			return file, err
		}
		if file.mapping, err = bulk.ParseMapping(text); err != nil {
			return file, &failure{message: f.mapping + ": " + err.Error()}
		}
		_, _ = sum.Write(text)
	}
	if f.key != "" {
		if file.mapping.Key, err = bulk.ParseKey(f.key); err != nil {
			return file, usagef("--key %w", err)
		}
	}
	_, _ = fmt.Fprintf(sum, "\x00%s\x00%s\x00%d\x00", f.key, f.region, file.format)
	in, err := os.Open(name)
	if err != nil {
		return file, err
	}
	defer func() { _ = in.Close() }()
	if file.looked, err = in.Stat(); err != nil || !file.looked.Mode().IsRegular() {
		return file, usagef("%s: must be a file that can be read again, so that an import can go on", name)
	}
	if _, err := bulk.NewReader(bufio.NewReader(in), file.format, file.mapping); err != nil {
		return file, &failure{message: name + ": " + err.Error()}
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return file, err
	}
	counted := &lineCounter{}
	text, _, err := bulk.Text(io.TeeReader(in, sum), file.mapping)
	if err != nil {
		return file, &failure{message: name + ": " + err.Error()}
	}
	if _, err := io.Copy(counted, text); err != nil {
		return file, err
	}
	file.lines, file.fingerprint = counted.total(), hex.EncodeToString(sum.Sum(nil))
	return file, nil
}

// lineCounter counts the lines of what is written to it, the last one without an end, too.
type lineCounter struct {
	ends int64
	open bool
}

// Write never fails.
func (l *lineCounter) Write(b []byte) (int, error) {
	l.ends += int64(strings.Count(string(b), "\n"))
	if len(b) > 0 {
		l.open = b[len(b)-1] != '\n'
	}
	return len(b), nil
}

func (l *lineCounter) total() int64 {
	if l.open {
		return l.ends + 1
	}
	return l.ends
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// importID is what the import of a file is called: the same of the same file.
func importID(name, fingerprint string) string {
	const maxBase, hash = 32, 10
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	base = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(base), "-"), "-")
	base = strings.Trim(base[:min(len(base), maxBase)], "-")
	return strings.TrimPrefix(base+"-"+fingerprint[:hash], "-")
}

// importText says what became of an import.
func (a *app) importText(run *importRun, f bulkFlags) error {
	p := run.progress
	err := a.show(p, func(w io.Writer) error {
		ending := "."
		if f.dryRun {
			ending = ". Dry run: nothing was written."
		}
		linef(w, "%s: %s: %d created, %d updated, %d unchanged, %d rejected%s", strings.TrimPrefix(p.GetName(), "imports/"),
			count(int(p.GetLine()), "line"), p.GetCreated(), p.GetUpdated(), p.GetUnchanged(), p.GetRejected(), ending)
		return nil
	})
	run.showWarnings(f)
	if err != nil || p.GetRejected() == 0 {
		return err
	}
	f1 := &failure{message: count(int(p.GetRejected()), "line") + " rejected"}
	if f.report != "" {
		f1.message += "; see " + f.report
		return f1
	}
	f1.details, f1.more = run.told, run.untold
	if f1.more > 0 {
		f1.message += "; --report keeps all of them"
	}
	return f1
}
