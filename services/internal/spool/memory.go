package spool

import "os"

// memory is a file as bytes that can be stored into.
type memory interface {
	// bytes are the file's; what is stored into them is the file's at once, or after wrote.
	bytes() []byte
	// wrote says that bytes were stored over [from, to).
	wrote(from, to int64) error
	// sync waits until what was stored over [from, to) is on disk.
	sync(from, to int64) error
	// close gives the file back; its bytes are never touched again.
	close() error
}

// plain is a file that is written to by system calls: where a file system, or the machine, cannot map it.
type plain struct {
	file *os.File
	b    []byte
}

func openPlain(f *os.File, size int64) (memory, error) {
	p := &plain{f, make([]byte, size)}
	if _, err := f.ReadAt(p.b, 0); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *plain) bytes() []byte { return p.b }

func (p *plain) wrote(from, to int64) error {
	_, err := p.file.WriteAt(p.b[from:to], from)
	return err
}

func (p *plain) sync(int64, int64) error { return p.file.Sync() }

func (p *plain) close() error { return p.file.Close() }
