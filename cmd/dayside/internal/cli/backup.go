package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daysidehq/dayside/services/backup"
	"github.com/daysidehq/dayside/services/host"
)

func newBackup(a *app) *cobra.Command {
	c := backup.Config{DataDir: a.dataDir()}
	var etcd host.TLSFiles
	cmd := &cobra.Command{
		Use:   "backup --out FILE",
		Short: "Make one file of etcd, the ledger and the keys, while all runs",
		Long: "Make one file (0600) of etcd, the ledger and the keys. Processes may run meanwhile; calls and changes go on.\n\n" +
			"Without --etcd the embedded etcd of --data is saved, whether its process runs or not. Run it where the ledger is\n" +
			"kept; elsewhere that is left out, and said. The file holds everything in clear, keys and callers' numbers too:\n" +
			"encrypt it before it leaves the machine. It is read to its end before it is there.\n" +
			"Where etcd has users, --etcd-cert must be root's.",
		Example: "  dayside backup --out monday.dayside --data /var/lib/dayside --pki /etc/dayside/pki\n" +
			"  dayside backup --out monday.dayside --only etcd --etcd 10.0.0.1:2379,10.0.0.2:2379",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := onlySaysWhat(cmd, c.Only); err != nil {
				return err
			}
			if c.Out == "" {
				return usagef("--out is needed: the file to make")
			}
			if etcd != (host.TLSFiles{}) && (etcd.CA == "" || (etcd.Cert == "") != (etcd.Key == "")) {
				return usagef("--etcd-ca is needed with --etcd-cert, which needs --etcd-key")
			}
			if c.EtcdTLS, err = host.EtcdClientTLS(etcd); err != nil {
				return &failure{message: err.Error()}
			}
			c.Release, c.Time = a.Version, a.Now()
			saved, err := backup.Save(cmd.Context(), c)
			if err != nil {
				return &failure{message: "no backup was made: " + err.Error()}
			}
			return a.showSaved(c.Out, saved, a.Now().Sub(c.Time))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Out, "out", "", "file to make; it is never replaced")
	flags.StringVar(&c.DataDir, "data", c.DataDir, "data directory of the process that keeps the ledger (env DAYSIDE_DATA)")
	flags.StringSliceVar(&c.EtcdEndpoints, "etcd", nil, "endpoints of an etcd cluster; without any, the embedded one of --data")
	flags.StringVar(&etcd.Cert, "etcd-cert", "", "certificate to show to etcd, PEM")
	flags.StringVar(&etcd.Key, "etcd-key", "", "its key, PEM")
	flags.StringVar(&etcd.CA, "etcd-ca", "", "CAs that etcd's certificate is believed of, PEM; empty: etcd in plain text")
	flags.StringVar(&c.PKIDir, "pki", "", "folder of the keys; empty: they are left out")
	onlyFlag(cmd, &c.Only, "what must be in it, and nothing else")
	return cmd
}

// dataDir is where processes keep their data, as serve takes it.
func (a *app) dataDir() string {
	if dir := a.Getenv("DAYSIDE_DATA"); dir != "" {
		return dir
	}
	return host.DefaultConfig().DataDir
}

func onlyFlag(cmd *cobra.Command, only *[]string, what string) {
	cmd.Flags().StringSliceVar(only, "only", nil, what+" ("+strings.Join(backup.Kinds(), ", ")+")")
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(backup.Kinds(), cobra.ShellCompDirectiveNoFileComp))
}

// onlySaysWhat refuses an --only of nothing, as an empty variable of a script makes it: it is not all.
func onlySaysWhat(cmd *cobra.Command, only []string) error {
	if cmd.Flags().Changed("only") && len(only) == 0 {
		return usagef(`--only "": must be of %s; without it: all`, strings.Join(backup.Kinds(), ", "))
	}
	return nil
}

func (a *app) showSaved(file string, s backup.Saved, took time.Duration) error {
	m := manifestFields(s.Manifest)
	m["file"], m["bytes"], m["left"] = file, float64(s.Bytes), texts(s.Left)
	answer, err := structpb.NewStruct(m)
	if err != nil {
		return err
	}
	return a.show(answer, func(w io.Writer) error {
		linef(w, "%s  %s, in %s", file, size(s.Bytes), took.Round(time.Millisecond))
		manifestLines(w, s.Manifest)
		for _, left := range s.Left {
			linef(w, "  without    %s", left)
		}
		return nil
	})
}

// manifestFields are what a program reads of a backup.
func manifestFields(m backup.Manifest) map[string]any {
	kinds := map[string]any{}
	for _, kind := range m.Kinds() {
		bytes := int64(0)
		for _, p := range m.Of(kind) {
			bytes += p.Bytes
		}
		kinds[kind] = map[string]any{"files": float64(len(m.Of(kind))), "bytes": float64(bytes)}
	}
	fields := map[string]any{"release": m.Release, "time": m.Time.UTC().Format(time.RFC3339), "holds": kinds}
	if m.Etcd != nil {
		fields["etcd"] = map[string]any{
			"clusterId": m.Etcd.ClusterID, "revision": fmt.Sprint(m.Etcd.Revision), "keys": fmt.Sprint(m.Etcd.Keys),
			"version": m.Etcd.Version,
		}
	}
	return fields
}

// manifestLines are the same for people.
func manifestLines(w io.Writer, m backup.Manifest) {
	for _, kind := range m.Kinds() {
		bytes, parts := int64(0), m.Of(kind)
		for _, p := range parts {
			bytes += p.Bytes
		}
		switch kind {
		case backup.Etcd:
			linef(w, "  %-10s %s: %s at revision %d of cluster %s (etcd %s)", kind, size(bytes), count(int(m.Etcd.Keys), "key"),
				m.Etcd.Revision, m.Etcd.ClusterID, m.Etcd.Version)
		case backup.Keys:
			linef(w, "  %-10s %s: %s", kind, size(bytes), count(len(parts), "file"))
		default:
			linef(w, "  %-10s %s", kind, size(bytes))
		}
	}
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, text := range list {
		out[i] = text
	}
	return out
}

// size is a number of bytes as people say it.
func size(bytes int64) string {
	const unit = 1024
	switch {
	case bytes < unit:
		return fmt.Sprintf("%d B", bytes)
	case bytes < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/unit)
	case bytes < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(unit*unit))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(unit*unit*unit))
}
