package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheMemoryIsWhatWasAskedForUnlessTheSystemAllowsLess(t *testing.T) {
	for text, want := range map[string]int64{
		"1000\n": 900, "max\n": 2000, "": 2000, "9223372036854771712\n": 2000, "-1": 2000, "nonsense": 2000, "3000": 2000,
	} {
		file := filepath.Join(t.TempDir(), "memory.max")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := memoryLimit(2000, []string{filepath.Join(t.TempDir(), "none"), file}); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
