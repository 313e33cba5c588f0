package stability

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// hold is something that holds a row back.
type hold struct {
	code  echelonv1.Reason_Code
	until int64
	// why says it, behind "since".
	why   string
	cause expr.Cause
}

// judge decides whether a row that was in one place, and is computed into another, moves. What holds it is found in the order of precedence: windows,
// freeze, exit rule, dwell, margin, grace, one tier at a time, caps. An exit rule says who leaves its tier: it decides in place of dwell and margin.
func (o *Outcome) judge(row, from, to int) {
	p := o.policy
	way := p.direction(from, to)
	o.found = o.found[:0]
	o.window(way)
	o.freeze(row, way)
	wanted, stays := to, len(o.found) > 0
	if way == down && p.exits[from] != nil {
		if v, cause := o.exit(row, from); v != leaves {
			o.hold(hold{echelonv1.Reason_HELD_BY_EXIT_RULE, 0, o.exitWords(from, cause), cause})
			wanted = from
		}
	} else {
		stays = o.dwell(row, from) || stays
		wanted = o.margin(row, from, to, way)
	}
	if way == down && wanted != from {
		stays = o.grace(row, from) || stays
		if p.rules.GetDemoteOneTier() {
			wanted, stays = o.step(row, from, wanted, stays)
		}
	}
	if stays {
		wanted = from
	}
	if wanted != from && p.Caps() && !o.admitted(row, from, wanted, way) {
		wanted = from
	}
	o.conclude(row, from, to, wanted, way)
}

// conclude notes what became of a row.
func (o *Outcome) conclude(row, from, to, inForce int, way direction) {
	o.Column.Codes[row] = uint32(inForce)
	if inForce == from {
		o.keep(row)
	} else {
		o.moved(row, way)
	}
	if inForce == to {
		if o.After != nil {
			o.After.Pending[row] = 0
		}
		return
	}
	o.Held.Set(row, true)
	if o.After != nil {
		o.After.Holds[row], o.After.Until[row] = uint32(o.found[0].code), int32(o.found[0].until)
		if inForce != from && way == down && o.policy.rules.GetGraceDays() > 0 {
			o.After.Pending[row] = 0
			if o.goesOn(row, inForce, to) {
				o.After.Pending[row] = int32(o.Day) // of what is left of the way down
			}
		}
	}
	if o.Reasons == nil {
		return
	}
	verb, prep := "stays", "in"
	if inForce != from {
		verb, prep = "comes", "to"
	}
	names := o.Computed.Dict
	for _, one := range o.found {
		r := reason.Reason{Code: one.code, Item: o.policy.item, Part: names[inForce], Attribute: one.cause.Missing}
		if one.until != 0 {
			r.Until = frame.FormatDate(one.until)
		}
		r.Message = fmt.Sprintf("%s: %s %s %s, and not %s %s, since %s", o.policy.item, verb, prep, names[inForce], prep, names[to], one.why)
		o.Reasons.Add(row, r)
	}
}

// goesOn reports whether exit rule and margin let a demotion through that is left for later.
func (o *Outcome) goesOn(row, from, to int) bool {
	if o.policy.exits[from] != nil {
		v, _ := o.exit(row, from)
		return v == leaves
	}
	promote, demote := o.policy.rules.GetPromoteMargin(), o.policy.rules.GetDemoteMargin()
	return promote == 0 && demote == 0 || o.Lines.Earned(row, from, to, promote, demote) != from
}

func (o *Outcome) hold(one hold) { o.found = append(o.found, one) }

// say formats where somebody asks for reasons.
func (o *Outcome) say(format string, values ...any) string {
	if o.Reasons == nil {
		return ""
	}
	return fmt.Sprintf(format, values...)
}

// moves is what those of a direction are called.
var moves = map[direction]string{sideways: "moves", up: "promotions", down: "demotions"}

func (o *Outcome) window(way direction) {
	if o.opens[way] < 0 {
		o.opens[way] = 0
		if !o.policy.calendar.open(o.Day, way) {
			o.opens[way] = o.policy.calendar.opens(o.Day, way)
		}
	}
	if opens := o.opens[way]; opens != 0 {
		o.hold(hold{code: echelonv1.Reason_HELD_BY_WINDOW, until: opens, why: o.say("the next window of %s opens on %s", moves[way], frame.FormatDate(opens))})
	}
}

func (o *Outcome) freeze(row int, way direction) {
	if o.frozen == nil || way == up || way == sideways && len(o.policy.tiers) > 0 || !o.frozen.Column.Valid.Get(row) {
		return
	}
	day := o.frozen.Column.Ints[row]
	if left := day - o.Day; left > 0 && left <= int64(o.policy.rules.GetFreeze().GetDays()) {
		o.hold(hold{code: echelonv1.Reason_HELD_BY_FREEZE, until: day, why: o.say("%s are frozen for the %d days before %s, which is %s",
			moves[way], o.policy.rules.GetFreeze().GetDays(), o.policy.freeze.Text(), frame.FormatDate(day))})
	}
}

// exit judges the exit rule of the place that a row was in.
func (o *Outcome) exit(row, from int) (verdict, expr.Cause) {
	x := o.policy.exits[from]
	o.left[row] = from
	if o.readings[from] == nil {
		o.readings[from] = x.read(o.Scope)
	}
	return x.judge(o.readings[from], o.Scores[0].Numbers[row], row)
}

func (o *Outcome) exitWords(from int, cause expr.Cause) string {
	if o.Reasons == nil {
		return ""
	}
	name := o.policy.tiers[from].GetName()
	if cause != (expr.Cause{}) {
		return fmt.Sprintf("the exit rule of %s cannot be read: %s", name, cause)
	}
	return fmt.Sprintf("the exit rule of %s does not hold: %s", name, short(o.policy.exits[from].words(o.policy.score)))
}

// dwell reports whether a row has not been long enough where it is.
func (o *Outcome) dwell(row, from int) bool {
	days := int64(o.policy.rules.GetMinDwellDays())
	if days == 0 {
		return false
	}
	if o.Input.Standings == nil || o.Input.Standings.Since[row] == 0 {
		o.unjudged(row, from, "min_dwell_days", "since when it is there")
		return false
	}
	since := int64(o.Input.Standings.Since[row])
	until := since + days
	if o.Day >= until {
		return false
	}
	o.hold(hold{code: echelonv1.Reason_HELD_BY_DWELL, until: until, why: o.say("it came there on %s, and stays %d days, until %s",
		frame.FormatDate(since), days, frame.FormatDate(until))})
	return true
}

// unjudged says that something holds nobody back, since what it takes is not known.
func (o *Outcome) unjudged(row, from int, field, what string) {
	name := o.Computed.Dict[from]
	o.Reasons.Add(row, reason.Reason{
		Code: echelonv1.Reason_UNJUDGED, Item: o.policy.item, Part: name,
		Message: o.say("%s: %s does not hold it in %s, since it is not known %s", o.policy.item, field, name, what),
	})
}

// margin returns where a row comes to that must be past the lines by the margins.
func (o *Outcome) margin(row, from, to int, way direction) int {
	promote, demote := o.policy.rules.GetPromoteMargin(), o.policy.rules.GetDemoteMargin()
	if promote == 0 && demote == 0 {
		return to
	}
	earned := o.Lines.Earned(row, from, to, promote, demote)
	if earned == to {
		return to
	}
	why := ""
	switch way {
	case up:
		why = o.say("its score is not %s points past the line", frame.FormatNumber(promote))
	case down:
		why = o.say("its score is not %s points below the line", frame.FormatNumber(demote))
	default:
		why = o.say("a score is not %s points past its line, or %s below", frame.FormatNumber(promote), frame.FormatNumber(demote))
	}
	o.hold(hold{code: echelonv1.Reason_HELD_BY_MARGIN, why: why})
	return earned
}

// grace reports whether a demotion is announced and does not take effect yet. It is announced as of when it is first computed, whatever else holds it.
func (o *Outcome) grace(row, from int) bool {
	days := int64(o.policy.rules.GetGraceDays())
	if days == 0 {
		return false
	}
	if o.Input.Standings == nil || o.Input.Standings.Since[row] == 0 {
		o.unjudged(row, from, "grace_days", "since when the demotion is announced")
		return false
	}
	since := int64(o.Input.Standings.Pending[row])
	if since == 0 {
		since = o.Day
	}
	o.After.Pending[row] = int32(since)
	if until := since + days; o.Day < until {
		o.hold(hold{code: echelonv1.Reason_HELD_BY_GRACE, until: until, why: o.say("the demotion was announced on %s, and takes effect on %s",
			frame.FormatDate(since), frame.FormatDate(until))})
		return true
	}
	return false
}

// step returns the tier that a row falls to which falls by one tier in a review period, and whether it stays where it is.
func (o *Outcome) step(row, from, wanted int, stays bool) (int, bool) {
	next := o.policy.below(from)
	if _, demoted, _ := counts(o.movesOf(row)); demoted > 0 {
		o.hold(hold{code: echelonv1.Reason_HELD_BY_STEP, until: o.next, why: o.say("it fell by a tier in this review period, and may again on %s", frame.FormatDate(o.next))})
		return wanted, true
	}
	if o.policy.rank(next) < o.policy.rank(wanted) {
		o.hold(hold{code: echelonv1.Reason_HELD_BY_STEP, until: o.next, why: o.say("it falls by one tier in a review period, and the next begins on %s", frame.FormatDate(o.next))})
		return next, stays
	}
	return wanted, stays
}

// movesOf returns the moves of a row in this review period before today's.
func (o *Outcome) movesOf(row int) uint32 {
	if !o.spent(row) {
		return 0
	}
	return o.Input.Standings.Moves[row]
}

// admitted reports whether a cap admits a move.
func (o *Outcome) admitted(row, from, to int, way direction) bool {
	if o.Admission == nil {
		o.Candidates = append(o.Candidates, Candidate{Row: row, From: from, To: to, Promotion: way == up, Distance: o.Lines.Distance(row, from, to)})
		o.hold(hold{code: echelonv1.Reason_PENDING_RUN, why: "only a run over all customers can tell whether it is among the moves that the cap admits"})
		return false
	}
	id := o.IDs[row]
	switch {
	case o.Admission.admitted[id]:
		return true
	case o.Admission.full[id]:
		o.hold(hold{code: echelonv1.Reason_HELD_BY_CAP, why: o.say("%s has no room for more customers", o.Computed.Dict[to])})
	default:
		o.hold(hold{code: echelonv1.Reason_HELD_BY_CAP, until: o.next, why: o.say("the moves of the review period are for customers further past their line; the next period begins on %s",
			frame.FormatDate(o.next))})
	}
	return false
}
