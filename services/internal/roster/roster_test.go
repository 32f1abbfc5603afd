package roster_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/rota"
)

const (
	hour = int64(3600)
	day  = 24 * hour
	base = int64(1795996800) // 2026-11-30T00:00Z
)

func sample() *publishedv1.Rota {
	return &publishedv1.Rota{
		Id: "support", DisplayName: "Support", TimeZone: "Europe/Dublin", FromUnixS: base, ToUnixS: base + 4*day,
		FirstFromUnixS: base - 3*day, AcceptWithinS: 900, TzdataRelease: "2025c", ZoneFingerprint: 7,
		People: []*publishedv1.DutyPerson{
			{Id: "ann", DisplayName: "Ann", Targets: []string{"+61255500101"}, RingTimeoutS: 25}, {Id: "bob", DisplayName: "Bob"},
		},
		// Ann has two turns in a row; then nobody; then Bob, on to the end.
		LengthS: []uint32{uint32(hour), uint32(day), uint32(2 * hour), uint32(3*day - 3*hour)}, Holder: []uint32{1, 1, 0, 2},
	}
}

func read(t testing.TB, p *publishedv1.Rota) *roster.Roster {
	t.Helper()
	r, err := roster.FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// text is a turn in a form to compare: hours since base.
func text(turn roster.Turn) [3]any {
	who := "nobody"
	if turn.Person != nil {
		who = turn.Person.ID
	}
	return [3]any{(turn.FromUnixS - base) / hour, (turn.ToUnixS - base) / hour, who}
}

func TestAt(t *testing.T) {
	r := read(t, sample())
	for _, c := range []struct {
		at   int64
		want [3]any
	}{
		{base, [3]any{int64(-72), int64(25), "ann"}}, // since before the horizon
		{base + hour, [3]any{int64(-72), int64(25), "ann"}},
		{base + 25*hour - 1, [3]any{int64(-72), int64(25), "ann"}},
		{base + 25*hour, [3]any{int64(25), int64(27), "nobody"}},
		{base + 27*hour, [3]any{int64(27), int64(96), "bob"}},
		{base + 96*hour - 1, [3]any{int64(27), int64(96), "bob"}},
	} {
		if got := r.At(c.at); text(got) != c.want || !got.Known() {
			t.Errorf("at %d h: got %v, want %v", (c.at-base)/hour, text(got), c.want)
		}
	}
	var none *roster.Roster
	for what, turn := range map[string]roster.Turn{
		"before": r.At(base - 1), "after": r.At(base + 4*day), "nil": none.At(base),
	} {
		if turn.Known() || turn.Person != nil {
			t.Errorf("%s: %v is known", what, turn)
		}
	}
	if n := testing.AllocsPerRun(100, func() { r.At(base + day) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNextAndWithin(t *testing.T) {
	r := read(t, sample())
	next, ok := r.Next(base)
	if !ok || text(next) != [3]any{int64(25), int64(27), "nobody"} {
		t.Errorf("next %v, %v", text(next), ok)
	}
	if next, ok = r.Next(next.FromUnixS); !ok || next.Person != r.Person("bob") {
		t.Errorf("after the gap %v, %v", text(next), ok)
	}
	for _, at := range []int64{next.FromUnixS, base - 1, base + 4*day} {
		if next, ok := r.Next(at); ok {
			t.Errorf("at %d: there is none, got %v", at, text(next))
		}
	}
	var got [][3]any
	for turn := range r.Within(base+2*hour, base+28*hour) {
		got = append(got, text(turn))
	}
	want := [][3]any{{int64(2), int64(25), "ann"}, {int64(25), int64(27), "nobody"}, {int64(27), int64(28), "bob"}}
	if !slices.Equal(got, want) {
		t.Errorf("within: got %v, want %v", got, want)
	}
	for turn := range r.Within(base+4*day, base+5*day) {
		t.Errorf("%v after the horizon", turn)
	}
	if r.Person("carol") != nil || len(r.People()) != 2 || r.Sheet().AcceptWithinS != 900 {
		t.Errorf("sheet %v", r.Sheet())
	}
}

func TestFromProtoRefuses(t *testing.T) {
	for _, c := range []struct {
		what, field string
		spoil       func(*publishedv1.Rota)
	}{
		{"no horizon", "to_unix_s", func(p *publishedv1.Rota) { p.ToUnixS = p.FromUnixS }},
		{"eleven years", "to_unix_s", func(p *publishedv1.Rota) { p.ToUnixS = p.FromUnixS + 11*366*day }},
		{"instants that overflow", "to_unix_s", func(p *publishedv1.Rota) { p.FromUnixS, p.ToUnixS = -1<<63, 1<<63-1 }},
		{"a first turn after the start", "first_from_unix_s", func(p *publishedv1.Rota) { p.FirstFromUnixS = p.FromUnixS + 1 }},
		{"no turns", "length_s", func(p *publishedv1.Rota) { p.LengthS, p.Holder = nil, nil }},
		{"a turn without a holder", "length_s", func(p *publishedv1.Rota) { p.Holder = p.Holder[1:] }},
		{"an empty turn", "length_s[0]", func(p *publishedv1.Rota) { p.LengthS[0] = 0 }},
		{"a hole at the end", "length_s", func(p *publishedv1.Rota) { p.LengthS[3]-- }},
		{"beyond the end", "length_s[3]", func(p *publishedv1.Rota) { p.LengthS[3]++ }},
		{"a stranger on duty", "holder[3]", func(p *publishedv1.Rota) { p.Holder[3] = 3 }},
		{"a stranger far off", "holder[3]", func(p *publishedv1.Rota) { p.Holder[3] = 1<<32 - 1 }},
		{"a crowd", "people", func(p *publishedv1.Rota) { p.People = make([]*publishedv1.DutyPerson, roster.MaxPeople+1) }},
		{"a nameless person", "people[0].id", func(p *publishedv1.Rota) { p.People[0] = nil }},
		{"a person twice", "people[1].id", func(p *publishedv1.Rota) { p.People[1].Id = "ann" }},
		{"nine targets", "people[1].targets", func(p *publishedv1.Rota) { p.People[1].Targets = make([]string, 9) }},
		{"an empty target", "people[1].targets[0]", func(p *publishedv1.Rota) { p.People[1].Targets = []string{""} }},
		{"an hour of ringing", "people[1].ring_timeout_s", func(p *publishedv1.Rota) { p.People[1].RingTimeoutS = 3600 }},
		{"a novel", "display_name", func(p *publishedv1.Rota) { p.DisplayName = strings.Repeat("a", 513) }},
		{"two days to accept", "accept_within_s", func(p *publishedv1.Rota) { p.AcceptWithinS = 2 * 86400 }},
	} {
		p := sample()
		c.spoil(p)
		_, err := roster.FromProto(p)
		f, _ := err.(*fault.Fault) //nolint:errorlint // its own type
		if f == nil || f.Reason != rpcv1.Reason_REASON_INVALID_FIELD || f.Violations[0].Field != c.field {
			t.Errorf("%s: got %v, want a fault on %s", c.what, err, c.field)
		}
	}
}

// drawCompiled is a compiled rota, but for where it came from: turns and gaps that fill a range.
func drawCompiled(t *rapid.T) *rota.Roster {
	r := &rota.Roster{FromUnixS: base + rapid.Int64Range(-3, 3).Draw(t, "from"), TZDataRelease: "2025c"}
	at := r.FromUnixS
	for range rapid.IntRange(1, 60).Draw(t, "stretches") {
		turn := rota.Turn{FromUnixS: at, ToUnixS: at + rapid.OneOf(rapid.Int64Range(1, 5), rapid.Int64Range(1, 3*day)).Draw(t, "s")}
		if turn.Person = rapid.SampledFrom([]string{"", "ann", "bob", "carol"}).Draw(t, "who"); turn.Person == "" {
			r.Gaps = append(r.Gaps, turn)
		} else {
			r.Turns = append(r.Turns, turn)
		}
		at = turn.ToUnixS
	}
	r.ToUnixS = at
	return r
}

// TestSaysWhatTheRotaSays: at every instant, who is on duty is who the compiled rota says; and what is published reads
// back as itself.
func TestSaysWhatTheRotaSays(t *testing.T) {
	sheet := roster.Sheet{ID: "support", People: []*roster.Person{{ID: "carol"}, {ID: "ann"}, {ID: "bob"}}}
	rapid.Check(t, func(t *rapid.T) {
		compiled := drawCompiled(t)
		p := roster.ToProto(compiled, sheet, compiled.FromUnixS)
		r, err := roster.FromProto(p)
		if err != nil {
			t.Fatal(err)
		}
		instants := []int64{compiled.FromUnixS - 1, compiled.ToUnixS}
		for _, turn := range slices.Concat(compiled.Turns, compiled.Gaps) {
			instants = append(instants, turn.FromUnixS, turn.ToUnixS-1, (turn.FromUnixS+turn.ToUnixS)/2)
		}
		for _, at := range instants {
			want, got := compiled.At(at).Person, ""
			turn := r.At(at)
			if turn.Person != nil {
				got = turn.Person.ID
			}
			if got != want || turn.Known() != (at >= compiled.FromUnixS && at < compiled.ToUnixS) {
				t.Fatalf("at %d: got %q, want %q", at, got, want)
			}
			if turn.Known() && (at < turn.FromUnixS || at >= turn.ToUnixS) {
				t.Fatalf("at %d: %v does not hold it", at, turn)
			}
		}
		at, before := compiled.FromUnixS, roster.Turn{Person: &roster.Person{}}
		for turn := range r.Within(compiled.FromUnixS, compiled.ToUnixS) {
			if turn.FromUnixS != at || turn.Person == before.Person {
				t.Fatalf("%v follows %v", turn, before)
			}
			at, before = turn.ToUnixS, turn
		}
		if at != compiled.ToUnixS {
			t.Fatalf("ends at %d, want %d", at, compiled.ToUnixS)
		}
	})
}

func FuzzFromProto(f *testing.F) {
	value, err := proto.Marshal(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Fuzz(func(t *testing.T, value []byte) {
		p := &publishedv1.Rota{}
		if proto.Unmarshal(value, p) != nil {
			return
		}
		r, err := roster.FromProto(p)
		if err != nil {
			return
		}
		from, to := r.Horizon()
		at := from
		for turn := range r.Within(from, to) {
			if turn.FromUnixS != at || !turn.Known() || r.At(at).ToUnixS != turn.ToUnixS {
				t.Fatalf("%v at %d", turn, at)
			}
			at = turn.ToUnixS
		}
		if at != to {
			t.Fatalf("ends at %d, want %d", at, to)
		}
	})
}

func BenchmarkAt(b *testing.B) {
	for name, lengthS := range map[string]uint32{"weekly": 7 * 86400, "hourly": 3600} {
		p := sample()
		p.ToUnixS, p.LengthS, p.Holder = base+406*day, nil, nil
		for at := int64(0); at < 406*day; at += int64(lengthS) {
			p.LengthS = append(p.LengthS, lengthS)
			p.Holder = append(p.Holder, uint32(len(p.Holder)%3))
		}
		r := read(b, p)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			at, held := base, 0
			for b.Loop() {
				if r.At(at).Person != nil {
					held++
				}
				if at += 7919; at >= base+406*day {
					at -= 406 * day
				}
			}
			_ = held
		})
	}
}
