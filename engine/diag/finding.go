package diag

import (
	"strconv"
	"strings"
	"unicode"
)

// Severity says whether a finding stops the work.
type Severity int

const (
	// Mistake is a problem that must be mended before the model can be used.
	Mistake Severity = iota
	// Warning is advice; the model can be used without following it.
	Warning
)

// String returns "mistake" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "mistake"
}

// WholeValue is the Offset of a finding that is about the value as a whole.
const WholeValue = -1

// Place is a position in a file.
type Place struct {
	// File is the name as the caller gave it; empty where there is none.
	File string
	// Line counts from 1; 0 means that the position is unknown.
	Line int
	// Column counts from 1, in characters (runes).
	Column int
}

// known reports whether the place is more than a file's name.
func (p Place) known() bool { return p.Line > 0 }

// String returns "file:line:column" without the parts that are unknown.
func (p Place) String() string {
	var parts []string
	if p.File != "" {
		parts = append(parts, p.File)
	}
	if p.known() {
		parts = append(parts, strconv.Itoa(p.Line), strconv.Itoa(p.Column))
	}
	return strings.Join(parts, ":")
}

// Finding is one problem.
type Finding struct {
	// Severity says whether it stops the work.
	Severity Severity
	// Path is where in the message it is, such as "segmentations[0].segments[1].when"; empty for the message as a whole. Field, Index and Key build it.
	Path string
	// Offset is where within the text at Path the problem begins, in runes from 0; WholeValue if it is about the value as a whole.
	Offset int
	// Message says what is wrong, without a full stop: `undeclared attribute "emplyees"`.
	Message string
	// Remedy says what to do: `did you mean "employees"?`; may be empty.
	Remedy string
	// Place is the position in the file, where the message came from one.
	Place Place
	// Source is the line of the file at Place, without its line break.
	Source string
}

// String returns the finding in one line: `model.yaml:14:18: segments[1].when: undeclared attribute "emplyees" (did you mean "employees"?)`.
// A warning has the word "warning: " before the path; a place that is not known is left out.
func (f Finding) String() string {
	var b strings.Builder
	if place := f.Place.String(); place != "" {
		b.WriteString(place + ": ")
	}
	if f.Severity == Warning {
		b.WriteString("warning: ")
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	if f.Remedy != "" {
		b.WriteString(" (" + f.Remedy + ")")
	}
	return printable(b.String())
}

// printable replaces what would break the line or command a terminal: a finding may quote any bytes that a file holds.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
