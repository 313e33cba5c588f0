package snapshot_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/snapshot"
)

// Rows of an overlay are written while nobody else writes: four times as many must not take sixteen times the memory, and so the time.
func TestRowsOfFamiliesCostNoMoreEachTheMoreThereAre(t *testing.T) {
	m, _, found := modelfile.Parse("kin.yaml", []byte(`
name: kin
parent: parent
attributes: [{name: x, type: NUMBER}, {name: parent, type: STRING}]
scores: [{name: v, criteria: [{name: x, expr: family_sum(x), weight: 1, normalize: {linear: {min: 0, max: 9}}}]}]
tierings: [{name: t, decide_per: FAMILY, linear: {score: v, tiers: [{name: top, cut: {min_score: 50}}, {name: base}]}}]
`))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	p, found := engine.Compile(m)
	if found.HasMistakes() {
		t.Fatal(found)
	}
	bytes := func(rows int) uint64 {
		b := frame.NewBuilder(p.Schema())
		for i := range rows {
			b.Start(fmt.Sprintf("c%05d", i))
			b.SetNumber(0, float64(i))
			b.SetString(1, fmt.Sprintf("c%05d", i/2))
			if fault := b.Commit(); fault != nil {
				t.Fatal(fault)
			}
		}
		f := b.Take()
		calibration, err := p.Calibrate(context.Background(), func(yield func(*frame.Frame, error) bool) { yield(f, nil) }, asOf)
		if err != nil {
			t.Fatal(err)
		}
		scorer, err := p.Bind(calibration)
		if err != nil {
			t.Fatal(err)
		}
		result := scorer.Evaluate(f, engine.Options{AsOf: asOf, Reasons: true})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		snapshot.EncodeRows(result, asOf)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if few, many := bytes(250), bytes(1000); many > 8*few {
		t.Errorf("250 rows take %d bytes, 1000 take %d", few, many)
	}
}
