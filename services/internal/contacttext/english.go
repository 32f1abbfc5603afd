package contacttext

// english is the language of whoever asks for none that there is.
func english() *Text {
	return &Text{
		Tag: "en", Pages: englishPages(), Failures: englishFailures(),
		Mails: Mails{
			LinkSubject: "Your link to sign in",
			LinkBody: `You, or somebody who knows your address, asked for a link to sign in for {customer}:

{link}

It can be used once, within {minutes} minutes. If a page asks for it, paste it there whole.
If it was not you, ignore this mail: nothing happens without the link.
`,
			NumberHidden: "The number of {line} is for {customer} alone. Do not publish it or pass it on; it can change at any " +
				"time, and who has it is written down.",
			NumberPublic: "The number of {line} is public; it can change at any time.",
			AccessUntil:  "Your access holds until {time}.",
		},
		Remedies: Remedies{
			AcceptOffer: "accept {offer} for {price}", OnDate: "{what} on {date} at {time}",
			GrantBegins: "grants/{grant} begins", HoursBegin: "the hours of plan {plan} begin",
			ContractBegins: "{contract} begins", InForceAgain: "{contract} is in force again",
			NextCall:     "the next call of plan {plan} can be used",
			NextCalls:    "the next {calls} calls of plan {plan} can be used",
			ContractName: "contract {contract}", ContractNameOf: "contract {contract} of {customer}",
			NewContract: "a contract that is in force", NewContractFor: "a contract for {product} that is in force",
			Renew: "renew {contract}, which ended on {date}", BetterPlan: "a plan with {limits} than {plan}, that of {contract}",
			OtherLines: "other lines", OtherSeverities: "other severities", MoreCalls: "more calls", LongerHours: "longer hours",
			And: " and ", Besides: "; besides, ",
		},
		Forms: Forms{
			Moment: "{day} {month} {year}, {time} {zone}", First: "1",
			Months: [12]string{
				"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
				"December",
			},
		},
	}
}

func englishPages() Pages {
	return Pages{
		Back: "Back to the first page", AskForAnother: "Ask for another one", LinkOnce: "A link can be used once.",

		SignIn: "Sign in", Heading: "Support, out of hours",
		Intro: "For contacts of our customers: see the lines that your company can call, and their numbers.",
		Email: "Your e-mail address", SendLink: "Send me a link", CompanyAccount: "Sign in with your company's account",
		NobodyHasTo: "Nobody has to sign in to call: who has our number can call it now, and say the name of their company.",
		NotSignedIn: "Not signed in",
		NoEntry: "This does not let you in: a link can be used once, within 15 minutes, by a contact of a customer. Ask for " +
			"another one.",
		NoEntryElsewhere: "Your company's account does not let you in: its address must be the one that we have of you. Try " +
			"again, or ask for a link.",
		SessionOver: "Your session is over", SessionOverText: "Your session is over. Please sign in again.",

		Asked:     "Look into your mail",
		AskedText: "If this is the address of a contact who may sign in here, a link is on its way:",
		AskedUse: "It can be used once, within 15 minutes. You can open it here or on another device; whoever opens it is " +
			"signed in there.",
		AskedNothing: "If nothing comes within five minutes",
		HintAddress:  "Is the address right, and is it the one that your company gave us?",
		HintUnwanted: "Look among unwanted mail.",
		HintAgain:    "Ask again: a link can get lost, and up to three are sent in 15 minutes.",
		HintWho:      "Ask whoever looks after your company at ours whether you are one of its contacts.",
		AskedAgain:   "Send another link", AskedOther: "Another address",

		LinkField: "Your link, as it stands in the mail",
		LinkHow:   "Copy the whole link from the mail and paste it here.",

		SignOut: "Sign out", SignedIn: "Signed in until {time}.", SignedInAs: "{who}, signed in until {time}.",
		OtherCompany: "Another company of yours", Company: "Company", ShowCompany: "Show this company",
		Named:     "Your access name is changed. Those before go on working.",
		Confirmed: "It is confirmed, and owed now.",
		Disputed:  "It is disputed. It is not owed unless we find, after looking into it, that it was right.",
		Lines:     "Lines", NoLines: "Your company has no line.",
		CallNow: "You can call it now.", CallUntil: "You can call it now, until {time}.",
		ShowNumber: "Show the number", OfLine: " of {line}",
		NotAllowed: "Your company has not allowed you to be shown numbers. Somebody at ours changes that, when your company " +
			"asks.",
		NotBegun: "Your contract has not begun.", Ended: "Your contract has ended.", Suspended: "Your contract is suspended.",
		OutsideHours: "It is outside of your plan's hours.", OtherSeverity: "Your plan does not cover cases of this severity.",
		AllowanceUsed: "The calls that your plan includes are used.", NotCovered: "Your contracts do not cover it.",

		Accepted: "Accepted on the phone", AcceptedAt: "Accepted {time}.", NotOwedYet: "Nothing is owed before you confirm.",
		NotOwedLapses: "Nothing is owed before you confirm; without that it lapses {time}.", Owed: "This is owed.",
		Terms: "Terms", Confirm: "Confirm: we owe {amount}", NotRight: "It is not right", WhyNotRight: "Why it is not right",
		Dispute: "Dispute it", NoAmount: "nothing",

		AccessName: "Access name", FoundBy: "Your people are found by saying {name} on the phone.",
		ChooseName:  "Choose a name by which your people are found on the phone.",
		AnotherName: "Another name", TheName: "The name", ChangeIt: "Change it", ChooseIt: "Choose it",

		CallIt: "Call it", FromThisPhone: " from this phone",
		NewNumber: "This number is new. One that you may have from before works only until {time}: replace it.",
	}
}

func englishFailures() Failures {
	return Failures{
		LookAgain: "Please look at it again", NoAddress: "This is no e-mail address.",
		NameRules: "A name holds at least 3 letters or digits and at most 100 characters, and neither begins nor ends with a " +
			"blank.",
		ReasonRules: "Please say in at most 500 characters why it is not right. Never write the number of a payment card.",
		Unreadable:  "Something in it cannot be read.", ConfirmOrDispute: "Please confirm or dispute.",
		NoSuchThing: "There is no such thing", NoPage: "Nothing is at this address.",
		NoLine: "Your company does not have this line.", NoLonger: "It is there no longer.",
		NoProvider: "There is no other way to sign in than by a link.",
		NameTaken:  "This name is taken", ChooseAnother: "Please choose another one.",
		NotNow: "This cannot be done now", ChangedMeanwhile: "It was changed meanwhile. Please look at it and try again.",
		NoLinksSent: "No links are sent here. Please ask whoever looks after your company at ours.",
		MayOnlyLook: "You may only look. Somebody at ours changes that, when your company asks.",
		AnotherCompany: "This page was of another company than the one to which you have turned meanwhile. Please go back to " +
			"the first page.",
		NotEntitledNow:   "Your company may not call this line at the moment.",
		SettledMeanwhile: "It was answered meanwhile, or has lapsed. Please look at it again.",
		TryAgain:         "Please try again",
		AnotherSession:   "This form is of another session. Go back to your page and try again.",
		TooOften:         "Too often", TooManyLinks: "Too many links asked for from here.",
		TooManySignIns: "Too many links from here that open nothing.", TooManyNames: "The name was changed often lately.",
		TooManyNumbers:  "Many numbers were shown lately, and those go on working.",
		TooManyChanges:  "This was answered too often. Please ask whoever looks after your company at ours.",
		TooManyRequests: "There were too many requests.",
		InAMinute:       "Please try again in a minute.", InMinutes: "Please try again in {minutes} minutes.",
		InAWhile: "Please try again in a minute", NoAnswer: "Something that is needed for this does not answer.",
		WentWrong: "Something went wrong", WrittenDown: "It was written down. Please try again later.",
	}
}
