package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// value is what a store has under a key.
type value struct {
	Version uint64
	Text    string
}

// write writes a backup of a store at a commit, which follows a base where one is given.
func write(t rapidOrTest, store map[string]value, commit uint64, base *Info) ([]byte, *Info) {
	t.Helper()
	header := &storagev1.BackupHeader{StoreFormat: 1, Commit: commit}
	if base != nil {
		header.BaseId, header.BaseCommit = base.ID, base.Header.GetCommit()
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, header)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	for _, key := range slices.Sorted(maps.Keys(store)) {
		e := Entry{Key: []byte(key), Version: store[key].Version, Kept: base != nil && store[key].Version <= header.BaseCommit}
		if !e.Kept {
			e.Value = []byte(store[key].Text)
		}
		if err := w.Add(e); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	info, err := w.Close()
	if err != nil {
		t.Fatalf("close: %v", err)
	}
	return file.Bytes(), info
}

type rapidOrTest interface {
	Helper()
	Fatalf(format string, args ...any)
}

// merge reads a chain.
func merge(files ...[]byte) (map[string]value, error) {
	var readers []*Reader
	for _, file := range files {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return nil, err
		}
		readers = append(readers, r)
	}
	store := make(map[string]value)
	for e, err := range Merge(readers) {
		if err != nil {
			return nil, err
		}
		store[string(e.Key)] = value{e.Version, string(e.Value)}
	}
	return store, nil
}

// A chain of a full backup and incremental ones, with writes and deletes in between, gives back what the store had at the last.
func TestAChainGivesBackWhatTheStoreHad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, commit := make(map[string]value), uint64(0)
		var files [][]byte
		var infos []*Info
		for range rapid.IntRange(1, 6).Draw(t, "backups") {
			for range rapid.IntRange(0, 30).Draw(t, "changes") {
				commit++
				key := rapid.StringMatching("[ab]{1,4}").Draw(t, "key")
				if rapid.IntRange(0, 2).Draw(t, "deletes") == 0 {
					delete(store, key)
				} else {
					store[key] = value{commit, rapid.StringN(0, 20, -1).Draw(t, "text")}
				}
			}
			commit++
			var base *Info
			if len(infos) > 0 {
				base = infos[len(infos)-1]
			}
			file, info := write(t, store, commit, base)
			files, infos = append(files, file), append(infos, info)
			if read, err := Verify(bytes.NewReader(file)); err != nil || read.ID != info.ID || read.End.GetKeys() != uint64(len(store)) {
				t.Fatalf("verify: %v, %v", read, err)
			}
		}
		if err := CheckChain(infos); err != nil {
			t.Fatal(err)
		}
		got, err := merge(files...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(store, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

// many is a store of several chunks.
func many() map[string]value {
	store := make(map[string]value)
	for i := range 3000 {
		store[fmt.Sprintf("c%06d", i)] = value{uint64(i%7 + 1), strings.Repeat(fmt.Sprint(i), 250)}
	}
	return store
}

func TestManyChunks(t *testing.T) {
	store := many()
	file, info := write(t, store, 7, nil)
	if info.End.GetValues() != 3000 || bytes.Count(file, []byte{chunkSection}) < 2 {
		t.Errorf("the end is %v", info.End)
	}
	got, err := merge(file)
	if diff := cmp.Diff(store, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func small() map[string]value {
	return map[string]value{"a": {1, "one"}, "ab": {2, ""}, "b": {3, "three"}}
}

func TestAFlippedBitAnywhereIsFound(t *testing.T) {
	file, _ := write(t, small(), 3, nil)
	for i := range file {
		for bit := range 8 {
			altered := bytes.Clone(file)
			altered[i] ^= 1 << bit
			_, err := Verify(bytes.NewReader(altered))
			var damaged *DamagedError
			var format *FormatError
			if !errors.As(err, &damaged) && !errors.As(err, &format) {
				t.Fatalf("bit %d of byte %d: got %v", bit, i, err)
			}
		}
	}
}

func TestAFileThatIsCutAnywhereIsFound(t *testing.T) {
	file, _ := write(t, small(), 3, nil)
	for n := range file {
		var damaged *DamagedError
		if _, err := Verify(bytes.NewReader(file[:n])); !errors.As(err, &damaged) {
			t.Fatalf("%d of %d bytes: got %v", n, len(file), err)
		}
	}
	var damaged *DamagedError
	if _, err := Verify(bytes.NewReader(append(bytes.Clone(file), 0))); !errors.As(err, &damaged) || damaged.Offset != int64(len(file)) {
		t.Errorf("a byte more: got %v", err)
	}
}

func TestSectionsCannotBeExchanged(t *testing.T) {
	file, _ := write(t, many(), 7, nil)
	other := many()
	other["c000000"] = value{1, "other"}
	second, _ := write(t, other, 7, nil)
	// The header is the same in both; from then on the first's sections follow the second's sum.
	half := len(second) / 2
	if _, err := Verify(io.MultiReader(bytes.NewReader(second[:half]), bytes.NewReader(file[half:]))); err == nil {
		t.Error("halves of two files are taken for one")
	}
}

func TestANewerFormatIsNamed(t *testing.T) {
	file, _ := write(t, small(), 3, nil)
	file[len(magic)]++
	var format *FormatError
	if _, err := Verify(bytes.NewReader(file)); !errors.As(err, &format) || format.Found != Format+1 || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("got %v", err)
	}
}

func TestBackupsThatDoNotFollowOneAnotherAreRefused(t *testing.T) {
	_, full := write(t, small(), 3, nil)
	_, other := write(t, many(), 7, nil)
	_, next := write(t, small(), 4, full)
	_, third := write(t, small(), 5, next)
	tests := map[string]struct {
		chain []*Info
		place int
	}{
		"incremental first":   {[]*Info{next}, 0},
		"two full ones":       {[]*Info{full, other}, 1},
		"another base":        {[]*Info{other, next}, 1},
		"one is left out":     {[]*Info{full, third}, 1},
		"in the wrong order":  {[]*Info{full, third, next}, 1},
		"the same once again": {[]*Info{full, next, next}, 2},
	}
	for name, test := range tests {
		var chain *ChainError
		if err := CheckChain(test.chain); !errors.As(err, &chain) || chain.Place != test.place || !strings.Contains(err.Error(), "full backup first") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := CheckChain([]*Info{full, next, third}); err != nil {
		t.Errorf("the right chain: got %v", err)
	}
}

func TestAValueThatTheBaseLacksIsAFault(t *testing.T) {
	base, info := write(t, map[string]value{"a": {1, "one"}}, 3, nil)
	for name, store := range map[string]map[string]value{
		"another version": {"a": {2, "two"}}, "another key": {"b": {1, "one"}}, "a key before": {"A": {1, "one"}},
	} {
		file, _ := write(t, store, 4, info)
		var chain *ChainError
		if _, err := merge(base, file); !errors.As(err, &chain) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestKeysThatDoNotAscendAreNotWritten(t *testing.T) {
	w, err := NewWriter(io.Discard, &storagev1.BackupHeader{})
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"b", "b", "a"} {
		if err := w.Add(Entry{Key: []byte(key)}); (err == nil) != (i == 0) {
			t.Errorf("key %q: got %v", key, err)
		}
	}
}

// full fails after some bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestAFileThatCannotBeWrittenIsAnError(t *testing.T) {
	file, _ := write(t, small(), 3, nil)
	for n := range file {
		w, err := NewWriter(&full{n}, &storagev1.BackupHeader{StoreFormat: 1, Commit: 3})
		for _, key := range slices.Sorted(maps.Keys(small())) {
			if err == nil {
				err = w.Add(Entry{Key: []byte(key), Value: []byte(small()[key].Text), Version: small()[key].Version})
			}
		}
		if err == nil {
			_, err = w.Close()
		}
		if err == nil {
			t.Fatalf("%d bytes: no error", n)
		}
	}
}

// FuzzReader reads files that are damaged, also such whose sums somebody made match.
func FuzzReader(f *testing.F) {
	file, info := write(f, small(), 3, nil)
	next, _ := write(f, small(), 4, info)
	for _, seed := range [][]byte{nil, []byte(magic), file, next, file[:40], bytes.Repeat([]byte{0xff}, 99)} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, file []byte, mend bool) {
		if mend {
			file = mended(file)
		}
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		last, n := "", uint64(0)
		for e, err := range r.Entries() {
			if err != nil {
				if r.Info() != nil {
					t.Errorf("a file with the error %v is whole", err)
				}
				return
			}
			if n > 0 && string(e.Key) <= last {
				t.Errorf("the key %q follows %q", e.Key, last)
			}
			last = string(e.Key)
			n++
		}
		if r.Info() == nil || r.Info().End.GetKeys() != n {
			t.Errorf("%d keys were read, and the end is %v", n, r.Info())
		}
	})
}

// mended makes the sums of a file's sections match what is in them.
func mended(file []byte) []byte {
	start := len(magic) + 4
	if len(file) < start {
		return file
	}
	out := bytes.Clone(file)
	sum := out[:start]
	for at := start; at+sectionBytes <= len(out); {
		length := int(out[at+1]) | int(out[at+2])<<8 | int(out[at+3])<<16 | int(out[at+4])<<24
		body := at + sectionBytes
		end := body + length
		if length < 0 || end+sumBytes > len(out) {
			return out
		}
		sum = chain(sum, out[at:body], out[body:end])
		copy(out[end:], sum)
		at = end + sumBytes
	}
	return out
}
