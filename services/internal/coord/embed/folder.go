package embed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

const (
	// Name of the member.
	Name = "dayside"
	// PeerURL of the member. Nobody joins a single one: any free port will do.
	PeerURL = "http://127.0.0.1:0"
	// endpointFile says where a running member is reached.
	endpointFile = "endpoint"
	// maxEndpointBytes is more than a host:port has.
	maxEndpointBytes = 100
)

// DataDir is where etcd keeps its data, in a member's Config.Dir.
func DataDir(dir string) string { return filepath.Join(dir, "member-data") }

// Endpoint is the host:port of the member that runs on a Config.Dir, or was running there when it was killed; false where
// there was none.
func Endpoint(dir string) (string, bool) {
	text, err := os.ReadFile(filepath.Join(dir, endpointFile))
	endpoint := strings.TrimSpace(string(text))
	return endpoint, err == nil && endpoint != "" && len(endpoint) <= maxEndpointBytes
}

// tell writes where the member is reached, for whoever backs it up.
func (s *Server) tell(dir string) error {
	path := filepath.Join(dir, endpointFile)
	return errors.Join(os.WriteFile(path+".new", []byte(s.Endpoint()+"\n"), 0o600), os.Rename(path+".new", path))
}
