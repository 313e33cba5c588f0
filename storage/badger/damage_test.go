package badger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/storage"
)

// commits is how often folders of these tests were written to, a customer each.
const commits = 40

// crashed returns a copy of a folder as a crash leaves it: with what the database has not moved into tables yet. A part of it is in tables, and long
// values are in the value log.
func crashed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	store := openUnchecked(t, dir)
	put(t, store, "a", "b", "c")
	snapshot(t, store, "first", "a", "b")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = openUnchecked(t, dir)
	for i := range commits {
		put(t, store, fmt.Sprintf("crash-%02d", i))
	}
	snapshot(t, store, "third", "b", "c", strings.Repeat("long", 120))
	put(t, store, "last")
	left := copyFolder(t, dir)
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		for _, path := range glob(t, left, pattern) {
			shorten(t, path)
		}
	}
	return left
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// shorten takes most of the zeros off the end of a log, so that copies of it cost little.
func shorten(t *testing.T, path string) {
	t.Helper()
	data := read(t, path)
	if err := os.Truncate(path, int64(min(len(data), len(bytes.TrimRight(data, "\x00"))+64<<10))); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// places returns where a file is damaged: its first bytes, and others throughout what it was used for.
func places(data []byte) []int {
	used := len(bytes.TrimRight(data, "\x00"))
	var places []int
	for at := 0; at < min(used, 24); at += 8 {
		places = append(places, at)
	}
	for at := 25; at < used; at += max(1, used/8) {
		places = append(places, at)
	}
	return places
}

// A flipped byte is an error that says so, or what is read is whole, in whatever file it is. What the last commit left cannot be told from a crash in
// the middle of it.
func TestAFlippedByteIsNoPanicAndNoSilentLoss(t *testing.T) {
	dir := crashed(t)
	want := stored(t, copyFolder(t, dir))
	if len(want) != commits+4 {
		t.Fatalf("the folder has the customers %q", want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	kinds, tried := make(map[string]int), 0
	for _, entry := range entries {
		data := read(t, filepath.Join(dir, entry.Name()))
		for _, at := range places(data) {
			kinds[strings.TrimLeft(entry.Name(), "0123456789")]++
			damaged := copyFolder(t, dir)
			flipped := slices.Clone(data)
			flipped[at] ^= 0x20
			write(t, filepath.Join(damaged, entry.Name()), string(flipped))
			check := checkOpened
			if tried++; tried%2 == 0 {
				check = checkInspected
			}
			check(t, damaged, fmt.Sprintf("byte %d of %s", at, entry.Name()), want)
		}
	}
	for _, kind := range []string{".sst", ".mem", ".vlog", "MANIFEST", "KEYREGISTRY"} {
		if kinds[kind] < 4 {
			t.Errorf("only %d bytes of %s were tried: %v", kinds[kind], kind, kinds)
		}
	}
}

func checkInspected(t *testing.T, dir, what string, want []string) {
	t.Helper()
	found, err := Inspect(t.Context(), dir, quiet())
	if err == nil && found.Customers < int64(len(want)-1) && found.DamagedCount == 0 && found.Unknown == 0 {
		t.Errorf("%s: the inspection found %d customers and nothing wrong", what, found.Customers)
	}
	if err != nil && !typed(err) {
		t.Errorf("%s: the inspection ended with %v", what, err)
	}
}

// checkOpened opens a damaged folder and reads all customers.
func checkOpened(t *testing.T, dir, what string, want []string) {
	t.Helper()
	store, err := Open(dir, quiet())
	if err != nil {
		if !typed(err) {
			t.Errorf("%s: opening ended with %v", what, err)
		}
		return
	}
	got, err := rows(t, store)
	if err == nil && !slices.Equal(got, want) && !slices.Equal(got, without(want, "last text")) {
		t.Errorf("%s: the customers %q were read without an error", what, got)
	}
	if err := store.Close(); err != nil {
		t.Errorf("%s: closing: %v", what, err)
	}
}

// typed reports whether an error says that the folder is damaged, or none of ours.
func typed(err error) bool {
	var corrupt *storage.CorruptError
	var format *storage.FormatError
	return errors.As(err, &corrupt) && strings.Contains(err.Error(), "restore a backup") || errors.As(err, &format)
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id == one })
}

func stored(t *testing.T, dir string) []string {
	t.Helper()
	rows, err := rows(t, openUnchecked(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// rows returns all customers with their values.
func rows(t *testing.T, store *Store) (all []string, err error) {
	t.Helper()
	view, err := store.View(t.Context())
	if err != nil {
		return nil, err
	}
	defer view.Close()
	for batch, err := range view.Customers(t.Context(), nil, storage.CustomerScan{}) {
		if err != nil {
			return nil, err
		}
		for i, id := range batch.Frame.IDs {
			all = append(all, id+" "+batch.Frame.Column("note").String(i))
		}
	}
	return all, nil
}

// A machine that loses its power may lose pages of the commit that it was writing, in any order: that is no damage, since nobody was told of it.
func TestAPageThatWasNotWrittenIsTheTraceOfAPowerCut(t *testing.T) {
	dir := t.TempDir()
	store := openUnchecked(t, dir)
	put(t, store, "before")
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("of-the-last-commit-%03d", i))
	}
	put(t, store, many...)
	left := copyFolder(t, dir)
	logs := glob(t, left, "*.mem")
	if len(logs) != 1 {
		t.Fatalf("there are the logs %q", logs)
	}
	data := read(t, logs[0])
	page := len(bytes.TrimRight(data, "\x00")) / pageSize / 2 * pageSize
	for name, test := range map[string]struct {
		change func(data []byte)
		lost   bool
	}{
		"a page that is zero":              {func(data []byte) { clear(data[page : page+pageSize]) }, true},
		"a page that is zero from a place": {func(data []byte) { clear(data[page+1000 : page+pageSize]) }, true},
		"zeros within a page":              {func(data []byte) { clear(data[page+100 : page+200]) }, false},
		"other bytes":                      {func(data []byte) { copy(data[page:], strings.Repeat("x", pageSize)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			cut := copyFolder(t, left)
			changed := slices.Clone(data)
			test.change(changed)
			path := filepath.Join(cut, filepath.Base(logs[0]))
			write(t, path, string(changed))
			if test.lost {
				if got := stored(t, cut); len(got) != 1 || got[0] != "before text" {
					t.Errorf("the customers are %q, want the one that was acknowledged", got)
				}
				return
			}
			_, err := Open(cut, quiet())
			if !typed(err) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "later writes follow") {
				t.Errorf("got %v, want a *CorruptError that names the file", err)
			}
			if after := read(t, path); !bytes.Equal(after, changed) {
				t.Error("the file was changed though it was refused")
			}
		})
	}
}

// The database would forget tables whose entry in its MANIFEST has a damaged length, and remove their files.
func TestADamagedLengthInTheManifestForgetsNoTable(t *testing.T) {
	dir := inspectable(t)
	data := read(t, filepath.Join(dir, manifestFile))
	tables := len(glob(t, dir, "*.sst"))
	refused := 0
	for at := 8; at+4 <= len(data); at++ {
		damaged := copyFolder(t, dir)
		flipped := slices.Clone(data)
		flipped[at] ^= 1
		write(t, filepath.Join(damaged, manifestFile), string(flipped))
		if err := checkFiles(damaged, databaseOptions(damaged, quiet().withDefaults())); err != nil {
			refused++
			if !typed(err) || !strings.Contains(err.Error(), manifestFile) {
				t.Errorf("byte %d: %v", at, err)
			}
			continue
		}
		t.Errorf("byte %d of %d in the MANIFEST was flipped, and nothing was found", at, len(data))
	}
	if tables == 0 || refused == 0 {
		t.Errorf("%d tables, %d flips refused", tables, refused)
	}
}
