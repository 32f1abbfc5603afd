package flow

import (
	"strings"
	"unicode/utf8"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// MaxOffered is how many customers a caller chooses among at most: keys 1 to 8.
const MaxOffered = 8

const (
	// noneKey says that it is none of those offered.
	noneKey = 9
	// noKey is what is no key of a menu.
	noKey = -1
	// maxPINDigits is entitlement's own limit.
	maxPINDigits = 12
	// maxPhraseRunes is entitlement's own limit.
	maxPhraseRunes = 200
	// leastLikely is how well a customer must fit to be asked about, and maxBehind how much less than the one who fits best: as
	// in entitlement's own questions. Of many customers some are a little like whatever is said.
	leastLikely, maxBehind = 0.5, 0.2
)

// Need is a look-up that must be made before the next decision. What a caller typed or said is in it: it must be in no
// log, trace or error.
type Need struct {
	Kind NeedKind
	// Name or Digits, one of them, is a name as it was said, or typed on a keypad.
	Name, Digits string
	// Customer is the ID of the customer whose PIN was typed, or said, or whose phrase was; both are set where what was
	// said can be either.
	Customer, PIN, Phrase string
	// Offer is accepted; How says how, for people.
	Offer *routingv1.MadeOffer
	How   string
}

// NeedKind is which look-up it is.
type NeedKind uint8

// Nothing is needed, a customer by name, a PIN or a phrase compared, or an acceptance recorded.
const (
	NeedNothing NeedKind = iota
	NeedName
	NeedPIN
	NeedAccept
)

// Candidate is a customer for whom what was said speaks.
type Candidate struct {
	// ID of the customer.
	ID string
	// Confidence over 0 to 1.
	Confidence float64
	// Stated: what was said is its name, a contract's number, or the like, and not only similar to it.
	Stated bool
}

// Found is what a look-up by name found.
type Found struct {
	// Candidates, the best first.
	Candidates []Candidate
	// Certain: the first one may be taken for the caller's, for all that is known of the caller speaks for it together.
	Certain bool
	// More fit than are told; none of them better.
	More bool
}

// Identified brings in what a look-up by name found. One who alone was stated, or is certain, is taken for the caller's; any
// others are asked about, a single one too: a name finds, and is never guessed.
func Identified(s *routingv1.ContinuationState, f Found) {
	s.Offered, s.Named, s.Customer = nil, false, ""
	unverified(s)
	stated := those(f.Candidates, func(c Candidate) bool { return c.Stated })
	switch {
	case f.Certain && len(f.Candidates) > 0:
		s.Customer, s.Named = f.Candidates[0].ID, true
		return
	case len(stated) == 1:
		s.Customer, s.Named = stated[0].ID, true
		return
	}
	asked := stated
	if len(asked) == 0 {
		asked = those(f.Candidates, func(c Candidate) bool {
			return c.Confidence >= max(leastLikely, f.Candidates[0].Confidence-maxBehind)
		})
		if len(asked) == 0 || len(asked) > MaxOffered || f.More && len(asked) == MaxOffered { // or as many again
			s.TooMany = len(asked) > 0
			s.Tries++
			return
		}
	}
	s.Named = true
	for _, c := range asked[:min(len(asked), MaxOffered)] {
		s.Offered = append(s.Offered, c.ID)
	}
}

// those are candidates of a kind.
func those(all []Candidate, kind func(Candidate) bool) (some []Candidate) {
	for _, c := range all {
		if kind(c) {
			some = append(some, c)
		}
	}
	return some
}

// unverified forgets what was shown: a PIN is of one customer.
func unverified(s *routingv1.ContinuationState) { s.PinVerified, s.PhraseVerified = false, false }

// PINCompared brings in whether a PIN, or a phrase, was right.
func PINCompared(s *routingv1.ContinuationState, right, phrase bool) {
	unverified(s)
	switch {
	case !right:
		s.PinTries++
	case phrase:
		s.PhraseVerified = true
	default:
		s.PinVerified = true
	}
}

// LookUpFailed says that nobody could be asked: the caller is connected, as somebody whom nobody knows.
func LookUpFailed(s *routingv1.ContinuationState) { s.PersonWanted = true }

// named is the look-up of a name that was asked for.
func named(s *routingv1.ContinuationState, in *routingv1.Input) Need {
	digits, said := typed(in), strings.TrimSpace(in.GetSpeech())
	switch {
	case operator(in):
		s.PersonWanted = true
	case digits != "":
		return Need{Kind: NeedName, Digits: digits}
	case said != "":
		return Need{Kind: NeedName, Name: said}
	default:
		s.Tries++
	}
	return Need{}
}

// pinTyped is the comparison of a PIN that was asked for.
func pinTyped(s *routingv1.ContinuationState, in *routingv1.Input) Need {
	pin, phrase := typed(in), ""
	if pin == "" {
		pin, phrase = spokenPIN(in.GetSpeech()), strings.TrimSpace(in.GetSpeech())
	}
	if len(pin) > maxPINDigits || strings.ContainsAny(pin, "*#") {
		pin = ""
	}
	if utf8.RuneCountInString(phrase) > maxPhraseRunes {
		phrase = ""
	}
	switch {
	case operator(in):
		s.PersonWanted = true
	case pin == "" && phrase == "" || s.GetCustomer() == "":
		s.PinTries++
	default:
		return Need{Kind: NeedPIN, Customer: s.GetCustomer(), PIN: pin, Phrase: phrase}
	}
	return Need{}
}

// chosen brings in which of the customers offered it is.
func chosen(s *routingv1.ContinuationState, in *routingv1.Input, choices []view.Label) {
	k := key(in)
	if typed(in) == "" && (k == noKey || k >= 1 && k <= len(choices)) { // a digit may be a name, too
		if k = chosenByWords(in.GetSpeech(), choices); k == noKey {
			k = agreedKey(in.GetSpeech(), len(s.GetOffered()))
		}
	}
	switch {
	case operator(in):
		s.PersonWanted = true
	case k == noneKey:
		s.Offered, s.Named = nil, false
		s.Tries++
	case k >= 1 && k <= len(s.GetOffered()):
		s.Customer, s.Offered = s.GetOffered()[k-1], nil
		unverified(s)
	default:
		s.Tries++
	}
}

// operator says whether the caller wants a person: by 0, by saying so, by saying nothing, or since asking failed.
func operator(in *routingv1.Input) bool {
	switch {
	case in.GetNoInput() != routingv1.NoInput_NO_INPUT_UNSPECIFIED, in.GetDigits() == "" && in.GetSpeech() == "":
		return true
	case in.GetDigits() != "":
		return zero(in)
	}
	return wantsPerson(in.GetSpeech()) || isZero(spokenDigits(in.GetSpeech()))
}

// zero says whether 0 was pressed, once or more often: no name is spelled so, and no PIN is that.
func zero(in *routingv1.Input) bool { return isZero(typed(in)) }

func isZero(digits string) bool { return digits != "" && strings.Trim(digits, "0") == "" }

// key is the one key that was pressed, or said; noKey where it is none, or several.
func key(in *routingv1.Input) int {
	text := typed(in)
	if text == "" {
		text = spokenDigits(in.GetSpeech())
	}
	if len(text) != 1 || text[0] < '0' || text[0] > '9' {
		return noKey
	}
	return int(text[0] - '0')
}

// typed are the keys that were pressed, without the one that ends them; empty where something else stands there.
func typed(in *routingv1.Input) string {
	text := strings.TrimRight(in.GetDigits(), "#")
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && c != '*' && c != '#' {
			return ""
		}
	}
	return text
}
