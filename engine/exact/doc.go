// Package exact adds doubles without error: the sum does not depend on the order of its terms, nor on how they were spread over shards and
// cores, and is rounded once, when it is read.
//
// A Sum is a fixed-point number wide enough for every double, kept in overlapping 32-bit limbs so that an addition touches three of them and
// carries wait; after Radford Neal (2015), "Fast exact summation using small and large superaccumulators".
package exact
