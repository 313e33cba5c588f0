package stability

import (
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Policy is what holds customers in the tiers of a ladder or a table, or in the personas of a matrix. It is immutable.
type Policy struct {
	item, score string
	// tiers are those of a ladder or a table, exits their exit rules, nil where one has none; a matrix has neither.
	tiers []*echelonv1.Tier
	exits []*exit
	// rules is the stability block, calendar its windows; block tells whether there is one, else exit rules are all.
	rules    *echelonv1.Stability
	calendar calendar
	block    bool
	// freeze is the day before which demotions are frozen; nil without one.
	freeze *expr.Expr
}

// New returns what holds customers in the tiers of a checked tiering, whose exit rules' expressions, one entry a tier, and whose freeze are compiled;
// nil where nothing does.
func New(declared *echelonv1.Tiering, exits []ExitExprs, freeze *expr.Expr) *Policy {
	p := &Policy{
		item: "tiers." + declared.GetName(), score: declared.GetLinear().GetScore(), tiers: tiersOf(declared),
		rules: declared.GetStability(), block: declared.GetStability() != nil, freeze: freeze, calendar: newCalendar(declared.GetStability().GetReview()),
	}
	held := p.block
	for i, tier := range p.tiers {
		var exprs ExitExprs
		if i < len(exits) {
			exprs = exits[i]
		}
		p.exits = append(p.exits, newExit(tier.GetExit(), exprs))
		held = held || tier.GetExit() != nil
	}
	if !held {
		return nil
	}
	return p
}

// tiersOf returns the tiers of a ladder or a table, best first; a matrix has none.
func tiersOf(declared *echelonv1.Tiering) []*echelonv1.Tier {
	tiers := declared.GetLinear().GetTiers()
	for _, t := range declared.GetTable().GetTiers() {
		tiers = append(tiers, &echelonv1.Tier{Name: t.GetName(), Level: t.Level})
	}
	return tiers
}

// HasStandings reports whether it needs to know how customers came to be in their tiers.
func (p *Policy) HasStandings() bool { return p.block }

// Caps reports whether it admits so many moves, which needs to see all customers.
func (p *Policy) Caps() bool {
	return p.rules.GetMaxMoves() != nil || p.rules.GetGuard().GetStop() && p.rules.GetGuard().MaxPromotedShare != nil
}

const none = -1

// direction is where a move leads.
type direction int

const (
	sideways direction = iota
	up
	down
)

// rank orders the tiers of a ladder, the best first; those of one level are equal.
func (p *Policy) rank(place int) int {
	if level := p.tiers[place].Level; level != nil {
		return int(*level)
	}
	return place
}

// direction returns where a move from one place to another leads; between personas it is sideways.
func (p *Policy) direction(from, to int) direction {
	switch {
	case len(p.tiers) == 0 || p.rank(from) == p.rank(to):
		return sideways
	case p.rank(to) < p.rank(from):
		return up
	}
	return down
}

// below returns the tier, of those below a place, that comes first and is worse.
func (p *Policy) below(place int) int {
	for i := place + 1; i < len(p.tiers); i++ {
		if p.rank(i) > p.rank(place) {
			return i
		}
	}
	return place
}

// holdsIn reports whether it can hold anybody in a place: the onboarding tier, which comes after those of the ladder, stands beside it.
func (p *Policy) holdsIn(place int) bool { return len(p.tiers) == 0 || place < len(p.tiers) }

// Lines tells how customers stand to the lines of a tiering.
type Lines interface {
	// Earned returns the place that a row which is in one place, and computed into another, comes to if its score must be so many points past a line to
	// come above it, and so many below to fall.
	Earned(row, from, computed int, promote, demote float64) int
	// Distance returns by how many points a row that goes from one place to another is past the line that it crosses; at least 0.
	Distance(row, from, to int) float64
}

// Input is what it takes to decide which tiers are in force for a batch.
type Input struct {
	Scope *expr.Scope
	IDs   []string
	// Scores are the columns of the scores that the tiering cuts.
	Scores []*frame.Column
	// Computed is the column of the tiers that the cuts give, whose dictionary begins with the ladder's tiers or has the personas. Previous is that of
	// those which were in force before, as texts; nil where nobody was in any.
	Computed, Previous *frame.Column
	// Standings is how customers came to be in the previous tiers; nil where nobody knows.
	Standings *Standings
	// Day is the calendar day of the evaluation, in days since 1970-01-01.
	Day   int64
	Lines Lines
	// Admission is the moves that a cap admits; nil where nobody has judged that.
	Admission *Admission
	Reasons   *reason.Table
}

// Outcome is which tiers are in force for a batch.
type Outcome struct {
	*Input
	policy *Policy
	// left are the places of the tiers that rows were in and would leave for a worse one, or none.
	left     []int
	readings []*reading
	frozen   *expr.Result
	// first is the day on which the review period begins, next that on which the next one does.
	first, next int64
	// opens are the days on which the windows of each direction open; 0 where they are open, and -1 where that was not looked up.
	opens [3]int64
	// found is what holds the row that is judged.
	found []hold
	// Column has the tier in force of each row, as the computed column has them.
	Column frame.Column
	// Held is the set of rows whose tier in force is not the computed one.
	Held frame.Bitmap
	// After is how each row came to be in its tier; nil where that is nothing to this policy.
	After *Standings
	// Candidates are the moves that a cap has to judge.
	Candidates []Candidate
}

// Eval decides which tiers are in force.
func (p *Policy) Eval(in *Input) *Outcome {
	out := &Outcome{Input: in, policy: p, Column: *in.Computed, Held: frame.NewBitmap(in.Scope.Rows), readings: make([]*reading, len(p.exits))}
	out.first, out.next = p.calendar.starts(in.Day)
	out.opens = [3]int64{-1, -1, -1}
	if p.block {
		out.After = NewStandings(in.Scope.Rows)
	}
	if in.Previous == nil {
		out.enterAll()
		return out
	}
	if p.freeze != nil {
		out.frozen = p.freeze.Eval(in.Scope)
	}
	out.left = make([]int, in.Scope.Rows)
	out.Column.Codes = slices.Clone(in.Computed.Codes)
	places := make([]int, len(in.Previous.Dict))
	for i, name := range in.Previous.Dict {
		places[i] = slices.Index(in.Computed.Dict, name)
	}
	for row := range in.Scope.Rows {
		out.left[row] = none
		from := none
		if in.Previous.Valid.Get(row) {
			from = places[in.Previous.Codes[row]]
		}
		out.row(row, from)
	}
	return out
}

// enterAll notes that everybody came where it is today.
func (o *Outcome) enterAll() {
	for row := range o.Scope.Rows {
		o.enter(row)
	}
}

// enter notes that a row came where it is today, without a move.
func (o *Outcome) enter(row int) {
	if o.After != nil && o.Computed.Valid.Get(row) {
		o.After.Since[row] = int32(o.Day)
	}
}

// row decides for one row that was in a place, or in none.
func (o *Outcome) row(row, from int) {
	if !o.Computed.Valid.Get(row) {
		return
	}
	to := int(o.Computed.Codes[row])
	scored := true
	for _, score := range o.Scores {
		scored = scored && score.Valid.Get(row)
	}
	switch {
	case from == to:
		o.keep(row)
	case from == none || !scored || !o.policy.holdsIn(from) || !o.policy.holdsIn(to):
		o.enter(row)
	default:
		o.judge(row, from, to)
	}
}

// keep notes that a row stays where it was.
func (o *Outcome) keep(row int) {
	if o.After != nil && o.Input.Standings != nil {
		o.After.Since[row], o.After.Moves[row] = o.Input.Standings.Since[row], o.Input.Standings.Moves[row]
	}
}

// moved notes that a row moves today.
func (o *Outcome) moved(row int, to direction) {
	if o.After == nil {
		return
	}
	o.After.Since[row] = int32(o.Day)
	before := uint32(0)
	if o.spent(row) {
		before = o.Input.Standings.Moves[row]
	}
	o.After.Moves[row] = count(before, to)
}

// spent reports whether the moves of a row, as far as they are known, are of the present review period.
func (o *Outcome) spent(row int) bool {
	before := o.Input.Standings
	return before != nil && before.Since[row] != 0 && o.first <= int64(before.Since[row]) && int64(before.Since[row]) < o.next
}

// Explain returns how a row stood to the exit rule of the tier that it was in; nil where it had nothing to leave.
func (o *Outcome) Explain(row int) *echelonv1.CutExplanation {
	if o.left == nil || o.left[row] == none {
		return nil
	}
	p, from := o.policy, o.left[row]
	return p.exits[from].explain(p.item, p.tiers[from].GetName(), p.score, o.readings[from], o.Scores[0].Numbers[row], row)
}
