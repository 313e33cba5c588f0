package server

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// catalogue is the page that lists all errors.
const catalogue = "../docs/errors.md"

func readCatalogue(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryReasonHasACodeAndStandsInTheCatalogue(t *testing.T) {
	text := readCatalogue(t)
	for number, name := range echelonv1.ErrorReason_name {
		reason := echelonv1.ErrorReason(number)
		code, known := codeOf[reason]
		if reason == echelonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			if known {
				t.Errorf("%s has a code", name)
			}
			continue
		}
		if !known || code == codes.OK || code == codes.Unknown {
			t.Errorf("%s has the code %v", name, code)
		}
		if want := fmt.Sprintf("| `%s` | %s | ", name, wireName(code)); !strings.Contains(text, want) {
			t.Errorf("%s has no line that begins with %q", catalogue, want)
		}
		if got := statusOf(fault.New(reason, "words")); got.Code() != code || got.Message() != "words" || len(got.Details()) != 1 {
			t.Errorf("the status of %s is %v", name, got)
		}
	}
	if len(codeOf) != len(echelonv1.ErrorReason_name)-1 {
		t.Errorf("%d reasons have a code, and there are %d", len(codeOf), len(echelonv1.ErrorReason_name)-1)
	}
}

// wireName is what gRPC's specification calls a code.
func wireName(code codes.Code) string {
	return strings.ToUpper(regexp.MustCompile("([a-z])([A-Z])").ReplaceAllString(code.String(), "${1}_${2}"))
}

// The comments of the enum are what a client's author reads: they begin with the code.
func TestTheCommentOfEveryReasonBeginsWithItsCode(t *testing.T) {
	text, err := os.ReadFile("../proto/echelon/v1/errors.proto")
	if err != nil {
		t.Fatal(err)
	}
	for reason, code := range codeOf {
		pattern := `// ` + wireName(code) + `: [^\n]*\n(  //[^\n]*\n)*  ` + reason.String() + ` = `
		if !regexp.MustCompile(pattern).Match(text) {
			t.Errorf("the comment of %s does not begin with %s", reason, wireName(code))
		}
	}
}

func TestEveryCodeOfARowStandsInTheCatalogue(t *testing.T) {
	text := readCatalogue(t)
	for number, name := range echelonv1.RowError_Code_name {
		if number != 0 && !strings.Contains(text, "| `"+name+"` | ") {
			t.Errorf("%s does not tell of %s", catalogue, name)
		}
	}
}

// Tests that the catalogue names must be there.
func TestEveryTestThatTheCatalogueNamesExists(t *testing.T) {
	named := regexp.MustCompile("`([a-z/]+): (Test[A-Za-z0-9]+)`").FindAllStringSubmatch(readCatalogue(t), -1)
	if len(named) < 15 {
		t.Errorf("the catalogue names %d tests", len(named))
	}
	for _, match := range named {
		if !declares(t, "../"+match[1], match[2]) {
			t.Errorf("there is no %s in %s", match[2], match[1])
		}
	}
}

// declares tells whether a test file of a folder declares a test.
func declares(t *testing.T, folder, test string) bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Error(err)
		return false
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(folder + "/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+test+"(") {
			return true
		}
	}
	return false
}

// Clients must know how often they may ping, and how long an idle stream lives.
func TestThePolicyOfConnectionsIsPublished(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	d := DefaultConfig()
	for what, value := range map[string]string{
		"the shortest pause between pings": words(minPingInterval), "the server's own pings": words(serverPingInterval), "how long it waits for a ping": words(pingTimeout),
		"the stall timeout":   words(d.StallTimeout),
		"the largest message": fmt.Sprintf("%d MiB", d.MaxMessageBytes>>20), "the largest headers": fmt.Sprintf("%d KiB", d.MaxHeaderBytes>>10),
		"the calls of a connection": fmt.Sprint(d.MaxStreams), "the age of a connection": words(d.MaxConnectionAge),
		"its grace": fmt.Sprintf("%d hours", d.MaxConnectionAgeGrace/time.Hour), "the retention of jobs": fmt.Sprintf("%d days", d.JobRetention/(24*time.Hour)),
	} {
		if !strings.Contains(string(text), value) {
			t.Errorf("docs/api.md does not say %s: %s", what, value)
		}
	}
}

// words writes a duration of whole minutes or seconds.
func words(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
