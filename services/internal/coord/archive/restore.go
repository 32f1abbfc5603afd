package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// revisionBump is more than any cluster commits between a backup and the moment it is restored: some ten years at ten
// changes a second. etcd's own advice.
const revisionBump = 1_000_000_000

// Member says which member of which new cluster a snapshot becomes. Restored for each member of it with the same
// InitialCluster and Token, the snapshot becomes one cluster.
type Member struct {
	// Name of the member, one of InitialCluster.
	Name string
	// PeerURL at which the other members reach it, as InitialCluster says.
	PeerURL string
	// InitialCluster is NAME=URL,... of all voters. Learners join later.
	InitialCluster string
	// Token makes the cluster's id another one than that of any cluster before.
	Token string
	// Open turns etcd's users off, for a member that knows nobody, as the embedded one on loopback: with them on, nobody
	// could speak to it.
	Open bool
}

// ClusterID is the id that the new cluster will have.
func (m Member) ClusterID() (uint64, error) {
	urls, err := types.NewURLsMap(m.InitialCluster)
	if err != nil {
		return 0, err
	}
	if _, there := urls[m.Name]; !there {
		return 0, fmt.Errorf("the member %q is not one of the initial cluster %q", m.Name, m.InitialCluster)
	}
	c, err := membership.NewClusterFromURLsMap(zap.NewNop(), m.Token, urls)
	if err != nil {
		return 0, err
	}
	return uint64(c.ID()), nil
}

// Restore makes the data of a member of a snapshot, in a folder that is empty or is not there: dataDir/member. It runs to
// its end: ctx is looked at before. was is the id of the cluster that was saved: a cluster with the same one is refused,
// since those who know the old one would take it for that.
func Restore(ctx context.Context, path, dataDir string, m Member, was uint64) (clusterID uint64, err error) {
	if clusterID, err = m.ClusterID(); err != nil {
		return 0, err
	}
	if clusterID == was {
		return 0, fmt.Errorf("with the token %q the restored cluster would have the id of the one that was backed up, %016x, "+
			"and be taken for it: choose another token", m.Token, was)
	}
	if err := errors.Join(ctx.Err(), os.MkdirAll(dataDir, 0o700)); err != nil {
		return 0, err
	}
	defer func() {
		if p := recover(); p != nil { // etcd's storage panics where it cannot read or write
			err = fmt.Errorf("etcd cannot restore it: %v", p)
		}
	}()
	log := zap.New(zapcore.NewNopCore(), zap.WithFatalHook(zapcore.WriteThenPanic))
	err = snapshot.NewV3(log).Restore(snapshot.RestoreConfig{
		SnapshotPath: path, Name: m.Name, OutputDataDir: dataDir, PeerURLs: []string{m.PeerURL},
		InitialCluster: m.InitialCluster, InitialClusterToken: m.Token,
		RevisionBump: revisionBump, MarkCompacted: true,
	})
	if err == nil && m.Open {
		turnUsersOff(log, filepath.Join(dataDir, "member", "snap", "db"))
	}
	return clusterID, err
}

// turnUsersOff is `etcdctl auth disable` of a database that no member has open; it panics where it cannot.
func turnUsersOff(log *zap.Logger, path string) {
	db := backend.NewDefaultBackend(log, path)
	auth := schema.NewAuthBackend(log, db)
	auth.CreateAuthBuckets()
	tx := auth.BatchTx()
	tx.Lock()
	tx.UnsafeSaveAuthEnabled(false)
	tx.Unlock()
	db.ForceCommit()
	if err := db.Close(); err != nil {
		panic(err)
	}
}
