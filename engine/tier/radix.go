package tier

import "math"

// place is a customer's place with a number by which it is sorted.
type place struct {
	number uint64
	at     int
}

// digitBits is how many bits byNumber sorts by at a time: as many counters stay in the nearest cache.
const digitBits = 11

// byNumber returns places ascending by their numbers, those of equal ones in the order that they had. It sorts digit by digit, from the last to the first,
// and leaves out the digits that all numbers have in common.
func byNumber(places []place) []place {
	other := make([]place, len(places))
	for shift := 0; shift < 64; shift += digitBits {
		var starts [1 << digitBits]int
		for i := range places {
			starts[places[i].number>>shift%(1<<digitBits)]++
		}
		sum, common := 0, false
		for digit, count := range starts {
			common = common || count == len(places)
			starts[digit], sum = sum, sum+count
		}
		if common {
			continue
		}
		for i := range places {
			to := &starts[places[i].number>>shift%(1<<digitBits)]
			other[*to] = places[i]
			*to++
		}
		places, other = other, places
	}
	return places
}

// descending returns a number that is the smaller the larger the score.
func descending(score float64) uint64 {
	bits := math.Float64bits(score + 0) // adding 0 makes -0 a 0
	if bits>>63 == 0 {
		return ^(bits | 1<<63)
	}
	return bits
}
