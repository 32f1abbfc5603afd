package estate

import (
	"encoding/binary"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/calendars"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
)

// marginDays is how far beyond the horizon calendars are read: a date of some zone begins before, or ends after, that of
// UTC, and an overnight span opens on the date before.
const marginDays = 3

// Compiler compiles resources of estates over one horizon, by one release of the zone rules. It remembers what it compiled:
// two estates that share a site, and all that the site depends on, share what it compiles to. Not for concurrent use.
type Compiler struct {
	rules              sites.Zones
	fromUnixS, toUnixS int64
	// numbers tell messages apart, and keep them: where one lies that is gone, another one may come to lie.
	numbers  map[proto.Message]uint64
	layers   map[*schedulev1.Calendar]hours.Calendar
	sites    map[string]sites.Compiled
	rotas    map[string]rotas.Compiled
	promises map[string]*timeline.Timeline
}

// NewCompiler compiles over [fromUnixS, toUnixS).
func NewCompiler(rules sites.Zones, fromUnixS, toUnixS int64) *Compiler {
	return &Compiler{
		rules: rules, fromUnixS: fromUnixS, toUnixS: toUnixS, numbers: map[proto.Message]uint64{},
		layers: map[*schedulev1.Calendar]hours.Calendar{}, sites: map[string]sites.Compiled{},
		rotas: map[string]rotas.Compiled{}, promises: map[string]*timeline.Timeline{},
	}
}

// Site compiles a site of an estate. The error is an INVALID_FIELD fault with paths within the site.
func (c *Compiler) Site(e *Estate, s *schedulev1.Site) (sites.Compiled, error) {
	key := c.key(e, nil, s, s.GetCalendars())
	if done, ok := c.sites[string(key)]; ok {
		return done, nil
	}
	layers, err := c.Layers(e, s.GetCalendars())
	if err != nil {
		return sites.Compiled{}, err
	}
	done, err := sites.Compile(s, layers, c.rules, c.fromUnixS, c.toUnixS)
	if err == nil {
		c.sites[string(key)] = done
	}
	return done, err
}

// Rota compiles a rota of an estate, likewise.
func (c *Compiler) Rota(e *Estate, r *schedulev1.Rota) (rotas.Compiled, error) {
	own := c.key(e, nil, r, nil)
	for _, ref := range References(r) {
		p := e.People[ref.Name]
		own = c.key(e, own, p, p.GetCalendars())
	}
	key := string(own)
	if done, ok := c.rotas[key]; ok {
		return done, nil
	}
	done, err := rotas.Compile(rotas.Input{
		Rota: r, Rules: c.rules, FromUnixS: c.fromUnixS, ToUnixS: c.toUnixS,
		Person:   func(name string) *schedulev1.Person { return e.People[name] },
		Calendar: func(name string) *schedulev1.Calendar { return e.Calendars[name] },
	})
	if err == nil {
		c.rotas[key] = done
	}
	return done, err
}

// Promise compiles a line's service hours; nil where it has none.
func (c *Compiler) Promise(e *Estate, h *schedulev1.ServiceHours) (*timeline.Timeline, error) {
	if h == nil {
		return nil, nil //nolint:nilnil // no hours are no promise, and no error
	}
	key := c.key(e, nil, h, h.GetCalendars())
	if done, ok := c.promises[string(key)]; ok {
		return done, nil
	}
	layers, err := c.Layers(e, h.GetCalendars())
	if err != nil {
		return nil, err
	}
	done, err := sites.ServiceHours(h, layers, c.rules, c.fromUnixS, c.toUnixS)
	if err == nil {
		c.promises[string(key)] = done
	}
	return done, err
}

// Line is what coverage of a line is proved from. Sites that cannot serve it are left out, and sites and rotas that do not
// exist: whether they should is routing's to judge. With an error, the first of all, it is what could be compiled.
func (c *Compiler) Line(e *Estate, l *schedulev1.LineCoverage) (out proof.Line, first error) {
	failed := func(name string, err error) bool {
		if first == nil {
			first = Of(name, err)
		}
		return err != nil
	}
	out.Name = l.GetLine()
	for _, name := range l.GetSites() {
		s, ok := e.Sites[name]
		if !ok || !sites.Serves(s.GetProducts(), s.GetLanguages(), l.GetProduct(), l.GetLanguage()) {
			continue
		}
		if done, err := c.Site(e, s); !failed(name, err) {
			out.Sites = append(out.Sites, proof.Site{Name: name, Timeline: done.Timeline})
		}
	}
	for _, name := range l.GetRotas() {
		r, ok := e.Rotas[name]
		if !ok {
			continue
		}
		if done, err := c.Rota(e, r); !failed(name, err) {
			out.Rotas = append(out.Rotas, done.Duty)
		}
	}
	promise, err := c.Promise(e, l.GetServiceHours())
	if !failed(l.GetLine()+": service_hours", err) {
		out.Promise = promise
	}
	return out, first
}

// Layers are calendars of an estate as layers of hours, in the given order; one that does not exist is left out.
func (c *Compiler) Layers(e *Estate, names []string) ([]hours.Calendar, error) {
	layers := make([]hours.Calendar, 0, len(names))
	for _, name := range names {
		cal, ok := e.Calendars[name]
		if !ok {
			continue
		}
		layer, ok := c.layers[cal]
		if !ok {
			made, err := calendars.Layer(cal, dateOf(c.fromUnixS, -marginDays), dateOf(c.toUnixS, marginDays))
			if err != nil {
				return nil, err
			}
			c.layers[cal], layer = made, made
		}
		layers = append(layers, layer)
	}
	return slices.Clip(layers), nil
}

// key appends to a key what a message with these calendars adds to it. It tells apart whatever compiles differently:
// messages in an estate do not change, so that which one it is says it.
func (c *Compiler) key(e *Estate, key []byte, m proto.Message, calendarNames []string) []byte {
	key = binary.AppendUvarint(key, c.number(m))
	for _, name := range calendarNames {
		key = binary.AppendUvarint(key, c.number(e.Calendars[name]))
	}
	return append(key, 0) // no message's number
}

// number is that of a message, from 1.
func (c *Compiler) number(m proto.Message) uint64 {
	n, ok := c.numbers[m]
	if !ok {
		n = uint64(len(c.numbers)) + 1
		c.numbers[m] = n
	}
	return n
}

func dateOf(unixS int64, addDays int) hours.Date {
	y, m, d := time.Unix(unixS, 0).UTC().Date()
	return hours.Date{Year: y, Month: m, Day: d}.AddDays(addDays)
}
