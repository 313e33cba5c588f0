package tier

import (
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Explain returns the cuts that were tried for a row, up to the one that took it.
func (o *LadderOutcome) Explain(row int) *echelonv1.TierExplanation {
	l := o.ladder
	explained := &echelonv1.TierExplanation{Tiering: l.name}
	if o.Column.Valid.Get(row) {
		name := o.Column.String(row)
		explained.Tier = &name
	}
	if l.newcomers != nil {
		explained.Cuts = append(explained.Cuts, o.explainNew(row))
	}
	if !o.batch.score.Valid.Get(row) || o.batch.isNew(row) {
		return explained
	}
	k := o.batch.key(row)
	for tier := range l.names {
		tried := o.explainCut(tier, row, &k)
		explained.Cuts = append(explained.Cuts, tried)
		if tried.Met {
			break
		}
	}
	return explained
}

// explainNew says how a row stood to the condition of the onboarding tier.
func (o *LadderOutcome) explainNew(row int) *echelonv1.CutExplanation {
	l, read := o.ladder, o.batch.newcomers
	said := &echelonv1.CutCondition{Condition: "while " + l.newcomers.Text(), Met: o.batch.isNew(row)}
	if !read.Column.Valid.Get(row) {
		said.Unreadable = reason.Unreadable(l.item, l.all[len(l.names)], read.Cause(row)).Proto()
	}
	return &echelonv1.CutExplanation{Name: l.all[len(l.names)], Met: said.Met, Conditions: []*echelonv1.CutCondition{said}}
}

func (o *LadderOutcome) explainCut(cut, row int, k *key) *echelonv1.CutExplanation {
	l := o.ladder
	tried := &echelonv1.CutExplanation{Met: l.takes(o.batch, cut, row, k, o.lines)}
	if cut < len(l.names) {
		tried.Name = l.names[cut]
	}
	for _, f := range l.cuts[cut].fields() {
		tried.Conditions = append(tried.Conditions, o.condition(f, cut, row, k, o.lines.of(cut)))
	}
	for _, one := range l.cuts[cut].any {
		tried.Any = append(tried.Any, o.explainCut(one, row, k))
	}
	return tried
}

// condition says how a row stood to one field of a cut.
func (o *LadderOutcome) condition(f field, tier, row int, k *key, lines *tierLines) *echelonv1.CutCondition {
	l, c := o.ladder, &o.ladder.cuts[tier]
	said := &echelonv1.CutCondition{Condition: f.words(c, l.score)}
	switch f {
	case minScore:
		line := c.declared.GetMinScore()
		said.Met, said.Line, said.Value = k.score >= line, &line, &k.score
	case when:
		read := o.batch.when[tier]
		said.Met = read.Column.Valid.Get(row) && read.Column.Bits.Get(row)
		if !read.Column.Valid.Get(row) {
			said.Unreadable = reason.Unreadable(l.item, l.names[l.tierOf(tier)], read.Cause(row)).Proto()
		}
	default:
		ordered, byAmount := *k, f == cumulativeShare && c.byAmount
		said.Value = &k.score
		if byAmount {
			ordered.amount = o.batch.amount(tier, row)
			said.Value = &ordered.amount
		}
		said.Met, said.Line = f.line(lines).takes(l.breakers, &ordered), f.line(lines).where(byAmount)
	}
	return said
}
