package tabular

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// endings are those of names that say that a file is compressed.
const gzipEnding, zstdEnding = ".gz", ".zst"

// formatOf returns what the ending of a file's name says of its format.
func formatOf(file string) Format {
	file = strings.ToLower(file)
	file = strings.TrimSuffix(strings.TrimSuffix(file, gzipEnding), zstdEnding)
	for ending, format := range map[string]Format{
		".jsonl": JSONLines, ".ndjson": JSONLines, ".parquet": Parquet, ".arrow": ArrowFile, ".feather": ArrowFile, ".arrows": Arrow, ".ipc": Arrow,
	} {
		if strings.HasSuffix(file, ending) {
			return format
		}
	}
	return CSV
}

// maxWindow is the most memory that a compressed file may ask for, in bytes.
const maxWindow = 128 << 20

// Compressed reports whether the ending of a file's name says that it is.
func Compressed(file string) bool {
	file = strings.ToLower(file)
	return strings.HasSuffix(file, gzipEnding) || strings.HasSuffix(file, zstdEnding)
}

// Decompress returns what a file holds: by the ending of its name .gz and .zst are decompressed, others are as they are. It fails with an *Error
// where the beginning is not what the ending says. Closing it does not close in.
func Decompress(file string, in io.Reader) (io.ReadCloser, error) {
	var out io.ReadCloser
	var err error
	switch lower := strings.ToLower(file); {
	case strings.HasSuffix(lower, gzipEnding):
		out, err = gzip.NewReader(in)
	case strings.HasSuffix(lower, zstdEnding):
		var decoder *zstd.Decoder
		if decoder, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			out = decoder.IOReadCloser()
		}
	default:
		return io.NopCloser(in), nil
	}
	if err != nil {
		return nil, compressed(file, err)
	}
	return &decompressing{out, file}, nil
}

// decompressing says of errors what file they are of.
type decompressing struct {
	io.ReadCloser
	file string
}

// Read implements io.Reader.
func (d *decompressing) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = compressed(d.file, err)
	}
	return n, err
}

func compressed(file string, err error) error {
	return &Error{File: file, Message: fmt.Sprintf("the compressed file cannot be read: %v", err), Remedy: "compress it anew, or rename it if it is not compressed"}
}

// Compress compresses what is written to it by the ending of a file's name, as Decompress reads it. Close it to write what is held back; that
// does not close out.
func Compress(file string, out io.Writer) (io.WriteCloser, error) {
	switch lower := strings.ToLower(file); {
	case strings.HasSuffix(lower, gzipEnding):
		return gzip.NewWriter(out), nil
	case strings.HasSuffix(lower, zstdEnding):
		return zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	}
	return plain{out}, nil
}

// plain is a writer that holds nothing back.
type plain struct{ io.Writer }

// Close implements io.Closer.
func (plain) Close() error { return nil }

// startOf skips the byte order mark that some programs begin a file with, and refuses what is no text. UTF-16 is read as UTF-8.
func startOf(in io.Reader, file string) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	first, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, named(file, err)
	}
	wrong := func(message, remedy string) (*bufio.Reader, error) {
		return nil, &Error{File: file, Line: 1, Message: message, Remedy: remedy}
	}
	begins := func(mark string) bool { return bytes.HasPrefix(first, []byte(mark)) }
	switch {
	case begins("\xef\xbb\xbf"):
		_, err = buffered.Discard(3)
		return buffered, err
	case begins("\xff\xfe"), begins("\xfe\xff"):
		return bufio.NewReaderSize(decodedUTF16(buffered), 1<<16), nil
	case begins("\x1f\x8b"), begins("\x28\xb5\x2f\xfd"):
		return wrong("the file is compressed, and its name does not say so", "let its name end in .gz or .zst, as it is compressed")
	case begins("PAR1"):
		return wrong("the file is a Parquet file, and its name does not say so", "let its name end in .parquet, or give --format parquet")
	case begins("ARRO"), begins("\xff\xff\xff\xff"):
		return wrong("the file is an Arrow file, and its name does not say so", "let its name end in .arrow, or give --format arrow")
	case begins("PK\x03\x04"), begins("\xd0\xcf\x11\xe0"):
		return wrong("the file is a workbook of a spreadsheet or an archive", `save its sheet as "CSV UTF-8"`)
	}
	return buffered, nil
}

// named says of an error what file it is of, unless it does.
func named(file string, err error) error {
	var placed *Error
	if errors.As(err, &placed) {
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}
