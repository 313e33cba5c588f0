package briefing

import (
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Movement is who moved between two runs, in one tiering.
type Movement struct {
	Tiering string `json:"tiering"`
	// From and To are the places that rows and columns of Cells are; the tiers come first.
	From  []string `json:"from"`
	To    []string `json:"to"`
	Cells [][]Cell `json:"cells"`
	// Both is how many customers both runs have: those who Stayed, Promoted, Demoted and Other together.
	Both      int64 `json:"both"`
	Stayed    int64 `json:"stayed"`
	Promoted  int64 `json:"promoted"`
	Demoted   int64 `json:"demoted"`
	Other     int64 `json:"other"`
	Newcomers int64 `json:"newcomers"`
	Leavers   int64 `json:"leavers"`
	// Deleted is how many of all are not stored any more, and have no amount.
	Deleted int64 `json:"deleted"`
	// PromotedAmount and DemotedAmount are of those who are stored.
	PromotedAmount float64 `json:"promoted_amount"`
	DemotedAmount  float64 `json:"demoted_amount"`
	// Demotions and Promotions are the movers with the largest amounts.
	Demotions  List[Mover] `json:"demotions"`
	Promotions List[Mover] `json:"promotions"`
}

// Cell is who comes from one place and goes to another.
type Cell struct {
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
	// Way is "up", "down", "stay", or empty for what is neither.
	Way string `json:"way,omitempty"`
}

// Mover is a customer who moved.
type Mover struct {
	Customer
	From string `json:"from"`
	To   string `json:"to"`
	// Why says what decided where it is now.
	Why string `json:"why"`
}

// What places that are no tiers are called.
const (
	noTier   = "no tier"
	excluded = "excluded"
	newcomer = "new"
	gone     = "gone"
)

// movementOf makes the table of a migration; ranks are those of the tiers, from 1, the best, and empty for a matrix.
func movementOf(m *echelonv1.Migration, ranks map[string]int32) *Movement {
	out := &Movement{
		Tiering: m.GetTiering(), Both: m.GetBoth(), Stayed: m.GetStayed(), Promoted: m.GetPromoted(), Demoted: m.GetDemoted(), Other: m.GetMovedOtherwise(),
		Newcomers: m.GetNewcomers(), Leavers: m.GetLeavers(), Deleted: m.GetDeleted(),
	}
	out.From = places(m.GetFromTiers(), m.GetCells(), (*echelonv1.MigrationCell).GetFrom, newcomer)
	out.To = places(m.GetToTiers(), m.GetCells(), (*echelonv1.MigrationCell).GetTo, gone)
	for _, from := range out.From {
		row := make([]Cell, len(out.To))
		for k, to := range out.To {
			row[k].Way = wayOf(from, to, ranks)
		}
		out.Cells = append(out.Cells, row)
	}
	for _, cell := range m.GetCells() {
		at := &out.Cells[slices.Index(out.From, place(cell.GetFrom(), newcomer))][slices.Index(out.To, place(cell.GetTo(), gone))]
		at.Customers, at.Amount = cell.GetCustomers(), cell.GetAmount()
	}
	return out
}

// places returns the tiers, and behind them the other places that have somebody.
func places(tiers []string, cells []*echelonv1.MigrationCell, of func(*echelonv1.MigrationCell) *echelonv1.MigrationPlace, absent string) []string {
	all := slices.Clone(tiers)
	for _, kind := range []echelonv1.MigrationPlace_Kind{echelonv1.MigrationPlace_UNSCORED, echelonv1.MigrationPlace_EXCLUDED, echelonv1.MigrationPlace_ABSENT} {
		if slices.ContainsFunc(cells, func(c *echelonv1.MigrationCell) bool { return of(c).GetKind() == kind }) {
			all = append(all, place(&echelonv1.MigrationPlace{Kind: kind}, absent))
		}
	}
	return all
}

// place says where a run has a customer. Tiers are told from the other places by their marks.
func place(p *echelonv1.MigrationPlace, absent string) string {
	switch p.GetKind() {
	case echelonv1.MigrationPlace_TIER:
		return p.GetTier()
	case echelonv1.MigrationPlace_UNSCORED:
		return "(" + noTier + ")"
	case echelonv1.MigrationPlace_EXCLUDED:
		return "(" + excluded + ")"
	}
	return "(" + absent + ")"
}

// wayOf says which way it is from one place to another.
func wayOf(from, to string, ranks map[string]int32) string {
	a, ranked := ranks[from]
	b, also := ranks[to]
	switch {
	case from == to:
		return "stay"
	case !ranked || !also || a == b:
		return ""
	case b < a:
		return "up"
	}
	return "down"
}

// moverOf tells of a mover.
func moverOf(m *echelonv1.Mover) Mover {
	return Mover{
		Customer: Customer{ID: m.GetCustomerId(), Amount: m.GetAmount()},
		From:     place(m.GetFrom(), newcomer), To: place(m.GetTo(), gone), Why: decidedBy(m.GetToReasons()),
	}
}

// decidedBy returns the reason that decided, which is the last.
func decidedBy(reasons []*echelonv1.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	return reasons[len(reasons)-1].GetMessage()
}

// moved gathers movers.
type moved struct {
	movement *Movement
	down, up *top[Mover]
}

func newMoved(movement *Movement, limit int) *moved {
	before := func(a, b Mover) bool { return a.larger(b.Customer) }
	return &moved{movement: movement, down: newTop(limit, before), up: newTop(limit, before)}
}

func (m *moved) add(mover *echelonv1.Mover) {
	switch mover.GetDirection() {
	case echelonv1.Mover_DEMOTED:
		m.movement.DemotedAmount += mover.GetAmount()
		m.down.add(moverOf(mover))
	case echelonv1.Mover_PROMOTED:
		m.movement.PromotedAmount += mover.GetAmount()
		m.up.add(moverOf(mover))
	}
}

func (m *moved) finish() *Movement {
	m.movement.Demotions, m.movement.Promotions = m.down.list(), m.up.list()
	return m.movement
}
