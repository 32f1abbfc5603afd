package cli

import (
	"io"
	"runtime"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version",
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			m, err := structpb.NewStruct(map[string]any{"version": a.Version, "go": runtime.Version(), "platform": platform})
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) error {
				linef(w, "dayside %s %s %s", a.Version, runtime.Version(), platform)
				return nil
			})
		},
	}
}
