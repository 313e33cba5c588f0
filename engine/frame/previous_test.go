package frame_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func in(id string, tiers map[string]string) *echelonv1.Customer {
	return &echelonv1.Customer{Id: id, PreviousTiers: tiers}
}

func TestPreviousTiersAreOnlyOfTieringsThatSomebodyLooksAt(t *testing.T) {
	// EXIT-10
	for name, test := range map[string]struct {
		options []frame.Option
		tiers   map[string]string
		ignore  bool
		field   string
	}{
		"stored":                   {nil, map[string]string{"a": "x"}, false, "previous_tiers"},
		"stored, unknown ignored":  {nil, map[string]string{"a": "x"}, true, "previous_tiers"},
		"stored, none":             {nil, map[string]string{}, false, ""},
		"known":                    {[]frame.Option{frame.PreviousTiers("a", "b")}, map[string]string{"b": "x"}, false, ""},
		"of no tiering":            {[]frame.Option{frame.PreviousTiers("a", "b")}, map[string]string{"b": "x", "d": "", "c": "x"}, false, "previous_tiers.c"},
		"of no tiering, ignored":   {[]frame.Option{frame.PreviousTiers("a")}, map[string]string{"c": "x"}, true, ""},
		"of a model without any":   {[]frame.Option{frame.PreviousTiers()}, map[string]string{"c": "x"}, false, "previous_tiers.c"},
		"ignored without any":      {[]frame.Option{frame.PreviousTiers()}, map[string]string{"c": "x"}, true, ""},
		"a name that is no UTF-8":  {[]frame.Option{frame.PreviousTiers("a")}, map[string]string{"\xff": "x"}, false, `previous_tiers."\xff"`},
		"a customer without tiers": {[]frame.Option{frame.PreviousTiers("a")}, nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := frame.NewBuilder(frame.NewSchema(), test.options...)
			refused := b.AddCustomer(in("c", test.tiers), test.ignore)
			if refused.GetField() != test.field || (refused != nil) != (test.field != "") || refused != nil && refused.GetCode() != echelonv1.RowError_PREVIOUS_TIER {
				t.Errorf("it is refused for %v, want %q", refused, test.field)
			}
			if refused == nil != (b.Len() == 1) {
				t.Errorf("%d rows were taken", b.Len())
			}
		})
	}
}

func TestPreviousTiersBecomeColumns(t *testing.T) {
	customers := []*echelonv1.Customer{
		in("a", map[string]string{"l": "top"}), in("b", nil), in("c", map[string]string{"l": "", "other": "x"}), in("d", map[string]string{"l": "base"}), in("e", map[string]string{"l": "top"}),
	}
	columns := frame.PreviousColumns(customers, []string{"l", "nobody"})
	if len(columns) != 2 || columns[1] != nil {
		t.Fatalf("the columns are %v", columns)
	}
	var got []string
	for row := range customers {
		text := "none"
		if columns[0].Valid.Get(row) {
			text = columns[0].String(row)
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"top", "none", "none", "base", "top"}, got); diff != "" {
		t.Errorf("tiers (-want +got):\n%s", diff)
	}
}

func TestStandingsAreReadOrRefuseTheirCustomer(t *testing.T) {
	// STABLE-13
	known := []frame.Option{frame.PreviousTiers("a")}
	for name, test := range map[string]struct {
		options  []frame.Option
		tiering  string
		standing *echelonv1.Standing
		ignore   bool
		field    string
	}{
		"stored":                      {nil, "a", &echelonv1.Standing{Since: "2026-01-31"}, true, "previous_standings"},
		"known":                       {known, "a", &echelonv1.Standing{Since: "2026-01-31", PendingSince: "2026-02-01", Promotions: 255}, false, ""},
		"of no tiering":               {known, "c", &echelonv1.Standing{}, false, "previous_standings.c"},
		"of no tiering, ignored":      {known, "c", &echelonv1.Standing{}, true, ""},
		"a day that there is not":     {known, "a", &echelonv1.Standing{Since: "2026-02-30"}, false, "previous_standings.a"},
		"pending since no day":        {known, "a", &echelonv1.Standing{PendingSince: "soon"}, true, "previous_standings.a"},
		"fewer moves than none":       {known, "a", &echelonv1.Standing{Demotions: -1}, false, "previous_standings.a"},
		"more moves than are counted": {known, "a", &echelonv1.Standing{OtherMoves: 256}, false, "previous_standings.a"},
	} {
		t.Run(name, func(t *testing.T) {
			b := frame.NewBuilder(frame.NewSchema(), test.options...)
			customer := &echelonv1.Customer{Id: "c", PreviousStandings: map[string]*echelonv1.Standing{test.tiering: test.standing}}
			refused := b.AddCustomer(customer, test.ignore)
			if refused.GetField() != test.field || (refused != nil) != (test.field != "") || refused != nil && refused.GetCode() != echelonv1.RowError_PREVIOUS_TIER {
				t.Errorf("it is refused for %v, want %q", refused, test.field)
			}
		})
	}
	if read, err := frame.ReadStanding(&echelonv1.Standing{Since: "1970-01-03", PendingSince: "1970-01-04", Promotions: 1, Demotions: 2, OtherMoves: 3}); err != nil ||
		read != (frame.Standing{Since: 2, Pending: 3, Moves: 0x030201}) {
		t.Errorf("it is read as %v, %v", read, err)
	}
}
