package stability

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Standings is how the customers of a batch came to be in their tiers, in columns of one entry a row. Days are counted from 1970-01-01.
type Standings struct {
	// Since is the day as of which they came there; 0 where it is not known.
	Since []int32
	// Moves is how often they moved in the review period of that day: promotions, demotions and others, in eight bits each, the lowest first.
	Moves []uint32
	// Pending is the day since which a demotion has been computed; 0 where none is.
	Pending []int32
	// Holds is what decides in place of the computed tier, as an echelonv1.Reason_Code; 0 where that is in force.
	Holds []uint32
	// Until is the day from which it does no more; 0 where none is known.
	Until []int32
}

// NewStandings returns those of so many customers of whom nothing is known.
func NewStandings(rows int) *Standings {
	return &Standings{
		Since: make([]int32, rows), Moves: make([]uint32, rows), Pending: make([]int32, rows), Holds: make([]uint32, rows), Until: make([]int32, rows),
	}
}

// Copy takes a row of others.
func (s *Standings) Copy(to int, from *Standings, row int) {
	s.Since[to], s.Moves[to], s.Pending[to] = from.Since[row], from.Moves[row], from.Pending[row]
	s.Holds[to], s.Until[to] = from.Holds[row], from.Until[row]
}

// Of returns a row's standing as it goes over the wire.
func (s *Standings) Of(row int) *echelonv1.Standing {
	promotions, demotions, others := counts(s.Moves[row])
	return &echelonv1.Standing{
		Since: Day(s.Since[row]), PendingSince: Day(s.Pending[row]),
		Promotions: int32(promotions), Demotions: int32(demotions), OtherMoves: int32(others),
	}
}

// Day writes a day; nothing where it is 0.
func Day(day int32) string {
	if day == 0 {
		return ""
	}
	return frame.FormatDate(int64(day))
}

// maxMoves is how many moves of a kind one customer can be known to have made in a review period.
const maxMoves = 255

// Set takes a standing as it came over the wire. It fails where it has no meaning.
func (s *Standings) Set(row int, given *echelonv1.Standing) error {
	for _, field := range []struct {
		name, text string
		to         *int32
	}{{"since", given.GetSince(), &s.Since[row]}, {"pending_since", given.GetPendingSince(), &s.Pending[row]}} {
		if field.text == "" {
			continue
		}
		day, err := frame.ParseDate(field.text)
		if err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
		*field.to = int32(day)
	}
	for i, field := range []struct {
		name  string
		moves int32
	}{{"promotions", given.GetPromotions()}, {"demotions", given.GetDemotions()}, {"other_moves", given.GetOtherMoves()}} {
		if field.moves < 0 || field.moves > maxMoves {
			return fmt.Errorf("%s: %d moves in a review period are not possible: write 0 to %d", field.name, field.moves, maxMoves)
		}
		s.Moves[row] |= uint32(field.moves) << (8 * i)
	}
	return nil
}

// counts returns promotions, demotions and other moves.
func counts(moves uint32) (promotions, demotions, others uint32) {
	return moves & maxMoves, moves >> 8 & maxMoves, moves >> 16 & maxMoves
}

// count adds a move.
func count(moves uint32, to direction) uint32 {
	shift := map[direction]int{up: 0, down: 8, sideways: 16}[to]
	if moves>>shift&maxMoves == maxMoves {
		return moves
	}
	return moves + 1<<shift
}
