package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Read reads a backup to its end. each is handed every part in turn, and need not read it; what it is handed is only
// certain once Read has returned nil: every part there, complete and as the manifest says, and nothing else. A nil each
// reads for that alone.
func Read(r io.Reader, each func(Manifest, Part, io.Reader) error) (Manifest, error) {
	t := tar.NewReader(r)
	text, err := readEntry(t, manifestName, maxManifestBytes)
	if err != nil {
		return Manifest{}, fmt.Errorf("this is no backup of Dayside, or not a whole one: %w", err)
	}
	m, err := parse(text)
	if err != nil {
		return Manifest{}, fmt.Errorf("the backup cannot be read: %w", err)
	}
	for _, p := range m.Parts {
		if err := readPart(t, m, p, each); err != nil {
			return m, fmt.Errorf("the backup cannot be used: %s: %w", p.Name, err)
		}
	}
	sealed, err := readEntry(t, sealName, int64(len(seal(nil))))
	if err != nil {
		return m, fmt.Errorf("the backup cannot be used: %w", err)
	}
	if !bytes.Equal(sealed, seal(text)) {
		return m, fmt.Errorf("the backup cannot be used: %s is not as it was written", manifestName)
	}
	return m, ended(t, r)
}

func parse(text []byte) (Manifest, error) {
	var version struct {
		Format  int    `json:"format"`
		Release string `json:"release"`
	}
	// A later format may hold anything: it is told by its number alone.
	if err := json.Unmarshal(text, &version); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", manifestName, err)
	}
	if version.Format != Format {
		return Manifest{}, Manifest{Format: version.Format, Release: version.Release}.check()
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", manifestName, err)
	}
	return m, m.check()
}

// next is the entry that must come now, of a size that is not above most.
func next(t *tar.Reader, name string, most int64) (int64, error) {
	h, err := t.Next()
	switch {
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("it ends before %s", name)
	case err != nil:
		return 0, fmt.Errorf("at %s: %w", name, err)
	case h.Name != name:
		return 0, fmt.Errorf("%q stands where %s should", clip(h.Name), name)
	case h.Typeflag != tar.TypeReg:
		return 0, fmt.Errorf("%s is no plain file", name)
	case h.Size < 0 || h.Size > most:
		return 0, fmt.Errorf("%s has %d bytes, more than %d", name, h.Size, most)
	}
	for key := range h.PAXRecords {
		if key != "size" && key != "path" { // a sparse file, say, is longer than what is there
			return 0, fmt.Errorf("%s has the attribute %q", name, clip(key))
		}
	}
	return h.Size, nil
}

func readEntry(t *tar.Reader, name string, most int64) ([]byte, error) {
	size, err := next(t, name, most)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(t, size))
	if err == nil && int64(len(content)) != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return content, nil
}

func readPart(t *tar.Reader, m Manifest, p Part, each func(Manifest, Part, io.Reader) error) error {
	size, err := next(t, p.Name, MaxPartBytes)
	if err != nil {
		return err
	}
	if size != p.Bytes {
		return fmt.Errorf("it has %d bytes, and the manifest says %d", size, p.Bytes)
	}
	sum := sha256.New()
	content := io.TeeReader(t, sum)
	if each != nil {
		if err := each(m, p, content); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
		return fmt.Errorf("it is not as it was written: its SHA-256 differs from the manifest's")
	}
	return nil
}

// ended is nil where nothing follows but the zeros of tar's end.
func ended(t *tar.Reader, r io.Reader) error {
	if h, err := t.Next(); err == nil {
		return fmt.Errorf("the backup cannot be used: %q follows its end", clip(h.Name))
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the backup cannot be used: at its end: %w", err)
	}
	rest, err := io.ReadAll(io.LimitReader(r, maxPaddingBytes+1))
	if err != nil {
		return err
	}
	if len(rest) > maxPaddingBytes || len(bytes.Trim(rest, "\x00")) > 0 {
		return fmt.Errorf("the backup cannot be used: something follows its end")
	}
	return nil
}
