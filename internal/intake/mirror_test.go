package intake_test

import (
	"cmp"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/internal/feed"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// state is what a mirror knows of an assignment: its tiers, in force and computed, its segments and its reps.
type state map[string]string

func deref(s *string) string {
	if s == nil || *s == "" { // an empty one is none, beside one that is pinned
		return "-"
	}
	return *s
}

func stateOf(a *echelonv1.Assignment) state {
	s := state{}
	if a.GetExcluded() {
		s["excluded"] = "yes"
	}
	for _, t := range a.GetTiers() {
		computed := t.Tier
		if t.ComputedTier != nil {
			computed = t.ComputedTier
		}
		s["tier "+t.GetTiering()], s["computed "+t.GetTiering()] = deref(t.Tier), deref(computed)
	}
	for _, g := range a.GetSegments() {
		s["segment "+g.GetSegmentation()] = deref(g.Segment)
	}
	for _, rep := range a.GetReps() {
		s["rep "+rep.GetRole()] = rep.GetRep()
	}
	return s
}

// mirror applies changes, and looks that each begins where the one before ended.
type mirror map[string]state

func (m mirror) apply(r *rig, c *echelonv1.AssignmentChange) {
	r.Helper()
	id := c.GetCustomerId()
	if hash, erased := strings.CutPrefix(id, "erased-"); erased {
		for known := range m {
			if feed.Erased(known) == "erased-"+hash {
				delete(m, known)
			}
		}
		return
	}
	before, known := m[id]
	if known == (c.GetKind() == echelonv1.AssignmentChange_CREATED) {
		r.Errorf("%s is known %t before %v", id, known, c)
	}
	if c.GetKind() == echelonv1.AssignmentChange_DELETED {
		delete(m, id)
		return
	}
	after := state{}
	for k, v := range before {
		after[k] = v
	}
	delete(after, "excluded")
	if c.GetExcluded() {
		after["excluded"] = "yes"
	}
	set := func(key string, from, to *string) {
		if was := cmp.Or(before[key], "-"); known && was != deref(from) {
			r.Errorf("%s: %s was %s, and the change %v says %s", id, key, was, c, deref(from))
		}
		after[key] = deref(to)
	}
	for _, t := range c.GetTiers() {
		set("tier "+t.GetTiering(), t.From, t.To)
		set("computed "+t.GetTiering(), t.ComputedFrom, t.ComputedTo)
	}
	for _, s := range c.GetSegments() {
		set("segment "+s.GetSegmentation(), s.From, s.To)
	}
	for _, rep := range c.GetReps() {
		set("rep "+rep.GetRole(), rep.From, rep.To)
	}
	m[id] = after
}

// whole compares a mirror with what readers see. What a mirror was not told is not there.
func (m mirror) whole(r *rig, rows []*echelonv1.Assignment) {
	r.Helper()
	want := mirror{}
	for _, a := range rows {
		want[a.GetCustomerId()] = stateOf(a)
	}
	trimmed := func(m mirror) map[string]map[string]string {
		out := map[string]map[string]string{}
		for id, s := range m {
			out[id] = map[string]string{}
			for k, v := range s {
				if v != "-" {
					out[id][k] = v
				}
			}
		}
		return out
	}
	if diff := gocmp.Diff(trimmed(want), trimmed(m)); diff != "" {
		r.Errorf("the mirror (-readers +mirror):\n%s", diff)
	}
}
