package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxLineBytes is how long a line may be, and a record of several.
const MaxLineBytes = 256 << 10

// line is one of a file, without its end.
type line struct {
	number int64
	text   []byte
	// long says that it is longer than one may be; its text is not all of it.
	long bool
}

// lines reads a file line by line, and can be given back what was read ahead.
type lines struct {
	r      *bufio.Reader
	number int64
	back   []line
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 1<<16)} }

// next is the next line; io.EOF after the last.
func (l *lines) next() (line, error) {
	if len(l.back) > 0 {
		first := l.back[0]
		l.back = l.back[1:]
		return first, nil
	}
	var out line
	for {
		part, err := l.r.ReadSlice('\n')
		if room := MaxLineBytes + 1 - len(out.text); len(part) > 0 && room > 0 {
			out.text = append(out.text, part[:min(len(part), room)]...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(out.text) > 0, err == nil:
		default:
			return line{}, err
		}
		l.number++
		out.number = l.number
		if l.number == 1 {
			out.text = bytes.TrimPrefix(out.text, []byte("\ufeff"))
		}
		out.text = bytes.TrimSuffix(bytes.TrimSuffix(out.text, []byte("\n")), []byte("\r"))
		out.long = len(out.text) >= MaxLineBytes
		return out, nil
	}
}

// giveBack has lines read again, the first of them first.
func (l *lines) giveBack(again []line) { l.back = append(append([]line(nil), again...), l.back...) }
