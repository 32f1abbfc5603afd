package names_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

// inOtherScripts are names as they are written, each with what somebody writes who only hears it.
const inOtherScripts = `
Cyrillic: Ромашка=Romashka, Северсталь=Severstal, Аэрофлот=Aeroflot, Яндекс=Yandex, Магнит=Magnit, Новатэк=Novatek
Cyrillic: Приватбанк=Privatbank, Нафтогаз=Naftogaz, Укрпошта=Ukrposhta, Софарма=Sopharma, Живой Сад=Zhivoy Sad
Cyrillic: ООО Волга Логистика=Volga Logistika, Щелково=Shchelkovo, Петрохолдинг=Petroholding, Уралкалий=Uralkali
Greek: Εθνική Τράπεζα=Ethniki Trapeza, Βιοχάλκο=Viohalco, Σκλαβενίτης=Sklavenitis, Πλαίσιο=Plaisio, Αλουμύλ=Alumil
Greek: Ελληνικά Πετρέλαια=Ellinika Petrelaia, Κωτσόβολος=Kotsovolos, Μυτιληναίος=Mytilineos, Ευρωπαϊκή Πίστη=Evropaiki Pisti
Arabic: أرامكو=Aramco, الراجحي=Al Rajhi, سابك=Sabic, المراعي=Almarai, موبايلي=Mobily, البنك الأهلي السعودي=Al Bank Al Ahli Al Saudi
Arabic: بنك مصر=Bank Misr, القاهرة=Al Qahira, النخيل=Al Nakheel, دبي القابضة=Dubai Al Qabida
Hebrew: אלביט=Elbit, בנק לאומי=Bank Leumi, בנק הפועלים=Bank Hapoalim, שטראוס=Strauss, תנובה=Tnuva, סלקום=Cellcom, מגדל=Migdal
Chinese: 华为=Huawei, 阿里巴巴=Alibaba, 中国银行=Zhongguo Yinhang, 比亚迪=Biyadi, 海尔=Haier, 小米=Xiaomi
Chinese: 北京汽车有限公司=Beijing Qiche, 重庆长安=Chongqing Chang'an, 上海電氣=Shanghai Dianqi
Japanese: トヨタ=Toyota, ヤマハ=Yamaha, パナソニック=Panasonic, マツダ=Matsuda, シャープ=Sharp, リョービ=Ryobi, キッコーマン=Kikkoman
Korean: 삼성전자=Samsung Jeonja, 현대=Hyundai, 신한은행=Shinhan Eunhaeng, 카카오=Kakao, 한화=Hanwha, 포스코=Posco, 두산=Doosan
`

type pair struct{ script, written, heard string }

func pairsInOtherScripts() (all []pair) {
	for line := range strings.Lines(strings.TrimSpace(inOtherScripts)) {
		script, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for one := range strings.SplitSeq(rest, ", ") {
			written, heard, _ := strings.Cut(one, "=")
			all = append(all, pair{script, written, heard})
		}
	}
	return all
}

// TestNamesInOtherScripts: who says a name finds it, whichever of the two is written in another script, beside 5,000 others;
// it is much like it, and never the same. Who is not found is counted: Elbit (alvit, as it is written), Strauss, Sharp.
func TestNamesInOtherScripts(t *testing.T) {
	all := pairsInOtherScripts()
	var written, heard []string
	for _, p := range all {
		written, heard = append(written, p.written), append(heard, p.heard)
	}
	others := market(seeded(3), 5000)
	byWritten, byHeard := known(append(written, others...)...), known(append(heard, others...)...)
	missed := map[string]int{}
	find := func(x *names.Index, p pair, id, said string) {
		found, _ := x.Find(said, limit)
		if len(found) == 0 || found[0].ID != id || found[0].Confidence < 0.5 {
			missed[p.script]++
			t.Logf("%s, %s: %q finds %s", p.script, p.written, said, describe(found))
			return
		}
		if found[0].Why == names.Exact || found[0].Confidence > 0.9 {
			t.Errorf("%q is taken for the same as %s", said, describe(found))
		}
	}
	for i, p := range all {
		id := fmt.Sprintf("c%d", i)
		find(byWritten, p, id, p.heard)
		find(byHeard, p, id, p.written)
	}
	for script, n := range missed {
		if most := map[string]int{"Hebrew": 4, "Japanese": 2}[script]; n > most {
			t.Errorf("%s: %d are missed, at most %d were", script, n, most)
		}
	}
}

// TestItsOwnScriptGoesFirst: of two that are as like what was said, the one that is written in its letters.
func TestItsOwnScriptGoesFirst(t *testing.T) {
	x := known("Газпром ООО", "Gazprom Ltd", "Gasprom; Гаспром")
	for said, want := range map[string][]string{
		"gazprom":     {"c1 1.00 exact", "c2 0.9", "c0 0.85 script"}, // who sounds so in its letters comes before
		"Газпром":     {"c0 1.00 exact", "c1 0.85 script", "c2 0.8"},
		"ООО Газпром": {"c0 1.00 exact", "c1 0.85 script", "c2 0.8"},
		"Gazprom Ltd": {"c1 1.00 exact", "c2 0.9", "c0 0.85 script"},
		"gazprmo":     {"c1", "c2", "c0"},
		"газпрмо":     {"c0", "c1", "c2"},
		"гаспром":     {"c2 1.00 exact", "c1 0.8", "c0 0.7"}, // by sound, which is compared in Latin letters
		"γκαζπρόμ":    {"c1 0.7", "c0 0.7", "c2 0.6"},
	} {
		found, _ := x.Find(said, limit)
		var have []string
		for _, m := range found {
			have = append(have, fmt.Sprintf("%s %.2f %s", m.ID, m.Confidence, map[names.Why]string{
				names.Exact: "exact", names.Script: "script",
			}[m.Why]))
		}
		if !slices.EqualFunc(have, want, strings.HasPrefix) {
			t.Errorf("%q: %v, want %v", said, have, want)
		}
	}
	if found, _ := x.FindDigits("4297766", limit); len(found) != 2 || found[0].ID != "c1" || found[1].ID != "c0" {
		t.Errorf("spelled: %v", found)
	}
}

// TestWhatIsNoLetter is not read in other letters: a heart is no "less than three".
func TestWhatIsNoLetter(t *testing.T) {
	for called, said := range map[string]string{"♥": "3", "☎": "phone", "東芝": "toshiba"} {
		if found, _ := known(called).Find(said, limit); len(found) > 0 {
			t.Errorf("%q finds %v", said, found)
		}
	}
}
