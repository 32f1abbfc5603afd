package bulk_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

// TestAFileAsSpreadsheetsWriteIt: in UTF-16 with its mark, in the encoding of a country, with a word for the separator.
func TestAFileAsSpreadsheetsWriteIt(t *testing.T) {
	const table = "name\tdisplay_name\r\na\tÄcme Ӓ שלום\r\nb\tBone\r\n"
	want := []string{`2 display_name {"name":"customers/a","displayName":"Äcme Ӓ שלום"}`, `3 display_name {"name":"customers/b","displayName":"Bone"}`}
	for name, order := range map[string]unicode.Endianness{"little": unicode.LittleEndian, "big": unicode.BigEndian} {
		file, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(table)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range read(t, bulk.CSV, nil, file) {
			got = append(got, says(row))
		}
		if !slices.Equal(got, want) {
			t.Errorf("UTF-16, %s end first: got\n%s", name, strings.Join(got, "\n"))
		}
	}
	for what, c := range map[string]struct{ mapping, file, want string }{
		"windows-1252":             {"encoding: Windows-1252", "name;display_name\na;\xc4cme \x80\n", `2 display_name {"name":"customers/a","displayName":"Äcme €"}`},
		"a byte that is no letter": {"encoding: windows-1252", "name;display_name\na;\x81\n", `2! must be UTF-8; or a mapping must say its encoding`},
		"of no encoding":           {"{}", "name;display_name\na;\xc4cme\n", `2! must be UTF-8; or a mapping must say its encoding`},
		"Excel's separator":        {"{}", "sep=|\nname|display_name\na|Acme;x\n", `3 display_name {"name":"customers/a","displayName":"Acme;x"}`},
		"dates without zeros": {
			"dates: M/D/YYYY", "name,suspension.start_date\na,1/31/2026\n",
			`2 suspension {"name":"customers/a","suspension":{"startDate":{"year":2026,"month":1,"day":31}}}`,
		},
		"a day that there is not": {"dates: M/D/YYYY", "name,suspension.start_date\na,31/1/2026\n", `2! suspension.start_date: "31/1/2026": must be a date written as 12/31/2026`},
	} {
		rows := read(t, bulk.CSV, mapping(t, c.mapping), c.file)
		if len(rows) != 1 || !strings.HasPrefix(says(rows[0]), c.want) {
			t.Errorf("%s: %v; want %s", what, rows, c.want)
		}
	}
	for want, c := range map[string]struct{ mapping, file string }{
		"these end with CR alone":        {"{}", "name,display_name\ra,Acme\r"},
		`encoding: "latin": must be utf`: {"encoding: latin", "name\n"},
		"line 2: two columns are called": {"{}", "sep=;\nname;name\n"},
	} {
		m, err := bulk.ParseMapping([]byte(c.mapping))
		if err == nil {
			_, err = bulk.NewReader(strings.NewReader(c.file), bulk.CSV, m)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", c.file, err, want)
		}
	}
}

// runs are what no cell may begin with, in whatever country: see bulk.Guarded.
var runs = []string{"=", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}

func TestACellThatIsAFormulaIsGuarded(t *testing.T) {
	for cell, want := range map[string]string{
		"=HYPERLINK(1)":             "'=HYPERLINK(1)",
		"+cmd|x":                    "'+cmd|x",
		"+61255500101;+61255500102": "+61255500101;+61255500102",
		"-5":                        "-5",
		"Acme;=cmd()":               "Acme;'=cmd()",
		"Acme\n@SUM(A1)":            "Acme\n'@SUM(A1)",
		"＝cmd()":                    "'＝cmd()",
		"'=x":                       "''=x",
		"'s":                        "'s",
		"O'Neill;'; x":              "O'Neill;'; x",
	} {
		if got := bulk.Guarded(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
	var file bytes.Buffer
	w, err := bulk.NewWriter(&file, bulk.CSV)
	if err != nil {
		t.Fatal(err)
	}
	c := &entitlementv1.Customer{Name: "customers/x", DisplayName: "=HYPERLINK(1)", Aliases: []string{"x", "=1+1"}, AccessName: "+cmd|x"}
	if err := errors.Join(w.Write(c), w.Flush()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{",=", ",+cmd", ";="} {
		if strings.Contains(file.String(), bad) {
			t.Errorf("a spreadsheet would run %s", file.String())
		}
	}
}

// FuzzGuarded: no part of a cell runs, wherever a spreadsheet cuts it, and the reader has the value back.
func FuzzGuarded(f *testing.F) {
	for _, cell := range []string{"=1", "'=1", "a;=1", "+61255500101;+1x", "\r\n=1", "''"} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		if strings.ContainsAny(cell, "\r") || strings.ToValidUTF8(cell, "") != cell || len(cell) > 1000 {
			return // a file cannot hold it
		}
		guarded := bulk.Guarded(cell)
		for _, part := range strings.FieldsFunc(guarded, func(r rune) bool { return strings.ContainsRune(";\n\t", r) }) {
			for _, start := range runs {
				if strings.HasPrefix(part, start) {
					t.Fatalf("%q becomes %q, in which %q runs", cell, guarded, part)
				}
			}
		}
		c := &entitlementv1.Customer{Name: "customers/x", AccountOwner: strings.TrimSpace(cell)}
		var file bytes.Buffer
		w, err := bulk.NewWriter(&file, bulk.CSV)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(c), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if strings.Count(file.String(), "\n") > 40 {
			return // more lines than a record may have
		}
		rows := read(t, bulk.CSV, nil, file.String())
		if len(rows) != 1 || rows[0].GetUnreadable() != "" || rows[0].GetCustomer().GetAccountOwner() != c.GetAccountOwner() {
			t.Fatalf("%q came back as %v", cell, rows)
		}
	})
}

// FuzzRead: whatever the bytes, rows come in order of line, each can be sent, and the end comes.
func FuzzRead(f *testing.F) {
	f.Add([]byte(crmFile), []byte(crmMapping), false)
	f.Add([]byte("name,display_name\na,\"b\nc\n\"d,e\n"), []byte("{}"), false)
	f.Add([]byte(`{"name": "customers/a", "phoneNumbers": [{"e164Number": "+1"}], "externalIds": [{"system": "crm"}]}`), []byte("key: {system: crm}"), true)
	f.Fuzz(func(t *testing.T, file, mapped []byte, object bool) {
		m, err := bulk.ParseMapping(mapped)
		if err != nil {
			return
		}
		format := bulk.CSV
		if object {
			format = bulk.JSONL
		}
		r, err := bulk.NewReader(bytes.NewReader(file), format, m)
		if err != nil {
			return
		}
		before := int64(0)
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if row.GetLine() <= before || r.Last() < row.GetLine() {
				t.Fatalf("line %d after %d, with all up to %d", row.GetLine(), before, r.Last())
			}
			before = row.GetLine()
			if _, err := proto.Marshal(row); err != nil {
				t.Fatalf("a row cannot be sent: %v", err)
			}
		}
	})
}
