package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

// maxApplied is how many resources of a kind one apply takes.
const maxApplied = 500

func newExport(a *app) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "export", Short: "Write the whole configuration as files that apply again",
		Long: "Writes calendars, people, rotas, sites, plans, offers, customers and lines as YAML, to standard output or into\n" +
			"an empty folder. Applied again, it changes nothing. Numbers of hidden lines, customers and people are in it: keep\n" +
			"it as you keep them.",
		Example: "  dayside export --dir backup/\n  dayside export > all.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.output == formatJSON {
				return usagef("--output json: export writes YAML, which apply reads; for JSON see `dayside list KIND -o json`")
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			set, err := ask(cmd.Context(), a, client.everything)
			if err != nil {
				return err
			}
			for _, l := range set.Lines {
				if l.GetNumber() == nil {
					return fmt.Errorf("%s comes without its number, which is hidden from this user: "+
						"export needs the rights of an administrator", l.GetName())
				}
			}
			if n := mostOfAKind(set); n > maxApplied {
				linef(a.Err, "note: %d resources of one kind; apply takes %d at once, so these files go in parts", n, maxApplied)
			}
			if dir == "" {
				return manifest.Write(a.Out, set.Resources()...)
			}
			return a.writeFiles(dir, set)
		},
	}
	c.Flags().StringVar(&dir, "dir", "",
		"an empty folder for the files, made where it does not exist; without it all goes to standard output")
	_ = c.MarkFlagDirname("dir")
	return c
}

// everything is the whole configuration.
func (c *api) everything(ctx context.Context) (*manifest.Set, error) {
	var all []proto.Message
	for _, collection := range collections {
		_, items, err := c.list(ctx, collection)
		if status.Code(err) == codes.Unimplemented && (collection == collectionPlans || collection == collectionOffers) {
			continue // a server of a release that knew none
		}
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return manifest.NewSet(all...), nil
}

func mostOfAKind(s *manifest.Set) int {
	return max(len(s.Calendars), len(s.People), len(s.Rotas), len(s.Sites), len(s.Plans), len(s.Offers),
		len(s.Customers), len(s.Lines))
}

// writeFiles writes a set into a folder that holds nothing else: a file left over from before would be applied with it.
func (a *app) writeFiles(dir string, set *manifest.Set) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("%s holds files already: name an empty or a new folder", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is no folder that can be written to: %w", dir, errors.Unwrap(err))
	}
	files, err := manifest.Files(set)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%s cannot be made: %w", dir, errors.Unwrap(err))
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, errors.Unwrap(err))
		}
		linef(a.Err, "wrote %s", path)
	}
	return nil
}
