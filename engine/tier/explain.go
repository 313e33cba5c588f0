package tier

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// explain gives a row the reasons of its tier: what decided, and which better cuts could not be read.
func (o *LadderOutcome) explain(row, tier int, reasons *reason.Table) {
	l, b := o.ladder, o.batch
	if b.newcomers != nil && !b.newcomers.Column.Valid.Get(row) {
		reasons.AddUnreadable(row, l.item, l.all[len(l.names)], b.newcomers.Cause(row))
	}
	if b.isNew(row) {
		reasons.Add(row, reason.Reason{
			Code: echelonv1.Reason_DECIDED, Item: l.item, Part: l.all[tier],
			Message: fmt.Sprintf("%s: %s, while %s", l.item, l.all[tier], l.newcomers.Text()),
		})
		return
	}
	if !b.climbs.Get(row) {
		reasons.Add(row, o.below(row))
		return
	}
	p, _ := o.part(row)
	decided := len(p.tiers) - 1
	for rung, place := range p.tiers {
		if place == tier {
			decided = rung
			break
		}
		p.unread(rung, rung, row, reasons)
		for _, cut := range p.cuts[rung].any {
			p.unread(rung, cut, row, reasons)
		}
	}
	segment := b.segment(row)
	reasons.AddOf(&o.said, segment*(len(l.all)+1)+decided, row, func() reason.Reason { return o.decided(p, segment, decided) })
}

// unread gives a row the reason why the condition of a cut of a rung could not be read, if it could not.
func (p *part) unread(rung, cut, row int, reasons *reason.Table) {
	if when := p.when[cut]; when != nil && !when.Column.Valid.Get(row) {
		reasons.AddUnreadable(row, p.item, p.names[rung], when.Cause(row))
	}
}

// decided says what put rows of a segment onto a rung.
func (o *LadderOutcome) decided(p *part, segment, decided int) reason.Reason {
	l, within := o.ladder, ""
	if o.batch.by != nil {
		within = ", within " + l.segments[segment]
	}
	r := reason.Reason{Code: echelonv1.Reason_DECIDED, Item: l.item, Part: p.names[decided]}
	if p.cuts[decided].declared == nil {
		r.Code = echelonv1.Reason_LAST_TIER
		r.Message = fmt.Sprintf("%s: %s, since no better cut took it%s", l.item, r.Part, within)
	} else {
		r.Message = fmt.Sprintf("%s: %s, %s%s", l.item, r.Part, short(p.words(decided)), within)
	}
	return r
}

// below says why a row stands in no cut.
func (o *LadderOutcome) below(row int) reason.Reason {
	l := o.ladder
	if o.batch.score.Valid.Get(row) {
		return reason.Reason{
			Code: echelonv1.Reason_NO_SEGMENT, Item: l.item,
			Message: fmt.Sprintf("%s: UNSCORED, since %s is null and the cuts are drawn within its segments", l.item, l.by.Text()),
		}
	}
	return reason.Reason{
		Code: echelonv1.Reason_UNSCORED, Item: l.item, Message: fmt.Sprintf("%s: UNSCORED, since scores.%s is null", l.item, l.score),
	}
}

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
	if !o.batch.climbs.Get(row) || o.batch.isNew(row) {
		return explained
	}
	if o.batch.by != nil {
		explained.Segment = &l.segments[o.batch.segment(row)]
	}
	k := o.batch.key(row)
	p, lines := o.part(row)
	for tier := range p.names {
		tried := p.explainCut(tier, row, &k, lines)
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

func (p *part) explainCut(cut, row int, k *key, lines *rungLines) *echelonv1.CutExplanation {
	tried := &echelonv1.CutExplanation{Met: p.takes(cut, row, k, lines)}
	if cut < len(p.names) {
		tried.Name = p.names[cut]
	}
	for _, f := range p.cuts[cut].fields() {
		tried.Conditions = append(tried.Conditions, p.condition(f, cut, row, k, lines.of(cut)))
	}
	for _, one := range p.cuts[cut].any {
		tried.Any = append(tried.Any, p.explainCut(one, row, k, lines))
	}
	return tried
}

// condition says how a row stood to one field of a cut.
func (p *part) condition(f field, tier, row int, k *key, lines *tierLines) *echelonv1.CutCondition {
	c := &p.cuts[tier]
	said := &echelonv1.CutCondition{Condition: f.words(c, p.score)}
	switch f {
	case minScore:
		line := c.declared.GetMinScore()
		said.Met, said.Line, said.Value = k.score >= line, &line, &k.score
	case when:
		read := p.when[tier]
		said.Met = read.Column.Valid.Get(row) && read.Column.Bits.Get(row)
		if !read.Column.Valid.Get(row) {
			said.Unreadable = reason.Unreadable(p.item, p.names[p.tierOf(tier)], read.Cause(row)).Proto()
		}
	case naturalBreak:
		said.Value = &k.score
		if lines.natural != nil {
			said.Met, said.Line = k.score >= *lines.natural, lines.natural
		}
	default:
		ordered, byAmount := *k, f == cumulativeShare && c.byAmount
		said.Value = &k.score
		if byAmount {
			ordered.amount = p.amount(tier, row)
			said.Value = &ordered.amount
		}
		said.Met, said.Line = f.line(lines).takes(p.breakers, &ordered), f.line(lines).where(byAmount)
	}
	return said
}
