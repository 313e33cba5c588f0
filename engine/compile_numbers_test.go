package engine_test

import (
	"maps"
	"testing"

	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestMistakesOfScores(t *testing.T) {
	const at = "scores[0].criteria[0]"
	tests := map[string]mistake{
		"SCORE-2 a weight of 0":                   {func(m *model) { criterion(m, 0).Weight = 0 }, at + ".weight", "above 0"},
		"SCORE-2 a weight below 0":                {func(m *model) { criterion(m, 0).Weight = -1 }, at + ".weight", "above 0"},
		"MODEL-14 no criteria":                    {func(m *model) { m.Scores[0].Criteria = nil }, "scores[0].criteria", "no criteria"},
		"MODEL-14 a criterion without expression": {func(m *model) { criterion(m, 0).Expr = "" }, at + ".expr", "missing"},
		"NORM-14 no normaliser":                   {func(m *model) { criterion(m, 0).Normalize = nil }, at + ".normalize", "no normaliser"},
		"NORM-14 linear of a text":                {func(m *model) { criterion(m, 0).Expr = "s" }, at + ".expr", "a number is expected"},
		"NORM-14 lookup of a number":              {func(m *model) { criterion(m, 4).Expr = "x" }, "scores[0].criteria[4].expr", "a string is expected"},
		"NORM-14 boolean of a number":             {func(m *model) { criterion(m, 5).Expr = "x" }, "scores[0].criteria[5].expr", "a boolean is expected"},
		"NORM-14 percentile of a text":            {func(m *model) { criterion(m, 6).Expr = "s" }, "scores[0].criteria[6].expr", "a number is expected"},
		"NORM-1 linear without a width":           {func(m *model) { normalizer(m, 0).GetLinear().Max = 0 }, at + ".normalize.linear", "not below"},
		"NORM-1 linear upside down":               {func(m *model) { normalizer(m, 0).GetLinear().Max = -5 }, at + ".normalize.linear", "not below"},
		"NORM-2 log from 0":                       {func(m *model) { normalizer(m, 1).GetLog().Min = 0 }, "scores[0].criteria[1].normalize.log.min", "above 0"},
		"NORM-2 log from below 0":                 {func(m *model) { normalizer(m, 1).GetLog().Min = -1 }, "scores[0].criteria[1].normalize.log.min", "above 0"},
		"NORM-2 log upside down":                  {func(m *model) { normalizer(m, 1).GetLog().Max = 0.5 }, "scores[0].criteria[1].normalize.log", "not below"},
		"NORM-7 x that does not rise":             {func(m *model) { normalizer(m, 2).GetPiecewise().Points[1].X = 0 }, "scores[0].criteria[2].normalize.piecewise.points[1].x", "not lie above"},
		"NORM-7 one point":                        {func(m *model) { p := normalizer(m, 2).GetPiecewise(); p.Points = p.Points[:1] }, "scores[0].criteria[2].normalize.piecewise.points", "1 points"},
		"NORM-4 y above 1":                        {func(m *model) { normalizer(m, 2).GetPiecewise().Points[1].Y = 1.01 }, "scores[0].criteria[2].normalize.piecewise.points[1].y", "outside 0 to 1"},
		"NORM-4 y below 0":                        {func(m *model) { normalizer(m, 2).GetPiecewise().Points[1].Y = -0.1 }, "scores[0].criteria[2].normalize.piecewise.points[1].y", "outside 0 to 1"},
		"NORM-4 a band's value above 1":           {func(m *model) { normalizer(m, 3).GetBands().Bands[0].Value = 50 }, "scores[0].criteria[3].normalize.bands.bands[0].value", "outside 0 to 1"},
		"NORM-4 a lookup's value above 1":         {func(m *model) { normalizer(m, 4).GetLookup().Values["a"] = 2 }, `scores[0].criteria[4].normalize.lookup.values["a"]`, "outside 0 to 1"},
		"NORM-4 a default below 0":                {func(m *model) { *normalizer(m, 4).GetLookup().Default = -1 }, "scores[0].criteria[4].normalize.lookup.default", "outside 0 to 1"},
		"NORM-10 a from in the first band":        {func(m *model) { normalizer(m, 3).GetBands().Bands[0].From = number(0) }, "scores[0].criteria[3].normalize.bands.bands[0].from", "first band"},
		"NORM-10 a later band without from":       {func(m *model) { normalizer(m, 3).GetBands().Bands[1].From = nil }, "scores[0].criteria[3].normalize.bands.bands[1]", "only the first"},
		"NORM-10 bands that do not rise":          {func(m *model) { normalizer(m, 3).GetBands().Bands[2].From = number(1) }, "scores[0].criteria[3].normalize.bands.bands[2].from", "not lie above"},
		"NORM-10 no bands":                        {func(m *model) { normalizer(m, 3).GetBands().Bands = nil }, "scores[0].criteria[3].normalize.bands.bands", "empty"},
		"NORM-11 an empty lookup":                 {func(m *model) { normalizer(m, 4).GetLookup().Values = nil }, "scores[0].criteria[4].normalize.lookup.values", "empty"},
		"SCORE-9 a minimum above 1":               {func(m *model) { m.Scores[0].MinCompleteness = number(60) }, "scores[0].min_completeness", "outside 0 to 1"},
		"SCORE-9 a minimum below 0":               {func(m *model) { m.Scores[0].MinCompleteness = number(-0.1) }, "scores[0].min_completeness", "outside 0 to 1"},
	}
	for name, x := range notNumbers {
		maps.Copy(tests, map[string]mistake{
			"SCORE-2 a weight that is " + name:            {func(m *model) { criterion(m, 0).Weight = x }, at + ".weight", ""},
			"NORM-1 a minimum that is " + name:            {func(m *model) { normalizer(m, 0).GetLinear().Min = x }, at + ".normalize.linear", ""},
			"NORM-1 a maximum that is " + name:            {func(m *model) { normalizer(m, 0).GetLinear().Max = x }, at + ".normalize.linear", ""},
			"NORM-2 a log's maximum that is " + name:      {func(m *model) { normalizer(m, 1).GetLog().Max = x }, "scores[0].criteria[1].normalize.log", ""},
			"NORM-7 an x that is " + name:                 {func(m *model) { normalizer(m, 2).GetPiecewise().Points[0].X = x }, "scores[0].criteria[2].normalize.piecewise.points[0].x", ""},
			"NORM-4 a y that is " + name:                  {func(m *model) { normalizer(m, 2).GetPiecewise().Points[0].Y = x }, "scores[0].criteria[2].normalize.piecewise.points[0].y", ""},
			"NORM-10 a band from what is " + name:         {func(m *model) { normalizer(m, 3).GetBands().Bands[1].From = &x }, "scores[0].criteria[3].normalize.bands.bands[1].from", ""},
			"NORM-4 a default that is " + name:            {func(m *model) { normalizer(m, 4).GetLookup().Default = &x }, "scores[0].criteria[4].normalize.lookup.default", ""},
			"SCORE-9 a minimum completeness of " + name:   {func(m *model) { m.Scores[0].MinCompleteness = &x }, "scores[0].min_completeness", ""},
			"LADDER-16 a min_score that is " + name:       {func(m *model) { linear(m).Tiers[0].Cut.MinScore = &x }, "tierings[0].linear.tiers[0].cut.min_score", ""},
			"LADDER-16 a top_share that is " + name:       {func(m *model) { linear(m).Tiers[0].Cut.TopShare = &x }, "tierings[0].linear.tiers[0].cut.top_share", ""},
			"LADDER-16 a share that is " + name:           {func(m *model) { linear(m).Tiers[0].Cut.CumulativeShare.Share = x }, "tierings[0].linear.tiers[0].cut.cumulative_share.share", ""},
			"MATRIX-8 a percentile that is " + name:       {func(m *model) { matrix(m).Y.Cuts[0].GetPercentile().P = &x }, "tierings[1].matrix.y.cuts[0].percentile.p", ""},
			"MODEL-18 customers per rep that are " + name: {func(m *model) { m.Engagements[0].Roles[0].Capacity.PerRep = x }, "engagements[0].roles[0].capacity.per_rep", ""},
		})
	}
	checkMistakes(t, tests)
}

func TestMistakesOfTierings(t *testing.T) {
	const (
		cut = "tierings[0].linear.tiers[0].cut"
		box = "tierings[1].matrix"
	)
	checkMistakes(t, map[string]mistake{
		"LADDER-1 a last tier with a cut":          {func(m *model) { linear(m).Tiers[1].Cut = linear(m).Tiers[0].Cut }, "tierings[0].linear.tiers[1].cut", "last tier"},
		"LADDER-1 a last tier with an empty cut":   {func(m *model) { linear(m).Tiers[1].Cut = &echelonv1.Cut{} }, "tierings[0].linear.tiers[1].cut", "last tier"},
		"LADDER-1 a better tier without a cut":     {func(m *model) { linear(m).Tiers[0].Cut = nil }, "tierings[0].linear.tiers[0]", "only the last"},
		"LADDER-1 an empty cut":                    {func(m *model) { linear(m).Tiers[0].Cut = &echelonv1.Cut{} }, cut, "empty"},
		"LADDER-1 no tiers":                        {func(m *model) { linear(m).Tiers = nil }, "tierings[0].linear.tiers", "no tiers"},
		"LADDER-16 a min_score above 100":          {func(m *model) { linear(m).Tiers[0].Cut.MinScore = number(100.1) }, cut + ".min_score", "outside 0 to 100"},
		"LADDER-16 a min_score below 0":            {func(m *model) { linear(m).Tiers[0].Cut.MinScore = number(-1) }, cut + ".min_score", "outside 0 to 100"},
		"LADDER-16 a top_count of 0":               {func(m *model) { *linear(m).Tiers[0].Cut.TopCount = 0 }, cut + ".top_count", "less than 1"},
		"LADDER-16 a top_share of 0":               {func(m *model) { *linear(m).Tiers[0].Cut.TopShare = 0 }, cut + ".top_share", "not above 0"},
		"LADDER-16 a top_share of 20":              {func(m *model) { *linear(m).Tiers[0].Cut.TopShare = 20 }, cut + ".top_share", "at most 1"},
		"LADDER-16 a share of 0":                   {func(m *model) { linear(m).Tiers[0].Cut.CumulativeShare.Share = 0 }, cut + ".cumulative_share.share", "not above 0"},
		"LADDER-16 a share above 1":                {func(m *model) { linear(m).Tiers[0].Cut.CumulativeShare.Share = 1.5 }, cut + ".cumulative_share.share", "at most 1"},
		"LADDER-16 a share of nothing":             {func(m *model) { linear(m).Tiers[0].Cut.CumulativeShare.Of = "" }, cut + ".cumulative_share.of", "missing"},
		"MODEL-14 a share of a text":               {func(m *model) { linear(m).Tiers[0].Cut.CumulativeShare.Of = "s" }, cut + ".cumulative_share.of", "a number is expected"},
		"MODEL-14 a cut's condition is a number":   {func(m *model) { linear(m).Tiers[0].Cut.When = "x" }, cut + ".when", "a boolean is expected"},
		"MODEL-14 a tie breaker that is a list":    {func(m *model) { linear(m).TieBreakers[0].Expr = "tags" }, "tierings[0].linear.tie_breakers[0].expr", "expected"},
		"MODEL-14 a tie breaker of nothing":        {func(m *model) { linear(m).TieBreakers[0].Expr = "" }, "tierings[0].linear.tie_breakers[0].expr", "missing"},
		"LADDER-3 an unscored tier of nobody":      {func(m *model) { linear(m).Unscored = "lost" }, "tierings[0].linear.unscored", `no tier "lost"`},
		"MODEL-13 a ladder along an unknown score": {func(m *model) { linear(m).Score = "w" }, "tierings[0].linear.score", `no score "w"`},
		"MODEL-13 a ladder along nothing":          {func(m *model) { linear(m).Score = "" }, "tierings[0].linear.score", "missing"},
		"MODEL-13 an axis along an unknown score":  {func(m *model) { matrix(m).Y.Score = "w" }, box + ".y.score", `no score "w"`},
		"MODEL-14 neither ladder nor matrix":       {func(m *model) { m.Tierings[0].Kind = nil }, "tierings[0]", "neither"},
		"MODEL-16 two tierings drive coverage":     {func(m *model) { m.Tierings[1].DrivesCoverage = true }, "tierings[1].drives_coverage", "already"},
		"MODEL-17 an unknown engagement of a tier": {func(m *model) { linear(m).Tiers[0].Engagement = "digital" }, "tierings[0].linear.tiers[0].engagement", `no engagement "digital"`},
		"MODEL-17 an unknown engagement of a cell": {func(m *model) { matrix(m).Cells[1].Engagement = "x" }, box + ".cells[1].engagement", `no engagement "x"`},
		"MODEL-18 a role without ownership":        {func(m *model) { m.Engagements[0].Roles[0].Ownership = 0 }, "engagements[0].roles[0].ownership", "missing"},
		"MODEL-18 a capacity without driver":       {func(m *model) { m.Engagements[0].Roles[0].Capacity.Driver = 0 }, "engagements[0].roles[0].capacity.driver", "missing"},
		"MODEL-18 no customers per rep":            {func(m *model) { m.Engagements[0].Roles[0].Capacity.PerRep = 0 }, "engagements[0].roles[0].capacity.per_rep", "above 0"},
		"MODEL-18 a role without a name":           {func(m *model) { m.Engagements[0].Roles[0].Role = "" }, "engagements[0].roles[0].role", "missing"},
		"MATRIX-8 an axis without cuts":            {func(m *model) { matrix(m).X.Cuts = nil }, box + ".x.cuts", "no cuts"},
		"MATRIX-8 a cut without a line":            {func(m *model) { matrix(m).X.Cuts[0].Line = nil }, box + ".x.cuts[0]", "no line"},
		"MATRIX-8 a min_score above 100":           {func(m *model) { matrix(m).X.Cuts[0].Line = &echelonv1.AxisCut_MinScore{MinScore: 101} }, box + ".x.cuts[0].min_score", "outside 0 to 100"},
		"MATRIX-8 a percentile above 100":          {func(m *model) { matrix(m).Y.Cuts[0].GetPercentile().P = number(101) }, box + ".y.cuts[0].percentile.p", "outside 0 to 100"},
		"MATRIX-8 a percentile without p":          {func(m *model) { matrix(m).Y.Cuts[0].GetPercentile().P = nil }, box + ".y.cuts[0].percentile.p", "missing, which is not 0"},
		"MATRIX-8 a cell without x":                {func(m *model) { matrix(m).Cells[0].X = nil }, box + ".cells[0].x", "missing, which is not 0"},
		"MATRIX-8 a cell without y":                {func(m *model) { matrix(m).Cells[0].Y = nil }, box + ".cells[0].y", "missing, which is not 0"},
		"MATRIX-8 a level above the cuts":          {func(m *model) { matrix(m).Cells[0].X = proto.Int32(2) }, box + ".cells[0].x", "outside 0 to 1"},
		"MATRIX-8 a level below 0":                 {func(m *model) { matrix(m).Cells[0].Y = proto.Int32(-1) }, box + ".cells[0].y", "outside 0 to 1"},
		"MATRIX-8 a place that is taken":           {func(m *model) { matrix(m).Cells[1].X, matrix(m).Cells[1].Y = proto.Int32(0), proto.Int32(0) }, box + ".cells[1]", "taken"},
		"MATRIX-8 no cells":                        {func(m *model) { matrix(m).Cells = nil }, box + ".cells", "no cells"},
		"MODEL-14 an axis cut's condition":         {func(m *model) { matrix(m).X.Cuts[0].When = "x" }, box + ".x.cuts[0].when", "a boolean is expected"},
	})
}

func number(x float64) *float64 { return &x }
