// Package archive saves an etcd cluster as one file, and makes members' data of such a file again.
//
// A restored cluster is another one on purpose: it has an id of its own, its revision is a thousand million above the saved
// one, and everything before that is compacted. So whoever followed the cluster that was backed up cannot go on where it
// was, and lists anew. It moves whole clusters and knows no key; what is around the file is services/backup's.
package archive

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// askTimeout bounds the first answer of one member.
	askTimeout = 5 * time.Second
	// maxSnapshotBytes is beyond etcd's own recommended ceiling of 8 GiB.
	maxSnapshotBytes = 64 << 30
	// keepAlive finds out that a member which was answering is gone.
	keepAlive, keepAliveTimeout = 5 * time.Second, 5 * time.Second
	// maxDamages bounds the damages that are named.
	maxDamages = 3
)

// Source says which cluster to save.
type Source struct {
	// Endpoints of members, host:port or URLs; the first one that answers is asked. Required.
	Endpoints []string
	// TLS of the connections; nil: plain text.
	TLS *tls.Config
}

// Snapshot says what was saved.
type Snapshot struct {
	// ClusterID is etcd's id of itself.
	ClusterID uint64
	// Revision of the newest change that is in it.
	Revision int64
	// Keys it holds, about: counted a moment before.
	Keys int64
	// Version of the member that was asked.
	Version string
	// Bytes of the file.
	Bytes int64
}

// Save writes a snapshot of the cluster to a new file (0600), streaming, and proves it readable. All that was committed
// before the call is in it. Where etcd has users, it takes root's certificate. A file that is not whole is removed.
func Save(ctx context.Context, src Source, path string) (Snapshot, error) {
	var errs []error
	for _, endpoint := range src.Endpoints {
		s, err := saveFrom(ctx, endpoint, src.TLS, path)
		if err == nil {
			return s, nil
		}
		if errors.Is(err, rpctypes.ErrPermissionDenied) || status.Code(err) == codes.PermissionDenied {
			err = fmt.Errorf("only the user root may take a snapshot, whose certificate is to be shown: %w", err)
		}
		errs = append(errs, fmt.Errorf("etcd at %s: %w", endpoint, err))
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 0 {
		return Snapshot{}, errors.New("no endpoint of etcd was named")
	}
	return Snapshot{}, errors.Join(errs...)
}

func saveFrom(ctx context.Context, endpoint string, secured *tls.Config, path string) (Snapshot, error) {
	etcd, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, TLS: secured, DialTimeout: askTimeout, Logger: zap.NewNop(),
		DialKeepAliveTime: keepAlive, DialKeepAliveTimeout: keepAliveTimeout,
	})
	if err != nil {
		return Snapshot{}, err
	}
	defer func() { _ = etcd.Close() }()
	// Snapshots are of one member. A linearizable read there says that it has all that was committed before.
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	all, err := etcd.Get(asking, "\x00", clientv3.WithFromKey(), clientv3.WithCountOnly())
	if err != nil {
		return Snapshot{}, err
	}
	told, err := etcd.Status(asking, endpoint)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{ClusterID: all.Header.GetClusterId(), Keys: all.Count, Version: told.Version}
	stream, err := etcd.Snapshot(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	defer func() { _ = stream.Close() }()
	if s.Bytes, err = store(stream, path); err != nil {
		return Snapshot{}, err
	}
	s.Revision, err = Check(ctx, path)
	if err == nil && s.Revision < all.Header.GetRevision() {
		err = fmt.Errorf("its snapshot is of revision %d, and it had answered with %d", s.Revision, all.Header.GetRevision())
	}
	if err != nil {
		_ = os.Remove(path) // the next member is asked for it
	}
	return s, err
}

func store(r io.Reader, path string) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.LimitReader(r, maxSnapshotBytes+1))
	if err == nil && n > maxSnapshotBytes {
		err = fmt.Errorf("a snapshot of more than %d bytes is not saved", int64(maxSnapshotBytes))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return n, err
}

// Check is nil where a file is a whole snapshot of etcd, and answers with the revision of the newest change in it.
func Check(ctx context.Context, path string) (revision int64, err error) {
	if err := checkSum(path); err != nil {
		return 0, err
	}
	db, err := bolt.Open(path, 0o400, &bolt.Options{ReadOnly: true, Timeout: askTimeout})
	if err != nil {
		return 0, fmt.Errorf("the snapshot is no database of etcd: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(func(tx *bolt.Tx) error {
		var damages []error
		for damage := range tx.Check() { // to its end: it runs until it is read
			if len(damages) < maxDamages {
				damages = append(damages, damage)
			}
		}
		if len(damages) > 0 {
			return fmt.Errorf("the database of this member is damaged: %w", errors.Join(damages...))
		}
		keys := tx.Bucket(schema.Key.Name())
		if keys == nil {
			return errors.New("the snapshot is no database of etcd: it has no keys")
		}
		// Keys of this bucket are revisions, in order.
		revision = 1
		if last, _ := keys.Cursor().Last(); len(last) >= len(mvcc.NewRevBytes())-1 {
			revision = mvcc.BytesToBucketKey(last).Main
		}
		return ctx.Err()
	})
	return revision, err
}

// checkSum compares the file with the SHA-256 that etcd appended to it.
func checkSum(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// Pages are of 512 bytes at least, so the rest is the sum.
	if info.Size()%512 != sha256.Size {
		return fmt.Errorf("the snapshot is not whole: %d bytes do not end with a checksum", info.Size())
	}
	sum, said := sha256.New(), make([]byte, sha256.Size)
	if _, err := io.CopyN(sum, f, info.Size()-sha256.Size); err != nil {
		return err
	}
	if _, err := io.ReadFull(f, said); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != hex.EncodeToString(said) {
		return errors.New("the snapshot is not as etcd wrote it: its SHA-256 differs")
	}
	return nil
}

// ErrInUse says that a member runs on a directory.
var ErrInUse = errors.New("an etcd runs on it: stop it first")

// Hold keeps etcd from opening the data in a member's directory until release; ErrInUse where one has it open already.
func Hold(dataDir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dataDir, "member", "snap", "db"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return func() {}, nil
	} else if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dataDir, ErrInUse), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
