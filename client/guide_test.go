package client_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestTheGuideShowsWhatTheExamplesRun looks for each piece of code of docs/client.md in the examples, which are run.
func TestTheGuideShowsWhatTheExamplesRun(t *testing.T) {
	guide, err := os.ReadFile("../docs/client.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("example*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	examples := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples += string(text)
	}
	indented := strings.ReplaceAll(examples, "\n\t", "\n") // the body of an example is indented once
	blocks := goBlock.FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 5 {
		t.Fatalf("docs/client.md has %d pieces of code", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(examples, "\n"+block[1]) && !strings.Contains(indented, "\n"+block[1]) {
			t.Errorf("no example has this code of docs/client.md:\n%s", block[1])
		}
	}
}
