package server

import (
	"encoding/base64"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestACursorReadsBackForItsRequestAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := cursor{Run: rapid.String().Draw(t, "run"), After: rapid.String().Draw(t, "after")}
		// A NUL stands in no name.
		names := rapid.SliceOfN(rapid.StringMatching(`[^\x00]{0,5}`), 1, 4)
		binding, other := names.Draw(t, "binding"), names.Draw(t, "other")
		token := writeCursor(want, binding...)
		if got, err := readCursor(token, binding...); err != nil || got != want {
			t.Fatalf("%v reads back as %v: %v", want, got, err)
		}
		if _, err := readCursor(token, other...); (err == nil) != slices.Equal(binding, other) {
			t.Fatalf("a cursor of %q is read for %q: %v", binding, other, err)
		}
	})
}

func TestADamagedCursorIsRefused(t *testing.T) {
	token := writeCursor(cursor{Run: "run", After: "acme"}, "request")
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for bit := range 8 {
			damaged := slices.Clone(data)
			damaged[i] ^= 1 << bit
			if _, err := readCursor(base64.RawURLEncoding.EncodeToString(damaged), "request"); !fault.Is(err, echelonv1.ErrorReason_PAGE_TOKEN_INVALID) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if i > 0 {
			if _, err := readCursor(base64.RawURLEncoding.EncodeToString(data[:i]), "request"); !fault.Is(err, echelonv1.ErrorReason_PAGE_TOKEN_INVALID) {
				t.Fatalf("cut to %d bytes: %v", i, err)
			}
		}
	}
}

func FuzzReadCursor(f *testing.F) {
	f.Add("", "")
	f.Add("AAAA", "request")
	f.Add(writeCursor(cursor{Run: "run", After: "acme"}, "request"), "request")
	f.Add(writeCursor(cursor{After: "\u2028<>"}, "request"), "other")
	f.Fuzz(func(t *testing.T, token, binding string) {
		c, err := readCursor(token, binding)
		if err != nil {
			if !fault.Is(err, echelonv1.ErrorReason_PAGE_TOKEN_INVALID) || c != (cursor{}) && err == nil {
				t.Fatalf("%v and %v", c, err)
			}
			return
		}
		if again, err := readCursor(writeCursor(c, binding), binding); err != nil || again != c {
			t.Fatalf("%v reads back as %v: %v", c, again, err)
		}
	})
}
