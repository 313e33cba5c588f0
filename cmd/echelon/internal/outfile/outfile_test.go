package outfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/cmd/echelon/internal/outfile"
)

func write(t *testing.T, path, text string, commit bool) {
	t.Helper()
	f, err := outfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if commit {
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// folder checks that a folder has these files and no others.
func folder(t *testing.T, path string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got, err := os.ReadFile(filepath.Join(path, entry.Name()))
		if text, ok := want[entry.Name()]; err != nil || !ok || string(got) != text {
			t.Errorf("%s holds %q, %v", entry.Name(), got, err)
		}
	}
	if len(entries) != len(want) {
		t.Errorf("%d files, want %d", len(entries), len(want))
	}
}

func TestAFileIsThereWholeOrNotAtAll(t *testing.T) {
	in := t.TempDir()
	path := filepath.Join(in, "out.csv")
	write(t, path, "lost", false)
	folder(t, in, nil)
	write(t, path, "first", true)
	write(t, path, "lost", false)
	folder(t, in, map[string]string{"out.csv": "first"})
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Repeat("second", 100_000), true)
	folder(t, in, map[string]string{"out.csv": strings.Repeat("second", 100_000)})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestASymbolicLinkIsFollowed(t *testing.T) {
	in := t.TempDir()
	target, link := filepath.Join(in, "target"), filepath.Join(in, "link")
	write(t, target, "old", true)
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	write(t, link, "new", true)
	folder(t, in, map[string]string{"target": "new", "link": "new"})
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info.Mode(), err)
	}
}

func TestADeviceStaysOne(t *testing.T) {
	write(t, os.DevNull, "text", true)
	write(t, os.DevNull, "text", false)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhatIsNoPlaceForAFileIsAnError(t *testing.T) {
	in := t.TempDir()
	for _, path := range []string{in, filepath.Join(in, "none", "out.csv")} {
		if f, err := outfile.Create(path); err == nil {
			t.Errorf("%s was created: %v", path, f.Close())
		}
	}
}

func TestAFileThatCannotBeWrittenIsNamedAsItWasGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere", "out.csv")
	_, err := outfile.Create(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), path+" cannot be written: ") || strings.Contains(err.Error(), ".tmp") {
		t.Error(err)
	}
}
