package engine_test

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"

	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// resident is a customer of a random population, as the reference sees it.
type resident struct {
	id             string
	score          *float64
	amount, number *float64
	text           *string
	partner        *bool
}

func (r resident) person() person {
	one := person{r.id, attrs{}}
	if r.score != nil {
		one.attrs["x"] = *r.score
	}
	if r.amount != nil {
		one.attrs["y"] = *r.amount
	}
	if r.number != nil {
		one.attrs["n"] = *r.number
	}
	if r.text != nil {
		one.attrs["s"] = *r.text
	}
	if r.partner != nil {
		one.attrs["b"] = *r.partner
	}
	return one
}

func persons(residents []resident) []person {
	var people []person
	for _, r := range residents {
		people = append(people, r.person())
	}
	return people
}

// randomPopulation draws customers with many ties; their ids are in no order.
func randomPopulation(t *rapid.T, most int) []resident {
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-cA-C0-1é]{1,4}`), 0, most, rapid.ID[string]).Draw(t, "ids")
	residents := make([]resident, len(ids))
	whole := func(low, high int) *rapid.Generator[float64] {
		return rapid.Map(rapid.IntRange(low, high), func(i int) float64 { return float64(i) })
	}
	for i, id := range ids {
		residents[i] = resident{
			id:      id,
			score:   rapid.Ptr(rapid.OneOf(whole(0, 5), rapid.Float64Range(0, 100)), true).Draw(t, "score"),
			amount:  rapid.Ptr(rapid.OneOf(whole(-1, 4), rapid.Just(0.1), rapid.Float64Range(-1e6, 1e9)), true).Draw(t, "amount"),
			number:  rapid.Ptr(whole(-1, 1), true).Draw(t, "number"),
			text:    rapid.Ptr(rapid.SampledFrom([]string{"", "a", "B", "é"}), true).Draw(t, "text"),
			partner: rapid.Ptr(rapid.Bool(), true).Draw(t, "partner"),
		}
	}
	return residents
}

// randomLadder draws a model with a ladder of up to five tiers, whose conditions and tie breakers are those that the reference knows.
func randomLadder(t *rapid.T) *echelonv1.Model {
	linear := &echelonv1.Tiering_Linear{Score: "v"}
	tiers := rapid.IntRange(1, 5).Draw(t, "tiers")
	for i := range tiers {
		one := &echelonv1.Tier{Name: "tier " + strconv.Itoa(i)}
		if i < tiers-1 {
			one.Cut = randomCut(t)
		}
		linear.Tiers = append(linear.Tiers, one)
	}
	if rapid.Bool().Draw(t, "unscored") {
		linear.Unscored = "tier " + strconv.Itoa(rapid.IntRange(0, tiers-1).Draw(t, "place"))
	}
	for _, expr := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"n", "s", "b"}), 0, 3, rapid.ID[string]).Draw(t, "breakers") {
		order := echelonv1.TieBreaker_Order(rapid.IntRange(0, 1).Draw(t, "order"))
		linear.TieBreakers = append(linear.TieBreakers, &echelonv1.TieBreaker{Expr: expr, Order: order})
	}
	return &echelonv1.Model{
		Name: "m",
		Attributes: []*echelonv1.Attribute{
			{Name: "x", Type: echelonv1.Attribute_NUMBER}, {Name: "y", Type: echelonv1.Attribute_NUMBER}, {Name: "n", Type: echelonv1.Attribute_INTEGER},
			{Name: "s", Type: echelonv1.Attribute_STRING}, {Name: "b", Type: echelonv1.Attribute_BOOLEAN},
		},
		Scores: []*echelonv1.Score{{Name: "v", Criteria: []*echelonv1.Criterion{{
			Name: "x", Expr: "x", Weight: 1,
			Normalize: &echelonv1.Normalize{Kind: &echelonv1.Normalize_Linear_{Linear: &echelonv1.Normalize_Linear{Max: 100}}},
		}}}},
		Tierings: []*echelonv1.Tiering{{Name: "l", Kind: &echelonv1.Tiering_Linear_{Linear: linear}}},
	}
}

func randomCut(t *rapid.T) *echelonv1.Cut {
	cut := &echelonv1.Cut{}
	share := rapid.OneOf(rapid.SampledFrom([]float64{0.1, 0.2, 0.3, 0.5, 0.7, 1}), rapid.Float64Range(0.001, 1))
	fields := rapid.IntRange(1, 31).Draw(t, "fields")
	if fields&1 > 0 {
		score := rapid.SampledFrom([]float64{0, 1, 2, 3, 50}).Draw(t, "min_score")
		cut.MinScore = &score
	}
	if fields&2 > 0 {
		cut.When = "b"
	}
	if fields&4 > 0 {
		count := rapid.Int64Range(1, 8).Draw(t, "top_count")
		cut.TopCount = &count
	}
	if fields&8 > 0 {
		part := share.Draw(t, "top_share")
		cut.TopShare = &part
	}
	if fields&16 > 0 {
		order := echelonv1.CumulativeShare_Order(rapid.IntRange(0, 1).Draw(t, "order"))
		cut.CumulativeShare = &echelonv1.CumulativeShare{Of: "y", Share: share.Draw(t, "share"), Order: order}
	}
	return cut
}

// referenceTiers puts a population onto a ladder by the words of the model: with sets of customers, without lines. It is written for the random
// models above, whose score is x, condition b and amount y.
func referenceTiers(model *echelonv1.Model, residents []resident) map[string]string {
	linear := model.GetTierings()[0].GetLinear()
	tiers := make(map[string]string)
	var scored []resident
	for _, r := range residents {
		switch {
		case r.score != nil:
			scored = append(scored, r)
		case linear.GetUnscored() != "":
			tiers[r.id] = linear.GetUnscored()
		default:
			tiers[r.id] = null
		}
	}
	slices.SortFunc(scored, func(a, b resident) int { return byLadder(linear, a, b) })
	for _, tier := range linear.GetTiers() {
		var candidates []resident
		for _, r := range scored {
			cut := tier.GetCut()
			holds := (cut.GetWhen() == "" || r.partner != nil && *r.partner) && (cut == nil || cut.MinScore == nil || *r.score >= *cut.MinScore)
			if tiers[r.id] == "" && holds {
				candidates = append(candidates, r)
			}
		}
		within := shareOf(linear, tier.GetCut(), scored)
		for i, r := range candidates {
			cut := tier.GetCut()
			in := (cut == nil || cut.TopCount == nil || int64(i) < *cut.TopCount) &&
				(cut == nil || cut.TopShare == nil || int64(i) < ceiling(*cut.TopShare, len(scored))) &&
				(within == nil || within[r.id])
			if in {
				tiers[r.id] = tier.GetName()
			}
		}
	}
	return tiers
}

// shareOf returns who is within a cut's cumulative share; nil where it has none.
func shareOf(linear *echelonv1.Tiering_Linear, cut *echelonv1.Cut, scored []resident) map[string]bool {
	share := cut.GetCumulativeShare()
	if share == nil {
		return nil
	}
	order := slices.Clone(scored)
	if share.GetOrder() == echelonv1.CumulativeShare_AMOUNT {
		slices.SortStableFunc(order, func(a, b resident) int { return amountOf(b).Cmp(amountOf(a)) })
	}
	total := new(big.Rat)
	for _, r := range order {
		total.Add(total, amountOf(r))
	}
	limit := new(big.Rat).Mul(decimal(share.GetShare()), total)
	within, before := make(map[string]bool), new(big.Rat)
	for _, r := range order {
		within[r.id] = before.Cmp(limit) < 0
		before.Add(before, amountOf(r))
	}
	return within
}

func amountOf(r resident) *big.Rat {
	if r.amount == nil || *r.amount < 0 {
		return new(big.Rat)
	}
	return new(big.Rat).SetFloat64(*r.amount)
}

// decimal is the number that was written.
func decimal(x float64) *big.Rat {
	written, _ := new(big.Rat).SetString(strconv.FormatFloat(x, 'f', -1, 64))
	return written
}

func ceiling(share float64, n int) int64 {
	product := new(big.Rat).Mul(decimal(share), new(big.Rat).SetInt64(int64(n)))
	whole, rest := new(big.Int).DivMod(product.Num(), product.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		return whole.Int64() + 1
	}
	return whole.Int64()
}

func byLadder(linear *echelonv1.Tiering_Linear, a, b resident) int {
	if order := cmp.Compare(*b.score, *a.score); order != 0 {
		return order
	}
	for _, breaker := range linear.GetTieBreakers() {
		order := 0
		switch descending := breaker.GetOrder() == echelonv1.TieBreaker_DESC; breaker.GetExpr() {
		case "n":
			order = tied(a.number, b.number, cmp.Compare[float64], descending)
		case "s":
			order = tied(a.text, b.text, cmp.Compare[string], descending)
		case "b":
			order = tied(a.partner, b.partner, func(x, y bool) int { return cmp.Compare(truth(x), truth(y)) }, descending)
		}
		if order != 0 {
			return order
		}
	}
	return cmp.Compare(a.id, b.id)
}

func tied[T any](a, b *T, compare func(a, b T) int, descending bool) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	case descending:
		return compare(*b, *a)
	}
	return compare(*a, *b)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
