package engine

import (
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// perSegment checks the ladders that segments have of their own.
func (c *checker) perSegment(path string, l *echelonv1.Tiering_Linear, tiers []string) {
	if len(l.GetPerSegment()) > 0 && l.GetBy() == "" {
		c.found.Mistakef(diag.Field(path, "per_segment"), "write `by`, such as by: segments.size", "it says what segments get, and not of which segmentation")
	}
	first := make(map[string]int)
	segments := c.segmentsOf(l.GetBy())
	for i, one := range l.GetPerSegment() {
		at := diag.Index(diag.Field(path, "per_segment"), i)
		name := diag.Field(at, "segment")
		if c.given(name, one.GetSegment(), "name the segment") {
			c.unique(name, first, one.GetSegment(), i, diag.Field(path, "per_segment"))
			if segments != nil && !slices.Contains(segments, one.GetSegment()) {
				c.found.Mistakef(name, orElse(diag.DidYouMean(one.GetSegment(), segments), "it can be "+quoted(segments, "or")),
					"%s has no segment %s", l.GetBy(), frame.Quote(one.GetSegment()))
			}
		}
		c.segmentTiers(diag.Field(at, "tiers"), one.GetTiers(), tiers)
	}
}

// segmentsOf returns the segments of the segmentation that a text names, as it can give them; nil where it names none.
func (c *checker) segmentsOf(text string) []string {
	for _, s := range c.model.GetSegmentations() {
		if text != "segments."+s.GetName() {
			continue
		}
		var names []string
		for _, one := range s.GetSegments() {
			names = append(names, one.GetName())
		}
		return append(names, given(s.GetOtherwise(), s.GetUnknown())...)
	}
	return nil
}

// segmentTiers checks the tiers of one segment's ladder, which are some of the ladder's.
func (c *checker) segmentTiers(path string, tiers []*echelonv1.SegmentTier, of []string) {
	if len(tiers) == 0 {
		c.found.Mistakef(path, "name at least one of the ladder's tiers, best first", "it has no tiers")
	}
	before := -1
	for i, t := range tiers {
		at := diag.Index(path, i)
		last := i == len(tiers)-1
		place := slices.Index(of, t.GetName())
		switch {
		case !c.given(diag.Field(at, "name"), t.GetName(), "name one of the ladder's tiers"):
		case place < 0:
			c.found.Mistakef(diag.Field(at, "name"), orElse(diag.DidYouMean(t.GetName(), of), "declare it under the ladder's tiers"), "there is no tier %q", t.GetName())
		case place <= before:
			c.found.Mistakef(diag.Field(at, "name"), "name each once, in the order of the ladder's tiers, best first", "%q is not worse than %q", t.GetName(), of[before])
		}
		before = max(before, place)
		c.cutOf(at, t.Cut, last)
	}
}

// cutOf checks the cut of a tier that stands on a ladder, its last one or another.
func (c *checker) cutOf(path string, cut *echelonv1.Cut, last bool) {
	switch {
	case last && cut != nil:
		c.found.Mistakef(diag.Field(path, "cut"), "remove it, or add a tier below", "the last tier takes everyone who is left and has no cut")
	case !last && cut == nil:
		c.found.Mistakef(path, "write its cut, such as {min_score: 60}", "only the last tier has no cut")
	case !last:
		c.cut(diag.Field(path, "cut"), cut)
	}
}

// ofSegmentsAlone reports whether a tier that has no cut is one of ladders of segments.
func ofSegmentsAlone(l *echelonv1.Tiering_Linear, t *echelonv1.Tier) bool {
	return t.Cut == nil && slices.ContainsFunc(l.GetPerSegment(), func(s *echelonv1.SegmentLadder) bool {
		return slices.ContainsFunc(s.GetTiers(), func(one *echelonv1.SegmentTier) bool { return one.GetName() == t.GetName() })
	})
}

func orElse(remedy, other string) string {
	if remedy == "" {
		return other
	}
	return remedy
}

// lintPerSegment finds cuts of a ladder that no segment uses, since each has a ladder of its own.
func (p *Program) lintPerSegment(path string, t *tiering, l *echelonv1.Tiering_Linear, found *diag.List) {
	if t.by < 0 || len(l.GetPerSegment()) < len(p.SegmentNames(t.by)) {
		return
	}
	for i, one := range l.GetTiers() {
		if one.Cut != nil {
			found.Warnf(diag.Field(diag.Index(path+".linear.tiers", i), "cut"), "remove it, or the ladder of a segment",
				"it takes nobody: each segment of %s has a ladder of its own", strings.TrimPrefix(l.GetBy(), "segments."))
		}
	}
}
