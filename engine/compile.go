package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/scoring"
	"github.com/echelonhq/echelon/engine/segment"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Compile checks a model and compiles it. It returns everything that it found, mistakes and warnings; with a mistake there is no program. The
// findings name places within the model; modelfile.Source turns them into places of a file.
func Compile(model *echelonv1.Model) (*Program, diag.List) { return compile(model, false) }

// CompileStored compiles a model that compiled when it was stored, perhaps by an older program: where this one asks for more to be said, the model
// means what it meant then.
func CompileStored(model *echelonv1.Model) (*Program, diag.List) { return compile(model, true) }

func compile(model *echelonv1.Model, stored bool) (*Program, diag.List) {
	var size diag.List
	if !fits(model, &size) {
		return nil, size
	}
	model, found := wellFormed(model)
	if found.HasMistakes() {
		return nil, found
	}
	c := &compiler{
		program: &Program{model: model, schema: frame.ModelSchema(model.GetAttributes()), fingerprint: Fingerprint(model), zone: ZoneOf(model.GetTimeZone())},
		found:   check(model, stored),
		failed:  make(map[string]bool),
	}
	if len(model.GetAttributes())+len(model.GetDerived()) > maxAttributes {
		return nil, c.found
	}
	c.program.items = items(model)
	texts := allTexts(model, c.program.items)
	if !fitTogether(texts, &c.found) {
		return nil, c.found
	}
	c.calls = familyCalls(model, texts)
	if !c.names() || !c.derived() {
		return nil, c.found
	}
	c.families()
	c.population()
	for _, i := range c.program.order {
		c.item(c.program.items[i])
	}
	if model.GetAmount() != "" {
		c.program.amount = c.expression("amount", model.GetAmount(), expr.Number)
	}
	if c.found.HasMistakes() {
		return nil, c.found
	}
	c.program.finish()
	c.found.Add(c.program.lint()...)
	return c.program, c.found
}

// Fingerprint is equal for equal models: the SHA-256 of the message's deterministic form, in hexadecimal.
func Fingerprint(model *echelonv1.Model) string {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(model)
	if err != nil {
		// A text of it is no valid UTF-8. Such a model does not compile, and needs only to be told apart from others.
		data = []byte(model.String())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type compiler struct {
	program *Program
	found   diag.List
	env     *expr.Env
	// all knows the names of all variables, derived attributes too, and not the kinds of these.
	all *expr.Env
	// calls are those that read families, by name.
	calls []expr.FamilyCall
	// failed are the variables that could not be compiled, and the attributes without a type that there is: of expressions that read them only what does not depend on them is checked, so that one
	// mistake is told once.
	failed map[string]bool
	// loose is env beside so many failed variables; it is made when it is needed.
	loose       *expr.Loose
	looseEnv    *expr.Env
	looseFailed int
}

// variables returns the environment's variables but for the derived attributes, whose kinds must be found out first.
func (c *compiler) variables() []expr.Variable {
	var list []expr.Variable
	add := func(name string, kind expr.Kind) {
		if !slices.ContainsFunc(list, func(v expr.Variable) bool { return v.Name == name }) {
			list = append(list, expr.Variable{Name: name, Kind: kind})
		}
	}
	for _, a := range c.program.model.GetAttributes() {
		if usable(a.GetName()) {
			add(a.GetName(), expr.KindOf(a.GetType()))
		}
	}
	for _, one := range c.program.items {
		switch {
		case one.kind == derivedKind || !usable(c.name(one)):
		case one.kind == scoreKind:
			add(one.variable, expr.Number)
		default:
			add(one.variable, expr.String)
		}
	}
	for _, call := range c.calls {
		list = append(list, expr.FamilyVariable(call))
	}
	return list
}

// usable reports whether expressions can read a name; one that they cannot was found to be a mistake by check.
func usable(name string) bool { return wordPattern.MatchString(name) && !expr.IsReserved(name) }

func (c *compiler) name(one *item) string {
	model := c.program.model
	switch one.kind {
	case segmentationKind:
		return model.GetSegmentations()[one.index].GetName()
	case scoreKind:
		return model.GetScores()[one.index].GetName()
	case tieringKind:
		return model.GetTierings()[one.index].GetName()
	}
	return one.variable
}

// names finds out what needs what, and reports whether that can be said at all.
func (c *compiler) names() bool {
	all := c.variables()
	for _, d := range c.program.model.GetDerived() {
		known := slices.ContainsFunc(all, func(v expr.Variable) bool { return v.Name == d.GetName() })
		if usable(d.GetName()) && !known {
			all = append(all, expr.Variable{Name: d.GetName(), Kind: expr.Number})
		}
	}
	if !c.environment(all) {
		return false
	}
	c.all = c.env
	connect(c.program.items, c.all)
	c.program.order = order(c.program.items, &c.found)
	return true
}

func (c *compiler) environment(variables []expr.Variable) bool {
	env, err := expr.NewEnvIn(variables, c.program.zone)
	if err != nil {
		c.found.Mistakef("", "simplify the model's names", "the model's names cannot be used in expressions: %v", err)
		return false
	}
	c.env, c.program.variables = env, variables
	return true
}

// derived compiles the derived attributes, level by level: an environment knows those of the levels before it.
func (c *compiler) derived() bool {
	program := c.program
	program.derived = make([]*expr.Expr, len(program.model.GetDerived()))
	for _, a := range program.model.GetAttributes() {
		if !typed(a) {
			c.failed[a.GetName()] = true
		}
	}
	variables := slices.DeleteFunc(c.variables(), func(v expr.Variable) bool { return c.failed[v.Name] })
	known := make(map[int]bool)
	for {
		if !c.environment(slices.Clip(variables)) {
			return false
		}
		ready := c.ready(known)
		if len(ready) == 0 {
			c.circular(known)
			return true
		}
		for _, i := range ready {
			known[i] = true
			one := program.items[i]
			compiled := c.expression(one.path+".expr", one.texts[0], expr.Number, expr.Boolean, expr.String)
			if compiled == nil || !usable(one.variable) {
				c.failed[one.variable] = true
				continue
			}
			program.derived[one.index] = compiled
			if !slices.ContainsFunc(variables, func(v expr.Variable) bool { return v.Name == one.variable }) {
				variables = append(variables, expr.Variable{Name: one.variable, Kind: compiled.Kind()})
			}
		}
	}
}

// circular checks what can be checked of the derived attributes that need themselves: their names.
func (c *compiler) circular(known map[int]bool) {
	for _, i := range c.program.order {
		one := c.program.items[i]
		if one.kind != derivedKind || known[i] {
			continue
		}
		c.failed[one.variable] = true
	}
	for _, i := range c.program.order {
		if one := c.program.items[i]; one.kind == derivedKind && !known[i] {
			c.checkLoosely(one.path+".expr", one.texts[0], expr.Number, expr.Boolean, expr.String)
		}
	}
}

// checkLoosely checks an expression that reads a failed variable: its names, and where these are right the types that do not depend on that variable.
func (c *compiler) checkLoosely(path, text string, kinds ...expr.Kind) {
	problems := c.all.CheckNames(text)
	kind, known := expr.Kind(0), false
	// Families are added up of numbers alone: a call of what failed has no type to go on with.
	spoiled := slices.ContainsFunc(expr.FamilyCalls(text), func(call expr.FamilyCall) bool { return c.failed[call.Of] })
	if len(problems) == 0 && !spoiled {
		loose := c.besideFailed()
		if loose == nil {
			return
		}
		kind, known, problems = loose.Check(text)
	}
	for _, p := range problems {
		c.found.MistakeAtf(path, p.Offset, p.Remedy, "%s", p.Message)
	}
	if known && !slices.Contains(kinds, kind) {
		c.found.MistakeAtf(path, -1, "", "%s is expected, and the expression is a %s", anyOf(kinds), kind)
	}
}

// besideFailed returns the environment with the variables that failed so far, whatever they are; nil where there is none.
func (c *compiler) besideFailed() *expr.Loose {
	if c.looseEnv != c.env || c.looseFailed != len(c.failed) {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(c.failed)) {
			if usable(name) && !slices.ContainsFunc(c.program.variables, func(v expr.Variable) bool { return v.Name == name }) {
				names = append(names, name)
			}
		}
		c.looseEnv, c.looseFailed = c.env, len(c.failed)
		c.loose, _ = c.env.Beside(names) // without it the names alone are checked
	}
	return c.loose
}

// ready returns the derived attributes that are not known yet and need no other such.
func (c *compiler) ready(known map[int]bool) []int {
	var list []int
	for _, i := range c.program.order {
		if c.program.items[i].kind != derivedKind || known[i] {
			continue
		}
		blocked := slices.ContainsFunc(c.program.items[i].needs, func(need int) bool {
			return c.program.items[need].kind == derivedKind && !known[need]
		})
		if !blocked {
			list = append(list, i)
		}
	}
	return list
}

// expression compiles an expression that must be of one of the given kinds; nil where it cannot.
func (c *compiler) expression(path, text string, kinds ...expr.Kind) *expr.Expr {
	if text == "" {
		return nil
	}
	for _, name := range c.all.Refs(text) {
		if c.failed[name] {
			c.checkLoosely(path, text, kinds...)
			return nil
		}
	}
	compiled, problems := c.env.Compile(text)
	for _, p := range problems {
		c.found.MistakeAtf(path, p.Offset, p.Remedy, "%s", p.Message)
	}
	if compiled == nil {
		return nil
	}
	if compiled.Converts() && c.program.model.GetCurrency() == nil {
		c.found.MistakeAtf(path, -1, "write at the top of the model, for example, currency: {base: EUR, rates: [{currency: USD, date: 2026-01-31, rate: 0.92}]}",
			"convert needs a currency to convert into, and the model declares none")
		return nil
	}
	if !slices.Contains(kinds, compiled.Kind()) {
		c.found.MistakeAtf(path, -1, "", "%s is expected, and the expression is a %s", anyOf(kinds), compiled.Kind())
		return nil
	}
	c.program.expressions = append(c.program.expressions, placed{path, compiled})
	return compiled
}

func anyOf(kinds []expr.Kind) string {
	text := "a " + kinds[0].String()
	for i, kind := range kinds[1:] {
		if i == len(kinds)-2 {
			text += " or a " + kind.String()
		} else {
			text += ", a " + kind.String()
		}
	}
	return text
}

// item compiles a segmentation, a score or a tiering; derived attributes are compiled before.
func (c *compiler) item(one *item) {
	switch one.kind {
	case segmentationKind:
		c.segmentation(one.path, one.index)
	case scoreKind:
		c.score(one.path, one.index)
	case tieringKind:
		c.tiering(one.path, one.index)
	}
}

func (c *compiler) segmentation(path string, index int) {
	declared := c.program.model.GetSegmentations()[index]
	var conditions []*expr.Expr
	for i, s := range declared.GetSegments() {
		conditions = append(conditions, c.expression(fmt.Sprintf("%s.segments[%d].when", path, i), s.GetWhen(), expr.Boolean))
	}
	if c.found.HasMistakes() {
		return
	}
	c.program.segmentations = grow(c.program.segmentations, index)
	c.program.segmentations[index] = segment.New(declared, conditions)
}

func (c *compiler) score(path string, index int) {
	declared := c.program.model.GetScores()[index]
	var expressions []scoring.Exprs
	for i, criterion := range declared.GetCriteria() {
		at := fmt.Sprintf("%s.criteria[%d]", path, i)
		percentile := criterion.GetNormalize().GetPercentile()
		expressions = append(expressions, scoring.Exprs{
			Input:    c.expression(at+".expr", criterion.GetExpr(), inputKind(criterion.GetNormalize())),
			WeightBy: c.expression(at+".normalize.percentile.weight_by", percentile.GetWeightBy(), expr.Number),
			By:       c.peers(at+".normalize.percentile.by", percentile.GetBy()),
		})
	}
	if c.found.HasMistakes() {
		return
	}
	for i := range expressions {
		if by := expressions[i].By; by != nil {
			expressions[i].Segments = c.program.segmentations[c.segmentationOf(by.Text())].Names()
		}
	}
	c.program.scores = grow(c.program.scores, index)
	c.program.scores[index] = scoring.New(declared, expressions)
}

// peers compiles the segmentation within which a percentile ranks: it has names that a calibration can list, and so is no other text.
func (c *compiler) peers(path, text string) *expr.Expr {
	by := c.expression(path, text, expr.String)
	if by != nil && c.segmentationOf(text) < 0 {
		c.found.Mistakef(path, "write segments.<name>", "%s is no segmentation", frame.Quote(text))
		return nil
	}
	return by
}

// segmentationOf returns the place of the segmentation that an expression reads and does nothing else, and -1 where it is another.
func (c *compiler) segmentationOf(text string) int {
	return slices.IndexFunc(c.program.model.GetSegmentations(), func(s *echelonv1.Segmentation) bool { return text == "segments."+s.GetName() })
}

// inputKind returns what a normaliser reads.
func inputKind(n *echelonv1.Normalize) expr.Kind {
	switch n.GetKind().(type) {
	case *echelonv1.Normalize_Lookup_:
		return expr.String
	case *echelonv1.Normalize_Boolean_:
		return expr.Boolean
	}
	return expr.Number
}

// grow makes a list long enough to have a place at index.
func grow[T any](list []T, index int) []T {
	if missing := index + 1 - len(list); missing > 0 {
		return append(list, make([]T, missing)...)
	}
	return list
}
