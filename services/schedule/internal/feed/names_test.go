package feed_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"

	"github.com/daysidehq/dayside/services/schedule/internal/feed"
)

// rota is a feed in which a name stands as often as it can, and the summary that a reader sees of the person.
func rota(t fataler, name string) (summary string, c *ics.Calendar, text string) {
	t.Helper()
	raw, err := feed.Rota(head("rotas/nights", name), []feed.Turn{
		{FromUnixS: midnight, ToUnixS: midnight + day, Person: name},
		{FromUnixS: midnight + day, ToUnixS: midnight + 2*day, Person: "Bo"},
	})
	events, c := read(t, raw, err)
	if len(events) != 2 || len(c.Components) != 2 {
		t.Fatalf("%q makes %d events, %d components\n%s", name, len(events), len(c.Components), raw)
	}
	return c.Events()[0].GetProperty(ics.ComponentPropertySummary).Value, c, string(raw)
}

// TestNamesAreText: whatever somebody is called, it is a name in the calendar and nothing else.
func TestNamesAreText(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"Ann Lee", "Ann Lee"},
		{"Lee, Ann; on call", "Lee, Ann; on call"},
		{`C:\new\north`, `C:\new\north`},
		{"Ann\nLee", "Ann Lee"},
		{"Ann\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:other", "Ann END:VEVENT BEGIN:VEVENT SUMMARY:other"},
		{"Ann\u2028Lee", "Ann Lee"},
		{"Ann\x00\x07\x1b[31mLee", "Ann\ufffd\ufffd\ufffd[31mLee"},
		{"Ann\xff\xfe", "Ann\ufffd"},
		{`"Ann": Lee`, `"Ann": Lee`},
		{"👩‍🚀🌍 Ännchen von Þór", "👩‍🚀🌍 Ännchen von Þór"},
		{strings.Repeat("ü", 200), strings.Repeat("ü", 200)},
		{strings.Repeat("ü", 201), strings.Repeat("ü", 198) + "…"},
		{strings.Repeat("😀", 200), strings.Repeat("😀", 99) + "…"},
	} {
		got, calendar, _ := rota(t, c.name)
		if got != c.want {
			t.Errorf("%q is read as %q, want %q", c.name, got, c.want)
		}
		if title := property(calendar, "NAME"); len(c.want) < 300 && title != c.want+": on duty" {
			t.Errorf("%q is called %q", c.name, title)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"Ann Lee", "a;b,c\\d\ne", "\r\nEND:VCALENDAR", "😀😀", strings.Repeat("é,", 100), "\xff", " ", "\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, _, text := rota(t, name)
		for _, begin := range []string{"VCALENDAR", "VEVENT"} {
			if n := strings.Count(text, "\r\nEND:"+begin+"\r\n"); n != map[string]int{"VCALENDAR": 1, "VEVENT": 2}[begin] {
				t.Errorf("%d %s\n%s", n, begin, text)
			}
		}
		plain := strings.IndexFunc(name, func(r rune) bool {
			return r == utf8.RuneError || unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
		}) < 0
		if plain && name != "" && name == strings.TrimSpace(name) && len(name) <= 400 && got != name {
			t.Errorf("%q is read as %q", name, got)
		}
	})
}
