package engine

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/scoring"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Population is the customers that a model learns from, in batches. It is gone through several times and must give the same customers each
// time, in whatever order.
type Population = iter.Seq2[*frame.Frame, error]

// missingShare is the share of a population that may lack a criterion before that is a finding.
const missingShare = 0.25

// Calibrate learns a model's breakpoints and decision lines from a population, whose frames have the program's schema. What it returns does not
// depend on the order or the batches of the population. It can be called for a program that needs no calibration, and then only counts.
//
// Exchange rates are frozen first, since what is learned may be converted: those of the model, and those that are given, which go before the
// model's of the same currency and day. It fails with a *RatesError where these have mistakes, and with the population's error.
func (p *Program) Calibrate(ctx context.Context, population Population, asOf time.Time, given ...*echelonv1.ExchangeRate) (*echelonv1.Calibration, error) {
	if err := CheckRates(p.model, given); err != nil {
		return nil, err
	}
	c := &calibrator{program: p, lines: p.newLines(), asOf: asOf, unread: make([][]int, len(p.scores))}
	if p.converts {
		c.frozen, c.found = p.freezeRates(asOf, given)
		c.lines.rates, _ = p.rates(c.frozen)
	}
	if err := c.families(ctx, population); err != nil {
		return nil, err
	}
	left := c.learners()
	for len(left) > 0 {
		var err error
		if left, err = c.pass(ctx, population, left); err != nil {
			return nil, err
		}
	}
	return c.finish(), nil
}

type calibrator struct {
	program *Program
	lines   *lines
	asOf    time.Time
	// frozen are the exchange rates that are used, found what they show.
	frozen []*echelonv1.ExchangeRate
	found  diag.List
	// odd is what is odd about the parents that customers name.
	odd family.Findings
	// customers and excluded are how many the model is about, and how many not; unread is, for each criterion of each score, how many lack it.
	customers, excluded int64
	unread              [][]int
}

// learner is an item that learns from the population.
type learner struct {
	place int
	// needs are the items that must be evaluated before it can gather.
	needs map[int]bool
	// gatherer begins what gathers batches in one goroutine, learn ends what all of them gathered: whichever gathered a batch, it learns the same.
	gatherer func() gather
	learn    func()
}

// gather takes in the evaluation of a batch's members, and how many customers of the batch are none.
type gather func(e *evaluation, others int)

// learners returns those of the program, each after those that it needs, and what counts.
func (c *calibrator) learners() []*learner {
	var list []*learner
	for _, i := range c.program.order {
		it := c.program.items[i]
		perFamily := it.kind == tieringKind && c.program.perFamily(it.index) >= 0
		if c.program.learns(it) {
			one := &learner{place: i, needs: c.program.ancestors(i)}
			if perFamily {
				one.place = linesOf(i)
			}
			c.gather(one, it)
			list = append(list, one)
		}
		if perFamily {
			list = append(list, c.roots(i))
		}
	}
	return append(list, c.counter())
}

func (c *calibrator) gather(to *learner, one *item) {
	switch t := c.tieringOf(one); {
	case t == nil:
		all := shards[*scoring.Learner]{begin: c.program.scores[one.index].Learner}
		to.gatherer = all.gatherer(func(n *scoring.Learner, e *evaluation) { n.Add(&e.scope) })
		to.learn = func() { c.lines.scores[one.index] = all.merged().Lines() }
	case t.ladder != nil:
		all := shards[*tier.LadderLearner]{begin: t.ladder.Learner}
		to.gatherer = all.gatherer(func(n *tier.LadderLearner, e *evaluation) {
			n.Add(&e.scope, e.ids, e.deciders(one.index, &e.scores[t.scores[0]].Column))
		})
		to.learn = func() { c.lines.ladders[one.index] = all.merged().Lines() }
	default:
		all := shards[*tier.MatrixLearner]{begin: t.matrix.Learner}
		to.gatherer = all.gatherer(func(n *tier.MatrixLearner, e *evaluation) {
			n.Add(e.deciders(one.index, &e.scores[t.scores[0]].Column), e.deciders(one.index, &e.scores[t.scores[1]].Column))
		})
		to.learn = func() { c.lines.matrices[one.index] = all.merged().Lines() }
	}
}

// tieringOf returns the tiering that an item is; nil for a score.
func (c *calibrator) tieringOf(one *item) *tiering {
	if one.kind == scoreKind {
		return nil
	}
	return c.program.tierings[one.index]
}

// pass goes through the population once for all learners that need none of the others, and returns the others.
func (c *calibrator) pass(ctx context.Context, population Population, left []*learner) ([]*learner, error) {
	var ready, others []*learner
	needs := make(map[int]bool)
	for _, one := range left {
		if blocked(one, left) {
			others = append(others, one)
			continue
		}
		ready = append(ready, one)
		for need := range one.needs {
			needs[need] = true
		}
	}
	err := eachInParallel(ctx, population, func() func(*frame.Frame) {
		var gathers []gather
		for _, one := range ready {
			gathers = append(gathers, one.gatherer())
		}
		workspace := new(Workspace)
		return func(f *frame.Frame) {
			members := c.program.members(f, c.lines, c.asOf)
			e := c.program.newEvaluation(members, c.lines, c.asOf, nil)
			e.scope.Context = ctx
			workspace.memory.Reset()
			e.scope.Memory = &workspace.memory
			e.run(needs)
			for _, add := range gathers {
				add(e, f.Len()-members.Len())
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, one := range ready {
		one.learn()
	}
	return others, nil
}

func blocked(one *learner, left []*learner) bool {
	for _, other := range left {
		if other != one && one.needs[other.place] {
			return true
		}
	}
	return false
}

// counter is the learner of what the lines make of the population: how many customers there are, and how many of them lack each criterion.
func (c *calibrator) counter() *learner {
	p := c.program
	needs := make(map[int]bool)
	for i, one := range p.items {
		if one.kind == scoreKind {
			needs[i] = true
			for need := range p.ancestors(i) {
				needs[need] = true
			}
			c.unread[one.index] = make([]int, len(p.model.GetScores()[one.index].GetCriteria()))
		}
	}
	var counts []*calibrator
	begin := func() gather {
		n := &calibrator{unread: make([][]int, len(p.scores))}
		counts = append(counts, n)
		return func(e *evaluation, others int) {
			n.customers += int64(e.scope.Rows)
			n.excluded += int64(others)
			for i, out := range e.scores {
				n.unread[i] = plus(n.unread[i], out.Unread())
			}
		}
	}
	return &learner{place: len(p.items), needs: needs, gatherer: begin, learn: func() {
		for _, n := range counts {
			c.customers += n.customers
			c.excluded += n.excluded
			for i := range c.unread {
				c.unread[i] = plus(c.unread[i], n.unread[i])
			}
		}
	}}
}

// finish puts the calibration together.
func (c *calibrator) finish() *echelonv1.Calibration {
	p := c.program
	kept := &echelonv1.Calibration{
		ModelFingerprint: p.fingerprint, AsOf: timestamppb.New(c.asOf), Rates: c.frozen, Customers: c.customers, Excluded: c.excluded,
	}
	for i, score := range p.scores {
		if score.NeedsPopulation() {
			kept.Scores = append(kept.Scores, score.Proto(c.lines.scores[i]))
		}
	}
	found := append(c.found, c.lacking(kept.GetCustomers())...)
	if c.lines.families != nil {
		kept.Families = c.lines.families.Proto(nil)
		found.Add(ParentFindings(c.odd)...)
	}
	if kept.GetCustomers() == 0 && kept.GetExcluded() > 0 {
		found.Warnf(populationItem, "check the condition against the data", "it leaves out all %d customers", kept.GetExcluded())
	}
	for i, score := range p.scores {
		found.Add(score.Findings(diag.Index("scores", i), c.lines.scores[i])...)
	}
	for i, t := range p.tierings {
		if t.needsPopulation() {
			kept.Tierings = append(kept.Tierings, c.tiering(i))
			found.Add(t.findings(i, c.lines)...)
		}
	}
	kept.Findings = FindingsProto(found)
	return kept
}

func (c *calibrator) tiering(i int) *echelonv1.TieringCalibration {
	t := c.program.tierings[i]
	if t.ladder != nil {
		return t.ladder.Proto(c.lines.ladders[i])
	}
	return t.matrix.Proto(c.lines.matrices[i])
}

// findings returns what lines show about a tiering; those of one that needs no population are known without.
func (t *tiering) findings(i int, l *lines) diag.List {
	var ladder *tier.LadderLines
	var matrix *tier.MatrixLines
	if l != nil {
		ladder, matrix = l.ladders[i], l.matrices[i]
	}
	path := diag.Index("tierings", i)
	switch {
	case t.ladder != nil:
		return t.ladder.Findings(path, ladder)
	case t.table != nil:
		return nil
	}
	return t.matrix.Findings(path, matrix)
}

// lacking finds the criteria that more than a quarter of the population lacks.
func (c *calibrator) lacking(customers int64) diag.List {
	var found diag.List
	for i, counts := range c.unread {
		for k, n := range counts {
			if float64(n) <= missingShare*float64(customers) {
				continue
			}
			criterion := c.program.model.GetScores()[i].GetCriteria()[k]
			found.Warnf(fmt.Sprintf("scores[%d].criteria[%d]", i, k), "give it another source, or a policy that fits",
				"%d of %d customers lack the criterion %q", n, customers, criterion.GetName())
		}
	}
	return found
}

// FindingsProto returns findings as they go over the wire.
func FindingsProto(list diag.List) []*echelonv1.Finding {
	var out []*echelonv1.Finding
	for _, f := range list {
		severity := echelonv1.Finding_MISTAKE
		if f.Severity == diag.Warning {
			severity = echelonv1.Finding_WARNING
		}
		out = append(out, &echelonv1.Finding{Severity: severity, Path: f.Path, Message: f.Message, Remedy: f.Remedy})
	}
	return out
}
