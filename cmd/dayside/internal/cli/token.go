package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daysidehq/dayside/services/host"
)

// defaultTokenLife is a working day.
const defaultTokenLife = 12 * time.Hour

func newToken(a *app) *cobra.Command {
	return newGroup("token", "Make bearer tokens for people, gateways and customers' contacts",
		"Make bearer tokens, which stand for a certificate until they end. Processes believe them that are given the key's\n"+
			"public half: dayside serve --token-keys token.pub. Whoever has token.key can be anybody but a process.",
		newTokenIssue(a))
}

func newTokenIssue(a *app) *cobra.Command {
	var dir, out string
	var show bool
	t := host.TokenRequest{}
	cmd := &cobra.Command{
		Use:   "issue --dir D --role ROLE --name NAME",
		Short: "Issue a token for a role: " + strings.Join(host.TokenRoles(), ", "),
		Example: "  dayside token issue --dir pki --role site --name dublin-desk --for 12h\n" +
			"  dayside list sites --token-file pki/site-dublin-desk.token",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if dir == "" || len(t.Roles) == 0 || t.Name == "" {
				return usagef("--dir, --role and --name are needed")
			}
			if show && out != "" {
				return usagef("--print writes no file: leave --out away")
			}
			if out == "" {
				out = dir
			}
			if show {
				out = ""
			}
			issued, err := host.IssueToken(dir, out, t, a.Now())
			if err != nil {
				return &failure{message: err.Error()}
			}
			return a.showToken(issued, show)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "", "folder of the authority (dayside pki init)")
	flags.StringVar(&out, "out", "", "folder to write to; empty: that of the authority")
	flags.StringSliceVar(&t.Roles, "role", nil, "what the holder may act as")
	flags.StringVar(&t.Name, "name", "", "who holds it")
	flags.DurationVar(&t.Life, "for", defaultTokenLife, "how long it is good, at most 720h")
	flags.BoolVar(&show, "print", false, "print the token, and nothing else, instead of writing a file")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(host.TokenRoles(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// showToken says where the token is; it prints the token itself only where that was asked for.
func (a *app) showToken(t host.IssuedToken, printed bool) error {
	if printed {
		_, err := fmt.Fprintln(a.Out, t.Text)
		return err
	}
	m, err := structpb.NewStruct(map[string]any{
		"token": t.File, "id": t.ID, "name": t.Name, "expires": t.Expires.UTC().Format(time.RFC3339),
	})
	if err != nil {
		return err
	}
	return a.show(m, func(w io.Writer) error {
		linef(w, "%s  for --token-file; until %s", t.File, t.Expires.UTC().Format("2006-01-02 15:04 MST"))
		linef(w, "%s  its id, to revoke it by", t.ID)
		return nil
	})
}

// connection is a connection to a server that can be closed.
type connection interface {
	grpc.ClientConnInterface
	io.Closer
}

// withToken shows the token of a file with each call. In plain text it goes to this machine only.
func (a *app) withToken(cc *grpc.ClientConn) (connection, error) {
	if a.tokenFile == "" {
		return cc, nil
	}
	secured := a.tls != (host.TLSFiles{})
	if !secured && !loopback(a.server) {
		_ = cc.Close()
		return nil, usagef("--token-file: a token is shown to this machine, or over TLS: name the server's CA with --tls-ca")
	}
	token := bearer{a.tokenFile, secured}
	if _, err := token.read(); err != nil {
		_ = cc.Close()
		return nil, usageError{err}
	}
	return tokenConn{cc, token}, nil
}

func loopback(server string) bool {
	name, _, err := net.SplitHostPort(server)
	ip := net.ParseIP(name)
	return err == nil && (name == "localhost" || ip != nil && ip.IsLoopback())
}

// bearer is the token in a file, read with each call: it may be renewed while somebody watches.
type bearer struct {
	file    string
	secured bool
}

func (b bearer) read() (string, error) {
	const maxTokenBytes = 4096
	f, err := os.Open(b.file)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxTokenBytes+1))
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || len(text) > maxTokenBytes || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("--token-file %s: does not hold one token", b.file)
	}
	return token, nil
}

// GetRequestMetadata is credentials.PerRPCCredentials'.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := b.read()
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity is credentials.PerRPCCredentials'.
func (b bearer) RequireTransportSecurity() bool { return b.secured }

// tokenConn shows a token with each call.
type tokenConn struct {
	*grpc.ClientConn
	token bearer
}

// Invoke is grpc.ClientConnInterface's.
func (c tokenConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.ClientConn.Invoke(ctx, method, args, reply, append(opts, grpc.PerRPCCredentials(c.token))...)
}

// NewStream is grpc.ClientConnInterface's.
func (c tokenConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (
	grpc.ClientStream, error,
) {
	return c.ClientConn.NewStream(ctx, desc, method, append(opts, grpc.PerRPCCredentials(c.token))...)
}
