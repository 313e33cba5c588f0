package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// compiled compiles a random model, which has no mistakes.
func compiled(t *rapid.T, model *echelonv1.Model) *engine.Program {
	program, found := engine.Compile(model)
	if found.HasMistakes() {
		t.Fatalf("the random model has mistakes: %v", found)
	}
	return program
}

func TestLaddersAreThoseOfTheReference(t *testing.T) {
	// LADDER-2, LADDER-5, LADDER-6, LADDER-7, LADDER-9, LADDER-10, LADDER-11, LADDER-12, SHARE-1, SHARE-2, SHARE-3, SHARE-6, SHARE-7, SHARE-8
	rapid.Check(t, func(t *rapid.T) {
		model, residents := randomLadder(t), randomPopulation(t, 40)
		program := compiled(t, model)
		f := frameOf(tb(t), program, persons(residents)...)
		s := &study{TB: tb(t), program: program, scorer: bind(tb(t), program, f)}
		s.see(f)
		if diff := cmp.Diff(referenceTiers(model, residents), s.tiers()); diff != "" {
			t.Fatalf("the tiers differ (-reference +engine):\n%s", diff)
		}
	})
}

func TestACustomerScoredAloneGetsWhatThePopulationGaveIt(t *testing.T) {
	// LINE-1, LINE-2: with the lines themselves, and after they went over the wire.
	rapid.Check(t, func(t *rapid.T) {
		model, residents := randomLadder(t), randomPopulation(t, 25)
		program := compiled(t, model)
		people := persons(residents)
		f := frameOf(tb(t), program, people...)
		calibration := calibrate(tb(t), program, f)
		among := &study{TB: tb(t), program: program, scorer: bindTo(tb(t), program, calibration)}
		among.see(f)

		wire, err := proto.Marshal(calibration)
		if err != nil {
			t.Fatal(err)
		}
		received := &echelonv1.Calibration{}
		if err := proto.Unmarshal(wire, received); err != nil {
			t.Fatal(err)
		}
		again := compiled(t, clone(model))
		alone := &study{TB: tb(t), program: again, scorer: bindTo(tb(t), again, received)}
		for _, one := range people {
			alone.see(frameOf(tb(t), again, one))
			if got, want := alone.tier(one.id), among.tier(one.id); got != want {
				t.Fatalf("alone %q is in %q, among all in %q; the lines are %v", one.id, got, want, calibration)
			}
		}
	})
}

func TestCountsAreNeverExceeded(t *testing.T) {
	// LADDER-10: whatever the ties, a count is exact where there are candidates enough.
	rapid.Check(t, func(t *rapid.T) {
		residents := randomPopulation(t, 40)
		scored := 0
		for _, r := range residents {
			if r.score != nil {
				scored++
			}
		}
		count := rapid.Int64Range(1, 50).Draw(t, "count")
		model := randomLadder(t)
		linear := model.GetTierings()[0].GetLinear()
		linear.Tiers = []*echelonv1.Tier{{Name: "top", Cut: &echelonv1.Cut{TopCount: &count}}, {Name: "rest"}}
		linear.Unscored = "rest"
		program := compiled(t, model)
		f := frameOf(tb(t), program, persons(residents)...)
		s := &study{TB: tb(t), program: program, scorer: bind(tb(t), program, f)}
		s.see(f)
		got := 0
		for _, tier := range s.tiers() {
			if tier == "top" {
				got++
			}
		}
		if want := min(int(count), scored); got != want {
			t.Fatalf("the tier has %d customers, want %d", got, want)
		}
	})
}
