// Package contacttext is what contacts of customers read, in all languages that there are: pages of the portal, mails, what
// goes with a number, what would change an answer. A language is one function in a file of its own, named after it; to add
// one, write another, and name it in Languages. It is pure.
//
// It is not for what callers hear (routing/internal/render), nor for people of the vendor: to these all is English.
package contacttext

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// maxAcceptBytes of an Accept-Language header are read; a longer one says nothing.
const maxAcceptBytes = 512

// Text is one language. What stands in braces, such as {line}, is put in where the text is used; every language has the
// same of them, and no text has any markup.
type Text struct {
	// Tag of the language (BCP 47).
	Tag string

	Pages
	Failures
	Mails
	Remedies
	Forms
}

// Languages are all, English first: it is that of whoever asks for none of them.
func Languages() []*Text { return []*Text{english(), german(), french(), spanish()} }

// Of is the text of the first of some languages (BCP 47) that there is one of; English where there is none.
func Of(tags ...string) *Text {
	for _, tag := range tags {
		if t := find(tag); t != nil {
			return t
		}
	}
	return english()
}

// find is the text of a tag's language, whichever script or region it names; nil where there is none.
func find(tag string) *Text {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	switch primary {
	case "en":
		return english()
	case "de":
		return german()
	case "fr":
		return french()
	case "es":
		return spanish()
	}
	return nil
}

// Accepted is the text that a browser likes best of those that there are, by its Accept-Language header (RFC 9110, 12.5.4);
// English where it likes none, or says nothing that can be read.
func Accepted(header string) *Text {
	if len(header) > maxAcceptBytes {
		return english()
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return english()
	}
	names := make([]string, 0, len(tags))
	for _, tag := range tags {
		names = append(names, tag.String())
	}
	return Of(names...)
}

// Fill puts values into a text: pairs are a name without its braces, and what stands for it.
func Fill(text string, pairs ...string) string {
	named := slices.Clone(pairs)
	for i := 0; i < len(named); i += 2 {
		named[i] = "{" + named[i] + "}"
	}
	return strings.NewReplacer(named...).Replace(text)
}

// Pages are what the portal's pages say.
type Pages struct {
	// Of several pages.
	Back, AskForAnother, LinkOnce string
	// Where somebody signs in.
	SignIn, Heading, Intro, Email, SendLink, CompanyAccount, NobodyHasTo string
	// Why that is shown, and not what was asked for.
	NotSignedIn, NoEntry, NoEntryElsewhere, SessionOver, SessionOverText string
	// After a link was asked for.
	Asked, AskedText, AskedUse, AskedNothing                  string
	HintAddress, HintUnwanted, HintAgain, HintWho, AskedAgain string
	AskedOther                                                string
	// Where a link leads.
	LinkField, LinkHow string
	// The first page of a session.
	SignOut, SignedIn, SignedInAs, OtherCompany, Company, ShowCompany string
	Named, Confirmed, Disputed                                        string
	Lines, NoLines, CallNow, CallUntil                                string
	// ShowNumber is a button, and OfLine what is heard behind it.
	ShowNumber, OfLine, NotAllowed string
	// Why a customer does not have a line now.
	NotBegun, Ended, Suspended, OutsideHours, OtherSeverity, AllowanceUsed, NotCovered string
	// Promises to pay.
	Accepted, AcceptedAt, NotOwedYet, NotOwedLapses, Owed, Terms string
	Confirm, NotRight, WhyNotRight, Dispute, NoAmount            string
	// The access name.
	AccessName, FoundBy, ChooseName, AnotherName, TheName, ChangeIt, ChooseIt string
	// A number that is shown: CallIt is a button, and FromThisPhone what is heard behind it.
	CallIt, FromThisPhone, NewNumber string
}

// Failures are what the portal says where something cannot be done: first a heading, below it why.
type Failures struct {
	LookAgain, NoAddress, NameRules, ReasonRules, ConfirmOrDispute, Unreadable string
	NoSuchThing, NoPage, NoLine, NoLonger, NoProvider                          string
	NameTaken, ChooseAnother                                                   string
	NotNow, ChangedMeanwhile, NoLinksSent, MayOnlyLook, AnotherCompany         string
	NotEntitledNow, SettledMeanwhile                                           string
	TryAgain, AnotherSession                                                   string
	TooOften, TooManyLinks, TooManySignIns, TooManyNames, TooManyNumbers       string
	TooManyChanges, TooManyRequests, InAMinute, InMinutes                      string
	InAWhile, NoAnswer                                                         string
	WentWrong, WrittenDown                                                     string
}

// Mails are what is mailed, and what goes with a number.
type Mails struct {
	LinkSubject, LinkBody                   string
	NumberHidden, NumberPublic, AccessUntil string
}

// Remedies are what would change the answer that a customer does not have a line; of English ones, what people of the vendor
// read, too.
type Remedies struct {
	AcceptOffer, OnDate                                   string
	GrantBegins, HoursBegin, ContractBegins, InForceAgain string
	NextCall, NextCalls                                   string
	ContractName, ContractNameOf                          string
	NewContract, NewContractFor, Renew, BetterPlan        string
	OtherLines, OtherSeverities, MoreCalls, LongerHours   string
	And, Besides                                          string
}

// Forms are how a language writes dates and amounts.
type Forms struct {
	// Moment is a date with a time of day and a zone; Months are the months' names, January first. First is the first day of
	// a month.
	Moment, First string
	Months        [12]string
	// Comma says that decimals stand behind a comma, and the currency behind the amount.
	Comma bool
}
