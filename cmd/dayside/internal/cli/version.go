package cli

import (
	"context"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// versionTimeout is how long a server may take to say by which rules it goes: whoever asks for the version need not have
// one.
const versionTimeout = time.Second

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version, and the releases of time-zone rules",
		Long: "Prints the versions of the program and of its time-zone rules; and, where a server answers within a second, the\n" +
			"release of the rules that are in force there.",
		Example: "  dayside version\n  dayside version -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			embedded, err := schedule.EmbeddedRelease()
			if err != nil {
				return err
			}
			inForce := a.releaseInForce(cmd.Context())
			fields := map[string]any{
				"version": a.Version, "go": runtime.Version(), "platform": platform, "tzdata": embedded,
			}
			if inForce != "" {
				fields["tzdata_in_force"] = inForce
			}
			m, err := structpb.NewStruct(fields)
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) error {
				linef(w, "dayside %s %s %s", a.Version, runtime.Version(), platform)
				linef(w, "time-zone rules of this program: %s", embedded)
				if inForce != "" {
					linef(w, "time-zone rules in force at %s: %s", a.server, inForce)
				}
				return nil
			})
		},
	}
}

// releaseInForce is that of the server; empty where none answers soon.
func (a *app) releaseInForce(ctx context.Context) string {
	client, err := a.connect()
	if err != nil {
		return ""
	}
	defer client.close()
	ctx, cancel := context.WithTimeout(ctx, min(a.timeout, versionTimeout))
	defer cancel()
	rules, err := client.zones.GetTimeZoneRules(ctx, &schedulev1.GetTimeZoneRulesRequest{})
	if err != nil {
		return ""
	}
	return rules.GetRelease()
}
