// Package bundle is the file that a backup is: one tar, in which a manifest says what follows, how long each part is and
// what its SHA-256 is. It reads what anybody may have cut, changed or made up, and says so before a byte is believed.
//
// It knows no etcd, no database and no folder; services/backup does. A part is streamed, never held in memory.
//
//	dayside-backup.json    the Manifest
//	NAME...                the parts, in the manifest's order
//	dayside-backup.sha256  SHA-256 of dayside-backup.json, hexadecimal
package bundle

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Format is the version of the file that is written, and the newest one that is read.
const Format = 1

// Kinds of parts, in the order in which they come.
const (
	KindEtcd   = "etcd"
	KindLedger = "ledger"
	KindKeys   = "keys"
)

// Names of the parts of which there is one.
const (
	EtcdName   = "etcd/snapshot.db"
	LedgerName = "ledger/ledger.db"
	// keysFolder holds the parts of kind keys.
	keysFolder = "keys/"
)

const (
	manifestName = "dayside-backup.json"
	sealName     = "dayside-backup.sha256"
	// MaxKeyFiles bounds the files of kind keys.
	MaxKeyFiles = 10_000
	// MaxKeyFileBytes bounds each of them.
	MaxKeyFileBytes = 1 << 20
	// MaxPartBytes bounds any part.
	MaxPartBytes = 1 << 40
	// maxManifestBytes bounds the manifest.
	maxManifestBytes = 4 << 20
	// maxNameBytes bounds the name of a part; longer ones are no POSIX tar.
	maxNameBytes = 200
	// maxPaddingBytes bounds the zeros that tar programs write at the end.
	maxPaddingBytes = 1 << 20
	// fileMode is what each part is for whoever unpacks the tar by hand.
	fileMode = 0o600
)

// Manifest says what a backup holds.
type Manifest struct {
	// Format of the file: Format.
	Format int `json:"format"`
	// Release is the program that wrote it.
	Release string `json:"release"`
	// Time at which the backup began; what was written before it is in it.
	Time time.Time `json:"time"`
	// Etcd is nil where there is no part of that kind.
	Etcd *Etcd `json:"etcd,omitempty"`
	// Parts in order: etcd, ledger, keys by name.
	Parts []Part `json:"parts"`
}

// Etcd says which truth was saved.
type Etcd struct {
	// ClusterID is etcd's id of itself, 16 hexadecimal digits.
	ClusterID string `json:"cluster_id"`
	// Revision of the newest change in it.
	Revision int64 `json:"revision"`
	// Keys that it holds, about: counted a moment before.
	Keys int64 `json:"keys"`
	// Version of the member that was asked.
	Version string `json:"version"`
}

// Part is one file of the backup.
type Part struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// SHA256 of it, 64 hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// KeyPart is the name of the part that holds a file of the folder of keys, given its slash-separated path there.
func KeyPart(rel string) string { return keysFolder + rel }

// KeyPath is the path in the folder of keys.
func (p Part) KeyPath() string { return strings.TrimPrefix(p.Name, keysFolder) }

// Of are the parts of a kind.
func (m Manifest) Of(kind string) []Part {
	var list []Part
	for _, p := range m.Parts {
		if p.Kind == kind {
			list = append(list, p)
		}
	}
	return list
}

// Kinds are those that the backup holds, in order.
func (m Manifest) Kinds() []string {
	var kinds []string
	for _, p := range m.Parts {
		if !slices.Contains(kinds, p.Kind) {
			kinds = append(kinds, p.Kind)
		}
	}
	return kinds
}

// check is nil where the manifest can be true.
func (m Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("it has format %d, and was written by release %q: this program reads format %d",
			m.Format, clip(m.Release), Format)
	}
	if len(m.Parts) == 0 || len(m.Parts) > MaxKeyFiles+2 {
		return fmt.Errorf("it has %d parts, which must be 1 to %d", len(m.Parts), MaxKeyFiles+2)
	}
	order := []string{KindEtcd, KindLedger, KindKeys}
	last := Part{}
	for i, p := range m.Parts {
		if err := p.check(); err != nil {
			return fmt.Errorf("part %d, %q: %w", i+1, clip(p.Name), err)
		}
		before, now := slices.Index(order, last.Kind), slices.Index(order, p.Kind)
		if before > now || before == now && last.Name >= p.Name {
			return fmt.Errorf("part %d, %q, is out of order", i+1, clip(p.Name))
		}
		last = p
	}
	if (m.Etcd != nil) != (m.Parts[0].Kind == KindEtcd) {
		return fmt.Errorf("what it says of etcd and what it holds of it disagree")
	}
	return nil
}

func (p Part) check() error {
	most := int64(MaxPartBytes)
	switch p.Kind {
	case KindEtcd, KindLedger:
		if p.Name != map[string]string{KindEtcd: EtcdName, KindLedger: LedgerName}[p.Kind] {
			return fmt.Errorf("that is no name of the %s part", p.Kind)
		}
	case KindKeys:
		most = MaxKeyFileBytes
		if err := checkKeyName(p.Name); err != nil {
			return err
		}
	default:
		return fmt.Errorf("the kind %q is not known", clip(p.Kind))
	}
	if p.Bytes < 0 || p.Bytes > most {
		return fmt.Errorf("%d bytes is not 0 to %d", p.Bytes, most)
	}
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != 32 {
		return fmt.Errorf("its SHA-256 is none")
	}
	return nil
}

// checkKeyName takes paths that stay in their folder, whatever the system.
func checkKeyName(name string) error {
	rel, in := strings.CutPrefix(name, keysFolder)
	switch {
	case len(name) > maxNameBytes:
		return fmt.Errorf("a name of %d bytes is longer than %d", len(name), maxNameBytes)
	case !in || rel == "." || !fs.ValidPath(rel) || !utf8.ValidString(rel) || strings.ContainsAny(rel, "\\:"):
		return fmt.Errorf("that is no path of a file in the folder of keys")
	}
	for _, r := range rel {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("a name holds a control character")
		}
	}
	return nil
}

// clip keeps what strangers wrote short in errors.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
