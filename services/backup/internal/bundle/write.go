package bundle

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Write writes a backup: the manifest, each part as open gives it, and the seal. A part that is not as the manifest says is
// an error, after which what was written is worth nothing.
func Write(w io.Writer, m Manifest, open func(Part) (io.ReadCloser, error)) error {
	m.Format = Format
	if err := m.check(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if len(text) > maxManifestBytes {
		return fmt.Errorf("a manifest of %d bytes is longer than %d", len(text), maxManifestBytes)
	}
	t := tar.NewWriter(w)
	if err := writeEntry(t, manifestName, m.Time, text); err != nil {
		return err
	}
	for _, p := range m.Parts {
		if err := writePart(t, p, m.Time, open); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	if err := writeEntry(t, sealName, m.Time, seal(text)); err != nil {
		return err
	}
	return t.Close()
}

// seal is what the last entry holds.
func seal(manifest []byte) []byte {
	sum := sha256.Sum256(manifest)
	return []byte(hex.EncodeToString(sum[:]) + "\n")
}

func header(name string, bytes int64, at time.Time) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: bytes, Mode: fileMode, ModTime: at.UTC().Truncate(time.Second),
	}
}

func writeEntry(t *tar.Writer, name string, at time.Time, content []byte) error {
	if err := t.WriteHeader(header(name, int64(len(content)), at)); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

func writePart(t *tar.Writer, p Part, at time.Time, open func(Part) (io.ReadCloser, error)) error {
	r, err := open(p)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := t.WriteHeader(header(p.Name, p.Bytes, at)); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(t, sum), r)
	if err != nil {
		return err
	}
	if n != p.Bytes || hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
		return fmt.Errorf("it changed while it was written to the backup")
	}
	return nil
}
