package tier

import (
	"fmt"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Proto returns the lines as a calibration keeps them.
func (l *Ladder) Proto(lines *LadderLines) *echelonv1.TieringCalibration {
	kept := &echelonv1.TieringCalibration{Tiering: l.name, Scored: int64(lines.scored)}
	for tier, name := range l.names {
		if !l.learns(tier) {
			continue
		}
		one := l.cutProto(tier, lines)
		one.Tier = name
		kept.Tiers = append(kept.Tiers, one)
	}
	return kept
}

func (l *Ladder) cutProto(cut int, lines *LadderLines) *echelonv1.TierLines {
	frozen := &lines.tiers[cut]
	kept := &echelonv1.TierLines{
		TopCount: frozen.topCount.proto(l.breakers, false), TopShare: frozen.topShare.proto(l.breakers, false),
		CumulativeShare: frozen.cumulative.proto(l.breakers, l.cuts[cut].byAmount),
	}
	for _, one := range l.cuts[cut].any {
		kept.Any = append(kept.Any, l.cutProto(one, lines))
	}
	return kept
}

// Lines returns the lines that a calibration kept, or false where it is none of this ladder's.
func (l *Ladder) Lines(kept *echelonv1.TieringCalibration) (*LadderLines, bool) {
	if len(kept.GetXLines())+len(kept.GetYLines()) > 0 || kept.GetScored() < 0 {
		return nil, false
	}
	lines := &LadderLines{scored: int(kept.GetScored()), tiers: make([]tierLines, len(l.cuts)), negative: make([]int, len(l.cuts))}
	next := 0
	for tier, name := range l.names {
		if !l.learns(tier) {
			continue
		}
		if next == len(kept.GetTiers()) || kept.GetTiers()[next].GetTier() != name || !l.cutLines(tier, kept.GetTiers()[next], lines) {
			return nil, false
		}
		next++
	}
	return lines, next == len(kept.GetTiers())
}

// cutLines takes the lines that a calibration kept of a cut, and reports whether they fit it.
func (l *Ladder) cutLines(cut int, from *echelonv1.TierLines, lines *LadderLines) bool {
	c, to := &l.cuts[cut], &lines.tiers[cut]
	var ok [3]bool
	to.topCount, ok[0] = lineOf(from.GetTopCount(), l.breakers, false)
	to.topShare, ok[1] = lineOf(from.GetTopShare(), l.breakers, false)
	to.cumulative, ok[2] = lineOf(from.GetCumulativeShare(), l.breakers, c.byAmount)
	fits := (to.topCount != nil) == (c.declared.TopCount != nil) && (to.topShare != nil) == (c.declared.TopShare != nil) &&
		(to.cumulative != nil) == (c.of != nil) && len(from.GetAny()) == len(c.any)
	if !fits || ok != [3]bool{true, true, true} {
		return false
	}
	for i, one := range c.any {
		if from.GetAny()[i].GetTier() != "" || !l.cutLines(one, from.GetAny()[i], lines) {
			return false
		}
	}
	return true
}

// Findings returns what the lines show about the ladder. Path is the tiering's place in the model.
func (l *Ladder) Findings(path string, lines *LadderLines) diag.List {
	var found diag.List
	for tier := range l.cuts {
		at := l.path(path, tier)
		if lines != nil && lines.negative[tier] > 0 {
			found.Warnf(at+".cumulative_share.of", "check the data, or write max(0, …)",
				"%d customers have a negative %s, which counts as 0", lines.negative[tier], l.cuts[tier].of.Text())
		}
		if tier >= len(l.names) {
			continue
		}
		if better, empty := l.emptied(tier, lines); empty {
			found.Warnf(at, "lower its line, or remove the tier",
				"tier %q is empty: its line lies at or above that of the better tier %q", l.names[tier], l.names[better])
		}
	}
	return found
}

// path returns the place of a cut in the model.
func (l *Ladder) path(tiering string, cut int) string {
	if within := l.cuts[cut].within; within != none {
		return fmt.Sprintf("%s.any[%d]", l.path(tiering, within), slices.Index(l.cuts[within].any, cut))
	}
	return fmt.Sprintf("%s.linear.tiers[%d].cut", tiering, cut)
}

// emptied returns a better tier, with nothing but lines, that takes everyone whom this tier's lines of the same order could take.
func (l *Ladder) emptied(tier int, lines *LadderLines) (int, bool) {
	for better := range tier {
		if l.emptiedByAmount(tier, better, lines) {
			return better, true
		}
	}
	own, ok := l.highest(tier, lines)
	if !ok {
		return none, false
	}
	for better := range tier {
		if l.cuts[better].when != nil || l.cuts[better].any != nil || l.cuts[better].byAmount || lines.closed(better) {
			continue
		}
		if line, ok := l.highest(better, lines); ok && compare(l.breakers, own, line) <= 0 {
			return better, true
		}
	}
	return none, false
}

// emptiedByAmount reports whether a better tier, with nothing but a share of the same amount by amount, takes everyone whom this tier's could take.
func (l *Ladder) emptiedByAmount(tier, better int, lines *LadderLines) bool {
	own, other := &l.cuts[tier], &l.cuts[better]
	if lines == nil || !own.byAmount || !other.byAmount || len(other.fields()) != 1 || own.of.Text() != other.of.Text() {
		return false
	}
	line, before := lines.of(tier).cumulative, lines.of(better).cumulative
	return line.kind == echelonv1.DecisionLine_KEY && before.kind == echelonv1.DecisionLine_KEY && compare(l.breakers, &line.key, &before.key) <= 0
}

// closed reports whether a tier's cumulative share took nobody.
func (l *LadderLines) closed(tier int) bool {
	lines := l.of(tier)
	return lines != nil && lines.cumulative != nil && lines.cumulative.kind == echelonv1.DecisionLine_CLOSED
}

// highest returns the strictest score line of a cut, or false where it has none that is known. Below min_score 45 nobody is in, so that its
// line stands behind every other key of score 45.
func (l *Ladder) highest(tier int, lines *LadderLines) (*key, bool) {
	var strictest *key
	consider := func(k *key) {
		if strictest == nil || compare(l.breakers, k, strictest) < 0 {
			strictest = k
		}
	}
	c := &l.cuts[tier]
	if c.declared == nil {
		return nil, false
	}
	if c.declared.MinScore != nil {
		consider(l.last(c.declared.GetMinScore()))
	}
	if frozen := lines.of(tier); frozen != nil {
		for _, one := range []*line{frozen.topCount, frozen.topShare, frozen.cumulative} {
			if one != nil && one.kind == echelonv1.DecisionLine_KEY && !(one == frozen.cumulative && c.byAmount) {
				consider(&one.key)
			}
		}
	}
	return strictest, strictest != nil
}

// last returns a key behind all others of a score.
func (l *Ladder) last(score float64) *key {
	k := &key{score: math.Nextafter(score, math.Inf(-1))}
	for range l.breakers {
		k.ties = append(k.ties, tie{missing: true})
	}
	return k
}
