package main

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/echelonhq/echelon/internal/workload"
)

// celRows is W with cel-go, row by row: what a service does that evaluates a rule engine's expressions for each customer. Each rule and each criterion
// is a program; weights are added up in Go. Numbers that are null are left out of the row, so that reading one is an error, as in Echelon.
type celRows struct {
	cols     *workload.Cols
	rules    []cel.Program
	criteria []celCriterion
}

type celCriterion struct {
	weight  float64
	program cel.Program
}

func newCELRows(c *workload.Cols) (*celRows, error) {
	options := []cel.EnvOption{
		cel.Function("log10", cel.Overload("log10_double", []*cel.Type{cel.DoubleType}, cel.DoubleType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Double(math.Log10(float64(v.(types.Double)))) }))),
		cel.Function("rank", cel.Overload("rank_double", []*cel.Type{cel.DoubleType}, cel.DoubleType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Double(rankOf(&c.BP, float64(v.(types.Double)))) }))),
		cel.Function("clamp", cel.Overload("clamp_double", []*cel.Type{cel.DoubleType}, cel.DoubleType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Double(min(max(float64(v.(types.Double)), 0), 100)) }))),
		cel.Function("industry_score", cel.Overload("industry_score_string", []*cel.Type{cel.StringType}, cel.DoubleType,
			cel.UnaryBinding(industryScore(c)))),
		cel.Variable(workload.BName, cel.BoolType),
	}
	for _, name := range workload.FNames {
		options = append(options, cel.Variable(name, cel.DoubleType))
	}
	for _, name := range workload.INames {
		options = append(options, cel.Variable(name, cel.DoubleType))
	}
	for _, name := range workload.SNames {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	r := &celRows{cols: c}
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
	for _, text := range []string{
		"industry in ['industry_00', 'industry_01', 'industry_02'] && employees > 1000.0", "country == 'DE' && plan in ['business', 'enterprise']",
		"growth_potential > 0.7 && share_of_wallet < 0.3", "tenure_days > 1825.0 && nps >= 50.0", "employees < 50.0 && seats < 20.0 && !is_partner",
	} {
		r.rules = append(r.rules, compile(text))
	}
	for _, one := range []struct {
		weight float64
		text   string
	}{
		{10, "industry_score(industry)"}, {20, "clamp((log10(arr) - 3.0) / 4.0 * 100.0)"},
		{15, "employees <= 0.0 ? 0.0 : employees < 50.0 ? employees * 0.4 : employees < 250.0 ? 20.0 + (employees - 50.0) * 0.15 : employees < 1000.0 ? 50.0 + (employees - 250.0) * 0.04 : employees < 10000.0 ? 80.0 + (employees - 1000.0) / 450.0 : 100.0"},
		{15, "rank(usage)"}, {15, "clamp(growth_potential * 100.0)"}, {10, "clamp((nps + 100.0) / 2.0)"}, {5, "clamp(tenure_days / 36.5)"},
		{10, "clamp(product_count * 10.0)"},
	} {
		r.criteria = append(r.criteria, celCriterion{one.weight, compile(one.text)})
	}
	return r, err
}

func industryScore(c *workload.Cols) func(ref.Val) ref.Val {
	scores := make(map[string]float64)
	for code, name := range c.Dict[workload.INDUSTRY] {
		scores[name] = workload.IndustryScore[code]
	}
	return func(v ref.Val) ref.Val { return types.Double(scores[string(v.(types.String))]) }
}

// rankOf counts the breakpoints that are at most x, less one.
func rankOf(breakpoints *[101]float64, x float64) float64 {
	low, high := 0, len(breakpoints)
	for low < high {
		if middle := (low + high) / 2; breakpoints[middle] <= x {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return float64(max(0, low-1))
}

// row is a customer's values by name.
func (r *celRows) row(i int, into map[string]any) {
	clear(into)
	for k, name := range workload.FNames {
		if x := r.cols.F[k][i]; !math.IsNaN(x) {
			into[name] = x
		}
	}
	for k, name := range workload.INames {
		if x := r.cols.I[k][i]; x != workload.NullI {
			into[name] = float64(x)
		}
	}
	for k, name := range workload.SNames {
		into[name] = r.cols.Str[k][i]
	}
	into[workload.BName] = r.cols.B[i]
}

// score scores the first so many customers.
func (r *celRows) score(rows int) contestant {
	out, want := workload.NewOut(rows), fused(r.cols, rows)
	return contestant{name: "cel-go, row by row", rows: rows,
		run: func() error {
			values := make(map[string]any)
			for i := range rows {
				r.row(i, values)
				r.one(i, values, out)
			}
			return nil
		},
		after: func() error { return agree("cel-go", out.Sums(), want.Sums()) }}
}

func (r *celRows) one(i int, values map[string]any, out *workload.Out) {
	out.Seg[i] = 0
	for rule, program := range r.rules {
		if v, _, err := program.Eval(values); err == nil && v == types.True {
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
	score := sum / weights
	out.Score[i], out.Tier[i], out.Persona[i] = score, 1, 0
	for tier, line := range []float64{45, 60, 75} {
		if score >= line {
			out.Tier[i] = uint8(tier + 2)
		}
	}
	growth, wallet := r.cols.F[workload.GROWTH][i], r.cols.F[workload.SOW][i]
	if math.IsNaN(growth) || math.IsNaN(wallet) {
		return
	}
	out.Persona[i] = 4
	if wallet >= 0.5 {
		out.Persona[i]--
	}
	if growth >= 0.5 {
		out.Persona[i] -= 2
	}
}
