package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

var names = [kinds]string{"activate", "start run", "publish", "roll back", "get model", "set override", "delete override", "get override", "get assignment", "get run"}

// String says what a call asks for.
func (c call) String() string {
	text := names[c.kind]
	switch c.kind {
	case activate:
		text += fmt.Sprintf(" version %d", c.version)
	case publish, getRun:
		text += fmt.Sprintf(" %s of version %d, based on %q", c.run.id, c.run.version, c.run.base)
	case setOverride, deleteOverride, getOverride, getAssignment:
		text += fmt.Sprintf(" of c%d", c.customer)
	}
	if c.kind == setOverride {
		text += fmt.Sprintf(" to %s, %q", c.pin.tier, c.pin.reason)
	}
	if c.etag != nil {
		text += fmt.Sprintf(" if the etag is %q", *c.etag)
	}
	return text
}

// String says how a call ended.
func (o outcome) String() string {
	switch {
	case o.unknown:
		return "given up"
	case o.reason != "":
		return strings.TrimSpace(o.reason + " " + o.pin.etag)
	}
	var said []string
	say := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" {
			said = append(said, name+" "+text)
		}
	}
	say("active", o.active)
	say("run", o.run.id)
	say("version", o.run.version)
	say("base", o.run.base)
	say("tier", o.tier)
	say("computed", o.computed)
	say("pinned", o.pin.tier)
	say("because", o.pin.reason)
	say("etag", o.pin.etag)
	if len(said) == 0 {
		return "done"
	}
	return strings.Join(said, ", ")
}

// String is what a service has.
func (s state) String() string {
	text := fmt.Sprintf("active %d, run %q of version %d, before it %q", s.active, s.current, s.version, s.history)
	for i, p := range s.pins {
		if p.tier != "" {
			text += fmt.Sprintf(", c%d pinned to %s, %q, etag %s", i, p.tier, p.reason, p.etag)
		}
	}
	return text
}

// longest is the longest order that calls could have happened in.
func longest(info porcupine.LinearizationInfo) []porcupine.Operation {
	var most []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, order := range partition {
			if len(order) > len(most) {
				most = order
			}
		}
	}
	return most
}

// never is when a call that was given up ended: what it did may happen at any time.
const never = int64(1)<<62 - 1

// told writes a history down for people: every call with when it began and ended, and the longest order that the calls could have happened in.
func told(history []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var text strings.Builder
	slices.SortStableFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, o := range history {
		end := "never"
		if o.Return != never {
			end = time.Duration(o.Return).String()
		}
		fmt.Fprintf(&text, "  client %d, %s to %s: %s\n", o.ClientId, time.Duration(o.Call), end, spec.DescribeOperation(o.Input, o.Output))
	}
	order := longest(info)
	fmt.Fprintf(&text, "%d of the %d calls can be put in an order:\n", len(order), len(history))
	s := spec.Init()
	for _, o := range order {
		_, s = spec.Step(s, o.Input, o.Output)
		fmt.Fprintf(&text, "  client %d: %s\n", o.ClientId, spec.DescribeOperation(o.Input, o.Output))
	}
	fmt.Fprintf(&text, "and then the service has: %s\n", s.(state))
	return text.String()
}
