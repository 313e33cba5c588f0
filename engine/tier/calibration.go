package tier

import (
	"fmt"
	"math"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Proto returns the lines as a calibration keeps them.
func (l *Ladder) Proto(lines *LadderLines) *echelonv1.TieringCalibration {
	kept := &echelonv1.TieringCalibration{Tiering: l.name}
	for segment, place := range l.of {
		one := lines.segments[segment]
		kept.Scored += int64(one.scored)
		tiers := l.rungs[place].proto(one)
		if l.by == nil {
			kept.Tiers = tiers
		} else {
			kept.Segments = append(kept.Segments, &echelonv1.SegmentLines{Segment: l.segments[segment], Scored: int64(one.scored), Tiers: tiers})
		}
	}
	return kept
}

func (r *rungs) proto(lines *rungLines) []*echelonv1.TierLines {
	var kept []*echelonv1.TierLines
	for tier, name := range r.names {
		if r.learns(tier) {
			one := r.cutProto(tier, lines)
			one.Tier = name
			kept = append(kept, one)
		}
	}
	return kept
}

func (r *rungs) cutProto(cut int, lines *rungLines) *echelonv1.TierLines {
	frozen := &lines.tiers[cut]
	kept := &echelonv1.TierLines{
		TopCount: frozen.topCount.proto(r.breakers, false), TopShare: frozen.topShare.proto(r.breakers, false),
		CumulativeShare: frozen.cumulative.proto(r.breakers, r.cuts[cut].byAmount),
		Capacity:        frozen.capacity.proto(r.breakers, false), NaturalBreak: frozen.natural,
	}
	for _, one := range r.cuts[cut].any {
		kept.Any = append(kept.Any, r.cutProto(one, lines))
	}
	return kept
}

// Lines returns the lines that a calibration kept, or false where it is none of this ladder's.
func (l *Ladder) Lines(kept *echelonv1.TieringCalibration) (*LadderLines, bool) {
	if len(kept.GetXLines())+len(kept.GetYLines()) > 0 {
		return nil, false
	}
	if l.by == nil {
		one, ok := l.rungs[0].lines(kept.GetScored(), kept.GetTiers())
		return &LadderLines{segments: []*rungLines{one}}, ok && len(kept.GetSegments()) == 0
	}
	if len(kept.GetSegments()) != len(l.segments) || len(kept.GetTiers()) > 0 {
		return nil, false
	}
	lines := &LadderLines{}
	for i, from := range kept.GetSegments() {
		one, ok := l.rungs[l.of[i]].lines(from.GetScored(), from.GetTiers())
		if !ok || from.GetSegment() != l.segments[i] {
			return nil, false
		}
		lines.segments = append(lines.segments, one)
	}
	return lines, true
}

func (r *rungs) lines(scored int64, kept []*echelonv1.TierLines) (*rungLines, bool) {
	if scored < 0 {
		return nil, false
	}
	lines := &rungLines{scored: int(scored), tiers: make([]tierLines, len(r.cuts)), negative: make([]int, len(r.cuts)), negativeRoom: make([]int, len(r.cuts))}
	next := 0
	for tier, name := range r.names {
		if !r.learns(tier) {
			continue
		}
		if next == len(kept) || kept[next].GetTier() != name || !r.cutLines(tier, kept[next], lines) {
			return nil, false
		}
		next++
	}
	return lines, next == len(kept)
}

// cutLines takes the lines that a calibration kept of a cut, and reports whether they fit it.
func (r *rungs) cutLines(cut int, from *echelonv1.TierLines, lines *rungLines) bool {
	c, to := &r.cuts[cut], &lines.tiers[cut]
	var ok [4]bool
	to.topCount, ok[0] = lineOf(from.GetTopCount(), r.breakers, false)
	to.topShare, ok[1] = lineOf(from.GetTopShare(), r.breakers, false)
	to.cumulative, ok[2] = lineOf(from.GetCumulativeShare(), r.breakers, c.byAmount)
	to.capacity, ok[3] = lineOf(from.GetCapacity(), r.breakers, false)
	to.natural = from.NaturalBreak
	fits := (to.topCount != nil) == (c.declared.TopCount != nil) && (to.topShare != nil) == (c.declared.TopShare != nil) &&
		(to.cumulative != nil) == (c.of != nil) && (to.capacity != nil) == (c.room != nil) &&
		(to.natural == nil || c.breaks() && finite(*to.natural)) && len(from.GetAny()) == len(c.any)
	if !fits || ok != [4]bool{true, true, true, true} {
		return false
	}
	for i, one := range c.any {
		if from.GetAny()[i].GetTier() != "" || !r.cutLines(one, from.GetAny()[i], lines) {
			return false
		}
	}
	return true
}

// Findings returns what the lines show about the ladder. Path is the tiering's place in the model.
func (l *Ladder) Findings(path string, lines *LadderLines) diag.List {
	var found diag.List
	seen := make(map[*rungs]bool)
	for segment, place := range l.of {
		r, within := l.rungs[place], ""
		if l.by != nil && r.needsPopulation() {
			within = fmt.Sprintf(" in the segment %q", l.segments[segment])
		}
		// What needs no population is the same in all segments.
		if within != "" || !seen[r] {
			r.findings(path, within, lines.of(segment), &found)
		}
		seen[r] = true
		if within != "" && lines != nil && lines.of(segment).scored == 0 {
			found.Warnf(path+".linear.by", "check the data, or give it cuts that need no population, under per_segment",
				"nobody with a score is%s: who comes later meets every top_count and top_share there", within)
		}
	}
	return found
}

func (r *rungs) findings(path, within string, lines *rungLines, found *diag.List) {
	for cut := range r.cuts {
		at := path + "." + r.path(cut)
		if lines != nil && lines.negative[cut] > 0 {
			found.Warnf(at+".cumulative_share.of", "check the data, or write max(0, …)",
				"%d customers%s have a negative %s, which counts as 0", lines.negative[cut], within, r.cuts[cut].of.Text())
		}
		if lines != nil && lines.negativeRoom[cut] > 0 {
			found.Warnf(at+".capacity.of", "check the data, or write max(0, …)",
				"%d customers%s have a negative %s, which counts as 0", lines.negativeRoom[cut], within, r.cuts[cut].room.Of.Text())
		}
		if cut >= len(r.names) {
			continue
		}
		if r.cuts[cut].breaks() && lines != nil && lines.of(cut).natural == nil {
			found.Warnf(at+".natural_break", "give the ladder fewer such tiers",
				"tier %q is empty%s: there are fewer different scores than classes", r.names[cut], within)
			continue
		}
		if better, empty := r.emptied(cut, lines); empty {
			found.Warnf(at, "lower its line, or remove the tier",
				"tier %q is empty%s: its line lies at or above that of the better tier %q", r.names[cut], within, r.names[better])
		}
	}
}

// emptied returns a better tier, with nothing but lines, that takes everyone whom this tier's lines of the same order could take.
func (r *rungs) emptied(tier int, lines *rungLines) (int, bool) {
	for better := range tier {
		if r.emptiedByAmount(tier, better, lines) {
			return better, true
		}
	}
	own, ok := r.highest(tier, lines)
	if !ok {
		return none, false
	}
	for better := range tier {
		if r.cuts[better].when != nil || r.cuts[better].any != nil || r.cuts[better].byAmount || lines.closed(better) {
			continue
		}
		if line, ok := r.highest(better, lines); ok && compare(r.breakers, own, line) <= 0 {
			return better, true
		}
	}
	return none, false
}

// emptiedByAmount reports whether a better tier, with nothing but a share of the same amount by amount, takes everyone whom this tier's could take.
func (r *rungs) emptiedByAmount(tier, better int, lines *rungLines) bool {
	own, other := &r.cuts[tier], &r.cuts[better]
	if lines == nil || !own.byAmount || !other.byAmount || len(other.fields()) != 1 || own.of.Text() != other.of.Text() {
		return false
	}
	line, before := lines.of(tier).cumulative, lines.of(better).cumulative
	return line.kind == echelonv1.DecisionLine_KEY && before.kind == echelonv1.DecisionLine_KEY && compare(r.breakers, &line.key, &before.key) <= 0
}

// closed reports whether a tier's cumulative share or its capacity took nobody.
func (lines *rungLines) closed(tier int) bool {
	frozen := lines.of(tier)
	return frozen != nil && (frozen.cumulative.closed() || frozen.capacity.closed())
}

// highest returns the strictest score line of a cut, or false where it has none that is known. Below min_score 45 nobody is in, so that its
// line stands behind every other key of score 45.
func (r *rungs) highest(tier int, lines *rungLines) (*key, bool) {
	var strictest *key
	consider := func(k *key) {
		if strictest == nil || compare(r.breakers, k, strictest) < 0 {
			strictest = k
		}
	}
	c := &r.cuts[tier]
	if c.declared == nil {
		return nil, false
	}
	if c.declared.MinScore != nil {
		consider(r.last(c.declared.GetMinScore()))
	}
	if frozen := lines.of(tier); frozen != nil {
		for _, one := range []*line{frozen.topCount, frozen.topShare, frozen.cumulative, frozen.capacity} {
			if one != nil && one.kind == echelonv1.DecisionLine_KEY && !(one == frozen.cumulative && c.byAmount) {
				consider(&one.key)
			}
		}
	}
	if frozen := lines.of(tier); frozen != nil && frozen.natural != nil {
		consider(r.last(*frozen.natural))
	}
	return strictest, strictest != nil
}

// last returns a key behind all others of a score.
func (r *rungs) last(score float64) *key {
	k := &key{score: math.Nextafter(score, math.Inf(-1))}
	for range r.breakers {
		k.ties = append(k.ties, tie{missing: true})
	}
	return k
}
