package tier

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/echelonhq/echelon/engine/exact"
)

// scored are scores of many kinds: spread evenly, over all magnitudes and both signs, few different ones, one, and all but a few close together.
var scored = map[string]func(random *rand.Rand) float64{
	"even":     func(random *rand.Rand) float64 { return random.Float64() * 100 },
	"all bits": func(random *rand.Rand) float64 { return math.Ldexp(random.Float64()-0.5, random.IntN(1200)-600) },
	"few":      func(random *rand.Rand) float64 { return float64(random.IntN(7) - 3) },
	"zeros":    func(random *rand.Rand) float64 { return []float64{0, math.Copysign(0, -1)}[random.IntN(2)] },
	"close together": func(random *rand.Rand) float64 {
		return []float64{1 + random.Float64()*1e-13, 0, -math.MaxFloat64, math.MaxFloat64}[max(0, random.IntN(2000)-1996)]
	},
}

// population returns a learner of so many customers with the tie breaker of a number, gathered by two and put together, and what each weighs.
func population(random *rand.Rand, draw func(*rand.Rand) float64, n int) (*rungLearner, map[int]float64) {
	halves := []*rungLearner{newRungLearner(&rungs{breakers: make([]tieBreaker, 1)}), newRungLearner(&rungs{breakers: make([]tieBreaker, 1)})}
	for i := range n {
		g := halves[random.IntN(2)].room()
		g.scores, g.ids = append(g.scores, draw(random)), append(g.ids, fmt.Sprint("customer ", i))
		g.ties = append(g.ties, tie{number: float64(random.IntN(3)), missing: random.IntN(9) == 0})
	}
	whole := halves[0]
	whole.merge(halves[1])
	weights := make(map[int]float64)
	for at := range whole.all() {
		weights[at] = []float64{0, 1, random.Float64(), random.ExpFloat64() * 1e9, 1e-9}[random.IntN(5)]
	}
	return whole, weights
}

func TestACustomerIsFoundWhoStandsWhereTheWeightOfThoseInOrderIsEnough(t *testing.T) {
	for name, draw := range scored {
		for _, n := range []int{1, 2, sortedAtOnce, sortedAtOnce + 1, gatheredAtOnce + 5000} {
			t.Run(fmt.Sprintf("%s, %d", name, n), func(t *testing.T) {
				random := rand.New(rand.NewPCG(5, uint64(n)))
				learner, weights := population(random, draw, n)
				everyone := func(int) bool { return true }
				sorted := learner.places(learner.scoreOf, everyone)
				slices.SortFunc(sorted, func(a, b place) int {
					x, y := learner.key(a.at), learner.key(b.at)
					return cmp.Or(cmp.Compare(y.score, x.score), compareTies(learner.breakers, x.ties, y.ties), cmp.Compare(x.id, y.id))
				})
				var total exact.Sum
				var sums []exact.Sum // up to each and with it
				for _, p := range sorted {
					total.Add(weights[p.at])
					sums = append(sums, total)
				}
				for _, percent := range []int64{0, 1, 50, 99, 100, 101} {
					share := exact.FractionOf(percent, 100, &total)
					enough := func(sum *exact.Sum) bool { return !share.Above(sum) }
					want, wantBefore := none, none
					i := sort.Search(len(sums), func(i int) bool { return enough(&sums[i]) })
					if i < len(sorted) {
						want = sorted[i].at
					}
					if i > 0 {
						wantBefore = sorted[i-1].at
					}
					got, found := learner.seek(learner.places(learner.scoreOf, everyone), func(at int) float64 { return weights[at] }, enough)
					if got != want || found != (want != none) {
						t.Fatalf("%d %%: found is %d, %t, want %d, %t", percent, got, found, want, want != none)
					}
					if !found {
						continue
					}
					if before, any := learner.before(learner.places(learner.scoreOf, everyone), got); before != wantBefore || any != (wantBefore != none) {
						t.Errorf("%d %%: before stands %d, %t, want %d", percent, before, any, wantBefore)
					}
				}
			})
		}
	}
}
