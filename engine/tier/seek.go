package tier

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sort"

	"github.com/echelonhq/echelon/engine/exact"
)

const (
	// sortedAtOnce is how many customers are sorted rather than parted into groups, groupBits how many groups that are, and addedAtOnce how many weights
	// are added up before the sum is looked at.
	sortedAtOnce = 2048
	groupBits    = 11
	addedAtOnce  = 256
)

// place is a customer's place with a number by which it is ordered.
type place struct {
	number uint64
	at     int
}

// places returns those of some customers, in no order, with the numbers of an order in which the largest comes first.
func (n *rungLearner) places(number func(at int) float64, among func(at int) bool) []place {
	list := make([]place, 0, n.customers())
	for at := range n.all() {
		if among(at) {
			list = append(list, place{descending(number(at)), at})
		}
	}
	return list
}

// compare orders two places: by their numbers, and by whole keys only where these are equal.
func (n *rungLearner) compare(a, b place) int {
	if a.number != b.number {
		return cmp.Compare(a.number, b.number)
	}
	x, y := n.key(a.at), n.key(b.at)
	return compare(n.breakers, &x, &y)
}

// seek returns the first customer, in order, with whom the weights, none of which is negative, are enough; false where all are not. It sorts only those
// around that one: the others are parted into groups by their numbers, and of all groups but one only the weight counts. It reorders the places.
func (n *rungLearner) seek(places []place, weigh func(at int) float64, enough func(*exact.Sum) bool) (at int, found bool) {
	var before exact.Sum
	for len(places) > sortedAtOnce {
		low, high := numbersOf(places)
		if low == high {
			break
		}
		shift := max(0, bits.Len64(high-low)-groupBits)
		// sums are those of the weights in each group, and then those up to its end.
		sums := make([]exact.Sum, (high-low)>>shift+1)
		for i := range places {
			sums[(places[i].number-low)>>shift].Add(weigh(places[i].at))
		}
		for i := range sums {
			if i == 0 {
				sums[0].Merge(&before)
			} else {
				sums[i].Merge(&sums[i-1])
			}
		}
		group := sort.Search(len(sums), func(i int) bool { return enough(&sums[i]) })
		if group == len(sums) {
			return none, false
		}
		if group > 0 {
			before = sums[group-1]
		}
		places = slices.DeleteFunc(places, func(p place) bool { return (p.number-low)>>shift != uint64(group) })
	}
	slices.SortFunc(places, n.compare)
	return step(places, before, weigh, enough)
}

// step is seek among places that are sorted.
func step(places []place, before exact.Sum, weigh func(at int) float64, enough func(*exact.Sum) bool) (at int, found bool) {
	for some := range slices.Chunk(places, addedAtOnce) {
		after := before
		for _, p := range some {
			after.Add(weigh(p.at))
		}
		if !enough(&after) {
			before = after
			continue
		}
		for _, p := range some {
			if before.Add(weigh(p.at)); enough(&before) {
				return p.at, true
			}
		}
	}
	return none, false
}

// before returns the last customer, in order, that comes before another; false where there is none.
func (n *rungLearner) before(places []place, other int) (at int, found bool) {
	limit := place{descending(n.scoreOf(other)), other}
	last := place{at: none}
	for _, p := range places {
		if n.compare(p, limit) < 0 && (last.at == none || n.compare(last, p) < 0) {
			last = p
		}
	}
	return last.at, last.at != none
}

// numbersOf returns the least and the greatest number of places.
func numbersOf(places []place) (low, high uint64) {
	low = math.MaxUint64
	for i := range places {
		low, high = min(low, places[i].number), max(high, places[i].number)
	}
	return low, high
}

// descending returns a number that is the smaller the larger the score.
func descending(score float64) uint64 {
	bits := math.Float64bits(score + 0) // adding 0 makes -0 a 0
	if bits>>63 == 0 {
		return ^(bits | 1<<63)
	}
	return bits
}
