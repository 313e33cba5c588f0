package main

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/workload"
)

//go:embed second.yaml
var secondYAML []byte

// secondModel measures another model than W, without targets: what is won there is won by no special case. Every outcome is compared with that of
// cel-go row by row.
func secondModel(b *bench) ([]figure, error) {
	_, program, err := compile("second.yaml", secondYAML)
	if err != nil {
		return nil, err
	}
	scorer, err := program.Bind(nil)
	if err != nil {
		return nil, err
	}
	rows, compared := b.choose(200_000, 500_000), b.choose(20_000, 100_000)
	list := accounts(rows)
	f := accountsFrame(list, program.Schema())
	out, want := workload.NewOut(rows), workload.NewOut(compared)
	one := contestant{name: "second model: Echelon, 1 core", rows: rows, run: func() error {
		options := engine.Options{Workspace: new(engine.Workspace), AsOf: asOf}
		for from := 0; from < rows; from += batch {
			end := min(from+batch, rows)
			r := scorer.Evaluate(f.Slice(from, end), options)
			copy(out.Score[from:end], r.Scores[0].Numbers)
			numbers(out.Seg[from:end], r.Segments[0])
			numbers(out.Tier[from:end], r.Tiers[0])
		}
		return nil
	}}
	peer, err := newSecondRows()
	if err != nil {
		return nil, err
	}
	cel := contestant{name: "second model: cel-go, row by row", rows: compared,
		run: func() error {
			values := make(map[string]any)
			for i := range compared {
				list[i].values(values)
				peer.row(i, values, want)
			}
			return nil
		},
		after: func() error {
			for i := range compared {
				if out.Seg[i] != want.Seg[i] || out.Tier[i] != want.Tier[i] && !onALine(want.Score[i]) || math.Abs(out.Score[i]-want.Score[i]) > near {
					return fmt.Errorf("account %d has segment %d, tier %d and score %v, and by cel-go %d, %d and %v",
						i, out.Seg[i], out.Tier[i], out.Score[i], want.Seg[i], want.Tier[i], want.Score[i])
				}
			}
			return nil
		}}
	s, err := race(b.choose(3, 7), one, cel)
	if err != nil {
		return nil, err
	}
	s.print(one, cel)
	fmt.Printf("  %-46s %10.1f\n", "second model: Echelon / cel-go", s.ratio(one.name, cel.name))
	return nil, nil
}

// near is how far apart scores may be that were added up in another way; one that is so near to a cut may stand on either side of it.
const near = 1e-9

func onALine(score float64) bool {
	return slices.ContainsFunc([]float64{35, 50, 65}, func(line float64) bool { return math.Abs(score-line) <= near })
}

// secondRows is the second model with cel-go, row by row.
type secondRows struct {
	rules    []cel.Program
	criteria []celCriterion
	best, ok cel.Program
}

func newSecondRows() (*secondRows, error) {
	unary := func(name string, in, out *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_1", []*cel.Type{in}, out, cel.UnaryBinding(f)))
	}
	days := func(v ref.Val, sign time.Duration) ref.Val {
		return types.Double(math.Floor(float64(sign*asOf.Sub(v.(types.Timestamp).Time)) / float64(24*time.Hour)))
	}
	env, err := cel.NewEnv(
		cel.Variable("email", cel.StringType), cel.Variable("title", cel.StringType), cel.Variable("website", cel.StringType),
		cel.Variable("plan", cel.StringType), cel.Variable("tags", cel.ListType(cel.StringType)), cel.Variable("trial", cel.BoolType),
		cel.Variable("signed", cel.TimestampType), cel.Variable("renewal", cel.TimestampType), cel.Variable("last_seen", cel.TimestampType),
		unary("days_since", cel.TimestampType, cel.DoubleType, func(v ref.Val) ref.Val { return days(v, 1) }),
		unary("days_until", cel.TimestampType, cel.DoubleType, func(v ref.Val) ref.Val { return days(v, -1) }),
		unary("clamp", cel.DoubleType, cel.DoubleType, func(v ref.Val) ref.Val { return types.Double(min(max(float64(v.(types.Double)), 0), 100)) }),
	)
	if err != nil {
		return nil, err
	}
	compile := func(text string) cel.Program {
		tree, issues := env.Compile(text)
		if issues.Err() != nil {
			err = issues.Err()
			return nil
		}
		var program cel.Program
		if program, err = env.Program(tree, cel.EvalOptions(cel.OptOptimize)); err != nil {
			return nil
		}
		return program
	}
	r := &secondRows{best: compile("plan != 'free'"), ok: compile("!('churned' in tags)")}
	for _, text := range []string{
		"title.matches('(?i)^(chief|vp|head of) ') && !email.endsWith('.edu')", "'security' in tags && website.contains('bank')",
		"plan in ['business', 'enterprise'] && email.matches('^[a-z]+[.][a-z]+[0-9]*@')", "size(tags) >= 4 && days_since(last_seen) < 30.0",
		"trial && days_since(signed) <= 60.0 || website.startsWith('https://shop.')",
	} {
		r.rules = append(r.rules, compile(text))
	}
	const silent = "days_since(last_seen)"
	for _, one := range []struct {
		weight float64
		text   string
	}{
		{40, silent + " <= 0.0 ? 100.0 : " + silent + " < 7.0 ? 100.0 - " + silent + " * 10.0 / 7.0 : " + silent + " < 30.0 ? 90.0 - (" + silent +
			" - 7.0) * 40.0 / 23.0 : " + silent + " < 180.0 ? 50.0 - (" + silent + " - 30.0) / 3.0 : 0.0"},
		{20, "clamp(double(size(tags)) / 6.0 * 100.0)"}, {15, "clamp(days_since(signed) / 15.0)"}, {10, "clamp(days_until(renewal) / 4.0)"},
		{15, "{'free': 0.0, 'starter': 30.0, 'business': 80.0, 'enterprise': 100.0}[plan]"},
	} {
		r.criteria = append(r.criteria, celCriterion{one.weight, compile(one.text)})
	}
	return r, err
}

// values are an account's values by name; what it lacks is left out.
func (a *account) values(into map[string]any) {
	clear(into)
	for name, text := range map[string]string{"email": a.email, "title": a.title, "website": a.website, "plan": a.plan} {
		if text != "" {
			into[name] = text
		}
	}
	for name, at := range map[string]time.Time{"signed": a.signed, "renewal": a.renewal, "last_seen": a.lastSeen} {
		if !at.IsZero() {
			into[name] = at
		}
	}
	if a.tags != nil {
		into["tags"] = a.tags
	}
	into["trial"] = a.trial
}

func (r *secondRows) row(i int, values map[string]any, out *workload.Out) {
	holds := func(p cel.Program) bool {
		v, _, err := p.Eval(values)
		return err == nil && v == types.True
	}
	out.Seg[i], out.Tier[i], out.Score[i] = 0, 1, 0
	for rule, program := range r.rules {
		if holds(program) {
			out.Seg[i] = uint8(rule + 1)
			break
		}
	}
	var sum, weights float64
	for _, c := range r.criteria {
		if v, _, err := c.program.Eval(values); err == nil {
			sum += c.weight * float64(v.(types.Double))
			weights += c.weight
		}
	}
	if weights == 0 {
		out.Tier[i] = 0
		return
	}
	score := sum / weights
	out.Score[i] = score
	switch {
	case score >= 65 && holds(r.best):
		out.Tier[i] = 4
	case score >= 50:
		out.Tier[i] = 3
	case score >= 35 && holds(r.ok):
		out.Tier[i] = 2
	}
}
