package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// History writes changes of assignments.
func History(w io.Writer, changes []*echelonv1.AssignmentChange) error {
	t := newTable("rllllll", "number", "time", "change", "what", "by", "run", "actor")
	for _, c := range changes {
		t.add(strconv.FormatInt(c.GetSequence(), 10), Moment(c.GetTime()), strings.ToLower(c.GetKind().String()), orNone(moves(c)),
			strings.ToLower(strings.ReplaceAll(c.GetOrigin().String(), "_", " ")), c.GetRunId(), orNone(c.GetActor()))
	}
	return t.write(w)
}

// moves says what is another one than before.
func moves(c *echelonv1.AssignmentChange) string {
	var parts []string
	for _, m := range c.GetTiers() {
		text := move(m.GetTiering(), m.From, m.To)
		if m.GetComputedTo() != m.GetTo() {
			text += fmt.Sprintf(" (computed %s)", orNone(m.GetComputedTo()))
		}
		parts = append(parts, text)
	}
	for _, m := range c.GetSegments() {
		parts = append(parts, move("segments."+m.GetSegmentation(), m.From, m.To))
	}
	for _, m := range c.GetReps() {
		parts = append(parts, move("reps."+m.GetRole(), m.From, m.To))
	}
	if c.GetExcluded() {
		parts = append(parts, "excluded")
	}
	return strings.Join(parts, ", ")
}

func move(item string, from, to *string) string {
	is := func(name *string) string {
		if name == nil {
			return orNone("")
		}
		return *name
	}
	return fmt.Sprintf("%s %s → %s", item, is(from), is(to))
}
