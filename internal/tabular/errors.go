package tabular

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a file as a whole: nothing after it can be read.
type Error struct {
	// File is the name as the caller gave it.
	File string
	// Line counts from 1; 0 where the error is about the file.
	Line int
	// Column counts from 1, in bytes; 0 where the error is about the line.
	Column int
	// Message says what is wrong, and Remedy what to do.
	Message, Remedy string
}

// Error returns "file:line:column: message: remedy", without the parts that are unknown.
func (e *Error) Error() string {
	place := e.File
	for _, n := range []int{e.Line, e.Column} {
		if n > 0 {
			place += fmt.Sprintf(":%d", n)
		}
	}
	return fmt.Sprintf("%s: %s: %s", place, e.Message, e.Remedy)
}

// Ragged is the code of a row that has more or fewer cells than the header; the other codes are those of echelonv1.RowError.
const Ragged = "RAGGED_LINE"

// maxShown is how much of a refused value is kept, in bytes.
const maxShown = 256

// Refusal says why a row was refused.
type Refusal struct {
	// Line is where the row begins, from 1.
	Line int `json:"line"`
	// CustomerID is the row's id, as far as it could be read.
	CustomerID string `json:"customer_id"`
	// Column is the header of the cell at fault; empty where it is the row as a whole.
	Column string `json:"column"`
	// Value is the cell, shortened where it is long.
	Value string `json:"value"`
	// Code is what is wrong, for programs: Ragged, or the name of an echelonv1.RowError_Code.
	Code string `json:"code"`
	// Message is what is wrong and what to do, for people.
	Message string `json:"message"`
}

// Describe returns the refusal in one line: `accounts.csv:14: column "ARR (USD)": …`.
func (r Refusal) Describe(file string) string {
	if r.Column == "" {
		return fmt.Sprintf("%s:%d: %s", file, r.Line, r.Message)
	}
	return fmt.Sprintf("%s:%d: column %q: %s", file, r.Line, r.Column, r.Message)
}

// shown returns a copy of a value fit to be listed: valid UTF-8 and not too long.
func shown(value string) string {
	if len(value) > maxShown {
		end := maxShown
		for end > maxShown-utf8.UTFMax && !utf8.RuneStart(value[end]) {
			end--
		}
		value = value[:end] + "…"
	}
	return strings.Clone(strings.ToValidUTF8(value, "\uFFFD"))
}
