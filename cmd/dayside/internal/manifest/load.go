package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Source is one file.
type Source struct {
	// Name is what errors call it.
	Name string
	Data []byte
}

// Load reads the named files; of folders, every .yaml and .yml file in them and in the folders below; and stdin for "-".
// Names that begin with a dot are passed over. Errors name the file and what to do.
func Load(names []string, stdin io.Reader) ([]Source, error) {
	l := loader{}
	for _, name := range names {
		if name == "-" {
			if err := l.read("standard input", stdin); err != nil {
				return nil, err
			}
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, plain(name, err)
		}
		if !info.IsDir() {
			if err := l.open(os.Open(name)); err != nil {
				return nil, plain(name, err)
			}
			continue
		}
		if err := l.folder(os.DirFS(name), ".", name); err != nil {
			return nil, err
		}
	}
	return l.sources, nil
}

// LoadFS reads a folder of a file system as Load does.
func LoadFS(fsys fs.FS, folder string) ([]Source, error) {
	l := loader{}
	err := l.folder(fsys, folder, "")
	return l.sources, err
}

type loader struct {
	sources []Source
	bytes   int
}

// folder reads what is below dir; shownAs is what dir "." is called.
func (l *loader) folder(fsys fs.FS, dir, shownAs string) error {
	before := len(l.sources)
	err := fs.WalkDir(fsys, dir, func(name string, entry fs.DirEntry, err error) error {
		called := filepath.Join(shownAs, filepath.FromSlash(name))
		switch {
		case err != nil:
			return plain(called, err)
		case name != dir && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			if strings.Count(name, "/") >= maxFolders {
				return fmt.Errorf("%s: folders go deeper than %d", called, maxFolders)
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			return nil
		}
		// A link is followed if it leads to a file; ConfigMaps are mounted so.
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return plain(called, err)
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		f, err := fsys.Open(name)
		if err != nil {
			return plain(called, err)
		}
		defer func() { _ = f.Close() }()
		return l.read(called, f)
	})
	if err == nil && len(l.sources) == before {
		return fmt.Errorf("%s: holds no .yaml file", filepath.Join(shownAs, dir))
	}
	return err
}

func (l *loader) open(f *os.File, err error) error {
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return l.read(f.Name(), f)
}

func (l *loader) read(name string, r io.Reader) error {
	if len(l.sources) == maxFiles {
		return fmt.Errorf("%s: more than %d files", name, maxFiles)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return plain(name, err)
	}
	l.bytes += len(data)
	switch {
	case len(data) > maxFileBytes:
		return fmt.Errorf("%s: is larger than %d KiB, which no configuration is", name, maxFileBytes>>10)
	case l.bytes > maxTotalBytes:
		return fmt.Errorf("%s: the files together are larger than %d MiB", name, maxTotalBytes>>20)
	}
	l.sources = append(l.sources, Source{Name: name, Data: data})
	return nil
}

// plain says an operating system's error in one short line.
func plain(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: does not exist", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: may not be read by this user", name)
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", name, pe.Err)
	}
	return err
}
