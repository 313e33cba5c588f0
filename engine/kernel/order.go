package kernel

import (
	"math"
	"math/bits"
	"slices"
)

const (
	// sortedAtOnce is how many values are sorted rather than parted into groups, and groupBits how many groups that are: their counters stay in the nearest
	// cache.
	sortedAtOnce = 4096
	groupBits    = 11
)

// AtPlaces returns the values that stand at some places, which ascend and may repeat, when all values are in ascending order. It sorts no more of them than
// lie around those places, and changes nothing. No value is NaN; 0 and -0 stand beside each other in any order.
func AtPlaces(values []float64, places []int) []float64 {
	found := make([]float64, len(places))
	pick(values, 0, places, found)
	return found
}

// pick finds the values at places of an order of which values are those from the place first on.
func pick(values []float64, first int, places []int, found []float64) {
	if len(places) == 0 {
		return
	}
	if len(values) <= sortedAtOnce {
		sorted := slices.Clone(values)
		slices.Sort(sorted)
		for i, place := range places {
			found[i] = sorted[place-first]
		}
		return
	}
	low, high := ends(values)
	if low == high {
		for i := range found {
			found[i] = values[0]
		}
		return
	}
	shift := max(0, bits.Len64(high-low)-groupBits)
	var counts [1 << groupBits]int
	for _, x := range values {
		counts[(ascending(x)-low)>>shift]++
	}
	groups, size := wanted(&counts, first, places)
	gather(values, low, shift, groups, size)
	for _, g := range groups {
		pick(g.values, g.first, places[g.from:g.to], found[g.from:g.to])
	}
}

// group is consecutive values of an order, of which some are looked for.
type group struct {
	number, first, size int
	from, to            int // which of the places lie in it
	values              []float64
}

// wanted returns the groups in which the places lie, and how many values they have.
func wanted(counts *[1 << groupBits]int, first int, places []int) (groups []group, size int) {
	at, place := 0, first
	for number, count := range counts {
		place += count
		from := at
		for at < len(places) && places[at] < place {
			at++
		}
		if at > from {
			groups = append(groups, group{number: number, first: place - count, size: count, from: from, to: at})
			size += count
		}
	}
	return groups, size
}

// gather gives groups their values, which are so many.
func gather(values []float64, low uint64, shift int, groups []group, size int) {
	var of [1 << groupBits]int32 // the place of a group in groups, and one
	room := make([]float64, size)
	for i := range groups {
		g := &groups[i]
		of[g.number] = int32(i + 1)
		g.values, room = room[:0:g.size], room[g.size:]
	}
	for _, x := range values {
		if i := of[(ascending(x)-low)>>shift]; i > 0 {
			g := &groups[i-1]
			g.values = append(g.values, x)
		}
	}
}

// ends returns the numbers of the least and of the greatest value.
func ends(values []float64) (low, high uint64) {
	low = math.MaxUint64
	for _, x := range values {
		n := ascending(x)
		low, high = min(low, n), max(high, n)
	}
	return low, high
}

// ascending returns a number that is the larger the larger the value.
func ascending(x float64) uint64 {
	n := math.Float64bits(x)
	return n ^ (uint64(int64(n)>>63) | 1<<63)
}
