//nolint:misspell // its words are not English
package contacttext

func french() *Text {
	return &Text{
		Tag: "fr", Pages: frenchPages(), Failures: frenchFailures(),
		Mails: Mails{
			LinkSubject: "Votre lien de connexion",
			LinkBody: `Vous, ou quelqu’un qui connaît votre adresse, avez demandé un lien de connexion pour {customer} :

{link}

Il ne sert qu’une fois, dans les {minutes} minutes. Si une page le demande, collez-le en entier.
Si ce n’était pas vous, ignorez ce message : rien ne se passe sans le lien.
`,
			NumberHidden: "Le numéro de {line} est réservé à {customer}. Ne le publiez pas et ne le transmettez pas ; il peut " +
				"changer à tout moment, et il est consigné qui le possède.",
			NumberPublic: "Le numéro de {line} est public ; il peut changer à tout moment.",
			AccessUntil:  "Votre accès est valable jusqu’au {time}.",
		},
		Remedies: Remedies{
			AcceptOffer: "accepter {offer} pour {price}", OnDate: "{what} le {date} à {time}",
			GrantBegins: "grants/{grant} commence", HoursBegin: "les heures du plan {plan} commencent",
			ContractBegins: "{contract} commence", InForceAgain: "{contract} est de nouveau en vigueur",
			NextCall:     "le prochain appel du plan {plan} est disponible",
			NextCalls:    "les {calls} prochains appels du plan {plan} sont disponibles",
			ContractName: "contrat {contract}", ContractNameOf: "contrat {contract} de {customer}",
			NewContract: "un contrat en vigueur", NewContractFor: "un contrat en vigueur pour {product}",
			Renew:      "renouveler : {contract}, qui a pris fin le {date}",
			BetterPlan: "un autre plan que {plan}, celui de : {contract} ; un plan avec {limits}",
			OtherLines: "d’autres lignes", OtherSeverities: "d’autres niveaux de gravité", MoreCalls: "plus d’appels",
			LongerHours: "des heures plus longues", And: " et ", Besides: " ; en outre, ",
		},
		Forms: Forms{
			Moment: "{day} {month} {year} à {time} {zone}", First: "1er", Comma: true,
			Months: [12]string{
				"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
				"décembre",
			},
		},
	}
}

func frenchPages() Pages {
	return Pages{
		Back: "Retour à la première page", AskForAnother: "En demander un autre", LinkOnce: "Un lien ne sert qu’une fois.",

		SignIn: "Connexion", Heading: "Assistance hors des heures d’ouverture",
		Intro: "Pour les contacts de nos clients : les lignes que votre société peut appeler, et leurs numéros.",
		Email: "Votre adresse e-mail", SendLink: "Envoyer un lien", CompanyAccount: "Se connecter avec le compte de votre société",
		NobodyHasTo: "Personne n’a besoin de se connecter pour appeler : qui a notre numéro peut l’appeler maintenant et dire " +
			"le nom de sa société.",
		NotSignedIn: "Connexion impossible",
		NoEntry: "Cela ne vous donne pas accès : un lien ne sert qu’une fois, dans les 15 minutes, à un contact d’un client. " +
			"Demandez-en un autre.",
		NoEntryElsewhere: "Le compte de votre société ne vous donne pas accès : son adresse doit être celle que nous avons de " +
			"vous. Réessayez, ou demandez un lien.",
		SessionOver: "Votre session est terminée", SessionOverText: "Votre session est terminée. Veuillez vous reconnecter.",

		Asked:     "Consultez votre messagerie",
		AskedText: "Si cette adresse est celle d’un contact qui peut se connecter ici, un lien est en route :",
		AskedUse: "Il ne sert qu’une fois, dans les 15 minutes. Vous pouvez l’ouvrir ici ou sur un autre appareil ; qui l’ouvre " +
			"y est connecté.",
		AskedNothing: "Si rien n’arrive dans les cinq minutes",
		HintAddress:  "L’adresse est-elle juste, et est-ce celle que votre société nous a donnée ?",
		HintUnwanted: "Regardez parmi les messages indésirables.",
		HintAgain:    "Demandez-le encore : un lien peut se perdre, et trois au plus sont envoyés en 15 minutes.",
		HintWho:      "Demandez à la personne qui suit votre société chez nous si vous êtes l’un de ses contacts.",
		AskedAgain:   "Envoyer un autre lien", AskedOther: "Une autre adresse",

		LinkField: "Votre lien, tel qu’il figure dans le message",
		LinkHow:   "Copiez le lien entier du message et collez-le ici.",

		SignOut: "Se déconnecter", SignedIn: "Session ouverte jusqu’au {time}.",
		SignedInAs:   "{who}, session ouverte jusqu’au {time}.",
		OtherCompany: "Une autre de vos sociétés", Company: "Société", ShowCompany: "Afficher cette société",
		Named:     "Votre nom d’accès est changé. Les précédents restent valables.",
		Confirmed: "C’est confirmé, et dû dès maintenant.",
		Disputed:  "C’est contesté. Rien n’est dû, sauf si nous constatons, après vérification, que c’était juste.",
		Lines:     "Lignes", NoLines: "Votre société n’a pas de ligne.",
		CallNow: "Vous pouvez l’appeler maintenant.", CallUntil: "Vous pouvez l’appeler maintenant, jusqu’au {time}.",
		ShowNumber: "Afficher le numéro", OfLine: " de {line}",
		NotAllowed: "Votre société n’a pas autorisé que des numéros vous soient montrés. Nous le changeons quand votre société " +
			"le demande.",
		NotBegun: "Votre contrat n’a pas encore commencé.", Ended: "Votre contrat a pris fin.",
		Suspended: "Votre contrat est suspendu.", OutsideHours: "C’est en dehors des heures de votre plan.",
		OtherSeverity: "Votre plan ne couvre pas les cas de cette gravité.",
		AllowanceUsed: "Les appels compris dans votre plan sont utilisés.", NotCovered: "Vos contrats ne la couvrent pas.",

		Accepted: "Accepté au téléphone", AcceptedAt: "Accepté le {time}.", NotOwedYet: "Rien n’est dû avant que vous confirmiez.",
		NotOwedLapses: "Rien n’est dû avant que vous confirmiez ; sans cela, l’acceptation expire le {time}.",
		Owed:          "Ceci est dû.",
		Terms:         "Conditions", Confirm: "Confirmer : nous devons {amount}", NotRight: "Ce n’est pas juste",
		WhyNotRight: "Pourquoi ce n’est pas juste", Dispute: "Contester", NoAmount: "rien",

		AccessName: "Nom d’accès", FoundBy: "On trouve vos collaborateurs quand ils disent {name} au téléphone.",
		ChooseName:  "Choisissez un nom par lequel on trouve vos collaborateurs au téléphone.",
		AnotherName: "Un autre nom", TheName: "Le nom", ChangeIt: "Changer", ChooseIt: "Choisir",

		CallIt: "Appeler", FromThisPhone: " depuis ce téléphone",
		NewNumber: "Ce numéro est nouveau. Celui que vous avez peut-être d’avant ne marche que jusqu’au {time} : remplacez-le.",
	}
}

func frenchFailures() Failures {
	return Failures{
		LookAgain: "Veuillez vérifier", NoAddress: "Ce n’est pas une adresse e-mail.",
		NameRules: "Un nom a au moins 3 lettres ou chiffres et au plus 100 caractères, et ne commence ni ne finit par une " +
			"espace.",
		ReasonRules: "Veuillez dire en 500 caractères au plus pourquoi ce n’est pas juste. N’écrivez jamais le numéro d’une " +
			"carte de paiement.",
		Unreadable: "Une partie est illisible.", ConfirmOrDispute: "Veuillez confirmer ou contester.",
		NoSuchThing: "Cela n’existe pas", NoPage: "Il n’y a rien à cette adresse.",
		NoLine: "Votre société n’a pas cette ligne.", NoLonger: "Ce n’est plus là.",
		NoProvider: "On ne peut se connecter que par un lien.",
		NameTaken:  "Ce nom est pris", ChooseAnother: "Veuillez en choisir un autre.",
		NotNow:      "C’est impossible maintenant",
		NoLinksSent: "Aucun lien n’est envoyé ici. Adressez-vous à la personne qui suit votre société chez nous.",

		ChangedMeanwhile: "Cela a été changé entre-temps. Veuillez regarder et réessayer.",
		MayOnlyLook:      "Vous pouvez seulement regarder. Nous le changeons quand votre société le demande.",
		AnotherCompany: "Cette page était celle d’une autre société que celle que vous avez choisie entre-temps. Veuillez " +
			"revenir à la première page.",
		NotEntitledNow:   "Votre société ne peut pas appeler cette ligne pour le moment.",
		SettledMeanwhile: "On y a répondu entre-temps, ou cela a expiré. Veuillez regarder de nouveau.",
		TryAgain:         "Veuillez réessayer",
		AnotherSession:   "Ce formulaire est celui d’une autre session. Revenez à votre page et réessayez.",
		TooOften:         "Trop souvent", TooManyLinks: "Trop de liens ont été demandés d’ici.",
		TooManySignIns:  "Trop de liens venus d’ici n’ouvrent rien.",
		TooManyNames:    "Le nom a été changé souvent ces derniers temps.",
		TooManyNumbers:  "Beaucoup de numéros ont été montrés ces derniers temps, et ceux-ci restent valables.",
		TooManyChanges:  "On y a répondu trop souvent. Adressez-vous à la personne qui suit votre société chez nous.",
		TooManyRequests: "Il y a eu trop de demandes.",
		InAMinute:       "Veuillez réessayer dans une minute.", InMinutes: "Veuillez réessayer dans {minutes} minutes.",
		InAWhile: "Veuillez réessayer dans une minute", NoAnswer: "Un service nécessaire ne répond pas.",
		WentWrong: "Une erreur s’est produite", WrittenDown: "Elle a été consignée. Veuillez réessayer plus tard.",
	}
}
