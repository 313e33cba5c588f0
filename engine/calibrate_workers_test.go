package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
)

// everyLearner is a model in which everything that can learn does: weighted percentiles, means, lines by counts, shares and amounts, and a matrix.
const everyLearner = `
name: learning
attributes: [{name: x, type: NUMBER}, {name: kind, type: STRING, values: [a, b]}]
population: "x > -50.0"
scores:
  - {name: rank, criteria: [{name: x, expr: x, weight: 1, normalize: {percentile: {weight_by: x}}}]}
  - {name: far, criteria: [{name: x, expr: x, weight: 1, normalize: {z_score: {}}}]}
tierings:
  - name: ladder
    linear:
      score: rank
      tie_breakers: [{expr: kind}]
      tiers:
        - {name: A, cut: {top_count: 100}}
        - {name: B, cut: {cumulative_share: {of: x, share: 0.5, order: AMOUNT}}}
        - {name: C, cut: {top_share: 0.5}}
        - {name: D}
  - name: box
    matrix:
      x: {score: rank, cuts: [{median: {}}]}
      y: {score: far, cuts: [{percentile: {p: 75}}]}
      cells:
        - {x: 0, y: 0, name: Low}
        - {x: 1, y: 0, name: Right}
        - {x: 0, y: 1, name: Up}
        - {x: 1, y: 1, name: High}
`

// One core or many, whoever of them gathers a batch: what is learned is the same to the bit, also where many scores are equal.
func TestCalibratingIsTheSameOnAnyNumberOfCores(t *testing.T) {
	program := compile(t, everyLearner)
	random := rand.New(rand.NewPCG(5, 6))
	var people []person
	for i := range 5000 {
		people = append(people, person{fmt.Sprint("c", i), attrs{"x": float64(random.IntN(400))/3 - 60, "kind": []string{"a", "b"}[random.IntN(2)]}})
	}
	frames := framesOf(t, program, 64, people...)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []byte
	for _, cores := range []int{1, 2, 7, 1, 7} {
		runtime.GOMAXPROCS(cores)
		got, err := proto.MarshalOptions{Deterministic: true}.Marshal(calibrate(t, program, frames...))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("on %d cores it differs (-want +got)\n%s", cores, diff)
		}
	}
}

// A population that fails ends the calibration with its error, and what panics panics where Calibrate was called, so that it can be caught there.
func TestWhatGoesWrongInAGoroutineComesToWhoCalibrates(t *testing.T) {
	program := compile(t, everyLearner)
	broken := errors.New("the disk is broken")
	good := framesOf(t, program, 2, xs(1, 2, 3, 4, 5, 6)...)
	_, err := program.Calibrate(context.Background(), func(yield func(*frame.Frame, error) bool) {
		for _, f := range good {
			if !yield(f, nil) {
				return
			}
		}
		yield(nil, broken)
	}, asOf)
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	odd := *good[0]
	odd.Columns = nil
	defer func() {
		if recover() == nil {
			t.Error("a frame without columns was calibrated on")
		}
	}()
	_, err = program.Calibrate(context.Background(), engine.Population(population(good[1], &odd, good[2])), asOf)
	t.Errorf("it went on: %v", err)
}
