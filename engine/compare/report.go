package compare

import "github.com/echelonhq/echelon/engine/exact"

// Report is what a comparison found.
type Report struct {
	// A and B are the sides' names, and TiersA and TiersB their tiers; behind these, in Cells, come those who have none.
	A      string   `json:"a"`
	B      string   `json:"b"`
	TiersA []string `json:"tiers_a"`
	TiersB []string `json:"tiers_b"`
	// Cells cross them: a row a tier of A, a column a tier of B.
	Cells [][]Cell `json:"cells"`
	// Customers is how many there are, Both how many have a tier on both sides, and Agree how many of these one of the same rank.
	Customers int64 `json:"customers"`
	Both      int64 `json:"both"`
	Agree     int64 `json:"agree"`
	// HigherA and HigherB are how many of them have the better rank on A, and on B.
	HigherA int64 `json:"higher_a"`
	HigherB int64 `json:"higher_b"`
	// Agreement is Agree / Both, 0 to 1; nil of nobody.
	Agreement *float64 `json:"agreement"`
	// Kappa is the agreement beyond chance, at most 1: (agreement - chance) / (1 - chance), where chance is how often both would agree if the
	// ranks of one did not depend on those of the other: J. Cohen (1960), "A coefficient of agreement for nominal scales". Nil where chance
	// alone agrees on everybody.
	Kappa *float64 `json:"kappa"`
	// Different is how many differ, those without a tier on one side too, and Differ the clearest of them.
	Different int64        `json:"different"`
	Differ    []Difference `json:"differ"`
}

// Cell is the customers of one tier on A and one on B.
type Cell struct {
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
}

// Report returns what was found so far.
func (c *Comparison) Report() *Report {
	r := &Report{A: c.a.Name, B: c.b.Name, TiersA: c.a.Tiers, TiersB: c.b.Tiers, Different: c.different, Differ: append([]Difference{}, c.differ...)}
	ranksA, ranksB := make(map[int]int64), make(map[int]int64)
	for i, row := range c.customers {
		cells := make([]Cell, len(row))
		for k, n := range row {
			cells[k] = Cell{Customers: n, Amount: c.amounts[i][k].Float64()}
			r.Customers += n
			if i == len(c.a.Tiers) || k == len(c.b.Tiers) {
				continue
			}
			a, b := c.a.Ranks[i], c.b.Ranks[k]
			r.Both += n
			ranksA[a] += n
			ranksB[b] += n
			switch {
			case a == b:
				r.Agree += n
			case a < b:
				r.HigherA += n
			default:
				r.HigherB += n
			}
		}
		r.Cells = append(r.Cells, cells)
	}
	if r.Both == 0 {
		return r
	}
	agreement := float64(r.Agree) / float64(r.Both)
	r.Agreement = &agreement
	// Chance times both squared, exactly.
	var chance exact.Sum
	for rank, n := range ranksA {
		chance.Add(float64(n) * float64(ranksB[rank]))
	}
	if both := float64(r.Both) * float64(r.Both); chance.Float64() < both {
		by := chance.Float64() / both
		kappa := (agreement - by) / (1 - by)
		r.Kappa = &kappa
	}
	return r
}
