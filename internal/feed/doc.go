// Package feed is the changes of published assignments: whoever makes some writes them down in the same commit, and one committer gives them their
// numbers in the order of the commits.
package feed
