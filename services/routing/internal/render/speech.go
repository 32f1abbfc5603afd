package render

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
)

const (
	// builtInLanguage is that of texts of the program's own, but for those that there are in others.
	builtInLanguage = "en"
	// finishKey ends what is typed.
	finishKey = "#"
	// maxNameDigits and maxPINDigits are how much is gathered: a name's beginning is enough.
	maxNameDigits, maxPINDigits = 32, 12
	// nameSilenceS is how long a caller may think of a name; menuSilenceS is for a key.
	nameSilenceS, menuSilenceS = 8, 6
	// maxRecordingS bounds a message.
	maxRecordingS = 300

	numberChanged = "This number has changed, and does not work any more. Please look for the new one where you were given " +
		"this one: in the support portal, or with whoever looks after your contract. Goodbye."
)

// speech is what is said: the line's own words, else the program's, which are of a language.
func speech(d *decide.Decision, own *routingv1.Speech, builtIn, of string) (text, language, media string) {
	if own.GetText() == "" && own.GetMediaUri() == "" {
		return builtIn, of, ""
	}
	text, language = own.GetText(), own.GetLanguage()
	if language == "" {
		language = d.Line.LanguageTag()
	}
	if text == "" {
		text, language = builtIn, of
	}
	if language == "" {
		language = builtInLanguage
	}
	return text, language, own.GetMediaUri()
}

// prompt is what a caller hears and is asked.
func prompt(d *decide.Decision) *routingv1.Prompt {
	p := &routingv1.Prompt{Kind: d.Prompt}
	digits, spoken := d.Gathers()
	ask := func(maxDigits int32, finish string, silenceS int64) {
		if p.Timeout = (&durationpb.Duration{Seconds: silenceS}); digits {
			p.MaxDigits, p.FinishKey = maxDigits, finish
		}
		p.Speech = spoken && (!digits || asksWords(d))
	}
	var own *routingv1.Speech
	builtIn, language := "", builtInLanguage
	switch d.Prompt {
	case routingv1.PromptKind_PROMPT_KIND_NAME:
		ask(maxNameDigits, finishKey, nameSilenceS)
		var words askWords
		words, language = askWordsOf(d)
		if own, builtIn = d.Line.Identification().GetAskName(), words.name(p); d.Again() {
			own, builtIn = d.Line.Identification().GetAskAgain(), words.nameAgain(d, builtIn)
		}
	case routingv1.PromptKind_PROMPT_KIND_WHICH:
		ask(1, "", menuSilenceS)
		var words askWords
		words, language = askWordsOf(d)
		builtIn = words.which(d, digits)
	case routingv1.PromptKind_PROMPT_KIND_PIN:
		ask(maxPINDigits, finishKey, nameSilenceS)
		var words askWords
		words, language = askWordsOf(d)
		if own, builtIn = d.Line.Identification().GetAskPin(), words.pin(d, digits, p.GetSpeech()); d.Again() {
			builtIn = words.wrong + builtIn
		}
	case routingv1.PromptKind_PROMPT_KIND_OUT_OF_HOURS:
		own, builtIn = d.Line.OutOfHours().GetSpeech(), "All offices of this line are closed now."
		if d.Menu() != nil {
			ask(1, "", menuSilenceS)
			builtIn += " To be put through to somebody all the same, " + verb(digits) + " 1."
		}
		if to := d.Revealed(); to != nil {
			p.SecretText = "The number to call is " + spell(to.Dialled()) + "."
		}
	case routingv1.PromptKind_PROMPT_KIND_REFUSAL:
		own, builtIn = d.Line.Refusal(), "Sorry, this line is for customers with a support contract. Goodbye."
		if d.NumberChanged {
			own, builtIn = nil, numberChanged
		}
	case routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT:
		own, builtIn = d.Line.Announcement(), "Please stay on the line. You are being put through."
	case routingv1.PromptKind_PROMPT_KIND_OFFER:
		ask(1, "", nameSilenceS)
		p.Text, p.Language = askOffer(d, digits)
		p.NoBargeIn = true
		return p
	case routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED:
	}
	p.Text, p.Language, p.MediaUri = speech(d, own, builtIn, language)
	return p
}

// spell writes a number to be said digit by digit.
func spell(n phone.Number) string {
	text := n.String()
	var b strings.Builder
	b.Grow(2 * len(text))
	for i := range len(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func verb(digits bool) string {
	if digits {
		return "press"
	}
	return "say"
}

// record is what a caller hears before a message.
func record(d *decide.Decision) *routingv1.Record {
	r := &routingv1.Record{MaxLength: &durationpb.Duration{Seconds: maxRecordingS}}
	builtIn := "Please leave a message behind the tone, with your name and your number."
	if digits, _ := d.Gathers(); len(d.Targets()) == 0 {
		builtIn = "Nobody can take your call now. " + builtIn + " Somebody will call you back."
	} else if digits {
		builtIn += " For a person, press 0."
	}
	r.Text, r.Language, r.MediaUri = speech(d, d.Line.MessageGreeting(), builtIn, builtInLanguage)
	return r
}

// whisper is what the answering person may hear before the call is theirs.
func whisper(d *decide.Decision) string {
	var b strings.Builder
	b.WriteString("Call on " + d.Line.DisplayName + ". ")
	switch c := d.Candidates(); {
	case len(c) == 1 && d.Surmised():
		b.WriteString("Perhaps " + c[0].DisplayName + ". ")
	case len(c) == 1:
		b.WriteString(c[0].DisplayName + ", ")
	case len(c) > 1 && d.Surmised():
		b.WriteString("Perhaps one of " + strconv.Itoa(len(c)) + " customers. ")
	case len(c) > 1:
		b.WriteString("One of " + strconv.Itoa(len(c)) + " customers, ")
	}
	for _, v := range d.Verdicts() {
		b.WriteString(basis(v))
	}
	if d.Partner != nil {
		b.WriteString(" The caller is of " + d.Partner.DisplayName + ", a partner.")
	}
	b.WriteString(offerFate(d.Offer))
	if n := d.GoodwillCalls; n > 0 {
		b.WriteString(" Helped without a contract " + strconv.Itoa(n) + " times before.")
	}
	switch n := len(d.Call().State.GetTried()); {
	case n == 1:
		b.WriteString(" One other was rung before.")
	case n > 1:
		b.WriteString(" " + strconv.Itoa(n) + " were rung before.")
	}
	if d.FollowUp {
		b.WriteString(" To be followed up.")
	}
	if guidance := guidanceOf(d); guidance != "" {
		b.WriteString(" " + guidance)
	}
	return b.String()
}

// basis is what the verdicts on who it is, and on entitlement, say to the answering person.
func basis(v routingv1.Verdict) string {
	switch v { //nolint:exhaustive // the other stages have nothing to say here
	case routingv1.Verdict_VERDICT_CALLER_VERIFIED:
		return "by a verified number: "
	case routingv1.Verdict_VERDICT_CALLER_UNVERIFIED, routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS:
		return "by the number, not verified: "
	case routingv1.Verdict_VERDICT_CALLER_NAMED:
		return "by name, not verified: "
	case routingv1.Verdict_VERDICT_CALLER_PIN_VERIFIED:
		return "by name and PIN: "
	case routingv1.Verdict_VERDICT_CALLER_PHRASE_VERIFIED:
		return "by name and phrase: "
	case routingv1.Verdict_VERDICT_CALLER_PARTNER:
		return "by a partner, not verified: "
	case routingv1.Verdict_VERDICT_CALLER_UNKNOWN:
		return "Unknown number: "
	case routingv1.Verdict_VERDICT_CALLER_WITHHELD:
		return "No number: "
	case routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT:
		return "entitled by contract."
	case routingv1.Verdict_VERDICT_NO_CONTRACT:
		return "not entitled, no contract."
	case routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED:
		return "not entitled, the contract has not begun."
	case routingv1.Verdict_VERDICT_CONTRACT_ENDED:
		return "not entitled, the contract has ended."
	case routingv1.Verdict_VERDICT_OTHER_PRODUCT:
		return "not entitled, the contract is for another product."
	case routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN:
		return "nobody knows whether entitled."
	case routingv1.Verdict_VERDICT_ENTITLED_IN_GRACE:
		return "entitled in grace, the contract has ended."
	case routingv1.Verdict_VERDICT_ENTITLED_COMPLIMENTARY:
		return "entitled, complimentary."
	case routingv1.Verdict_VERDICT_ENTITLED_BY_PROMISE:
		return "entitled by a promise to pay."
	case routingv1.Verdict_VERDICT_ENTITLED_BY_PENDING_PROMISE:
		return "entitled by a promise to pay that is not confirmed yet."
	case routingv1.Verdict_VERDICT_SUSPENDED:
		return "not entitled, suspended."
	case routingv1.Verdict_VERDICT_OUTSIDE_PLAN_HOURS:
		return "not entitled, outside the hours of their plan."
	case routingv1.Verdict_VERDICT_OTHER_LINE:
		return "not entitled, their plan does not give this line."
	case routingv1.Verdict_VERDICT_OTHER_SEVERITY:
		return "not entitled, their plan does not cover cases this bad."
	case routingv1.Verdict_VERDICT_ALLOWANCE_USED:
		return "not entitled, the calls of their plan are used."
	}
	return ""
}

// offerFate is what became of an offer, to the answering person.
func offerFate(f routingv1.OfferFate) string {
	switch f { //nolint:exhaustive // the others have nothing to say here
	case routingv1.OfferFate_OFFER_FATE_ACCEPTED, routingv1.OfferFate_OFFER_FATE_PENDING,
		routingv1.OfferFate_OFFER_FATE_SPOOLED:
		return " An offer was accepted in this call."
	case routingv1.OfferFate_OFFER_FATE_DECLINED:
		return " An offer was declined in this call."
	case routingv1.OfferFate_OFFER_FATE_HELPED_FIRST:
		return " An offer was accepted, and could not be recorded: speak of it."
	}
	return ""
}

// guidanceOf is what the line tells the answering person to say to the caller's class.
func guidanceOf(d *decide.Decision) string {
	g := d.Line.Guidance()
	switch d.Class {
	case routingv1.CallerClass_CALLER_CLASS_ENTITLED:
		return g.GetEntitled()
	case routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED:
		return g.GetNotEntitled()
	case routingv1.CallerClass_CALLER_CLASS_UNKNOWN:
		return g.GetUnknown()
	case routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED:
	}
	return ""
}
