package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	defaultPage       = 100
	defaultExportPage = 1000
	// checkBytes is how many bytes of a hash bind a cursor to its request.
	checkBytes = 8
)

// cursor says where a list or an export goes on. It is bound to the request that it is of, and a damaged one is refused.
type cursor struct {
	// Run is the run whose snapshot is read, where one is.
	Run string `json:"r,omitempty"`
	// Overlay is the overlay over it, where one is read.
	Overlay string `json:"o,omitempty"`
	// To and ToOverlay are those of the run that it is compared with, where it is.
	To        string `json:"t,omitempty"`
	ToOverlay string `json:"p,omitempty"`
	// After is the id or the name after which it goes on.
	After string `json:"a"`
	// Item is what, of several of that id, was the last.
	Item string `json:"i,omitempty"`
	// Batch is the batch of changes that the last one was of.
	Batch string `json:"b,omitempty"`
	// Amount is the amount of the last, where the largest come first.
	Amount float64 `json:"m,omitempty"`
}

// writeCursor returns a cursor of a request that the binding tells apart from all others.
func writeCursor(c cursor, binding ...string) string {
	// A struct of texts and of numbers that are none of the infinities always has a JSON form.
	text, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(append(check(text, binding), text...))
}

// readCursor reads a cursor that writeCursor wrote for the same binding; an empty one is the beginning. PAGE_TOKEN_INVALID.
func readCursor(token string, binding ...string) (cursor, error) {
	var c cursor
	if token == "" {
		return c, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(data) < checkBytes || !bytes.Equal(data[:checkBytes], check(data[checkBytes:], binding)) || json.Unmarshal(data[checkBytes:], &c) != nil {
		return c, fault.New(echelonv1.ErrorReason_PAGE_TOKEN_INVALID, "the page token or cursor is damaged, or of another request: begin again without it")
	}
	return c, nil
}

func check(text []byte, binding []string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(binding, "\x00") + "\x00" + string(text)))
	return sum[:checkBytes]
}

// pageSize returns how many items a page has.
func pageSize(asked int32, fallback int) int {
	if asked == 0 {
		return fallback
	}
	return int(asked)
}

// largestPage is the size at which a page is full, however few items it has.
const largestPage = 4 << 20

// full reports whether a page of so many items and bytes takes no more: it stays well below the largest message.
func (s streaming) full(items, size, bytes int) bool {
	return items >= size || bytes >= min(largestPage, s.maxMessage/4)
}
