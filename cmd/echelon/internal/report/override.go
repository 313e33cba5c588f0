package report

import (
	"io"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Overrides writes overrides.
func Overrides(w io.Writer, list []*echelonv1.Override) error {
	t := newTable("lllllllll", "customer", "item", "pinned", "computed", "stale", "expires", "actor", "on behalf of", "reason")
	for _, o := range list {
		stale, expires := "", "never"
		if o.GetStale() {
			stale = "was " + o.GetComputedWhenSet()
		}
		if o.GetExpireTime() != nil {
			expires = Moment(o.GetExpireTime())
		}
		t.add(o.GetCustomerId(), o.GetItem(), o.GetPinned(), orNone(o.GetComputed()), orNone(stale), expires, o.GetActor(), orNone(o.GetOnBehalfOf()), o.GetReason())
	}
	return t.write(w)
}
