package e2e

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/echelonhq/echelon/storage/badger"
)

// stranger is a user who owns nothing.
const stranger = 65534

// ended runs the program to its end, as a stranger where that is asked for, and returns its exit code and what it said.
func ended(t *testing.T, asStranger bool, arguments ...string) (code int, said string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, arguments...)
	if asStranger && os.Getuid() == 0 { // whom no permission binds
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	}
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

// filled returns the folder of a store, and lets everybody reach it.
func filled(t *testing.T) string {
	t.Helper()
	if err := os.Chmod(filepath.Dir(binary), 0o755); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	folder := filepath.Join(parent, "data")
	store, err := badger.Open(folder, badger.Options{Logger: slog.New(slog.DiscardHandler), DiskReserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(parent), parent} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// change gives the folder and its files these permissions, until the test ends.
func change(t *testing.T, folder string, files, dir os.FileMode) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if err := os.Chmod(filepath.Join(folder, entry.Name()), files); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(folder, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
}

func TestAFolderThatCannotBeUsedIsLeftAloneAndSaysWhy(t *testing.T) {
	const cannotWrite = "the folder cannot be written"
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, folder string)
		code    int
		words   []string
	}{
		{"read-only", func(t *testing.T, folder string) { change(t, folder, 0o444, 0o555) }, 1, []string{cannotWrite, "give this user the right to write it"}},
		{"of another user", func(t *testing.T, folder string) {
			if os.Getuid() == 0 {
				change(t, folder, 0o600, 0o700)
			} else {
				change(t, folder, 0o600, 0o000)
			}
		}, 1, []string{cannotWrite, "permission denied"}},
		{"whose files are another user's", func(t *testing.T, folder string) {
			if os.Getuid() == 0 {
				change(t, folder, 0o600, 0o777)
			} else {
				change(t, folder, 0o000, 0o700)
			}
		}, 1, []string{cannotWrite}},
		{"with a flipped byte", func(t *testing.T, folder string) {
			change(t, folder, 0o666, 0o777)
			tables, err := filepath.Glob(filepath.Join(folder, "*.sst"))
			if err != nil || len(tables) == 0 {
				t.Fatalf("the tables %q, %v", tables, err)
			}
			data, err := os.ReadFile(tables[0])
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/3] ^= 1
			if err := os.WriteFile(tables[0], data, 0o666); err != nil {
				t.Fatal(err)
			}
		}, 5, []string{"is damaged on disk", ".sst", "restore a backup"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := filled(t)
			test.prepare(t, folder)
			for _, arguments := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--data", folder}, {"doctor", "--data", folder}} {
				code, said := ended(t, true, arguments...)
				if code != test.code || strings.Contains(said, "panic") || strings.Count(said, "\n") != 1 {
					t.Errorf("%s ended with %d, want %d, and said\n%s", arguments[0], code, test.code, said)
				}
				for _, want := range append(test.words, folder) {
					if !strings.Contains(said, want) {
						t.Errorf("%s does not say %q:\n%s", arguments[0], want, said)
					}
				}
			}
		})
	}
}
