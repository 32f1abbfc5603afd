package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// dataAnswers are a server that brings in customers as the real one does, but for judging them: rows that are called
// bad are rejected.
type dataAnswers struct {
	entitlementv1.UnimplementedDataServiceServer
	imports map[string]*entitlementv1.ImportProgress
	// in are the lines that were brought in, in order.
	in []int64
	// fail says which request fails, from 1, and how; lost that it was done all the same. few is how many rows a request
	// brings in.
	requests, fail int
	how            codes.Code
	lost           bool
	few            int

	// meanwhile is what happens while a request is answered.
	meanwhile func()

	exported []*entitlementv1.Customer
	changes  []*entitlementv1.WatchCustomersResponse
	erased   *entitlementv1.ErasePersonResponse
	asked    proto.Message
	// unknown are plans that are not in the catalog; warned are rows that want a look, and forgotten what a dry run says.
	unknown   []string
	warned    []int64
	forgotten int64
}

func (d *dataAnswers) GetImport(_ context.Context, r *entitlementv1.GetImportRequest) (*entitlementv1.ImportProgress, error) {
	if p := d.imports[strings.TrimPrefix(r.GetName(), "imports/")]; p != nil {
		return p, nil
	}
	return nil, status.Error(codes.NotFound, "there is none")
}

func (d *dataAnswers) ImportCustomers(_ context.Context, r *entitlementv1.ImportCustomersRequest,
) (*entitlementv1.ImportCustomersResponse, error) {
	d.asked = r
	if d.meanwhile != nil {
		d.meanwhile()
	}
	d.requests++
	if d.requests == d.fail && !d.lost {
		return nil, status.Error(d.how, "not now")
	}
	if d.imports == nil {
		d.imports = map[string]*entitlementv1.ImportProgress{}
	}
	p := d.imports[r.GetImportId()]
	if p == nil || r.GetDryRun() {
		p = &entitlementv1.ImportProgress{Name: "imports/" + r.GetImportId(), Fingerprint: r.GetFingerprint(), TotalLines: r.GetTotalLines()}
	}
	if r.GetAfterLine() > p.GetLine() && !r.GetDryRun() {
		return nil, status.Error(codes.Aborted, "a hole")
	}
	answer := &entitlementv1.ImportCustomersResponse{Progress: p, UnknownPlans: d.unknown, ForgottenFromLine: d.forgotten}
	done := 0
	for _, row := range r.GetRows() {
		bad := row.GetUnreadable() != "" || strings.Contains(row.GetCustomer().GetDisplayName(), "bad")
		if bad {
			answer.Rejections = append(answer.Rejections, &entitlementv1.ImportRejection{
				Line: row.GetLine(), Field: "display_name", Value: "=bad()", Rule: "is bad" + row.GetUnreadable(),
			})
		}
		if row.GetLine() <= p.GetLine() {
			continue
		}
		if d.few > 0 && done == d.few {
			break
		}
		done++
		p.Line = row.GetLine()
		if slices.Contains(d.warned, p.GetLine()) {
			answer.Warnings = append(answer.Warnings,
				&entitlementv1.ImportWarning{Line: p.GetLine(), Field: "phone_numbers", Value: "+61…01", Rule: "is bone's, too"},
				&entitlementv1.ImportWarning{Line: p.GetLine(), Field: "contracts[0].plan", Value: "glod", Rule: "is not there"})
		}
		if bad {
			p.Rejected++
			continue
		}
		p.Created++
		if !r.GetDryRun() {
			d.in = append(d.in, row.GetLine())
		}
	}
	if len(r.GetRows()) == 0 {
		p.Done, p.Line = true, r.GetThroughLine()
	}
	if !r.GetDryRun() {
		d.imports[r.GetImportId()] = p
	}
	if d.requests == d.fail {
		return nil, status.Error(d.how, "not now")
	}
	answer.Progress = proto.CloneOf(p)
	return answer, nil
}

func (d *dataAnswers) ExportCustomers(_ *entitlementv1.ExportCustomersRequest,
	s grpc.ServerStreamingServer[entitlementv1.ExportCustomersResponse],
) error {
	return s.Send(&entitlementv1.ExportCustomersResponse{Customers: d.exported, ResumeToken: "T1"})
}

func (d *dataAnswers) WatchCustomers(r *entitlementv1.WatchCustomersRequest,
	s grpc.ServerStreamingServer[entitlementv1.WatchCustomersResponse],
) error {
	d.asked = r
	for len(d.changes) > 0 {
		next := d.changes[0]
		d.changes = d.changes[1:]
		if next == nil {
			return status.Error(codes.Unavailable, "this process is stopping")
		}
		if err := s.Send(next); err != nil {
			return err
		}
	}
	return nil
}

func (d *dataAnswers) ErasePerson(_ context.Context, r *entitlementv1.ErasePersonRequest) (*entitlementv1.ErasePersonResponse, error) {
	d.asked = r
	return d.erased, nil
}

// accounts is a file of so many lines below the header, those of bad ones being so.
func accounts(t *testing.T, lines int, bad ...int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("name,display_name\n")
	for i := 2; i <= lines+1; i++ {
		name := fmt.Sprint("Company ", i)
		if slices.Contains(bad, i) {
			name = "bad"
		}
		fmt.Fprintf(&b, "c%d,%s\n", i, name)
	}
	file := filepath.Join(t.TempDir(), "Accounts 2026.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func wantLines(t *testing.T, got []int64, to int, without ...int64) {
	t.Helper()
	var want []int64
	for i := int64(2); i <= int64(to); i++ {
		if !slices.Contains(without, i) {
			want = append(want, i)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines are in, each once and in order: want %d", len(got), len(want))
	}
}

func TestCustomerImport(t *testing.T) {
	f := &fake{dataAnswers: &dataAnswers{few: 700}}
	term := newTerminal(t, f)
	file := accounts(t, 2500, 99, 2001)
	report := filepath.Join(t.TempDir(), "rejects.csv")
	code := term.run(t.Context(), "customer", "import", file, "--report", report)
	if code != 1 || !strings.Contains(term.out.String(), ": 2501 lines: 2498 created, 0 updated, 0 unchanged, 2 rejected.\n") ||
		!strings.HasPrefix(term.out.String(), "accounts-2026-") || term.err.String() != "error: 2 lines rejected; see "+report+"\n" {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
	wantLines(t, f.in, 2501, 99, 2001)
	text, err := os.ReadFile(report)
	if want := "line,field,value,rule,kind\n99,display_name,'=bad(),is bad,rejected\n2001,display_name,'=bad(),is bad,rejected\n"; err != nil || string(text) != want {
		t.Errorf("report: %s, %v", text, err)
	}

	// The same file once more is another import, since the one before is done.
	f.in = nil
	if code := term.run(t.Context(), "customer", "import", file); code != 1 || len(f.imports) != 2 ||
		!strings.Contains(term.err.String(), "line 99: display_name: \"=bad()\": is bad\n") {
		t.Errorf("exit %d, %d imports: %s", code, len(f.imports), term.err.String())
	}
	if code := term.run(t.Context(), "customer", "import", file, "--resume"); code != 1 || len(f.in) != 2498 ||
		!strings.Contains(term.err.String(), "was done before; nothing was created or changed now") {
		t.Errorf("of one that is done there is nothing to go on with: exit %d, %d lines", code, len(f.in))
	}
}

// TestAnImportGoesOnWhereItWas: the server fails for good at some request, having done it or not; what follows is the
// rest, and the report holds each rejected line once.
func TestAnImportGoesOnWhereItWas(t *testing.T) {
	for _, c := range []struct {
		fail int
		lost bool
	}{{2, false}, {2, true}, {3, true}} {
		f := &fake{dataAnswers: &dataAnswers{fail: c.fail, lost: c.lost, how: codes.FailedPrecondition}}
		term := newTerminal(t, f)
		file := accounts(t, 2500, 99, 1500, 2400)
		report := filepath.Join(t.TempDir(), "rejects.csv")
		code := term.run(t.Context(), "customer", "import", file, "--report", report)
		if code != 1 || !strings.Contains(term.err.String(), "the same command with --resume goes on") {
			t.Errorf("%+v: exit %d: %s", c, code, term.err.String())
		}
		if code := term.run(t.Context(), "customer", "import", file); code != 2 ||
			!strings.Contains(term.err.String(), "--resume goes on with it") {
			t.Errorf("%+v: begun anew: exit %d: %s", c, code, term.err.String())
		}
		// Of what was written last, half may be missing.
		text, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(report, append(text, "150"...), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := term.run(t.Context(), "customer", "import", file, "--report", report, "--resume"); code != 1 {
			t.Errorf("%+v: exit %d: %s", c, code, term.err.String())
		}
		wantLines(t, f.in, 2501, 99, 1500, 2400)
		text, err = os.ReadFile(report)
		if want := "line,field,value,rule,kind\n99,display_name,'=bad(),is bad,rejected\n1500,display_name,'=bad(),is bad,rejected\n2400,display_name,'=bad(),is bad,rejected\n"; err != nil ||
			string(text) != want {
			t.Errorf("%+v: report: %s, %v", c, text, err)
		}
	}
}

func TestAnImportWaitsForAServerThatWasThere(t *testing.T) {
	f := &fake{dataAnswers: &dataAnswers{fail: 2, lost: true, how: codes.Unavailable}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "import", accounts(t, 2500)); code != 0 ||
		!strings.Contains(term.err.String(), "asking again") {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
	wantLines(t, f.in, 2501)
	f = &fake{dataAnswers: &dataAnswers{fail: 1, how: codes.Unavailable}}
	if code := newTerminal(t, f).run(t.Context(), "customer", "import", accounts(t, 3), "--dry-run"); code != 1 || f.requests != 1 {
		t.Errorf("one that never was is not waited for: exit %d after %d requests", code, f.requests)
	}
}

// TestLinesThatWantALookAreTold, and are no failure: on the terminal some, in the report all.
func TestLinesThatWantALookAreTold(t *testing.T) {
	f := &fake{dataAnswers: &dataAnswers{warned: []int64{7, 1900}, few: 700}}
	term := newTerminal(t, f)
	file := accounts(t, 2500)
	code := term.run(t.Context(), "customer", "import", file)
	if want := "warning: line 7: phone_numbers: \"+61…01\": is bone's, too\n" +
		"warning: line 1900: phone_numbers: \"+61…01\": is bone's, too\n2 warnings more; --report keeps all of them\n"; code != 0 ||
		term.err.String() != want {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
	report := filepath.Join(t.TempDir(), "look.csv")
	code = term.run(t.Context(), "customer", "import", file, "--report", report)
	text, err := os.ReadFile(report)
	if code != 0 || err != nil || strings.Count(string(text), ",warning\n") != 4 || term.err.String() != "4 warnings; see "+report+"\n" {
		t.Errorf("exit %d, %v: %s%s", code, err, text, term.err.String())
	}

	f.forgotten = 1200
	if code := term.run(t.Context(), "customer", "import", file, "--dry-run"); code != 0 ||
		strings.Count(term.err.String(), "does not remember what lines from 1200 on would make") != 1 {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
}

// TestAFileInUTF16IsCountedInLines, not in bytes that look like their ends.
func TestAFileInUTF16IsCountedInLines(t *testing.T) {
	text, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("name\tdisplay_name\r\na\tAcme \u010a\u0a0a\r\nb\tBone\r\n")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "excel.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fake{dataAnswers: &dataAnswers{}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "import", file); code != 0 || !strings.Contains(term.out.String(), ": 3 lines: 2 created") {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
	for _, p := range f.imports {
		if p.GetTotalLines() != 3 {
			t.Errorf("%v", p)
		}
	}
}

// TestTheBarIsForATerminal: there it is drawn, and gone at the end.
func TestTheBarIsForATerminal(t *testing.T) {
	file := accounts(t, 2500)
	for _, terminal := range []bool{false, true} {
		term := newTerminal(t, &fake{dataAnswers: &dataAnswers{unknown: []string{"glod"}}})
		term.env.ErrTerminal = terminal
		code := term.run(t.Context(), "customer", "import", file)
		told := term.err.String()
		switch {
		case code != 0 || !strings.Contains(term.out.String(), "2500 created") || strings.Contains(term.out.String(), "%"):
			t.Errorf("exit %d: %q", code, term.out.String())
		case !terminal && told != "warning: plan glod is not in the catalog: it limits nothing\n":
			t.Errorf("in a pipe it tells %q", told)
		case terminal && (!strings.Contains(told, "% |") || !strings.HasSuffix(told, " \r") || !strings.Contains(told, "limits nothing\n")):
			t.Errorf("on a terminal it tells %q", told)
		}
	}
}

// TestAReportWritesOverNothingElse: neither over what is imported, nor over a file that somebody has for other things.
func TestAReportWritesOverNothingElse(t *testing.T) {
	term := newTerminal(t, &fake{dataAnswers: &dataAnswers{}})
	file := accounts(t, 3)
	other, mapping := filepath.Join(t.TempDir(), "letters.csv"), filepath.Join(t.TempDir(), "map.yaml")
	for name, text := range map[string]string{other: "dear,sir\n", mapping: "{}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same := filepath.Join(t.TempDir(), "link.csv")
	if err := os.Symlink(file, same); err != nil {
		t.Fatal(err)
	}
	for _, report := range []string{file, same, other, mapping} {
		before, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		code := term.run(t.Context(), "customer", "import", file, "--mapping", mapping, "--report", report)
		if after, err := os.ReadFile(report); code == 0 || err != nil || string(after) != string(before) {
			t.Errorf("%s: exit %d, %v, and it holds %q: %s", filepath.Base(report), code, err, after, term.err.String())
		}
	}
	report := filepath.Join(t.TempDir(), "rejects.csv")
	for range 2 { // one of an import before is written over
		if code := term.run(t.Context(), "customer", "import", file, "--report", report); code != 0 {
			t.Errorf("exit %d: %s", code, term.err.String())
		}
	}
}

func TestAPlanThatIsNotThereIsToldOnce(t *testing.T) {
	term := newTerminal(t, &fake{dataAnswers: &dataAnswers{unknown: []string{"glod"}}})
	if code := term.run(t.Context(), "customer", "import", accounts(t, 2500)); code != 0 ||
		term.err.String() != "warning: plan glod is not in the catalog: it limits nothing\n" {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
}

func TestADryRunIsCountedOverAllOfTheFile(t *testing.T) {
	f := &fake{dataAnswers: &dataAnswers{}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "import", accounts(t, 2500), "--dry-run"); code != 0 || len(f.in) > 0 ||
		!strings.Contains(term.out.String(), "2500 created, 0 updated, 0 unchanged, 0 rejected. Dry run: nothing was written.") {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
}

func TestHowAnImportIsUsed(t *testing.T) {
	dir := t.TempDir()
	mapping, file := filepath.Join(dir, "m.yaml"), accounts(t, 1)
	if err := os.WriteFile(mapping, []byte("fields: {colour: X}"), 0o600); err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t, &fake{dataAnswers: &dataAnswers{}})
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{dir}, "--format: must be csv or jsonl", 2},
		{[]string{dir, "--format", "csv"}, "must be a file that can be read again", 2},
		{[]string{file, "--key", ":x"}, "must be SYSTEM", 2},
		{[]string{file, "--dry-run", "--resume"}, "give one of the two", 2},
		{[]string{file, "--mapping", mapping}, `"colour" is no field`, 1},
		{[]string{file, "--key", "crm"}, "the key's column is not known", 1},
		{[]string{filepath.Join(dir, "none.csv")}, "no such file", 1},
	} {
		if code := term.run(t.Context(), append([]string{"customer", "import"}, c.args...)...); code != c.code ||
			!strings.Contains(term.err.String(), c.want) {
			t.Errorf("%v: exit %d: %s", c.args, code, term.err.String())
		}
	}
}

func TestCustomerExportAndWatch(t *testing.T) {
	acme := &entitlementv1.Customer{Name: "customers/acme", DisplayName: "Acme", Aliases: []string{"A;B"}}
	f := &fake{dataAnswers: &dataAnswers{exported: []*entitlementv1.Customer{acme}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "export", "--format", "jsonl"); code != 0 ||
		term.out.String() != `{"name":"customers/acme","displayName":"Acme","aliases":["A;B"]}`+"\n" ||
		!strings.Contains(term.err.String(), "1 customer. What changes from now on: dayside customer watch --from T1") {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "customer", "export"); code != 0 ||
		!strings.HasPrefix(term.out.String(), "name,display_name,aliases,") || !strings.Contains(term.out.String(), `customers/acme,Acme,A\;B,`) {
		t.Errorf("exit %d: %s", code, term.out.String())
	}

	// The server goes away once, and the token stands in a file afterwards.
	f.dataAnswers.changes = []*entitlementv1.WatchCustomersResponse{
		{ResumeToken: "T2"}, {Customer: acme, ResumeToken: "T3"}, nil,
		{Customer: &entitlementv1.Customer{Name: "customers/bone"}, Deleted: true, ResumeToken: "T4"},
	}
	state := filepath.Join(t.TempDir(), "token")
	if code := term.run(t.Context(), "customer", "watch", "--state", state); code != 0 ||
		term.out.String() != "customers/acme  Acme  0 contracts, 0 numbers\ncustomers/bone  deleted\n" {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
	if asked, _ := f.dataAnswers.asked.(*entitlementv1.WatchCustomersRequest); asked.GetResumeToken() != "T3" {
		t.Errorf("it went on from %v", asked)
	}
	if text, err := os.ReadFile(state); err != nil || string(text) != "T4\n" {
		t.Errorf("%s, %v", text, err)
	}
	f.dataAnswers.changes = []*entitlementv1.WatchCustomersResponse{{Customer: acme, ResumeToken: "T5"}}
	if code := term.run(t.Context(), "customer", "watch", "--state", state, "-o", "json"); code != 0 ||
		!strings.HasSuffix(term.out.String(), `"resumeToken":"T5"}`+"\n") {
		t.Errorf("exit %d: %s", code, term.out.String())
	}
}

// TestATokenThatIsLostIsNotFromNowOn: what was changed since would never be told of.
func TestATokenThatIsLostIsNotFromNowOn(t *testing.T) {
	state := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(state, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fake{dataAnswers: &dataAnswers{}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "watch", "--state", state); code == 0 || f.dataAnswers.asked != nil ||
		!strings.Contains(term.err.String(), "holds no token") {
		t.Errorf("exit %d, asked %v: %s", code, f.dataAnswers.asked, term.err.String())
	}
}

func TestCustomerErase(t *testing.T) {
	f := &fake{dataAnswers: &dataAnswers{erased: &entitlementv1.ErasePersonResponse{Erasures: []*entitlementv1.Erasure{
		{Place: "customers/acme", Erased: 1}, {Place: "promises", Erased: 2, Kept: 2, Reason: "what is owed"},
	}, Remainders: []*entitlementv1.Remainder{
		{Place: "recordings", What: "what they said", Action: "delete them", RecordingUris: []string{"https://rec.example/1"}},
		{Place: "messages", What: "where they are", UntilTime: &timestamppb.Timestamp{Seconds: 1_800_000_000}},
	}}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "erase", "acme", "ann", "--number", "+13035550101", "--reason", "4711", "--dry-run"); code != 0 {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
	golden(t, "customer-erase", term.out.String())
	want := &entitlementv1.ErasePersonRequest{
		Customer: "customers/acme", ContactId: "ann", Numbers: []string{"+13035550101"}, Reason: "4711", ValidateOnly: true,
	}
	if !proto.Equal(f.dataAnswers.asked, want) {
		t.Errorf("asked %v", f.dataAnswers.asked)
	}
	for _, args := range [][]string{{"acme", "ann"}, {"acme", "--reason", "x"}, {"--reason", "x"}} {
		if code := term.run(t.Context(), append([]string{"customer", "erase"}, args...)...); code != 2 {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}
