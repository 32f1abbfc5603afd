package names

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Weights of words: how much each says of who it is.
const (
	nameWeight    = 1.0
	commonWeight  = 0.6
	genericWeight = 0.3
	fillerWeight  = 0.1
)

// weights of words that say less than a name. Fillers are articles and the like, legal forms that do not stand where they
// should, what people say around a name, and what stock exchanges write behind it.
var weights = weighed(map[float64]string{
	fillerWeight: `the of for in a an at on to by de la le les du des der die das del di el los las y e och og und et and von van
		hello hi hey this is its it i im am we were are my our name called call calling from with here speaking uh um er yes
		please company dot com www http https
		co ltd limited inc incorporated corp corporation plc llc lp llp ag sa se nv bv ab as asa oyj spa gmbh kgaa publ pt tbk
		berhad bhd pvt pte pty public private joint
		ord shs sh share shares ordinary common stock preferred preference class cl series adr ads gdr reg regs inh nam namen
		depositary representing cum cumulative units dl eo ls hd yc sk nk dk kr zy sf rp cw on oe egb bpa op new`,
	genericWeight: `group holding international global worldwide service solution system technology industry industrial
		enterprise partner associate consulting venture trading office division department management investment capital
		finance financial fund trust acquisition resource product development corporate business general national company
		companies sanayi ticaret ve`,
	commonWeight: `energy power bank bancorp bancshares insurance real estate property realty gold silver mining minerals metals
		mines copper lithium uranium oil gas petroleum health healthcare medical pharmaceutical therapeutics biotech bio
		biosciences sciences science life care electric electronic electronics engineering construction infrastructure steel
		cement chemical chemicals material materials media entertainment digital software data network networks telecom
		communications foods food hotels hotel logistics transport shipping air motor auto automotive water environmental green
		renewable solar education home retail brands textile mills paper security securities credit commercial american
		america united china india japan australia canada europe european asia pacific north south east west northern southern
		eastern western central city first new great one royal star sun growth income opportunities equity value index municipal
		advanced precision equipment machinery manufacturing labs laboratories semiconductor interactive innovation smart
		pharma exploration agro marine aviation leasing design`,
})

func weighed(lists map[float64]string) map[string]float64 {
	out := map[string]float64{}
	for weight, list := range lists {
		for w := range strings.FieldsSeq(list) {
			if have, ok := out[w]; !ok || weight < have {
				out[w] = weight
			}
		}
	}
	return out
}

// weigh is the weight of a word in its usual form.
func weigh(w string) float64 {
	if weight, ok := weights[w]; ok {
		return weight
	}
	if len(w) > 3 && w[len(w)-1] == 's' {
		if weight, ok := weights[w[:len(w)-1]]; ok {
			return weight
		}
	}
	if isDigit(w[0]) {
		return commonWeight // of a series of funds, or the date of a bond
	}
	return nameWeight
}

// appendWeights appends the weights of words in a row. What was there before says nothing new; a number behind a filler, or
// one that begins with 0, is a nominal value or the like.
func appendWeights(out []float64, words []string) []float64 {
	for i, w := range words {
		weight := weigh(w)
		switch {
		case i > 0 && slices.Contains(words[:i], w), isDigit(w[0]) && (w[0] == '0' || i > 0 && out[i-1] == fillerWeight):
			weight = fillerWeight
		}
		out = append(out, weight)
	}
	return out
}

// usual are words that are written in several ways, by the one that stands for all.
var usual = map[string]string{
	"intl": "international", "internat": "international", "int": "international", "inter": "international",
	"natl": "national", "nat": "national", "amer": "american", "am": "american", "amern": "american",
	"austr": "australia", "aust": "australia", "cdn": "canadian", "europ": "european", "pac": "pacific",
	"mfg": "manufacturing", "manuf": "manufacturing", "mfrs": "manufacturers", "mfr": "manufacturer", "mnfg": "manufacturing",
	"grp": "group", "gr": "group", "gruppe": "group", "groupe": "group", "grupo": "group", "gruppo": "group", "grup": "group",
	"hldg": "holding", "hldgs": "holding", "hldngs": "holding", "hlds": "holding", "hld": "holding", "hl": "holding",
	"hold": "holding", "hol": "holding", "holdings": "holding", "hlg": "holding", "hgs": "holding",
	"tech": "technology", "techn": "technology", "technol": "technology", "technologies": "technology",
	"techno": "technology", "tec": "technology", "techs": "technology", "tecnologia": "technology",
	"sys": "system", "syst": "system", "systems": "system", "svc": "service", "svcs": "service", "serv": "service",
	"servic": "service", "services": "service", "svs": "service", "srvcs": "service",
	"solutions": "solution", "soln": "solution", "solns": "solution", "sol": "solution", "solut": "solution",
	"ind": "industry", "inds": "industry", "indl": "industrial", "industries": "industry", "indus": "industry",
	"ent": "enterprise", "entpr": "enterprise", "entpse": "enterprise", "enterprises": "enterprise", "ents": "enterprise",
	"assoc": "associate", "assocs": "associate", "associates": "associate", "assn": "association",
	"dept": "department", "dev": "development", "devel": "development", "dvlp": "development", "develop": "development",
	"develpmt": "development", "devmt": "development",
	"mgmt": "management", "mgt": "management", "manag": "management", "mngmt": "management",
	"inv": "investment", "invs": "investment", "invt": "investment", "invest": "investment", "investments": "investment",
	"invmt": "investment", "invts": "investment", "investm": "investment",
	"fin": "financial", "finl": "financial", "fincl": "financial", "financ": "financial", "fncl": "financial",
	"cap": "capital", "cptl": "capital", "bk": "bank", "bnk": "bank", "bco": "banco", "bca": "banca", "bq": "banque",
	"res": "resource", "resources": "resource", "rsc": "resource", "rscs": "resource", "resrcs": "resource",
	"prod": "product", "prods": "product", "products": "product", "pdts": "product",
	"comm": "communications", "comms": "communications", "communic": "communications", "communication": "communications",
	"com": "com", "telecomm": "telecom", "telecommunications": "telecom", "telecommunication": "telecom", "tele": "telecom",
	"elec": "electric", "el": "el", "electr": "electric", "elect": "electric", "electron": "electronics",
	"eng": "engineering", "engr": "engineering", "engrg": "engineering", "engin": "engineering",
	"pharm": "pharmaceutical", "pharma": "pharmaceutical", "pharmac": "pharmaceutical", "pharmaceut": "pharmaceutical",
	"pharmaceuticals": "pharmaceutical", "phar": "pharmaceutical", "pharmaceu": "pharmaceutical",
	"therap": "therapeutics", "therapeut": "therapeutics", "thera": "therapeutics", "ther": "therapeutics",
	"chem": "chemical", "chems": "chemical", "chemicals": "chemical", "chemic": "chemical",
	"lab": "laboratories", "labs": "laboratories", "laboratory": "laboratories",
	"prop": "property", "props": "property", "properties": "property", "ppty": "property", "ppties": "property", "propert": "property",
	"rlty": "realty", "re": "re", "est": "estate", "estates": "estate", "constr": "construction", "const": "construction",
	"ins": "insurance", "insur": "insurance", "assur": "assurance", "transp": "transport", "trans": "transport",
	"transportation": "transport", "ltg": "lighting", "mtls": "materials", "matls": "materials", "mat": "materials",
	"mater": "materials", "material": "materials", "minls": "minerals", "mineral": "minerals", "min": "mining", "mng": "mining",
	"metal": "metals", "petrol": "petroleum", "pete": "petroleum", "expl": "exploration", "explor": "exploration",
	"explorations": "exploration", "acq": "acquisition", "acquis": "acquisition", "acquisit": "acquisition",
	"univ": "universal", "gen": "general", "genl": "general", "med": "medical", "medic": "medical", "hlth": "health",
	"hlthcr": "healthcare", "hltcare": "healthcare", "entmt": "entertainment", "entertain": "entertainment",
	"infrastr": "infrastructure", "infra": "infrastructure", "renew": "renewable", "renewables": "renewable",
	"sec": "securities", "secs": "securities", "wtr": "water", "pwr": "power", "enrgy": "energy", "ener": "energy",
	"sth": "south", "nth": "north", "st": "saint", "ste": "saint", "sainte": "saint", "mt": "mount", "bros": "brothers",
	"gebr": "brothers", "gebruder": "brothers", "gebrueder": "brothers", "ctr": "center", "centre": "center", "cntr": "center",
	"cty": "city", "bldg": "building", "bldgs": "building", "distr": "distribution", "auto": "automotive",
	"ctrl": "control", "ctl": "control", "cons": "consolidated", "consol": "consolidated", "incm": "income", "inc": "inc",
	"tr": "trust", "tst": "trust", "fd": "fund", "fds": "funds", "equ": "equity", "pub": "public", "pty": "pty",
	"biopharm": "biopharma", "biotherapeutic": "biotherapeutics", "semicon": "semiconductor", "semiconductors": "semiconductor",
	"semicond": "semiconductor", "environ": "environmental", "oest": "oesterreichische", "oesterr": "oesterreichische",
	"deut": "deutsche", "dt": "deutsche", "dtsch": "deutsche", "schweiz": "schweizerische", "ges": "gesellschaft",
	"soc": "societe", "cie": "company", "cia": "company", "compagnie": "company", "compania": "company", "companhia": "company",
	"color": "colour", "labor": "labour", "theater": "theatre", "organization": "organisation", "grey": "gray",
	"1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "5th": "fifth",
}

// numbers are those that a word says.
var numbers = map[string]int{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
	"nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
	"ninety": 90, "hundred": 100, "thousand": 1000, "million": 1_000_000,
}

// appendUsual appends words as they are compared where a name is not the same: each in its usual form, numbers in digits.
func appendUsual(out []string, words []string) []string {
	for i := 0; i < len(words); {
		if n, number := numberAt(words[i:]); n > 0 {
			out = append(out, number)
			i += n
			continue
		}
		w := words[i]
		if short, ok := usual[w]; ok {
			w = short
		}
		out = append(out, w)
		i++
	}
	return out
}

// numberAt is how many words at the start say one number, and which; 0 where the first says none.
func numberAt(words []string) (n int, number string) {
	sum, last := 0, 0
	for n < len(words) {
		v, ok := numbers[words[n]]
		switch {
		case !ok:
		case n == 0:
			sum = v
		case v >= 100 && sum > 0 && sum < v:
			sum *= v
		case v < 10 && v > 0 && last >= 20 && last < 100, v < 100 && last >= 100: // twenty one, one hundred five
			sum += v
		default:
			ok = false // another number
		}
		if !ok {
			break
		}
		last = v
		n++
	}
	if n == 0 {
		return 0, ""
	}
	return n, strconv.Itoa(sum)
}

// heard is room in which it is found what leads to a name.
type heard struct {
	words, usual []string
	weights      []float64 // of usual
	sound        []byte
	found        []uint32
	hashes       []uint64
}

// maxWords is by how many words, the first of them, a name is found.
const maxWords = 24

// take reads folded words.
func (h *heard) take(folded string) {
	h.words, h.usual = h.words[:0], h.usual[:0]
	for w := range strings.FieldsSeq(folded) {
		if len(h.words) == maxWords {
			break
		}
		h.words = append(h.words, w)
	}
	h.usual = appendUsual(h.usual, h.words)
	h.weights = appendWeights(h.weights[:0], h.usual)
}

// grams are those of folded words, ascending, each once; valid until the next call.
func (h *heard) grams(folded string) []uint32 {
	h.take(folded)
	h.found = h.found[:0]
	for _, w := range h.usual {
		h.sound = appendSound(h.sound[:0], w)
		h.found = appendGrams(h.found, h.sound)
	}
	slices.Sort(h.found)
	h.found = slices.Compact(h.found)
	return h.found
}

const (
	// minInitials and maxInitials bound what is taken for initials.
	minInitials = 2
	maxInitials = 8
)

// codes are hashes of what folded words sound like altogether, and of their initials; valid until the next call.
func (h *heard) codes(folded string) []uint64 {
	h.take(folded)
	h.hashes = append(h.hashes[:0], h.soundCode())
	for _, initials := range h.initials() {
		h.hashes = append(h.hashes, hashOf('i', initials))
	}
	return h.hashes
}

// soundCode is a hash of what the words taken sound like.
func (h *heard) soundCode() uint64 {
	h.sound = h.sound[:0]
	for _, w := range h.usual {
		h.sound = appendSound(h.sound, w)
	}
	n := len(h.sound)
	return hashOf('s', string(skeleton(h.sound, h.sound)[n:]))
}

// initials are the first letters of the words taken, with fillers ("boi" of Bank of Ireland) and without.
func (h *heard) initials() (out []string) {
	var all, some []rune
	for _, w := range h.words {
		first, _ := utf8.DecodeRuneInString(w)
		all = append(all, first)
		if weigh(w) > fillerWeight {
			some = append(some, first)
		}
	}
	if len(all) >= minInitials && len(all) <= maxInitials {
		out = append(out, string(all))
	}
	if len(some) >= minInitials && len(some) <= maxInitials && len(some) < len(all) {
		out = append(out, string(some))
	}
	return out
}

// hashOf is a hash (FNV-1a) of a text of a kind.
func hashOf(kind byte, text string) uint64 {
	h := (uint64(14695981039346656037) ^ uint64(kind)) * 1099511628211
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
