package briefing

import (
	"math"
	"slices"
)

// curveSteps is how many steps a curve has, of equal shares of customers.
const curveSteps = 100

// Concentration says how much of the amount few customers bring.
type Concentration struct {
	// Customers is how many customers the model is about and are stored, those without an amount too; Amount is theirs. What is below 0 counts 0.
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
	Negative  int64   `json:"negative"`
	// Gini is 0 where all bring the same, and nearly 1 where one brings everything.
	Gini float64 `json:"gini"`
	// Half is how many customers, the largest first, bring half of the amount; Eighty how many bring 80 %.
	Half   int64 `json:"half"`
	Eighty int64 `json:"eighty"`
	// TopTenth and TopFifth are the shares, 0 to 1, of the amount that the largest tenth and fifth of the customers bring.
	TopTenth float64 `json:"top_tenth"`
	TopFifth float64 `json:"top_fifth"`
	// Curve is the share of the amount at each percent of the customers, from 0 to 100, the largest first.
	Curve []float64 `json:"curve"`
	// Tiering is the ladder whose tiers Lines are of; both empty where the tiering that drives coverage is none.
	Tiering string    `json:"tiering,omitempty"`
	Lines   []CutLine `json:"lines,omitempty"`
}

// CutLine is where a tier ends: what it and all better ones have together.
type CutLine struct {
	Tier      string  `json:"tier"`
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
}

// concentrationOf measures amounts, and sorts them in place. It returns nil where they add up to nothing.
func concentrationOf(amounts []float64) *Concentration {
	c := &Concentration{Customers: int64(len(amounts))}
	for i, x := range amounts {
		if x < 0 || math.IsNaN(x) {
			amounts[i] = 0
			c.Negative++
		}
	}
	slices.Sort(amounts)
	slices.Reverse(amounts)
	n, weighted := float64(len(amounts)), 0.0
	for i, x := range amounts {
		c.Amount += x
		weighted += x * (n - float64(i))
	}
	if c.Amount == 0 {
		return nil
	}
	// Of ascending amounts the Gini coefficient is 2 Σ i·x / (n Σ x) - (n+1)/n; the largest is the n-th.
	c.Gini = 2*weighted/(n*c.Amount) - (n+1)/n
	c.Half, c.Eighty = bringing(amounts, 0.5*c.Amount), bringing(amounts, 0.8*c.Amount)
	c.Curve = curve(amounts, c.Amount)
	c.TopTenth, c.TopFifth = c.Curve[curveSteps/10], c.Curve[curveSteps/5]
	return c
}

// bringing returns how many of the first amounts reach a sum.
func bringing(amounts []float64, sum float64) int64 {
	reached := 0.0
	for i, x := range amounts {
		if reached += x; reached >= sum {
			return int64(i + 1)
		}
	}
	return int64(len(amounts))
}

// curve returns the shares of the sum of the first amounts at each step; between two customers it is on the straight line.
func curve(amounts []float64, sum float64) []float64 {
	points, reached, next := make([]float64, 0, curveSteps+1), 0.0, 0
	for step := range curveSteps {
		at := float64(step) * float64(len(amounts)) / curveSteps
		for ; next < int(at); next++ {
			reached += amounts[next]
		}
		points = append(points, (reached+(at-float64(next))*amounts[next])/sum)
	}
	return append(points, 1)
}
