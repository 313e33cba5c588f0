package report

import "strings"

// SpreadsheetText makes a text fit for a spreadsheet, which would take what begins like a formula for one: an apostrophe before it tells it that this is
// text.
func SpreadsheetText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
