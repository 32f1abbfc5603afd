package manifest

import (
	"testing"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// FuzzParseSpan: whatever a file holds for a span is refused with a rule, or is one of two wall times of a day that is
// written and read as the same. What is read is no less than what the service's own parser takes, but for blanks.
func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"09:00-17:30", "22:00-06:00", "00:00-24:00", "9-5", "24:00-01:00", "09:00-09:00", "09:00 - 12:00", "-", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, rule := parseSpan(text)
		if (m == nil) != (rule != "") {
			t.Fatalf("%q: %v and %q", text, m, rule)
		}
		other, err := schedule.ParseSpan("span", text)
		if m == nil {
			if err == nil && !proto.Equal(other.GetOpen(), other.GetClose()) {
				t.Fatalf("%q is refused here, %q, and elsewhere %v", text, rule, other)
			}
			return
		}
		if err == nil && !proto.Equal(m, other) {
			t.Fatalf("%q is %v here and %v elsewhere", text, m, other)
		}
		span, _ := m.(*schedulev1.Span)
		if o, c := span.GetOpen(), span.GetClose(); o.GetHours() > 23 || c.GetHours() > 24 || o.GetMinutes() > 59 || c.GetMinutes() > 59 ||
			o.GetHours() < 0 || c.GetHours() < 0 || o.GetMinutes() < 0 || c.GetMinutes() < 0 {
			t.Fatalf("%q is %v", text, span)
		}
		written, ok := formatSpan(m)
		if again, rule := parseSpan(written); !ok || rule != "" || !proto.Equal(again, m) {
			t.Fatalf("%q is written %q, which is %v, %q", text, written, again, rule)
		}
	})
}
