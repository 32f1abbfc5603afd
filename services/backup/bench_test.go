package backup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/backup"
	"github.com/daysidehq/dayside/services/internal/coord"
)

const (
	// benchKeys of benchValueBytes each, and benchCalls, are a large cluster's.
	benchKeys, benchValueBytes, benchCalls = 100_000, 295, 100_000
	// benchTxnOps is what one transaction of the embedded etcd holds.
	benchTxnOps = 2000
)

// benchWorld is a data directory with so many keys and calls; and its backup.
func benchWorld(b *testing.B) world {
	b.Helper()
	w := world{filepath.Join(b.TempDir(), "data"), filepath.Join(b.TempDir(), "pki")}
	etcd, stop := w.serve(b)
	value := []byte(strings.Repeat("v", benchValueBytes))
	for from := 0; from < benchKeys; from += benchTxnOps {
		writes := make([]*rpcv1.Write, 0, benchTxnOps)
		for n := range benchTxnOps {
			writes = append(writes, coord.Put(fmt.Sprintf("customers/%07d", from+n), value))
		}
		if _, err := etcd.Commit(b.Context(), nil, writes); err != nil {
			b.Fatal(err)
		}
	}
	stop()
	db := w.ledger(b)
	defer db.Close()
	_, err := db.ExecContext(b.Context(), "INSERT INTO calls (id) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n "+
		"WHERE i < ?) SELECT printf('call-%0500d', i) FROM n", benchCalls)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// BenchmarkSaveAndRestore backs up and restores 100,000 keys of 295 bytes and 100,000 calls of 500, of a process that is
// stopped; the start of its etcd is in the time.
func BenchmarkSaveAndRestore(b *testing.B) {
	w := benchWorld(b)
	var saving, verifying, restoring time.Duration
	var size int64
	for n := 0; b.Loop(); n++ {
		file := filepath.Join(b.TempDir(), fmt.Sprint(n))
		began := b.Elapsed()
		saved, err := backup.Save(b.Context(), backup.Config{Out: file, DataDir: w.data, Time: tuesday()})
		if err != nil {
			b.Fatal(err)
		}
		saving, size = saving+b.Elapsed()-began, saved.Bytes
		began = b.Elapsed()
		if _, err := backup.Verify(b.Context(), file); err != nil {
			b.Fatal(err)
		}
		verifying += b.Elapsed() - began
		began = b.Elapsed()
		to := filepath.Join(b.TempDir(), fmt.Sprint("restored", n))
		if _, err := backup.Restore(b.Context(), backup.RestoreConfig{File: file, DataDir: to, Time: tuesday()}); err != nil {
			b.Fatal(err)
		}
		restoring += b.Elapsed() - began
		if err := os.RemoveAll(to); err != nil {
			b.Fatal(err)
		}
	}
	for unit, spent := range map[string]time.Duration{"ms-save": saving, "ms-verify": verifying, "ms-restore": restoring} {
		b.ReportMetric(float64(spent.Milliseconds())/float64(b.N), unit)
	}
	b.ReportMetric(float64(size)/(1<<20), "MiB")
}
