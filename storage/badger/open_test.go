package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

func TestASecondOpenerIsToldWhoHoldsTheFolder(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, quiet())
	_, err := Open(dir, quiet())
	var locked *storage.LockedError
	if !errors.As(err, &locked) || locked.Dir != dir || locked.PID != os.Getpid() {
		t.Fatalf("got %v, want a *LockedError with this process", err)
	}
	if text := err.Error(); !strings.Contains(text, fmt.Sprint(os.Getpid())) || !strings.Contains(text, dir) {
		t.Errorf("the message %q names neither the process nor the folder", text)
	}
}

func TestAnEmptyFileLeftByACrashIsMended(t *testing.T) {
	for _, name := range []string{"00009.mem", "000009.vlog"} { // numbers that the database has not used yet
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store := openUnchecked(t, dir)
			put(t, store, "a")
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			write(t, path, "")
			if _, err := badgerdb.Open(databaseOptions(dir, quiet().withDefaults())); err == nil || !strings.Contains(err.Error(), "Create a new file") {
				t.Fatalf("the database itself opened with %v: this test plants nothing", err)
			}
			write(t, path, "")
			store = openUnchecked(t, dir)
			if got := ids(t, store); len(got) != 1 || got[0] != "a" {
				t.Errorf("got the customers %q, want the one that was stored", got)
			}
			put(t, store, "b")
		})
	}
}

// openUnchecked is open for a test in which an attempt to open fails: the database leaves goroutines behind then.
func openUnchecked(t *testing.T, dir string) *Store {
	t.Helper()
	store, err := Open(dir, quiet())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

func TestANewFolderIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	put(t, open(t, dir, quiet()), "a")
}

func TestWhatACrashOfANewFolderLeavesIsNoHindrance(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"LOCK", "MANIFEST-REWRITE"} {
		write(t, filepath.Join(dir, name), "")
	}
	put(t, open(t, dir, quiet()), "a")
}

func TestForeignFoldersAreLeftAlone(t *testing.T) {
	plants := map[string]func(t *testing.T, dir string){
		"other files":      func(t *testing.T, dir string) { write(t, filepath.Join(dir, "letter.txt"), "Dear customer") },
		"another MANIFEST": func(t *testing.T, dir string) { write(t, filepath.Join(dir, "MANIFEST"), "Manifest-Version: 1.0") },
		"another program's database": func(t *testing.T, dir string) {
			options := badgerdb.DefaultOptions(dir)
			options.Logger = nil
			plant(t, options, "key", "value")
		},
		"our database without a format": func(t *testing.T, dir string) {
			plant(t, databaseOptions(dir, quiet().withDefaults()), "key", "value")
		},
	}
	for name, plant := range plants {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir)
			_, err := Open(dir, quiet())
			var format *storage.FormatError
			if !errors.As(err, &format) || format.Found != 0 || format.Dir != dir {
				t.Fatalf("got %v, want a *FormatError of something that is no store", err)
			}
			if _, err := Open(dir, quiet()); !errors.As(err, &format) {
				t.Errorf("the second attempt: got %v, want the same", err)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	tests := map[string]struct {
		value string
		found int // 0 for a damaged one
	}{
		"newer":     {fmt.Sprintf("echelon store, format %d", kvstore.Format+1), kvstore.Format + 1},
		"no number": {"echelon store, format x", 0},
		"zero":      {"echelon store, format 0", 0},
		"no words":  {"1", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := open(t, dir, quiet()).Close(); err != nil {
				t.Fatal(err)
			}
			plant(t, databaseOptions(dir, quiet().withDefaults()), "F", test.value)
			_, err := Open(dir, quiet())
			var format *storage.FormatError
			var corrupt *storage.CorruptError
			if test.found == 0 && !errors.As(err, &corrupt) {
				t.Errorf("got %v, want a *CorruptError", err)
			}
			if test.found > 0 && (!errors.As(err, &format) || format.Found != test.found || format.Supported != kvstore.Format) {
				t.Errorf("got %v, want a *FormatError with both formats", err)
			}
		})
	}
}

func TestAFolderThatIsAFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "text")
	if _, err := Open(path, quiet()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names the path", err)
	}
}

func TestErrorsOfOpeningAreTyped(t *testing.T) {
	tests := map[string]struct{ cause, want error }{
		"no permission":    {&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, storage.ErrReadOnly},
		"a read-only disk": {&fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS}, storage.ErrReadOnly},
		"a full disk":      {&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, storage.ErrDiskFull},
		"a quota":          {&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, storage.ErrDiskFull},
	}
	for name, number := range map[string]syscall.Errno{"memory": syscall.ENOMEM, "files": syscall.EMFILE, "a device": syscall.EIO} {
		var corrupt *storage.CorruptError
		if err := openError("/data", fmt.Errorf("mapping a file, err: %v", number)); errors.As(err, &corrupt) || !strings.Contains(err.Error(), number.Error()) {
			t.Errorf("what the system lacks, %s, is taken for damage: %v", name, err)
		}
	}
	for name, cause := range map[string]syscall.Errno{"no permission": syscall.EACCES, "a read-only disk": syscall.EROFS} {
		if err := openError("/data", fmt.Errorf("cannot write, err: %v", cause)); !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("%s, in the database's words: got %v", name, err)
		}
	}
	for name, test := range tests {
		if err := openError("/data", test.cause); !errors.Is(err, test.want) || !strings.Contains(err.Error(), "/data") {
			t.Errorf("%s, opening: got %v", name, err)
		}
		if err := writeError(test.cause); !errors.Is(err, test.want) {
			t.Errorf("%s, writing: got %v", name, err)
		}
	}
}

func TestNoFileIsLeftByTheProbe(t *testing.T) {
	dir := t.TempDir()
	if err := probe(dir); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the folder holds %v (%v)", entries, err)
	}
	if err := probe(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: got %v", err)
	}
}
