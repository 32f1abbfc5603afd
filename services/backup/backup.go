// Package backup makes one file of what a cluster must not lose, and makes a cluster of it again: etcd (configuration,
// customers, drains, keys of continuations), the ledger (history) and the folder of keys (certificates and tokens).
//
// It is no service: it runs beside one, from the command line. A backup can be made while everything runs. A restore needs
// what it replaces to be stopped; it verifies the whole file before it writes anything, puts all in place or nothing, and
// moves what was there aside. What follows a restored cluster sees that it is another one (coord/archive).
//
// Records that still wait in a process's spool are not in a backup: they stay where they are, and are delivered later.
package backup

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/backup/internal/bundle"
	"github.com/daysidehq/dayside/services/internal/coord/archive"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/datadir"
)

// What a backup can hold.
const (
	Etcd   = bundle.KindEtcd
	Ledger = bundle.KindLedger
	Keys   = bundle.KindKeys
)

// Kinds are all of them, in order.
func Kinds() []string { return []string{Etcd, Ledger, Keys} }

// Manifest says what a backup holds.
type Manifest = bundle.Manifest

// What is in a data directory.
const (
	etcdFolder = "etcd"
	ledgerFile = "ledger.db"
)

// truthCopies are what processes keep in their data directory of what etcd said: a routing process's view, and the table of
// a SIP gateway. What waits there to be delivered is no copy, and stays.
func truthCopies() []string { return []string{"view", "gateway/routes"} }

// Config says what to back up.
type Config struct {
	// Out is the file to make (0600). There must be none.
	Out string
	// DataDir holds the ledger and, where EtcdEndpoints is empty, the embedded etcd; whether a process runs on it or not.
	DataDir string
	// EtcdEndpoints of a cluster's etcd; empty: the embedded one of DataDir.
	EtcdEndpoints []string
	// EtcdTLS of connections to them; nil: plain text.
	EtcdTLS *tls.Config
	// PKIDir is the folder of keys; empty: it is left out.
	PKIDir string
	// Only are the Kinds that must be in it, and no others; empty: etcd, and whatever else there is.
	Only []string
	// Release of this program, and the Time now.
	Release string
	Time    time.Time
}

// Saved says what was backed up.
type Saved struct {
	Manifest Manifest
	// Bytes of the file.
	Bytes int64
	// Left says, for people, what is not in it and why.
	Left []string
}

// Save makes a backup, and reads it once more to its end before it is there. Errors say what is in the way, for people; then
// there is no file.
func Save(ctx context.Context, cfg Config) (_ Saved, err error) {
	kinds, left, err := cfg.plan()
	if err != nil {
		return Saved{}, err
	}
	stage, err := os.MkdirTemp(filepath.Dir(cfg.Out), "."+filepath.Base(cfg.Out)+".partial-")
	if err != nil {
		return Saved{}, fmt.Errorf("%s cannot be written: %w", cfg.Out, err)
	}
	defer func() { err = errors.Join(ofOut(cfg.Out, stage, err), os.RemoveAll(stage)) }()
	m := Manifest{Release: cfg.Release, Time: cfg.Time.UTC()}
	for _, collect := range []struct {
		kind string
		into func(ctx context.Context, stage string, m *Manifest) error
	}{{Etcd, cfg.saveEtcd}, {Ledger, cfg.saveLedger}, {Keys, cfg.saveKeys}} {
		if !slices.Contains(kinds, collect.kind) {
			continue
		}
		if err := collect.into(ctx, stage, &m); err != nil {
			return Saved{}, err
		}
	}
	size, err := pack(ctx, cfg.Out, stage, m)
	return Saved{Manifest: m, Bytes: size, Left: left}, err
}

// plan is which kinds are saved, and why the others are not.
func (c Config) plan() (kinds, left []string, err error) {
	if c.Out == "" {
		return nil, nil, errors.New("--out is needed: the file to make")
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return nil, nil, fmt.Errorf("%s exists already, and is not replaced", c.Out)
	}
	if err := checkKinds(c.Only); err != nil {
		return nil, nil, err
	}
	if len(c.Only) > 0 {
		return c.Only, nil, nil
	}
	kinds = []string{Etcd}
	switch _, err := os.Stat(filepath.Join(c.DataDir, ledgerFile)); {
	case err == nil:
		kinds = append(kinds, Ledger)
	case errors.Is(err, fs.ErrNotExist):
		left = append(left, fmt.Sprintf("no ledger: %s holds none (--data names the directory of the process that keeps it)",
			c.DataDir))
	default:
		return nil, nil, fmt.Errorf("whether there is a ledger cannot be seen: %w", err)
	}
	if c.PKIDir != "" {
		kinds = append(kinds, Keys)
	} else {
		left = append(left, "no keys: --pki names their folder")
	}
	return kinds, left, nil
}

func checkKinds(only []string) error {
	for _, kind := range only {
		if !slices.Contains(Kinds(), kind) {
			return fmt.Errorf("--only %q: must be of %s", kind, strings.Join(Kinds(), ", "))
		}
	}
	return nil
}

// saveEtcd asks the cluster, or the embedded member. Where that is not running it runs for as long as it takes.
func (c Config) saveEtcd(ctx context.Context, stage string, m *Manifest) (err error) {
	src := archive.Source{Endpoints: c.EtcdEndpoints, TLS: c.EtcdTLS}
	if len(src.Endpoints) == 0 {
		endpoint, stop, startErr := c.embedded(ctx)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
		src.Endpoints = []string{endpoint}
	}
	path := filepath.Join(stage, filepath.FromSlash(bundle.EtcdName))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	s, err := archive.Save(ctx, src, path)
	if err != nil {
		return err
	}
	m.Etcd = &bundle.Etcd{
		ClusterID: fmt.Sprintf("%016x", s.ClusterID), Revision: s.Revision, Keys: s.Keys, Version: s.Version,
	}
	return addPart(ctx, stage, m, Etcd, bundle.EtcdName)
}

// embedded is where the etcd of the data directory is reached until stop.
func (c Config) embedded(ctx context.Context) (endpoint string, stop func() error, err error) {
	dir := filepath.Join(c.DataDir, etcdFolder)
	if _, err := os.Stat(filepath.Join(embed.DataDir(dir), "member")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("whether there is an etcd cannot be seen: %w", err)
	} else if err != nil {
		return "", nil, fmt.Errorf("%s holds no etcd: name the one to back up with --etcd, or its process's directory with --data",
			c.DataDir)
	}
	unlock, err := datadir.Lock(c.DataDir)
	switch {
	case errors.Is(err, datadir.ErrInUse):
		endpoint, known := embed.Endpoint(dir)
		if !known {
			return "", nil, fmt.Errorf("%s is in use, by a process that does not say where its etcd is reached: name it with --etcd",
				c.DataDir)
		}
		return endpoint, func() error { return nil }, nil
	case err != nil:
		return "", nil, fmt.Errorf("%s: %w", c.DataDir, err)
	}
	// What the member writes meanwhile is the process's user's, whoever backs up.
	owner, err := datadir.OwnerOf(c.DataDir)
	if err != nil {
		unlock()
		return "", nil, err
	}
	give := func() error {
		defer unlock()
		return errors.Join(owner.Give(dir), owner.GiveLock(c.DataDir))
	}
	member, err := embed.Start(ctx, embed.Config{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		return "", nil, errors.Join(err, give())
	}
	return member.Endpoint(), func() error {
		member.Close()
		return give()
	}, nil
}

// saveLedger copies the database, whoever writes to it meanwhile.
func (c Config) saveLedger(ctx context.Context, stage string, m *Manifest) error {
	path := filepath.Join(stage, bundle.LedgerName)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := copyLedger(ctx, filepath.Join(c.DataDir, ledgerFile), path); err != nil {
		return err
	}
	return addPart(ctx, stage, m, Ledger, bundle.LedgerName)
}
