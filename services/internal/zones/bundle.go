package zones

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Limits of a bundle, which may come from outside.
const (
	maxBundleBytes  = 8 << 20 // unpacked
	maxZoneBytes    = 64 << 10
	maxZones        = 2000
	maxNameBytes    = 64
	maxReleaseBytes = 16
)

// ReleaseEntry is the name, within a bundle, of the file that holds the release.
const ReleaseEntry = "+VERSION"

// Read reads a bundle: a gzipped tar whose first file is +VERSION, holding the release, and whose others are TZif files
// (RFC 9636) named as their zones; a hard link is another name of an earlier file. Everything is parsed, so that a zone
// that can be named can be used. Errors are INVALID_FIELD faults on tzdata.
func Read(r io.Reader) (*Bundle, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, unreadable("", err)
	}
	data, err := io.ReadAll(io.LimitReader(unzipped, maxBundleBytes+1)) // to the end, where the checksum is
	if err != nil {
		return nil, unreadable("", err)
	}
	if len(data) > maxBundleBytes {
		return nil, unreadable("", fmt.Errorf("over %d bytes unpacked", maxBundleBytes))
	}
	archive := tar.NewReader(bytes.NewReader(data))
	b := &Bundle{zones: make(map[string][]byte, 600)}
	for {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unreadable("", err)
		}
		if err := b.add(head, archive); err != nil {
			return nil, unreadable(head.Name, err)
		}
	}
	if b.release == "" || len(b.zones) == 0 {
		return nil, unreadable("", errors.New("holds no zones"))
	}
	return b, nil
}

func (b *Bundle) add(head *tar.Header, body io.Reader) error {
	switch {
	case b.release == "":
		if head.Name != ReleaseEntry || head.Typeflag != tar.TypeReg || head.Size > maxReleaseBytes || head.Size == 0 {
			return fmt.Errorf("does not begin with %s", ReleaseEntry)
		}
		text, err := io.ReadAll(body)
		if err == nil && !releasePattern.Match(text) {
			err = fmt.Errorf("its release is %q: %s", text, ruleRelease)
		}
		b.release = string(text)
		return err
	case head.Typeflag == tar.TypeLink:
		to := b.zones[head.Linkname]
		if to == nil {
			return fmt.Errorf("a link to %q, which is not before it", head.Linkname)
		}
		return b.put(head.Name, to)
	case head.Typeflag != tar.TypeReg:
		return errors.New("neither a file nor a hard link")
	}
	data, err := io.ReadAll(io.LimitReader(body, maxZoneBytes+1))
	if err != nil {
		return err
	}
	return b.put(head.Name, data)
}

// put adds a zone, if it can be used.
func (b *Bundle) put(name string, data []byte) error {
	switch {
	case len(b.zones) >= maxZones:
		return fmt.Errorf("more than %d zones", maxZones)
	case len(name) > maxNameBytes || len(data) > maxZoneBytes:
		return fmt.Errorf("a name over %d bytes or a zone over %d", maxNameBytes, maxZoneBytes)
	case !plainName(name):
		return errors.New("not a name of a zone")
	case b.zones[name] != nil:
		return errors.New("the same zone twice")
	}
	if _, err := time.LoadLocationFromTZData(name, data); err != nil {
		return err
	}
	b.zones[name] = data
	return nil
}

// plainName says whether a name can be shown and is no way out of a folder: letters, digits, "_-+/" (theory.html of the
// IANA database, "Timezone names").
func plainName(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+/", r)) {
			return false
		}
	}
	return name != "" && name[0] != '/'
}
