// Command mkbundle makes the bundle of time-zone rules that is built into dayside, from the copy of the IANA database
// that comes with the Go tool chain, which is in the public domain. Run it in services/internal/zones after a Go release
// that brings a newer one:
//
//	go run ./mkbundle -goroot "$(go env GOROOT)" -out tzdata.tar.gz
//
// It is not part of a build, so that the rules a build uses change by a commit only.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/zones"
)

func main() {
	goroot := flag.String("goroot", "", "root of the Go tool chain")
	out := flag.String("out", "tzdata.tar.gz", "file to write")
	flag.Parse()
	if err := run(*goroot, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mkbundle:", err)
		os.Exit(1)
	}
}

func run(goroot, out string) error {
	script, err := os.ReadFile(filepath.Join(goroot, "lib", "time", "update.bash"))
	if err != nil {
		return err
	}
	release := regexp.MustCompile(`(?m)^DATA=(20\d\d[a-z]+)$`).FindSubmatch(script)
	if release == nil {
		return fmt.Errorf("lib/time/update.bash does not name the release")
	}
	archive, err := zip.OpenReader(filepath.Join(goroot, "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return err
	}
	defer archive.Close()
	var b bytes.Buffer
	if err := write(&b, string(release[1]), archive.File); err != nil {
		return err
	}
	if _, err := zones.Read(bytes.NewReader(b.Bytes())); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// write packs the files in order of name, without dates, so that the same input gives the same bytes.
func write(w io.Writer, release string, files []*zip.File) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	packed := tar.NewWriter(zipped)
	head := &tar.Header{Name: zones.ReleaseEntry, Mode: 0o644, Size: int64(len(release)), Typeflag: tar.TypeReg}
	if err := add(packed, head, []byte(release)); err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	first := map[string]string{} // contents to the name they were first met under
	for _, f := range files {
		if f.FileInfo().IsDir() {
			continue
		}
		data, err := contents(f)
		if err != nil {
			return err
		}
		head := &tar.Header{Name: f.Name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(data))}
		if name, met := first[string(data)]; met {
			head.Typeflag, head.Linkname, head.Size, data = tar.TypeLink, name, 0, nil
		} else {
			first[string(data)] = f.Name
		}
		if err := add(packed, head, data); err != nil {
			return err
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return zipped.Close()
}

func add(packed *tar.Writer, head *tar.Header, data []byte) error {
	if err := packed.WriteHeader(head); err != nil {
		return err
	}
	_, err := packed.Write(data)
	return err
}

func contents(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
