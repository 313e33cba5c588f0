package tier

import "iter"

// gatheredAtOnce is how many customers are gathered in one set of columns: a power of 2.
const gatheredAtOnce = 1 << 13

// gathered is columns of scored customers. None is copied when others come.
type gathered struct {
	// scores, ids and ties make up their keys; each has as many ties as there are tie breakers.
	scores []float64
	ids    []string
	ties   []tie
	// holds tells, for each cut for which that is asked, whether the customer meets the fields that need no line.
	holds [][]bool
	// amounts is, for each cut with a cumulative share, what each customer adds to it, and room what it takes of a capacity.
	amounts, room [][]float64
}

// room returns the columns to which another customer is added. The first grow with their customers, since segments may have few.
func (n *rungLearner) room() *gathered {
	last := len(n.gathered) - 1
	if last >= 0 && len(n.gathered[last].scores) < gatheredAtOnce {
		return n.gathered[last]
	}
	cuts := len(n.cuts)
	next := &gathered{holds: make([][]bool, cuts), amounts: make([][]float64, cuts), room: make([][]float64, cuts)}
	if last >= 0 {
		next.scores, next.ids = make([]float64, 0, gatheredAtOnce), make([]string, 0, gatheredAtOnce)
	}
	n.gathered = append(n.gathered, next)
	return next
}

// customers returns how many customers were gathered.
func (n *rungLearner) customers() int {
	sum := 0
	for _, g := range n.gathered {
		sum += len(g.scores)
	}
	return sum
}

// all goes through the places of the customers, in no order that means anything.
func (n *rungLearner) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, g := range n.gathered {
			for row := range g.scores {
				if !yield(i*gatheredAtOnce + row) {
					return
				}
			}
		}
	}
}

// at returns the columns that have a customer, and the row.
func (n *rungLearner) at(place int) (*gathered, int) {
	return n.gathered[place/gatheredAtOnce], place % gatheredAtOnce
}

// scoreOf returns a customer's score.
func (n *rungLearner) scoreOf(place int) float64 {
	g, row := n.at(place)
	return g.scores[row]
}

// amount returns what a customer adds to a tier's cumulative share.
func (n *rungLearner) amount(tier, place int) float64 {
	g, row := n.at(place)
	return g.amounts[tier][row]
}

// takenUp returns what a customer takes of a tier's capacity.
func (n *rungLearner) takenUp(tier, place int) float64 {
	g, row := n.at(place)
	return g.room[tier][row]
}

// holds reports whether a customer meets the fields of a cut that need no line.
func (n *rungLearner) holds(tier, place int) bool {
	g, row := n.at(place)
	return g.holds[tier][row]
}

// key returns a customer's place in the order of the ladder, without an amount.
func (n *rungLearner) key(place int) key {
	k := len(n.breakers)
	g, row := n.at(place)
	return key{score: g.scores[row], id: g.ids[row], ties: g.ties[row*k : (row+1)*k]}
}
