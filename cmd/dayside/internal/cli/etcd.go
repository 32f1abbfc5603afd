package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daysidehq/dayside/services/host"
)

func newEtcd(a *app) *cobra.Command {
	return newGroup("etcd", "Set up and look after a cluster's etcd",
		"Set up and look after a cluster's etcd. The one that serve embeds needs nothing.", newEtcdGrants(a), newEtcdDefrag(a))
}

func newEtcdGrants(a *app) *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "grants [SERVICE...]",
		Short: "Print the etcdctl commands that give each service a role and a user of its own",
		Long: "Print the etcdctl commands that give each service a role of its own, with the keys that it needs, and a user.\n\n" +
			"With --client-cert-auth etcd takes a certificate's common name for the user: service-NAME for what\n" +
			"`dayside pki issue --role service --name NAME` makes. A process that holds several services needs a user with all\n" +
			"their roles. Roles are enforced once a user root with the role root exists and `etcdctl auth enable` was run.",
		Example: "  dayside etcd grants | sh\n  dayside etcd grants routing --etcd-prefix /support/",
		Args:    cobra.ArbitraryArgs, ValidArgs: host.Names(),
		RunE: func(_ *cobra.Command, services []string) error {
			lines, err := host.EtcdCommands(prefix, services)
			if err != nil {
				return usageError{err}
			}
			list := make([]any, len(lines))
			for i, line := range lines {
				list[i] = line
			}
			m, err := structpb.NewStruct(map[string]any{"commands": list})
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) error {
				linef(w, "%s", strings.Join(lines, "\n"))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&prefix, "etcd-prefix", "/dayside/", "where the cluster keeps its keys")
	return cmd
}
