package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browsers are what Chromium is called, by who packages it.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// consoleLine is a line of the browser's log that a page's script, or what the browser thinks of the page, has written.
var consoleLine = regexp.MustCompile(`(?m)^.*\bCONSOLE[:(].*$`)

// opened is a page as a browser understood it.
type opened struct {
	// dom is the document as it is after it was loaded.
	dom string
	// console is what the browser had to say of it: errors of scripts, and what the page wanted and must not have.
	console []string
}

// browse opens a file in a headless browser, which is not let out of this machine.
func browse(t *testing.T, file string) opened {
	t.Helper()
	found := ""
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			found = path
			break
		}
	}
	if found == "" {
		t.Fatalf("the report is opened in a browser, and there is none of %s: install one; on Debian: apt-get install --no-install-recommends chromium", strings.Join(browsers, ", "))
	}
	// Not t.TempDir: processes of the browser that outlive it for a moment may still write there.
	profile, err := os.MkdirTemp("", "echelon-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	absolute, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, found, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--user-data-dir="+profile, "--enable-logging=stderr", "--dump-dom", "file://"+absolute)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	command.WaitDelay = 10 * time.Second // children may hold its pipes
	if err := command.Run(); err != nil && stdout.Len() == 0 {
		t.Fatalf("%s cannot open the page: %v\n%s", found, err, stderr.String())
	}
	return opened{dom: stdout.String(), console: consoleLine.FindAllString(stderr.String(), -1)}
}
