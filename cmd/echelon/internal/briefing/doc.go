// Package briefing makes what a leader reads in the meeting that reviews a run: one page that opens anywhere without a network, and the same figures
// as CSV. Read fills a Report from a server, in memory that does not grow with customers but for eight bytes of each; HTML and CSV write it. All
// charts are drawn here, so that the page needs no script.
package briefing
