package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/engine/stability"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// everything has outcomes of every kind: segments, conflicts and none; null scores; a ladder; a matrix with a cell that is not declared.
const everything = `
name: everything
population: coalesce(x, 0) != 40 && (!present(s) || s != "c")
attributes: [{name: x, type: NUMBER}, {name: y, type: NUMBER}, {name: s, type: STRING}]
derived: [{name: z, expr: "x / y"}]
segmentations:
  - {name: size, segments: [{name: Large, when: "x >= 50.0"}, {name: Small, when: "x < 50.0"}], unknown: Unclassified}
  - {name: kind, hit_policy: UNIQUE, segments: [{name: A, when: "y > 30.0"}, {name: B, when: "y > 60.0"}], otherwise: Other}
scores:
  - {name: v, criteria: [{name: x, expr: x, weight: 2, normalize: {linear: {min: 0, max: 100}}}, {name: z, expr: z, weight: 1, normalize: {percentile: {}}}]}
  - {name: w, missing: FAIL, criteria: [{name: s, expr: s, weight: 1, normalize: {lookup: {values: {a: 1, b: 0.5}}}}]}
tierings:
  - {name: ladder, linear: {score: v, tiers: [{name: top, cut: {top_share: 0.2}, exit: {below: 20}}, {name: mid, cut: {min_score: 30, when: "y > 10.0"}}, {name: base}]}}
  - name: box
    stability: {min_dwell_days: 30, promote_margin: 5, max_moves: {count: 3}, review: {every: MONTH}}
    matrix:
      x: {score: v, cuts: [{median: {}}]}
      y: {score: w, cuts: [{min_score: 60}]}
      cells: [{x: 0, y: 0, name: Efficient}, {x: 1, y: 1, name: Strategic}, {x: 1, y: 0, name: Protect}]
engagements:
  - {name: named, roles: [{role: csm, ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 15}}, {role: ae, ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 50}}]}
`

var until = asOf.AddDate(0, 1, 0)

var asOf = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

func program(t testing.TB) *engine.Program {
	t.Helper()
	model, _, found := modelfile.Parse("model.yaml", []byte(everything))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	p, found := engine.Compile(model)
	if found.HasMistakes() {
		t.Fatal(found)
	}
	return p
}

// draw returns the result of customers at random, with reasons or without.
func draw(t *rapid.T, p *engine.Program) *engine.Result {
	b := frame.NewBuilder(p.Schema())
	for i := range rapid.IntRange(0, 20).Draw(t, "customers") {
		fields := make(map[string]*structpb.Value)
		for _, name := range []string{"x", "y"} {
			if rapid.Bool().Draw(t, name+" given") {
				fields[name] = structpb.NewNumberValue(rapid.SampledFrom([]float64{0, -1, 10, 40, 49.5, 50, 70, 100, math.MaxFloat64}).Draw(t, name))
			}
		}
		if text := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "s"); text != "" {
			fields["s"] = structpb.NewStringValue(text)
		}
		c := &echelonv1.Customer{Id: fmt.Sprintf("c%02d", i), Attributes: &structpb.Struct{Fields: fields}}
		if fault := b.AddCustomer(c, false); fault != nil {
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
	previous := was(t, f.Len(), "top", "mid", "gone")
	options := engine.Options{AsOf: asOf, Reasons: rapid.Bool().Draw(t, "reasons"), Criteria: rapid.Bool().Draw(t, "criteria"), Previous: []*frame.Column{previous, was(t, f.Len(), "Efficient", "Strategic", "gone")}}
	if rapid.Bool().Draw(t, "standings") {
		options.Standings = []*stability.Standings{nil, stability.NewStandings(f.Len())}
		for row := range f.Len() {
			options.Standings[1].Since[row] = rapid.Int32Range(20400, 20484).Draw(t, "since")
			options.Standings[1].Moves[row] = rapid.Uint32Range(0, 2).Draw(t, "moves")
		}
	}
	if rapid.Bool().Draw(t, "overrides") {
		options.Overrides = make([][]engine.Override, f.Len())
		for row := range f.Len() {
			if rapid.Bool().Draw(t, "pinned") {
				options.Overrides[row] = []engine.Override{
					{Tiering: "ladder", Tier: rapid.SampledFrom([]string{"top", "base", "gone"}).Draw(t, "tier"), Actor: "ana", Reason: "reference", Until: &until},
					{Segmentation: "size", Segment: rapid.SampledFrom([]string{"Large", "Small", "gone"}).Draw(t, "segment"), Actor: "ana"},
					{Role: rapid.SampledFrom([]string{"csm", "ae", "gone"}).Draw(t, "role"), Rep: rapid.SampledFrom([]string{"rep-1", "rep-2"}).Draw(t, "rep"), Actor: "ana"},
				}
			}
		}
	}
	return scorer.Evaluate(f, options)
}

// was returns where customers were before, at random.
func was(t *rapid.T, rows int, names ...string) *frame.Column {
	previous := &frame.Column{Type: echelonv1.Attribute_STRING, Dict: names, Valid: frame.NewBitmap(rows), Codes: make([]uint32, rows)}
	for row := range rows {
		previous.Valid.Set(row, rapid.Bool().Draw(t, "was somewhere"))
		previous.Codes[row] = rapid.Uint32Range(0, uint32(len(names)-1)).Draw(t, "was in")
	}
	return previous
}

// stored returns a block as a store gives it back.
func stored(t *rapid.T, block *storagev1.SnapshotBlock) *storagev1.SnapshotBlock {
	data, err := proto.Marshal(block)
	if err != nil {
		t.Fatal(err)
	}
	read := &storagev1.SnapshotBlock{}
	if err := proto.Unmarshal(data, read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestABlockReadsBackAsTheResultThatItIsOf(t *testing.T) {
	// POP-6, EXIT-5
	p := program(t)
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t, p)
		block := stored(t, snapshot.Encode(want))
		got, err := snapshot.Decode(p, block)
		if err != nil {
			t.Fatal(err)
		}
		if got.Len() != want.Len() {
			t.Fatalf("%d customers, want %d", got.Len(), want.Len())
		}
		for i := range want.Len() {
			if diff := cmp.Diff(want.Assignment(i), got.Assignment(i), protocmp.Transform()); diff != "" {
				t.Fatalf("customer %d (-evaluated +read):\n%s", i, diff)
			}
			if diff := cmp.Diff(want.ExplainKept(i), got.ExplainKept(i), protocmp.Transform()); diff != "" {
				t.Fatalf("what is kept of customer %d (-evaluated +read):\n%s", i, diff)
			}
		}
		if diff := cmp.Diff(block, snapshot.Encode(got), protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("written again (-first +second):\n%s", diff)
		}
		for _, score := range block.GetScores() {
			for row, valid := range score.GetValid() {
				if !valid && score.GetValues()[row] != 0 {
					t.Fatalf("customer %d has no score, and %v is kept of it", row, score.GetValues()[row])
				}
			}
		}
	})
}

// damage is what may be wrong with a block.
var damage = map[string]func(t *rapid.T, b *storagev1.SnapshotBlock){
	"segmentations": func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Segments = b.Segments[1:] },
	"scores":        func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Scores = append(b.Scores, &storagev1.ScoreColumn{}) },
	"tierings":      func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Tiers = nil },
	"an id":         func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Ids = append(b.Ids, "zz") },
	"codes": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.Tiers[0].Codes = append(b.Tiers[0].Codes, rapid.Uint32().Draw(t, "code"))
	},
	"a column": func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Segments[1] = &storagev1.NameColumn{} },
	"a code": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		for i := range b.Segments[0].Codes {
			b.Segments[0].Codes[i] = rapid.Uint32().Draw(t, "code")
		}
	},
	"values":       func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Scores[0].Values = append(b.Scores[0].Values, 1) },
	"validities":   func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Scores[1].Valid = nil },
	"completeness": func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Scores[1].Completeness = nil },
	"reasons":      func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.Reasons = nil },
	"references": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.ReasonRefs = rapid.SliceOfN(rapid.Uint32(), 0, 9).Draw(t, "refs")
	},
	"counts": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		for i := range b.ReasonCounts {
			b.ReasonCounts[i] = rapid.OneOf(rapid.Uint32Range(0, 3), rapid.Uint32Range(math.MaxUint32-3, math.MaxUint32)).Draw(t, "count")
		}
	},
	"exclusions": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.Excluded = rapid.SliceOfN(rapid.Bool(), 0, 25).Draw(t, "excluded")
	},
	"computed tiers": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.ComputedTiers = append(b.ComputedTiers, &storagev1.NameColumn{Codes: rapid.SliceOfN(rapid.Uint32Range(0, 5), 0, 25).Draw(t, "computed")})
	},
	"standings": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.Standings = append(b.Standings, &storagev1.StandingColumn{Since: rapid.SliceOfN(rapid.Int32(), 0, 25).Draw(t, "since"), Holds: rapid.SliceOfN(rapid.Uint32(), 0, 25).Draw(t, "holds")})
	},
	"settled tiers": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.SettledTiers = append(b.SettledTiers, &storagev1.NameColumn{Codes: rapid.SliceOfN(rapid.Uint32Range(0, 5), 0, 25).Draw(t, "settled")})
	},
	"criteria": func(t *rapid.T, b *storagev1.SnapshotBlock) {
		b.Criteria = append(b.Criteria, &storagev1.CriterionColumn{Values: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "values")})
	},
	"too few counts": func(_ *rapid.T, b *storagev1.SnapshotBlock) { b.ReasonCounts = nil },
}

// What Decode takes can be read; what it does not take is a *storage.CorruptError.
func TestADamagedBlockNeverPanics(t *testing.T) {
	p := program(t)
	rapid.Check(t, func(t *rapid.T) {
		block := stored(t, snapshot.Encode(draw(t, p)))
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys(damage)), 1, 3, rapid.ID[string]).Draw(t, "damage") {
			if len(block.GetSegments()) == 2 && len(block.GetTiers()) == 2 && len(block.GetScores()) >= 2 {
				damage[name](t, block)
			}
		}
		readAll(t, p, block)
	})
}

// keys are the names of a map in order, so that rapid can repeat what it drew.
func keys(m map[string]func(*rapid.T, *storagev1.SnapshotBlock)) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestCountsOfReasonsThatOverflowAreDamage(t *testing.T) {
	p := program(t)
	b := frame.NewBuilder(p.Schema())
	for _, id := range []string{"a", "b"} {
		if fault := b.AddCustomer(&echelonv1.Customer{Id: id}, false); fault != nil {
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
	block := snapshot.Encode(scorer.Evaluate(f, engine.Options{AsOf: asOf}))
	block.ReasonCounts = []uint32{math.MaxUint32, 1} // they add up to 0 in 32 bits
	readAll(t, p, block)
}

// readAll decodes a block and reads every customer of it.
func readAll(t interface{ Fatalf(string, ...any) }, p *engine.Program, block *storagev1.SnapshotBlock) {
	result, err := snapshot.Decode(p, block)
	var corrupt *storage.CorruptError
	if err != nil {
		if !errors.As(err, &corrupt) {
			t.Fatalf("the error is a %T: %v", err, err)
		}
		return
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			t.Fatalf("Decode took a block that cannot be read: %v", panicked)
		}
	}()
	for i := range result.Len() {
		result.Assignment(i)
		result.ExplainKept(i)
	}
}

func FuzzDecode(f *testing.F) {
	p := program(f)
	f.Add([]byte{})
	f.Add([]byte("\x0a\x01a\x12\x03\x0a\x01\x01\x12\x03\x0a\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		block := &storagev1.SnapshotBlock{}
		if proto.Unmarshal(data, block) == nil {
			readAll(t, p, block)
		}
	})
}
