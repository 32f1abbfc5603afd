// Package zonestest makes bundles of time-zone rules for tests: a known one with some zones changed. It is for tests only.
package zonestest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/daysidehq/dayside/services/internal/zones"
)

// Embedded is the bundle in the binary.
func Embedded(t testing.TB) *zones.Bundle {
	t.Helper()
	b, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// embedded is read once, which takes long where tests look for races: nothing changes a bundle.
var embedded = sync.OnceValues(zones.Embedded) //nolint:gochecknoglobals // read once

// Changed is the embedded bundle as another release, in which some zones follow other rules: TZ strings of POSIX (RFC 9636,
// section 3.3.1), such as "PST8PDT,M3.2.0,M11.1.0" or "MST7". An empty string takes the zone away.
func Changed(t testing.TB, release string, rules map[string]string) *zones.Bundle {
	t.Helper()
	data := make(map[string][]byte, len(rules))
	for name, posix := range rules {
		data[name] = nil
		if posix != "" {
			data[name] = TZif(posix)
		}
	}
	return replaced(t, release, data)
}

// Vectors is the embedded bundle as a release of tzdata-release-vectors.json, whose path is given: with the zones that are
// there as they are in that release.
func Vectors(t testing.TB, path, release string) *zones.Bundle {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			TZ         string
			TZifBase64 map[string][]byte `json:"tzif_base64"`
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{}
	for _, v := range file.Vectors {
		if data[v.TZ] = v.TZifBase64[release]; data[v.TZ] == nil {
			t.Fatalf("%s holds nothing of %s in %s", path, v.TZ, release)
		}
	}
	return replaced(t, release, data)
}

// TZif is a slim TZif file (RFC 9636) whose only rules are a TZ string of POSIX.
func TZif(posix string) []byte {
	var b bytes.Buffer
	for _, version := range []byte{'2', '2'} { // the block of version 1, for readers that know no other, and the one of 2
		b.WriteString("TZif")
		b.WriteByte(version)
		b.Write(make([]byte, 15))
		// Counts of UT/local and standard/wall indicators, leap seconds, transitions, local time types, abbreviations' bytes.
		for _, n := range []uint32{0, 0, 0, 0, 1, 4} {
			_ = binary.Write(&b, binary.BigEndian, n)
		}
		b.Write(make([]byte, 6)) // one local time type: no offset, no daylight saving, the first abbreviation
		b.WriteString("UTC\x00")
	}
	b.WriteString("\n" + posix + "\n")
	return b.Bytes()
}

// replaced is the embedded bundle with other data for some zones; nil takes a zone away.
func replaced(t testing.TB, release string, data map[string][]byte) *zones.Bundle {
	t.Helper()
	folder := maps.Clone(embeddedFolder(t))
	delete(folder, zones.ReleaseEntry)
	for name, bytes := range data {
		delete(folder, name)
		if bytes != nil {
			folder[name] = &fstest.MapFile{Data: bytes}
		}
	}
	b, err := zones.New(release, folder)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// embeddedFolder is made once: unpacking takes long where tests look for races.
func embeddedFolder(t testing.TB) fstest.MapFS {
	folder, err := unpacked()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

var unpacked = sync.OnceValues(func() (fstest.MapFS, error) { //nolint:gochecknoglobals // made once
	b, err := embedded()
	if err != nil {
		return nil, err
	}
	return unpack(b)
})

// Folder is a bundle as a folder of files.
func Folder(t testing.TB, b *zones.Bundle) fstest.MapFS {
	t.Helper()
	folder, err := unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func unpack(b *zones.Bundle) (fstest.MapFS, error) {
	var packed bytes.Buffer
	if err := b.Pack(&packed); err != nil {
		return nil, err
	}
	zipped, err := gzip.NewReader(&packed)
	if err != nil {
		return nil, err
	}
	folder := fstest.MapFS{}
	for archive := tar.NewReader(zipped); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return folder, nil
		}
		if err != nil {
			return nil, err
		}
		if head.Typeflag == tar.TypeLink {
			folder[head.Name] = folder[head.Linkname]
			continue
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		folder[head.Name] = &fstest.MapFile{Data: data}
	}
}

// Packed is a bundle in the form that zones.Read takes.
func Packed(t testing.TB, b *zones.Bundle) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := b.Pack(&w); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}
