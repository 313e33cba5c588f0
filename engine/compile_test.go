package engine_test

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// whole is a model with something of everything and no mistake; the tests below spoil it.
const whole = attributes + `
derived:
  - {name: z, expr: x * 2}
segmentations:
  - name: size
    segments: [{name: Large, when: z > 100}, {name: "Small & new!", when: y > 0}]
    otherwise: Other
    unknown: Nobody knows
scores:
  - name: v
    criteria:
      - {name: linear, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}
      - {name: log, expr: x, weight: 1, normalize: {log: {min: 1, max: 100}}}
      - {name: piecewise, expr: x, weight: 1, normalize: {piecewise: {points: [{x: 0, y: 0}, {x: 1, y: 1}]}}}
      - {name: bands, expr: x, weight: 1, normalize: {bands: {bands: [{value: 0}, {from: 1, value: 0.5}, {from: 2, value: 1}]}}}
      - {name: lookup, expr: s, weight: 1, normalize: {lookup: {values: {a: 1, b: 0.5}, default: 0}}}
      - {name: boolean, expr: b, weight: 1, normalize: {boolean: {}}}
      - {name: percentile, expr: x, weight: 1, normalize: {percentile: {}}}
    min_completeness: 0.5
tierings:
  - name: coverage
    drives_coverage: true
    linear:
      score: v
      tiers:
        - {name: first, cut: {min_score: 50, when: b, top_count: 5, top_share: 0.5, cumulative_share: {of: x, share: 0.5}}, engagement: digital-first}
        - {name: last}
      unscored: last
      tie_breakers: [{expr: x}]
  - name: box
    matrix:
      x: {score: v, cuts: [{min_score: 50, when: b}]}
      y: {score: v, cuts: [{percentile: {p: 50}}]}
      cells: [{x: 0, y: 0, name: Low, engagement: digital-first}, {x: 1, y: 1, name: High}]
engagements:
  - {name: digital-first, touch: TECH, roles: [{role: csm, ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 100}}]}
`

func wholeModel(t testing.TB) *echelonv1.Model {
	t.Helper()
	model, _, found := modelfile.Parse("model.yaml", []byte(whole))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	return model
}

// mistake spoils the whole model in one place; the finding must stand at the path and say so.
type mistake struct {
	spoil      func(m *echelonv1.Model)
	path, says string
}

func checkMistakes(t *testing.T, tests map[string]mistake) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			model := wholeModel(t)
			test.spoil(model)
			program, found := engine.Compile(model)
			if program != nil || !found.HasMistakes() {
				t.Fatal("it is taken")
			}
			for _, f := range found.Mistakes() {
				if f.Path == test.path && strings.Contains(f.Message, test.says) {
					return
				}
			}
			t.Errorf("it is not found at %s; found are\n%v", test.path, found)
		})
	}
}

func TestAModelWithoutMistakesCompiles(t *testing.T) {
	// MODEL-5, MODEL-17: free names are taken, and so is a tier without an engagement. Two cells of the matrix have no name.
	program, found := engine.Compile(wholeModel(t))
	if program == nil || len(found) != 2 || !has(found, "tierings[1].matrix.cells", "has no name") {
		t.Errorf("it finds %v", found)
	}
}

type model = echelonv1.Model

func criterion(m *model, i int) *echelonv1.Criterion  { return m.Scores[0].Criteria[i] }
func normalizer(m *model, i int) *echelonv1.Normalize { return criterion(m, i).Normalize }
func linear(m *model) *echelonv1.Tiering_Linear       { return m.Tierings[0].GetLinear() }
func matrix(m *model) *echelonv1.Tiering_Matrix       { return m.Tierings[1].GetMatrix() }

func TestMistakesOfNames(t *testing.T) {
	checkMistakes(t, map[string]mistake{
		"MODEL-1 a model without a name":           {func(m *model) { m.Name = "" }, "name", "missing or empty"},
		"MODEL-1 a model's name with capitals":     {func(m *model) { m.Name = "Default" }, "name", "no name of a model"},
		"MODEL-1 a model's name of 65 letters":     {func(m *model) { m.Name = strings.Repeat("a", 65) }, "name", "no name of a model"},
		"MODEL-2 an attribute without a name":      {func(m *model) { m.Attributes[0].Name = "" }, "attributes[0].name", "missing"},
		"MODEL-2 an attribute with a dash":         {func(m *model) { m.Attributes[0].Name = "a-b" }, "attributes[0].name", "no name"},
		"MODEL-2 an attribute that begins with _":  {func(m *model) { m.Attributes[0].Name = "_a" }, "attributes[0].name", "no name"},
		"MODEL-2 a derived attribute in capitals":  {func(m *model) { m.Derived[0].Name = "Z" }, "derived[0].name", "no name"},
		"MODEL-2 a segmentation with a dash":       {func(m *model) { m.Segmentations[0].Name = "a-b" }, "segmentations[0].name", "no name"},
		"MODEL-2 a score with a blank":             {func(m *model) { m.Scores[0].Name = "my score" }, "scores[0].name", "no name"},
		"MODEL-2 a tiering without a name":         {func(m *model) { m.Tierings[0].Name = "" }, "tierings[0].name", "missing"},
		"MODEL-2 an engagement with a blank":       {func(m *model) { m.Engagements[0].Name = "a b" }, "engagements[0].name", "no name"},
		"MODEL-3 an attribute called segments":     {func(m *model) { m.Attributes[0].Name = "segments" }, "attributes[0].name", "reserved"},
		"MODEL-3 an attribute called scores":       {func(m *model) { m.Attributes[0].Name = "scores" }, "attributes[0].name", "reserved"},
		"MODEL-3 an attribute called tiers":        {func(m *model) { m.Attributes[0].Name = "tiers" }, "attributes[0].name", "reserved"},
		"MODEL-3 an attribute called as_of":        {func(m *model) { m.Attributes[0].Name = "as_of" }, "attributes[0].name", "reserved"},
		"MODEL-3 an attribute called in":           {func(m *model) { m.Attributes[0].Name = "in" }, "attributes[0].name", "reserved"},
		"MODEL-3 a derived attribute called true":  {func(m *model) { m.Derived[0].Name = "true" }, "derived[0].name", "reserved"},
		"MODEL-4 two attributes of one name":       {func(m *model) { m.Attributes[1].Name = "x" }, "attributes[1].name", "taken by attributes[0]"},
		"MODEL-4 a derived attribute of that name": {func(m *model) { m.Derived[0].Name = "x" }, "derived[0].name", "taken by attributes[0]"},
		"MODEL-4 two segments of one name":         {func(m *model) { m.Segmentations[0].Segments[1].Name = "Large" }, "segmentations[0].segments[1].name", "taken"},
		"MODEL-4 two criteria of one name":         {func(m *model) { criterion(m, 1).Name = "linear" }, "scores[0].criteria[1].name", "taken"},
		"MODEL-4 two tiers of one name":            {func(m *model) { linear(m).Tiers[1].Name = "first" }, "tierings[0].linear.tiers[1].name", "taken"},
		"MODEL-4 two tierings of one name":         {func(m *model) { m.Tierings[1].Name = "coverage" }, "tierings[1].name", "taken"},
		"MODEL-4 two scores of one name":           {func(m *model) { m.Scores = append(m.Scores, m.Scores[0]) }, "scores[1].name", "taken"},
		"MODEL-4 two engagements of one name":      {func(m *model) { m.Engagements = append(m.Engagements, m.Engagements[0]) }, "engagements[1].name", "taken"},
		"MODEL-4 two segmentations of one name":    {func(m *model) { m.Segmentations = append(m.Segmentations, m.Segmentations[0]) }, "segmentations[1].name", "taken"},
		"MODEL-5 a segment without a name":         {func(m *model) { m.Segmentations[0].Segments[0].Name = "" }, "segmentations[0].segments[0].name", "missing"},
		"MODEL-5 a tier's name of 300 bytes":       {func(m *model) { linear(m).Tiers[0].Name = strings.Repeat("é", 150) }, "tierings[0].linear.tiers[0].name", "300 bytes"},
		"MODEL-5 a persona without a name":         {func(m *model) { matrix(m).Cells[0].Name = "" }, "tierings[1].matrix.cells[0].name", "missing"},
		"MODEL-5 a name that is no text":           {func(m *model) { linear(m).Tiers[0].Name = "\xff" }, "tierings[0].linear.tiers[0].name", "UTF-8"},
		"MODEL-5 a description that is no text":    {func(m *model) { m.Description = "\xff" }, "description", "UTF-8"},
		"MODEL-9 two attributes of one column":     {func(m *model) { m.Attributes[1].Column = "x" }, "attributes[1].column", "read by"},
	})
}

func TestMistakesOfAttributesAndSegments(t *testing.T) {
	checkMistakes(t, map[string]mistake{
		"MODEL-23 a model that decides nothing": {func(m *model) { m.Segmentations, m.Scores, m.Tierings = nil, nil, nil }, "", "decides nothing"},
		"MODEL-8 an attribute without a type":   {func(m *model) { m.Attributes[0].Type = 0 }, "attributes[0].type", "no type"},
		"MODEL-8 an attribute of type 99":       {func(m *model) { m.Attributes[0].Type = 99 }, "attributes[0].type", ""},
		"MODEL-8 values of a number":            {func(m *model) { m.Attributes[0].Values = []string{"1"} }, "attributes[0].values", "only a STRING"},
		"MODEL-8 a value twice":                 {func(m *model) { m.Attributes[3].Values = []string{"a", "a"} }, "attributes[3].values[1]", "taken"},
		"MODEL-8 an empty value":                {func(m *model) { m.Attributes[3].Values = []string{""} }, "attributes[3].values[0]", "empty"},
		"MODEL-10 a derived date":               {func(m *model) { m.Derived[0].Expr = "d" }, "derived[0].expr", "a number, a boolean or a string is expected"},
		"MODEL-10 a derived list":               {func(m *model) { m.Derived[0].Expr = "tags" }, "derived[0].expr", "expected"},
		"MODEL-10 a derived nothing":            {func(m *model) { m.Derived[0].Expr = "" }, "derived[0].expr", "missing"},
		"MODEL-13 an unknown attribute":         {func(m *model) { m.Derived[0].Expr = "x + xx" }, "derived[0].expr", `"xx"`},
		"MODEL-13 an unknown score":             {func(m *model) { m.Segmentations[0].Segments[0].When = "scores.w > 1" }, "segmentations[0].segments[0].when", `no score "w"`},
		"MODEL-14 a condition that is a number": {func(m *model) { m.Segmentations[0].Segments[0].When = "x" }, "segmentations[0].segments[0].when", "a boolean is expected"},
		"MODEL-14 no condition":                 {func(m *model) { m.Segmentations[0].Segments[0].When = "" }, "segmentations[0].segments[0].when", "missing"},
		"MODEL-14 a condition of blanks":        {func(m *model) { m.Segmentations[0].Segments[0].When = "  " }, "segmentations[0].segments[0].when", "empty"},
		"MODEL-14 bad syntax":                   {func(m *model) { m.Segmentations[0].Segments[0].When = "x >" }, "segmentations[0].segments[0].when", ""},
		"MODEL-14 no segments":                  {func(m *model) { m.Segmentations[0].Segments = nil }, "segmentations[0].segments", "no segments"},
		"MODEL-20 an amount that is a text":     {func(m *model) { m.Amount = "s" }, "amount", "a number is expected"},
		"MODEL-20 an amount of nobody":          {func(m *model) { m.Amount = "revenue" }, "amount", `"revenue"`},
		"EXPR-11 has":                           {func(m *model) { m.Segmentations[0].Segments[0].When = "has(x)" }, "segmentations[0].segments[0].when", "has does not see"},
		"EXPR-11 a comparison with null":        {func(m *model) { m.Segmentations[0].Segments[0].When = "x == null" }, "segmentations[0].segments[0].when", "null"},
		"EXPR-14 a date beside a timestamp":     {func(m *model) { m.Segmentations[0].Segments[0].When = "d < t" }, "segmentations[0].segments[0].when", ""},
		"EXPR-14 a date beside as_of":           {func(m *model) { m.Segmentations[0].Segments[0].When = "d < as_of" }, "segmentations[0].segments[0].when", ""},
		"EXPR-14 a date beside a text":          {func(m *model) { m.Segmentations[0].Segments[0].When = "d < '2026-01-01'" }, "segmentations[0].segments[0].when", ""},
	})
}

func TestMistakesOfEnumerations(t *testing.T) {
	// MODEL-19: a number that a newer version may give a meaning has none here, and nothing else is guessed.
	checkMistakes(t, map[string]mistake{
		"hit policy":  {func(m *model) { m.Segmentations[0].HitPolicy = 9 }, "segmentations[0].hit_policy", ""},
		"missing":     {func(m *model) { m.Scores[0].Missing = 9 }, "scores[0].missing", ""},
		"closed":      {func(m *model) { normalizer(m, 3).GetBands().Closed = 9 }, "scores[0].criteria[3].normalize.bands.closed", ""},
		"ties":        {func(m *model) { normalizer(m, 6).GetPercentile().Ties = 9 }, "scores[0].criteria[6].normalize.percentile.ties", ""},
		"share order": {func(m *model) { linear(m).Tiers[0].Cut.CumulativeShare.Order = 9 }, "tierings[0].linear.tiers[0].cut.cumulative_share.order", ""},
		"tie order":   {func(m *model) { linear(m).TieBreakers[0].Order = 9 }, "tierings[0].linear.tie_breakers[0].order", ""},
		"touch":       {func(m *model) { m.Engagements[0].Touch = 9 }, "engagements[0].touch", ""},
		"ownership":   {func(m *model) { m.Engagements[0].Roles[0].Ownership = 9 }, "engagements[0].roles[0].ownership", ""},
		"driver":      {func(m *model) { m.Engagements[0].Roles[0].Capacity.Driver = 9 }, "engagements[0].roles[0].capacity.driver", ""},
	})
}

func TestCompileSurvivesWhatIsNotThere(t *testing.T) {
	// MODEL-15: messages may be absent anywhere.
	for name, spoil := range map[string]func(m *model){
		"attribute":  func(m *model) { m.Attributes[0] = nil },
		"derived":    func(m *model) { m.Derived[0] = nil },
		"segment":    func(m *model) { m.Segmentations[0].Segments[0] = nil },
		"score":      func(m *model) { m.Scores[0] = nil },
		"criterion":  func(m *model) { m.Scores[0].Criteria[0] = nil },
		"normalizer": func(m *model) { normalizer(m, 0).Kind = &echelonv1.Normalize_Linear_{} },
		"lookup":     func(m *model) { normalizer(m, 4).Kind = &echelonv1.Normalize_Lookup_{} },
		"tiering":    func(m *model) { m.Tierings[0] = nil },
		"tier":       func(m *model) { linear(m).Tiers[0] = nil },
		"axis":       func(m *model) { matrix(m).X = nil },
		"axis cut":   func(m *model) { matrix(m).X.Cuts[0] = nil },
		"cell":       func(m *model) { matrix(m).Cells[0] = nil },
		"engagement": func(m *model) { m.Engagements[0] = nil },
		"band":       func(m *model) { normalizer(m, 3).GetBands().Bands[1] = nil },
		"everything": func(m *model) { proto.Reset(m) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if cause := recover(); cause != nil {
					t.Errorf("Compile panics: %v", cause)
				}
			}()
			m := wholeModel(t)
			spoil(m)
			if program, found := engine.Compile(m); program != nil || !found.HasMistakes() {
				t.Errorf("a model without its %s is taken", name)
			}
		})
	}
	if program, found := engine.Compile(nil); program != nil || !found.HasMistakes() {
		t.Error("no model at all is taken")
	}
}

var notNumbers = map[string]float64{"not a number": math.NaN(), "infinite": math.Inf(1), "negative infinite": math.Inf(-1)}
