package intake

import (
	"strconv"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// aboutParents is the path of the findings that give customers as examples.
const aboutParents = "parent"

// erasedSince stands where the id of a customer was.
const erasedSince = "a customer that was erased since"

// forgetExamples takes the ids of customers that are gone out of findings, and says whether they were in them.
func forgetExamples(findings []*echelonv1.Finding, gone func(id string) bool) (changed bool) {
	for _, f := range findings {
		if f.GetPath() != aboutParents {
			continue
		}
		if left := withoutNames(f.GetMessage(), gone); left != f.GetMessage() {
			f.Message, changed = left, true
		}
	}
	return changed
}

// withoutNames replaces the quoted ids of a text that are gone. Of an id that is shortened nobody can tell, and it goes too.
func withoutNames(text string, gone func(id string) bool) string {
	var left strings.Builder
	for {
		start := strings.IndexByte(text, '"')
		if start < 0 {
			break
		}
		quoted, err := strconv.QuotedPrefix(text[start:])
		if err != nil {
			break
		}
		left.WriteString(text[:start])
		text = text[start+len(quoted):]
		rest, shortened := strings.CutPrefix(text, "…")
		if id, err := strconv.Unquote(quoted); shortened || err == nil && gone(id) {
			left.WriteString(erasedSince)
			text = rest
			continue
		}
		left.WriteString(quoted)
	}
	return left.String() + text
}
