package tier

import "math"

// naturalBreaks divides ascending scores into classes whose squared deviations from their means add up to the least, and returns the lowest score
// of each but the lowest class, ascending: so many classes, or as many as there are different scores. Equal scores are in one class. The optimum is
// exact: W. D. Fisher (1958), "On grouping for maximum homogeneity", found by dynamic programming over the different scores, whose best breaks
// rise with the scores that they divide, so that divide and conquer takes O(classes · n · log n). Of equal optima it is the one with the lowest
// breaks, found from the top.
func naturalBreaks(scores []float64, classes int) []float64 {
	g := group(scores)
	n := len(g.values)
	classes = min(classes, n)
	if classes < 2 {
		return nil
	}
	// best is, for each i, the least sum of the first i+1 values in so many classes; first where the last of these classes begins.
	best := make([]float64, n)
	for i := range best {
		best[i] = g.within(0, i)
	}
	var first [][]int32
	for class := 1; class < classes; class++ {
		next, from := make([]float64, n), make([]int32, n)
		g.divide(best, next, from, class, n-1, class, n-1)
		best, first = next, append(first, from)
	}
	breaks := make([]float64, classes-1)
	end := n - 1
	for class := classes - 1; class > 0; class-- {
		begin := int(first[class-1][end])
		breaks[class-1] = g.values[begin]
		end = begin - 1
	}
	return breaks
}

// groups is different values, ascending, with the sums of counts, values and squares of those before each.
type groups struct {
	values                []float64
	count, value, squares []float64
}

// group counts equal values. They are taken from the middle of their range, so that squares lose little.
func group(ascending []float64) *groups {
	g := &groups{count: []float64{0}, value: []float64{0}, squares: []float64{0}}
	if len(ascending) == 0 {
		return g
	}
	middle := (ascending[0] + ascending[len(ascending)-1]) / 2
	for i := 0; i < len(ascending); {
		end := i
		for end < len(ascending) && ascending[end] == ascending[i] {
			end++
		}
		n, x, last := float64(end-i), ascending[i]-middle, len(g.values)
		g.values = append(g.values, ascending[i])
		g.count = append(g.count, g.count[last]+n)
		g.value = append(g.value, g.value[last]+float64(n*x))
		g.squares = append(g.squares, g.squares[last]+float64(n*float64(x*x)))
		i = end
	}
	return g
}

// within returns the squared deviations from their mean of the values from one place to another, both included.
func (g *groups) within(from, to int) float64 {
	n, sum := g.count[to+1]-g.count[from], g.value[to+1]-g.value[from]
	return max(0, g.squares[to+1]-g.squares[from]-float64(sum*sum)/n)
}

// divide fills next and from, for the values from low to high, with the best last class, which begins at a place from least to most.
func (g *groups) divide(best, next []float64, from []int32, low, high, least, most int) {
	if low > high {
		return
	}
	middle := (low + high) / 2
	lowest, at := math.Inf(1), least
	for begin := least; begin <= min(most, middle); begin++ {
		if sum := best[begin-1] + g.within(begin, middle); sum < lowest {
			lowest, at = sum, begin
		}
	}
	next[middle], from[middle] = lowest, int32(at)
	g.divide(best, next, from, low, middle-1, least, at)
	g.divide(best, next, from, middle+1, high, at, most)
}
