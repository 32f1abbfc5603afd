package roman_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/internal/roman"
)

func TestInLatinLetters(t *testing.T) {
	for text, want := range map[string]string{
		"Газпром": "gazprom", "ЛУКОЙЛ": "lukoyl", "Роснефть Сервис": "rosneft servis", "България": "balgariya",
		"Подъёмник": "podemnik", "Њива": "njiva",
		"Ελληνική Τράπεζα": "elliniki trapeza", "Ευρώπη": "evropi", "Μπάμπης": "bampis", "Ντίνος": "dinos", "Άγγελος": "angelos",
		"Ναυτιλία": "naftilia", "ουρανός": "ouranos",
		"أرامكو": "aramku", "الراجحي": "al rajhi", "سعودي": "sudi", "الوطنية": "al wtnia", "ارامكو": "aramku",
		"בנק לאומי": "bnk laomi", "תנובה": "tnova", "ויזה": "viza", "אלביט": "alvit",
		"中国银行": "zhongguoyinhang", "長江": "changjiang", "重庆": "chongqing", "行动": "xingdong",
		"トヨタ": "toyota", "ニッサン": "nissan", "シャープ": "shapu", "リョービ": "ryobi", "ジェイティービー": "jeitibi",
		"キャッシュ": "kyasshu", "しまむら": "shimamura",
		"삼성전자": "samseongjeonja", "카카오 뱅크": "kakao baengkeu",
		"acme": "acme", "Acme GmbH": "Acme GmbH", "Acme Россия": "acme rossiya", "♥": "", "♥ Сад": "sad", "": "",
		"Société": "societe", "「東芝」": "dongzhi",
	} {
		if got := roman.Of(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, text := range []string{"Газпром", "ャッ", "الو", "ν", "υ", "ъ", "\xff ж", strings.Repeat("庆", 10_000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := roman.Of(text)
		if got != text && (len(got) > 1<<13 || strings.ContainsFunc(got, func(r rune) bool { return r >= utf8.RuneSelf })) {
			t.Errorf("%q is %q", text, got)
		}
		if again := roman.Of(got); again != got {
			t.Errorf("%q is %q, and that %q", text, got, again)
		}
	})
}
