package zones

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"maps"
	"slices"
)

// Pack writes the bundle in the form that Read takes. The same rules give the same bytes: names ascend, nothing is dated,
// and a zone that equals an earlier one is a link to it.
func (b *Bundle) Pack(w io.Writer) error {
	zipped := gzip.NewWriter(w) // the best compression gains 3% and takes eight times as long
	packed := tar.NewWriter(zipped)
	if err := packFile(packed, ReleaseEntry, []byte(b.release)); err != nil {
		return err
	}
	first := make(map[string]string, len(b.zones)) // contents to the name they were first met under
	for _, name := range slices.Sorted(maps.Keys(b.zones)) {
		data := b.zones[name]
		if met, ok := first[string(data)]; ok {
			head := &tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeLink, Linkname: met}
			if err := packed.WriteHeader(head); err != nil {
				return err
			}
			continue
		}
		first[string(data)] = name
		if err := packFile(packed, name, data); err != nil {
			return err
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return zipped.Close()
}

func packFile(packed *tar.Writer, name string, data []byte) error {
	head := &tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(data))}
	if err := packed.WriteHeader(head); err != nil {
		return err
	}
	_, err := packed.Write(data)
	return err
}
