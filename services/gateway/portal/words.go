package portal

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/contacttext"
)

// frame is what every page has.
type frame struct {
	// T is the language of the page.
	T *contacttext.Text
	// Title is what a browser calls the page, and who hears pages hears first.
	Title string
	zone  *time.Location
}

// frame is that of a page for whoever has a session, in the language and zone that entitlement says; of others, where seen
// is nil, in the language of the browser.
func (p *Portal) frame(r *http.Request, seen *entitlementv1.GetSessionResponse) frame {
	f := frame{T: contacttext.Of(seen.GetLanguage(), asked(r)), zone: time.UTC}
	if name := seen.GetTimeZone(); name != "" && p.cfg.Zone != nil {
		if zone := p.cfg.Zone(name); zone != nil {
			f.zone = zone
		}
	}
	return f
}

// asked is the language that a browser asks for, of those that there are.
func asked(r *http.Request) string {
	return contacttext.Accepted(strings.Join(r.Header.Values("Accept-Language"), ",")).Tag
}

// titled is the frame with a title.
func (f frame) titled(title string) frame {
	f.Title = title
	return f
}

// Tag is the page's language (BCP 47).
func (f frame) Tag() string { return f.T.Tag }

// Say puts values into a text, and makes both what stands in a page, but for values that are HTML already. Pairs are as
// those of contacttext.Fill.
func (f frame) Say(text string, pairs ...any) template.HTML {
	escaped := make([]string, 0, len(pairs))
	for _, v := range pairs {
		switch v := v.(type) {
		case template.HTML:
			escaped = append(escaped, string(v))
		case string:
			escaped = append(escaped, template.HTMLEscapeString(v))
		}
	}
	return template.HTML(contacttext.Fill(template.HTMLEscapeString(text), escaped...)) //nolint:gosec // all of it is escaped
}

// When is an instant on the page's clock; empty of none.
func (f frame) When(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return f.T.When(at.AsTime(), f.zone)
}

// Amount is an amount of money.
func (f frame) Amount(m *money.Money) string { return f.T.Amount(m) }

// WhyNot is why a customer does not have a line now.
func (f frame) WhyNot(e *entitlementv1.CustomerEntitlement) string {
	switch e.GetBasis() {
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		return f.T.NotBegun
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		return f.T.Ended
	case entitlementv1.Basis_BASIS_SUSPENDED:
		return f.T.Suspended
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return f.T.OutsideHours
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		return f.T.OtherSeverity
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		return f.T.AllowanceUsed
	default:
		return f.T.NotCovered
	}
}

// words are what templates say things by, whatever the language.
func words() template.FuncMap {
	return template.FuncMap{
		"line": lineName, "pending": pending, "spoken": spoken, "asset": assetURL, "termsLanguage": termsLanguage,
		"bdi": bdi, "strong": strong,
	}
}

// bdi is a name, whose direction of writing ends with it.
func bdi(text string) template.HTML { return within("bdi", text) }

// strong is one that matters.
func strong(text string) template.HTML { return "<strong>" + bdi(text) + "</strong>" }

// within is a text in an element.
func within(element, text string) template.HTML {
	return template.HTML("<" + element + ">" + template.HTMLEscapeString(text) + "</" + element + ">") //nolint:gosec // escaped
}

func lineName(l *entitlementv1.SelfServiceLine) string {
	if l.GetDisplayName() != "" {
		return l.GetDisplayName()
	}
	return l.GetLine()
}

func pending(p *entitlementv1.Promise) bool {
	return p.GetState() == entitlementv1.PromiseState_PROMISE_STATE_PENDING
}

// termsLanguage is that of the terms that were accepted; empty: not known.
func termsLanguage(p *entitlementv1.Promise) string { return p.GetAcceptance().GetTermsLanguage() }

// spoken puts blanks into a number, behind its country code and every three digits, so that people can read it out.
func spoken(number string) string {
	const group = 3
	code := min(countryCode(number), len(number))
	text, rest := number[:code], number[code:]
	for rest != "" {
		n := min(group, len(rest))
		if len(rest) <= group+1 {
			n = len(rest)
		}
		text, rest = text+" "+rest[:n], rest[n:]
	}
	return text
}

// countryCode is how long the plus sign and the country code of a number are (ITU-T E.164, Annex D).
func countryCode(number string) int {
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 " +
		"81 82 84 86 90 91 92 93 94 95 98 "
	switch {
	case strings.HasPrefix(number, "+1"), strings.HasPrefix(number, "+7"):
		return len("+1")
	case len(number) > len("+44") && strings.Contains(two, " "+number[1:3]+" "):
		return len("+44")
	}
	return len("+353")
}
