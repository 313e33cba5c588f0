package family_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine/family"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAPartOfATableNamesNobodyElse(t *testing.T) {
	// FAM-7
	whole := &echelonv1.FamilyTable{
		Customers: []string{"a", "b", "c", "d", "e"}, Families: []uint32{1, 2, 0, 2, 1}, Roots: []string{"a", "d"}, Sizes: []int64{2, 7},
		Values: []*echelonv1.FamilyValues{{Function: "family_sum(x)", Values: []float64{3, 4}, Readable: []bool{true, false}}},
		Tiers:  []*echelonv1.FamilyTiers{{Tiering: "t", Codes: []uint32{5, 0}}},
	}
	want := &echelonv1.FamilyTable{
		Customers: []string{"b", "c"}, Families: []uint32{1, 0}, Roots: []string{"d"}, Sizes: []int64{7},
		Values: []*echelonv1.FamilyValues{{Function: "family_sum(x)", Values: []float64{4}, Readable: []bool{false}}},
		Tiers:  []*echelonv1.FamilyTiers{{Tiering: "t", Codes: []uint32{0}}},
	}
	if diff := cmp.Diff(want, family.Parts(whole)([]string{"b", "c", "nobody"}), protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	damaged := &echelonv1.FamilyTable{Customers: []string{"a"}, Families: []uint32{9}}
	if got := family.Parts(damaged)([]string{"a"}); got != damaged {
		t.Errorf("a damaged table became %v", got)
	}
	if got := family.Parts(nil)([]string{"a"}); got != nil {
		t.Errorf("no table became %v", got)
	}
}
