package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
)

func TestCheckLooksAtCertificates(t *testing.T) {
	folder, authority := t.TempDir(), identitytest.NewAuthority(t)
	good, goodKey := authority.Write(folder, "good", identitytest.Leaf{CN: "server"})
	old, oldKey := authority.Write(folder, "old", identitytest.Leaf{CN: "server", NotAfter: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)})
	// A file may hold the key before the certificate.
	both := bytes.Join([][]byte{readFile(t, oldKey), readFile(t, old)}, nil)
	together := identitytest.Write(t, folder, "together.pem", both)
	for _, test := range []struct {
		name, certificate, key string
		want                   string
	}{
		{"a good one", good, goodKey, ""},
		{"one that expired", old, oldKey, "old.crt expired at 2001-02-03T04:05:06Z: get a new one"},
		{"one that expired behind its key", together, together, "together.pem expired at 2001-02-03T04:05:06Z"},
		{"one with another's key", good, oldKey, "private key does not match public key"},
		{"one that is not there", filepath.Join(folder, "nowhere.crt"), goodKey, "nowhere.crt: no such file"},
		{"one that is none", goodKey, goodKey, "failed to find certificate PEM data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"config", "check", "--memory", "--tls-cert", test.certificate, "--tls-key", test.key}, &stdout, &stderr)
			if test.want == "" && code == exitFine {
				return
			}
			if code != exitUsage || test.want == "" || !strings.Contains(stdout.String(), test.want) {
				t.Errorf("code %d, %s%s, want %q", code, &stdout, &stderr, test.want)
			}
		})
	}
}

func TestACertificateOfTomorrowIsNotTakenToday(t *testing.T) {
	certificate, key := identitytest.NewAuthority(t).Write(t.TempDir(), "server", identitytest.Leaf{CN: "server"})
	err := current(identity.TLSFiles{Certificate: certificate, Key: key}, time.Unix(-1, 0))
	if err == nil || !strings.Contains(err.Error(), "valid from 1970-01-01T00:00:00Z only") {
		t.Error(err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCheckLeavesNothingInTheDataFolder(t *testing.T) {
	folder := t.TempDir()
	var stdout, stderr bytes.Buffer
	for _, data := range []string{folder, filepath.Join(folder, "not", "made", "yet")} {
		if code := run(t.Context(), []string{"config", "check", "--data", data}, &stdout, &stderr); code != exitFine {
			t.Errorf("%s: code %d, %s%s", data, code, &stdout, &stderr)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
