package engine_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// asOf is the instant of all evaluations of these tests.
var asOf = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

// attributes is the beginning of most models here: one attribute or two of each type.
const attributes = `
name: m
attributes:
  - {name: x, type: NUMBER}
  - {name: y, type: NUMBER}
  - {name: n, type: INTEGER}
  - {name: s, type: STRING}
  - {name: b, type: BOOLEAN}
  - {name: d, type: DATE}
  - {name: t, type: TIMESTAMP}
  - {name: tags, type: STRING_LIST}
`

// scoreX scores x as it is, so that x is the customer's score and a missing x a null one.
const scoreX = `
scores:
  - {name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
`

// scoreXY scores x and y as they are.
const scoreXY = scoreX + `
  - {name: w, criteria: [{name: y, expr: y, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
`

// compile compiles a model file that must have no mistakes.
func compile(t testing.TB, text string) *engine.Program {
	t.Helper()
	program, found := tryCompile(t, text)
	if program == nil || found.HasMistakes() {
		t.Fatalf("the model does not compile:\n%v", found)
	}
	return program
}

// tryCompile compiles a model file that must parse, and returns what was found in it.
func tryCompile(t testing.TB, text string) (*engine.Program, diag.List) {
	t.Helper()
	model, source, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		t.Fatalf("the model does not parse:\n%v", found)
	}
	program, found := engine.Compile(model)
	return program, source.Locate(found)
}

// calibrate learns from frames.
func calibrate(t testing.TB, program *engine.Program, frames ...*frame.Frame) *echelonv1.Calibration {
	t.Helper()
	calibration, err := program.Calibrate(context.Background(), population(frames...), asOf)
	if err != nil {
		t.Fatal(err)
	}
	return calibration
}

// bind calibrates a program on frames and binds the result.
func bind(t testing.TB, program *engine.Program, frames ...*frame.Frame) *engine.Scorer {
	t.Helper()
	return bindTo(t, program, calibrate(t, program, frames...))
}

func bindTo(t testing.TB, program *engine.Program, calibration *echelonv1.Calibration) *engine.Scorer {
	t.Helper()
	scorer, err := program.Bind(calibration)
	if err != nil {
		t.Fatal(err)
	}
	return scorer
}

func population(frames ...*frame.Frame) engine.Population {
	return func(yield func(*frame.Frame, error) bool) {
		for _, f := range frames {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// attrs are a customer's attributes as JSON has them; nil is null.
type attrs map[string]any

// person is a customer of a test.
type person struct {
	id string
	attrs
}

func (p person) proto() *echelonv1.Customer {
	fields, err := structpb.NewStruct(p.attrs)
	if err != nil {
		panic(err)
	}
	return &echelonv1.Customer{Id: p.id, Attributes: fields}
}

// xs returns customers a, b, c … with these values of x; NaN stands for a missing one.
func xs(values ...float64) []person {
	var people []person
	for i, x := range values {
		one := person{string(rune('a' + i)), attrs{}}
		if !math.IsNaN(x) {
			one.attrs["x"] = x
		}
		people = append(people, one)
	}
	return people
}

var (
	missing      = math.NaN()
	negativeZero = math.Copysign(0, -1)
)

// frameOf returns customers as one batch; all must be fit.
func frameOf(t testing.TB, program *engine.Program, people ...person) *frame.Frame {
	t.Helper()
	return framesOf(t, program, max(1, len(people)), people...)[0]
}

// framesOf returns customers in batches of so many rows; all must be fit. There is at least one batch, which may be empty.
func framesOf(t testing.TB, program *engine.Program, rows int, people ...person) []*frame.Frame {
	t.Helper()
	b := frame.NewBuilder(program.Schema())
	var frames []*frame.Frame
	for _, one := range people {
		if fault := b.AddCustomer(one.proto(), false); fault != nil {
			t.Fatalf("customer %q is refused: %s", one.id, fault.GetMessage())
		}
		if b.Len() == rows {
			frames = append(frames, b.Take())
		}
	}
	if b.Len() > 0 || len(frames) == 0 {
		frames = append(frames, b.Take())
	}
	return frames
}

// study is a population that was calibrated and evaluated.
type study struct {
	testing.TB
	program     *engine.Program
	calibration *echelonv1.Calibration
	scorer      *engine.Scorer
	result      *engine.Result
	at          map[string]int
}

// null is how studies write an outcome that is none.
const null = "—"

// evaluate compiles a model, calibrates it on the customers and evaluates them with reasons, explanations and amounts.
func evaluate(t testing.TB, text string, people ...person) *study {
	t.Helper()
	program := compile(t, text)
	f := frameOf(t, program, people...)
	s := &study{TB: t, program: program, calibration: calibrate(t, program, f)}
	s.scorer = bindTo(t, program, s.calibration)
	s.see(f)
	return s
}

// then evaluates other customers with the lines that were learned.
func (s *study) then(people ...person) *study {
	s.Helper()
	later := *s
	later.see(frameOf(s, s.program, people...))
	return &later
}

func (s *study) see(f *frame.Frame) {
	s.result = s.scorer.Evaluate(f, engine.Options{AsOf: asOf, Reasons: true, Explain: true, Amounts: true})
	sameWhenWritten(s, s.program.NewEncoder(), s.result)
	s.at = make(map[string]int)
	for i, id := range f.IDs {
		s.at[id] = i
	}
}

func (s *study) row(id string) int {
	s.Helper()
	row, known := s.at[id]
	if !known {
		s.Fatalf("there is no customer %q", id)
	}
	return row
}

// assignment returns a customer's outcome as it goes over the wire.
func (s *study) assignment(id string) *echelonv1.Assignment {
	s.Helper()
	return s.result.Assignment(s.row(id))
}

func (s *study) segment(id string) string {
	s.Helper()
	return name(s.result.Segments[0], s.row(id))
}

func (s *study) tier(id string) string {
	s.Helper()
	return name(s.result.Tiers[0], s.row(id))
}

// score returns a customer's first score, NaN where it is null.
func (s *study) score(id string) float64 {
	s.Helper()
	row := s.row(id)
	if !s.result.Scores[0].Valid.Get(row) {
		return missing
	}
	return s.result.Scores[0].Numbers[row]
}

func (s *study) completeness(id string) float64 {
	s.Helper()
	return s.result.Completeness[0][s.row(id)]
}

// tiers returns the first tiering's outcome of every customer.
func (s *study) tiers() map[string]string {
	s.Helper()
	all := make(map[string]string)
	for id := range s.at {
		all[id] = s.tier(id)
	}
	return all
}

// codes returns the codes of a customer's reasons that are about an item of the model.
func (s *study) codes(id, item string) []string {
	s.Helper()
	var codes []string
	for _, r := range s.assignment(id).GetReasons() {
		if r.GetItem() == item {
			codes = append(codes, r.GetCode().String())
		}
	}
	return codes
}

// reason returns a customer's only reason about an item of the model.
func (s *study) reason(id, item string) *echelonv1.Reason {
	s.Helper()
	var found []*echelonv1.Reason
	for _, r := range s.assignment(id).GetReasons() {
		if r.GetItem() == item {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		s.Fatalf("customer %q has %d reasons about %s, want one: %v", id, len(found), item, s.assignment(id).GetReasons())
	}
	return found[0]
}

func name(column *frame.Column, row int) string {
	if !column.Valid.Get(row) {
		return null
	}
	return column.String(row)
}

// same reports whether two numbers are equal, NaN to NaN.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// clone copies a message.
func clone[M proto.Message](m M) M { return proto.Clone(m).(M) }

// finding is what Compile and calibrations find.
type finding = diag.Finding

// rapidTB lets a rapid test use the helpers, which want a testing.TB.
type rapidTB struct {
	testing.TB
	t *rapid.T
}

func tb(t *rapid.T) testing.TB { return rapidTB{t: t} }

func (r rapidTB) Helper()                           { r.t.Helper() }
func (r rapidTB) Fatal(args ...any)                 { r.t.Fatal(args...) }
func (r rapidTB) Fatalf(format string, args ...any) { r.t.Fatalf(format, args...) }
func (r rapidTB) Errorf(format string, args ...any) { r.t.Errorf(format, args...) }

// has reports whether a finding at a path, or below it, says something.
func has(found diag.List, path, says string) bool {
	return slices.ContainsFunc(found, func(f finding) bool {
		return strings.HasPrefix(f.Path, path) && strings.Contains(f.Message, says)
	})
}

// findingsOf returns what a calibration found, as Compile would say it.
func findingsOf(calibration *echelonv1.Calibration) diag.List {
	var found diag.List
	for _, f := range calibration.GetFindings() {
		severity := diag.Mistake
		if f.GetSeverity() == echelonv1.Finding_WARNING {
			severity = diag.Warning
		}
		found.Add(finding{Severity: severity, Path: f.GetPath(), Message: f.GetMessage(), Remedy: f.GetRemedy()})
	}
	return found
}

// workloadModel is the model of workload W.
var workloadModel = string(workload.ModelYAML)

// reasonText joins the reasons of an assignment in words.
func reasonText(reasons []*echelonv1.Reason) string {
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = r.GetMessage()
	}
	return strings.Join(texts, "; ")
}
