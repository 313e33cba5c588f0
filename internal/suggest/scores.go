package suggest

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// weights are those of the criteria in the order in which they are found; what brings money comes first.
var weights = []float64{40, 20, 15, 15, 10}

// score makes the score and the tiers by it.
func (b *builder) score() {
	var criteria []*echelonv1.Criterion
	var comments []string
	add := func(c *echelonv1.Criterion, why string) {
		c.Weight = weights[len(criteria)]
		criteria, comments = append(criteria, c), append(comments, why)
	}
	if b.money != nil {
		add(b.moneyCriterion())
	}
	for _, f := range b.facts {
		if len(criteria) == len(weights) {
			break
		}
		if c, why := b.criterion(f); c != nil {
			add(c, why)
		}
	}
	if b.money == nil && len(criteria) > 0 {
		for _, c := range criteria {
			c.Weight = 20 // nothing says which of them matters most
		}
	}
	if len(criteria) == 1 && criteria[0].GetNormalize().GetBoolean() == nil {
		only := criteria[0]
		c := &echelonv1.Criterion{Name: only.GetName() + " rank", Expr: only.GetExpr(), Invert: only.GetInvert(), Normalize: percentile()}
		if only.GetNormalize().GetPercentile() != nil {
			c.Normalize = b.spread(only.GetExpr())
		}
		if c.GetNormalize() != nil {
			add(c, "The same column in another way: there is no second one to judge by. Add what else you know of customers.")
		}
	}
	if len(criteria) < 2 {
		b.note("nothing in the file says what a customer is worth (an amount, orders, usage, a renewal): there is no score and there are no tiers; " +
			"add such a column, and suggest again")
		return
	}
	b.comments["scores[0]"] = "How much customers matter, 0 to 100. Weights are relative: begin the argument here.\n" +
		"Criteria that are missing give their weight to the others; below min_completeness there is no score."
	for i, why := range comments {
		b.comments[fmt.Sprintf("scores[0].criteria[%d]", i)] = why
	}
	b.model.Scores = []*echelonv1.Score{{Name: "value", Criteria: criteria, MinCompleteness: proto.Float64(0.5)}}
	b.tiers()
}

// moneyCriterion judges by money: by its logarithm, so that the largest customers do not drown all others.
func (b *builder) moneyCriterion() (*echelonv1.Criterion, string) {
	name := b.money.attribute.GetName()
	c := &echelonv1.Criterion{Name: name, Expr: name, Normalize: b.spread(name)}
	if c.GetNormalize() == nil {
		c.Normalize = percentile()
		return c, "What they bring, by their rank."
	}
	return c, "What they bring, by its logarithm, so that a few very large customers leave room for the others: from the 5th to the 99th percentile, rounded."
}

// spread returns a logarithm from the 5th to the 99th percentile of an attribute's positive values; nil where these do not spread.
func (b *builder) spread(name string) *echelonv1.Normalize {
	i := slices.IndexFunc(b.facts, func(f *fact) bool { return f.attribute.GetName() == name })
	if i < 0 {
		return nil
	}
	first, _ := slices.BinarySearch(b.facts[i].numbers, math.SmallestNonzeroFloat64)
	positive := b.facts[i].numbers[first:]
	if len(positive) == 0 {
		return nil
	}
	low, high := human(positive[len(positive)*5/100]), human(positive[len(positive)*99/100])
	if !(low > 0 && high > 2*low) {
		return nil
	}
	return &echelonv1.Normalize{Kind: &echelonv1.Normalize_Log_{Log: &echelonv1.Normalize_Log{Min: low, Max: high}}}
}

func percentile() *echelonv1.Normalize {
	return &echelonv1.Normalize{Kind: &echelonv1.Normalize_Percentile_{Percentile: &echelonv1.Normalize_Percentile{}}}
}

// criterion returns how a column judges customers, and why so; nil where it does not.
func (b *builder) criterion(f *fact) (*echelonv1.Criterion, string) {
	name := f.attribute.GetName()
	c := &echelonv1.Criterion{Name: name, Expr: name, Normalize: percentile(), Invert: worseWords.MatchString(f.header)}
	direction := "more is better"
	if c.GetInvert() {
		direction = "less is better, as its name says"
	}
	switch t := f.attribute.GetType(); {
	case f == b.money || !b.rich(f) || verdictWords.MatchString(f.header):
	case f.isNumber() && !f.isCode() && !dateWords.MatchString(f.header) && !idWords.MatchString(f.header) && f.different > 2,
		f.isNumber() && !f.isCode() && c.GetInvert():
		return c, fmt.Sprintf("Its rank among all customers: %s.", direction)
	case t == echelonv1.Attribute_BOOLEAN && c.GetInvert():
		c.Normalize = &echelonv1.Normalize{Kind: &echelonv1.Normalize_Boolean_{Boolean: &echelonv1.Normalize_Boolean{}}}
		return c, "No is better, as its name says."
	case (t == echelonv1.Attribute_DATE || t == echelonv1.Attribute_TIMESTAMP) && lastWords.MatchString(f.header) && !b.tellsRecency():
		c.Expr, c.Invert = fmt.Sprintf("days_since(%s)", name), true
		return c, "How long ago it was: recent is better."
	}
	return nil, ""
}

// tellsRecency reports whether a number says already how long ago something was.
func (b *builder) tellsRecency() bool {
	return slices.ContainsFunc(b.facts, func(f *fact) bool { return f.isNumber() && recencyWords.MatchString(f.header) })
}

// tiers makes the ladder: by the concentration of money, or else by shares of customers.
func (b *builder) tiers() {
	high, mid := &echelonv1.Cut{}, &echelonv1.Cut{}
	text := "How much to invest: no column is surely money, so the tiers take shares of the customers, the best 10 %, and the next 30 %."
	if b.money != nil {
		name := b.money.attribute.GetName()
		b.model.Amount = name
		b.comments["amount"] = "What tables and balances add up."
		of := name
		if b.money.numbers[0] < 0 {
			of = fmt.Sprintf("max(0, %s)", name) // who costs money is in no share of what comes in
		}
		share := func(x float64) *echelonv1.CumulativeShare { return &echelonv1.CumulativeShare{Of: of, Share: x} }
		high.CumulativeShare, mid.CumulativeShare = share(0.5), share(0.8)
		text = fmt.Sprintf("How much to invest, by concentration: the best customers who together bring half of %s, those who bring the next 30 %%, and all others.\n"+
			"The top tenth of customers by %s brings %.0f %% of it.", name, name, 100*b.concentration())
	} else {
		high.TopShare, mid.TopShare = proto.Float64(0.1), proto.Float64(0.3)
		b.note("no column is surely money: the tiers take shares of the customers. Name the one that is in `amount`, and cut by cumulative_share")
	}
	b.comments["tierings[0]"] = text
	b.model.Tierings = []*echelonv1.Tiering{{
		Name: "coverage", DrivesCoverage: true,
		Kind: &echelonv1.Tiering_Linear_{Linear: &echelonv1.Tiering_Linear{Score: "value", Tiers: []*echelonv1.Tier{
			{Name: "high-touch", Cut: high, Engagement: "high-touch"}, {Name: "mid-touch", Cut: mid, Engagement: "mid-touch"},
			{Name: "tech-touch", Engagement: "tech-touch"},
		}}},
	}}
	b.comments["engagements[0]"] = "What customers of a tier get, in words that anyone in the company understands. Write yours."
	b.model.Engagements = []*echelonv1.Engagement{
		{Name: "high-touch", Touch: echelonv1.Engagement_HIGH, Description: "A named person who knows the customer and plans ahead with them"},
		{Name: "mid-touch", Touch: echelonv1.Engagement_MID, Description: "A team that reviews the account and answers by name"},
		{Name: "tech-touch", Touch: echelonv1.Engagement_TECH, Description: "Help in the product and by mail, people when something happens"},
	}
}

// concentration returns the share of the money that the top tenth of customers brings.
func (b *builder) concentration() float64 {
	total, top := 0.0, 0.0
	n := len(b.money.numbers)
	for i, x := range b.money.numbers {
		if x > 0 {
			total += x
			if i >= n-(n+9)/10 {
				top += x
			}
		}
	}
	return top / total
}
