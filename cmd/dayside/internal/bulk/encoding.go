package bulk

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// encodings are those that a mapping may name, besides UTF-8: what spreadsheets and CRMs write that know no better.
func encodings() map[string]encoding.Encoding {
	return map[string]encoding.Encoding{
		"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252,
		"windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254, "windows-1257": charmap.Windows1257,
		"iso-8859-1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "iso-8859-15": charmap.ISO8859_15,
		"utf-16": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	}
}

const utf8Name = "utf-8"

// encodingOf is the one of a name; nil of UTF-8.
func encodingOf(name string) (encoding.Encoding, error) {
	if name == "" || strings.EqualFold(name, utf8Name) {
		return nil, nil //nolint:nilnil // nothing is to be decoded
	}
	e, ok := encodings()[strings.ToLower(name)]
	if !ok {
		return nil, fmt.Errorf("encoding: %q: must be %s, or %s", name, utf8Name, strings.Join(sorted(encodings()), ", "))
	}
	return e, nil
}

// Text is a file as UTF-8: of the mapping's encoding, or of UTF-16 where it begins with its mark (Excel's "Unicode Text").
// UTF-8 is left as it is. What is no text of its encoding becomes U+FFFD; decoded says that this is so.
func Text(in io.Reader, m *Mapping) (text io.Reader, decoded bool, err error) {
	e, err := encodingOf(m.Encoding)
	if err != nil {
		return nil, false, err
	}
	r := bufio.NewReader(in)
	if mark, _ := r.Peek(2); e == nil && (bytes.Equal(mark, []byte("\xff\xfe")) || bytes.Equal(mark, []byte("\xfe\xff"))) {
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	}
	if e == nil {
		return r, false, nil
	}
	return transform.NewReader(r, e.NewDecoder()), true, nil
}
