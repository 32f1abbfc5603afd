package pin

import "strings"

// commonPINs are those that many people choose, besides what the rules refuse: lines and corners on the keys of a phone,
// holidays, dates and numbers that everybody knows, words on a keypad.
func commonPINs() []string {
	return strings.Fields(`
		0852 2580 7410 3690 0963 1590 0951 3570 0753 1478 1236 1245 1254 1256 1258 1379 1397 1793 3179 7139 9713 7931 2684
		4862 2846 5280 8520 0258 7894 7896 9874 4561 4563 3214 3216 1230 1023 1324 1342 1423 1243 3412 4312 1225 1224 2412
		2512 3112 1231 1004 1024 4096 1337 3141 3142 3145 2718 0420 0911 9110 0112 5683 7465 4200 8675 1066 1492 1776 1789
		1812 1871 12321 13524 14725 14789 25801 74123 78945 75391 95123 12369 36987 123321 123654 123698 147258 147852
		147896 159357 159753 258369 258456 321654 357159 456123 456321 456852 654123 753159 753951 789123 789456 852456
		951753 963852 987456 520131 314159 271828 142536 143256 135246 246135 102030 121234 123412 123450 1234321 1478963
		1472583 5201314 1314520 8675309 3141592 12344321 14725836 14789632 31415926 11235813 123454321 123456123 147258369
		147852369 789456123 321654987 987654123 963852741 3141592653 147896325 0147258369
	`)
}

// commonPhrases are passwords and sayings that many people choose, as letters alone; those of less than a phrase's letters
// are refused with digits around them.
func commonPhrases() []string {
	return strings.Fields(`
		password passwords mypassword thepassword newpassword ourpassword thisismypassword passphrase mypassphrase
		secretphrase thesecretphrase secretword secret topsecret mysecret letmein letmeinplease welcome welcomehome
		welcometo changeme default administrator administration admin supervisor support supportline emergency customer
		helpdesk whatever trustno trustnoone iloveyou iloveyouall ihateyou sunshine princess football baseball basketball
		superman batman spiderman starwars pokemon monkey dragon master shadow michael jennifer michelle jonathan computer
		internet samsung freedom charlie liverpool chelsea arsenal swordfish mustang corvette mercedes midnight butterfly
		opensesame abracadabra correcthorsebatterystaple speakfriendandenter tobeornottobe helloworld hellohello
		thequickbrownfox thequickbrownfoxjumpsoverthelazydog loremipsum loremipsumdolorsitamet onceuponatime
		maytheforcebewithyou happybirthday merrychristmas goodmorning knockknock bondjamesbond jamesbond passwort
		meinpasswort kennwort geheim geheimnis strenggeheim willkommen hallowelt ichliebedich sesamoeffnedich
		sesamoffnedich schatzi fussball motdepasse monmotdepasse bienvenue jetaime azertyuiop soleil doudou sesameouvretoi
		contrasena micontrasena bienvenido tequiero teamo abretesesamo senha minhasenha parola lamiapassword apritisesamo
		wachtwoord welkom geheimpje
	`)
}

// rows are letters and digits in an order that everybody knows: the alphabet's, and that of keyboards.
func rows() []string {
	return strings.Fields(`
		abcdefghijklmnopqrstuvwxyz 01234567890123456789 qwertyuiopasdfghjklzxcvbnm qwertzuiopuasdfghjkloayxcvbnm
		azertyuiopqsdfghjklmwxcvbn 1qaz2wsx3edc4rfv5tgb6yhn7ujm 1q2w3e4r5t6y7u8i9o0p alphabravocharliedeltaechofoxtrot
		onetwothreefourfivesixseveneightnineten einszweidreivierfunfsechssiebenachtneunzehn
		undeuxtroisquatrecinqsixsepthuitneufdix unodostrescuatrocincoseissieteochonuevediez
	`)
}
