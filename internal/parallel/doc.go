// Package parallel does work on the items of a sequence in several goroutines, with what comes out in the order of the items.
package parallel
