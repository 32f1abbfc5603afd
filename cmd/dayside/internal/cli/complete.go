package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// completionTimeout bounds how long the Tab key waits for a server; without one, nothing is suggested.
const completionTimeout = time.Second

// idsOf are the IDs in a collection; none where no server answers in time.
func (a *app) idsOf(ctx context.Context, collection string) []string {
	if ctx == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	client, err := a.connect()
	if err != nil {
		return nil
	}
	defer client.close()
	var items []proto.Message
	if collection == collectionLines {
		var lines []*routingv1.Line
		lines, err = client.linesToName(ctx)
		items = messages(lines)
	} else {
		_, items, err = client.list(ctx, collection)
	}
	if err != nil {
		return nil
	}
	ids := make([]string, 0, len(items))
	for _, m := range items {
		ids = append(ids, strings.TrimPrefix(nameOf(m), collection+"/"))
	}
	return ids
}

// suggested is what a list has for the only argument, each as word says it: an ID, a tab, and what tells people which that
// is. It is empty where no server answers in time.
func suggested[T any](a *app, cmd *cobra.Command, args []string, list func(context.Context, *api) ([]T, error),
	word func(T) string,
) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || cmd.Context() == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	client, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer client.close()
	items, _ := list(ctx, client) // what came of a list that ends in an error is of use, too
	words := make([]string, 0, len(items))
	for _, item := range items {
		words = append(words, word(item))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

func nameOf(m proto.Message) string {
	if named, ok := m.(interface{ GetName() string }); ok {
		return named.GetName()
	}
	return ""
}

// linesToComplete suggests lines for the only argument.
func (a *app) linesToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.idsOf(cmd.Context(), collectionLines), cobra.ShellCompDirectiveNoFileComp
}

// completeLines suggests lines for a flag.
func (a *app) completeLines(c *cobra.Command, flag string) {
	_ = c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.idsOf(cmd.Context(), collectionLines), cobra.ShellCompDirectiveNoFileComp
	})
}

// namesToComplete suggests kinds, then names of the kind begun.
func (a *app) namesToComplete(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if len(args) == 1 {
		collection, err := collectionOf(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.idsOf(cmd.Context(), collection), cobra.ShellCompDirectiveNoFileComp
	}
	kind, _, chosen := strings.Cut(begun, "/")
	collection, err := collectionOf(kind)
	if !chosen || err != nil {
		kinds := make([]string, len(collections))
		for i, c := range collections {
			kinds[i] = c + "/"
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	ids := a.idsOf(cmd.Context(), collection)
	for i := range ids {
		ids[i] = collection + "/" + ids[i]
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
