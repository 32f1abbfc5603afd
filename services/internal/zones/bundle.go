package zones

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/daysidehq/dayside/services/internal/fault"
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
		b.release = string(text)
		return err
	case len(b.zones) >= maxZones:
		return fmt.Errorf("more than %d zones", maxZones)
	case len(head.Name) > maxNameBytes || head.Size > maxZoneBytes:
		return fmt.Errorf("a name over %d bytes or a zone over %d", maxNameBytes, maxZoneBytes)
	case b.zones[head.Name] != nil:
		return errors.New("the same zone twice")
	case head.Typeflag == tar.TypeLink:
		if b.zones[head.Name] = b.zones[head.Linkname]; b.zones[head.Name] == nil {
			return fmt.Errorf("a link to %q, which is not before it", head.Linkname)
		}
		return nil
	case head.Typeflag != tar.TypeReg:
		return errors.New("neither a file nor a hard link")
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if _, err := time.LoadLocationFromTZData(head.Name, data); err != nil {
		return err
	}
	b.zones[head.Name] = data
	return nil
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
