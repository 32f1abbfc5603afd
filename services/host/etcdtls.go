package host

import "crypto/tls"

// EtcdClientTLS is how a program that is no process of the cluster speaks to etcd; nil where no file is named. The error is
// one line that names the flag.
func EtcdClientTLS(files TLSFiles) (*tls.Config, error) {
	h := Host{cfg: Config{EtcdTLS: files}}
	cfg, err := h.etcdTLS()
	if err != nil {
		return nil, oneLine(err)
	}
	return cfg, nil
}
