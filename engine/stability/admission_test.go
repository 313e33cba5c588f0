package stability

import (
	"fmt"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Of very many who wait for room in a full tier, as many move up as leave it, the furthest past the line first; those who wait for another tier stay.
func TestVeryManyWhoWaitMoveUpAsOthersLeave(t *testing.T) {
	const many, leaving = 60_000, 45_000
	policy := New(&echelonv1.Tiering{
		Name: "t",
		Kind: &echelonv1.Tiering_Linear_{Linear: &echelonv1.Tiering_Linear{Tiers: []*echelonv1.Tier{{Name: "best"}, {Name: "top"}, {Name: "low"}}}},
		Stability: &echelonv1.Stability{Guard: &echelonv1.Guard{
			Stop: true, Capacity: []*echelonv1.Guard_Room{{Tier: "best"}, {Tier: "top", Customers: leaving}},
		}},
	}, make([]ExitExprs, 3), nil)
	census := policy.NewCensus(0)
	in := &frame.Column{Valid: frame.NewBitmap(leaving), Codes: make([]uint32, leaving), Dict: []string{"best", "top", "low"}}
	for row := range in.Codes {
		in.Codes[row] = 1
		in.Valid.Set(row, true)
	}
	census.Add(in, NewStandings(leaving))
	propose := func(kind string, n int, one Candidate) {
		ids, all := make([]string, n), make([]Candidate, n)
		for row := range all {
			ids[row], all[row] = fmt.Sprintf("%s%06d", kind, row), one
			all[row].Row, all[row].Distance = row, one.Distance-float64(row)/many
		}
		census.Propose(ids, all)
	}
	propose("best", many, Candidate{From: 2, To: 0, Promotion: true, Distance: 9})
	propose("up", many, Candidate{From: 2, To: 1, Promotion: true, Distance: 6})
	propose("down", leaving, Candidate{From: 1, To: 2, Distance: 3})
	admission := census.Admit()
	if got := len(admission.admitted); got != 2*leaving {
		t.Errorf("%d move, want %d out of the tier and as many into it", got, leaving)
	}
	if got := len(admission.full); got != many+many-leaving {
		t.Errorf("%d wait for room, want %d", got, many+many-leaving)
	}
	for row := range many {
		if id := fmt.Sprintf("up%06d", row); admission.admitted[id] != (row < leaving) {
			t.Fatalf("%s moves %t", id, admission.admitted[id])
		}
	}
}
