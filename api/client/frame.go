package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// What is kept on disk begins with a header, the magic and a version, and goes on with records: length of the payload (4
// bytes, little endian), CRC-32C of kind and payload (4 bytes), kind (1 byte), payload. Records of a kind that a release
// does not know are passed over, so that it reads what the next one writes.
const (
	fileMagic   = "DAYSIDE"
	fileVersion = 1
	headerBytes = len(fileMagic) + 1
	frameBytes  = 4 + 4 + 1
	// maxRecordBytes bounds one payload: an answer of routing holds about a mebibyte.
	maxRecordBytes = 8 << 20
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// fileHeader begins a file.
func fileHeader() []byte { return append([]byte(fileMagic), fileVersion) }

// appendFrame adds a record.
func appendFrame(dst []byte, kind byte, payload []byte) []byte {
	sum := crc32.Update(crc32.Checksum([]byte{kind}, castagnoli()), castagnoli(), payload)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	dst = append(dst, kind)
	return append(dst, payload...)
}

// Why a file cannot be read.
var (
	errForeign = errors.New("is no file of this program, or of a release that this one cannot read")
	errDamaged = errors.New("is damaged")
)

// frames calls see for each record, until one is not whole or damaged; good is the length of what was. The error is
// errForeign where the file does not begin as it must, errDamaged where good is not all of it, or see's own.
func frames(data []byte, see func(kind byte, payload []byte) error) (good int, err error) {
	if len(data) < headerBytes || string(data[:len(fileMagic)]) != fileMagic || data[len(fileMagic)] != fileVersion {
		return 0, errForeign
	}
	good = headerBytes
	for len(data) > good {
		rest := data[good:]
		if len(rest) < frameBytes {
			return good, errDamaged
		}
		size := binary.LittleEndian.Uint32(rest)
		if size > maxRecordBytes || int(size) > len(rest)-frameBytes {
			return good, errDamaged
		}
		kind, payload := rest[8], rest[frameBytes:frameBytes+int(size)]
		if crc32.Checksum(rest[8:frameBytes+int(size)], castagnoli()) != binary.LittleEndian.Uint32(rest[4:]) {
			return good, errDamaged
		}
		if err := see(kind, payload); err != nil {
			return good, err
		}
		good += frameBytes + int(size)
	}
	return good, nil
}

// readBounded reads a file that is no longer than max bytes.
func readBounded(path string, maxBytes int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxBytes)
	}
	return os.ReadFile(path)
}

// replaceFile puts a file in the place of another one, whole or not at all, for its owner's eyes.
func replaceFile(path string, data []byte) (err error) {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(next) // what is not whole would take room that the next attempt needs
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
