// Package report writes results for people: tables with numbers that line up at the right, amounts with thousands separators and no more digits than
// they deserve, shares in percent with one decimal.
package report
