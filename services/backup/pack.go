package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/daysidehq/dayside/services/backup/internal/bundle"
	"github.com/daysidehq/dayside/services/internal/datadir"
)

// saveKeys copies every file of the folder of keys.
func (c Config) saveKeys(ctx context.Context, stage string, m *Manifest) error {
	if c.PKIDir == "" {
		return errors.New("--pki is needed: the folder of the keys to back up")
	}
	var names []string
	err := filepath.WalkDir(c.PKIDir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder: it cannot be backed up", path)
		case len(names) == bundle.MaxKeyFiles:
			return fmt.Errorf("%s holds more than %d files: is it the folder of keys?", c.PKIDir, bundle.MaxKeyFiles)
		}
		rel, err := filepath.Rel(c.PKIDir, path)
		names = append(names, bundle.KeyPart(filepath.ToSlash(rel)))
		return err
	})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%s holds no keys", c.PKIDir)
	}
	slices.Sort(names) // as the manifest has them; the walk is in order of each folder
	for _, name := range names {
		rel := filepath.FromSlash(bundle.Part{Name: name}.KeyPath())
		if err := copyKey(filepath.Join(c.PKIDir, rel), filepath.Join(stage, filepath.FromSlash(name))); err != nil {
			return err
		}
		if err := addPart(ctx, stage, m, Keys, name); err != nil {
			return err
		}
	}
	return nil
}

func copyKey(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, bundle.MaxKeyFileBytes+1))
	if err != nil {
		return err
	}
	if len(content) > bundle.MaxKeyFileBytes {
		return fmt.Errorf("%s has more than %d bytes: is it a key?", from, bundle.MaxKeyFileBytes)
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, content, 0o600))
}

// addPart adds a staged file to the manifest.
func addPart(ctx context.Context, stage string, m *Manifest, kind, name string) error {
	f, err := os.Open(filepath.Join(stage, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, reader{ctx, f})
	if err != nil {
		return err
	}
	m.Parts = append(m.Parts, bundle.Part{Kind: kind, Name: name, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// pack makes the file of what was staged, and answers with its size. It gets its name when it is whole and on the disk.
func pack(ctx context.Context, out, stage string, m Manifest) (int64, error) {
	path := filepath.Join(stage, "backup")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = bundle.Write(f, m, func(p bundle.Part) (io.ReadCloser, error) {
		part, err := os.Open(filepath.Join(stage, filepath.FromSlash(p.Name)))
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{reader{ctx, part}, part}, nil
	})
	if err := errors.Join(err, f.Sync()); err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	if _, err := bundle.Read(reader{ctx, f}, nil); err != nil {
		return 0, fmt.Errorf("what was written cannot be read: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := publish(path, out); err != nil {
		return 0, err
	}
	return info.Size(), datadir.Sync(filepath.Dir(out))
}

// publish gives a file its name, and takes it from no other.
func publish(path, out string) error {
	err := os.Link(path, out)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(path, out) // a file system without links
}

// reader reads until ctx ends.
type reader struct {
	ctx context.Context //nolint:containedctx // it is one copy's
	r   io.Reader
}

// Read is io.Reader's.
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
