package manifest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/deploy/examples"
)

func read(text string) (*manifest.Set, error) {
	return manifest.Read([]manifest.Source{{Name: "f.yaml", Data: []byte(text)}})
}

func TestASiteInFull(t *testing.T) {
	set, err := read(`
kind: Site
name: sites/dublin
display_name: Dublin
time_zone: Europe/Dublin
ownership: in_house
weekly_hours: {mon: ["09:00-12:30", "13:30-17:30"], tue-wed: ["22:00-06:00"], sat: ["00:00-24:00"]}
holidays: [{date: 2026-12-25, display_name: Christmas Day}]
exceptions:
  - {date: 2026-12-24, spans: ["09:00-12:30:15"], mode: CLIP}
targets: ["sip:support@dublin.example.com", "+13035550101"]
ring_timeout: 1m30s
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &schedulev1.Site{}
	if err := prototext.Unmarshal([]byte(`
name: "sites/dublin" display_name: "Dublin" time_zone: "Europe/Dublin" ownership: OWNERSHIP_IN_HOUSE
weekly_hours {
  mon { open { hours: 9 } close { hours: 12 minutes: 30 } } mon { open { hours: 13 minutes: 30 } close { hours: 17 minutes: 30 } }
  tue { open { hours: 22 } close { hours: 6 } } wed { open { hours: 22 } close { hours: 6 } }
  sat { open {} close { hours: 24 } }
}
holidays { date { year: 2026 month: 12 day: 25 } display_name: "Christmas Day" }
exceptions {
  date { year: 2026 month: 12 day: 24 } mode: MODE_CLIP
  spans { open { hours: 9 } close { hours: 12 minutes: 30 seconds: 15 } }
}
targets { sip_uri: "sip:support@dublin.example.com" } targets { phone_number { e164_number: "+13035550101" } }
ring_timeout { seconds: 90 }`), want); err != nil {
		t.Fatal(err)
	}
	if len(set.Sites) != 1 || !proto.Equal(set.Sites[0], want) {
		t.Errorf("got %v, want %v", set.Sites, want)
	}
	if got := set.Locate("sites/dublin", "exceptions[0].spans[0]"); got != "f.yaml:10" {
		t.Errorf("the span stands at %s", got)
	}
	if got := set.Locate("sites/dublin", "ownership.whatever"); got != "f.yaml:6" {
		t.Errorf("what is within ownership stands at %s", got)
	}
}

func TestLinesAndCustomers(t *testing.T) {
	set, err := read(`
kind: Line
id: gold
display_name: Gold
number: "+61255500100"
sites: [dublin, sites/sydney, {site: denver, tier: 2}, {site: pune, weight: 0}]
strategy: follow-the-sun
treatments: {not_entitled: reject}
last_resort: {kind: PERSON, target: +13035550109}
---
# A comment alone is no resource.
---
kind: Customer
id: "4711"
display_name: "0123"
phone_numbers: [+13035550101]
contracts: [{contract_id: "1", plan: gold, start_date: "2026-01-01", end_date: 2026-12-31}]
`)
	if err != nil {
		t.Fatal(err)
	}
	line, customer := set.Lines[0], set.Customers[0]
	sites := ""
	for _, s := range line.GetSites() {
		sites += fmt.Sprintf("%s@%d", s.GetSite(), s.GetTier())
		if s.Weight != nil { // 0 is not the same as none
			sites += fmt.Sprintf("*%d", s.GetWeight())
		}
		sites += " "
	}
	if line.GetName() != "lines/gold" || sites != "sites/dublin@0 sites/sydney@0 sites/denver@2 sites/pune@0*0 " ||
		line.GetStrategy().String() != "STRATEGY_FOLLOW_THE_SUN" ||
		line.GetLastResort().GetTarget().GetPhoneNumber().GetE164Number() != "+13035550109" {
		t.Errorf("line %v", line)
	}
	if customer.GetName() != "customers/4711" || customer.GetDisplayName() != "0123" ||
		customer.GetContracts()[0].GetStartDate().GetYear() != 2026 {
		t.Errorf("customer %v", customer)
	}
}

// TestWhatAWholeCallNeeds: what is said is a text of its own, other resources go by their ID.
func TestWhatAWholeCallNeeds(t *testing.T) {
	set, err := read(`
kind: Site
id: dublin
display_name: Dublin
time_zone: Europe/Dublin
targets: ["sip:support@dublin.example.com"]
capacity: 12
products: [db, web]
languages: [en, no]
---
kind: Customer
id: acme
display_name: Acme
open_cases:
  - {case_id: CS-1, site: dublin, title: disk full}
---
kind: Line
id: office
display_name: Office
number: "+61255500101"
visibility: published
sites: [dublin]
strategy: fair-share
product: db
language: pt-BR
opening_soon: 15m
ring_budget: 3m
treatments: {entitled: forward, not_entitled: forward-and-follow-up, unknown: identify}
identification:
  max_tries: 2
  pin: where-set
  ask_name: Which company are you calling from?
  ask_pin: {text: Ihre PIN bitte., language: de, media_uri: pin.wav}
announcement: We will bill you.
out_of_hours: {speech: We are closed., transfer_line: gold, reveal: verified-entitled}
guidance: {unknown: "Ask for the contract.", supervisor: extension 7}
last_resort: {kind: PERSON, target: +13035550109}
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{`
name: "sites/dublin" display_name: "Dublin" time_zone: "Europe/Dublin" targets { sip_uri: "sip:support@dublin.example.com" }
capacity: 12 products: "db" products: "web" languages: "en" languages: "no"`, `
name: "customers/acme" display_name: "Acme" open_cases { case_id: "CS-1" site: "sites/dublin" title: "disk full" }`, `
name: "lines/office" display_name: "Office" number { e164_number: "+61255500101" } visibility: VISIBILITY_PUBLISHED
sites { site: "sites/dublin" } strategy: STRATEGY_FAIR_SHARE product: "db" language: "pt-BR"
opening_soon { seconds: 900 } ring_budget { seconds: 180 }
treatments {
  entitled: TREATMENT_FORWARD not_entitled: TREATMENT_FORWARD_AND_FOLLOW_UP unknown: TREATMENT_IDENTIFY
}
identification {
  max_tries: 2 pin: PIN_POLICY_WHERE_SET ask_name { text: "Which company are you calling from?" }
  ask_pin { text: "Ihre PIN bitte." language: "de" media_uri: "pin.wav" }
}
announcement { text: "We will bill you." }
out_of_hours { speech { text: "We are closed." } transfer_line: "lines/gold" reveal: REVEAL_VERIFIED_ENTITLED }
guidance { unknown: "Ask for the contract." supervisor: "extension 7" }
last_resort { kind: KIND_PERSON target { phone_number { e164_number: "+13035550109" } } }`} {
		got := set.Resources()[i]
		want := got.ProtoReflect().New().Interface()
		if err := prototext.Unmarshal([]byte(text), want); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

const goodSite = `kind: Site
name: sites/a
display_name: A
time_zone: Europe/Dublin
targets: ["sip:a@example.com"]
`

// TestProblemsNameFieldValueAndRule: every problem of a file comes at once, each with its line.
func TestProblemsNameFieldValueAndRule(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"no kind", "name: sites/a", []string{"f.yaml:1: kind: is required: one of Calendar, Person, Rota, Site, Plan, Offer, Customer, Line"}},
		{"kind", "kind: Pod", []string{`f.yaml:1: kind: "Pod": must be one of Calendar, Person, Rota, Site, Plan, Offer, Customer, Line`}},
		{"no mapping", "- a", []string{"f.yaml:1: must be a resource"}},
		{"nothing", "# only a comment", []string{"f.yaml: holds no resource"}},
		{"no YAML", "kind: Site\n  name: [", []string{"f.yaml:2: is not YAML: mapping values are not allowed"}},
		{"binary", "kind: Site\x00", []string{"f.yaml: is not text in UTF-8"}},
		{
			"unknown fields", goodSite + "timezone: x\ncolour: red\netag: x\n",
			[]string{
				"f.yaml:6: timezone: is no field of Site; did you mean time_zone?",
				"f.yaml:7: colour: is no field of Site, which has name, display_name",
				"f.yaml:8: etag: is filled by Dayside; leave it out",
			},
		},
		{
			"twice", goodSite + "display_name: B\n---\n" + goodSite,
			[]string{
				"f.yaml:6: display_name: is given twice; it also stands in line 3",
				`f.yaml:8: name: "sites/a": is given twice; it also stands at f.yaml:1`,
			},
		},
		{
			"name and id", "id: b\n" + goodSite,
			[]string{"f.yaml:1: id: is given besides name"},
		},
		{
			"no name", "kind: Site\ndisplay_name: A\ntime_zone: Europe/Dublin\ntargets: ['sip:a@example.com']",
			[]string{"f.yaml:1: name: is required: sites/ID"},
		},
		{
			"of another kind", strings.Replace(goodSite, "sites/a", "lines/a", 1),
			[]string{`f.yaml:2: name: "lines/a": does not match`},
		},
		{
			"types", goodSite + "ring_timeout: [1]\nweekly_hours: often\nholidays: 2026-12-25\nexceptions:\n",
			[]string{
				"f.yaml:6: ring_timeout: must be a length of time",
				`f.yaml:7: weekly_hours: "often": must be a mapping of mon, tue`,
				`f.yaml:8: holidays: "2026-12-25": must be a list`,
				"f.yaml:9: exceptions: has no value",
			},
		},
		{
			"text that is none", "kind: Site\nname: 12\ndisplay_name: true\ntime_zone: ~\n",
			[]string{
				`f.yaml:2: name: "12": must be text; put it in quotes`,
				`f.yaml:3: display_name: "true": must be text; put it in quotes`,
				"f.yaml:4: time_zone: has no value",
				"f.yaml:1: targets: must contain at least 1 item(s)",
			},
		},
		{
			"spans",
			goodSite + "weekly_hours:\n  mon: ['9-17', '09:00-09:00', '24:00-25:00', '00:00-24:00']\n  tue-thu: ['x']\n  fri-mon: []\n",
			[]string{
				`f.yaml:7: weekly_hours.mon[0]: "9-17": must be "HH:MM-HH:MM"`,
				`f.yaml:7: weekly_hours.mon[1]: "09:00-09:00": closes when it opens`,
				`f.yaml:7: weekly_hours.mon[2]: "24:00-25:00": must be`,
				`f.yaml:8: weekly_hours.tue[0]: "x": must be`,
				"f.yaml:9: weekly_hours.fri-mon: is no field of WeeklyHours",
			},
		},
		{
			"a day in a range, and alone", goodSite + "weekly_hours: {mon-fri: ['09:00-17:00'], wed: []}\n",
			[]string{"f.yaml:6: weekly_hours.mon-fri: has wed, which is given besides"},
		},
		{
			"a date that does not exist", goodSite + "holidays:\n  - {date: 2026-02-30}\n  - {date: 2026-2-3}\n",
			[]string{
				`f.yaml:7: holidays[0].date: "2026-02-30": must be a date that exists`,
				`f.yaml:8: holidays[1].date: "2026-2-3": must be a date that exists`,
			},
		},
		{
			"aliases", goodSite + "weekly_hours: {mon: &m ['09:00-17:00'], tue: *m}\n",
			[]string{"f.yaml:6: weekly_hours.tue: must be written out: aliases are not read"},
		},
		{"merge", "x: &x {display_name: A}\n<<: *x\n" + goodSite, []string{"x: is no field", "<<: is no field"}},
		{
			"rules of the proto", strings.Replace(goodSite, "display_name: A", "display_name: ''", 1) + "ring_timeout: 10m\n",
			[]string{
				"f.yaml:3: display_name: must be at least 1 characters",
				"f.yaml:6: ring_timeout: must be greater than or equal to 1s and less than or equal to 180s",
			},
		},
		{
			"targets", "kind: Site\nname: sites/a\ndisplay_name: A\ntime_zone: Europe/Dublin\ntargets: ['mailto:a@b', '0303555', 'sip:']\n",
			[]string{
				`targets[0]: "mailto:a@b": must be a sip: or sips: URI, or a number`,
				`targets[1]: "0303555": must be a sip:`, `targets[2]: "sip:": must be a sip:`,
			},
		},
		{
			"a line", "kind: Line\nname: lines/a\ndisplay_name: A\nstrategy: RANDOM\nsites: [{tier: 100}, {site: x, tier: two}]\n",
			[]string{
				`f.yaml:4: strategy: "RANDOM": must be one of FOLLOW_THE_SUN, PRIORITY`,
				`f.yaml:5: sites[0].tier: "100"`, "f.yaml:5: sites[0].site: ",
				`f.yaml:5: sites[1].tier: "two": must be a whole number`,
				"f.yaml:1: number: value is required", "f.yaml:1: last_resort: value is required",
			},
		},
		{
			"intervals, truths and weekdays", `kind: Person
id: a
display_name: A
absences: [{interval: "2026-11-23T09:00Z"}, {interval: "2026-11-23T09:00/.."}, {interval: "2026-11-30T09:00Z/2026-11-30T09:00Z"}]
---
kind: Rota
id: a
display_name: A
time_zone: Europe/Dublin
no_acceptance: yes
layers: [{start: 2026-11-23, unit: fortnight, members: [Anna], first: first, shift: 1}]
---
kind: Calendar
id: a
display_name: A
entries: [{date: 2027-02-06, like_weekday: mo, verdict: open}, {last_date: 2027-02-06, provenance: {review: 1}}]
`,
			[]string{
				`f.yaml:4: absences[0].interval: "2026-11-23T09:00Z": must be "START/END"`,
				`f.yaml:4: absences[1].interval: "2026-11-23T09:00/..": must be`,
				`f.yaml:4: absences[2].interval: "2026-11-30T09:00Z/2026-11-30T09:00Z": must be`,
				`f.yaml:10: no_acceptance: "yes": must be true or false`,
				`f.yaml:11: layers[0].start: "2026-11-23": must be text; put it in quotes`,
				`layers[0].unit: "fortnight": must be one of HOUR, DAY, WEEK, MONTH`,
				"layers[0].members[0]: does not match",
				`layers[0].first: "first": must be a whole number`,
				"layers[0].shift: is no field of RotaLayer, which has display_name, start,",
				`entries[0].like_weekday: "mo": must be one of MONDAY, TUESDAY`,
				`entries[0].verdict: "open": must be one of CLOSED, SPECIAL_HOURS, HALF_DAY, WORKED`,
				"f.yaml:16: entries[1].date: value is required",
				`entries[1].provenance.review: "1": must be true or false`,
			},
		},
		{
			"control characters", "kind: Site\nname: \"sites/\\e[31m\"\n",
			[]string{`name: "sites/` + "\ufffd" + `[31m"`},
		},
	} {
		_, err := read(c.text)
		var problems *manifest.Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: got %v, want problems", c.name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in\n%v", c.name, want, err)
			}
		}
	}
}

// TestHiddenNumbersAreNeverShown: whatever is wrong with it, a line's number is in no error, and a caller's is masked.
func TestHiddenNumbersAreNeverShown(t *testing.T) {
	const number = "61255500199"
	for _, text := range []string{
		"kind: Line\nname: lines/a\nnumber: 0" + number,
		"kind: Line\nname: lines/a\nnumber: [+" + number + "]",
		"kind: Line\nname: lines/a\nnumber: {e164_number: +" + number + "}",
		"kind: Line\nname: lines/a\nnumber: {'" + number + "': x}",
		"kind: Line\nname: lines/a\nnummer: +" + number,
		"kind: Line\nname: lines/a\n+" + number + ": number",
		"kind: Line\nname: lines/a\nnumber: +" + number + "\nnumber: +" + number,
		"kind: " + number,
		"kind: Line\nname: lines/a\nnumber: *a" + number,
		"kind: Customer\nname: customers/a\nphone_numbers: [0" + number + ", {a: " + number + "}]",
		"kind: Customer\nname: customers/a\nphone_numbers: +" + number,
	} {
		_, err := read(text)
		if err == nil {
			t.Errorf("%q was read", text)
			continue
		}
		if strings.Contains(err.Error(), "5550019") {
			t.Errorf("%q shows the number: %v", text, err)
		}
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, make([]byte, 4<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := manifest.Load([]string{big}, nil); err == nil || !strings.Contains(err.Error(), "big.yaml: is larger than") {
		t.Errorf("a large file: %v", err)
	}
	if _, err := manifest.Load([]string{filepath.Join(dir, "gone")}, nil); err == nil ||
		!strings.Contains(err.Error(), "gone: does not exist") {
		t.Errorf("a missing file: %v", err)
	}
	many := t.TempDir()
	for i := range 501 {
		if err := os.WriteFile(filepath.Join(many, fmt.Sprintf("%d.yaml", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := manifest.Load([]string{many}, nil); err == nil || !strings.Contains(err.Error(), "more than 500 files") {
		t.Errorf("many files: %v", err)
	}
	deep := t.TempDir()
	if err := os.MkdirAll(filepath.Join(deep, strings.Repeat("d/", 10)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := manifest.Load([]string{deep}, nil); err == nil ||
		!strings.Contains(err.Error(), "deeper than 8") {
		t.Errorf("deep folders: %v", err)
	}
	if _, err := manifest.Load([]string{t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "holds no .yaml file") {
		t.Errorf("an empty folder: %v", err)
	}
	nested := "kind: Site\nname: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	if _, err := read(nested); err == nil {
		t.Error("deep nesting was read")
	}
	for _, long := range []string{"x", "'sip:" + strings.Repeat("a", 260) + "'", "+13035550101"} {
		if _, err := read(goodSite[:strings.Index(goodSite, "targets")] + "targets: [" +
			strings.Repeat(long+",", 1<<18/(len(long)+2)) + "]"); err == nil {
			t.Error("a list of thousands was read")
		}
	}
	_, err := read("kind: Site\n" + strings.Repeat("x: 1\n", 5000))
	var problems *manifest.Problems
	if !errors.As(err, &problems) || len(problems.List) > 100 || problems.Left < 4000 {
		t.Errorf("thousands of problems are not cut short")
	}
}

func TestLoadTakesFoldersFilesAndStandardInput(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b/x.yml": goodSite, "a.yaml": "", "notes.txt": "", ".hidden.yaml": "x", ".git/y.yaml": "x",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := manifest.Load([]string{dir, "-", filepath.Join(dir, "notes.txt")}, strings.NewReader("in"))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, s := range sources {
		got += strings.TrimPrefix(s.Name, dir) + " "
	}
	if want := "/a.yaml /b/x.yml standard input /notes.txt "; got != want {
		t.Errorf("loaded %q, want %q", got, want)
	}
}

func TestTheExampleIsSound(t *testing.T) {
	sources, err := manifest.LoadFS(examples.Files, examples.FollowTheSun)
	if err != nil {
		t.Fatal(err)
	}
	set, err := manifest.Read(sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Sites) != 4 || len(set.Customers) != 6 || len(set.Lines) != 3 || len(set.Calendars) != 2 ||
		len(set.People) != 4 || len(set.Rotas) != 1 || len(set.Plans) != 4 || len(set.Offers) != 2 {
		t.Fatalf("%d resources", set.Len())
	}
	known := map[string]bool{}
	for _, m := range set.Resources() {
		named, _ := m.(interface{ GetName() string })
		known[named.GetName()] = true
	}
	for _, l := range set.Lines {
		if l.GetLastResort() == nil {
			t.Errorf("%s has no last resort", l.GetName())
		}
		for _, s := range l.GetSites() {
			if !known[s.GetSite()] {
				t.Errorf("%s names %s, which does not exist", l.GetName(), s.GetSite())
			}
		}
		for _, name := range append(l.GetRotas(), l.GetServiceHours().GetCalendars()...) {
			if !known[name] {
				t.Errorf("%s names %s, which does not exist", l.GetName(), name)
			}
		}
	}
}
