package engine

import (
	"math"
	"regexp"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/format"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxAttributes is the most attributes, derived ones too, of a model: beyond it compiling takes long.
const maxAttributes = 2000

// maxNameBytes is the longest free name: of a segment, a tier, a persona or a criterion.
const maxNameBytes = 256

var (
	wordPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	dashedPattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
)

// checker finds the mistakes of a model that can be seen without compiling its expressions.
type checker struct {
	model *echelonv1.Model
	found diag.List
	// scores and engagements are the names that tierings may use.
	scores, engagements []string
	// stored tells that the model compiled when it was stored.
	stored bool
}

func check(model *echelonv1.Model, stored bool) diag.List {
	c := &checker{model: model, stored: stored}
	for _, score := range model.GetScores() {
		c.scores = append(c.scores, score.GetName())
	}
	for _, engagement := range model.GetEngagements() {
		c.engagements = append(c.engagements, engagement.GetName())
	}
	if c.given("name", model.GetName(), "give the model a name, such as b2b-default") && !dashedPattern.MatchString(model.GetName()) {
		c.found.Mistakef("name", "use a to z, 0 to 9, _ and -, beginning with a letter, at most 64 characters", "%q is no name of a model", model.GetName())
	}
	if n := len(model.GetAttributes()) + len(model.GetDerived()); n > maxAttributes {
		c.found.Mistakef("attributes", "declare those that the model reads", "the model has %d attributes, at most %d are allowed", n, maxAttributes)
		return c.found
	}
	if len(model.GetSegmentations())+len(model.GetScores())+len(model.GetTierings()) == 0 {
		c.found.Mistakef("", "declare segmentations, scores or tierings", "the model decides nothing")
	}
	if _, known := zoneOf(model.GetTimeZone()); !known {
		c.found.Mistakef("time_zone", "write its name in the IANA database, such as Europe/Berlin", "there is no time zone %s", frame.Quote(model.GetTimeZone()))
	}
	c.currency()
	c.attributes()
	c.segmentations()
	for i, score := range model.GetScores() {
		c.score(diag.Index("scores", i), score)
	}
	c.words("scores", c.scores)
	c.tierings()
	c.families()
	c.engagementList()
	if p := model.GetPublishing(); p != nil && (p.GetApprovals() < 1 || p.GetApprovals() > maxApprovals) {
		c.found.Mistakef("publishing.approvals", "write how many principals must approve a run, or leave `publishing` out",
			"%d is no number of approvals from 1 to %d", p.GetApprovals(), maxApprovals)
	}
	return c.found
}

// maxApprovals is how many principals at most must approve a run.
const maxApprovals = 10

// given reports whether a text is there, and finds a mistake where it is not.
func (c *checker) given(path, text, remedy string) bool {
	if text == "" {
		c.found.Mistakef(path, remedy, "it is missing or empty")
	}
	return text != ""
}

// declared finds a mistake where a number is not there: that is not 0. In models that were stored before this was told apart, it is.
func (c *checker) declared(path string, there bool, remedy string) bool {
	if !there && !c.stored {
		c.found.Mistakef(path, remedy, "it is missing, which is not 0")
	}
	return there || c.stored
}

// words checks the names of a list that expressions can read.
func (c *checker) words(list string, names []string) {
	first := make(map[string]int)
	for i, name := range names {
		path := diag.Field(diag.Index(list, i), "name")
		if !c.given(path, name, "give it a name") {
			continue
		}
		switch {
		case expr.IsReserved(name):
			c.found.Mistakef(path, "choose another name", "%q is a reserved word", name)
		case !wordPattern.MatchString(name):
			c.found.Mistakef(path, "use a to z, 0 to 9 and _, beginning with a letter, at most 64 characters", "%q is no name", name)
		}
		c.unique(path, first, name, i, list)
	}
}

// unique finds a mistake where a name was used before in a list.
func (c *checker) unique(path string, first map[string]int, name string, i int, list string) {
	if before, taken := first[name]; taken {
		c.found.Mistakef(path, "rename one of them", "the name %q is taken by %s", name, diag.Index(list, before))
		return
	}
	first[name] = i
}

// free checks a name that is free text.
func (c *checker) free(path, name string) {
	if c.given(path, name, "give it a name") && len(name) > maxNameBytes {
		c.found.Mistakef(path, "shorten it", "the name has %d bytes, at most %d are allowed", len(name), maxNameBytes)
	}
}

func (c *checker) attributes() {
	first, columns := make(map[string]string), make(map[string]string)
	name := func(path, name string) {
		if !c.given(path, name, "give it a name") {
			return
		}
		switch {
		case expr.IsReserved(name):
			c.found.Mistakef(path, "choose another name, and say in `column` what files call it", "%q is a reserved word", name)
		case !wordPattern.MatchString(name):
			c.found.Mistakef(path, "use a to z, 0 to 9 and _, beginning with a letter, at most 64 characters, and say in `column` what files call it",
				"%q is no name of an attribute", name)
		}
		if before, taken := first[name]; taken {
			c.found.Mistakef(path, "rename one of them", "the name %q is taken by %s", name, before)
			return
		}
		first[name] = path[:len(path)-len(".name")]
	}
	for i, a := range c.model.GetAttributes() {
		path := diag.Index("attributes", i)
		name(diag.Field(path, "name"), a.GetName())
		c.attribute(path, a)
		column := a.GetColumn()
		if column == "" {
			column = a.GetName()
		}
		if before, taken := columns[column]; taken && before != a.GetName() {
			c.found.Mistakef(diag.Field(path, "column"), "give each attribute a column of its own", "the column %q is read by %q already", column, before)
		}
		columns[column] = a.GetName()
	}
	for i, d := range c.model.GetDerived() {
		path := diag.Index("derived", i)
		name(diag.Field(path, "name"), d.GetName())
		c.given(diag.Field(path, "expr"), d.GetExpr(), "write the expression that computes it")
	}
}

// typed reports whether an attribute has a type that there is. What one without is worth in expressions nobody knows.
func typed(a *echelonv1.Attribute) bool {
	_, known := echelonv1.Attribute_Type_name[int32(a.GetType())]
	return known && a.GetType() != echelonv1.Attribute_UNSPECIFIED
}

func (c *checker) attribute(path string, a *echelonv1.Attribute) {
	c.freshness(path, a)
	if !typed(a) {
		c.found.Mistakef(diag.Field(path, "type"), "write NUMBER, INTEGER, STRING, BOOLEAN, DATE, TIMESTAMP or STRING_LIST", "it has no type")
	}
	texts := a.GetType() == echelonv1.Attribute_STRING || a.GetType() == echelonv1.Attribute_STRING_LIST
	if len(a.GetValues()) > 0 && !texts && typed(a) {
		c.found.Mistakef(diag.Field(path, "values"), "remove it, or make the attribute a STRING", "only a STRING or a STRING_LIST has a list of values")
	}
	for _, f := range format.Check(a) {
		f.Path = diag.Field(diag.Field(path, "format"), f.Path)
		c.found.Add(f)
	}
	first := make(map[string]int)
	for k, value := range a.GetValues() {
		at := diag.Index(diag.Field(path, "values"), k)
		c.unique(at, first, value, k, diag.Field(path, "values"))
		if value == "" {
			c.found.Mistakef(at, "remove it; a missing value needs no entry", "an allowed value is empty")
		}
	}
}

func (c *checker) segmentations() {
	var names []string
	for i, s := range c.model.GetSegmentations() {
		names = append(names, s.GetName())
		path := diag.Index("segmentations", i)
		if len(s.GetSegments()) == 0 {
			c.found.Mistakef(diag.Field(path, "segments"), "declare at least one", "it has no segments")
		}
		first := make(map[string]int)
		for k, segment := range s.GetSegments() {
			at := diag.Index(diag.Field(path, "segments"), k)
			c.free(diag.Field(at, "name"), segment.GetName())
			c.given(diag.Field(at, "when"), segment.GetWhen(), "write its condition, or name it in `otherwise`")
			c.unique(diag.Field(at, "name"), first, segment.GetName(), k, diag.Field(path, "segments"))
		}
		if s.GetOtherwise() != "" {
			c.free(diag.Field(path, "otherwise"), s.GetOtherwise())
		}
		if s.GetUnknown() != "" {
			c.free(diag.Field(path, "unknown"), s.GetUnknown())
		}
	}
	c.words("segmentations", names)
}

func (c *checker) engagementList() {
	first := make(map[string]int)
	for i, e := range c.model.GetEngagements() {
		path := diag.Index("engagements", i)
		at := diag.Field(path, "name")
		if c.given(at, e.GetName(), "give it a name") && !dashedPattern.MatchString(e.GetName()) {
			c.found.Mistakef(at, "use a to z, 0 to 9, _ and -, beginning with a letter, at most 64 characters", "%q is no name", e.GetName())
		}
		c.unique(at, first, e.GetName(), i, "engagements")
		roles := make(map[string]int)
		for k, role := range e.GetRoles() {
			c.role(diag.Index(diag.Field(path, "roles"), k), role)
			c.unique(diag.Field(diag.Index(diag.Field(path, "roles"), k), "role"), roles, role.GetRole(), k, diag.Field(path, "roles"))
		}
	}
}

func (c *checker) role(path string, role *echelonv1.Role) {
	c.free(diag.Field(path, "role"), role.GetRole())
	if role.GetOwnership() == echelonv1.Role_UNSPECIFIED {
		c.found.Mistakef(diag.Field(path, "ownership"), "write DEDICATED, POOLED or DIGITAL", "it is missing")
	}
	c.reps(path, role)
	capacity := role.GetCapacity()
	if capacity == nil {
		return
	}
	if capacity.GetDriver() == echelonv1.Capacity_UNSPECIFIED {
		c.found.Mistakef(diag.Field(path, "capacity.driver"), "write ACCOUNTS, OPPORTUNITIES, HOURS or AMOUNT", "it is missing")
	}
	if per := capacity.GetPerRep(); !(per > 0) || math.IsInf(per, 0) {
		c.found.Mistakef(diag.Field(path, "capacity.per_rep"), "write how much one rep can cover", "it must be above 0")
	}
}

// engagement finds a mistake where a tier names an engagement that there is not.
func (c *checker) engagement(path, name string) {
	if name == "" {
		return
	}
	for _, known := range c.engagements {
		if known == name {
			return
		}
	}
	remedy := diag.DidYouMean(name, c.engagements)
	if remedy == "" {
		remedy = "declare it under engagements"
	}
	c.found.Mistakef(diag.Field(path, "engagement"), remedy, "there is no engagement %q", name)
}

// AttributeNameFault returns why a text cannot be an attribute's name, and "" where it can.
func AttributeNameFault(name string) string {
	switch {
	case expr.IsReserved(name):
		return "it is a reserved word; choose another name"
	case !wordPattern.MatchString(name):
		return "use a to z, 0 to 9 and _, beginning with a letter, at most 64 characters"
	}
	return ""
}
