package arrowframe

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
)

// Error is what is wrong with a whole batch, with what to do.
type Error struct{ message string }

// Error implements error.
func (e *Error) Error() string { return e.message }

func errorf(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// damaged is the error of a message that is not what Arrow's format says.
func damaged(format string, args ...any) *Error {
	return errorf("the Arrow message is damaged: %s: write it anew, as one IPC stream with a schema, its dictionaries and a record batch", fmt.Sprintf(format, args...))
}

// maxNamed is how many names a message lists.
const maxNamed = 20

// quoteAll quotes names for a message, as many as fit.
func quoteAll(names []string) string {
	quoted := make([]string, 0, len(names))
	for _, name := range names[:min(len(names), maxNamed)] {
		quoted = append(quoted, strconv.Quote(frame.Printable(name)))
	}
	if more := len(names) - maxNamed; more > 0 {
		quoted = append(quoted, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(quoted, ", ")
}
