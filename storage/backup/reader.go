package backup

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// Reader reads a backup, and checks every section before it gives out what is in it. It is used by one goroutine.
type Reader struct {
	from   *bufio.Reader
	offset int64
	sum    []byte
	header *storagev1.BackupHeader
	counts storagev1.BackupEnd
	info   *Info
	last   []byte
}

// NewReader begins to read a backup. The error is a *DamagedError or a *FormatError where the file is at fault.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReaderSize(from, 1<<16), header: &storagev1.BackupHeader{}}
	start := make([]byte, len(magic)+4)
	n, err := io.ReadFull(r.from, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if n < len(magic) || string(start[:len(magic)]) != magic {
		return nil, r.damaged("it does not begin as a backup of Echelon does")
	}
	if n < len(start) {
		return nil, r.truncated()
	}
	if format := binary.LittleEndian.Uint32(start[len(magic):]); format != Format {
		return nil, &FormatError{What: "backup", Found: int(format), Supported: Format}
	}
	r.offset, r.sum = int64(len(start)), start
	kind, body, err := r.section()
	if err != nil {
		return nil, err
	}
	if kind != headerSection || proto.Unmarshal(body, r.header) != nil {
		return nil, r.damaged("its first section is no header")
	}
	return r, nil
}

// Header is what the backup begins with.
func (r *Reader) Header() *storagev1.BackupHeader { return r.header }

// Info is what the backup says of itself; nil before all entries were read.
func (r *Reader) Info() *Info { return r.info }

// Entries goes through all entries, ascending by key, once. An entry is valid until the next one. When it is over without an error the backup is
// whole and as it was written. The error is a *DamagedError where the file is at fault.
func (r *Reader) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for {
			kind, body, err := r.section()
			switch {
			case err != nil:
			case kind == endSection:
				err = r.end(body)
				if err == nil {
					return
				}
			case kind == chunkSection:
				var more bool
				if more, err = r.chunk(body, yield); err == nil && !more {
					return
				}
			default:
				err = r.damaged("it has a section of an unknown type")
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
		}
	}
}

// section reads a section and checks its sum.
func (r *Reader) section() (kind byte, body []byte, err error) {
	start := make([]byte, sectionBytes)
	if err := r.read(start); err != nil {
		return 0, nil, err
	}
	length := binary.LittleEndian.Uint32(start[1:])
	if length > maxBody {
		return 0, nil, r.damaged("a section claims to be longer than any is")
	}
	// The buffer grows with what is there, since the length may be wrong.
	var whole bytes.Buffer
	n, err := io.CopyN(&whole, r.from, int64(length)+sumBytes)
	if errors.Is(err, io.EOF) {
		return 0, nil, r.truncated()
	}
	if err != nil {
		return 0, nil, err
	}
	body = whole.Bytes()[:length]
	sum := chain(r.sum, start, body)
	if !bytes.Equal(sum, whole.Bytes()[length:]) {
		return 0, nil, r.damaged("a check sum does not match")
	}
	r.offset += int64(sectionBytes) + n
	r.sum = sum
	return start[0], body, nil
}

func (r *Reader) read(to []byte) error {
	_, err := io.ReadFull(r.from, to)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.truncated()
	}
	return err
}

// end checks the last section.
func (r *Reader) end(body []byte) error {
	end := &storagev1.BackupEnd{}
	if proto.Unmarshal(body, end) != nil || end.GetKeys() != r.counts.GetKeys() || end.GetValues() != r.counts.GetValues() {
		return r.damaged("its end does not count what is in it")
	}
	if _, err := r.from.ReadByte(); err == nil {
		return r.damaged("something follows its end")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	r.info = &Info{ID: hex.EncodeToString(r.sum), Header: r.header, End: end}
	return nil
}

// chunk hands out the entries of a chunk, and reports whether more are wanted.
func (r *Reader) chunk(body []byte, yield func(Entry, error) bool) (more bool, err error) {
	raw, err := r.unpack(body)
	if err != nil {
		return false, err
	}
	fresh := true
	for len(raw) > 0 {
		e, rest, ok := r.entry(raw, fresh)
		if !ok {
			return false, r.damaged("an entry cannot be read")
		}
		raw, fresh = rest, false
		if !yield(e, nil) {
			return false, nil
		}
	}
	return true, nil
}

func (r *Reader) unpack(body []byte) ([]byte, error) {
	length, n := binary.Uvarint(body)
	if n <= 0 || length > maxBody {
		return nil, r.damaged("a chunk does not say how long it is")
	}
	var raw bytes.Buffer
	// One more byte than it may have shows that it has more.
	if _, err := io.Copy(&raw, io.LimitReader(flate.NewReader(bytes.NewReader(body[n:])), int64(length)+1)); err != nil || raw.Len() != int(length) {
		return nil, r.damaged(fmt.Sprintf("a chunk cannot be unpacked to its %d bytes", length))
	}
	return raw.Bytes(), nil
}

// entry reads one entry. The first of a chunk shares nothing with the key before.
func (r *Reader) entry(raw []byte, fresh bool) (e Entry, rest []byte, ok bool) {
	shared, raw, ok := number(raw)
	if !ok || shared > uint64(len(r.last)) || fresh && shared > 0 {
		return e, nil, false
	}
	suffix, raw, ok := text(raw)
	if !ok {
		return e, nil, false
	}
	key := append(append([]byte(nil), r.last[:shared]...), suffix...)
	if r.counts.Keys > 0 && bytes.Compare(key, r.last) <= 0 {
		return e, nil, false
	}
	e.Key = key
	if e.Version, raw, ok = number(raw); !ok {
		return e, nil, false
	}
	length, raw, ok := number(raw)
	if !ok || length > uint64(len(raw))+1 {
		return e, nil, false
	}
	if e.Kept = length == 0; e.Kept {
		if r.header.GetBaseId() == "" || e.Version > r.header.GetBaseCommit() {
			return e, nil, false
		}
	} else {
		e.Value, raw = raw[:length-1], raw[length-1:]
		r.counts.Values++
	}
	r.counts.Keys++
	r.last = key
	return e, raw, true
}

// number reads a number.
func number(raw []byte) (uint64, []byte, bool) {
	n, size := binary.Uvarint(raw)
	if size <= 0 {
		return 0, nil, false
	}
	return n, raw[size:], true
}

// text reads bytes behind their length.
func text(raw []byte) (content, rest []byte, ok bool) {
	length, raw, ok := number(raw)
	if !ok || length > uint64(len(raw)) {
		return nil, nil, false
	}
	return raw[:length], raw[length:], true
}

func (r *Reader) damaged(what string) error { return &DamagedError{Offset: r.offset, What: what} }

func (r *Reader) truncated() error { return r.damaged("it ends too early") }

// Verify reads a whole backup and returns what it says of itself.
func Verify(from io.Reader) (*Info, error) {
	r, err := NewReader(from)
	if err != nil {
		return nil, err
	}
	for _, err := range r.Entries() {
		if err != nil {
			return nil, err
		}
	}
	return r.Info(), nil
}
