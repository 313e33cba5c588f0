package kvstore

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// FuzzKeys reads keys of any bytes, as those of a damaged or foreign store, and keys that are made of any names and ids.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("cacme"), "run", "acme")
	f.Add([]byte("srun\x00acme"), "", "\x00")
	f.Add([]byte{spaceDocument}, "o", "")
	f.Add([]byte("ono separator"), "20260131-000000.000000-00000000", "é")
	f.Fuzz(func(t *testing.T, key []byte, name, id string) {
		if len(key) > 0 && what(key) == "" {
			t.Errorf("nothing is said of the key %q", key)
		}
		if strings.Contains(name, "\x00") {
			return // no name has one
		}
		for _, made := range [][]byte{snapshotKey(name, id), overlayKey(name, id)} {
			got, ok := snapshotName(made)
			if !ok || got != name || !bytes.HasSuffix(made, []byte(id)) || !strings.Contains(what(made), strconv.Quote(name)) {
				t.Errorf("the key %q of %q in %q reads as %q, %t: %s", made, id, name, got, ok, what(made))
			}
		}
	})
}
