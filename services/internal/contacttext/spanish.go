//nolint:misspell // its words are not English
package contacttext

func spanish() *Text {
	return &Text{
		Tag: "es", Pages: spanishPages(), Failures: spanishFailures(),
		Mails: Mails{
			LinkSubject: "Su enlace para entrar",
			LinkBody: `Usted, o alguien que conoce su dirección, ha pedido un enlace para entrar en nombre de {customer}:

{link}

Sirve una sola vez, en los próximos {minutes} minutos. Si una página se lo pide, péguelo allí entero.
Si no ha sido usted, no haga caso de este mensaje: sin el enlace no pasa nada.
`,
			NumberHidden: "El número de {line} es solo para {customer}. No lo publique ni lo comunique a otros; puede cambiar en " +
				"cualquier momento, y queda anotado quién lo tiene.",
			NumberPublic: "El número de {line} es público; puede cambiar en cualquier momento.",
			AccessUntil:  "Su acceso es válido hasta el {time}.",
		},
		Remedies: Remedies{
			AcceptOffer: "aceptar {offer} por {price}", OnDate: "{what} el {date} a las {time}",
			GrantBegins: "grants/{grant} empieza", HoursBegin: "empieza el horario del plan {plan}",
			ContractBegins: "{contract} empieza", InForceAgain: "{contract} vuelve a estar en vigor",
			NextCall:     "la próxima llamada del plan {plan} está disponible",
			NextCalls:    "las próximas {calls} llamadas del plan {plan} están disponibles",
			ContractName: "contrato {contract}", ContractNameOf: "contrato {contract} de {customer}",
			NewContract: "un contrato en vigor", NewContractFor: "un contrato en vigor para {product}",
			Renew:      "renovar: {contract}, que terminó el {date}",
			BetterPlan: "un plan distinto de {plan}, el de: {contract}; un plan con {limits}",
			OtherLines: "otras líneas", OtherSeverities: "otros niveles de gravedad", MoreCalls: "más llamadas",
			LongerHours: "un horario más amplio", And: " y ", Besides: "; además, ",
		},
		Forms: Forms{
			Moment: "{day} de {month} de {year}, {time} {zone}", First: "1", Comma: true,
			Months: [12]string{
				"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
				"diciembre",
			},
		},
	}
}

func spanishPages() Pages {
	return Pages{
		Back: "Volver a la primera página", AskForAnother: "Pedir otro", LinkOnce: "Un enlace sirve una sola vez.",

		SignIn: "Entrar", Heading: "Asistencia fuera de horario",
		Intro: "Para los contactos de nuestros clientes: las líneas a las que su empresa puede llamar, y sus números.",
		Email: "Su dirección de correo electrónico", SendLink: "Enviar un enlace",
		CompanyAccount: "Entrar con la cuenta de su empresa",
		NobodyHasTo: "Nadie tiene que entrar para llamar: quien tiene nuestro número puede llamar ahora y decir el nombre de su " +
			"empresa.",
		NotSignedIn: "No ha entrado",
		NoEntry: "Con esto no se puede entrar: un enlace sirve una sola vez, durante 15 minutos, a un contacto de un cliente. " +
			"Pida otro.",
		NoEntryElsewhere: "Con la cuenta de su empresa no puede entrar: su dirección debe ser la que tenemos de usted. " +
			"Inténtelo de nuevo, o pida un enlace.",
		SessionOver: "Su sesión ha terminado", SessionOverText: "Su sesión ha terminado. Entre de nuevo, por favor.",

		Asked:     "Mire su correo",
		AskedText: "Si esta es la dirección de un contacto que puede entrar aquí, hay un enlace en camino:",
		AskedUse: "Sirve una sola vez, durante 15 minutos. Puede abrirlo aquí o en otro dispositivo; quien lo abre, entra en " +
			"ese.",
		AskedNothing: "Si no llega nada en cinco minutos",
		HintAddress:  "¿Es correcta la dirección, y es la que nos dio su empresa?",
		HintUnwanted: "Mire entre el correo no deseado.",
		HintAgain:    "Pídalo otra vez: un enlace puede perderse, y se envían hasta tres en 15 minutos.",
		HintWho:      "Pregunte a quien atiende a su empresa en la nuestra si usted es uno de sus contactos.",
		AskedAgain:   "Enviar otro enlace", AskedOther: "Otra dirección",

		LinkField: "Su enlace, tal como está en el correo",
		LinkHow:   "Copie el enlace entero del correo y péguelo aquí.",

		SignOut: "Salir", SignedIn: "Sesión abierta hasta el {time}.", SignedInAs: "{who}, sesión abierta hasta el {time}.",
		OtherCompany: "Otra empresa suya", Company: "Empresa", ShowCompany: "Mostrar esta empresa",
		Named:     "Su nombre de acceso ha cambiado. Los anteriores siguen sirviendo.",
		Confirmed: "Está confirmado, y se debe desde ahora.",
		Disputed:  "Está impugnado. No se debe, salvo que comprobemos, tras examinarlo, que era correcto.",
		Lines:     "Líneas", NoLines: "Su empresa no tiene ninguna línea.",
		CallNow: "Puede llamar ahora.", CallUntil: "Puede llamar ahora, hasta el {time}.",
		ShowNumber: "Mostrar el número", OfLine: " de {line}",
		NotAllowed: "Su empresa no ha permitido que se le muestren números. Lo cambiamos cuando su empresa lo pide.",
		NotBegun:   "Su contrato no ha empezado.", Ended: "Su contrato ha terminado.", Suspended: "Su contrato está suspendido.",
		OutsideHours:  "Está fuera del horario de su plan.",
		OtherSeverity: "Su plan no cubre casos de esta gravedad.",
		AllowanceUsed: "Las llamadas incluidas en su plan están agotadas.", NotCovered: "Sus contratos no la cubren.",

		Accepted: "Aceptado por teléfono", AcceptedAt: "Aceptado el {time}.", NotOwedYet: "No se debe nada antes de que confirme.",
		NotOwedLapses: "No se debe nada antes de que confirme; sin eso, caduca el {time}.", Owed: "Esto se debe.",
		Terms: "Condiciones", Confirm: "Confirmar: debemos {amount}", NotRight: "No es correcto",
		WhyNotRight: "Por qué no es correcto", Dispute: "Impugnar", NoAmount: "nada",

		AccessName: "Nombre de acceso", FoundBy: "A su gente se la encuentra cuando dice {name} por teléfono.",
		ChooseName:  "Elija un nombre con el que se encuentre a su gente por teléfono.",
		AnotherName: "Otro nombre", TheName: "El nombre", ChangeIt: "Cambiar", ChooseIt: "Elegir",

		CallIt: "Llamar", FromThisPhone: " desde este teléfono",
		NewNumber: "Este número es nuevo. El que quizá tenga de antes solo sirve hasta el {time}: cámbielo.",
	}
}

func spanishFailures() Failures {
	return Failures{
		LookAgain: "Revíselo, por favor", NoAddress: "Esto no es una dirección de correo electrónico.",
		NameRules: "Un nombre tiene al menos 3 letras o cifras y como mucho 100 caracteres, y no empieza ni termina con un " +
			"espacio.",
		ReasonRules: "Diga en 500 caracteres como mucho por qué no es correcto. No escriba nunca el número de una tarjeta de " +
			"pago.",
		Unreadable: "Hay algo que no se puede leer.", ConfirmOrDispute: "Confirme o impugne, por favor.",
		NoSuchThing: "Eso no existe", NoPage: "No hay nada en esta dirección.",
		NoLine: "Su empresa no tiene esta línea.", NoLonger: "Ya no está.",
		NoProvider: "Solo se puede entrar con un enlace.",
		NameTaken:  "Este nombre está ocupado", ChooseAnother: "Elija otro, por favor.",
		NotNow:           "Ahora no se puede",
		ChangedMeanwhile: "Ha cambiado entretanto. Mírelo e inténtelo de nuevo, por favor.",
		NoLinksSent:      "Aquí no se envían enlaces. Diríjase a quien atiende a su empresa en la nuestra.",
		MayOnlyLook:      "Usted solo puede mirar. Lo cambiamos cuando su empresa lo pide.",
		AnotherCompany: "Esta página era de otra empresa que la que ha elegido entretanto. Vuelva a la primera página, por " +
			"favor.",
		NotEntitledNow:   "Su empresa no puede llamar a esta línea en este momento.",
		SettledMeanwhile: "Se ha respondido entretanto, o ha caducado. Mírelo de nuevo, por favor.",
		TryAgain:         "Inténtelo de nuevo, por favor",
		AnotherSession:   "Este formulario es de otra sesión. Vuelva a su página e inténtelo de nuevo.",
		TooOften:         "Demasiadas veces", TooManyLinks: "Se han pedido demasiados enlaces desde aquí.",
		TooManySignIns:  "Demasiados enlaces desde aquí no abren nada.",
		TooManyNames:    "El nombre ha cambiado muchas veces últimamente.",
		TooManyNumbers:  "Se han mostrado muchos números últimamente, y esos siguen sirviendo.",
		TooManyChanges:  "Se ha respondido demasiadas veces. Diríjase a quien atiende a su empresa en la nuestra.",
		TooManyRequests: "Ha habido demasiadas peticiones.",
		InAMinute:       "Inténtelo de nuevo dentro de un minuto.", InMinutes: "Inténtelo de nuevo dentro de {minutes} minutos.",
		InAWhile: "Inténtelo de nuevo dentro de un minuto", NoAnswer: "Algo que se necesita para esto no responde.",
		WentWrong: "Algo ha salido mal", WrittenDown: "Ha quedado anotado. Inténtelo más tarde, por favor.",
	}
}
