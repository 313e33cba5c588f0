package backup

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// Writer writes a backup. It is used by one goroutine.
type Writer struct {
	to      io.Writer
	header  *storagev1.BackupHeader
	end     storagev1.BackupEnd
	content *Content
	sum     []byte // of the last section
	chunk   []byte // entries that no section holds yet
	last    []byte // the key of the last entry
	started bool   // whether the chunk has an entry
	packed  bytes.Buffer
	packer  *flate.Writer
}

// NewWriter begins a backup.
func NewWriter(to io.Writer, header *storagev1.BackupHeader) (*Writer, error) {
	packer, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := &Writer{to: to, header: header, packer: packer, content: NewContent()}
	start := binary.LittleEndian.AppendUint32([]byte(magic), Format)
	if _, err := to.Write(start); err != nil {
		return nil, err
	}
	w.sum = start
	return w, w.message(headerSection, header)
}

// Add adds an entry; its key comes after the one before. Neither key nor value is kept.
func (w *Writer) Add(e Entry) error {
	if w.end.Keys > 0 && bytes.Compare(e.Key, w.last) <= 0 {
		return fmt.Errorf("backup: the key %q does not come after %q", e.Key, w.last)
	}
	if len(e.Key)+len(e.Value) > maxBody/2 {
		return fmt.Errorf("backup: the key %q has a value of %d bytes, which is too long for a backup", e.Key, len(e.Value))
	}
	shared := 0
	if w.started {
		shared = commonPrefix(w.last, e.Key)
	}
	w.chunk = binary.AppendUvarint(w.chunk, uint64(shared))
	w.chunk = binary.AppendUvarint(w.chunk, uint64(len(e.Key)-shared))
	w.chunk = append(w.chunk, e.Key[shared:]...)
	w.chunk = binary.AppendUvarint(w.chunk, e.Version)
	if e.Kept {
		w.chunk = binary.AppendUvarint(w.chunk, 0)
	} else {
		w.chunk = binary.AppendUvarint(w.chunk, uint64(len(e.Value))+1)
		w.chunk = append(w.chunk, e.Value...)
		w.end.Values++
		w.content.Add(e.Key, e.Value)
	}
	w.end.Keys++
	w.started = true
	w.last = append(w.last[:0], e.Key...)
	if len(w.chunk) < chunkBytes {
		return nil
	}
	return w.flush()
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Close ends the backup, without which it is not whole.
func (w *Writer) Close() (*Info, error) {
	if w.started {
		if err := w.flush(); err != nil {
			return nil, err
		}
	}
	if w.header.GetBaseId() == "" {
		w.end.ContentSha256 = w.content.Sum()
	}
	if err := w.message(endSection, &w.end); err != nil {
		return nil, err
	}
	return &Info{ID: hex.EncodeToString(w.sum), Header: w.header, End: &w.end}, nil
}

// flush writes the entries that were collected as a chunk.
func (w *Writer) flush() error {
	w.packed.Reset()
	w.packed.Write(binary.AppendUvarint(nil, uint64(len(w.chunk))))
	w.packer.Reset(&w.packed)
	if _, err := w.packer.Write(w.chunk); err != nil {
		return err
	}
	if err := w.packer.Close(); err != nil {
		return err
	}
	w.chunk, w.started = w.chunk[:0], false
	return w.section(chunkSection, w.packed.Bytes())
}

func (w *Writer) message(kind byte, message proto.Message) error {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return err
	}
	return w.section(kind, body)
}

func (w *Writer) section(kind byte, body []byte) error {
	start := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(body)))
	w.sum = chain(w.sum, start, body)
	for _, part := range [][]byte{start, body, w.sum} {
		if _, err := w.to.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// chain is the sum of a section that follows one with the sum before.
func chain(before, start, body []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{before, start, body} {
		// A hash never fails to take bytes.
		_, _ = h.Write(part)
	}
	return h.Sum(nil)
}
