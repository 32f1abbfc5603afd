package cli

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daysidehq/dayside/services/backup"
)

func newRestore(a *app) *cobra.Command {
	c, etcd, verify := backup.RestoreConfig{}, backup.EtcdMember{}, false
	cmd := &cobra.Command{
		Use:   "restore FILE --data DIR",
		Short: "Put a backup in place: all of it or nothing, with what was there moved aside",
		Long: "Put a backup in place. The whole file is verified before anything is written; what was there is moved aside and\n" +
			"never deleted. What it replaces must be stopped: the process of --data, and every member of the etcd cluster.\n" +
			"Routing processes elsewhere may go on: calls are answered with what is known, and when etcd is back they see that\n" +
			"it is another cluster, and list it anew.\n\n" +
			"A cluster with an etcd of its own: stop all members, run this once for each member with --etcd-data, --etcd-name,\n" +
			"--peer-url, and the same --initial-cluster and --token everywhere, then start them (--initial-cluster-state new).\n" +
			"The token must be a new one with every restore. Learners are added afterwards.\n\n" +
			"Back across a `dayside cluster upgrade`, stop all processes and not etcd alone: those that run would go on writing\n" +
			"what older releases cannot.\n\n" +
			"A restored folder of keys holds the lists of what is revoked as they were: look whether anything came since.",
		Example: "  dayside restore monday.dayside --verify\n" +
			"  dayside restore monday.dayside --data /var/lib/dayside --force\n" +
			"  dayside restore monday.dayside --only etcd --etcd-data /var/lib/etcd --etcd-name a \\\n" +
			"    --peer-url http://10.0.0.1:2380 --token restored-monday \\\n" +
			"    --initial-cluster a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,c=http://10.0.0.3:2380",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := onlySaysWhat(cmd, c.Only); err != nil {
				return err
			}
			c.File, c.Time = args[0], a.Now()
			if verify {
				m, err := backup.Verify(cmd.Context(), c.File)
				if err != nil {
					return &failure{message: err.Error()}
				}
				return a.showVerified(c.File, m)
			}
			member, err := etcdMember(etcd)
			if err != nil {
				return err
			}
			c.Etcd = member
			restored, err := backup.Restore(cmd.Context(), c)
			if err != nil {
				return &failure{message: err.Error()}
			}
			return a.showRestored(c, restored, a.Now().Sub(c.Time))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.DataDir, "data", a.Getenv("DAYSIDE_DATA"),
		"data directory that gets the ledger and the embedded etcd (env DAYSIDE_DATA)")
	flags.StringVar(&c.PKIDir, "pki", "", "folder that gets the keys")
	flags.BoolVar(&verify, "verify", false, "read the file to its end, say what it holds, and write nothing")
	flags.BoolVar(&c.Force, "force", false, "move aside what is there already")
	flags.StringVar(&etcd.DataDir, "etcd-data", "",
		"data directory of a member of an etcd cluster; its log must be in there, too")
	flags.StringVar(&etcd.Name, "etcd-name", "", "name of that member")
	flags.StringVar(&etcd.PeerURL, "peer-url", "", "URL at which the other members reach it")
	flags.StringVar(&etcd.InitialCluster, "initial-cluster", "", "all voting members, NAME=URL,...")
	flags.StringVar(&etcd.Token, "token", "",
		"the new cluster's token, the same for all members; another one with every restore")
	onlyFlag(cmd, &c.Only, "what to restore, and nothing else")
	return cmd
}

// etcdMember is nil where none of its flags is given; else all must be.
func etcdMember(m backup.EtcdMember) (*backup.EtcdMember, error) {
	if m == (backup.EtcdMember{}) {
		return nil, nil
	}
	if m.DataDir == "" || m.Name == "" || m.PeerURL == "" || m.InitialCluster == "" || m.Token == "" {
		return nil, usagef("--etcd-data, --etcd-name, --peer-url, --initial-cluster and --token are needed together")
	}
	return &m, nil
}

func (a *app) showVerified(file string, m backup.Manifest) error {
	answer, err := structpb.NewStruct(manifestFields(m))
	if err != nil {
		return err
	}
	return a.show(answer, func(w io.Writer) error {
		linef(w, "%s  whole; made at %s by release %s", file, m.Time.UTC().Format(time.RFC3339), m.Release)
		manifestLines(w, m)
		return nil
	})
}

func (a *app) showRestored(c backup.RestoreConfig, r backup.Restored, took time.Duration) error {
	m := manifestFields(r.Manifest)
	m["restored"], m["aside"], m["left"] = texts(r.Kinds), texts(r.Aside), texts(r.Left)
	if r.ClusterID != "" {
		m["clusterId"] = r.ClusterID
	}
	answer, err := structpb.NewStruct(m)
	if err != nil {
		return err
	}
	return a.show(answer, func(w io.Writer) error {
		linef(w, "restored %s as of %s from %s, in %s", strings.Join(r.Kinds, ", "),
			r.Manifest.Time.UTC().Format(time.RFC3339), c.File, took.Round(time.Millisecond))
		if r.ClusterID != "" {
			linef(w, "  etcd is now cluster %s: processes that run on see another cluster or epoch, and list it anew", r.ClusterID)
		}
		for _, aside := range r.Aside {
			linef(w, "  moved aside  %s", aside)
		}
		for _, left := range r.Left {
			linef(w, "  not restored %s", left)
		}
		switch etcd := slices.Contains(r.Kinds, backup.Etcd); {
		case etcd && c.Etcd != nil:
			linef(w, "  next         the same for every other member; then start them all")
		case etcd || slices.Contains(r.Kinds, backup.Ledger):
			linef(w, "  next         start it now: the process of %s", c.DataDir)
		}
		return nil
	})
}
