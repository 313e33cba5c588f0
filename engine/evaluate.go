package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	"github.com/echelonhq/echelon/engine/reason"
	"github.com/echelonhq/echelon/engine/scoring"
	"github.com/echelonhq/echelon/engine/segment"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Options says what an evaluation is to give.
type Options struct {
	// AsOf is the instant as of which customers are evaluated, cut to the microsecond.
	AsOf time.Time
	// Reasons asks for the reasons of every outcome.
	Reasons bool
	// Observe, where it is not nil, is called when the evaluation of a batch begins, with the number of its rows, and what it returns when it ended.
	Observe func(rows int) (ended func())
	// Explain asks for every step, through Result.Explain.
	Explain bool
	// Path asks, with Explain, for what would bring a customer into a better tier, of each customer whose Assignment is taken.
	Path bool
	// Amounts asks for the model's amount of every customer.
	Amounts bool
	// Criteria asks for what can be kept of every criterion, so that it can be told later what each brought.
	Criteria bool
	// Workspace is where batches are evaluated one after another in the same memory; nil takes new memory for each. A result holds until the next
	// batch is evaluated in its workspace.
	Workspace *Workspace
	// Previous has, for each tiering, a column of texts with the tiers that were in force of each customer, not valid where it was in none, and is
	// nil where nobody was in any. Only tierings that look back do; those of others, and names that the model does not have, are nothing. Where an
	// override was in force it is the tier beneath it.
	Previous []*frame.Column
	// Standings has, for each tiering, how the customers came to be in those tiers; nil where nobody knows.
	Standings []*stability.Standings
	// Admissions has, for each tiering, the moves that caps admit, as a Census of all customers finds them; nil where nobody has judged that, so that a
	// move that a cap has to judge is PENDING_RUN.
	Admissions []*stability.Admission
	// Overrides are those of each row; nil where there are none.
	Overrides [][]Override
	// Families are those of the batch's customers and of the parents that they name, in place of the calibration's; nil takes the calibration's.
	Families *family.Table
}

// Workspace is the memory in which batches are evaluated. Its zero value is ready; it is used by one goroutine at a time.
type Workspace struct {
	memory kernel.Arena
	// reasons are those of batches of one program, which come again and again.
	reasons *reason.Table
	program *Program
}

// begin begins another batch, of a program.
func (w *Workspace) begin(p *Program) {
	w.memory.Reset()
	if w.program != p {
		w.program, w.reasons = p, reason.NewTable()
	}
	w.reasons.Reset()
}

// tierOutcome is a ladder's or a matrix' outcome for a batch.
type tierOutcome interface {
	stability.Lines
	Explain(row int) *echelonv1.TierExplanation
}

// evaluation is the state of evaluating one batch.
type evaluation struct {
	program *Program
	lines   *lines
	ids     []string
	scope   expr.Scope
	reasons *reason.Table

	// member is the population's condition and excluded the rows that it leaves out; nil where the model is about all customers.
	member   *expr.Result
	excluded frame.Bitmap

	// family is each row's, and inherits the rows for which the root of their family decides; nil where families are not known. own has, for each
	// tiering that decides per family, what such rows compute by themselves: 0 for other rows, 1 for nothing, or 2 and the place.
	family   []int
	inherits frame.Bitmap
	own      [][]uint32

	segments []*segment.Outcome
	// common is what the criteria of several scores share.
	common *scoring.Common
	scores []*scoring.Outcome
	tiers  []tierOutcome
	// columns are the computed tiers, stable what is in force instead, by tiering; nil where there were none before.
	columns []*frame.Column
	stable  []*stability.Outcome
}

// What a batch is evaluated in, in memory of the batch.
var (
	evaluations      = kernel.NewKind[evaluation]()
	results          = kernel.NewKind[Result]()
	columnPlaces     = kernel.NewKind[*frame.Column]()
	segmentOutcomes  = kernel.NewKind[*segment.Outcome]()
	scoreOutcomes    = kernel.NewKind[*scoring.Outcome]()
	tierOutcomes     = kernel.NewKind[tierOutcome]()
	stableOutcomes   = kernel.NewKind[*stability.Outcome]()
	standingsPlaces  = kernel.NewKind[*stability.Standings]()
	candidateLists   = kernel.NewKind[[]stability.Candidate]()
	codeColumns      = kernel.NewKind[[]uint32]()
	completenessList = kernel.NewKind[[]float64]()
)

// newEvaluation begins to evaluate a batch, in memory that may be nil.
func (p *Program) newEvaluation(f *frame.Frame, lines *lines, asOf time.Time, memory *kernel.Arena) *evaluation {
	tierings := len(p.tierings)
	e := evaluations.New(memory)
	e.program, e.lines, e.ids, e.common = p, lines, f.IDs, scoring.NewCommon(memory, p.shared)
	e.scope = expr.Scope{Rows: f.Len(), AsOf: asOf.UnixMicro(), Rates: lines.rates, Columns: columnPlaces.Make(memory, len(p.variables)), Memory: memory}
	e.segments, e.scores = segmentOutcomes.Make(memory, len(p.segmentations)), scoreOutcomes.Make(memory, len(p.scores))
	e.tiers, e.columns = tierOutcomes.Make(memory, tierings), columnPlaces.Make(memory, tierings)
	e.stable, e.own = stableOutcomes.Make(memory, tierings), codeColumns.Make(memory, tierings)
	for i, place := range p.places(f.Schema) {
		if place >= 0 {
			e.scope.Columns[i] = &f.Columns[place]
		}
	}
	e.age(f)
	e.join(f)
	return e
}

// places returns the places of the variables in the schema of a batch, which mostly is the program's own, and -1 of those that it lacks.
func (p *Program) places(schema *frame.Schema) []int {
	if schema == p.schema {
		return p.attributes
	}
	return p.placesIn(schema)
}

func (p *Program) placesIn(schema *frame.Schema) []int {
	places := make([]int, len(p.variables))
	for i, v := range p.variables {
		places[i] = -1
		if place, known := schema.Index(v.Name); known {
			places[i] = place
		}
	}
	return places
}

// run evaluates items in order; only those of a set, where one is given.
func (e *evaluation) run(only map[int]bool) {
	for _, i := range e.program.order {
		if only == nil || only[i] {
			e.item(e.program.items[i])
			e.addUpOf(i)
		}
	}
}

func (e *evaluation) item(one *item) {
	p := e.program
	column := &e.scope.Columns[one.slot]
	switch one.kind {
	case derivedKind:
		*column = e.derived(one)
	case segmentationKind:
		e.segments[one.index] = p.segmentations[one.index].Eval(&e.scope, e.reasons)
		*column = &e.segments[one.index].Column
		e.mask(*column)
	case scoreKind:
		e.scores[one.index] = p.scores[one.index].Eval(&e.scope, e.lines.scores[one.index], e.reasons, e.common)
		*column = &e.scores[one.index].Column
		e.scores[one.index].Exclude(e.excluded)
	case tieringKind:
		e.ownReasons(one.index, func() { *column = e.tiering(one.index) })
		*column = e.inherit(one.index, *column)
		e.mask(*column)
		e.columns[one.index] = *column
	}
}

// derived computes a derived attribute. Its readers see only that it is missing; the reasons tell why.
func (e *evaluation) derived(one *item) *frame.Column {
	read := e.program.derived[one.index].Eval(&e.scope)
	if e.reasons != nil {
		for row := range e.scope.Rows {
			if !read.Column.Valid.Get(row) {
				e.reasons.Add(row, reason.Unreadable("derived."+one.variable, "", read.Cause(row)))
			}
		}
	}
	return &read.Column
}

func (e *evaluation) tiering(i int) *frame.Column {
	t := e.program.tierings[i]
	if t.table != nil {
		out := t.table.Eval(&e.scope, e.reasons)
		e.tiers[i] = out
		return &out.Column
	}
	x := &e.scores[t.scores[0]].Column
	if t.ladder != nil {
		out := t.ladder.Eval(&e.scope, e.ids, x, e.lines.ladders[i], e.reasons)
		e.tiers[i] = out
		return &out.Column
	}
	out := t.matrix.Eval(&e.scope, x, &e.scores[t.scores[1]].Column, e.lines.matrices[i], e.reasons)
	e.tiers[i] = out
	return &out.Column
}

// explain returns every step of a row.
func (e *evaluation) explain(row int) *echelonv1.Explanation {
	explained := &echelonv1.Explanation{}
	if e.member != nil {
		explained.Population = e.program.population.explain(e.member, row)
		if e.excluded.Get(row) {
			return explained
		}
	}
	for _, out := range e.segments {
		explained.Segments = append(explained.Segments, out.Explain(row))
	}
	for _, out := range e.scores {
		explained.Scores = append(explained.Scores, out.Explain(row))
	}
	for i, out := range e.tiers {
		tier := out.Explain(row)
		if e.stable[i] != nil {
			tier.Exit = e.stable[i].Explain(row)
		}
		explained.Tiers = append(explained.Tiers, tier)
	}
	for _, one := range e.program.items {
		if one.kind != derivedKind {
			continue
		}
		if explained.Derived == nil {
			explained.Derived = &structpb.Struct{Fields: make(map[string]*structpb.Value)}
		}
		explained.Derived.Fields[one.variable] = e.scope.Columns[one.slot].Value(row)
	}
	return explained
}

// Evaluate evaluates a batch of customers, whose frame has the program's schema.
func (s *Scorer) Evaluate(f *frame.Frame, options Options) *Result {
	return s.evaluate(context.Background(), f, options)
}

// EvaluateContext is Evaluate that ends soon after ctx is over, also in the middle of a batch; the error is that of ctx then.
func (s *Scorer) EvaluateContext(ctx context.Context, f *frame.Frame, options Options) (*Result, error) {
	r := s.evaluate(ctx, f, options)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// evaluate evaluates a batch; where ctx is over by the end, the result is worth nothing.
func (s *Scorer) evaluate(ctx context.Context, f *frame.Frame, options Options) *Result {
	p := s.program
	var memory *kernel.Arena
	if options.Workspace != nil {
		options.Workspace.begin(p)
		memory = &options.Workspace.memory
	}
	e := p.newEvaluation(f, s.linesWith(options.Families), options.AsOf, memory)
	e.scope.Context = ctx
	switch {
	case options.Reasons && options.Workspace != nil:
		e.reasons = options.Workspace.reasons
	case options.Reasons:
		e.reasons = reason.NewTable()
	}
	if options.Observe != nil {
		defer options.Observe(f.Len())()
	}
	e.exclude()
	e.run(nil)
	r := results.New(memory)
	r.Program, r.IDs, r.Excluded = p, f.IDs, e.excluded
	e.settle(&options, r)
	r.Own, r.families, r.Roots = e.own, e.lines.families, e.roots()
	r.Segments, r.ComputedSegments = columnPlaces.Make(memory, len(e.segments)), columnPlaces.Make(memory, len(e.segments))
	for i, out := range e.segments {
		r.Segments[i] = &out.Column
	}
	e.override(&options, r)
	r.Reasons = e.reasons.List(f.Len())
	r.Scores, r.Completeness = columnPlaces.Make(memory, len(e.scores)), completenessList.Make(memory, len(e.scores))
	for i, out := range e.scores {
		r.Scores[i], r.Completeness[i] = &out.Column, out.Completeness
	}
	if options.Criteria {
		e.keepCriteria(r)
	}
	if options.Explain {
		r.evaluation = e
		if options.Path {
			r.paths = func(row int) []*echelonv1.TierPath { return s.paths(e, f, options, row) }
		}
	}
	if options.Amounts && p.amount != nil {
		r.Amounts = &p.amount.Eval(&e.scope).Column
	}
	return r
}

// Amounts returns the model's amount of every customer of a batch; nil where the model has none.
func (s *Scorer) Amounts(f *frame.Frame, asOf time.Time) *frame.Column {
	p := s.program
	if p.amount == nil {
		return nil
	}
	e := p.newEvaluation(f, s.linesWith(nil), asOf, nil)
	e.exclude()
	e.run(p.needsOf(p.amount))
	return &p.amount.Eval(&e.scope).Column
}
