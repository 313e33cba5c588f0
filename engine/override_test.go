package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// pinnable has what overrides can be of: a ladder that holds customers, a matrix, and a segmentation that the ladder reads.
const pinnable = attributes + scoreXY + `
population: coalesce(s, "") != "former"
segmentations: [{name: size, segments: [{name: Large, when: x >= 50}, {name: Small, when: x < 50}]}]
tierings:
  - name: l
    linear:
      score: v
      tiers: [{name: top, cut: {min_score: 70, when: segments.size == 'Large'}, exit: {below: 60}, engagement: named}, {name: mid, cut: {min_score: 40}}, {name: base}]
  - name: box
    matrix: {x: {score: v, cuts: [{min_score: 50}]}, y: {score: w, cuts: [{min_score: 50}]}, cells: [{x: 1, y: 1, name: Strategic}, {x: 0, y: 0, name: Efficient}]}
engagements: [{name: named}]
`

func TestAnOverrideIsInForceAndHidesNothing(t *testing.T) {
	// PIN-1, PIN-2, PIN-3
	program := compile(t, pinnable)
	at := func(days int) *time.Time {
		day := asOf.AddDate(0, 0, days)
		return &day
	}
	by := func(o engine.Override) engine.Override {
		o.Actor, o.Reason = "ana", "a reference"
		return o
	}
	tests := map[string]struct {
		was  string
		a    attrs
		pins []engine.Override
		// tier and computed of the ladder, null for none; persona and segment likewise.
		tier, computed, persona, segment string
		hold                             echelonv1.Reason_Code
		until                            string
		reason                           string
	}{
		"PIN-1 a tier": {
			a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "top"})},
			tier: "top", computed: "mid", hold: echelonv1.Reason_OVERRIDE, reason: "tiers.l: top, pinned by ana: a reference",
		},
		"PIN-1 over an exit rule": {
			was: "top", a: attrs{"x": 65}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "base"})},
			tier: "base", computed: "mid", hold: echelonv1.Reason_OVERRIDE, reason: "base, pinned by ana",
		},
		"PIN-1 the tier that is computed": {
			a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "mid"})}, tier: "mid", hold: echelonv1.Reason_OVERRIDE, reason: "mid, pinned by ana",
		},
		"PIN-1 without a score": {
			pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "mid"})}, tier: "mid", computed: null, hold: echelonv1.Reason_OVERRIDE, reason: "mid, pinned by ana",
		},
		"PIN-1 a persona": {
			a: attrs{"x": 45, "y": 10}, pins: []engine.Override{by(engine.Override{Tiering: "box", Tier: "Strategic"})}, tier: "mid", persona: "Strategic", reason: "tiers.box: Strategic, pinned by ana",
		},
		"PIN-2 a segment, which no expression reads": {
			a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Segmentation: "size", Segment: "Large"})}, tier: "mid", segment: "Large", reason: "segments.size: Large, pinned by ana",
		},
		"PIN-3 until later": {
			a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "top", Until: at(1)})},
			tier: "top", computed: "mid", hold: echelonv1.Reason_OVERRIDE, until: "2026-02-01", reason: "top, pinned by ana until 2026-02-01T00:00:00Z: a reference",
		},
		"PIN-3 it ends at the instant": {a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "top", Until: at(0)})}, tier: "mid"},
		"PIN-3 a tier that there is not": {
			a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "platinum"})}, tier: "mid",
			reason: `tiers.l: the override to "platinum" is not in force, since the model has no such outcome: change or end it`,
		},
		"PIN-3 a tiering that there is not": {a: attrs{"x": 45}, pins: []engine.Override{by(engine.Override{Tiering: "gone", Tier: "top"})}, tier: "mid"},
		"PIN-3 whom the model is not about": {a: attrs{"x": 45, "s": "former"}, pins: []engine.Override{by(engine.Override{Tiering: "l", Tier: "top"})}, tier: null},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := frameOf(t, program, person{"a", test.a})
			options := engine.Options{AsOf: asOf, Reasons: true, Previous: []*frame.Column{previously(test.was), nil}, Overrides: [][]engine.Override{test.pins}}
			r := bind(t, program, f).Evaluate(f, options)
			sameWhenWritten(t, program.NewEncoder(), r)
			a := r.Assignment(0)
			l, box, size := a.GetTiers()[0], a.GetTiers()[1], a.GetSegments()[0]
			if got := tierOf(l); got != test.tier {
				t.Errorf("it is %s, want %s", got, test.tier)
			}
			computed := ""
			if l.ComputedTier != nil {
				if computed = l.GetComputedTier(); computed == "" {
					computed = null
				}
			}
			if computed != test.computed || l.GetHold() != test.hold || l.GetHeldUntil() != test.until || (l.GetEngagement() == "named") != (test.tier == "top") {
				t.Errorf("it is %v, want computed %q, hold %s", l, test.computed, test.hold)
			}
			if test.persona != "" && (box.GetTier() != test.persona || box.GetComputedTier() != "Efficient" || box.GetHold() != echelonv1.Reason_OVERRIDE) {
				t.Errorf("it is %v", box)
			}
			if test.segment != "" && (size.GetSegment() != test.segment || size.GetComputedSegment() != "Small") {
				t.Errorf("it is %v", size)
			}
			said := ""
			for _, r := range a.GetReasons() {
				if r.GetCode() == echelonv1.Reason_OVERRIDE && r.GetActor() != "ana" {
					t.Errorf("the reason %v names no actor", r)
				}
				if strings.Contains(r.GetMessage(), "pinned") || strings.Contains(r.GetMessage(), "override") {
					said += r.GetMessage()
				}
			}
			if test.reason == "" && said != "" || !strings.Contains(said, test.reason) {
				t.Errorf("it says %q, want %q", said, test.reason)
			}
		})
	}
}

func TestAPinnedRepStandsBesideTheOutcomesAndChangesNone(t *testing.T) {
	// PIN-5
	const role = "ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 15}"
	covered := strings.Replace(pinnable, "[{name: named}]", "[{name: named, roles: [{role: csm, "+role+"}, {role: ae, "+role+"}]}]", 1)
	program := compile(t, covered)
	f := frameOf(t, program, person{"a", attrs{"x": 45}}, person{"b", attrs{"x": 45}}, person{"c", attrs{"s": "former"}})
	ended := asOf
	pins := [][]engine.Override{
		{{Role: "ae", Rep: "rep-1", Actor: "ana", Reason: "r"}, {Role: "csm", Rep: "rep-2", Actor: "ana", Reason: "r"}},
		{{Role: "owner", Rep: "rep-1", Actor: "ana"}, {Role: "csm", Rep: "rep-3", Actor: "ana", Until: &ended}},
		{{Role: "csm", Rep: "rep-1", Actor: "ana"}},
	}
	scorer := bind(t, program, f)
	plain, r := scorer.Evaluate(f, engine.Options{AsOf: asOf}), scorer.Evaluate(f, engine.Options{AsOf: asOf, Reasons: true, Overrides: pins})
	var got []string
	for row := range r.IDs {
		a := r.Assignment(row)
		for _, rep := range a.GetReps() {
			got = append(got, a.GetCustomerId()+" "+rep.GetRole()+" "+rep.GetRep())
		}
		if before := plain.Assignment(row); before.GetTiers()[0].GetTier() != a.GetTiers()[0].GetTier() || a.GetTiers()[0].GetHold() != 0 {
			t.Errorf("the tier is %v, and without reps %v", a.GetTiers()[0], before.GetTiers()[0])
		}
	}
	if want := "a csm rep-2, a ae rep-1"; strings.Join(got, ", ") != want { // not of a role that there is not, nor ended, nor excluded
		t.Errorf("the reps are %v, want %s", got, want)
	}
	if said := reasonText(r.Assignment(0).GetReasons()); !strings.Contains(said, "reps.csm: rep-2, pinned by ana: r") {
		t.Errorf("it says %q", said)
	}
	sameWhenWritten(t, program.NewEncoder(), r)
	again, err := program.ResultOf([]*echelonv1.Assignment{r.Assignment(0), r.Assignment(1)})
	if err != nil || len(again.Assignment(0).GetReps()) != 2 || len(again.Assignment(1).GetReps()) != 0 {
		t.Errorf("put back into columns: %v, %v", again, err)
	}
	if roles := compile(t, pinnable).Roles(); len(roles) != 1 || roles[0] != "owner" {
		t.Errorf("without roles the roles are %v", roles)
	}
}

func TestOverridesAreCounted(t *testing.T) {
	// PIN-4
	program := compile(t, pinnable)
	f := frameOf(t, program, person{"a", attrs{"x": 45}}, person{"b", attrs{}}, person{"c", attrs{"x": 80}})
	pin := []engine.Override{{Tiering: "l", Tier: "top", Actor: "ana", Reason: "r"}}
	tally := engine.NewTally(program)
	tally.Add(bind(t, program, f).Evaluate(f, engine.Options{AsOf: asOf, Overrides: [][]engine.Override{pin, pin, nil}}))
	table := tally.Summary().GetTierings()[0]
	top := table.GetTiers()[0]
	if top.GetCustomers() != 3 || top.GetHeld() != 2 || top.GetComputed() != 1 || table.GetTiers()[1].GetComputed() != 1 {
		t.Errorf("the table is %v", table)
	}
	if len(table.GetHolds()) != 1 || table.GetHolds()[0].GetHold() != echelonv1.Reason_OVERRIDE || table.GetHolds()[0].GetCustomers() != 2 {
		t.Errorf("the holds are %v", table.GetHolds())
	}
	if b := tally.Summary().GetBalance(); b.GetTiered() != 3 || b.GetUnscored() != 0 {
		t.Errorf("the balance is %v", b)
	}
}

// tierOf returns the tier in force, null for none.
func tierOf(t *echelonv1.TierOutcome) string {
	if t.Tier == nil {
		return null
	}
	return t.GetTier()
}
