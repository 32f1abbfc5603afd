package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daysidehq/dayside/services/host"
)

// bytesPerMiB is what --min-free-mib counts.
const bytesPerMiB = 1 << 20

func newEtcdDefrag(a *app) *cobra.Command {
	var endpoints []string
	var files host.TLSFiles
	var minFreeMiB int64
	cmd := &cobra.Command{
		Use:   "defrag",
		Short: "Have etcd's members give back the disk that they do not use",
		Long: "Have etcd's members give back the disk that they do not use: one after the other, the leader last, and each\n" +
			"only while all of them are well, since a member answers nobody meanwhile. Where one is not, nothing is done, and\n" +
			"it fails. Once there is room again, an alarm that there was none (NOSPACE) is taken back. Learners do not take\n" +
			"the request: they are left alone.\n\n" +
			"With etcd's roles in force it needs a certificate of a user with the role root.",
		Example: "  dayside etcd defrag --etcd 127.0.0.1:2379",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(endpoints) == 0 {
				return usageError{fmt.Errorf("--etcd is needed: the endpoints of the cluster")}
			}
			var told []host.Defragmented
			err := host.DefragmentEtcd(cmd.Context(), endpoints, files, minFreeMiB*bytesPerMiB, func(d host.Defragmented) {
				told = append(told, d)
			})
			if err != nil {
				return err
			}
			return a.showDefragmented(told)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&endpoints, "etcd", nil, "endpoints of the etcd cluster")
	flags.StringVar(&files.CA, "etcd-ca", "", "CAs that etcd's certificate is believed of, PEM; empty: etcd in plain text")
	flags.StringVar(&files.Cert, "etcd-cert", "", "certificate to show to etcd, PEM")
	flags.StringVar(&files.Key, "etcd-key", "", "its key, PEM")
	flags.Int64Var(&minFreeMiB, "min-free-mib", 100, "leave a member alone that has less unused, in MiB")
	return cmd
}

func (a *app) showDefragmented(told []host.Defragmented) error {
	list := make([]any, len(told))
	for i, d := range told {
		list[i] = map[string]any{
			"member": d.Member, "before_bytes": float64(d.BeforeBytes), "after_bytes": float64(d.AfterBytes), "skipped": d.Skipped,
		}
	}
	m, err := structpb.NewStruct(map[string]any{"members": list})
	if err != nil {
		return err
	}
	return a.show(m, func(w io.Writer) error {
		for _, d := range told {
			if d.Skipped != "" {
				linef(w, "%s: left alone: %s", d.Member, d.Skipped)
				continue
			}
			linef(w, "%s: %d MiB, and %d MiB before", d.Member, d.AfterBytes/bytesPerMiB, d.BeforeBytes/bytesPerMiB)
		}
		return nil
	})
}
