package contacttext

func german() *Text {
	return &Text{
		Tag: "de", Pages: germanPages(), Failures: germanFailures(),
		Mails: Mails{
			LinkSubject: "Ihr Link zum Anmelden",
			LinkBody: `Sie, oder jemand, der Ihre Adresse kennt, haben einen Link zum Anmelden für {customer} angefordert:

{link}

Er gilt einmal, innerhalb von {minutes} Minuten. Wenn eine Seite danach fragt, fügen Sie ihn dort vollständig ein.
Wenn Sie das nicht waren, beachten Sie diese Nachricht nicht: Ohne den Link geschieht nichts.
`,
			NumberHidden: "Die Nummer von {line} ist allein für {customer} bestimmt. Veröffentlichen Sie sie nicht, und geben Sie " +
				"sie nicht weiter; sie kann sich jederzeit ändern, und es wird festgehalten, wer sie hat.",
			NumberPublic: "Die Nummer von {line} ist öffentlich; sie kann sich jederzeit ändern.",
			AccessUntil:  "Ihr Zugang gilt bis {time}.",
		},
		Remedies: Remedies{
			AcceptOffer: "{offer} für {price} annehmen", OnDate: "{what} am {date} um {time}",
			GrantBegins: "grants/{grant} beginnt", HoursBegin: "die Zeiten des Plans {plan} beginnen",
			ContractBegins: "{contract} beginnt", InForceAgain: "{contract} gilt wieder",
			NextCall:     "der nächste Anruf des Plans {plan} ist verfügbar",
			NextCalls:    "die nächsten {calls} Anrufe des Plans {plan} sind verfügbar",
			ContractName: "Vertrag {contract}", ContractNameOf: "Vertrag {contract} von {customer}",
			NewContract: "ein laufender Vertrag", NewContractFor: "ein laufender Vertrag für {product}",
			Renew:      "{contract} verlängern (abgelaufen am {date})",
			BetterPlan: "ein anderer Plan als {plan}, der von {contract}: einer mit {limits}",
			OtherLines: "anderen Leitungen", OtherSeverities: "anderen Schweregraden", MoreCalls: "mehr Anrufen",
			LongerHours: "längeren Zeiten", And: " und ", Besides: "; außerdem ",
		},
		Forms: Forms{
			Moment: "{day}. {month} {year}, {time} {zone}", First: "1", Comma: true,
			Months: [12]string{
				"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
				"Dezember",
			},
		},
	}
}

func germanPages() Pages {
	return Pages{
		Back: "Zurück zur ersten Seite", AskForAnother: "Einen neuen anfordern", LinkOnce: "Ein Link gilt nur einmal.",

		SignIn: "Anmelden", Heading: "Support außerhalb der Geschäftszeiten",
		Intro: "Für Kontakte unserer Kunden: die Leitungen, die Ihre Firma anrufen kann, und deren Nummern.",
		Email: "Ihre E-Mail-Adresse", SendLink: "Link senden", CompanyAccount: "Mit dem Konto Ihrer Firma anmelden",
		NobodyHasTo: "Zum Anrufen muss sich niemand anmelden: Wer unsere Nummer hat, kann sie jetzt anrufen und den Namen " +
			"seiner Firma sagen.",
		NotSignedIn: "Nicht angemeldet",
		NoEntry: "Damit kommen Sie nicht hinein: Ein Link gilt einmal, innerhalb von 15 Minuten, für einen Kontakt eines " +
			"Kunden. Fordern Sie einen neuen an.",
		NoEntryElsewhere: "Mit dem Konto Ihrer Firma kommen Sie nicht hinein: Seine Adresse muss die sein, die wir von Ihnen " +
			"haben. Versuchen Sie es noch einmal, oder fordern Sie einen Link an.",
		SessionOver: "Ihre Sitzung ist beendet", SessionOverText: "Ihre Sitzung ist beendet. Bitte melden Sie sich wieder an.",

		Asked:     "Sehen Sie in Ihre E-Mail",
		AskedText: "Wenn dies die Adresse eines Kontakts ist, der sich hier anmelden darf, ist ein Link unterwegs:",
		AskedUse: "Er gilt einmal, innerhalb von 15 Minuten. Sie können ihn hier oder auf einem anderen Gerät öffnen; wer ihn " +
			"öffnet, ist dort angemeldet.",
		AskedNothing: "Wenn innerhalb von fünf Minuten nichts kommt",
		HintAddress:  "Stimmt die Adresse, und ist es die, die Ihre Firma uns gegeben hat?",
		HintUnwanted: "Sehen Sie im Spam-Ordner nach.",
		HintAgain: "Fordern Sie ihn noch einmal an: Ein Link kann verloren gehen, und in 15 Minuten werden bis zu drei " +
			"gesendet.",
		HintWho:    "Fragen Sie, wer Ihre Firma bei uns betreut, ob Sie einer ihrer Kontakte sind.",
		AskedAgain: "Noch einen Link senden", AskedOther: "Eine andere Adresse",

		LinkField: "Ihr Link, wie er in der E-Mail steht",
		LinkHow:   "Kopieren Sie den ganzen Link aus der E-Mail, und fügen Sie ihn hier ein.",

		SignOut: "Abmelden", SignedIn: "Angemeldet bis {time}.", SignedInAs: "{who}, angemeldet bis {time}.",
		OtherCompany: "Eine andere Ihrer Firmen", Company: "Firma", ShowCompany: "Diese Firma zeigen",
		Named:     "Ihr Zugangsname ist geändert. Die früheren gelten weiter.",
		Confirmed: "Es ist bestätigt und wird nun geschuldet.",
		Disputed: "Sie haben widersprochen. Es wird nicht geschuldet, außer wenn wir nach einer Prüfung " +
			"finden, dass es richtig war.",
		Lines: "Leitungen", NoLines: "Ihre Firma hat keine Leitung.",
		CallNow: "Sie können sie jetzt anrufen.", CallUntil: "Sie können sie jetzt anrufen, bis {time}.",
		ShowNumber: "Nummer zeigen", OfLine: " von {line}",
		NotAllowed: "Ihre Firma hat nicht erlaubt, dass Ihnen Nummern gezeigt werden. Wir ändern das, wenn Ihre Firma darum " +
			"bittet.",
		NotBegun: "Ihr Vertrag hat noch nicht begonnen.", Ended: "Ihr Vertrag ist abgelaufen.", Suspended: "Ihr Vertrag ruht.",
		OutsideHours:  "Es ist außerhalb der Zeiten Ihres Plans.",
		OtherSeverity: "Ihr Plan deckt Fälle dieses Schweregrads nicht ab.",
		AllowanceUsed: "Die Anrufe, die Ihr Plan enthält, sind aufgebraucht.", NotCovered: "Ihre Verträge decken sie nicht ab.",

		Accepted: "Am Telefon angenommen", AcceptedAt: "Angenommen: {time}.",
		NotOwedYet:    "Es wird nichts geschuldet, bevor Sie bestätigen.",
		NotOwedLapses: "Es wird nichts geschuldet, bevor Sie bestätigen; ohne das verfällt es: {time}.",
		Owed:          "Dies wird geschuldet.", Terms: "Bedingungen", Confirm: "Bestätigen: Wir schulden {amount}",
		NotRight: "Das ist nicht richtig", WhyNotRight: "Warum es nicht richtig ist", Dispute: "Widersprechen", NoAmount: "nichts",

		AccessName: "Zugangsname", FoundBy: "Ihre Leute werden gefunden, wenn sie am Telefon {name} sagen.",
		ChooseName:  "Wählen Sie einen Namen, unter dem Ihre Leute am Telefon gefunden werden.",
		AnotherName: "Ein anderer Name", TheName: "Der Name", ChangeIt: "Ändern", ChooseIt: "Wählen",

		CallIt: "Anrufen", FromThisPhone: " von diesem Telefon",
		NewNumber: "Diese Nummer ist neu. Eine, die Sie vielleicht von früher haben, gilt nur noch bis {time}: Ersetzen Sie sie.",
	}
}

func germanFailures() Failures {
	return Failures{
		LookAgain: "Bitte sehen Sie es noch einmal an", NoAddress: "Das ist keine E-Mail-Adresse.",
		NameRules: "Ein Name hat mindestens 3 Buchstaben oder Ziffern und höchstens 100 Zeichen, und beginnt und endet nicht " +
			"mit einem Leerzeichen.",
		ReasonRules: "Bitte sagen Sie in höchstens 500 Zeichen, warum es nicht richtig ist. Schreiben Sie nie die Nummer einer " +
			"Zahlungskarte.",
		Unreadable: "Etwas darin ist nicht lesbar.", ConfirmOrDispute: "Bitte bestätigen oder widersprechen Sie.",
		NoSuchThing: "Das gibt es nicht", NoPage: "Unter dieser Adresse ist nichts.",
		NoLine: "Ihre Firma hat diese Leitung nicht.", NoLonger: "Es ist nicht mehr da.",
		NoProvider: "Anmelden kann man sich nur mit einem Link.",
		NameTaken:  "Dieser Name ist vergeben", ChooseAnother: "Bitte wählen Sie einen anderen.",
		NotNow:           "Das geht jetzt nicht",
		ChangedMeanwhile: "Es wurde inzwischen geändert. Bitte sehen Sie es an, und versuchen Sie es noch einmal.",
		NoLinksSent:      "Hier werden keine Links gesendet. Bitte fragen Sie, wer Ihre Firma bei uns betreut.",
		MayOnlyLook:      "Sie dürfen nur ansehen. Wir ändern das, wenn Ihre Firma darum bittet.",
		AnotherCompany: "Diese Seite gehörte zu einer anderen Firma als der, zu der Sie inzwischen gewechselt haben. Bitte " +
			"gehen Sie zurück zur ersten Seite.",
		NotEntitledNow:   "Ihre Firma darf diese Leitung zurzeit nicht anrufen.",
		SettledMeanwhile: "Es wurde inzwischen beantwortet oder ist verfallen. Bitte sehen Sie es noch einmal an.",
		TryAgain:         "Bitte versuchen Sie es noch einmal",
		AnotherSession: "Dieses Formular gehört zu einer anderen Sitzung. Gehen Sie zurück zu Ihrer Seite, und versuchen Sie es " +
			"noch einmal.",
		TooOften: "Zu oft", TooManyLinks: "Von hier wurden zu viele Links angefordert.",
		TooManySignIns:  "Von hier kamen zu viele Links, die nichts öffnen.",
		TooManyNames:    "Der Name wurde in letzter Zeit oft geändert.",
		TooManyNumbers:  "Es wurden in letzter Zeit viele Nummern gezeigt, und die gelten weiter.",
		TooManyChanges:  "Dies wurde zu oft beantwortet. Bitte fragen Sie, wer Ihre Firma bei uns betreut.",
		TooManyRequests: "Es waren zu viele Anfragen.",
		InAMinute:       "Bitte versuchen Sie es in einer Minute noch einmal.",
		InMinutes:       "Bitte versuchen Sie es in {minutes} Minuten noch einmal.",
		InAWhile:        "Bitte versuchen Sie es in einer Minute noch einmal",
		NoAnswer:        "Etwas, das dafür gebraucht wird, antwortet nicht.",
		WentWrong:       "Etwas ist schiefgegangen",
		WrittenDown:     "Es wurde festgehalten. Bitte versuchen Sie es später noch einmal.",
	}
}
