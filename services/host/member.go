package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

const (
	// startsFile, beside the embedded etcd's data, counts starts of it that never ended, well or with an error.
	startsFile = "starts-not-ended"
	// maxDeadlyStarts are tried: damaged pages end the whole process from within etcd's storage, where nothing can be
	// recovered (go.etcd.io/bbolt reads them on goroutines of its own). Who then starts the process again gets calls answered.
	maxDeadlyStarts = 2
)

// startMember starts the embedded etcd; an error where it cannot start, and where starting it has ended this process as
// often as is tried. Then the next start tries once more, for somebody may have mended it.
func (h *Host) startMember(ctx context.Context) (*embed.Server, error) {
	dir := filepath.Join(h.cfg.DataDir, "etcd")
	path := filepath.Join(dir, startsFile)
	before := readStarts(path)
	if before >= maxDeadlyStarts && h.knows() {
		h.writeStarts(ctx, path, maxDeadlyStarts-1)
		return nil, fmt.Errorf("starting it ended this process %d times, as damaged files in %s do; the next start tries once "+
			"more", before, dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("etcd data directory: %w", err)
	}
	h.writeStarts(ctx, path, before+1)
	s, err := embed.Start(ctx, embed.Config{Dir: dir, Listen: h.cfg.EtcdListen, Fast: h.cfg.EtcdFast, Logger: h.log})
	if gone := os.Remove(path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		h.log.WarnContext(ctx, "the count of etcd's starts cannot be removed", "error", gone.Error())
	}
	return s, err
}

// readStarts is 0 where there is no count, or none that can be read.
func readStarts(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// writeStarts may fail, as on a full disk: etcd may start all the same.
func (h *Host) writeStarts(ctx context.Context, path string, n int) {
	if err := os.WriteFile(path, []byte(strconv.Itoa(n)+"\n"), 0o600); err != nil {
		h.log.WarnContext(ctx, "etcd's starts cannot be counted", "error", err.Error())
	}
}
