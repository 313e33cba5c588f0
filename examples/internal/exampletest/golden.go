package exampletest

import (
	"flag"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the expected outputs anew")

// Golden holds a text against a file, which -update writes anew.
func Golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		Write(t, file, got)
	}
	if diff := cmp.Diff(Read(t, file), got); diff != "" {
		t.Errorf("%s differs; where that is meant, go test with -update writes it anew (-want +got):\n%s", file, diff)
	}
}
