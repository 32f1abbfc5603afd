// Command mkbundle makes the bundle of time-zone rules that is built into dayside, from the copy of the IANA database
// that comes with the Go tool chain, which is in the public domain. Run it in services/internal/zones after a Go release
// that brings a newer one:
//
//	go run ./mkbundle -goroot "$(go env GOROOT)" -out tzdata.tar.gz
//
// It is not part of a build, so that the rules a build uses change by a commit only.
package main

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

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
	rules, err := zones.New(string(release[1]), archive)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := rules.Pack(&b); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}
