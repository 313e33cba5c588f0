package frame_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
)

func TestWhatIsPrintableIsShortAndValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")), rapid.IntRange(1, 600).Draw(t, "times"))
		got := frame.Printable(text)
		if !utf8.ValidString(got) || len(got) > 512 {
			t.Fatalf("%q is no text of at most 512 bytes", got)
		}
		if utf8.ValidString(text) && len(text) <= 512 && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
