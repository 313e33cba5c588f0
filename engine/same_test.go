package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// bytesOf returns a message's deterministic bytes: what is equal in them is equal to the bit, zeros of different sign not.
func bytesOf(t testing.TB, m proto.Message) string {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestACalibrationDependsOnNeitherOrderNorBatches(t *testing.T) {
	// SAME-1
	program := compile(t, learning)
	rapid.Check(t, func(t *rapid.T) {
		people := persons(randomPopulation(t, 40))
		for _, one := range people {
			// Zeros of either sign, and values that vanish in the normaliser, must not show the order either.
			if rapid.Bool().Draw(t, "small") {
				one.attrs["x"] = rapid.SampledFrom([]float64{0, negativeZero, -5e-324, 5e-324}).Draw(t, "x")
				one.attrs["y"] = rapid.SampledFrom([]float64{0, negativeZero, -5e-324, 5e-324}).Draw(t, "y")
			}
		}
		want := calibrate(tb(t), program, frameOf(tb(t), program, people...))
		shuffled := rapid.Permutation(people).Draw(t, "order")
		got := calibrate(tb(t), program, framesOf(tb(t), program, rapid.IntRange(1, 9).Draw(t, "rows"), shuffled...)...)
		if bytesOf(tb(t), got) != bytesOf(tb(t), want) {
			t.Fatalf("the calibrations differ:\n%s", cmp.Diff(want, got, protocmp.Transform()))
		}
	})
}

func TestAnAssignmentDoesNotDependOnItsBatch(t *testing.T) {
	// SAME-2: W's customers, in batches of several sizes and in another order.
	const n = 2000
	columns := workload.Gen(n)
	program := compile(t, workloadModel)
	scorer := bind(t, program, workloadFrames(columns, program.Schema(), 300)...)
	assignments := func(frames []*frame.Frame) map[string]string {
		all := make(map[string]string)
		for _, f := range frames {
			r := scorer.Evaluate(f, engine.Options{AsOf: asOf, Reasons: true, Explain: true})
			for i := range r.IDs {
				all[r.IDs[i]] = bytesOf(t, r.Assignment(i))
			}
		}
		return all
	}
	want := assignments(workloadFrames(columns, program.Schema(), n))
	for _, rows := range []int{1, 2, 7, 64, 1024} {
		if got := assignments(workloadFrames(columns, program.Schema(), rows)); !maps.Equal(got, want) {
			t.Errorf("in batches of %d rows the assignments differ", rows)
		}
	}
	var customers []*echelonv1.Customer
	for _, f := range workloadFrames(columns, program.Schema(), n) {
		for i := range f.Len() {
			customers = append(customers, f.Customer(i))
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, k int) { customers[i], customers[k] = customers[k], customers[i] })
	b := frame.NewBuilder(program.Schema())
	for _, one := range customers {
		if fault := b.AddCustomer(one, false); fault != nil {
			t.Fatal(fault)
		}
	}
	if got := assignments([]*frame.Frame{b.Take()}); !maps.Equal(got, want) {
		t.Error("in another order the assignments differ")
	}
}

func TestAScorerServesManyAtOnce(t *testing.T) {
	// SAME-3
	s := evaluate(t, everything, everybody()...)
	f := frameOf(t, s.program, everybody()...)
	options := engine.Options{AsOf: asOf, Reasons: true, Explain: true, Amounts: true}
	outcome := func() string {
		r := s.scorer.Evaluate(f, options)
		var all []string
		for i := range r.IDs {
			all = append(all, bytesOf(t, r.Assignment(i)))
		}
		return strings.Join(all, "|")
	}
	want, calibration := outcome(), bytesOf(t, s.calibration)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if outcome() != want {
					t.Error("an outcome differs")
				}
			}
			if again := calibrate(t, s.program, f); bytesOf(t, again) != calibration {
				t.Error("a calibration differs")
			}
		})
	}
	group.Wait()
}

func TestFingerprints(t *testing.T) {
	// MODEL-21, SAME-4
	first := engine.Fingerprint(wholeModel(t))
	if len(first) != 64 || strings.Trim(first, "0123456789abcdef") != "" {
		t.Errorf("the fingerprint %q is no SHA-256 in hexadecimal", first)
	}
	for range 50 {
		if again := engine.Fingerprint(wholeModel(t)); again != first {
			t.Fatalf("equal models have the fingerprints %s and %s", first, again)
		}
	}
	seen := map[string]string{first: "as it was"}
	for name, change := range map[string]func(m *model){
		"name":        func(m *model) { m.Name = "other" },
		"description": func(m *model) { m.Description = "other" },
		"weight":      func(m *model) { criterion(m, 0).Weight = 2 },
		"lookup":      func(m *model) { normalizer(m, 4).GetLookup().Values["a"] = 0.9 },
		"order":       func(m *model) { slices.Reverse(m.Attributes) },
	} {
		m := wholeModel(t)
		change(m)
		print := engine.Fingerprint(m)
		if before, taken := seen[print]; taken {
			t.Errorf("with another %s the fingerprint is that of %q", name, before)
		}
		seen[print] = name
	}
	if p := compile(t, whole); p.Fingerprint() != first {
		t.Error("the program has another fingerprint than its model")
	}
}

func TestTheAmountsAloneAreThoseOfTheEvaluation(t *testing.T) {
	// MODEL-20
	for _, amount := range []string{"y", "scores.v * 2", "tiers.l == 'top' ? 1 : 0", "segments.size == 'Large' ? x : y"} {
		t.Run(amount, func(t *testing.T) {
			s := evaluate(t, strings.Replace(everything, "amount: y", fmt.Sprintf("amount: %q", amount), 1), everybody()...)
			alone := s.scorer.Amounts(frameOf(t, s.program, everybody()...), asOf)
			if diff := cmp.Diff(s.result.Amounts.Numbers, alone.Numbers); diff != "" || !slices.Equal(s.result.Amounts.Valid, alone.Valid) {
				t.Errorf("the amounts differ: %s", diff)
			}
		})
	}
	program := compile(t, segmentation(""))
	if got := bindTo(t, program, nil).Amounts(frameOf(t, program, xs(1)...), asOf); got != nil {
		t.Errorf("without an amount they are %v", got)
	}
}
