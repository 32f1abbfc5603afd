package bulk

import (
	"strings"
	"unicode/utf8"
)

// cellEnds is behind what a spreadsheet may begin another cell: in many countries it takes a semicolon for the end of one,
// whatever the file has between columns, and then knows no quotes either.
const cellEnds = ";\n\r\t"

// Guarded keeps a spreadsheet from running a cell as a formula, or what it takes for one: an apostrophe goes before. A
// telephone number is none that it could run. A Reader takes the apostrophes away.
func Guarded(cell string) string {
	if cell == "" {
		return cell
	}
	var b strings.Builder
	for _, part := range cellParts(cell) {
		if first, quoted := startOf(part); isFormula(first, part, quoted) {
			b.WriteByte('\'')
		}
		b.WriteString(part)
	}
	return b.String()
}

// unguarded is a cell without what Guarded put before.
func unguarded(cell string) string {
	if !strings.ContainsRune(cell, '\'') {
		return cell
	}
	var b strings.Builder
	for _, part := range cellParts(cell) {
		if first, quoted := startOf(part); quoted && strings.ContainsRune(formulaStarts, first) {
			part = part[1:]
		}
		b.WriteString(part)
	}
	return b.String()
}

// formulaStarts are what spreadsheets take for the beginning of a formula, or pass over before one; some do so of the wide
// forms of East Asia, too.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// startOf is with what a part begins behind its apostrophes, and whether there are any; utf8.RuneError where it is empty.
func startOf(part string) (first rune, quoted bool) {
	rest := strings.TrimLeft(part, "'")
	first, _ = utf8.DecodeRuneInString(rest)
	return first, len(rest) < len(part)
}

func isFormula(first rune, part string, quoted bool) bool {
	if (first == '+' || first == '-') && !quoted {
		return strings.Trim(part[1:], "0123456789"+cellEnds) != ""
	}
	return first != utf8.RuneError && strings.ContainsRune(formulaStarts, first)
}

// cellParts cuts behind each of cellEnds.
func cellParts(cell string) (parts []string) {
	for {
		at := strings.IndexAny(cell, cellEnds)
		if at < 0 || at == len(cell)-1 {
			return append(parts, cell)
		}
		parts, cell = append(parts, cell[:at+1]), cell[at+1:]
	}
}
