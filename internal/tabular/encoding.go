package tabular

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encoding is how a file writes text.
type Encoding string

// The encodings of files. UTF-16 is known by the mark that such a file begins with; nothing tells of the others.
const (
	// UTF8 is that of all other programs today.
	UTF8 Encoding = "utf-8"
	// Windows1252 is that of older Windows programs of western Europe and America, and holds all of ISO 8859-1 that is printed.
	Windows1252 Encoding = "windows-1252"
)

// ParseEncoding reads the name of an encoding. The empty name is UTF-8.
func ParseEncoding(name string) (Encoding, error) {
	switch name {
	case "", string(UTF8):
		return UTF8, nil
	case string(Windows1252):
		return Windows1252, nil
	}
	return "", fmt.Errorf("%s is no encoding that is read: write utf-8 or windows-1252", strconv.Quote(name))
}

// decoded returns a file's text as UTF-8.
func decoded(in io.Reader, encoding Encoding) io.Reader {
	if encoding == Windows1252 {
		return charmap.Windows1252.NewDecoder().Reader(in)
	}
	return in
}

// decodedUTF16 returns the text of a file that begins with the mark of UTF-16 as UTF-8.
func decodedUTF16(in io.Reader) io.Reader {
	return unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Reader(in)
}

// NotUTF8 is the error of a file whose text is no UTF-8.
func NotUTF8(file string, line int, text string) *Error {
	return &Error{
		File: file, Line: line, Message: "the text " + strconv.QuoteToASCII(text[:min(len(text), 60)]) + " is no valid UTF-8",
		Remedy: `save the file as UTF-8, which spreadsheets call "CSV UTF-8", or say --encoding windows-1252 where an older Windows program wrote it`,
	}
}

// checkHeader refuses a header that is no UTF-8: no column would be found by its name.
func checkHeader(file string, line int, names []string) error {
	for _, name := range names {
		if !utf8.ValidString(name) {
			return NotUTF8(file, line, name)
		}
	}
	return nil
}
