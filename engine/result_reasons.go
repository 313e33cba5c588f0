package engine

import (
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// TakeReasons gives a result that ResultOf made the reasons of its assignments.
func (r *Result) TakeReasons(assignments []*echelonv1.Assignment) {
	list := &reason.List{Offsets: make([]uint32, 1, len(assignments)+1)}
	places := make(map[string]uint32)
	for _, a := range assignments {
		for _, one := range a.GetReasons() {
			place, known := places[one.GetMessage()]
			if !known {
				place = uint32(len(list.Reasons))
				places[one.GetMessage()] = place
				list.Reasons = append(list.Reasons, one)
			}
			list.Refs = append(list.Refs, place)
		}
		list.Offsets = append(list.Offsets, uint32(len(list.Refs)))
	}
	r.Reasons = list
}
