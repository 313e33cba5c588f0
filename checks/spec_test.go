package checks

import (
	"strings"

	"github.com/anishathalye/porcupine"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// What the service has in every history: a model in some versions, and some customers.
const (
	versions  = 3
	customers = 3
)

// amounts are the customers' amounts, which are their scores, and cuts the least scores of the tier "high" in the model's versions.
var (
	amounts = [customers]int{20, 50, 80}
	cuts    = [versions]int{70, 40, 90}
)

// tiers are those of every version.
var tiers = [...]string{"high", "mid", "low"}

// tierOf is the tier that a version of the model gives a customer.
func tierOf(version int64, customer int) string {
	switch {
	case version == 0:
		return ""
	case amounts[customer] >= cuts[version-1]:
		return "high"
	case amounts[customer] >= 30:
		return "mid"
	}
	return "low"
}

// kind is what a call does.
type kind int

const (
	activate kind = iota
	start
	publish
	rollBack
	getModel
	setOverride
	deleteOverride
	getOverride
	getAssignment
	getRun
	kinds
)

// run is a run and what it remembers of when it was started.
type run struct {
	id      string
	version int64
	base    string
}

// call is a call of the service. Etag is nil where none is given.
type call struct {
	kind     kind
	version  int64
	run      run
	customer int
	pin      pin
	etag     *string
}

// pin is an override; one without a tier is none.
type pin struct{ tier, reason, etag, whenSet string }

// outcome is how a call ended: with an error of that reason, or with what it answered.
type outcome struct {
	reason string
	// unknown is of a call that was given up: it took effect, or will, or never does.
	unknown bool
	run     run
	active  int64
	// tier is in force, computed what the model computes.
	tier, computed string
	pin            pin
}

// state is what the service has.
type state struct {
	active, version int64
	current         string
	// history are the publications before the current one, the oldest first, published all runs that ever were, each with a comma behind it.
	history, published string
	pins               [customers]pin
}

// secret stands for an etag that nobody has seen: that of an override whose call was given up.
const secret = "?"

func failed(reason echelonv1.ErrorReason) outcome { return outcome{reason: reason.String()} }

// after says how a call ends in a state, and what follows it. What the service makes up itself, etags and ids, is given, as the call's answer has it.
func (s state) after(c call, made outcome) (outcome, state) {
	switch c.kind {
	case activate:
		s.active = c.version
		return outcome{active: c.version}, s
	case start:
		return outcome{run: run{made.run.id, s.active, s.current}}, s
	case publish:
		return s.publish(c.run)
	case rollBack:
		return s.rollBack()
	case getModel:
		return outcome{active: s.active, run: run{id: s.current, version: s.version}}, s
	case getAssignment:
		return s.assignment(c.customer), s
	case getRun:
		return outcome{run: c.run}, s // whoever knows of it has seen it start
	}
	return s.override(c, made.pin.etag)
}

func (s state) publish(r run) (outcome, state) {
	switch {
	case s.current == r.id:
		return outcome{run: run{id: r.id, version: r.version}}, s
	case s.current != r.base, strings.Contains(s.published, r.id+","):
		return failed(echelonv1.ErrorReason_RUN_OUTDATED), s
	}
	if s.current != "" {
		s.history += entry(s.current, s.version)
	}
	s.published += r.id + ","
	s.current, s.version = r.id, r.version
	return outcome{run: run{id: r.id, version: r.version}}, s
}

// entry is a publication in a history; the version is its last character.
func entry(id string, version int64) string { return id + string(rune('0'+version)) + "," }

func (s state) rollBack() (outcome, state) {
	switch {
	case s.current == "":
		return failed(echelonv1.ErrorReason_NOTHING_PUBLISHED), s
	case s.history == "":
		return failed(echelonv1.ErrorReason_NOTHING_TO_ROLL_BACK), s
	}
	rest := strings.TrimSuffix(s.history, ",")
	at := strings.LastIndexByte(rest, ',') + 1
	before := rest[at:]
	s.history = rest[:at]
	s.current, s.version = before[:len(before)-1], int64(before[len(before)-1]-'0')
	return outcome{run: run{id: s.current, version: s.version}}, s
}

func (s state) assignment(customer int) outcome {
	if s.current == "" {
		return failed(echelonv1.ErrorReason_NOTHING_PUBLISHED)
	}
	computed := tierOf(s.version, customer)
	tier := computed
	if pinned := s.pins[customer].tier; pinned != "" {
		tier = pinned
	}
	return outcome{run: run{id: s.current, version: s.version}, tier: tier, computed: computed}
}

// override is what calls of one customer's override do. An etag that nobody had seen is known once it is told.
func (s state) override(c call, told string) (outcome, state) {
	now := &s.pins[c.customer]
	if now.etag == secret && c.kind != setOverride {
		now.etag = told
	}
	switch computed := tierOf(s.version, c.customer); {
	case c.kind == getOverride && now.tier == "", c.kind == deleteOverride && now.tier == "":
		return failed(echelonv1.ErrorReason_OVERRIDE_NOT_FOUND), s
	case c.kind == getOverride:
		return outcome{pin: *now, computed: computed}, s
	case c.etag != nil && *c.etag != now.etag:
		if now.etag == secret {
			now.etag = told
		}
		changed := failed(echelonv1.ErrorReason_OVERRIDE_CHANGED)
		changed.pin.etag = now.etag
		return changed, s
	case c.kind == deleteOverride:
		*now = pin{}
		return outcome{}, s
	default:
		*now = pin{c.pin.tier, c.pin.reason, told, computed}
		return outcome{pin: *now, computed: computed}, s
	}
}

// withoutEffect are the reasons of refusals that have none and that may come at any time: another run of the model is under way, which no call ends, or
// others were faster several times.
func (o outcome) withoutEffect(k kind) bool {
	return k == start && o.reason == echelonv1.ErrorReason_RUN_IN_PROGRESS.String() || o.reason == echelonv1.ErrorReason_CONFLICT.String()
}

// spec is the service as one who makes one call after the other knows it.
var spec = porcupine.Model{
	Init: func() any { return state{active: 1} },
	Step: func(before, input, output any) (bool, any) {
		s, c, got := before.(state), input.(call), output.(outcome)
		switch {
		case got.unknown:
			_, next := s.after(c, outcome{pin: pin{etag: secret}})
			return true, next
		case got.withoutEffect(c.kind):
			return true, s
		}
		want, next := s.after(c, got)
		return want == got, next
	},
	DescribeOperation: func(input, output any) string { return input.(call).String() + " → " + output.(outcome).String() },
}
