package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// countdown is a context that is over after so many looks at it.
type countdown struct {
	context.Context
	left, looks int
}

func (c *countdown) Err() error {
	if c.looks++; c.looks > c.left {
		return context.DeadlineExceeded
	}
	return nil
}

const costly = `
name: costly
attributes: [{name: x, type: NUMBER}, {name: tags, type: STRING_LIST}]
derived:
  - {name: hits, expr: "size(tags.filter(a, tags.exists(b, a == b + 'x')))"}
  - {name: more, expr: "hits + size(tags.filter(a, a.matches('b+$')))"}
segmentations: [{name: size, segments: [{name: Large, when: "more >= 50.0"}], otherwise: Small, unknown: Unclassified}]
scores: [{name: v, criteria: [{name: x, expr: x + more, weight: 1, normalize: {percentile: {}}}]}]
`

// heavy is a batch of the costly model.
func heavy(t testing.TB, p *engine.Program, rows int) *frame.Frame {
	t.Helper()
	b := frame.NewBuilder(p.Schema())
	for i := range rows {
		b.Start(fmt.Sprintf("c%05d", i))
		b.SetNumber(0, float64(i))
		b.SetList(1, []string{"a", "ab", "abb", "ax"})
		if fault := b.Commit(); fault != nil {
			t.Fatal(fault)
		}
	}
	return b.Take()
}

// A deadline holds within a batch: as soon as it is over, no row is evaluated any more.
func TestAnEvaluationEndsInTheMiddleOfABatch(t *testing.T) {
	p := compile(t, costly)
	f := heavy(t, p, 10_000)
	calibration, err := p.Calibrate(t.Context(), func(yield func(*frame.Frame, error) bool) { yield(f, nil) }, asOf)
	if err != nil {
		t.Fatal(err)
	}
	scorer, err := p.Bind(calibration)
	if err != nil {
		t.Fatal(err)
	}
	unhurried := &countdown{Context: t.Context(), left: 1 << 30}
	whole, err := scorer.EvaluateContext(unhurried, f, engine.Options{AsOf: asOf, Reasons: true})
	if err != nil || whole.Len() != 10_000 {
		t.Fatal(err)
	}
	// Those without loops are evaluated over columns, all rows in a moment.
	if unhurried.looks < 2*10_000 {
		t.Fatalf("two expressions with loops on 10,000 rows looked %d times whether anybody waits", unhurried.looks)
	}
	for _, left := range []int{0, 1, 5000, 15_000, 19_000} {
		c := &countdown{Context: t.Context(), left: left}
		result, err := scorer.EvaluateContext(c, f, engine.Options{AsOf: asOf, Reasons: true, Explain: true})
		if !errors.Is(err, context.DeadlineExceeded) || result != nil {
			t.Errorf("after %d looks: %v, %v", left, result, err)
		}
		// Each of the expressions that are left looks once more.
		if late := c.looks - left; late > 10 {
			t.Errorf("after its end it looked %d times more", late)
		}
	}
	c := &countdown{Context: t.Context(), left: 12_345}
	if _, err := p.Calibrate(c, func(yield func(*frame.Frame, error) bool) { yield(f, nil) }, asOf); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("calibrating: %v", err)
	}
	if late := c.looks - 12_345; late > 20 {
		t.Errorf("after its end calibrating looked %d times more", late)
	}
}

// Loops within loops over long lists cost more than any other expression; on a row where they cost too much they cannot be read
// (EXPR-140).
func TestLoopsThatTakeTooLongAreUnreadable(t *testing.T) {
	p := compile(t, `
name: loops
attributes: [{name: tags, type: STRING_LIST}]
segmentations: [{name: pairs, segments: [{name: Some, when: "tags.exists(a, tags.exists(b, a == b + 'x'))"}], otherwise: None, unknown: Unclassified}]
`)
	b := frame.NewBuilder(p.Schema())
	for id, n := range map[string]int{"few": 100, "many": 10_000} {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprint(i))
		}
		b.Start(id)
		b.SetList(0, list)
		if fault := b.Commit(); fault != nil {
			t.Fatal(fault)
		}
	}
	scorer, err := p.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	result := scorer.Evaluate(b.Take(), engine.Options{AsOf: asOf, Reasons: true})
	for row, id := range result.IDs {
		assignment := result.Assignment(row)
		segment := assignment.GetSegments()[0].GetSegment()
		switch text := assignment.String(); {
		case id == "few" && segment != "None":
			t.Errorf("100 tags: %s", text)
		case id == "many" && (segment != "Unclassified" || !strings.Contains(text, "take too long")):
			t.Errorf("10,000 tags: %s", text)
		}
	}
}

// MODEL-140
func TestModelsThatCostTooMuchAreRefusedWithTheirPlace(t *testing.T) {
	derived := func(n, length int) *echelonv1.Model {
		m := &echelonv1.Model{Name: "m", Attributes: []*echelonv1.Attribute{{Name: "x", Type: echelonv1.Attribute_NUMBER}}}
		criteria := []*echelonv1.Criterion{}
		for i := range n {
			criteria = append(criteria, &echelonv1.Criterion{Name: fmt.Sprint("c", i), Expr: "x" + strings.Repeat(" ", length-1), Weight: 1})
		}
		for i := 0; i < n; i += 1000 {
			m.Scores = append(m.Scores, &echelonv1.Score{Name: fmt.Sprint("s", i), Criteria: criteria[i:min(n, i+1000)]})
		}
		return m
	}
	pattern := func(n int) *echelonv1.Model {
		return &echelonv1.Model{Name: "m", Attributes: []*echelonv1.Attribute{{Name: "a", Type: echelonv1.Attribute_STRING}},
			Derived: []*echelonv1.DerivedAttribute{{Name: "d", Expr: "a.matches('" + strings.Repeat("z", n) + "')"}}}
	}
	long := "x > 0" + strings.Repeat(" ", 300_000)
	bare := func() *echelonv1.Model {
		return &echelonv1.Model{Name: "m", Attributes: []*echelonv1.Attribute{{Name: "x", Type: echelonv1.Attribute_NUMBER}}}
	}
	member, money, exit := bare(), bare(), bare()
	member.Population, money.Amount = long, long
	exit.Tierings = []*echelonv1.Tiering{{Name: "t", Kind: &echelonv1.Tiering_Linear_{Linear: &echelonv1.Tiering_Linear{
		Score: "v", Tiers: []*echelonv1.Tier{{Name: "top", Exit: &echelonv1.Exit{Any: []*echelonv1.Exit{{When: long}}}}, {Name: "base"}},
	}}}}
	for name, test := range map[string]struct {
		model *echelonv1.Model
		place string
		words string
	}{
		"a population that is too long":         {member, "population", "300005 bytes, at most 262144"},
		"an amount that is too long":            {money, "amount", "300005 bytes, at most 262144"},
		"an exit rule that is too long":         {exit, "tierings[0]", "bytes, at most 262144"},
		"more expressions than may be":          {derived(6000, 1), "scores[5]", "6000 expressions, at most 5000"},
		"more text than may be":                 {derived(1000, 300), "scores[0]", "300000 bytes, at most 262144"},
		"more bytes than may be":                {derived(300, 20_000), "", "at most 4194304"},
		"a regular expression that is too long": {pattern(1001), "derived[0].expr", "1001 bytes, at most 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			program, found := engine.Compile(test.model)
			if program != nil || len(found.Mistakes()) == 0 {
				t.Fatal("it compiles")
			}
			first := found.Mistakes()[0]
			for _, one := range found.Mistakes() {
				if strings.Contains(one.Message, test.words) {
					first = one
				}
			}
			if first.Path != test.place || !strings.Contains(first.Message, test.words) || first.Remedy == "" {
				t.Errorf("%s: %s (%s)", first.Path, first.Message, first.Remedy)
			}
		})
	}
}
