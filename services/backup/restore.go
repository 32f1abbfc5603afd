package backup

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/backup/internal/bundle"
	"github.com/daysidehq/dayside/services/internal/coord/archive"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/datadir"
)

// EtcdMember says which member of a new etcd cluster to make the data of. With the same InitialCluster and Token, and the
// same backup, the members become one cluster.
type EtcdMember struct {
	// DataDir is etcd's --data-dir. Its log must be in there, too.
	DataDir string
	// Name, PeerURL and InitialCluster are as that etcd is started with.
	Name, PeerURL, InitialCluster string
	// Token is the cluster's: another one than that of any cluster before.
	Token string
}

// RestoreConfig says what to make of a backup.
type RestoreConfig struct {
	// File is the backup.
	File string
	// DataDir gets the ledger and, where Etcd is nil, the embedded etcd; no process may run on it.
	DataDir string
	// PKIDir gets the keys; empty: nothing does.
	PKIDir string
	// Etcd is nil for the embedded one of DataDir.
	Etcd *EtcdMember
	// Only are the Kinds to restore; empty: all that the backup holds and there is a place for.
	Only []string
	// Force moves aside what is there already; without it that is an error.
	Force bool
	// Time now; what is moved aside is named after it.
	Time time.Time

	step func() // of tests; nil: nothing
}

// Restored says what was done.
type Restored struct {
	Manifest Manifest
	// Kinds that were restored.
	Kinds []string
	// ClusterID is the new cluster's, 16 hexadecimal digits; empty where etcd was not restored.
	ClusterID string
	// Aside are the paths to which what was there before was moved.
	Aside []string
	// Left says, for people, what was not restored and why.
	Left []string
}

// Verify reads a backup to its end and writes nothing.
func Verify(ctx context.Context, file string) (Manifest, error) {
	return read(ctx, file, nil)
}

func read(ctx context.Context, file string, each func(Manifest, bundle.Part, io.Reader) error) (Manifest, error) {
	f, err := os.Open(file)
	if err != nil {
		return Manifest{}, err
	}
	defer f.Close()
	m, err := bundle.Read(reader{ctx, f}, each)
	if err != nil {
		return m, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// Restore puts a backup in place: all that was asked for, or nothing. The whole file is verified before anything is written,
// and what it holds is made ready beside its place before anything is moved. Errors are for people.
func Restore(ctx context.Context, cfg RestoreConfig) (_ Restored, err error) {
	m, err := Verify(ctx, cfg.File)
	if err != nil {
		return Restored{}, err
	}
	kinds, left, err := cfg.plan(m)
	if err != nil {
		return Restored{}, err
	}
	r := newRestore(cfg, m, kinds)
	defer func() { err = errors.Join(err, r.close(err != nil)) }()
	if err := r.take(); err != nil {
		return Restored{}, err
	}
	if err := r.stage(ctx); err != nil {
		return Restored{}, fmt.Errorf("nothing was changed: %w", err)
	}
	aside, err := r.move()
	return Restored{Manifest: m, Kinds: kinds, ClusterID: r.clusterID, Aside: aside, Left: left}, err
}

// plan is which kinds are restored, and why the others are not.
func (c RestoreConfig) plan(m Manifest) (kinds, left []string, err error) {
	if err := checkKinds(c.Only); err != nil {
		return nil, nil, err
	}
	for _, kind := range c.Only {
		if len(m.Of(kind)) == 0 {
			return nil, nil, fmt.Errorf("--only %s: the backup holds none", kind)
		}
	}
	for _, kind := range m.Kinds() {
		place, flag := c.DataDir, "--data"
		switch {
		case kind == Keys:
			place, flag = c.PKIDir, "--pki"
		case kind == Etcd && c.Etcd != nil:
			place, flag = c.Etcd.DataDir, "--etcd-data"
		}
		switch asked := slices.Contains(c.Only, kind); {
		case !asked && len(c.Only) > 0:
		case place != "":
			kinds = append(kinds, kind)
		case asked:
			return nil, nil, fmt.Errorf("%s is needed: where to restore %s to", flag, kind)
		default:
			left = append(left, fmt.Sprintf("%s: %s says where to", kind, flag))
		}
	}
	unmet := c.unmet(m)
	switch {
	case len(kinds) > 0:
	case len(unmet) > 0:
		return nil, nil, errors.New(strings.Join(unmet, "; "))
	default:
		return nil, nil, errors.New("there is nothing to restore: --data, --etcd-data and --pki say where to")
	}
	return kinds, append(left, unmet...), nil
}

// unmet says which places were named for what the backup does not hold.
func (c RestoreConfig) unmet(m Manifest) (said []string) {
	nothing := func(kind, place string) {
		said = append(said, fmt.Sprintf("%s: the backup holds no %s; nothing was put into %s", kind, kind, place))
	}
	if c.Etcd != nil && len(m.Of(Etcd)) == 0 {
		nothing(Etcd, c.Etcd.DataDir)
	}
	if c.PKIDir != "" && len(m.Of(Keys)) == 0 {
		nothing(Keys, c.PKIDir)
	}
	return said
}

// newRestore looks which folders are not there, before anything is made.
func newRestore(cfg RestoreConfig, m Manifest, kinds []string) *restore {
	r := &restore{cfg: cfg, m: m, kinds: kinds}
	if r.usesData() {
		r.absent = append(r.absent, missing(cfg.DataDir)...)
	}
	if r.has(Etcd) {
		r.absent = append(r.absent, missing(r.etcdDir())...)
	}
	if r.has(Keys) {
		for _, p := range m.Of(Keys) {
			r.absent = append(r.absent, missing(filepath.Dir(filepath.Join(cfg.PKIDir, filepath.FromSlash(p.KeyPath()))))...)
		}
	}
	// Those within others first.
	slices.SortFunc(r.absent, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return r
}

// restore is one run of Restore.
type restore struct {
	cfg   RestoreConfig
	m     Manifest
	kinds []string
	// stages are the folders that things are made ready in; on the file systems of their places.
	stages []stage
	// absent are the folders that were not there, and are not where nothing is restored.
	absent    []string
	moves     moves
	clusterID string
	releases  []func()
}

// stage is a folder in which something is made ready, and whose that will be.
type stage struct {
	dir   string
	owner datadir.Owner
}

func (r *restore) has(kind string) bool { return slices.Contains(r.kinds, kind) }

// usesData says whether something in the data directory is replaced.
func (r *restore) usesData() bool { return r.cfg.DataDir != "" && (r.has(Etcd) || r.has(Ledger)) }

// etcdDir is where etcd's data goes.
func (r *restore) etcdDir() string {
	if r.cfg.Etcd != nil {
		return r.cfg.Etcd.DataDir
	}
	return embed.DataDir(filepath.Join(r.cfg.DataDir, etcdFolder))
}

// take makes sure that nobody uses what is about to be replaced, and that replacing it is meant.
func (r *restore) take() error {
	if r.usesData() {
		owner, err := datadir.OwnerOf(r.cfg.DataDir)
		if err != nil {
			return err
		}
		unlock, err := datadir.LockUnfinished(r.cfg.DataDir)
		if errors.Is(err, datadir.ErrInUse) {
			return fmt.Errorf("%s is in use by a dayside process: stop it first", r.cfg.DataDir)
		} else if err != nil {
			return fmt.Errorf("%s %w", r.cfg.DataDir, err)
		}
		r.releases = append(r.releases, unlock)
		if err := owner.GiveLock(r.cfg.DataDir); err != nil {
			return err
		}
		if datadir.Unfinished(r.cfg.DataDir) && len(r.cfg.Only) > 0 {
			return fmt.Errorf("a restore of %s did not finish: restore all of it, without --only", r.cfg.DataDir)
		}
	}
	var there []string
	if r.has(Etcd) {
		release, err := archive.Hold(r.etcdDir())
		if err != nil {
			return err
		}
		r.releases = append(r.releases, release)
		there = append(there, filepath.Join(r.etcdDir(), "member"))
	}
	if r.has(Ledger) {
		there = append(there, filepath.Join(r.cfg.DataDir, ledgerFile))
	}
	if r.has(Keys) {
		for _, p := range r.m.Of(Keys) {
			there = append(there, filepath.Join(r.cfg.PKIDir, filepath.FromSlash(p.KeyPath())))
		}
	}
	for _, path := range there {
		if _, err := os.Lstat(path); err == nil && !r.cfg.Force {
			return fmt.Errorf("%s is there already: with --force it is moved aside", path)
		}
	}
	return nil
}

// stage makes everything ready beside its place. What it made is gone again after close.
func (r *restore) stage(ctx context.Context) error {
	var data, etcd, keys string
	for _, place := range []struct {
		dir    string
		stage  *string
		needed bool
	}{{r.cfg.DataDir, &data, r.has(Ledger)}, {r.etcdDir(), &etcd, r.has(Etcd)}, {r.cfg.PKIDir, &keys, r.has(Keys)}} {
		if !place.needed {
			continue
		}
		made, err := r.newStage(place.dir)
		if err != nil {
			return ofPlace(place.dir, err)
		}
		*place.stage = made
	}
	// The file could have changed since it was verified: it is again while it is read.
	var unwritten error // is no fault of the backup
	_, err := read(ctx, r.cfg.File, func(_ Manifest, p bundle.Part, content io.Reader) error {
		place, path := r.cfg.PKIDir, filepath.Join(keys, filepath.FromSlash(p.KeyPath()))
		switch {
		case !r.has(p.Kind):
			return nil
		case p.Kind == Etcd:
			place, path = r.etcdDir(), filepath.Join(etcd, "snapshot")
		case p.Kind == Ledger:
			place, path = r.cfg.DataDir, filepath.Join(data, ledgerFile)
		}
		err := unpack(path, content)
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) && failed.Path != r.cfg.File {
			unwritten = ofPlace(place, err)
		}
		return err
	})
	if err := cmp.Or(unwritten, err); err != nil {
		return err
	}
	if r.has(Etcd) {
		if err := r.stageEtcd(ctx, etcd); err != nil {
			return ofPlace(r.etcdDir(), err)
		}
	}
	if r.has(Ledger) {
		if err := r.stageLedger(ctx, data); err != nil {
			return ofPlace(r.cfg.DataDir, err)
		}
	}
	if r.has(Keys) {
		for _, p := range r.m.Of(Keys) {
			rel := filepath.FromSlash(p.KeyPath())
			m := move{from: filepath.Join(keys, rel), to: filepath.Join(r.cfg.PKIDir, rel)}
			if err := m.sameMode(); err != nil {
				return err
			}
			r.moves = append(r.moves, m)
		}
	}
	for _, s := range r.stages {
		if err := s.owner.Give(s.dir); err != nil {
			return err
		}
	}
	return nil
}

// newStage makes a folder in a place, which is made where it does not exist.
func (r *restore) newStage(place string) (string, error) {
	owner, err := datadir.OwnerOf(place)
	if err != nil {
		return "", err
	}
	if err := datadir.MkdirAll(place); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(place, ".restore-")
	if err == nil {
		r.stages = append(r.stages, stage{dir, owner})
	}
	return dir, err
}

// unpack writes a new file (0600) that lasts.
func unpack(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Sync(), f.Close())
}

func (r *restore) stageEtcd(ctx context.Context, stage string) error {
	path, made := filepath.Join(stage, "snapshot"), filepath.Join(stage, "made")
	if _, err := archive.Check(ctx, path); err != nil {
		return err
	}
	was, err := strconv.ParseUint(r.m.Etcd.ClusterID, 16, 64)
	if err != nil {
		return fmt.Errorf("the cluster id %q is none", r.m.Etcd.ClusterID)
	}
	member := archive.Member{ // a cluster of its own with every restore
		Name: embed.Name, PeerURL: embed.PeerURL, InitialCluster: embed.Name + "=" + embed.PeerURL, Token: rand.Text(), Open: true,
	}
	if e := r.cfg.Etcd; e != nil {
		member = archive.Member{Name: e.Name, PeerURL: e.PeerURL, InitialCluster: e.InitialCluster, Token: e.Token}
	}
	id, err := archive.Restore(ctx, path, made, member, was)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	r.clusterID = fmt.Sprintf("%016x", id)
	r.moves = append(r.moves, move{from: filepath.Join(made, "member"), to: filepath.Join(r.etcdDir(), "member")})
	if r.cfg.DataDir != "" {
		// Copies of the truth before. Processes would find out by the cluster's id; but not where etcd is away at their start.
		for _, copied := range truthCopies() {
			r.moves = append(r.moves, move{to: filepath.Join(r.cfg.DataDir, filepath.FromSlash(copied))})
		}
	}
	return os.Remove(path)
}

func (r *restore) stageLedger(ctx context.Context, stage string) error {
	path := filepath.Join(stage, ledgerFile)
	if err := checkLedger(ctx, path); err != nil {
		return err
	}
	place := filepath.Join(r.cfg.DataDir, ledgerFile)
	// A log of another database would be taken for this one's.
	r.moves = append(r.moves, move{to: place + "-wal"}, move{to: place + "-shm"}, move{from: path, to: place})
	return nil
}

// move puts everything in its place. The data directory is marked meanwhile, so that nobody serves a half of it.
func (r *restore) move() (aside []string, err error) {
	if r.usesData() {
		if err := datadir.Mark(r.cfg.DataDir); err != nil {
			return nil, fmt.Errorf("nothing was changed: %w", err)
		}
	}
	step := r.cfg.step
	if step == nil {
		step = func() {}
	}
	aside, whole, err := r.moves.do(".before-restore-"+r.cfg.Time.UTC().Format("20060102T150405Z"), step)
	step()
	if whole && r.usesData() {
		err = errors.Join(err, datadir.Unmark(r.cfg.DataDir))
	}
	return aside, err
}

// close gives back what was taken, and removes what is not in its place; where it failed, the folders it made, too.
func (r *restore) close(failed bool) error {
	var errs []error
	for _, s := range r.stages {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	if failed {
		for _, dir := range r.absent {
			datadir.Unmake(dir)
		}
	}
	for _, release := range r.releases {
		release()
	}
	return errors.Join(errs...)
}
