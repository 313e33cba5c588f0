package kvstore

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/storage"
)

// TestKeysNeverChange spells out the keys that lie on disks.
func TestKeysNeverChange(t *testing.T) {
	tests := map[string]struct {
		got  []byte
		want string
	}{
		"format":        {formatKey, "F"},
		"customer":      {customerKey("acme"), "cacme"},
		"schema":        {documentKey(storage.KindSchema, ""), "d\x01"},
		"model version": {documentKey(storage.KindModelVersion, storage.VersionKey("b2b", 12)), "d\x02b2b/0000000000000000012"},
		"model head":    {documentKey(storage.KindModelHead, "b2b"), "d\x03b2b"},
		"calibration":   {documentKey(storage.KindCalibration, "r1"), "d\x04r1"},
		"run":           {documentKey(storage.KindRun, "r1"), "d\x05r1"},
		"publication":   {documentKey(storage.KindCurrent, "b2b"), "d\x06b2b"},
		"audit entry":   {documentKey(storage.KindAudit, "log/1"), "d\x07log/1"},
		"block":         {snapshotKey("r1", "acme"), "sr1\x00acme"},
		"sealed":        {seal([]byte("cacme"), []byte("123456789")), "123456789\xd4\xb0\x35\x6a"},
		"format text":   {[]byte(formatText), "echelon store, format "},
	}
	for name, test := range tests {
		if string(test.got) != test.want {
			t.Errorf("%s: %q, and on disks it is %q", name, test.got, test.want)
		}
	}
}

func TestNeighboursOfKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		aKey := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xfe, 0xff}), 0, 6)
		key := append([]byte{'c'}, aKey.Draw(t, "key")...)
		other := append([]byte{'c'}, aKey.Draw(t, "other")...)
		if after := After(key); (bytes.Compare(other, key) > 0) != (bytes.Compare(other, after) >= 0) {
			t.Errorf("After(%q) is %q, and %q lies between", key, after, other)
		}
		inPrefix := bytes.HasPrefix(other, key)
		if between := bytes.Compare(other, key) >= 0 && bytes.Compare(other, End(key)) < 0; between != inPrefix {
			t.Errorf("End(%q) is %q, which is wrong for %q", key, End(key), other)
		}
	})
}

func TestASealHoldsTheValueAndItsKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.Byte(), 0, 30)
		key, value := some.Draw(t, "key"), some.Draw(t, "value")
		sealed := seal(key, bytes.Clone(value))
		if got, err := unseal(Item{Key: key, Value: sealed}); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("got %q, %v", got, err)
		}
		bit := rapid.IntRange(0, len(sealed)*8-1).Draw(t, "bit")
		damaged := bytes.Clone(sealed)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := unseal(Item{Key: key, Value: damaged}); err == nil {
			t.Error("a flipped bit is not found")
		}
		if _, err := unseal(Item{Key: append(key, 'x'), Value: sealed}); err == nil {
			t.Error("a value under another key is not found")
		}
	})
}

func TestFormatsAreParsed(t *testing.T) {
	if _, err := parseFormat(formatText+"1", "dir"); err != nil {
		t.Errorf("format 1: %v", err)
	}
	if _, err := parseFormat(formatText+"99", "dir"); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("format 99: got %v, want an error that names it", err)
	}
}
