// Package review finds outcomes that people ought to look at, and tells what they accepted from what is open: scores near a line, too little that is
// known, moves, and overrides in doubt. What is found depends on a snapshot or a publication, the one before, the overrides and the reviewer's
// thresholds. All of it is read in one merge by customer; no more than a page is kept.
package review
