package zones

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// maxFiles bounds what is looked at in a folder, copies of the database included.
const maxFiles = 10_000

// FromFS reads a zoneinfo folder, such as /usr/share/zoneinfo, or what `make install` of the IANA database makes. Its
// release is in the first line of tzdata.zi, or in +VERSION; a folder that does not say it cannot be compared with others,
// and is refused. Copies with leap seconds or without (right/, posix/), tables, and what is the machine's own (localtime,
// posixrules) are passed over. Errors are INVALID_FIELD faults on tzdata.
func FromFS(folder fs.FS) (*Bundle, error) {
	release, err := releaseOf(folder)
	if err != nil {
		return nil, unreadable("", err)
	}
	return New(release, folder)
}

// New is the bundle of that release whose zones are the TZif files of a folder, named as their paths.
func New(release string, folder fs.FS) (*Bundle, error) {
	if !releasePattern.MatchString(release) {
		return nil, unreadable("", fmt.Errorf("its release is %.20q: %s", release, ruleRelease))
	}
	b := &Bundle{release: release, zones: make(map[string][]byte, 600)}
	files, size := 0, 0
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		if entry.IsDir() {
			if passedOver(name) {
				return fs.SkipDir
			}
			return nil
		}
		if passedOver(name) {
			return nil
		}
		data, err := zoneFile(folder, name)
		if err != nil || data == nil {
			return err
		}
		if size += len(data); size > maxBundleBytes {
			return fmt.Errorf("over %d bytes", maxBundleBytes)
		}
		if err := b.put(name, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, unreadable("", err)
	}
	if len(b.zones) == 0 {
		return nil, unreadable("", errors.New("holds no zones"))
	}
	b.share()
	return b, nil
}

// share lets zones of equal rules be one slice, as they are in a bundle that was read.
func (b *Bundle) share() {
	first := make(map[string][]byte, len(b.zones))
	for name, data := range b.zones {
		if met, ok := first[string(data)]; ok {
			b.zones[name] = met
			continue
		}
		first[string(data)] = data
	}
}

func passedOver(name string) bool {
	switch name {
	case "posix", "right", "localtime", "posixrules":
		return true
	}
	return false
}

// zoneFile is a TZif file; nil where it is something else: a table, a link to a folder.
func zoneFile(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a link to what is not installed
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxZoneBytes+1))
	if err != nil || !bytes.HasPrefix(data, []byte("TZif")) {
		return nil, err
	}
	return data, nil
}

const ruleRelease = `must be the name of a release of the IANA database, such as "2025c"`

var (
	releasePattern = regexp.MustCompile(`^[12][0-9]{3}[a-z]{1,2}$`)
	versionLine    = regexp.MustCompile(`^# version ([0-9a-z]{1,16})\s*$`)
)

// releaseOf is the release that a folder says it is.
func releaseOf(folder fs.FS) (string, error) {
	for _, name := range []string{"tzdata.zi", ReleaseEntry} {
		line, err := firstLine(folder, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if m := versionLine.FindSubmatch(line); m != nil {
			line = m[1]
		}
		if line = bytes.TrimSpace(line); releasePattern.Match(line) {
			return string(line), nil
		}
		return "", fmt.Errorf(`%s does not begin with a release, as in "# version 2025c"`, name)
	}
	if _, err := fs.Stat(folder, "."); err != nil {
		return "", err
	}
	return "", fmt.Errorf("holds neither tzdata.zi nor %s, so its release is not known", ReleaseEntry)
}

// firstLine is the first line of a file, as far as it is of use.
func firstLine(folder fs.FS, name string) ([]byte, error) {
	const maxLineBytes = 64
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxLineBytes))
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return line, err
}

func unreadable(name string, err error) error {
	field := "tzdata"
	if name != "" {
		field += "[" + name + "]"
	}
	f := fault.Invalid(fault.Violation{Field: field, Rule: err.Error()})
	f.Err = err
	return f
}
