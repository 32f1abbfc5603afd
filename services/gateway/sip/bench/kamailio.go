package bench

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// kamailioConfig routes an INVITE by drouting, with a time recurrence, and redirects it by sl. It checks less than we do.
//
//go:embed testdata/kamailio.cfg
var kamailioConfig string

// The rules, in db_text's format: four gateways, and one rule of all days for the line's number.
const (
	kamailioVersions = "table_name(string) table_version(int)\ndr_gateways:3\ndr_rules:3\ndr_gw_lists:1\ndr_groups:2\n"
	kamailioGateways = "gwid(int,auto) type(int) address(string) strip(int) pri_prefix(string,null) attrs(string,null) " +
		"description(string)\n" +
		"1:0:127.0.0.21:0:::dublin\n2:0:127.0.0.22:0:::bengaluru\n3:0:127.0.0.23:0:::sydney\n4:0:127.0.0.24:0:::last\n"
	kamailioRules = "ruleid(int,auto) groupid(string) prefix(string) timerec(string) priority(int) routeid(string) " +
		"gwlist(string) description(string)\n" +
		"1:1:NUMBER:20200101T000000|||weekly|||MO,TU,WE,TH,FR,SA,SU:0:0:1,2,3,4:line\n"
	kamailioLists  = "id(int,auto) gwlist(string) description(string)\n"
	kamailioGroups = "id(int,auto) username(string) domain(string) groupid(int) description(string)\n"
)

// kamailio is a Kamailio that we started.
type kamailio struct {
	addr string
	cmd  *exec.Cmd
	log  *logFile
	// ended is closed when it has ended, with err.
	ended chan struct{}
	err   error
}

// startKamailio starts one on a free port of loopback, and waits until it answers. With records it writes a line of each
// call to its log, a file (acc): nothing is synced.
func startKamailio(ctx context.Context, dir, number string, records bool, clk clock.Clock) (*kamailio, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	tables := filepath.Join(dir, "tables")
	if err := os.MkdirAll(tables, 0o700); err != nil {
		return nil, err
	}
	accounting, record := "", ""
	if records {
		accounting = "loadmodule \"acc.so\"\nmodparam(\"acc\", \"log_level\", -1)\n" +
			"modparam(\"acc\", \"log_extra\", \"from=$fU;to=$rU;src=$si\")"
		record = "acc_log_request(\"302 Moved Temporarily\");"
	}
	config := strings.NewReplacer("LISTEN", "127.0.0.1:"+port, "TABLES", tables,
		"ACCOUNTING\n", accounting+"\n", "RECORD\n", record+"\n").Replace(kamailioConfig)
	for file, content := range map[string]string{
		filepath.Join(dir, "kamailio.cfg"):   config,
		filepath.Join(tables, "version"):     kamailioVersions,
		filepath.Join(tables, "dr_gateways"): kamailioGateways,
		filepath.Join(tables, "dr_rules"):    strings.Replace(kamailioRules, "NUMBER", number, 1),
		filepath.Join(tables, "dr_gw_lists"): kamailioLists,
		filepath.Join(tables, "dr_groups"):   kamailioGroups,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	log, err := openLog(filepath.Join(dir, "kamailio.log"))
	if err != nil {
		return nil, err
	}
	k := &kamailio{addr: "127.0.0.1:" + port, log: log, ended: make(chan struct{})}
	//nolint:gosec // a folder of our own making
	k.cmd = exec.CommandContext(ctx, "kamailio", "-f", filepath.Join(dir, "kamailio.cfg"), "-DD", "-E", "-w", dir,
		"-Y", dir, "-m", "64", "-M", "8")
	k.cmd.Stderr = k.log.File
	if err := k.cmd.Start(); err != nil {
		return nil, errors.Join(err, k.log.Close())
	}
	go func() { defer close(k.ended); k.err = k.cmd.Wait() }()
	if err := k.await(ctx, clk); err != nil {
		_ = k.stop()
		return nil, fmt.Errorf("kamailio: %w\n%s", err, k.log)
	}
	return k, nil
}

// await asks with OPTIONS until it answers.
func (k *kamailio) await(ctx context.Context, clk clock.Clock) error {
	nc, err := (&net.Dialer{}).DialContext(ctx, "udp", k.addr)
	if err != nil {
		return err
	}
	defer func() { _ = nc.Close() }()
	answered := make(chan struct{})
	go func() {
		buf := make([]byte, 2048)
		for {
			if n, err := nc.Read(buf); n > 0 {
				close(answered)
				return
			} else if err != nil && ctx.Err() != nil {
				return
			} else if strings.Contains(fmt.Sprint(err), "closed") {
				return
			}
		}
	}()
	options := "OPTIONS sip:" + k.addr + " SIP/2.0\r\nVia: SIP/2.0/UDP " + nc.LocalAddr().String() + ";branch=z9hG4bKup\r\n" +
		"From: <sip:bench@127.0.0.1>;tag=1\r\nTo: <sip:" + k.addr + ">\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\n" +
		"Max-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
	for range 100 {
		_, _ = nc.Write([]byte(options))
		select {
		case <-answered:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-k.ended:
			return fmt.Errorf("it ended: %w", k.err)
		case <-clk.After(100 * time.Millisecond):
		}
	}
	return context.DeadlineExceeded
}

// pids are its processes.
func (k *kamailio) pids() ([]int, error) {
	list, err := children(k.cmd.Process.Pid)
	return append(list, k.cmd.Process.Pid), err
}

// logFile is what it says, in a file of its own.
type logFile struct{ *os.File }

func openLog(path string) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // a folder of our own making
	return &logFile{f}, err
}

// String is the beginning of it.
func (l *logFile) String() string {
	const mostBytes = 4096
	text := make([]byte, mostBytes)
	n, _ := l.ReadAt(text, 0)
	return string(text[:n])
}

// records is how many lines of calls it wrote.
func (l *logFile) records() (n int, err error) {
	f, err := os.Open(l.Name())
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.Contains(lines.Text(), "ACC: ") {
			n++
		}
	}
	return n, nil
}

// served is it as a gateway like another one.
func (k *kamailio) served(like served) served {
	return served{Target{Addr: k.addr, Number: like.Number, Caller: like.Caller}, k.pids}
}

// stop ends it, and waits.
func (k *kamailio) stop() error {
	defer func() { _ = k.log.Close() }()
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return nil //nolint:nilerr // it has ended by itself
	}
	<-k.ended
	return nil
}
