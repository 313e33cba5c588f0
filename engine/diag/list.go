package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// List is findings in the order in which they were made. The zero value is an empty list, ready to use.
type List []Finding

// Add appends findings as they are.
func (l *List) Add(findings ...Finding) { *l = append(*l, findings...) }

// Mistakef adds a mistake about the whole value at path; remedy may be empty.
func (l *List) Mistakef(path, remedy, format string, args ...any) {
	l.Add(Finding{Severity: Mistake, Path: path, Offset: WholeValue, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// MistakeAtf adds a mistake about the text at path that begins offset runes into it.
func (l *List) MistakeAtf(path string, offset int, remedy, format string, args ...any) {
	l.Add(Finding{Severity: Mistake, Path: path, Offset: offset, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// Warnf adds a warning about the whole value at path; remedy may be empty.
func (l *List) Warnf(path, remedy, format string, args ...any) {
	l.Add(Finding{Severity: Warning, Path: path, Offset: WholeValue, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// WarnAtf adds a warning about the text at path that begins offset runes into it.
func (l *List) WarnAtf(path string, offset int, remedy, format string, args ...any) {
	l.Add(Finding{Severity: Warning, Path: path, Offset: offset, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// Mistakes returns the mistakes alone, in their order.
func (l List) Mistakes() List { return l.only(Mistake) }

// Warnings returns the warnings alone, in their order.
func (l List) Warnings() List { return l.only(Warning) }

func (l List) only(s Severity) List {
	var out List
	for _, f := range l {
		if f.Severity == s {
			out = append(out, f)
		}
	}
	return out
}

// HasMistakes reports whether the list holds at least one mistake.
func (l List) HasMistakes() bool {
	return slices.ContainsFunc(l, func(f Finding) bool { return f.Severity == Mistake })
}

// Sort drops repeated findings and orders the rest by file, line, column, path and message. Those without a place keep their order and come last.
func (l *List) Sort() {
	seen := make(map[Finding]bool, len(*l))
	kept := (*l)[:0:0]
	for _, f := range *l {
		// The same problem may have been found twice with different advice; the first advice stands.
		key := f
		key.Remedy, key.Source = "", ""
		if !seen[key] {
			seen[key] = true
			kept = append(kept, f)
		}
	}
	slices.SortStableFunc(kept, compare)
	*l = kept
}

func compare(a, b Finding) int {
	switch {
	case !a.Place.known() && !b.Place.known():
		return 0
	case !a.Place.known():
		return 1
	case !b.Place.known():
		return -1
	}
	return cmp.Or(
		cmp.Compare(a.Place.File, b.Place.File),
		cmp.Compare(a.Place.Line, b.Place.Line),
		cmp.Compare(a.Place.Column, b.Place.Column),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Message, b.Message),
	)
}

// Err returns nil if the list holds no mistake, else an *Error with the whole list; [Of] gets it back.
func (l List) Err() error {
	if !l.HasMistakes() {
		return nil
	}
	return &Error{Findings: l}
}

// Error is a list with at least one mistake, as an error.
type Error struct {
	// Findings is the whole list, warnings included.
	Findings List
}

// Error returns the mistakes, one a line.
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Findings.Mistakes() {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Of returns the list that err, or an error that it wraps, was made of; false if there is none.
func Of(err error) (List, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return nil, false
	}
	return e.Findings, true
}
