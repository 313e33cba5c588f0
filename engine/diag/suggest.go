package diag

import (
	"fmt"
	"strings"
)

// Suggest returns the candidate nearest to word by edit distance (insertions, deletions, substitutions and swaps of neighbours; upper and lower case
// count as equal), and whether one is within a third of its length. Of equally near candidates the alphabetically first is returned.
func Suggest(word string, candidates []string) (string, bool) {
	from := []rune(strings.ToLower(word))
	best, bestDistance := "", -1
	for _, c := range candidates {
		if c == word {
			continue
		}
		to := []rune(strings.ToLower(c))
		limit := len(to) / 3
		if bestDistance >= 0 {
			limit = min(limit, bestDistance)
		}
		d := distance(from, to, limit)
		if d > limit || (d == bestDistance && c > best) {
			continue
		}
		best, bestDistance = c, d
	}
	return best, bestDistance >= 0
}

// DidYouMean returns `did you mean "x"?` for the candidate that Suggest returns, or "" if there is none.
func DidYouMean(word string, candidates []string) string {
	if s, ok := Suggest(word, candidates); ok {
		return fmt.Sprintf("did you mean %q?", s)
	}
	return ""
}

// distance is the Damerau-Levenshtein distance (optimal string alignment) of a and b, or some number above limit as soon as it must be above it:
// most candidates are far away, and a file may misspell many names.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			current[j] = d
			least = min(least, d)
		}
		// A swap reaches back two rows, so only two rows beyond the limit prove that the end is beyond it; the row before is kept for that.
		if least > limit && rowMin(previous) > limit {
			return limit + 1
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}

func rowMin(row []int) int {
	least := row[0]
	for _, d := range row[1:] {
		least = min(least, d)
	}
	return least
}
